// SPDX-License-Identifier: GPL-2.0
/* The file's text may be anything, so nothing in it is trusted. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"
#include "uapi/cowstat.h"

#define MAX_FIELDS	64

/* The names of the columns for the phases. */
static const char *const columns[LATENCY_NR_PHASES] = {
	[LATENCY_COPY] = "copy",
	[LATENCY_SHOOTDOWN] = "shootdown",
	[LATENCY_REUSE] = "reused",
};

/* Columns are found by name. Return: 0, or -EINVAL if one is missing. */
static int find_columns(char *line, int *phase_at)
{
	unsigned int found = 0;
	char *word;
	int at, p;

	if (strncmp(line, "# ", 2))
		return -EINVAL;
	line += 2;
	for (at = 0; (word = strsep(&line, " ")) && at < MAX_FIELDS; at++)
		for (p = 0, phase_at[at] = -1; p < LATENCY_NR_PHASES; p++)
			if (!strcmp(word, columns[p])) {
				phase_at[at] = p;
				found |= 1U << p;
			}
	for (; at < MAX_FIELDS; at++)
		phase_at[at] = -1;
	return found == (1U << LATENCY_NR_PHASES) - 1 ? 0 : -EINVAL;
}

static int bucket_of(uint64_t from_ns)
{
	return from_ns ? 63 - __builtin_clzll(from_ns) : 0;
}

static int parse_bucket(char *line, const int *phase_at, struct latency *latency)
{
	int at, bucket = 0;
	char *word, *end;

	for (at = 0; (word = strsep(&line, " ")) && at < MAX_FIELDS; at++) {
		if (at && phase_at[at] < 0)
			continue;
		uint64_t n = strtoull(word, &end, 10);

		if (end == word || *end)
			return -EINVAL;
		if (!at)
			bucket = bucket_of(n);
		else
			latency->count[phase_at[at]][bucket] += n;
	}
	return 0;
}

/**
 * latency_parse() - parse the text of the histogram
 * @text: what the file holds
 * @latency: filled in
 *
 * Return: 0; -EINVAL if it is no such text; -ENOMEM.
 */
int latency_parse(const char *text, struct latency *latency)
{
	char *copy = strdup(text), *rest = copy, *line;
	int phase_at[MAX_FIELDS], err = -EINVAL;

	if (!copy)
		return -ENOMEM;
	memset(latency, 0, sizeof(*latency));
	line = strsep(&rest, "\n");
	if (!strncmp(line, "# cowstat_latency 1 ", 20) && (line = strsep(&rest, "\n")))
		err = find_columns(line, phase_at);
	while (!err && (line = strsep(&rest, "\n")))
		if (*line)
			err = parse_bucket(line, phase_at, latency);
	free(copy);
	return err;
}

/**
 * latency_read() - read the histogram
 * @path: usually COWSTAT_LATENCY_PATH
 * @latency: filled in
 *
 * Return: 0; -EINVAL if the file holds something else; another negative errno when it cannot be
 * read.
 */
int latency_read(const char *path, struct latency *latency)
{
	char text[64 * 1024];
	FILE *f = fopen(path, "re");
	size_t n;
	int err;

	if (!f)
		return -errno;
	errno = 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	err = ferror(f) ? -(errno ? errno : EIO) : 0;
	fclose(f);
	text[n] = '\0';
	return err ? err : latency_parse(text, latency);
}

/**
 * latency_of() - read the histogram that belongs to a table
 * @table: path of the table; only the module's has a histogram, which root can read
 * @latency: filled in
 *
 * Return: @latency, or NULL where there is no histogram.
 */
const struct latency *latency_of(const char *table, struct latency *latency)
{
	return !strcmp(table, COWSTAT_PROC_PATH) && !latency_read(COWSTAT_LATENCY_PATH, latency) ?
		       latency :
		       NULL;
}
