// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_metrics.h"
#include "interval.h"
#include "openmetrics.h"
#include "options.h"
#include "source.h"
#include "textfile.h"

#define TEXTFILE_INTERVAL_NS	(15 * NS_PER_S)

/* Read the table of a reader who may see totals, or end the program with the reason. */
static void read_totals(const char *path, struct cow_table *t)
{
	source_read(path, t);
	if (!cow_table_total(t))
		errx(EXIT_FAILURE, "%s shows totals to root only (CAP_PERFMON or CAP_SYS_PTRACE)",
		     path);
}

/**
 * cmd_openmetrics() - print the totals once
 * @a: what was asked for
 *
 * Return: the exit status.
 */
int cmd_openmetrics(const struct arguments *a)
{
	const struct metrics m = { options_output(a->output), METRICS_OPENMETRICS };
	struct latency latency;
	struct cow_table t;

	read_totals(a->table, &t);
	metrics_table(&m, &t, latency_of(a->table, &latency));
	metrics_end(&m);
	if (fflush(m.to) || ferror(m.to))
		err(EXIT_FAILURE, "cannot write the metrics");
	cow_table_free(&t);
	return EXIT_SUCCESS;
}

static void write_textfile(const struct textfile *text, const char *dir)
{
	int error = textfile_write(text, dir);

	if (error)
		errx(EXIT_FAILURE, "cannot write metrics into %s: %s", dir, strerror(-error));
}

/**
 * cmd_textfile() - write all metrics into a directory, again and again
 * @a: what was asked for
 *
 * Return: the exit status, after the requested number of reports.
 */
int cmd_textfile(const struct arguments *a)
{
	uint64_t interval = a->interval_ns ? a->interval_ns : TEXTFILE_INTERVAL_NS, i;
	struct cgroups cgroups;
	struct cow_delta delta;
	struct latency latency;
	struct textfile text;
	struct timespec next;
	struct cow_table t;

	clock_gettime(CLOCK_MONOTONIC, &next);
	read_totals(a->table, &t);
	if (cgroups_read(NULL, &cgroups) || textfile_init(&text, &t, &cgroups))
		err(EXIT_FAILURE, NULL);
	cgroups_free(&cgroups);
	text.latency = latency_of(a->table, &latency);
	write_textfile(&text, a->textfile);
	for (i = 1; !a->count || i < a->count; i++) {
		sleep_until(&next, interval);
		source_read(a->table, &t);
		if (cgroups_read(NULL, &cgroups) || textfile_add(&text, &t, &cgroups, &delta))
			err(EXIT_FAILURE, NULL);
		cow_delta_free(&delta);
		cgroups_free(&cgroups);
		text.latency = latency_of(a->table, &latency);
		write_textfile(&text, a->textfile);
	}
	textfile_free(&text);
	return EXIT_SUCCESS;
}
