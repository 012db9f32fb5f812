/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only parser of cowstat's table, for /proc/cowstat and for the pinned BPF iterator. The top
 * of module/proc.c shows the format.
 */
#ifndef COWSTAT_TABLE_READER_H
#define COWSTAT_TABLE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "uapi/cowstat.h"

/**
 * struct cow_figure - a number of the header line
 * @known: false if the table has "-", or does not have this number
 * @value: 0 unless @known; for on/off, 1 is on
 */
struct cow_figure {
	bool known;
	uint64_t value;
};

enum cow_row_kind {
	COW_ROW_PROCESS,
	COW_ROW_SUM,	/* of recycled rows, by cgroup, user and name */
	COW_ROW_FOLDED, /* the sum of the other recycled rows */
	COW_ROW_TOTAL,
};

/**
 * struct cow_row - a line of the table
 * @kind: the kind of line
 * @pid: the pid of a process in this pid namespace; 0 for sums
 * @known: by column: the table has this column, and its value is not "-"
 * @value: by column: the number; 0 unless @known, and for state and comm
 * @state: 'L' live, 'X' exited, 'S' of COW_ROW_SUM, '-' unknown
 * @comm: the process's name, unescaped; "" unless known
 */
struct cow_row {
	enum cow_row_kind kind;
	pid_t pid;
	bool known[COWSTAT_NR_COLUMNS];
	uint64_t value[COWSTAT_NR_COLUMNS];
	char state;
	char comm[64];
};

#define COW_NAMES_MAX	256	/* of a list of hooks, with its NUL */

/**
 * struct cow_table - a table that was read
 * @version: of the format
 * @kernel: release of the kernel that counted
 * @counting: switch: are events being counted now
 * @timing: switch: are faults being timed now
 * @epoch: grows by one with every reset
 * @since_ns: when counting began, on the clock of @now_ns
 * @now_ns: when the table was made, in CLOCK_BOOTTIME nanoseconds
 * @rows: rows in use
 * @max_rows: rows there can be
 * @folded: rows that were recycled
 * @lost: faults and forks whose process got no row
 * @missed: calls that a hook is known to have missed
 * @sums: sums by cgroup, user and name, and by cgroup and user
 * @max_sums: sums there can be
 * @merged: sums that were merged into a sum with fewer names
 * @hooks: the armed hooks, comma-separated; "-" for none
 * @kprobes: those of @hooks that kprobes count, comma-separated; "" if the table does not say
 * @row: the lines, in the table's order
 * @nr: how many
 *
 * An unprivileged reader does not know @rows, @folded, @lost, @missed, @sums and @merged, and
 * has only rows of its own processes.
 */
struct cow_table {
	uint64_t version;
	char kernel[128];
	struct cow_figure counting;
	struct cow_figure timing;
	struct cow_figure epoch;
	struct cow_figure since_ns;
	struct cow_figure now_ns;
	struct cow_figure rows;
	struct cow_figure max_rows;
	struct cow_figure folded;
	struct cow_figure lost;
	struct cow_figure missed;
	struct cow_figure sums;
	struct cow_figure max_sums;
	struct cow_figure merged;
	char hooks[COW_NAMES_MAX];
	char kprobes[COW_NAMES_MAX];
	struct cow_row *row;
	size_t nr;
};

/**
 * struct slice - a part of a text
 * @s: its beginning, not NUL-terminated; NULL when all of a text has been taken
 * @len: its length in bytes
 */
struct slice {
	const char *s;
	size_t len;
};

/**
 * struct cow_text - the text of the last reading, kept for the next one
 * @text: all of it
 * @columns: line 2: which columns rows have
 * @row: the line of each row
 * @nr: how many
 */
struct cow_text {
	char *text;
	struct slice columns;
	struct slice *row;
	size_t nr;
};

int cow_table_parse(const char *text, size_t len, struct cow_table *t, char *err, size_t errlen);
int cow_table_read(const char *path, struct cow_table *t, char *err, size_t errlen);
int cow_table_reread(const char *path, const struct cow_table *before, struct cow_text *kept,
		     struct cow_table *t, char *err, size_t errlen);
void cow_table_free(struct cow_table *t);
void cow_text_free(struct cow_text *kept);

const struct cow_row *cow_table_find(const struct cow_table *t, pid_t pid);
const struct cow_row *cow_table_total(const struct cow_table *t);

const char *cow_column_name(enum cowstat_column column);
int cow_column_by_name(const char *name);

#endif /* COWSTAT_TABLE_READER_H */
