/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rows, and the sums of rows that were recycled. A process has a row from its first fault or
 * fork until some time after its exit, when another process needs the row. The rules are those of
 * module/row.h, module/table.c and module/sum.c, but this file keeps the rows in BPF maps.
 * Included only by cowstat.bpf.c.
 */
#ifndef COWSTAT_ROWS_BPF_H
#define COWSTAT_ROWS_BPF_H

#include "cow.bpf.h"
#include "mm.bpf.h"
#include "row.h"

#define HAND_BITS	14

/* Set by the loader. */
const volatile unsigned int hooks = (1 << COWSTAT_NR_HOOKS) - 1; /* a bit for each attached */
const volatile unsigned int max_rows = 8192;
const volatile unsigned int nr_sums = ROW_MAX_SUMS; /* of each kind */
struct cow_program programs[COW_MAX_PROGRAMS];	    /* those that are attached */

struct owner {
	u32 uid;
	u32 known;
	u64 cgroup;
	char comm[COW_COMM_LEN];
};

/*
 * Identifies a process: start time and pid of the thread group's leader. Both survive
 * de_thread(). The start time alone is not enough: with a coarse clock two processes may have the
 * same one.
 */
struct row_key {
	u64 start_ns;
	u32 pid;  /* in the initial namespace */
	u32 zero; /* instead of padding: keys are compared as bytes */
};

/**
 * struct row_ref - a reference to a row; valid as long as the row belongs to the same process
 * @index: the row's index
 * @generation: row->generation when the reference was made; 0 for no row
 */
struct row_ref {
	u32 index;
	u32 generation;
};

/*
 * struct row - what is known of one process
 *
 * Any task adds to @value atomically. All other fields are written by the process itself, or by
 * its parent before the child runs. Readers take no lock.
 */
struct row {
	u64 value[ROW_NR_VALUES];
	u64 signal; /* its signal_struct, which all its threads share */
	struct row_key key;
	u64 leader; /* its task_struct, to be read only with task_is() */
	u64 parent_start_ns;
	u64 parent_base; /* the parent's OWN_COPIED when the process was born */
	struct row_ref ancestor[ROW_ANCESTORS]; /* nearest first */
	u32 index;				/* in the map of rows */
	u32 generation;				/* incremented for each process that gets the row */
	u32 known;
	u32 state;
	u32 exiting;   /* a thread has begun to mark it exited */
	u32 unsettled; /* children that may still need this row's OWN_COPIED */
	struct row_pids pid;
	struct row_pids ppid;
	struct owner owner; /* valid in sums, and once the process has exited */
	u32 added;	    /* in a sum: a row was added since sum_take() last checked it */
};

/* First max_rows rows, then the sums by name, then the sums of cgroups for all names. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192 + ROW_SUM_KINDS * ROW_MAX_SUMS);
	__type(key, u32);
	__type(value, struct row);
} rows SEC(".maps");

/* The row of each process that has one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct row_key);
	__type(value, u32);
} index_of SEC(".maps");

/* Queues of row indices: exited rows, in the order of exit, and rows taken but not used. */
struct row_queue {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8192);
	__type(value, u32);
};

struct row_queue exited SEC(".maps");
struct row_queue exited_big SEC(".maps");
struct row_queue spare SEC(".maps");

/* The cgroup, user and name that a sum is for. */
struct sum_key {
	u64 cgroup;
	u32 uid;
	u32 kind;		 /* enum row_sum_kind */
	char comm[COW_COMM_LEN]; /* only in ROW_SUM_NAMED */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROW_SUM_KINDS * ROW_MAX_SUMS);
	__type(key, struct sum_key);
	__type(value, u32);
} sum_of SEC(".maps");

/* A queue of sum indices; the oldest sums are at the front. */
struct sum_queue {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, ROW_MAX_SUMS);
	__type(value, u32);
};

struct sum_queue named_sums SEC(".maps");
struct sum_queue cgroup_sums SEC(".maps");

/*
 * A cache of row indices by the low bits of the pid. A process that faults finds its row here,
 * without a lookup in the hash map. The row itself says whether it belongs to the process. A row
 * in this cache is "at hand".
 */
static u32 hand[1 << HAND_BITS];

static const struct row no_row;

/* The `-` row: faults that got no row, and counts of given-up rows that are in no sum. */
static u64 folded[ROW_NR_VALUES];
static u64 nr_folded, nr_rows, nr_used, lost;

static u32 sums_begun[ROW_SUM_KINDS]; /* how many sums of each kind were ever in use */
static u64 sums_in_use, merged;

/* Events that are missing in a column, because a map had no room to remember them. */
static u64 missed;

/* When counting began, in CLOCK_BOOTTIME. The loader sets it. */
unsigned long long since_ns;

static __always_inline void add(u64 *value, enum row_value which, u64 n)
{
	__sync_fetch_and_add(&value[which], n);
}

static __always_inline struct row *row_at(u32 index)
{
	return bpf_map_lookup_elem(&rows, &index);
}

/* The row that a reference points to; NULL if another process has the row now. */
static __always_inline struct row *row_by_ref(struct row_ref ref)
{
	struct row *row = ref.generation ? row_at(ref.index) : NULL;

	return row && row->generation == ref.generation ? row : NULL;
}

static __always_inline u32 *hand_of(u32 tgid)
{
	return &hand[tgid & ((1 << HAND_BITS) - 1)];
}

/* The row of a process if it is at hand; else NULL. */
static __always_inline struct row *row_at_hand(u32 tgid, u64 signal)
{
	struct row *row = row_at(*hand_of(tgid));

	return row && row->signal == signal ? row : NULL;
}

/* Compute pre_exec_copied and parent_copied up to now. False if the parent's row is gone. */
static __always_inline bool row_pre_exec(struct row *row, u64 *pre_exec, u64 *parent_copied)
{
	struct row *parent = NULL;
	u64 now;

	*pre_exec = row_anon_copied(row->value);
	*parent_copied = 0;
	if (row->known & ROW_KNOWS_PARENT)
		parent = row_by_ref(row->ancestor[0]);
	if (!parent)
		return false;
	now = parent->value[ROW_OWN_COPIED];
	if (now > row->parent_base)
		*parent_copied = now - row->parent_base;
	return true;
}

/* At the first exec, or at exit: make pre_exec_copied and parent_copied final. */
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
		parent = row_by_ref(row->ancestor[0]);
		if (parent)
			__sync_fetch_and_add(&parent->unsettled, -1);
	}
	row->known |= ROW_SETTLED;
	return 0;
}

/* Add a row that is recycled, as memos, to its nearest ancestor that still has a row. */
static __noinline int row_remember(struct row *row)
{
	struct row *ancestor = NULL;
	int i;

	if (!row)
		return 0;
	for (i = 0; i < ROW_ANCESTORS && !ancestor; i++)
		ancestor = row_by_ref(row->ancestor[i]);
	for (i = ROW_FIRST_MEMO; i < ROW_NR_VALUES && ancestor; i++)
		add(ancestor->value, i, row_memo(row->value, i));
	return 0;
}

/* Move counts from a row, or a sum, to a sum, or to the `-` row. */
static __always_inline void move_values(struct row *from, u64 *to)
{
	int i;

	for (i = 0; i < ROW_FIRST_MEMO; i++)
		if (from->value[i])
			add(to, i, __sync_lock_test_and_set(&from->value[i], 0));
}

static __always_inline enum row_sum_kind sum_kind(u32 index)
{
	return index < max_rows + nr_sums ? ROW_SUM_NAMED : ROW_SUM_OF_CGROUP;
}

static __always_inline struct sum_key sum_key(const struct row *row, enum row_sum_kind kind)
{
	struct sum_key key = {
		.cgroup = row->owner.cgroup,
		.uid = row->owner.uid,
		.kind = kind,
	};

	if (kind == ROW_SUM_NAMED)
		__builtin_memcpy(key.comm, row->owner.comm, sizeof(key.comm));
	return key;
}

/*
 * Choose a sum to be used for another key: one that was never used, or one to which nothing was
 * added for long. In the second case it is no longer found by its old key, but still has its
 * counts: the caller moves them. Return its index plus one; 0 when there is none.
 */
static __always_inline u32 sum_take(enum row_sum_kind kind, void *queue)
{
	u32 index, looks;

	if (sums_begun[kind] < nr_sums) {
		index = __sync_fetch_and_add(&sums_begun[kind], 1);
		if (index < nr_sums)
			return max_rows + kind * nr_sums + index + 1;
	}
	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		struct sum_key key;
		struct row *sum;

		if (bpf_map_pop_elem(queue, &index))
			return 0;
		sum = row_at(index);
		if (!sum)
			return 0;
		if (sum->added && looks < ROW_MAX_LOOKS - 1) {
			sum->added = 0;
			bpf_map_push_elem(queue, &index, BPF_EXIST);
			continue;
		}
		if (sum->state == ROW_SUM) {
			key = sum_key(sum, kind);
			bpf_map_delete_elem(&sum_of, &key);
			__sync_fetch_and_add(&sums_in_use, -1);
			__sync_fetch_and_add(&merged, 1);
		}
		return index + 1;
	}
	return 0;
}

/*
 * Use a sum for the owner of a row. If another CPU has made a sum for this owner in between, put
 * ours back and return that one.
 */
static __always_inline struct row *sum_begin(struct row *sum, u32 index, const struct row *row,
					     enum row_sum_kind kind, void *queue)
{
	struct sum_key key = sum_key(row, kind);
	u32 *found;

	sum->owner = row->owner;
	sum->added = 0;
	sum->state = ROW_SUM;
	if (!bpf_map_update_elem(&sum_of, &key, &index, BPF_NOEXIST)) {
		__sync_fetch_and_add(&sums_in_use, 1);
	} else {
		sum->state = ROW_FREE;
		found = bpf_map_lookup_elem(&sum_of, &key);
		sum = found ? row_at(*found) : NULL;
	}
	bpf_map_push_elem(queue, &index, BPF_EXIST);
	return sum;
}

static __always_inline struct row *sum_find(const struct row *row, enum row_sum_kind kind)
{
	struct sum_key key = sum_key(row, kind);
	u32 *index = bpf_map_lookup_elem(&sum_of, &key);

	return index ? row_at(*index) : NULL;
}

/*
 * Merge a named sum into the sum of its cgroup and user for all names, or into the `-` row if none
 * can be had. This function and the next are not static, so that the verifier checks them once.
 */
__noinline int sum_merge_named(u32 from)
{
	struct row *row = row_at(from), *sum, *old;
	u32 index;

	if (!row)
		return 0;
	sum = sum_find(row, ROW_SUM_OF_CGROUP);
	if (!sum) {
		index = sum_take(ROW_SUM_OF_CGROUP, &cgroup_sums);
		old = index ? row_at(index - 1) : NULL;
		if (old) {
			move_values(old, folded);
			sum = sum_begin(old, index - 1, row, ROW_SUM_OF_CGROUP, &cgroup_sums);
		}
	}
	move_values(row, sum ? sum->value : folded);
	if (sum)
		sum->added = 1;
	return 0;
}

/* Move a row's counts to the sum of its owner, or to the `-` row if no sum can be had. */
__noinline int row_add_to_sum(u32 from)
{
	struct row *row = row_at(from), *sum = NULL, *old;
	u32 index;

	if (!row)
		return 0;
	if (row->owner.known)
		sum = sum_find(row, ROW_SUM_NAMED);
	if (!sum && row->owner.known) {
		index = sum_take(ROW_SUM_NAMED, &named_sums);
		old = index ? row_at(index - 1) : NULL;
		if (old) {
			if (old->state == ROW_SUM)
				sum_merge_named(index - 1);
			sum = sum_begin(old, index - 1, row, ROW_SUM_NAMED, &named_sums);
		}
	}
	move_values(row, sum ? sum->value : folded);
	if (sum)
		sum->added = 1;
	return 0;
}

/*
 * Recycle an exited row, chosen by the rules of module/table.c. Live rows are never recycled here.
 * Not static, so that the verifier checks it once and not at each call of each program.
 *
 * Return: the row's index plus one; 0 if no row could be recycled.
 */
__noinline int recycle(void)
{
	int looks;

	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		bool small = true;
		struct row_key key;
		struct row *row;
		u32 index = 0;

		if (bpf_map_pop_elem(&exited, &index)) {
			small = false;
			if (bpf_map_pop_elem(&exited_big, &index))
				return 0;
		}
		row = row_at(index);
		if (!row)
			continue;
		if (small && row_copied_bytes(row->value) >= ROW_BIG_BYTES) {
			bpf_map_push_elem(&exited_big, &index, BPF_EXIST);
			continue;
		}
		if (row->unsettled) {
			if (small)
				bpf_map_push_elem(&exited, &index, BPF_EXIST);
			else
				bpf_map_push_elem(&exited_big, &index, BPF_EXIST);
			continue;
		}
		row->signal = 0; /* first, so that no fault finds the row any more */
		key = row->key;
		bpf_map_delete_elem(&index_of, &key);
		row_remember(row);
		row_add_to_sum(index);
		row->state = ROW_FREE;
		__sync_fetch_and_add(&nr_folded, 1);
		__sync_fetch_and_add(&nr_rows, -1);
		return index + 1;
	}
	return 0;
}

/* Take a free row, or give one up. Return its index plus one; 0 when there is none. */
static __always_inline u32 row_take(void)
{
	u32 index;

	if (!bpf_map_pop_elem(&spare, &index))
		return index + 1;
	if (nr_used < max_rows) {
		index = __sync_fetch_and_add(&nr_used, 1);
		if (index < max_rows)
			return index + 1;
	}
	return recycle();
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

/* The process exits or has exited. Several threads may call this; only one does the work. */
static __always_inline void row_exit(struct row *row, struct task_struct *task)
{
	u32 index = row->index;

	if (__sync_val_compare_and_swap(&row->exiting, 0, 1))
		return;
	row_settle(row);
	read_owner(&row->owner, BPF_CORE_READ(task, group_leader));
	row->state = ROW_EXITED;
	if (row_copied_bytes(row->value) < ROW_BIG_BYTES)
		bpf_map_push_elem(&exited, &index, BPF_EXIST);
	else
		bpf_map_push_elem(&exited_big, &index, BPF_EXIST);
}

static __always_inline struct row_key key_of(struct task_struct *leader)
{
	struct row_key key = {
		.start_ns = BPF_CORE_READ(leader, start_boottime),
		.pid = BPF_CORE_READ(leader, tgid),
	};

	return key;
}

/* Put a row at hand for its process. */
static __always_inline struct row *row_keep(struct row *row, u32 index, u64 signal)
{
	row->signal = signal;
	*hand_of(row->key.pid) = index;
	return row;
}

/* Find the row of a process, whether it is at hand or not; NULL if it has none. */
static __noinline struct row *row_find(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct row_key key = key_of(BPF_CORE_READ(task, group_leader));
	u32 *index = bpf_map_lookup_elem(&index_of, &key);

	return index ? row_at(*index) : NULL;
}

/*
 * Find the row of a process whose row is not at hand. Make one if it has none; NULL if there is
 * no room.
 */
static __noinline struct row *row_find_or_make(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	u64 signal = (u64)BPF_CORE_READ(task, signal);
	struct row_key key = key_of(leader);
	u32 index, generation, *found;
	struct row *row;

	found = bpf_map_lookup_elem(&index_of, &key);
	if (found) {
		index = *found;
		row = row_at(index);
		return row ? row_keep(row, index, signal) : NULL;
	}
	index = row_take();
	if (!index)
		return NULL;
	index--;
	row = row_at(index);
	if (!row)
		return NULL;
	generation = row->generation;
	bpf_map_update_elem(&rows, &index, &no_row, BPF_ANY);
	row->generation = generation + 1 ?: 1;
	row->index = index;
	row->key = key;
	row->leader = (u64)leader;
	row->value[ROW_PROCESSES] = 1;
	read_pids(&row->pid, BPF_CORE_READ(leader, thread_pid));
	if (bpf_map_update_elem(&index_of, &key, &index, BPF_NOEXIST)) {
		/* another thread of the process has made its row in between */
		bpf_map_push_elem(&spare, &index, BPF_ANY);
		found = bpf_map_lookup_elem(&index_of, &key);
		return found ? row_at(*found) : NULL;
	}
	row->state = ROW_LIVE;
	__sync_fetch_and_add(&nr_rows, 1);
	row_keep(row, index, signal);
	/* The process may be past sched_process_exit, so the exit program would never run. */
	if (!BPF_CORE_READ(task, signal, live.counter))
		row_exit(row, task);
	return row;
}

/* The row of current if it is at hand; else NULL. */
static __always_inline struct row *row_of_current(struct task_struct *me)
{
	return row_at_hand(me->tgid, (u64)me->signal);
}

/* Find the row of current, or make one. NULL if there is no room. */
static __always_inline struct row *row_of(struct task_struct *me)
{
	return row_of_current(me) ?: row_find_or_make((u64)me);
}

#endif /* COWSTAT_ROWS_BPF_H */
