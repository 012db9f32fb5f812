// SPDX-License-Identifier: GPL-2.0
/* The usual view: a line per process, how its faults ended, what was copied. */
#include "format.h"
#include "view.h"

static const struct {
	enum cowstat_column column;
	const char *name;
	unsigned int width;
} counts[] = {
	{ COWSTAT_COL_FORKS,		"FORKS",	5 },
	{ COWSTAT_COL_WP_FAULTS,	"WPFAULTS",	8 },
	{ COWSTAT_COL_COPIED,		"COPIED",	8 },
	{ COWSTAT_COL_REUSED,		"REUSED",	7 },
	{ COWSTAT_COL_ZERO_FILLED,	"ZERO",		5 },
	{ COWSTAT_COL_OTHER,		"OTHER",	5 },
};

#define COPIED_WIDTH	10
#define USED_COLUMNS	65	/* left of the command */

static void print_row(const struct screen *screen, const struct cow_row *row, uint64_t span_ns)
{
	struct cow_row with_shared = *row;
	size_t i;

	/* With shared_wp, so that the outcomes on the screen add up to WPFAULTS. */
	with_shared.value[COWSTAT_COL_OTHER] += row->value[COWSTAT_COL_SHARED_WP];
	if (row->kind == COW_ROW_PROCESS)
		fprintf(screen->to, "%7d %c", row->pid, row->state);
	else
		fprintf(screen->to, "%7s  ", row->kind == COW_ROW_TOTAL ? "total" : "gone");
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		fprintf(screen->to, " %*s", counts[i].width,
			view_count(screen, &with_shared, counts[i].column, counts[i].width,
				   span_ns).s);
	fprintf(screen->to, " %*s", COPIED_WIDTH,
		view_size(screen, row, COWSTAT_COL_COPIED_BYTES, COPIED_WIDTH, span_ns).s);
	fputs(row->kind == COW_ROW_PROCESS ? " " : "", screen->to);
	view_command(screen, row, USED_COLUMNS);
}

/**
 * view_rows() - print the usual table
 * @screen: where
 * @rows: what
 */
void view_rows(const struct screen *screen, const struct rows *rows)
{
	size_t i;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%7s S", "PID");
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		fprintf(screen->to, " %*s", counts[i].width, counts[i].name);
	fprintf(screen->to, " %*s COMMAND", COPIED_WIDTH, screen->human ? "SIZE" : "KIB");
	view_end_line(screen);
	for (i = 0; i < rows->nr; i++) {
		if (rows->row[i]->state == 'X')
			view_paint(screen, PAINT_EXITED);
		print_row(screen, rows->row[i], rows->span_ns);
		view_end_line(screen);
	}
	if (rows->total) {
		view_paint(screen, PAINT_TOTAL);
		print_row(screen, rows->total, rows->span_ns);
		view_end_line(screen);
	}
}
