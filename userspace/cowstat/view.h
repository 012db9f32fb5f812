/* SPDX-License-Identifier: GPL-2.0 */
/* Tables for people. Each view prints rows that were chosen and sorted already. */
#ifndef COWSTAT_VIEW_H
#define COWSTAT_VIEW_H

#include <stdio.h>

#include "cgroups.h"
#include "spent.h"
#include "table_reader.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Shown for a process with an empty name. */
#define VIEW_NO_NAME	"(no name)"

/* The line for all rows that are not shown one by one, such as recycled rows. */
#define VIEW_OTHER	"(other)"

/**
 * struct screen - where and how to print
 * @to: the stream
 * @human: figures with units, instead of exact ones
 * @colour: the stream is a terminal that may be coloured
 * @width: of the terminal in columns; 0 when the stream is no terminal
 * @command_line: whole command lines instead of names
 */
struct screen {
	FILE *to;
	bool human;
	bool colour;
	unsigned int width;
	bool command_line;
};

/**
 * struct rows - what a view shows
 * @row: in order
 * @nr: how many
 * @total: the sum to print below them; NULL for none
 * @span_ns: the rows are differences over that long; 0 when they are counts since counting
 *	began
 * @now_ns: when the table was made, CLOCK_BOOTTIME
 * @run: run times of live processes, over @span_ns if that is set; NULL if not needed
 */
struct rows {
	const struct cow_row **row;
	size_t nr;
	const struct cow_row *total;
	uint64_t span_ns;
	uint64_t now_ns;
	const struct run_times *run;
};

/**
 * struct columns - which columns the table has, and by which its rows are sorted
 * @chosen: columns in order, if @nr
 * @nr: how many; 0 for the usual ones
 * @sort: rows are sorted by this column
 * @sort_given: @sort was given on the command line, so it is shown
 */
struct columns {
	enum cowstat_column chosen[COWSTAT_NR_COLUMNS];
	size_t nr;
	enum cowstat_column sort;
	bool sort_given;
};

enum grouping {
	GROUP_NONE,
	GROUP_CGROUP,
	GROUP_COMM,
	GROUP_UID,
};

/**
 * struct group - processes that have something in common
 * @name: what they have in common; NULL for rows for which it is not known
 * @processes: number of processes
 * @sum: sums of their columns; a column is known if it is known for any of the processes
 */
struct group {
	char *name;
	size_t processes;
	struct cow_row sum;
};

int groups_make(const struct rows *rows, enum grouping by, const struct cgroups *cgroups,
		enum cowstat_column key, struct group **group, size_t *nr);
void groups_free(struct group *group, size_t nr);

void view_header(const struct screen *screen, const struct cow_table *t);
void view_rows(const struct screen *screen, const struct rows *rows, const struct columns *columns);
void view_forks(const struct screen *screen, const struct rows *rows,
		const struct columns *columns);
int view_tree(const struct screen *screen, const struct rows *rows, const struct columns *columns);
int view_groups(const struct screen *screen, const struct rows *rows, enum grouping by,
		const struct cgroups *cgroups, const struct columns *columns, size_t limit);
void view_smaps(const struct screen *screen, const struct rows *rows);
void view_time(const struct screen *screen, const struct rows *rows, const struct columns *columns);
int view_notes(const struct screen *screen, const struct rows *rows, const struct rows *failed,
	       const struct cow_row *all, size_t nr);

/* What views have in common. */
enum paint {
	PAINT_HEAD,
	PAINT_TOTAL,
	PAINT_EXITED,
	PAINT_WARNING,
};
void view_paint(const struct screen *screen, enum paint paint);
void view_end_line(const struct screen *screen);
unsigned int view_name(const struct screen *screen, const struct cow_row *row, unsigned int room,
		       char *to, size_t size);
void view_command(const struct screen *screen, const struct cow_row *row, unsigned int used);
bool view_is_late(const struct cow_row *row);

/* Figures as text, to print in a column. */
struct text view_count(const struct screen *screen, const struct cow_row *row,
		       enum cowstat_column column, unsigned int width, uint64_t span_ns);
struct text view_size(const struct screen *screen, const struct cow_row *row,
		      enum cowstat_column column, unsigned int width, uint64_t span_ns);

/* Columns of --columns, under their own names. */
struct text view_head(enum cowstat_column column);
unsigned int view_width(enum cowstat_column column);
struct text view_figure(const struct screen *screen, const struct cow_row *row,
			enum cowstat_column column, uint64_t span_ns);

#endif /* COWSTAT_VIEW_H */
