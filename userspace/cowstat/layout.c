// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "delta.h"
#include "format.h"
#include "layout.h"

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

/* What a wide screen shows too, in the order of their use: the later ones need more room. */
static const struct shown more[] = {
	{ COWSTAT_COL_UID,		8,	"USER" },
	{ COWSTAT_COL_VFORKS,		6,	"VFORKS" },
	{ COWSTAT_COL_ANON_COPIED,	8,	"ANON" },
	{ COWSTAT_COL_FILE_COPIED,	7,	"FILE" },
	{ COWSTAT_COL_BIRTH_ANON_PAGES, 8,	"ATBIRTH" },
	{ COWSTAT_COL_PARENT_COPIED,	7,	"PARENT" },
	{ COWSTAT_COL_THP_SPLIT,	5,	"SPLIT" },
	{ COWSTAT_COL_CGROUP,		28,	"CGROUP" },
};
/* clang-format on */

/* If a column is added for -s, so many of the usual columns are shown, and the last one. */
#define USUAL_BESIDE_ADDED	3

/* With wide columns there is at least this room for the command. */
#define COMMAND_BESIDE_MORE	20

/**
 * layout_has_always() - does every line have a column anyway?
 * @column: which
 *
 * Return: true for the pid, the state and the name.
 */
bool layout_has_always(enum cowstat_column column)
{
	return column == COWSTAT_COL_PID || column == COWSTAT_COL_STATE ||
	       column == COWSTAT_COL_COMM;
}

static void add_shown(struct layout *l, struct shown s)
{
	l->shown[l->nr++] = s;
	l->used += s.width + 1;
}

static void add_column(struct layout *l, enum cowstat_column c)
{
	if (!layout_has_always(c))
		add_shown(l, (struct shown){ c, view_width(c), NULL });
}

/* Must the column that rows are sorted by be added, since it is not shown anyway? */
static bool sort_is_added(const struct columns *columns)
{
	size_t i;

	if (!columns->sort_given || layout_has_always(columns->sort))
		return false;
	for (i = 0; i < columns->nr; i++)
		if (columns->chosen[i] == columns->sort)
			return false;
	for (i = 0; !columns->nr && i < ARRAY_SIZE(usual); i++)
		if (usual[i].column == columns->sort)
			return false;
	return true;
}

static bool has_column(const struct layout *l, enum cowstat_column c)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		if (l->shown[i].column == c)
			return true;
	return false;
}

/* On a wide screen, more columns than the usual ones. */
static void add_more(struct layout *l, unsigned int width)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(more); i++)
		if (!has_column(l, more[i].column) &&
		    l->used + more[i].width + 1 + COMMAND_BESIDE_MORE <= width)
			add_shown(l, more[i]);
}

/**
 * layout_make() - choose the columns between the state and the command
 * @columns: what was asked for
 * @width: of the screen, to show more on a wide one; 0 for the usual columns only
 * @l: filled in
 */
void layout_make(const struct columns *columns, unsigned int width, struct layout *l)
{
	bool added;
	size_t i;

	*l = (struct layout){ .used = LAYOUT_LEFT };
	for (i = 0; i < columns->nr; i++)
		add_column(l, columns->chosen[i]);
	if (columns->nr) {
		if (sort_is_added(columns))
			add_column(l, columns->sort);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(usual); i++)
		add_shown(l, usual[i]);
	add_more(l, width);
	added = sort_is_added(columns) && !has_column(l, columns->sort);
	l->whole = !added;
	if (!added)
		return;
	*l = (struct layout){ .used = LAYOUT_LEFT };
	for (i = 0; i < USUAL_BESIDE_ADDED; i++)
		add_shown(l, usual[i]);
	add_column(l, columns->sort);
	add_shown(l, usual[ARRAY_SIZE(usual) - 1]);
	add_more(l, width);
}

/**
 * layout_head() - the head of a column
 * @l: the layout
 * @i: which of its columns
 * @human: figures have units
 *
 * Return: its name on the screen.
 */
struct text layout_head(const struct layout *l, size_t i, bool human)
{
	const struct shown *s = &l->shown[i];
	struct text t;

	if (!s->head)
		return view_head(s->column);
	snprintf(t.s, sizeof(t.s), "%s",
		 human && s->column == COWSTAT_COL_COPIED_BYTES ? "SIZE" : s->head);
	return t;
}

/**
 * layout_figure() - the figure of a row in a column
 * @screen: how to print figures
 * @l: the layout
 * @i: which of its columns
 * @row: of a process, or a sum
 * @span_ns: 0, or print it by second
 *
 * Return: "-" when it is not known; at most as wide as the column.
 */
struct text layout_figure(const struct screen *screen, const struct layout *l, size_t i,
			  const struct cow_row *row, uint64_t span_ns)
{
	const struct shown *s = &l->shown[i];
	struct cow_row with_shared;

	if (!s->head || cow_column_kind(s->column) == COWSTAT_IDENTITY)
		return view_figure(screen, row, s->column, span_ns);
	if (s->column == COWSTAT_COL_COPIED_BYTES)
		return view_size(screen, row, s->column, s->width, span_ns);
	if (cow_column_kind(s->column) == COWSTAT_BIRTH && row->kind == COW_ROW_PROCESS)
		span_ns = 0;
	if (s->column != COWSTAT_COL_OTHER || !l->whole)
		return view_count(screen, row, s->column, s->width, span_ns);
	/* With shared_wp, so that the outcomes on the screen add up to WPFAULTS. */
	with_shared = *row;
	with_shared.value[COWSTAT_COL_OTHER] += row->value[COWSTAT_COL_SHARED_WP];
	return view_count(screen, &with_shared, s->column, s->width, span_ns);
}
