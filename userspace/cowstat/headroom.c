// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "cgroups.h"
#include "headroom.h"
#include "procfs.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A figure of a control group's directory. Return: false where it has none, or "max". */
static bool figure(const char *dir, const char *file, const char *key, uint64_t *n)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !procfs_figure(path, key, n);
}

/* What one control group leaves. It can drop pages of files before it kills a process. */
static void read_cgroup(const char *dir, const char *name, struct headroom *h)
{
	uint64_t max, used, active = 0, inactive = 0, left;

	if (figure(dir, "memory.max", NULL, &max) && figure(dir, "memory.current", NULL, &used)) {
		figure(dir, "memory.stat", "active_file", &active);
		figure(dir, "memory.stat", "inactive_file", &inactive);
		used -= least(used, active + inactive);
		left = max > used ? max - used : 0;
		if (left < h->cgroup_available) {
			h->cgroup_available = left;
			snprintf(h->cgroup, sizeof(h->cgroup), "%s", *name ? name : "/");
		}
	}
	if (figure(dir, "memory.swap.max", NULL, &max) &&
	    figure(dir, "memory.swap.current", NULL, &used))
		h->cgroup_swap = least(h->cgroup_swap, max > used ? max - used : 0);
}

/* The control group of a process, and all above it. */
static void read_cgroups(pid_t pid, struct headroom *h)
{
	char mount[2048], dir[PATH_MAX + 2048], path[48], name[512];
	char *slash;
	size_t root;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (!cgroups_mount(mount, sizeof(mount)) || procfs_line(path, "0", name, sizeof(name)))
		return;
	/* A group that this mount does not show begins with "/..". */
	if (*name != '/' || !strncmp(name, "/..", 3))
		return;
	root = snprintf(dir, sizeof(dir), "%s%s", mount, strcmp(name, "/") ? name : "") -
	       strlen(strcmp(name, "/") ? name : "");
	for (;;) {
		read_cgroup(dir, dir + root, h);
		slash = strrchr(dir + root, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
}

/**
 * headroom_read() - read how much memory a process may still use
 * @pid: the process
 * @h: filled in; what cannot be read is no limit
 */
void headroom_read(pid_t pid, struct headroom *h)
{
	uint64_t limit, committed;

	*h = (struct headroom){
		.cgroup_available = UINT64_MAX,
		.cgroup_swap = UINT64_MAX,
		.committable = UINT64_MAX,
	};
	h->available = procfs_meminfo("MemAvailable");
	h->swap = procfs_meminfo("SwapFree");
	read_cgroups(pid, h);
	procfs_figure("/proc/sys/vm/overcommit_memory", NULL, &h->overcommit);
	if (h->overcommit == OVERCOMMIT_NEVER) {
		limit = procfs_meminfo("CommitLimit");
		committed = procfs_meminfo("Committed_AS");
		h->committable = limit > committed ? limit - committed : 0;
	}
}

/**
 * headroom_memory() - what can be used without swapping
 * @h: the limits
 *
 * Return: bytes.
 */
uint64_t headroom_memory(const struct headroom *h)
{
	return least(h->available, h->cgroup_available);
}

/**
 * headroom_swap() - what can be swapped out to make more room
 * @h: the limits
 *
 * Return: bytes.
 */
uint64_t headroom_swap(const struct headroom *h)
{
	return least(h->swap, h->cgroup_swap);
}

/**
 * headroom_verdict() - does a fork fit, and what its child makes the process copy?
 * @h: the limits
 * @bytes: the memory needed
 * @promised: private writable memory, which the kernel promises to the child a second time
 *
 * Return: what will happen.
 */
enum verdict headroom_verdict(const struct headroom *h, const struct estimate *bytes,
			      uint64_t promised)
{
	double memory = headroom_memory(h), swap = headroom_swap(h);

	if (promised > h->committable)
		return VERDICT_NO_FORK;
	if (bytes->high <= memory)
		return VERDICT_FITS;
	if (bytes->pages <= memory)
		return VERDICT_MAY_NOT_FIT;
	return bytes->pages <= memory + swap ? VERDICT_SWAPS : VERDICT_KILLED;
}

/**
 * verdict_name() - a verdict as a word for programs
 * @verdict: which
 *
 * Return: the word.
 */
const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_FITS] = "fits",       [VERDICT_MAY_NOT_FIT] = "may not fit",
		[VERDICT_SWAPS] = "swaps",     [VERDICT_KILLED] = "killed",
		[VERDICT_NO_FORK] = "no fork",
	};

	return names[verdict];
}
