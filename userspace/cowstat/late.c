// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>

#include "format.h"
#include "late.h"
#include "procfs.h"

/* Is it the process of the row, and not a later one of the same pid? */
static bool is_same(const struct cow_row *row, const struct procfs_stat *stat)
{
	return row->value[COWSTAT_COL_START_NS] / PROCFS_START_STEP_NS ==
	       stat->start_ns / PROCFS_START_STEP_NS;
}

/**
 * late_find_parents() - learn the parents of live processes whose row does not know them
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

/**
 * late_count_children() - count live children that were forked before counting began
 * @parents: whose
 * @since_ns: when counting began, CLOCK_BOOTTIME
 *
 * Return: how many there are, with or without a row; 0 when /proc cannot be read.
 */
size_t late_count_children(const struct pid_list *parents, uint64_t since_ns)
{
	DIR *proc = opendir("/proc");
	struct procfs_stat stat;
	struct dirent *entry;
	size_t nr = 0;
	uint64_t pid;

	while (proc && (entry = readdir(proc)))
		if (!parse_number(entry->d_name, 1, INT_MAX, &pid) && !procfs_stat(pid, &stat) &&
		    pid_list_has(parents, stat.ppid) && stat.start_ns < since_ns)
			nr++;
	if (proc)
		closedir(proc);
	return nr;
}
