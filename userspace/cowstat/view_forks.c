// SPDX-License-Identifier: GPL-2.0
/* Forks: what each child shared at birth, how much of it was copied, and how much never; a tree. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "format.h"
#include "nodes.h"
#include "share.h"
#include "spent.h"
#include "view.h"

#define NS_PER_MS	1000000.0

/* Pages in a column. */
static struct text pages(const struct screen *screen, const struct share *n, unsigned int width)
{
	if (!n->known)
		return (struct text){ COWSTAT_UNKNOWN };
	if (screen->human)
		return format_size_tight(n->pages * COWSTAT_PAGE_BYTES);
	return format_fit(n->pages, width);
}

static struct text fork_ms(const struct cow_row *row)
{
	struct text t = { COWSTAT_UNKNOWN };
	double ms = row->value[COWSTAT_COL_FORK_NS] / NS_PER_MS;

	if (row->known[COWSTAT_COL_FORK_NS])
		snprintf(t.s, sizeof(t.s), ms < 100 ? "%.2f" : "%.0f", ms);
	return t;
}

static struct text kept(const struct cow_row *row)
{
	const struct share shared = share_at_birth(row), kept = share_kept(row);
	struct text t = { COWSTAT_UNKNOWN };
	char *unit;

	if (!kept.known)
		return t;
	t = format_percent(kept.pages, shared.pages);
	unit = strstr(t.s, " %");
	if (unit)
		*unit = '\0';
	return t;
}

static struct text age(const struct cow_row *row, uint64_t now_ns)
{
	uint64_t start = row->value[COWSTAT_COL_START_NS];

	if (!row->known[COWSTAT_COL_START_NS] || start > now_ns)
		return (struct text){ COWSTAT_UNKNOWN };
	return format_age(now_ns - start);
}

/* Is a column added for -s? Then it replaces three others. */
static bool is_added(const struct columns *columns)
{
	switch (columns->sort) {
	case COWSTAT_COL_FORK_NS:
	case COWSTAT_COL_BIRTH_PGTABLES_BYTES:
	case COWSTAT_COL_BIRTH_ANON_PAGES:
	case COWSTAT_COL_INHERITED_COPIED:
	case COWSTAT_COL_PARENT_COPIED:
	case COWSTAT_COL_PPID:
	case COWSTAT_COL_START_NS: /* AGE */
		return false;
	case COWSTAT_COL_PID:
	case COWSTAT_COL_STATE:
	case COWSTAT_COL_COMM:
		return false;
	default:
		return columns->sort_given;
	}
}

/* Once faults have been timed, the time spent on copy-on-write replaces AGE. */
static bool is_timed(const struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->nr; i++)
		if (spent_on_cow(rows->row[i]).known)
			return true;
	return false;
}

static struct text cow_ms(const struct cow_row *row)
{
	struct spent spent = spent_on_cow(row);

	return spent.known ? format_ms(spent.ns, 7) : (struct text){ COWSTAT_UNKNOWN };
}

/**
 * struct layout - what the lines of a view have
 * @columns: by which column rows are sorted
 * @timed: COWMS, not AGE
 * @parent: a column PPID
 * @now_ns: when the table was made
 */
struct layout {
	const struct columns *columns;
	bool timed;
	bool parent;
	uint64_t now_ns;
};

static struct layout lay_out(const struct rows *rows, const struct columns *columns, bool parent)
{
	return (struct layout){ columns, is_timed(rows), parent, rows->now_ns };
}

static void print_head(const struct screen *screen, const struct layout *l)
{
	const struct columns *columns = l->columns;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%7s S", "PID");
	if (!is_added(columns) && l->timed)
		fprintf(screen->to, " %7s", "COWMS");
	else if (!is_added(columns))
		fprintf(screen->to, " %5s", "AGE");
	if (l->parent)
		fprintf(screen->to, " %7s", "PPID");
	if (is_added(columns))
		fprintf(screen->to, " %*s", view_width(columns->sort), view_head(columns->sort).s);
	else
		fprintf(screen->to, " %6s %6s", "FORKMS", screen->human ? "PGTBL" : "PGTKIB");
	fprintf(screen->to, " %7s %6s %6s %6s COMMAND", "SHARED", "CHILD", "PARENT", "KEPT%");
	view_end_line(screen);
}

/* "~" marks a present parent, which may not be the process that forked the child. */
static struct text parent_pid(const struct cow_row *row)
{
	struct text t = { COWSTAT_UNKNOWN };

	if (row->known[COWSTAT_COL_PPID])
		snprintf(t.s, sizeof(t.s), "%s%" PRIu64, view_is_late(row) ? "~" : "",
			 row->value[COWSTAT_COL_PPID]);
	return t;
}

/* Print all columns except the last, without a space at the end. Return: characters printed. */
static unsigned int print_figures(const struct screen *screen, const struct layout *l,
				  const struct cow_row *row)
{
	const struct columns *columns = l->columns;
	struct share shared, by_child, by_parent;
	int n;

	n = fprintf(screen->to, "%7d %c", row->pid, row->state);
	if (!is_added(columns) && l->timed)
		n += fprintf(screen->to, " %7s", cow_ms(row).s);
	else if (!is_added(columns))
		n += fprintf(screen->to, " %5s", age(row, l->now_ns).s);
	if (l->parent)
		n += fprintf(screen->to, " %7s", parent_pid(row).s);
	if (is_added(columns))
		n += fprintf(screen->to, " %*s", view_width(columns->sort),
			     view_figure(screen, row, columns->sort, 0).s);
	else
		n += fprintf(screen->to, " %6s %6s", fork_ms(row).s,
			     view_size(screen, row, COWSTAT_COL_BIRTH_PGTABLES_BYTES, 6, 0).s);
	shared = share_at_birth(row);
	by_child = share_copied_by_child(row);
	by_parent = share_copied_by_parent(row);
	n += fprintf(screen->to, " %7s %6s %6s %6s", pages(screen, &shared, 7).s,
		     pages(screen, &by_child, 6).s, pages(screen, &by_parent, 6).s, kept(row).s);
	return n;
}

/**
 * view_forks() - print a line per child
 * @screen: where
 * @rows: the children
 * @columns: by which column they are sorted
 */
void view_forks(const struct screen *screen, const struct rows *rows, const struct columns *columns)
{
	const struct layout layout = lay_out(rows, columns, true);
	unsigned int used;
	size_t i;

	print_head(screen, &layout);
	for (i = 0; i < rows->nr; i++) {
		if (rows->row[i]->state == 'X')
			view_paint(screen, PAINT_EXITED);
		used = print_figures(screen, &layout, rows->row[i]);
		fputc(' ', screen->to);
		view_command(screen, rows->row[i], used + 1);
		view_end_line(screen);
	}
}

static void print_node(const struct screen *screen, const struct layout *l, const struct node *node)
{
	unsigned int used;

	if (node->row->state == 'X')
		view_paint(screen, PAINT_EXITED);
	used = print_figures(screen, l, node->row);
	used += fprintf(screen->to, " %s", nodes_branches(node).s);
	view_command(screen, node->row, used);
	view_end_line(screen);
}

/**
 * view_tree() - print the tree of processes
 * @screen: where
 * @rows: the processes; one whose parent is not among them becomes a root
 * @columns: by which column siblings are sorted
 *
 * Return: 0 or -ENOMEM.
 */
int view_tree(const struct screen *screen, const struct rows *rows, const struct columns *columns)
{
	const struct layout layout = lay_out(rows, columns, false);
	const struct node *at;
	struct cow_index index;
	struct cow_row *copy;
	struct node *node;
	size_t i;
	int err = -ENOMEM;

	copy = calloc(rows->nr + 1, sizeof(*copy));
	node = calloc(rows->nr + 1, sizeof(*node));
	if (!copy || !node)
		goto free;
	for (i = 0; i < rows->nr; i++)
		copy[i] = *rows->row[i];
	err = cow_index_make(copy, rows->nr, &index);
	if (err)
		goto free;
	print_head(screen, &layout);
	for (at = nodes_link(node, copy, rows->nr, &index); at; at = nodes_next(at))
		print_node(screen, &layout, at);
	cow_index_free(&index);
free:
	free(node);
	free(copy);
	return err;
}
