/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_TABLE_H
#define COWSTAT_TABLE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "row.h"
#include "uapi/cowstat.h"

/**
 * struct row_ref - a reference to a row; valid as long as the row belongs to the same process
 * @number: the row's index
 * @generation: row->generation when the reference was made; 0 for no row
 */
struct row_ref {
	u32 number;
	u32 generation;
};

/*
 * struct row_owner - the user, cgroup and name of a process
 */
struct row_owner {
	kuid_t uid, euid, suid;
	u64 cgroup;
	char comm[TASK_COMM_LEN];
};

/**
 * struct holder - a group of live processes, usually those of one user, that compete for rows
 * @live: their rows; those that were checked last for idleness are at the end
 * @nr_live: the number of rows in @live
 * @refused: jiffies when a row was last refused for lack of room
 *
 * Rows are shared out between holders, so that one user cannot take all rows. A process belongs
 * to the holder of its real uid. A process in a user namespace belongs to the holder of the user
 * who created the namespace: so a user gets no more holders by using subordinate uids. If root
 * created the namespace, the namespace is a holder of its own. Root in the initial namespace has
 * the first holder to itself. All others are found by a hash, so two users may share one by
 * chance.
 */
struct holder {
	struct list_head live;
	unsigned int nr_live;
	unsigned long refused;
};

#define TABLE_HOLDERS_BITS	8

/**
 * struct row - what is known of one process
 * @key: the process; NULL once the row can no longer be found by it
 * @value: the counts, by enum row_value
 * @next: in the hash chain
 * @generation: odd while the row is in use; incremented when a use begins and when it ends
 * @known: a set of enum row_known
 * @state: enum row_state
 * @pids: its pid in each pid namespace
 * @parent_pids: the same for the process that forked it, if that is known
 * @start_ns: when it started: CLOCK_BOOTTIME in the initial time namespace
 * @parent_start_ns: the same for the process that forked it
 * @parent_base: the parent's OWN_COPIED when this process was born
 * @ancestor: parent, grandparent and so on; only those that had rows
 * @owner: valid once the process has exited; a live process's owner is read from its task
 * @list: the free rows, or the exited rows in the order of exit, or the live rows of its holder
 * @holder: the holder that the process belongs to
 * @unsettled: the number of children that may still need this row's OWN_COPIED
 * @looked: row_activity() when it was last seen to have grown
 * @looked_at: jiffies at that time
 *
 * A row keeps numbers, and no reference to the process. A reference to a struct pid would pin its
 * pid namespace and the user namespace above that, which count against a user's quota.
 *
 * Locking: any CPU increments @value atomically. All other fields are written under table.lock.
 * Lookups read @key and @next without it. Rows are freed only when the module is unloaded, so a
 * lookup may walk from one chain into another, but never into freed memory. A lookup that found
 * nothing checks table.moves: if it changed, this may have happened. Snapshots read all fields
 * down to @owner without the lock, between two equal readings of @generation. These fields are
 * written with WRITE_ONCE(), except the structs, which are copied.
 *
 * A row is recycled in this order: it leaves its hash chain, its generation ends, an atomic
 * exchange moves each count to a sum or to the `-` row. A fault that had found the row before may
 * still count into it after that. Its count is not lost: it stays in the row, and the next
 * process that gets the row shows it.
 *
 * Cache lines: a fault reads @key, and writes counts beside it in the same line, so it touches
 * one line of its own process's row. Threads of one process that fault at the same time share
 * that line; processes share none. Fork, exec and exit write other lines (@list, @unsettled).
 *
 * Why a row has no per-CPU counters: a fault increments two counts, and each increment needs the
 * line. If another CPU wrote it last, fetching it takes 16 to 51 ns between cores that share a
 * cache, 48 to 115 ns across a socket, 108 to 197 ns between sockets (published medians of
 * compare-and-exchange on Intel and AMD servers and desktops of 2013 to 2022, by
 * github.com/nviennot/core-to-core-latency). On two virtual CPUs we measured 37 ns, against 5 ns
 * when only one CPU writes.
 *
 * - A copy makes the kernel interrupt all CPUs that run the mm, so that they drop the old
 *   translation. That takes some 20 us, so this wait does not matter.
 * - A reuse has no such interrupt. But in every fault the kernel itself writes twice to a line
 *   that threads share: when it takes and drops the lock of the VMA, or of the mm before 6.4.
 *   Threads that write to one VMA wait for that line as often as for this one. So cowstat halves
 *   their limit of some 10 million faults a second. Threads that write to different VMAs share
 *   only this line. If about 16 or more of them do nothing but reuse pages, this line is the
 *   limit, at some 5 to 10 million faults a second.
 * - With counters per CPU or per group of CPUs, every fault would have to find out its CPU, every
 *   row would need 64 bytes for each of them (256 instead of 64 for four), and every reader would
 *   have to add them up.
 *
 * So they would make the usual fault slower, to speed up one that only benchmarks show. If that
 * changes: give each CPU one line of counters for the process that last faulted there, and add
 * the line to the row when another process faults on that CPU.
 *
 * A fault takes table.lock once in a process's life. Fork, exec and exit take it each time, and
 * there the kernel itself takes tasklist_lock. When no row is free, a fault tries again under the
 * lock at most once per jiffy and holder. All other faults count in the `-` row, and in `lost`,
 * without the lock.
 */
struct row {
	struct signal_struct *key;
	atomic64_t value[ROW_NR_VALUES];

	struct row *next;
	u32 generation;
	u32 known;
	enum row_state state;
	struct row_pids pids;
	struct row_pids parent_pids;
	u64 start_ns;
	u64 parent_start_ns;
	u64 parent_base;
	struct row_ref ancestor[ROW_ANCESTORS]; /* nearest first */
	struct row_owner owner;

	struct list_head list;
	struct holder *holder;
	u32 unsettled;
	u64 looked;
	unsigned long looked_at;
} ____cacheline_aligned_in_smp;

/*
 * struct table - all rows
 * @bucket: hash chains by signal_struct. All threads of a process share it, it survives exec by
 *	a thread, and no two live processes have the same. Each chain ends in @folded, which has
 *	no key, so that a lookup needs no test for an empty chain.
 * @hash_shift: 64 minus log2 of the number of buckets
 * @rows: max_rows of them, allocated at load
 * @folded: the `-` row: faults that got no row, and counts of rows that were recycled and are in
 *	no sum of sum.c
 * @lock: protects all fields down to @nr_folded. Innermost: taken with page-table locks held
 * @moves: incremented before a row is put into a new hash chain
 * @folding: incremented before and after a row is recycled; odd in between
 * @used: how many of @rows were ever used; a reader looks at no others
 * @in_use: how many of @rows are in use now
 * @free: rows that were used before and are free
 * @exited: rows of processes that had copied less than ROW_BIG_BYTES when they exited
 * @exited_big: rows of processes that had copied more
 * @holder: by number; the first is root's
 * @greedy: a holder other than root's that has more than half of all rows; NULL for none
 * @nr_folded: rows that were recycled in this epoch
 * @lost: faults and forks that got no row
 * @missed: calls that a hook is known to have missed
 */
struct table {
	struct row **bucket;
	unsigned int hash_shift;
	struct row *rows;
	unsigned int max_rows;
	struct row folded;

	raw_spinlock_t lock;
	/* written under lock: */
	unsigned long moves;
	unsigned long folding;
	unsigned int used;
	unsigned int in_use;
	struct list_head free;
	struct list_head exited;
	struct list_head exited_big;
	struct holder holder[1 << TABLE_HOLDERS_BITS];
	struct holder *greedy;
	u64 nr_folded;

	atomic64_t lost;
	atomic64_t missed;
};

extern struct table table;
extern const char *const column_names[COWSTAT_NR_COLUMNS];

static __always_inline struct row **table_bucket(const struct signal_struct *key)
{
	/* hash_64(), without the few instructions that a variable number of bits costs it */
	return &table.bucket[(u64)(uintptr_t)key * GOLDEN_RATIO_64 >> table.hash_shift];
}

/**
 * table_find() - find the row of a process
 * @key: the process
 *
 * May miss a row while rows are being given to other processes; table_find_surely() does not.
 *
 * Context: any in which @key cannot be freed; takes no lock.
 * Return: the row or NULL.
 */
static __always_inline struct row *table_find(const struct signal_struct *key)
{
	struct row *row = READ_ONCE(*table_bucket(key));

	/* A plain read of the key: with READ_ONCE() GCC needs an instruction more. */
	while (unlikely(data_race(row->key) != key)) {
		if (row == &table.folded)
			return NULL;
		row = READ_ONCE(row->next);
	}
	/* Never NULL; stops the compiler from checking it again. */
	if (!row)
		__builtin_unreachable();
	return row;
}

/*
 * The row of the process that last faulted on this CPU; never NULL. Any task may write it, and a
 * task may migrate to another CPU after it read it. So compare the row's key before you use it.
 */
DECLARE_PER_CPU(struct row *, recent_row);

/**
 * table_find_recent() - find the row of a process if it was the last to fault on this CPU
 * @key: the process
 *
 * Context: as table_find().
 * Return: the row; NULL if another process faulted here last, or if the process has no row.
 */
static __always_inline struct row *table_find_recent(const struct signal_struct *key)
{
	struct row *row = this_cpu_read(recent_row);

	/* a plain read, as in table_find() */
	if (unlikely(data_race(row->key) != key))
		return NULL;
	/* Never NULL; stops the compiler from checking again. */
	if (!row)
		__builtin_unreachable();
	return row;
}

struct row *table_row_or_folded(struct task_struct *task, bool make);

/**
 * table_row() - find the row that an event of a process counts in
 * @task: a thread of it
 * @make: make a row if there is none. A fault's entry passes true; a commit passes false, so
 *	that it counts in the same row as its entry
 *
 * Context: any but a true NMI; under RCU, unless @task is current.
 * Return: its row, or the `-` row.
 */
static __always_inline struct row *table_row(struct task_struct *task, bool make)
{
	struct row *row = table_find(task->signal);

	return likely(row) ? row : table_row_or_folded(task, make);
}

/**
 * row_count() - count one event
 * @row: whose
 * @value: which
 *
 * Context: any.
 */
static __always_inline void row_count(struct row *row, enum row_value value)
{
	atomic64_inc(&row->value[value]);
}

static inline u64 row_value(const struct row *row, enum row_value value)
{
	return atomic64_read(&row->value[value]);
}

/* row_anon_copied() of a row whose counts may grow meanwhile. */
static inline u64 row_anon_copied_now(const struct row *row)
{
	return row_value(row, ROW_OWN_COPIED) + row_value(row, ROW_INHERITED_COPIED);
}

/**
 * struct birth - what fork.c saw of a fork
 * @known: ROW_KNOWS_* bits
 * @value: the first values of the child's row, from ROW_FIRST_BIRTH to ROW_LAST_BIRTH; no other
 *	is set
 */
struct birth {
	u32 known;
	u64 value[ROW_NR_VALUES];
};

/*
 * struct row_copy - a consistent copy of a row, or of a sum of rows, for a reader
 */
struct row_copy {
	enum row_state state;
	u32 known;
	struct row_pids pids, parent_pids;
	u64 start_ns, parent_start_ns;
	struct row_owner owner;
	bool owner_known;
	u64 value[ROW_NR_VALUES];
};

int table_init(unsigned int max_rows);
void table_exit(void);
void table_birth(struct task_struct *parent, struct task_struct *child, const struct birth *birth);
void table_exec(struct task_struct *task);
void table_dead(struct task_struct *task);
void table_mark_dead(void);
void table_settle(void);
void table_reset(void);
unsigned int table_used(void);
bool table_copy_row(unsigned int index, struct row_copy *copy);
void table_copy_folded(struct row_copy *copy);

#endif /* COWSTAT_TABLE_H */
