// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * cowtrace -- COMMAND reports every fault of the command and of its descendants, from the first
 * one on: as many for each process as the module counted. The sums of --by-vma are the same
 * faults, and no mapping of a process has two lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness.h"

#define MAX_PID		(1 << 16)
#define MAX_LINES	4096
#define OPTIONS		"--outcome copied,zero_filled,reused,shared_wp,other "
#define OUT		"/tmp/bpf_tree.out"

static size_t reported[MAX_PID];
static json_t *line[MAX_LINES];
static size_t nr_lines;

/* Count one fault for each line of text. */
static void count_lines(void)
{
	FILE *f = fopen(OUT, "r");
	char text[512];
	unsigned int pid;

	while (f && fgets(text, sizeof(text), f))
		if (sscanf(text, "%*u.%*u %u", &pid) == 1 && pid < MAX_PID)
			reported[pid]++;
	if (f)
		fclose(f);
}

/* Count the faults of each mapping. */
static void count_mappings(void)
{
	FILE *f = fopen(OUT, "r");
	char text[2048];

	for (nr_lines = 0; f && fgets(text, sizeof(text), f); nr_lines++) {
		json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		json_int_t pid = json_integer_value(json_object_get(json, "pid"));

		if (!json || pid >= MAX_PID || nr_lines == MAX_LINES)
			bail("cannot use this line: %s", text);
		reported[pid] += json_integer_value(json_object_get(json, "faults"));
		line[nr_lines] = json;
	}
	if (f)
		fclose(f);
}

static bool same(size_t i, size_t j, const char *key)
{
	return json_equal(json_object_get(line[i], key), json_object_get(line[j], key)) ||
	       (!json_object_get(line[i], key) && !json_object_get(line[j], key));
}

static void check_unique(void)
{
	size_t i, j, twice = 0;

	for (i = 0; i < nr_lines; i++) {
		for (j = 0; j < i; j++) {
			if (!same(i, j, "pid") || !same(i, j, "mapping") || !same(i, j, "file") ||
			    !same(i, j, "start"))
				continue;
			twice++;
			note("twice: pid %lld, %s %s",
			     json_integer_value(json_object_get(line[i], "pid")),
			     json_string_value(json_object_get(line[i], "mapping")),
			     json_string_value(json_object_get(line[i], "file")));
		}
	}
	ok(nr_lines > 10, "--by-vma: %zu mappings", nr_lines);
	is(twice, 0, "--by-vma: no mapping of a process has two lines");
	for (i = 0; i < nr_lines; i++)
		json_decref(line[i]);
}

/* Run cowtrace over a command; compare what it reports for each process with the table. */
static void compare(const char *options, const char *command, void (*count)(void))
{
	size_t i, processes = 0, wrong = 0;
	int status, root = 0;
	struct cow_table t = table_now();
	uint64_t since = t.now_ns.value;

	cow_table_free(&t);
	memset(reported, 0, sizeof(reported));
	free(shell(&status, "cowtrace " OPTIONS "--output " OUT " %s -- %s", options, command));
	is(status, 0, "cowtrace %s-- %s: nothing lost", options, command);
	count();
	for (i = 0; i < MAX_PID && !root; i++)
		root = reported[i] ? i : 0;
	t = table_now();
	for (i = 0; i < t.nr; i++) {
		const struct cow_row *row = &t.row[i];
		uint64_t faults = row->value[COWSTAT_COL_WP_FAULTS];

		if (row->kind != COW_ROW_PROCESS || row->value[COWSTAT_COL_START_NS] < since ||
		    row->pid >= MAX_PID || !reported[row->pid])
			continue;
		processes++;
		/* The first process was cowtrace's own before its exec: it was not yet watched. */
		if (row->pid == root ? reported[root] <= faults : reported[row->pid] == faults)
			continue;
		wrong++;
		note("pid %d (%s): reported %zu, counted %lu", row->pid, row->comm,
		     reported[row->pid], faults);
	}
	cow_table_free(&t);
	ok(processes >= 3, "%zu processes of the command were watched", processes);
	is(wrong, 0, "for each one the faults are those that the module counted");
}

int main(void)
{
	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	compare("", "sh -c '(true; echo a | cat); sh -c \"sh -c true; true\"; true'", count_lines);
	compare("--by-vma -o json", "sh -c 'ls / | wc'", count_mappings);
	check_unique();
	return done();
}
