/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The copy-on-write bill of a process tree. The caller reads the table again and again while the
 * tree lives; then the rows of the tree are added up. Only bill_print() does I/O.
 */
#ifndef COWSTAT_BILL_H
#define COWSTAT_BILL_H

#include <stdio.h>

#include "failed.h"
#include "table_reader.h"

/**
 * struct seen - a process of the tree, as its row was last read
 * @row: the row
 * @reading: number of that reading
 * @while_children: pages that it copied between the birth of each child and that child's exec or
 *	exit; a copy while several children lived counts once for each of them
 */
struct seen {
	struct cow_row row;
	uint64_t reading;
	uint64_t while_children;
};

/**
 * struct tree - a process and its descendants
 * @parent: pid of the first process's parent, which is not in the tree
 * @root: pid of the first process
 * @seen: all processes that were seen, sorted by (pid, start_ns)
 * @nr: number of processes in @seen
 * @room: how many processes @seen has room for
 * @reading: number of the last reading
 * @before: the header of a table read before the tree existed; it has no rows
 * @last: the header of the last reading
 * @off: counting was off in some reading
 * @epochs: how many further epochs the readings have seen after the first
 */
struct tree {
	pid_t parent;
	pid_t root;
	struct seen *seen;
	size_t nr;
	size_t room;
	uint64_t reading;
	struct cow_table before;
	struct cow_table last;
	bool off;
	uint64_t epochs;
};

void tree_init(struct tree *tree, const struct cow_table *before, pid_t parent);
int tree_add(struct tree *tree, const struct cow_table *t);
void tree_free(struct tree *tree);

/**
 * struct bill - what copy-on-write did for the tree's processes
 * @found: the first process had a row; if not, nothing below is known
 * @processes: number of processes that were seen
 * @running: how many of them still live
 * @forks: children with memory of their own
 * @vforks: children that borrowed their parent's memory
 * @failed: forks and vforks that failed
 * @shared: private pages that forks shared, present or swapped out
 * @copied: anonymous pages that were copied because they were shared
 * @by_children: of @copied, pages that an ancestor of the copying process had made
 * @before_exec: of @by_children, copies by children that later ran another program
 * @exec_forks: number of these children
 * @by_parents: of @copied, pages that the copying process had made itself
 * @after_children: of @by_parents, at least so many were copied when no child shared them any more
 * @pgtables_bytes: page tables that forks built
 * @fork_ns: time in forks
 * @reused: pages made writable again, without a copy
 * @wp_faults: write-protect faults
 * @file_copied: private file pages, copied from the page cache or later
 * @ksm_copied: copies of merged pages
 * @fork_copied: pinned pages that forks themselves copied
 * @hugetlb_bytes: bytes of hugetlb pages that were copied
 * @copied_bytes: all bytes copied, for any reason
 * @timed: @copy_ns, @shootdown_ns and @reuse_ns are known
 * @copy_ns: time in copying faults, before other CPUs drop the old page from their TLBs
 * @shootdown_ns: time in copying faults while they drop it
 * @reuse_ns: time in faults that reused the page
 * @minor_faults: all page faults without I/O, of the first process and those it waited for;
 *	the caller sets it
 * @run_ns: user and system time of the same processes; the caller sets it
 * @unseen: processes that began and exited between two readings, or that we may not see
 * @short_bytes: bytes copied by such processes: the table has only their sum
 * @stray: rows without a remaining ancestor were recycled, so some counts may be missing
 * @off: counting was off for a while
 * @epochs: times the table was reset
 * @sums_known: @lost and @missed are known
 * @lost: faults and forks that got no row, of all processes
 * @missed: events not counted, of all processes
 */
struct bill {
	bool found;
	uint64_t processes, running;
	uint64_t forks, vforks;
	struct failed failed;
	uint64_t shared;
	uint64_t copied;
	uint64_t by_children, before_exec, exec_forks, by_parents, after_children;
	uint64_t pgtables_bytes, fork_ns, reused, wp_faults;
	uint64_t file_copied, ksm_copied, fork_copied, hugetlb_bytes;
	uint64_t copied_bytes, minor_faults;
	bool timed;
	uint64_t copy_ns, shootdown_ns, reuse_ns, run_ns;

	uint64_t unseen, short_bytes;
	bool stray, off;
	uint64_t epochs;
	bool sums_known;
	uint64_t lost, missed;
};

void bill_make(struct tree *tree, struct bill *bill);
bool bill_is_complete(const struct bill *bill);
void bill_print(FILE *to, const struct bill *bill, const char *title);

#endif /* COWSTAT_BILL_H */
