// SPDX-License-Identifier: GPL-2.0
/* The usual view: a line per process, how its faults ended, what was copied. */
#include "format.h"
#include "layout.h"

static void print_heads(const struct screen *screen, const struct layout *l)
{
	size_t i;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%7s S", "PID");
	for (i = 0; i < l->nr; i++)
		fprintf(screen->to, " %*s", l->shown[i].width, layout_head(l, i, screen->human).s);
	fputs(" COMMAND", screen->to);
	view_end_line(screen);
}

static void print_row(const struct screen *screen, const struct layout *l,
		      const struct cow_row *row, uint64_t span_ns)
{
	size_t i;

	if (row->kind == COW_ROW_PROCESS)
		fprintf(screen->to, "%7d %c", row->pid, row->state);
	else
		fprintf(screen->to, "%7s  ", row->kind == COW_ROW_TOTAL ? "total" : VIEW_OTHER);
	for (i = 0; i < l->nr; i++)
		fprintf(screen->to, " %*s", l->shown[i].width,
			layout_figure(screen, l, i, row, span_ns).s);
	fputs(row->kind == COW_ROW_PROCESS ? " " : "", screen->to);
	view_command(screen, row, l->used);
}

/**
 * view_rows() - print a line for each process
 * @screen: where
 * @rows: the processes
 * @columns: which columns
 */
void view_rows(const struct screen *screen, const struct rows *rows, const struct columns *columns)
{
	struct layout layout;
	size_t i;

	layout_make(columns, 0, &layout);
	print_heads(screen, &layout);
	for (i = 0; i < rows->nr; i++) {
		if (rows->row[i]->state == 'X')
			view_paint(screen, PAINT_EXITED);
		print_row(screen, &layout, rows->row[i], rows->span_ns);
		view_end_line(screen);
	}
	if (rows->total) {
		view_paint(screen, PAINT_TOTAL);
		print_row(screen, &layout, rows->total, rows->span_ns);
		view_end_line(screen);
	}
}
