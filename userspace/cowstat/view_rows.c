// SPDX-License-Identifier: GPL-2.0
/* The usual view: a line per process, how its faults ended, what was copied. */
#include "format.h"
#include "view.h"

/**
 * struct shown - a column on the screen
 * @column: the table's
 * @width: on the screen
 * @head: its name on the screen; NULL for the column's own name in capitals
 */
struct shown {
	enum cowstat_column column;
	unsigned int width;
	const char *head;
};

/* clang-format off */
static const struct shown usual[] = {
	{ COWSTAT_COL_FORKS,		5,	"FORKS" },
	{ COWSTAT_COL_WP_FAULTS,	8,	"WPFAULTS" },
	{ COWSTAT_COL_COPIED,		8,	"COPIED" },
	{ COWSTAT_COL_REUSED,		7,	"REUSED" },
	{ COWSTAT_COL_ZERO_FILLED,	5,	"ZERO" },
	{ COWSTAT_COL_OTHER,		5,	"OTHER" },
	{ COWSTAT_COL_COPIED_BYTES,	10,	"KIB" },
};
/* clang-format on */

/* If a column is added for -s, so many of the usual columns are shown, and the last one. */
#define USUAL_BESIDE_ADDED	3

/**
 * struct layout - the columns between the state and the command
 * @shown: in order
 * @nr: how many
 * @used: columns of a line before the command
 * @whole: the outcomes shown are all there are, so they add up to WPFAULTS
 */
struct layout {
	struct shown shown[COWSTAT_NR_COLUMNS];
	size_t nr;
	unsigned int used;
	bool whole;
};

/* Columns that every line has anyway. */
static bool always_shown(enum cowstat_column c)
{
	return c == COWSTAT_COL_PID || c == COWSTAT_COL_STATE || c == COWSTAT_COL_COMM;
}

static void add_shown(struct layout *l, struct shown s)
{
	l->shown[l->nr++] = s;
	l->used += s.width + 1;
}

static void add_column(struct layout *l, enum cowstat_column c)
{
	if (!always_shown(c))
		add_shown(l, (struct shown){ c, view_width(c), NULL });
}

/* Must the column that rows are sorted by be added, since it is not shown anyway? */
static bool sort_is_added(const struct columns *columns)
{
	size_t i;

	if (!columns->sort_given || always_shown(columns->sort))
		return false;
	for (i = 0; i < columns->nr; i++)
		if (columns->chosen[i] == columns->sort)
			return false;
	for (i = 0; !columns->nr && i < ARRAY_SIZE(usual); i++)
		if (usual[i].column == columns->sort)
			return false;
	return true;
}

static void lay_out(const struct columns *columns, struct layout *l)
{
	bool added = sort_is_added(columns);
	size_t i;

	*l = (struct layout){ .used = 10, .whole = !columns->nr && !added };
	for (i = 0; i < columns->nr; i++)
		add_column(l, columns->chosen[i]);
	for (i = 0; !columns->nr && i < ARRAY_SIZE(usual) - 1; i++)
		if (!added || i < USUAL_BESIDE_ADDED)
			add_shown(l, usual[i]);
	if (added)
		add_column(l, columns->sort);
	if (!columns->nr)
		add_shown(l, usual[ARRAY_SIZE(usual) - 1]);
}

static void print_heads(const struct screen *screen, const struct layout *l)
{
	size_t i;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%7s S", "PID");
	for (i = 0; i < l->nr; i++) {
		const struct shown *s = &l->shown[i];

		if (!s->head)
			fprintf(screen->to, " %*s", s->width, view_head(s->column).s);
		else
			fprintf(screen->to, " %*s", s->width,
				screen->human && s->column == COWSTAT_COL_COPIED_BYTES ? "SIZE" :
											 s->head);
	}
	fputs(" COMMAND", screen->to);
	view_end_line(screen);
}

static void print_row(const struct screen *screen, const struct layout *l,
		      const struct cow_row *row, uint64_t span_ns)
{
	struct cow_row with_shared = *row;
	size_t i;

	/* With shared_wp, so that the outcomes on the screen add up to WPFAULTS. */
	if (l->whole)
		with_shared.value[COWSTAT_COL_OTHER] += row->value[COWSTAT_COL_SHARED_WP];
	if (row->kind == COW_ROW_PROCESS)
		fprintf(screen->to, "%7d %c", row->pid, row->state);
	else
		fprintf(screen->to, "%7s  ", row->kind == COW_ROW_TOTAL ? "total" : VIEW_OTHER);
	for (i = 0; i < l->nr; i++) {
		const struct shown *s = &l->shown[i];
		struct text figure;

		if (!s->head)
			figure = view_figure(screen, row, s->column, span_ns);
		else if (s->column == COWSTAT_COL_COPIED_BYTES)
			figure = view_size(screen, row, s->column, s->width, span_ns);
		else
			figure = view_count(screen, &with_shared, s->column, s->width, span_ns);
		fprintf(screen->to, " %*s", s->width, figure.s);
	}
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

	lay_out(columns, &layout);
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
