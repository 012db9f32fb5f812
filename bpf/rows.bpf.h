/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rows: one for each process, from its first fault or fork through its exit until its
 * place is needed. The rules are those of module/row.h and module/table.c; this file keeps
 * the rows in BPF maps. Included by cowstat.bpf.c alone.
 */
#ifndef COWSTAT_ROWS_BPF_H
#define COWSTAT_ROWS_BPF_H

#include "cow.bpf.h"
#include "row.h"

#define E2BIG		7

#define MAX_CPUS	1024

/* Set by the loader. */
const volatile unsigned int nr_cpus = 1;
const volatile unsigned int hooks = (1 << COWSTAT_NR_HOOKS) - 1;	/* a bit for each attached */
const volatile unsigned int max_rows = 8192;
struct cow_program programs[COW_MAX_PROGRAMS];	/* those that are attached */

struct owner {
	u32 uid;
	u32 known;
	u64 cgroup;
	char comm[COW_COMM_LEN];
};

/*
 * struct row - what is known of one process
 *
 * Its key in the map is the start time of the thread group's leader, which survives
 * de_thread(). Any task adds to @value, atomically; the process itself writes the rest, or
 * its parent does before the child runs. Readers read without a lock.
 */
struct row {
	u64 value[ROW_NR_VALUES];
	u64 leader;		/* its task_struct, to be read only with task_is() */
	u64 parent_start_ns;
	u64 parent_base;	/* parent's anon_copied when we were born */
	u64 ancestor[ROW_ANCESTORS];	/* their keys, nearest first */
	u32 tgid;
	u32 known;
	u32 state;
	u32 unsettled;		/* children that may yet ask for our anon_copied */
	struct row_pids pid;
	struct row_pids ppid;
	struct owner owner;	/* valid once exited */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct row);
} rows SEC(".maps");

/* Keys of exited rows, in the order of exit. */
struct exited_queue {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8192);
	__type(value, u64);
};

struct exited_queue exited SEC(".maps");
struct exited_queue exited_big SEC(".maps");

static const struct row no_row;

/* The sum of all rows that were given up, and of faults without a row. */
static u64 folded[ROW_NR_VALUES];
static u64 nr_folded, nr_rows, lost;

/* When counting began, CLOCK_BOOTTIME; the loader's to set. */
unsigned long long since_ns;

static __always_inline void add(u64 *value, enum row_value which, u64 n)
{
	__sync_fetch_and_add(&value[which], n);
}

static __always_inline struct row *row_at(u64 key)
{
	return bpf_map_lookup_elem(&rows, &key);
}

/* pre_exec_copied and parent_copied, as they stand now. False when the parent's row is gone. */
static __always_inline bool row_pre_exec(struct row *row, u64 *pre_exec, u64 *parent_copied)
{
	struct row *parent = NULL;
	u64 now;

	*pre_exec = row_anon_copied(row->value);
	*parent_copied = 0;
	if (row->known & ROW_KNOWS_PARENT)
		parent = row_at(row->ancestor[0]);
	if (!parent)
		return false;
	now = row_anon_copied(parent->value);
	if (now > row->parent_base)
		*parent_copied = now - row->parent_base;
	return true;
}

/* Called at the first exec or at the exit: what was copied before it is now final. */
static __noinline int row_settle(struct row *row)
{
	u64 pre_exec, parent_copied;
	struct row *parent;

	if (!row || !(row->known & ROW_KNOWS_BIRTH) || row->known & ROW_SETTLED)
		return 0;
	if (!row_pre_exec(row, &pre_exec, &parent_copied))
		row->known &= ~ROW_KNOWS_PARENT;
	row->value[ROW_PRE_EXEC_COPIED] = pre_exec;
	row->value[ROW_PARENT_COPIED] = parent_copied;
	if (row->known & ROW_KNOWS_PARENT) {
		parent = row_at(row->ancestor[0]);
		if (parent)
			__sync_fetch_and_add(&parent->unsettled, -1);
	}
	row->known |= ROW_SETTLED;
	return 0;
}

/* Add a row to the `-` row and, as a memo, to its nearest ancestor in the table. */
static __noinline int row_fold(struct row *row)
{
	struct row *ancestor = NULL;
	int i;

	if (!row)
		return 0;
	for (i = 0; i < ROW_FIRST_MEMO; i++)
		if (row->value[i])
			add(folded, i, row->value[i]);
	for (i = 0; i < ROW_ANCESTORS && !ancestor; i++) {
		u64 key = row->ancestor[i];

		ancestor = key ? row_at(key) : NULL;
	}
	if (!ancestor)
		return 0;
	for (i = ROW_FIRST_MEMO; i < ROW_NR_VALUES; i++)
		add(ancestor->value, i, row_memo(row->value, i));
	return 0;
}

/*
 * Give up an exited row, chosen by the rules of module/table.c. Not static, so that the
 * verifier checks it once and not at each call of each program.
 */
__noinline int recycle(void)
{
	int looks;

	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		bool small = true;
		struct row *row;
		u64 key = 0;

		if (bpf_map_pop_elem(&exited, &key)) {
			small = false;
			if (bpf_map_pop_elem(&exited_big, &key))
				return 0;
		}
		row = row_at(key);
		if (!row)
			continue;
		if (small && row_copied_bytes(row->value) >= ROW_BIG_BYTES) {
			bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
			continue;
		}
		if (row->unsettled) {
			if (small)
				bpf_map_push_elem(&exited, &key, BPF_EXIST);
			else
				bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
			continue;
		}
		row_fold(row);
		bpf_map_delete_elem(&rows, &key);
		__sync_fetch_and_add(&nr_folded, 1);
		__sync_fetch_and_add(&nr_rows, -1);
		return 1;
	}
	return 0;
}

static __always_inline void read_pids(struct row_pids *to, struct pid *pid)
{
	struct upid *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	u32 i, level = BPF_CORE_READ(pid, level);

	to->level = level < ROW_NS_LEVELS ? level : ROW_NS_LEVELS - 1;
	for (i = 0; i < ROW_NS_LEVELS; i++) {
		struct upid *number = (void *)numbers + i * bpf_core_type_size(struct upid);

		if (i > level)
			break;
		to->nr[i] = BPF_CORE_READ(number, nr);
		to->ns[i] = BPF_CORE_READ(number, ns, ns.inum);
	}
}

static __always_inline void read_owner(struct owner *to, struct task_struct *leader)
{
	to->uid = BPF_CORE_READ(leader, real_cred, uid.val);
	to->cgroup = BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&to->comm, leader, comm);
	to->known = 1;
}

static __always_inline void row_exit(struct row *row, u64 key, struct task_struct *task)
{
	if (row->state != ROW_LIVE)
		return;
	row_settle(row);
	read_owner(&row->owner, BPF_CORE_READ(task, group_leader));
	row->state = ROW_EXITED;
	if (row_copied_bytes(row->value) < ROW_BIG_BYTES)
		bpf_map_push_elem(&exited, &key, BPF_EXIST);
	else
		bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
}

/* Make a row for a process that has none. NULL when there is no room. */
static __noinline struct row *row_make(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	u64 key = BPF_CORE_READ(leader, start_boottime);
	struct row *row;
	long err;

	err = bpf_map_update_elem(&rows, &key, &no_row, BPF_NOEXIST);
	if (err == -E2BIG && recycle())
		err = bpf_map_update_elem(&rows, &key, &no_row, BPF_NOEXIST);
	row = row_at(key);
	if (!row || err)	/* no room, or another thread of the process has made it */
		return row;
	__sync_fetch_and_add(&nr_rows, 1);
	row->leader = (u64)leader;
	row->tgid = BPF_CORE_READ(leader, tgid);
	read_pids(&row->pid, BPF_CORE_READ(leader, thread_pid));
	row->state = ROW_LIVE;
	/* It may be past its sched_process_exit, which will not come again. */
	if (!BPF_CORE_READ(task, signal, live.counter))
		row_exit(row, key, task);
	return row;
}

static __always_inline struct row *row_of(struct task_struct *task)
{
	return row_at(task->group_leader->start_boottime) ?: row_make((u64)task);
}

#endif /* COWSTAT_ROWS_BPF_H */
