// SPDX-License-Identifier: GPL-2.0
/*
 * The row table: a row's life from its process's first fault or fork, through exit,
 * to the day its place is needed and its sums are folded into the `-` row.
 *
 * Everything is allocated at load. What runs inside a fault takes table.lock once in a
 * process's life, when its row is made, or while there is no room for one; it never sleeps,
 * allocates or frees.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/vmalloc.h>

#include "table.h"

#define COLUMN_NAME(NAME, name, kind, hook)	\
	[COWSTAT_COL_##NAME] = #name,
const char *const column_names[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_NAME) };

struct table table = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(table.lock),
};

static void row_read(const struct row *row, u64 *value)
{
	int i;

	for (i = 0; i < ROW_NR_VALUES; i++)
		value[i] = row_value(row, i);
}

static bool row_is_big(const struct row *row)
{
	u64 value[ROW_NR_VALUES];

	row_read(row, value);
	return row_copied_bytes(value) >= ROW_BIG_BYTES;
}

static bool row_is(struct row_ref ref)
{
	return ref.row && READ_ONCE(ref.row->generation) == ref.generation;
}

static struct row_ref row_ref(struct row *row)
{
	return (struct row_ref){ .row = row, .generation = row->generation };
}

static void row_add(struct row *to, enum row_value value, u64 n)
{
	if (n)
		atomic64_add(n, &to->value[value]);
}

static void row_unhash(struct row *row)
{
	struct row **link;

	lockdep_assert_held(&table.lock);
	if (!row->key)
		return;
	for (link = table_bucket(row->key); *link != &table.folded; link = &(*link)->next) {
		if (*link == row) {
			WRITE_ONCE(*link, row->next);
			break;
		}
	}
	WRITE_ONCE(row->key, NULL);
}

/* pre_exec_copied and parent_copied, as they stand now. */
static void row_pre_exec(const struct row *row, u64 *pre_exec, u64 *parent_copied)
{
	struct row_ref parent = data_race(row->ancestor[0]);	/* the generation tells */
	u64 now;

	*pre_exec = row_anon_copied_now(row);
	*parent_copied = 0;
	if (READ_ONCE(row->known) & ROW_KNOWS_PARENT && row_is(parent)) {
		now = row_anon_copied_now(parent.row);
		*parent_copied = now - min(now, READ_ONCE(row->parent_base));
	}
}

/* The first exec or the exit has come: what was copied before it is now final. */
static void row_settle(struct row *row)
{
	u64 pre_exec, parent_copied;

	lockdep_assert_held(&table.lock);
	if (!(row->known & ROW_KNOWS_BIRTH) || row->known & ROW_SETTLED)
		return;
	row_pre_exec(row, &pre_exec, &parent_copied);
	atomic64_set(&row->value[ROW_PRE_EXEC_COPIED], pre_exec);
	atomic64_set(&row->value[ROW_PARENT_COPIED], parent_copied);
	if (row->known & ROW_KNOWS_PARENT) {
		if (row_is(row->ancestor[0]))
			row->ancestor[0].row->unsettled--;
		else
			WRITE_ONCE(row->known, row->known & ~ROW_KNOWS_PARENT);
	}
	smp_store_release(&row->known, row->known | ROW_SETTLED);	/* after the values */
}

/* Add a row to the `-` row and, as a memo, to its nearest ancestor in the table. */
static void row_fold(struct row *row)
{
	struct row *ancestor = NULL;
	u64 value[ROW_NR_VALUES];
	int i;

	lockdep_assert_held(&table.lock);
	row_read(row, value);
	for (i = 0; i < ROW_FIRST_MEMO; i++)
		row_add(&table.folded, i, value[i]);

	for (i = 0; i < ROW_ANCESTORS && !ancestor; i++)
		if (row_is(row->ancestor[i]))
			ancestor = row->ancestor[i].row;
	if (!ancestor)
		return;
	for (i = ROW_FIRST_MEMO; i < ROW_NR_VALUES; i++)
		row_add(ancestor, i, row_memo(value, i));
}

/* Take a row from its process. */
static void row_free(struct row *row)
{
	lockdep_assert_held(&table.lock);
	row_unhash(row);
	WRITE_ONCE(row->generation, row->generation + 1);
	smp_wmb();	/* a reader that sees what follows sees this too */
	WRITE_ONCE(row->state, ROW_FREE);
	list_move(&row->list, &table.free);
	WRITE_ONCE(table.in_use, table.in_use - 1);
}

/*
 * Give up the exited row that is missed least: small ones first, then oldest first.
 * A row whose children have yet to settle is needed by them; it waits its turn
 * again unless nothing else is found.
 */
static bool table_recycle(void)
{
	struct row *row = NULL;
	int looks;

	lockdep_assert_held(&table.lock);
	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		struct list_head *list = list_empty(&table.exited) ? &table.exited_big :
								     &table.exited;

		row = list_first_entry_or_null(list, struct row, list);
		if (!row)
			return false;
		if (list == &table.exited && row_is_big(row))
			list_move_tail(&row->list, &table.exited_big);
		else if (row->unsettled)
			list_move_tail(&row->list, list);
		else
			break;
	}
	row_fold(row);
	row_free(row);
	WRITE_ONCE(table.nr_folded, table.nr_folded + 1);
	return true;
}

static struct row *table_take(void)
{
	struct row *row;

	lockdep_assert_held(&table.lock);
	if (list_empty(&table.free)) {
		if (table.used < table.max_rows) {
			row = &table.rows[table.used];
			INIT_LIST_HEAD(&row->list);
			/* pairs with table_used() */
			smp_store_release(&table.used, table.used + 1);
			return row;
		}
		if (!table_recycle())
			return NULL;
	}
	row = list_first_entry(&table.free, struct row, list);
	list_del_init(&row->list);
	return row;
}

/* The pid of a process in each of the outermost pid namespaces it is in. */
static void pids_of(struct task_struct *task, struct row_pids *pids)
{
	const struct pid *pid = task_tgid(task);
	unsigned int i;

	memset(pids, 0, sizeof(*pids));
	if (!pid)
		return;
	pids->level = min_t(unsigned int, pid->level, ROW_NS_LEVELS - 1);
	for (i = 0; i <= pids->level; i++) {
		pids->nr[i] = pid->numbers[i].nr;
		pids->ns[i] = pid->numbers[i].ns->ns.inum;
	}
}

/*
 * The live process that has a pid in the initial namespace, if it still is the one that a row
 * was made for: another may have got the pid since, and even the memory of the signal_struct.
 */
static struct task_struct *task_of(unsigned int nr, const struct signal_struct *key,
				   u64 start_ns)
{
	struct task_struct *task = pid_task(find_pid_ns(nr, &init_pid_ns), PIDTYPE_TGID);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "a task is looked up outside RCU");
	if (!task || task->signal != key ||
	    READ_ONCE(task->group_leader)->start_boottime != start_ns)
		return NULL;
	return task;
}

/* A row for a process that has none, or NULL when there is no room. */
static struct row *table_make(struct task_struct *task)
{
	struct row *row = table_take();
	int i;

	if (!row)
		return NULL;
	for (i = 0; i < ROW_NR_VALUES; i++)
		atomic64_set(&row->value[i], 0);
	WRITE_ONCE(row->known, 0);
	row->unsettled = 0;
	memset(&row->parent_pids, 0, sizeof(row->parent_pids));
	WRITE_ONCE(row->parent_start_ns, 0);
	memset(row->ancestor, 0, sizeof(row->ancestor));
	pids_of(task, &row->pids);
	WRITE_ONCE(row->start_ns, READ_ONCE(task->group_leader)->start_boottime);
	WRITE_ONCE(row->state, ROW_LIVE);
	smp_wmb();	/* a reader that sees the new generation sees all this */
	WRITE_ONCE(row->generation, row->generation + 1);
	WRITE_ONCE(table.in_use, table.in_use + 1);

	WRITE_ONCE(row->next, *table_bucket(task->signal));
	WRITE_ONCE(row->key, task->signal);
	/* who finds it finds it whole */
	smp_store_release(table_bucket(task->signal), row);
	return row;
}

static void owner_of(struct task_struct *task, struct row_owner *owner)
{
	struct task_struct *leader = READ_ONCE(task->group_leader);
	const struct cred *cred;

	rcu_read_lock();
	cred = __task_cred(leader);
	owner->uid = cred->uid;
	owner->euid = cred->euid;
	owner->suid = cred->suid;
	owner->cgroup = cgroup_id(task_dfl_cgroup(leader));
	rcu_read_unlock();
	/* Without the task's lock, as in tracepoints: a name may be torn, not unbounded. */
	strscpy(owner->comm, leader->comm, sizeof(owner->comm));
}

static void row_exit(struct row *row, const struct row_owner *owner)
{
	lockdep_assert_held(&table.lock);
	if (row->state != ROW_LIVE)
		return;
	row_settle(row);
	if (owner)
		row->owner = *owner;
	else
		memset(&row->owner, 0, sizeof(row->owner));
	/* pairs with table_copy_row(): who sees EXITED sees the owner too */
	smp_store_release(&row->state, ROW_EXITED);
	list_add_tail(&row->list, row_is_big(row) ? &table.exited_big : &table.exited);
}

/*
 * The row of a process, under the lock, where a wrong one would do lasting harm. Whoever
 * had the process's signal_struct before is gone, though its exit may have gone unseen.
 */
static struct row *table_find_locked(struct task_struct *task)
{
	struct row *row = table_find(task->signal);

	lockdep_assert_held(&table.lock);
	if (!row || row->start_ns == READ_ONCE(task->group_leader)->start_boottime)
		return row;
	row_exit(row, NULL);
	row_unhash(row);
	return NULL;
}

/**
 * table_find_or_make() - the row of a process, made when it has none
 * @task: a thread of it, whose signal_struct and pid stay while we run
 *
 * Context: any but NMI; takes table.lock. Called under page-table locks.
 * Return: its row; the `-` row when none was to be had.
 */
struct row *table_find_or_make(struct task_struct *task)
{
	unsigned long flags;
	struct row_owner owner;
	struct row *row;

	raw_spin_lock_irqsave(&table.lock, flags);
	row = table_find_locked(task) ?: table_make(task);
	/* It may be past its sched_process_exit, which will not come again. */
	if (row && row->state == ROW_LIVE && !atomic_read(&task->signal->live)) {
		owner_of(task, &owner);
		row_exit(row, &owner);
	}
	raw_spin_unlock_irqrestore(&table.lock, flags);
	return row ?: &table.folded;
}

/**
 * table_find_again() - the row of a process, when table_find() saw none
 * @task: as in table_find_or_make()
 *
 * A walk without the lock can be led astray by a row that moves to another chain.
 *
 * Context: any but NMI; takes table.lock.
 * Return: its row, or the `-` row.
 */
struct row *table_find_again(struct task_struct *task)
{
	unsigned long flags;
	struct row *row;

	raw_spin_lock_irqsave(&table.lock, flags);
	row = table_find(task->signal);
	raw_spin_unlock_irqrestore(&table.lock, flags);
	return row ?: &table.folded;
}

/* Remember a child's ancestors: its parent and those of the parent's still here. */
static void row_inherit(struct row *child, struct row *parent)
{
	int i, n = 0;

	child->ancestor[n++] = row_ref(parent);
	for (i = 0; i < ROW_ANCESTORS && n < ROW_ANCESTORS; i++)
		if (row_is(parent->ancestor[i]))
			child->ancestor[n++] = parent->ancestor[i];
}

/**
 * table_birth() - a process was forked
 * @parent: who forked it
 * @child: not yet running
 * @birth: what is known of the fork; NULL when it is not counted. Then only the row of an
 *	earlier process with the child's signal_struct is dropped
 *
 * Context: process context, may be atomic; takes table.lock.
 */
void table_birth(struct task_struct *parent, struct task_struct *child,
		 const struct birth *birth)
{
	struct row *row, *parent_row;
	unsigned long flags;
	u32 known;
	int i;

	raw_spin_lock_irqsave(&table.lock, flags);
	/*
	 * Finds, if any, only a row that a fault from outside has made just now. Of kernel
	 * threads too: what had the same signal_struct before is thereby dropped.
	 */
	row = table_find_locked(child);
	if (!birth || !child->mm)
		goto unlock;
	parent_row = table_find_locked(parent) ?: table_make(parent);
	row_count(parent_row ?: &table.folded,
		  birth->known & ROW_KNOWS_MM ? ROW_FORKS : ROW_VFORKS);

	row = row ?: table_make(child);
	if (!row || !parent_row) {
		atomic64_inc(&table.lost);
		goto unlock;
	}
	known = birth->known | ROW_KNOWS_BIRTH;
	pids_of(parent, &row->parent_pids);
	WRITE_ONCE(row->parent_start_ns, parent_row->start_ns);
	row_inherit(row, parent_row);
	if (birth->known & ROW_KNOWS_MM) {
		known |= ROW_KNOWS_PARENT;
		WRITE_ONCE(row->parent_base, row_anon_copied_now(parent_row));
		parent_row->unsettled++;
	}
	for (i = 0; i < ROW_NR_VALUES; i++)
		row_add(row, i, birth->value[i]);
	smp_store_release(&row->known, known);	/* after what is now known */
unlock:
	raw_spin_unlock_irqrestore(&table.lock, flags);
}

/**
 * table_exec() - a process has replaced its program
 * @task: current
 *
 * Context: process context, may be atomic; takes table.lock.
 */
void table_exec(struct task_struct *task)
{
	unsigned long flags;
	struct row *row;

	raw_spin_lock_irqsave(&table.lock, flags);
	row = table_find_locked(task) ?: table_make(task);
	row_count(row ?: &table.folded, ROW_EXECS);
	if (row)
		row_settle(row);
	raw_spin_unlock_irqrestore(&table.lock, flags);
}

/**
 * table_dead() - the last thread of a process has begun to exit
 * @task: that thread; it may be several in turn, and only the first counts
 *
 * Its row stays, findable by faults that are still to come (the kernel clears
 * CLONE_CHILD_CLEARTID words late), until its place is needed.
 *
 * Context: process context, may be atomic; takes table.lock.
 */
void table_dead(struct task_struct *task)
{
	struct row_owner owner;
	unsigned long flags;
	struct row *row;

	owner_of(task, &owner);
	raw_spin_lock_irqsave(&table.lock, flags);
	row = table_find_locked(task);
	if (row)
		row_exit(row, &owner);
	raw_spin_unlock_irqrestore(&table.lock, flags);
}

/**
 * table_mark_dead() - mark the rows of processes that went while nobody counted
 *
 * Also makes exited rows unfindable, since a new process may have got the
 * signal_struct of one of them unseen.
 *
 * Context: process context, may sleep. Called with the exit hook armed.
 */
void table_mark_dead(void)
{
	unsigned int i, used = table_used();
	unsigned long flags;

	for (i = 0; i < used; i++) {
		struct row *row = &table.rows[i];
		struct task_struct *task;
		struct row_owner owner;

		raw_spin_lock_irqsave(&table.lock, flags);
		rcu_read_lock();
		task = row->state == ROW_LIVE ?
		       task_of(row->pids.nr[0], row->key, row->start_ns) : NULL;
		if (task && !atomic_read(&task->signal->live)) {
			owner_of(task, &owner);		/* a zombie */
			row_exit(row, &owner);
		} else if (row->state == ROW_LIVE && !task) {
			row_exit(row, NULL);
		}
		if (row->state == ROW_EXITED)
			row_unhash(row);
		rcu_read_unlock();
		raw_spin_unlock_irqrestore(&table.lock, flags);
		cond_resched();
	}
}

/**
 * table_settle() - what is counted before first execs ends here
 *
 * Once nobody counts, nobody sees an exec either.
 *
 * Context: process context, may sleep. Called with every hook disarmed.
 */
void table_settle(void)
{
	unsigned int i, used = table_used();
	unsigned long flags;

	for (i = 0; i < used; i++) {
		raw_spin_lock_irqsave(&table.lock, flags);
		if (table.rows[i].state == ROW_LIVE)
			row_settle(&table.rows[i]);
		raw_spin_unlock_irqrestore(&table.lock, flags);
		cond_resched();
	}
}

/**
 * table_reset() - forget everything
 *
 * Context: process context, may sleep. Called with every hook disarmed.
 */
void table_reset(void)
{
	unsigned int i, used = table_used();
	unsigned long flags;

	for (i = 0; i < used; i++) {
		struct row *row = &table.rows[i];

		raw_spin_lock_irqsave(&table.lock, flags);
		if (row->state != ROW_FREE)
			row_free(row);
		raw_spin_unlock_irqrestore(&table.lock, flags);
		cond_resched();
	}
	for (i = 0; i < ROW_NR_VALUES; i++)
		atomic64_set(&table.folded.value[i], 0);
	raw_spin_lock_irqsave(&table.lock, flags);
	WRITE_ONCE(table.nr_folded, 0);
	raw_spin_unlock_irqrestore(&table.lock, flags);
	atomic64_set(&table.lost, 0);
	atomic64_set(&table.missed, 0);
}

/**
 * table_used() - how far a reader must look
 *
 * Return: a bound on the index of rows that were ever used.
 */
unsigned int table_used(void)
{
	return smp_load_acquire(&table.used);	/* pairs with table_take() */
}

/**
 * table_copy_row() - read one row, whole, without a lock
 * @index: below table.used
 * @copy: what was read
 *
 * Context: any but NMI.
 * Return: false when the place is free, or changed hands while we read.
 */
bool table_copy_row(unsigned int index, struct row_copy *copy)
{
	const struct row *row = &table.rows[index];
	u32 generation = smp_load_acquire(&row->generation);	/* before all else */
	struct task_struct *task;

	if (!(generation & 1))
		return false;
	copy->known = smp_load_acquire(&row->known);	/* before what is known */
	copy->pids = data_race(row->pids);		/* the generation tells */
	copy->parent_pids = data_race(row->parent_pids);
	copy->start_ns = READ_ONCE(row->start_ns);
	copy->parent_start_ns = READ_ONCE(row->parent_start_ns);
	row_read(row, copy->value);
	if (copy->known & ROW_KNOWS_BIRTH && !(copy->known & ROW_SETTLED)) {
		row_pre_exec(row, &copy->value[ROW_PRE_EXEC_COPIED],
			     &copy->value[ROW_PARENT_COPIED]);
		/* again: it may have been recycled while we read its count */
		if (!row_is(data_race(row->ancestor[0])))
			copy->known &= ~ROW_KNOWS_PARENT;
	}

	copy->state = smp_load_acquire(&row->state);	/* before the owner */
	copy->owner_known = true;
	if (copy->state == ROW_EXITED) {
		copy->owner = data_race(row->owner);	/* the generation tells */
		copy->owner_known = copy->owner.comm[0] || copy->owner.cgroup;
	} else {
		rcu_read_lock();
		task = task_of(copy->pids.nr[0], READ_ONCE(row->key), copy->start_ns);
		if (task)
			owner_of(task, &copy->owner);
		else
			copy->owner_known = false;
		rcu_read_unlock();
	}
	smp_rmb();	/* the copy before the second look at the generation */
	return READ_ONCE(row->generation) == generation;
}

/**
 * table_copy_folded() - read the `-` row
 * @copy: what was read
 *
 * Context: any.
 */
void table_copy_folded(struct row_copy *copy)
{
	memset(copy, 0, sizeof(*copy));
	row_read(&table.folded, copy->value);
}

/**
 * table_init() - take all memory that will ever be needed
 * @max_rows: how many processes can have a row at a time
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int table_init(unsigned int max_rows)
{
	unsigned long buckets;

	#define ONE_MEMO(NAME)	+ 1
	BUILD_BUG_ON(ROW_FIRST_MEMO ROW_MEMOS(ONE_MEMO) != ROW_NR_VALUES);

	INIT_LIST_HEAD(&table.free);
	INIT_LIST_HEAD(&table.exited);
	INIT_LIST_HEAD(&table.exited_big);
	table.max_rows = max_rows;
	buckets = 2 * roundup_pow_of_two(max_rows);
	table.hash_shift = 64 - ilog2(buckets);

	table.rows = vzalloc(array_size(max_rows, sizeof(*table.rows)));
	if (!table.rows)
		return -ENOMEM;
	table.bucket = vzalloc(array_size(buckets, sizeof(*table.bucket)));
	if (!table.bucket)
		goto free_rows;
	while (buckets--)
		table.bucket[buckets] = &table.folded;
	return 0;

free_rows:
	vfree(table.rows);
	return -ENOMEM;
}

/**
 * table_exit() - give all memory back
 *
 * Context: may sleep. Called with every hook disarmed and no reader left.
 */
void table_exit(void)
{
	table_reset();
	vfree(table.bucket);
	vfree(table.rows);
}
