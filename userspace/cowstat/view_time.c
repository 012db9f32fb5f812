// SPDX-License-Identifier: GPL-2.0
/* Time that copy-on-write took from each process, by phase, and its share of the run time. */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "spent.h"
#include "view.h"

#define NS_PER_S	1000000000ULL

/* The columns of phases. A column that is added for -s replaces them. */
static const struct {
	enum cowstat_column column;
	const char *head;
} phases[] = {
	{ COWSTAT_COL_COPY_NS, "COPYMS" },
	{ COWSTAT_COL_SHOOTDOWN_NS, "SHOOTMS" },
	{ COWSTAT_COL_REUSE_NS, "REUSEMS" },
};

#define PHASE_WIDTH	8

static bool is_added(const struct columns *columns)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(phases); i++)
		if (columns->sort == phases[i].column)
			return false;
	return columns->sort_given && columns->sort != COWSTAT_COL_PID &&
	       columns->sort != COWSTAT_COL_STATE && columns->sort != COWSTAT_COL_COMM;
}

/* Milliseconds, or with @span_ns milliseconds per second. */
static struct text ms(struct spent time, uint64_t span_ns, unsigned int width)
{
	if (!time.known)
		return (struct text){ COWSTAT_UNKNOWN };
	if (span_ns)
		time.ns = (unsigned __int128)time.ns * NS_PER_S / span_ns;
	return format_ms(time.ns, width);
}

static struct text share(struct spent part, struct spent whole)
{
	struct text t = { COWSTAT_UNKNOWN };

	if (part.known && whole.known)
		t = format_percent(part.ns, whole.ns);
	t.s[strcspn(t.s, " ")] = '\0';
	/* A process that sleeps in a fault can spend more time there than it runs. */
	if (strlen(t.s) > 6)
		strcpy(t.s, ">999");
	return t;
}

static void print_head(const struct screen *screen, const struct columns *columns)
{
	size_t i;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%7s S", "PID");
	if (is_added(columns))
		fprintf(screen->to, " %*s", view_width(columns->sort), view_head(columns->sort).s);
	else
		for (i = 0; i < ARRAY_SIZE(phases); i++)
			fprintf(screen->to, " %*s", PHASE_WIDTH, phases[i].head);
	fprintf(screen->to, " %*s %9s %6s COMMAND", PHASE_WIDTH, "COWMS", "RUNMS", "COW%");
	view_end_line(screen);
}

static void print_row(const struct screen *screen, const struct rows *rows,
		      const struct cow_row *row, const struct columns *columns)
{
	struct spent all = spent_on_cow(row), run = run_time_of(rows->run, row);
	int used;
	size_t i;

	if (row->kind == COW_ROW_PROCESS)
		used = fprintf(screen->to, "%7d %c", row->pid, row->state);
	else
		used = fprintf(screen->to, "%7s  ",
			       row->kind == COW_ROW_TOTAL ? "total" : VIEW_OTHER);
	if (is_added(columns))
		used += fprintf(screen->to, " %*s", view_width(columns->sort),
				view_figure(screen, row, columns->sort, rows->span_ns).s);
	else
		for (i = 0; i < ARRAY_SIZE(phases); i++) {
			struct spent phase = { all.known, row->value[phases[i].column] };

			used += fprintf(screen->to, " %*s", PHASE_WIDTH,
					ms(phase, rows->span_ns, PHASE_WIDTH).s);
		}
	used += fprintf(screen->to, " %*s %9s %6s", PHASE_WIDTH,
			ms(all, rows->span_ns, PHASE_WIDTH).s, ms(run, rows->span_ns, 9).s,
			share(all, run).s);
	fputs(row->kind == COW_ROW_PROCESS ? " " : "", screen->to);
	view_command(screen, row, used + 1);
}

/**
 * view_time() - print a line per process: the time that it spent on copy-on-write
 * @screen: where
 * @rows: the processes, and their run times
 * @columns: by which column they are sorted
 */
void view_time(const struct screen *screen, const struct rows *rows, const struct columns *columns)
{
	size_t i;

	print_head(screen, columns);
	for (i = 0; i < rows->nr; i++) {
		if (rows->row[i]->state == 'X')
			view_paint(screen, PAINT_EXITED);
		print_row(screen, rows, rows->row[i], columns);
		view_end_line(screen);
	}
	if (rows->total) {
		view_paint(screen, PAINT_TOTAL);
		print_row(screen, rows, rows->total, columns);
		view_end_line(screen);
	}
}
