// SPDX-License-Identifier: GPL-2.0
/*
 * Differences of tables. A row is identified by (pid, start_ns), a sum by its cgroup, user and
 * name. If a row was recycled between two readings, all its counts were added to a sum. The
 * earlier reading has already shown a part of them. We subtract this part from the sum, so that the
 * differences of rows and sums add up to the difference of the total. We do the same for a sum that
 * was merged into another one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "sums.h"

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

	return order ? order :
		       compare(x->value[COWSTAT_COL_START_NS], y->value[COWSTAT_COL_START_NS]);
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
const struct cow_row *cow_index_find(const struct cow_index *index, uint64_t pid, uint64_t start_ns)
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
 * If the start time of the parent is not known, the process was forked before counting began.
 * Then its parent is the present one, which is alive.
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
	/* A parent is older. A table that says otherwise must not make a loop. */
	return parent && parent->value[COWSTAT_COL_START_NS] < row->value[COWSTAT_COL_START_NS] ?
		       parent :
		       NULL;
}

static bool is_difference(enum cowstat_kind kind, enum cow_row_kind row)
{
	return kind == COWSTAT_COUNT || kind == COWSTAT_DERIVED || kind == COWSTAT_MEMO ||
	       (kind == COWSTAT_BIRTH && row != COW_ROW_PROCESS);
}

/* The columns that are differences, chosen once: subtracting is most of the work. */
struct differences {
	enum cowstat_column column[COWSTAT_NR_COLUMNS];
	size_t nr;
};

static void choose_differences(enum cow_row_kind row, struct differences *d)
{
	enum cowstat_column c;

	d->nr = 0;
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (is_difference(kinds[c], row))
			d->column[d->nr++] = c;
}

/* `other` can fall when a running fault commits; but a difference is at least 0. */
static void subtract(struct cow_row *row, const struct cow_row *before, const struct differences *d)
{
	size_t i;

	for (i = 0; i < d->nr; i++) {
		uint64_t *value = &row->value[d->column[i]];
		uint64_t old = before->value[d->column[i]];

		*value = *value < old ? 0 : *value - old;
	}
}

static bool same_epoch(const struct cow_table *a, const struct cow_table *b)
{
	return a->epoch.value == b->epoch.value && a->since_ns.value == b->since_ns.value;
}

/*
 * Is it a new row of the same process? A live process can lose its row to another process. At its
 * next fault it gets a new one, whose counts begin at 0. A sum can also be merged and begin anew.
 */
static bool began_anew(const struct cow_row *row, const struct cow_row *before)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (kinds[c] == COWSTAT_COUNT && row->value[c] < before->value[c])
			return true;
	return false;
}

/* Compare sums of recycled rows: sums with a name come first, then by cgroup and user. */
static int by_owner(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;

	return compare(y->known[COWSTAT_COL_COMM], x->known[COWSTAT_COL_COMM])		   ?:
		       compare(x->value[COWSTAT_COL_CGROUP], y->value[COWSTAT_COL_CGROUP]) ?:
		       compare(x->value[COWSTAT_COL_UID], y->value[COWSTAT_COL_UID])	   ?:
		       strcmp(x->comm, y->comm);
}

/**
 * struct sums - the sums of a table, and the `-` row
 * @row: the sums (COW_ROW_SUM), sorted by owner
 * @nr: how many
 * @folded: the `-` row, or NULL
 */
struct sums {
	struct cow_row **row;
	size_t nr;
	struct cow_row *folded;
};

static int sums_make(struct cow_row *row, size_t nr, struct sums *sums)
{
	size_t i;

	*sums = (struct sums){ .row = calloc(nr ? nr : 1, sizeof(*sums->row)) };
	if (!sums->row)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		if (row[i].kind == COW_ROW_SUM)
			sums->row[sums->nr++] = &row[i];
		else if (row[i].kind == COW_ROW_FOLDED)
			sums->folded = &row[i];
	}
	qsort(sums->row, sums->nr, sizeof(*sums->row), by_owner);
	return 0;
}

/* Find the sum for the owner of a row: for its name, or for all names. */
static struct cow_row *sum_like(const struct sums *sums, const struct cow_row *row, bool named)
{
	struct cow_row key = *row, *at = &key, **found;

	if (!named) {
		key.known[COWSTAT_COL_COMM] = false;
		*key.comm = '\0';
	}
	found = bsearch(&at, sums->row, sums->nr, sizeof(*sums->row), by_owner);
	return found ? *found : NULL;
}

/* Subtract a row from the difference of a sum, but not below 0; the rest stays in @rest. */
static void take_from(struct cow_row *sum, struct cow_row *rest)
{
	enum cowstat_column c;
	uint64_t n;

	for (c = 0; sum && c < COWSTAT_NR_COLUMNS; c++) {
		if (!is_difference(kinds[c], COW_ROW_SUM))
			continue;
		n = rest->value[c] < sum->value[c] ? rest->value[c] : sum->value[c];
		sum->value[c] -= n;
		rest->value[c] -= n;
	}
}

static bool is_empty(const struct cow_row *row)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (row->value[c] && kinds[c] != COWSTAT_MEMO &&
		    is_difference(kinds[c], COW_ROW_SUM))
			return false;
	return true;
}

/*
 * Subtract what the earlier reading showed of a recycled row or a merged sum. Its counts went to
 * the sum of its name, cgroup and user; perhaps from there to that of its cgroup and user; perhaps
 * from there to `-`. The process may have changed its name or cgroup before: then the rest of the
 * counts is in some other sum.
 */
static void subtract_gone(const struct sums *sums, const struct cow_row *gone)
{
	struct cow_row rest = *gone;
	size_t i;

	if (gone->kind == COW_ROW_PROCESS)
		take_from(sum_like(sums, gone, true), &rest);
	if (gone->kind == COW_ROW_PROCESS || gone->known[COWSTAT_COL_COMM])
		take_from(sum_like(sums, gone, false), &rest);
	for (i = 0; i < sums->nr && gone->kind == COW_ROW_PROCESS && !is_empty(&rest); i++)
		if (sums->row[i]->value[COWSTAT_COL_CGROUP] == gone->value[COWSTAT_COL_CGROUP])
			take_from(sums->row[i], &rest);
	take_from(sums->folded, &rest);
	for (i = 0; i < sums->nr && !is_empty(&rest); i++)
		take_from(sums->row[i], &rest);
}

/* Subtract what the earlier reading showed of rows recycled, and sums merged, since then. */
static int subtract_all_gone(const struct cow_table *before, const struct cow_table *now,
			     const struct sums *sums, const struct sums *delta)
{
	const struct cow_row *row, *later;
	struct cow_index index;
	size_t i;
	int err;

	err = cow_index_make(now->row, now->nr, &index);
	if (err)
		return err;
	for (i = 0; i < before->nr; i++) {
		row = &before->row[i];
		if (row->kind == COW_ROW_PROCESS)
			later = cow_index_find(&index, row->pid, row->value[COWSTAT_COL_START_NS]);
		else if (row->kind == COW_ROW_SUM)
			later = sum_like(sums, row, row->known[COWSTAT_COL_COMM]);
		else
			continue;
		if (!later || began_anew(later, row))
			subtract_gone(delta, row);
	}
	cow_index_free(&index);
	return 0;
}

static const struct cow_row *earlier(const struct cow_row *row, const struct cow_table *before,
				     const struct cow_index *index, const struct sums *sums)
{
	const struct cow_row *old;

	if (row->kind == COW_ROW_PROCESS)
		old = cow_index_find(index, row->pid, row->value[COWSTAT_COL_START_NS]);
	else if (row->kind == COW_ROW_SUM)
		old = sum_like(sums, row, row->known[COWSTAT_COL_COMM]);
	else
		return sums_find(before->row, before->nr, row->kind);
	return old && !began_anew(row, old) ? old : NULL;
}

static int subtract_all(const struct cow_table *before, const struct cow_table *now,
			struct cow_delta *delta)
{
	struct sums sums[3] = {}; /* before, now, and the difference */
	struct differences of_process, of_sum;
	struct cow_index index = {};
	const struct cow_row *old;
	size_t i;
	int err;

	choose_differences(COW_ROW_PROCESS, &of_process);
	choose_differences(COW_ROW_SUM, &of_sum);
	err = cow_index_make(before->row, before->nr, &index)	   ?:
		      sums_make(before->row, before->nr, &sums[0]) ?:
		      sums_make(now->row, now->nr, &sums[1])	   ?:
		      sums_make(delta->row, delta->nr, &sums[2]);
	for (i = 0; i < delta->nr && !err; i++) {
		old = earlier(&delta->row[i], before, &index, &sums[0]);
		if (old)
			subtract(&delta->row[i], old,
				 old->kind == COW_ROW_PROCESS ? &of_process : &of_sum);
	}
	if (!err)
		err = subtract_all_gone(before, now, &sums[1], &sums[2]);
	for (i = 0; i < 3; i++)
		free(sums[i].row);
	cow_index_free(&index);
	return err;
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
