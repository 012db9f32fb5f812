/* SPDX-License-Identifier: GPL-2.0 */
/* How much memory a process may still use: the machine's, its control groups', what may be promised. */
#ifndef COWSTAT_HEADROOM_H
#define COWSTAT_HEADROOM_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "growth.h"

#define OVERCOMMIT_NEVER	2

/**
 * struct headroom - limits, in bytes; UINT64_MAX where there is none
 * @available: what the machine has left without swapping (MemAvailable)
 * @swap: its free swap
 * @cgroup: the control group that leaves the process the least; "" without any limit
 * @cgroup_available: what that one leaves, and what it can drop from its page cache
 * @cgroup_swap: the least swap that any control group leaves
 * @overcommit: vm.overcommit_memory
 * @committable: what the kernel may still promise, where overcommit is OVERCOMMIT_NEVER
 */
struct headroom {
	uint64_t available;
	uint64_t swap;
	char cgroup[PATH_MAX];
	uint64_t cgroup_available;
	uint64_t cgroup_swap;
	uint64_t overcommit;
	uint64_t committable;
};

/* What becomes of a process that needs more memory. */
enum verdict {
	VERDICT_FITS,
	VERDICT_MAY_NOT_FIT, /* it fits if no more is needed than the best guess */
	VERDICT_SWAPS,
	VERDICT_KILLED,
	VERDICT_NO_FORK, /* fork fails: ENOMEM */
};

void headroom_read(pid_t pid, struct headroom *h);
uint64_t headroom_memory(const struct headroom *h);
uint64_t headroom_swap(const struct headroom *h);
enum verdict headroom_verdict(const struct headroom *h, const struct estimate *bytes,
			      uint64_t promised);
const char *verdict_name(enum verdict verdict);

#endif /* COWSTAT_HEADROOM_H */
