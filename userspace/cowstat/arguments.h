/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of cowstat: what each option means, and which go together. */
#ifndef COWSTAT_ARGUMENTS_H
#define COWSTAT_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "view.h"

/* Commands with options of their own: X runs as cmd_X(). */
#define COWSTAT_COMMANDS(X) X(bpf) X(diff) X(forecast) X(serve) X(workers)

/* What cowstat can do otherwise. */
enum report {
	REPORT_ROWS,	/* a line for each process */
	REPORT_TOTAL,	/* only the sum */
	REPORT_FORKS,	/* a line for each child */
	REPORT_TREE,	/* the same, as a tree */
	REPORT_GROUPS,	/* a line for each cgroup, name or user */
	REPORT_SMAPS,	/* a block for each process */
	REPORT_TIME,	/* a line for each process: time spent */
	REPORT_COMMAND, /* run a command and print its bill */
	REPORT_DOCTOR,
	REPORT_OPENMETRICS,
	REPORT_TEXTFILE,
	REPORT_TOP, /* a live screen */
	NR_REPORTS
};

/**
 * struct arguments - the parsed command line
 * @report: what to do
 * @by: what the processes of a group have in common
 * @filter: which processes are shown
 * @cgroup: the name of @filter.cgroup on the command line, or NULL
 * @comm: the regular expression of @filter.comm, or NULL
 * @columns: those that were chosen, and the one that rows are sorted by
 * @limit: show at most that many rows
 * @absolute: with an interval: show counts, not rates
 * @json: print JSON, not text
 * @human: print figures with units
 * @command_line: show whole command lines instead of names
 * @amplification: with a command: compare each child with its parent at its end
 * @load: with doctor: only the self-test, only errors
 * @interval_ns: between two readings; 0 for one reading
 * @count: how many reports; 0 for no end
 * @table: path of the table
 * @textfile: the collector's directory
 * @output: the file to write to; NULL for stdout, or stderr for a bill
 * @command: what to run, then NULL
 */
struct arguments {
	enum report report;
	enum grouping by;
	struct filter filter;
	const char *cgroup;
	const char *comm;
	struct columns columns;
	size_t limit;
	bool absolute, json, human, command_line, load;
	bool amplification;
	uint64_t interval_ns;
	uint64_t count;
	const char *table;
	const char *textfile;
	const char *output;
	char **command;
};

void arguments_parse(int argc, char **argv, struct arguments *a);
void arguments_free(struct arguments *a);

#endif /* COWSTAT_ARGUMENTS_H */
