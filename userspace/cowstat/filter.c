// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "filter.h"

/**
 * filter_narrows() - does a filter exclude processes that are not idle?
 * @filter: the filter
 *
 * Return: false if it excludes only idle rows, so that the total may be printed below the rows.
 */
bool filter_narrows(const struct filter *filter)
{
	return filter->pids.nr || filter->has_comm || filter->cgroup || filter->has_uid;
}

static bool cgroup_passes(const struct filter *filter, const struct cow_row *row,
			  const struct cgroups *cgroups)
{
	const char *path;

	if (!filter->cgroup)
		return true;
	if (!row->known[COWSTAT_COL_CGROUP])
		return false;
	path = cgroups_path(cgroups, row->value[COWSTAT_COL_CGROUP]);
	return path && cgroups_within(path, filter->cgroup);
}

static bool user_passes(const struct filter *filter, const struct cow_row *row)
{
	return !filter->has_uid ||
	       (row->known[COWSTAT_COL_UID] && row->value[COWSTAT_COL_UID] == filter->uid);
}

/**
 * row_is_idle() - has a row no counted event?
 * @row: counts, or a difference
 *
 * Return: true if so. An exec does not count as activity: every program starts with one.
 */
bool row_is_idle(const struct cow_row *row)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (c != COWSTAT_COL_EXECS && c != COWSTAT_COL_PROCESSES && row->value[c] &&
		    (cow_column_kind(c) == COWSTAT_COUNT || cow_column_kind(c) == COWSTAT_DERIVED))
			return false;
	return true;
}

/**
 * filter_passes() - does a row pass the filter?
 * @filter: the filter
 * @row: of a process, or a sum
 * @cgroups: all cgroups, to find the path of one
 *
 * A process whose pid the filter names passes, idle or not. A sum of recycled rows has no pid; the
 * filter compares its cgroup and user, and its name if it has one. The `-` row passes unless the filter
 * selects certain processes. The total never passes.
 *
 * Return: true if it passes.
 */
bool filter_passes(const struct filter *filter, const struct cow_row *row,
		   const struct cgroups *cgroups)
{
	if (row->kind == COW_ROW_TOTAL)
		return false;
	if (row->kind == COW_ROW_FOLDED)
		return !filter_narrows(filter) && (filter->idle || !row_is_idle(row));
	if (row->kind == COW_ROW_SUM && filter->has_comm && !row->known[COWSTAT_COL_COMM])
		return false;
	return (!filter->pids.nr || pid_list_has(&filter->pids, row->pid)) &&
	       user_passes(filter, row) && cgroup_passes(filter, row, cgroups) &&
	       (!filter->has_comm || !regexec(&filter->comm, row->comm, 0, NULL, 0)) &&
	       (filter->idle || filter->pids.nr || !row_is_idle(row));
}

/* Identities are sorted smallest first, figures largest first. */
static int compare(const struct cow_row *x, const struct cow_row *y, enum cowstat_column key)
{
	uint64_t a = x->value[key], b = y->value[key];
	int order;

	if (key == COWSTAT_COL_COMM)
		return strcmp(x->comm, y->comm);
	if (key == COWSTAT_COL_STATE)
		return (x->state > y->state) - (x->state < y->state);
	order = (a > b) - (a < b);
	return cow_column_kind(key) == COWSTAT_IDENTITY ? order : -order;
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;
	const enum cowstat_column key[] = {
		*(enum cowstat_column *)arg,
		COWSTAT_COL_COPIED_BYTES,
		COWSTAT_COL_WP_FAULTS,
		COWSTAT_COL_START_NS,
	};
	size_t i;
	int order;

	/* sums come last when rows are sorted by an identity */
	if (cow_column_kind(key[0]) == COWSTAT_IDENTITY && x->kind != y->kind)
		return x->kind > y->kind ? 1 : -1;
	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		order = compare(x, y, key[i]);
		if (order)
			return order;
	}
	return 0;
}

/**
 * sort_rows() - sort rows
 * @row: the rows
 * @nr: how many
 * @key: the column to sort by; of equal rows, the one that copied more comes first
 */
void sort_rows(const struct cow_row **row, size_t nr, enum cowstat_column key)
{
	qsort_r(row, nr, sizeof(*row), by_key, &key);
}
