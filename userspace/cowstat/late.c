// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "late.h"
#include "procfs.h"

/* Is it the process of the row, and not a later process with the same pid? */
static bool is_same(const struct cow_row *row, const struct procfs_stat *stat)
{
	return row->value[COWSTAT_COL_START_NS] / PROCFS_START_STEP_NS ==
	       stat->start_ns / PROCFS_START_STEP_NS;
}

/**
 * late_find_parents() - find the parents of live processes whose rows do not know them
 * @t: the table of this machine, read a moment ago. Such a row gets its ppid, but no
 *	parent_start_ns: see view_is_late()
 */
void late_find_parents(struct cow_table *t)
{
	struct procfs_stat stat;
	size_t i;

	for (i = 0; i < t->nr; i++) {
		struct cow_row *row = &t->row[i];

		if (row->kind != COW_ROW_PROCESS || row->state != 'L' ||
		    row->known[COWSTAT_COL_PPID] || !row->known[COWSTAT_COL_START_NS] ||
		    procfs_stat(row->pid, &stat) || !is_same(row, &stat))
			continue;
		row->known[COWSTAT_COL_PPID] = true;
		row->value[COWSTAT_COL_PPID] = stat.ppid;
	}
}

/* The children to count: argument of the callback. */
struct wanted {
	const struct pid_list *parents;
	uint64_t since_ns;
	size_t nr;
};

static void count_child(pid_t pid, const struct procfs_stat *stat, void *arg)
{
	struct wanted *w = arg;

	(void)pid;
	w->nr += pid_list_has(w->parents, stat->ppid) && stat->start_ns < w->since_ns;
}

/**
 * late_count_children() - count live children that were forked before counting began
 * @parents: whose
 * @since_ns: when counting began, CLOCK_BOOTTIME
 *
 * Return: how many there are, with or without a row; 0 when /proc cannot be read.
 */
size_t late_count_children(const struct pid_list *parents, uint64_t since_ns)
{
	struct wanted w = { .parents = parents, .since_ns = since_ns };

	procfs_each(count_child, &w);
	return w.nr;
}
