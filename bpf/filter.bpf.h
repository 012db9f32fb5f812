/* SPDX-License-Identifier: GPL-2.0 */
/* Which processes cowtrace watches. Its options set the variables. */
#ifndef COWSTAT_FILTER_BPF_H
#define COWSTAT_FILTER_BPF_H

#include "cow.bpf.h"

const volatile bool only_pids;		       /* only processes in the map pids */
const volatile bool with_children;	       /* add their new children to the map */
const volatile unsigned long long only_cgroup; /* this one and those below it; 0 for all */
const volatile int cgroup_level;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u8);
} pids SEC(".maps");

static __always_inline bool pid_is_listed(u32 pid)
{
	return bpf_map_lookup_elem(&pids, &pid);
}

static __always_inline bool cgroup_is_watched(void)
{
	return !only_cgroup || bpf_get_current_ancestor_cgroup_id(cgroup_level) == only_cgroup;
}

/* Watch the child of a listed process, too. Return false if there is no room for it. */
static __always_inline bool list_child(u32 pid, u32 child_pid)
{
	u8 one = 1;

	return !with_children || pid == child_pid || !pid_is_listed(pid) ||
	       !bpf_map_update_elem(&pids, &child_pid, &one, BPF_ANY);
}

/* A thread exits: if it is the last one of its process, its pid may be used again. */
static __always_inline void unlist_dead(struct task_struct *me)
{
	u32 pid = me->tgid;

	if (with_children && !me->signal->live.counter)
		bpf_map_delete_elem(&pids, &pid);
}

#endif /* COWSTAT_FILTER_BPF_H */
