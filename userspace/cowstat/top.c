// SPDX-License-Identifier: GPL-2.0
/* What the live screen shows: readings, rates, filter, order, tree, groups. No terminal. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cow.h"
#include "late.h"
#include "sums.h"
#include "top.h"

/* Cgroups come and go. Their directories are walked again after this time. */
#define CGROUPS_AGE_NS	(5 * NS_PER_S)

/* How long a message hides what else there is to say. */
#define MESSAGE_NS	(5 * NS_PER_S)

/**
 * top_say() - show a message until the next key, or for a few seconds
 * @top: the screen
 * @format: the message
 */
void top_say(struct top *top, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(top->message, sizeof(top->message), format, args);
	va_end(args);
	top->message_ns = now_ns();
}

/**
 * top_init() - begin with default settings, and without a table
 * @top: to be freed with top_free()
 * @table: path of the table, which must outlive @top
 */
void top_init(struct top *top, const char *table)
{
	*top = (struct top){
		.table = table,
		.local = !strcmp(table, COWSTAT_PROC_PATH) || !strcmp(table, COWSTAT_BPF_TABLE),
		.set.interval_ns = NS_PER_S,
		.set.columns.sort = COWSTAT_COL_COPIED_BYTES,
		.set.columns.sort_given = true,
	};
}

static void free_lines(struct top *top)
{
	groups_free(top->group, top->nr_groups);
	free(top->node);
	free(top->copy);
	free(top->chosen);
	free(top->line);
	top->group = NULL;
	top->nr_groups = 0;
	top->node = NULL;
	top->copy = NULL;
	top->chosen = NULL;
	top->line = NULL;
	top->nr = 0;
}

/**
 * top_free() - give all memory back
 * @top: the screen
 */
void top_free(struct top *top)
{
	free_lines(top);
	cow_delta_free(&top->delta);
	cow_table_free(&top->now);
	cow_text_free(&top->text);
	cgroups_free(&top->cgroups);
	if (top->filter.has_comm)
		regfree(&top->filter.comm);
	top->filter.has_comm = false;
}

/**
 * top_shows_rates() - are the figures rates?
 * @top: the screen
 *
 * Return: false if they are counts since counting began.
 */
bool top_shows_rates(const struct top *top)
{
	return top->rates && !top->set.absolute;
}

/* Read the cgroups of this machine; not those of the machine that a recorded table is of. */
static void refresh_cgroups(struct top *top)
{
	uint64_t now = now_ns();

	if (!top->local || (top->cgroups_ns && now - top->cgroups_ns < CGROUPS_AGE_NS))
		return;
	cgroups_free(&top->cgroups);
	if (cgroups_read(NULL, &top->cgroups))
		top_say(top, "out of memory: cgroups have no names");
	top->cgroups_ns = now;
}

/**
 * top_cgroup() - the path of a cgroup
 * @top: the screen
 * @id: which cgroup
 *
 * Return: its path, valid until the next call; NULL when there is none.
 */
const char *top_cgroup(struct top *top, uint64_t id)
{
	const char *path = cgroups_path(&top->cgroups, id);

	if (path)
		return path;
	refresh_cgroups(top);
	return cgroups_path(&top->cgroups, id);
}

static bool is_same(const struct top_line *line, const struct top_selection *s)
{
	const char *group = line->group && line->group->name ? line->group->name : "";

	if (line->group)
		return *s->group && !strcmp(group, s->group);
	return !*s->group && line->row->kind == COW_ROW_PROCESS && line->row->pid == s->pid &&
	       line->row->value[COWSTAT_COL_START_NS] == s->start_ns;
}

/* After the lines have changed: the selected process where it is now, or else the same place. */
static void keep_selection(struct top *top)
{
	struct top_selection *s = &top->selection;
	size_t i;

	for (i = 0; s->follow && i < top->nr; i++)
		if (is_same(&top->line[i], s)) {
			s->at = i;
			return;
		}
	if (s->at >= top->nr)
		s->at = top->nr ? top->nr - 1 : 0;
}

/**
 * top_select() - select a line, and follow its process
 * @top: the screen
 * @at: index of the line
 */
void top_select(struct top *top, size_t at)
{
	struct top_selection *s = &top->selection;
	const struct top_line *line;

	if (at >= top->nr)
		at = top->nr ? top->nr - 1 : 0;
	s->at = at;
	s->follow = top->nr;
	if (!top->nr)
		return;
	line = &top->line[at];
	s->pid = line->row->pid;
	s->start_ns = line->row->value[COWSTAT_COL_START_NS];
	snprintf(s->group, sizeof(s->group), "%s",
		 line->group && line->group->name ? line->group->name : "");
}

/**
 * top_selected() - the selected process
 * @top: the screen
 *
 * Return: its counts since counting began; NULL when a sum is selected, or nothing.
 */
const struct cow_row *top_selected(const struct top *top)
{
	const struct cow_row *row, *at;
	size_t i;

	if (!top->nr || top->line[top->selection.at].group)
		return NULL;
	row = top->line[top->selection.at].row;
	for (i = 0; row->kind == COW_ROW_PROCESS && i < top->now.nr; i++) {
		at = &top->now.row[i];
		if (at->kind == COW_ROW_PROCESS && at->pid == row->pid &&
		    at->value[COWSTAT_COL_START_NS] == row->value[COWSTAT_COL_START_NS])
			return at;
	}
	return NULL;
}

static bool passes(const struct top *top, const struct filter *filter, const struct cow_row *row)
{
	if (row->kind != COW_ROW_PROCESS &&
	    (top->set.by == GROUP_NONE || row->kind == COW_ROW_TOTAL))
		return false;
	return !(top->set.live && row->state == 'X') && filter_passes(filter, row, &top->cgroups);
}

static void reverse_rows(const struct cow_row **row, size_t nr)
{
	const struct cow_row *other;
	size_t i;

	for (i = 0; i < nr / 2; i++) {
		other = row[i];
		row[i] = row[nr - 1 - i];
		row[nr - 1 - i] = other;
	}
}

/* Choose and sort rows. Return: how many; @top->chosen has them. */
static size_t choose(struct top *top, const struct cow_row *row, size_t nr)
{
	struct filter filter = top->filter;
	size_t i, n = 0;

	/* a process without events may be between two that have some */
	filter.idle = top->set.idle || top->set.tree;
	for (i = 0; i < nr; i++)
		if (passes(top, &filter, &row[i]))
			top->chosen[n++] = &row[i];
	if (top->set.by == GROUP_NONE && !top->set.tree &&
	    sums_add_up_folded(row, nr, &top->folded) &&
	    filter_passes(&filter, &top->folded, &top->cgroups))
		top->chosen[n++] = &top->folded;
	sort_rows(top->chosen, n, top->set.columns.sort);
	if (top->set.reverse)
		reverse_rows(top->chosen, n);
	return n;
}

static int make_groups(struct top *top, size_t n)
{
	const struct rows rows = { .row = top->chosen, .nr = n };
	size_t i;
	int err;

	err = groups_make(&rows, top->set.by, &top->cgroups, top->set.columns.sort, &top->group,
			  &top->nr_groups);
	for (i = 0; !err && i < top->nr_groups; i++) {
		struct group *group = &top->group[top->set.reverse ? top->nr_groups - 1 - i : i];

		top->line[top->nr++] = (struct top_line){ .row = &group->sum, .group = group };
	}
	return err;
}

static int make_tree(struct top *top, size_t n)
{
	struct cow_index index;
	const struct node *at;
	size_t i;

	top->copy = calloc(n + 1, sizeof(*top->copy));
	top->node = calloc(n + 1, sizeof(*top->node));
	if (!top->copy || !top->node)
		return -1;
	for (i = 0; i < n; i++)
		top->copy[i] = *top->chosen[i];
	if (cow_index_make(top->copy, n, &index))
		return -1;
	for (at = nodes_link(top->node, top->copy, n, &index); at; at = nodes_next(at))
		top->line[top->nr++] = (struct top_line){ .row = at->row, .node = at };
	cow_index_free(&index);
	return 0;
}

/**
 * top_arrange() - make the lines anew, after a reading or a change of settings
 * @top: the screen
 */
void top_arrange(struct top *top)
{
	bool rates = top_shows_rates(top);
	const struct cow_row *row = rates ? top->delta.row : top->now.row;
	size_t nr = rates ? top->delta.nr : top->now.nr;
	size_t i, n;
	int err = 0;

	free_lines(top);
	if (top->set.by == GROUP_CGROUP || top->filter.cgroup)
		refresh_cgroups(top);
	top->chosen = calloc(nr + 1, sizeof(*top->chosen));
	top->line = calloc(nr + 1, sizeof(*top->line));
	if (top->chosen && top->line) {
		n = choose(top, row, nr);
		if (top->set.by != GROUP_NONE)
			err = make_groups(top, n);
		else if (top->set.tree)
			err = make_tree(top, n);
		for (i = 0; top->set.by == GROUP_NONE && !top->set.tree && i < n; i++)
			top->line[top->nr++] = (struct top_line){ .row = top->chosen[i] };
	}
	if (!top->chosen || !top->line || err) {
		free_lines(top);
		top_say(top, "out of memory: the table is not shown");
	}
	keep_selection(top);
}

/* Bytes of page tables that the forks of processes born in this interval built. */
static uint64_t pgtables_of(const struct cow_row *row, uint64_t since_ns)
{
	return row->value[COWSTAT_COL_START_NS] >= since_ns ?
		       row->value[COWSTAT_COL_BIRTH_PGTABLES_BYTES] :
		       0;
}

/* What happened in this interval to all processes, or to those that we see. */
static void add_to_series(struct top *top)
{
	uint64_t since_ns = top->now.now_ns.value - top->delta.span_ns;
	uint64_t sum[TOP_NR_SERIES] = {}, rows[TOP_NR_SERIES] = {};
	const struct cow_row *row;
	size_t i, s;
	bool total = false;

	for (i = 0; i < top->delta.nr; i++) {
		row = &top->delta.row[i];
		if (row->kind == COW_ROW_TOTAL) {
			total = true;
			sum[TOP_COPIED] = row->value[COWSTAT_COL_COPIED_BYTES];
			sum[TOP_FORKS] = row->value[COWSTAT_COL_FORKS];
			sum[TOP_PGTABLES] = row->value[COWSTAT_COL_BIRTH_PGTABLES_BYTES];
		} else if (row->kind == COW_ROW_PROCESS) {
			rows[TOP_COPIED] += row->value[COWSTAT_COL_COPIED_BYTES];
			rows[TOP_FORKS] += row->value[COWSTAT_COL_FORKS];
			rows[TOP_PGTABLES] += pgtables_of(row, since_ns);
		}
	}
	if (top->nr_series == TOP_HISTORY)
		for (s = 0; s < TOP_NR_SERIES; s++)
			memmove(top->series[s], top->series[s] + 1,
				(TOP_HISTORY - 1) * sizeof(**top->series));
	else
		top->nr_series++;
	for (s = 0; s < TOP_NR_SERIES; s++)
		top->series[s][top->nr_series - 1] = (unsigned __int128)(total ? sum[s] : rows[s]) *
						     NS_PER_S / top->delta.span_ns;
}

/**
 * top_take() - take a new reading
 * @top: the screen
 * @t: the table; it belongs to @top afterwards
 */
void top_take(struct top *top, struct cow_table *t)
{
	struct cow_delta delta = {};
	bool rates = false;

	if (top->read && cow_delta_make(&top->now, t, &delta))
		top_say(top, "out of memory: no rates");
	else if (top->read)
		rates = delta.span_ns && !delta.gap;
	/* the lines show rows of the old reading */
	free_lines(top);
	cow_delta_free(&top->delta);
	cow_table_free(&top->now);
	top->now = *t;
	*t = (struct cow_table){};
	top->delta = delta;
	top->rates = rates;
	top->read = true;
	*top->error = '\0';
	if (rates)
		add_to_series(top);
	top_arrange(top);
}

/**
 * top_read() - read the table
 * @top: the screen; if there is no table, it says why, and what to do
 */
void top_read(struct top *top)
{
	struct cow_table t;

	top->wants_read = false;
	if (now_ns() - top->message_ns > MESSAGE_NS)
		*top->message = '\0';
	if (!cow_table_reread(top->table, &top->now, &top->text, &t, top->error,
			      sizeof(top->error))) {
		if (top->set.tree && top->local) {
			late_find_parents(&t);
			/* what /proc says now must not be taken for what the table says next */
			cow_text_free(&top->text);
		}
		top_take(top, &t);
		return;
	}
	free_lines(top);
	cow_delta_free(&top->delta);
	cow_table_free(&top->now);
	top->read = false;
	top->rates = false;
	top->nr_series = 0;
	top->selection = (struct top_selection){};
}
