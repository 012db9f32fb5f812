/* SPDX-License-Identifier: GPL-2.0 */
/* Reads two processes, page by page, and compares the pages that were copied. */
#ifndef COWSTAT_DIFF_READ_H
#define COWSTAT_DIFF_READ_H

#include "amplification.h"
#include "process_memory.h"

/**
 * struct diff_pair - two processes that a fork made of one
 * @child: the child
 * @parent: the parent
 * @gone: on -ESRCH: the pid of the one that has exited or runs another program
 * @no_flags: the kinds of frames cannot be read: pages of hugetlb look like copied ones
 * @ksm_pages: so many merged pages the two processes have, and these look like copied ones
 */
struct diff_pair {
	struct process_memory child, parent;
	pid_t gone;
	bool no_flags;
	uint64_t ksm_pages;
};

bool diff_sees_frames(void);
int diff_read(struct diff_pair *pair, struct amplification *a);

#endif /* COWSTAT_DIFF_READ_H */
