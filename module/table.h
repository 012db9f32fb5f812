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
 * struct row_ref - a reference to a row, for as long as the row stays the same process's
 * @number: of the row
 * @generation: what row->generation was when the reference was made; 0 for no row
 */
struct row_ref {
	u32 number;
	u32 generation;
};

/*
 * struct row_owner - whose a process is
 */
struct row_owner {
	kuid_t uid, euid, suid;
	u64 cgroup;
	char comm[TASK_COMM_LEN];
};

/**
 * struct holder - the live processes that share one claim to rows
 * @live: their rows; those that were looked at last are at the end
 * @nr_live: how many these are
 * @refused: jiffies when a row was last refused for lack of room
 *
 * A holder is one user, by real uid. In a user namespace it is the user that made it, so that a
 * user's subordinate uids are no holders of their own; or the namespace itself, if root made it.
 * Root in the initial namespace has the first holder to itself. All others are found by a hash,
 * so two users may, by chance, share one.
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
 * @generation: odd while the row is in use; each use has its own
 * @known: a set of enum row_known
 * @state: enum row_state
 * @pids: its pid in each pid namespace
 * @parent_pids: the same of the process that forked it, if that is known
 * @start_ns: CLOCK_BOOTTIME in the initial time namespace
 * @parent_start_ns: the same of the process that forked it
 * @parent_base: how many of its own pages the parent had copied when this process was born
 * @ancestor: parent, grandparent and so on, as far as they had rows
 * @owner: valid once the process has exited; a live one's is read from its task
 * @list: the free rows, or the exited ones in the order of exit, or its holder's live ones
 * @holder: whose claim to rows it is held by
 * @unsettled: children that may still ask for this row's OWN_COPIED
 * @looked: what its activity was when it was last seen to have grown
 * @looked_at: jiffies of that
 *
 * A row keeps numbers, and no reference to the process: a struct pid would hold its pid
 * namespace, that its user namespace, and that would count against a user's quota.
 *
 * Locking: @value is counted up by anybody, atomically. All else is written under table.lock.
 * Lookups read @key and @next without it. A row's memory is never freed before the module goes,
 * so a lookup may be led from one chain into another, but not astray; table.moves tells a lookup
 * that found nothing whether that can have happened. Snapshots read all down to @owner without
 * the lock, between two equal readings of @generation. These fields are written by WRITE_ONCE(),
 * but for the structs among them, which are copied.
 *
 * A row is given up in this order: no lookup finds it any more, its generation ends, its counts
 * are moved to a sum or to the `-` row by atomic exchange. A fault that had found the row before
 * may still count into it after that. Its count is not lost: it stays where it is, and the next
 * process that gets the row has it.
 *
 * Cache lines: a fault reads @key, and writes a count beside it in the same line, so it touches
 * one line of its own process's row. Threads of one process that fault at the same time share
 * that line; processes share none. What fork, exec and exit write (@list, @unsettled) is in
 * other lines.
 *
 * Threads: why a row has no counters for each CPU. A fault increments two counts, and each needs
 * the line, which then comes from the CPU that had it last: 16 to 51 ns between cores that share
 * a cache, 48 to 115 ns across a socket, 108 to 197 ns between sockets (published medians of
 * compare-and-exchange on Intel and AMD servers and desktops of 2013 to 2022, by
 * github.com/nviennot/core-to-core-latency); 37 ns measured on two virtual CPUs, against 5 ns
 * when only one writes.
 *
 * - A copy makes the kernel interrupt all CPUs that run the mm, so that they drop the old
 *   translation: some 20 us. It hides this wait.
 * - A reuse does not. But the kernel itself writes a line that all threads share twice in every
 *   fault, when it takes and drops the lock of the VMA, or of the mm before 6.4. Threads that
 *   write to one VMA wait for that line as often as for this one: their limit, some 10 million
 *   faults a second, halves. Only threads that write to different VMAs meet nowhere but here:
 *   from about 16 of them on, reusing pages and doing nothing else, this line is the limit, at
 *   some 5 to 10 million faults a second.
 * - Counters for each CPU or group of CPUs would cost every fault the number of its CPU, every
 *   row 64 bytes for each of them (256 instead of 64 for four), and every reader their sum.
 *
 * So they would make the usual fault slower for one that is not seen outside of benchmarks. If
 * that changes: let the row at hand of a CPU be a line of counters of its own, which is added
 * to the row when the CPU turns to another process.
 *
 * table.lock is taken once in a process's life by a fault, and by fork, exec and exit, for which
 * the kernel itself takes tasklist_lock. When no row is to be had, a fault tries again under the
 * lock at most once a jiffy for each holder. All others count in the `-` row, and in `lost`,
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
	struct row_ref ancestor[ROW_ANCESTORS];	/* nearest first */
	struct row_owner owner;

	struct list_head list;
	struct holder *holder;
	u32 unsettled;
	u64 looked;
	unsigned long looked_at;
} ____cacheline_aligned_in_smp;

/*
 * struct table - all rows
 * @bucket: hash chains by signal_struct: all threads of a process share it, it survives exec by
 *	a thread, and no two live processes have the same. Each chain ends in @folded, which has
 *	no key, so that a lookup needs no test for an empty chain.
 * @hash_shift: 64 less log2 of the number of buckets
 * @rows: max_rows of them, allocated at load
 * @folded: the `-` row: faults without a row, and what was given up and is in no sum of sum.c
 * @lock: of all that is written below; innermost, taken with page-table locks held
 * @moves: goes up whenever a row that was in one chain is about to be put into another
 * @folding: goes up before and after a row is given up; odd in between
 * @used: how many of @rows were ever used: how far a reader must look
 * @in_use: how many are
 * @free: rows that were used before and are free
 * @exited: rows of processes that exited, and had copied less than ROW_BIG_BYTES then
 * @exited_big: those that had copied more
 * @holder: by number; the first is root's
 * @greedy: one other than root's that has more than half of all rows live; NULL for none
 * @nr_folded: rows given up in this epoch
 * @lost: faults that got no row
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
 * May miss a row while other rows are given to other processes: table_find_surely() does not.
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
 * The row of the process that last faulted on this CPU; never NULL. Any task may write it, and
 * a task may read it and go on elsewhere: a row is the right one only if its key says so.
 */
DECLARE_PER_CPU(struct row *, recent_row);

/**
 * table_find_recent() - the row of a process that was the last to fault on this CPU
 * @key: the process
 *
 * Context: as table_find().
 * Return: the row; NULL if another process faulted here since, or it has none.
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
 * @make: make a row when there is none: a fault's entry does. A commit does not, so that it
 *	counts where its entry did.
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

/* row_anon_copied() of a row that is being counted up. */
static inline u64 row_anon_copied_now(const struct row *row)
{
	return row_value(row, ROW_OWN_COPIED) + row_value(row, ROW_INHERITED_COPIED);
}

/**
 * struct birth - what fork.c saw of a fork
 * @known: ROW_KNOWS_* bits
 * @value: what the child's row begins with; others than FORK_NS and BIRTH_* are 0
 */
struct birth {
	u32 known;
	u64 value[ROW_NR_VALUES];
};

/*
 * struct row_copy - a row, or a sum of rows, as a reader saw it, whole
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
void table_birth(struct task_struct *parent, struct task_struct *child,
		 const struct birth *birth);
void table_exec(struct task_struct *task);
void table_dead(struct task_struct *task);
void table_mark_dead(void);
void table_settle(void);
void table_reset(void);
unsigned int table_used(void);
bool table_copy_row(unsigned int index, struct row_copy *copy);
void table_copy_folded(struct row_copy *copy);

#endif /* COWSTAT_TABLE_H */
