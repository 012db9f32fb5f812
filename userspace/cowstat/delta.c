// SPDX-License-Identifier: GPL-2.0
/*
 * Differences of tables. A row is identified by (pid, start_ns). A row that was given up between
 * two readings was added to the `-` row as a whole. The part that the earlier reading showed of
 * it is subtracted again, so that differences of rows add up to the difference of the total.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"

#define COLUMN_KIND(NAME, name, kind, hook)	[COWSTAT_COL_##NAME] = COWSTAT_##kind,
static const enum cowstat_kind kinds[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_KIND) };

/**
 * cow_column_kind() - get the kind of a column
 * @column: the column
 *
 * Return: its kind, as in COWSTAT_COLUMNS.
 */
enum cowstat_kind cow_column_kind(enum cowstat_column column)
{
	return kinds[column];
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_identity(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;
	int order = compare(x->pid, y->pid);

	return order ? order : compare(x->value[COWSTAT_COL_START_NS],
				       y->value[COWSTAT_COL_START_NS]);
}

/**
 * cow_index_make() - build an index of rows by process
 * @row: the rows, which must outlive the index; only rows of processes are indexed
 * @nr: how many
 * @index: to be freed with cow_index_free(); empty on error
 *
 * Return: 0 or -ENOMEM.
 */
int cow_index_make(const struct cow_row *row, size_t nr, struct cow_index *index)
{
	size_t i;

	index->nr = 0;
	index->row = calloc(nr ? nr : 1, sizeof(*index->row));
	if (!index->row)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		if (row[i].kind == COW_ROW_PROCESS)
			index->row[index->nr++] = &row[i];
	qsort(index->row, index->nr, sizeof(*index->row), by_identity);
	return 0;
}

/**
 * cow_index_free() - give an index's memory back
 * @index: an index that was made, or all zero
 */
void cow_index_free(struct cow_index *index)
{
	free(index->row);
	memset(index, 0, sizeof(*index));
}

/**
 * cow_index_find() - find the row of a process
 * @index: where to look
 * @pid: which process
 * @start_ns: when it was started
 *
 * Return: its row or NULL.
 */
const struct cow_row *cow_index_find(const struct cow_index *index, uint64_t pid,
				     uint64_t start_ns)
{
	const struct cow_row key = {
		.pid = pid,
		.value[COWSTAT_COL_START_NS] = start_ns,
	}, *at = &key, **found;

	found = bsearch(&at, index->row, index->nr, sizeof(*index->row), by_identity);
	return found ? *found : NULL;
}

/* The live process of a pid. */
static const struct cow_row *find_live(const struct cow_index *index, uint64_t pid)
{
	size_t low = 0, high = index->nr, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if ((uint64_t)index->row[middle]->pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < index->nr && (uint64_t)index->row[low]->pid == pid; low++)
		if (index->row[low]->state == 'L')
			return index->row[low];
	return NULL;
}

/**
 * cow_index_parent() - find the row of a process's parent
 * @index: where to look
 * @row: the process
 *
 * A process whose parent's start is not known was forked before counting began: its parent is
 * the one that it has now, which is alive.
 *
 * Return: the parent's row or NULL.
 */
const struct cow_row *cow_index_parent(const struct cow_index *index, const struct cow_row *row)
{
	const struct cow_row *parent;

	if (!row->known[COWSTAT_COL_PPID])
		return NULL;
	if (row->known[COWSTAT_COL_PARENT_START_NS])
		parent = cow_index_find(index, row->value[COWSTAT_COL_PPID],
					row->value[COWSTAT_COL_PARENT_START_NS]);
	else
		parent = find_live(index, row->value[COWSTAT_COL_PPID]);
	/* A parent is older: a table that says otherwise must not make a ring. */
	return parent && parent->value[COWSTAT_COL_START_NS] < row->value[COWSTAT_COL_START_NS] ?
	       parent : NULL;
}

static bool is_difference(enum cowstat_kind kind, enum cow_row_kind row)
{
	return kind == COWSTAT_COUNT || kind == COWSTAT_DERIVED || kind == COWSTAT_MEMO ||
	       (kind == COWSTAT_BIRTH && row != COW_ROW_PROCESS);
}

/* `other` can fall when a fault in flight is committed; a difference is never below 0. */
static void subtract(struct cow_row *row, const struct cow_row *before)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (is_difference(kinds[c], row->kind))
			row->value[c] -= row->value[c] < before->value[c] ? row->value[c] :
									    before->value[c];
}

static const struct cow_row *sum_of(const struct cow_table *t, enum cow_row_kind kind)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->row[i].kind == kind)
			return &t->row[i];
	return NULL;
}

static bool same_epoch(const struct cow_table *a, const struct cow_table *b)
{
	return a->epoch.value == b->epoch.value && a->since_ns.value == b->since_ns.value;
}

/*
 * Is it a new row of the same process? A live process can lose its row to another one, and gets
 * a new one at its next fault, whose counts begin at 0.
 */
static bool began_anew(const struct cow_row *row, const struct cow_row *before)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (kinds[c] == COWSTAT_COUNT && row->value[c] < before->value[c])
			return true;
	return false;
}

static const struct cow_row *earlier(const struct cow_row *row, const struct cow_table *before,
				     const struct cow_index *index)
{
	const struct cow_row *old;

	if (row->kind != COW_ROW_PROCESS)
		return sum_of(before, row->kind);
	old = cow_index_find(index, row->pid, row->value[COWSTAT_COL_START_NS]);
	return old && !began_anew(row, old) ? old : NULL;
}

/* Subtract what the earlier reading showed of rows that are in `-` now. */
static int subtract_gone(const struct cow_table *before, const struct cow_table *now,
			 struct cow_row *folded)
{
	struct cow_index index;
	size_t i;
	int err;

	err = cow_index_make(now->row, now->nr, &index);
	if (err)
		return err;
	for (i = 0; i < before->nr; i++) {
		const struct cow_row *row = &before->row[i], *later;

		if (row->kind != COW_ROW_PROCESS)
			continue;
		later = cow_index_find(&index, row->pid, row->value[COWSTAT_COL_START_NS]);
		if (!later || began_anew(later, row))
			subtract(folded, row);
	}
	cow_index_free(&index);
	return 0;
}

static int subtract_all(const struct cow_table *before, const struct cow_table *now,
			struct cow_delta *delta)
{
	struct cow_row *folded = NULL;
	const struct cow_row *old;
	struct cow_index index;
	size_t i;
	int err;

	err = cow_index_make(before->row, before->nr, &index);
	if (err)
		return err;
	for (i = 0; i < delta->nr; i++) {
		old = earlier(&delta->row[i], before, &index);
		if (old)
			subtract(&delta->row[i], old);
		if (delta->row[i].kind == COW_ROW_FOLDED)
			folded = &delta->row[i];
	}
	cow_index_free(&index);
	return folded ? subtract_gone(before, now, folded) : 0;
}

/**
 * cow_delta_make() - subtract an earlier reading from a later one
 * @before: the earlier
 * @now: the later
 * @delta: to be freed with cow_delta_free(); empty on error
 *
 * Return: 0 or -ENOMEM.
 */
int cow_delta_make(const struct cow_table *before, const struct cow_table *now,
		   struct cow_delta *delta)
{
	int err = 0;

	memset(delta, 0, sizeof(*delta));
	delta->row = calloc(now->nr ? now->nr : 1, sizeof(*delta->row));
	if (!delta->row)
		return -ENOMEM;
	memcpy(delta->row, now->row, now->nr * sizeof(*delta->row));
	delta->nr = now->nr;
	if (now->now_ns.value > before->now_ns.value && before->now_ns.known)
		delta->span_ns = now->now_ns.value - before->now_ns.value;
	delta->gap = !same_epoch(before, now);
	if (!delta->gap)
		err = subtract_all(before, now, delta);
	if (err)
		cow_delta_free(delta);
	return err;
}

/**
 * cow_delta_free() - give its memory back
 * @delta: a difference that was made, or all zero
 */
void cow_delta_free(struct cow_delta *delta)
{
	free(delta->row);
	memset(delta, 0, sizeof(*delta));
}
