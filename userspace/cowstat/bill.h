/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The copy-on-write bill of a process tree: the table is read again and again while the tree
 * lives, then its rows are added up. Only bill_print() does I/O.
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
 * @while_children: what it copied between the birth of each of its children and that child's
 *	exec or exit; copies while several children lived are in it several times
 */
struct seen {
	struct cow_row row;
	uint64_t reading;
	uint64_t while_children;
};

/**
 * struct tree - a process and its descendants
 * @parent: pid of the first one's parent, which is not of the tree
 * @root: pid of the first one
 * @seen: all that were seen, sorted by (pid, start_ns)
 * @nr: how many
 * @room: how many @seen has room for
 * @reading: number of the last reading
 * @before: the header of a table read before the tree was; it has no rows
 * @last: that of the last reading
 * @off: some reading found counting off
 * @epochs: epochs that readings met after the first
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
 * @processes: that were seen
 * @running: those of them that live still
 * @forks: children with memory of their own
 * @vforks: children that borrowed their parent's memory
 * @failed: forks and vforks that failed
 * @shared: private pages that forks shared, present or swapped out
 * @copied: anonymous pages that were copied because they were shared
 * @by_children: of @copied, pages that an ancestor of the copying process had made
 * @before_exec: of @by_children, by those that then ran another program
 * @exec_forks: how many those were
 * @by_parents: of @copied, pages that the copying process had made itself
 * @after_children: of @by_parents, at least so many when no child was left to share them
 * @pgtables_bytes: page tables that forks built
 * @fork_ns: time in forks
 * @reused: pages made writable again, without a copy
 * @wp_faults: write-protect faults
 * @file_copied: private file pages, copied from the page cache or later
 * @ksm_copied: copies of merged pages
 * @fork_copied: pinned pages that forks copied at once
 * @hugetlb_bytes: of hugetlb pages copied
 * @copied_bytes: all bytes copied, for any reason
 * @timed: @copy_ns, @shootdown_ns and @reuse_ns are known
 * @copy_ns: time in copying faults, before other CPUs drop the old page from their TLBs
 * @shootdown_ns: and meanwhile
 * @reuse_ns: time in faults that reused the page
 * @minor_faults: all page faults without I/O, of the first process and those it waited for;
 *	the caller sets it
 * @run_ns: user and system time of the same processes; the caller sets it
 * @unseen: processes that came and went between two readings, or are not ours to see
 * @short_bytes: bytes copied by such processes: the table has only their sum
 * @stray: rows were given up whose ancestors had all gone, so some may be missing
 * @off: counting was off for a while
 * @epochs: times the table was reset
 * @sums_known: @lost and @missed are known
 * @lost: faults without a row, of all processes
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
