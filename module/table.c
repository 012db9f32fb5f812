// SPDX-License-Identifier: GPL-2.0
/*
 * The row table. A process gets a row at its first fault, its fork or its exec. The row stays
 * after the process has exited, until another process needs it. Then its counts go to the sum of
 * its cgroup, user and name (sum.c), or to the `-` row if these are not known.
 *
 * All memory is allocated at load. Code that runs inside a fault never sleeps, allocates or
 * frees.
 *
 * When rows run out, one is recycled, in this order:
 *
 * - exited rows that copied less than 1 MiB, in the order of exit; then other exited ones;
 * - the row of a live process that has counted nothing for a second, of the holder (struct
 *   holder) that has most live rows;
 * - any row of that holder, if a holder with fewer rows needs one. Root never loses a row this
 *   way.
 *
 * A holder other than root whose live processes have more than half of the rows is greedy. While
 * there is one, only its rows are recycled, whoever needs a row. So one user can neither take all
 * rows nor push the rows of others out of the table.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>

#include "sum.h"
#include "table.h"

/* At most this many live rows are checked to find one that can be recycled. */
#define LIVE_LOOKS		32

#define COLUMN_NAME(NAME, name, kind, hook)	\
	[COWSTAT_COL_##NAME] = #name,
const char *const column_names[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_NAME) };

DEFINE_PER_CPU(struct row *, recent_row);

struct table table = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(table.lock),
};

static void row_read(const struct row *row, u64 *value)
{
	int i;

	for (i = 0; i < ROW_NR_VALUES; i++)
		value[i] = row_value(row, i);
}

/* Each process's exit asks this: read no more than row_copied_bytes() needs. */
static bool row_is_big(const struct row *row)
{
	BUILD_BUG_ON(sizeof(row->value[0]) != sizeof(u64));
	/* the values may still grow: those of this moment decide */
	return data_race(row_copied_bytes((const u64 *)row->value)) >= ROW_BIG_BYTES;
}

static struct row_ref row_ref(const struct row *row)
{
	return (struct row_ref){ .number = row - table.rows, .generation = row->generation };
}

/* The row that a reference points to; NULL if the row has been recycled since. */
static struct row *row_deref(struct row_ref ref)
{
	struct row *row = &table.rows[ref.number];

	return ref.generation && READ_ONCE(row->generation) == ref.generation ? row : NULL;
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

/* Compute the present values of pre_exec_copied and parent_copied. */
static void row_pre_exec(const struct row *row, u64 *pre_exec, u64 *parent_copied)
{
	/* a reader checks the generation afterwards */
	struct row *parent = row_deref(data_race(row->ancestor[0]));
	u64 now;

	*pre_exec = row_anon_copied_now(row);
	*parent_copied = 0;
	if (READ_ONCE(row->known) & ROW_KNOWS_PARENT && parent) {
		now = row_value(parent, ROW_OWN_COPIED);
		*parent_copied = now - min(now, READ_ONCE(row->parent_base));
	}
}

/* At the first exec, or at exit: make pre_exec_copied and parent_copied final. */
static void row_settle(struct row *row)
{
	u64 pre_exec, parent_copied;
	struct row *parent;

	lockdep_assert_held(&table.lock);
	if (!(row->known & ROW_KNOWS_BIRTH) || row->known & ROW_SETTLED)
		return;
	row_pre_exec(row, &pre_exec, &parent_copied);
	atomic64_set(&row->value[ROW_PRE_EXEC_COPIED], pre_exec);
	atomic64_set(&row->value[ROW_PARENT_COPIED], parent_copied);
	if (row->known & ROW_KNOWS_PARENT) {
		parent = row_deref(row->ancestor[0]);
		if (parent)
			parent->unsettled--;
		else
			WRITE_ONCE(row->known, row->known & ~ROW_KNOWS_PARENT);
	}
	smp_store_release(&row->known, row->known | ROW_SETTLED); /* after the values */
}

/*
 * Move a row's counts to the sum of its owner, or to the `-` row if the owner is not known (NULL).
 * Also add them, as memos, to the row of its nearest ancestor that still has one.
 */
static void row_fold(struct row *row, const struct row_owner *owner)
{
	struct row *ancestor = NULL;
	u64 value[ROW_NR_VALUES];
	int i;

	lockdep_assert_held(&table.lock);
	for (i = 0; i < ROW_NR_VALUES; i++)
		value[i] = atomic64_xchg(&row->value[i], 0);
	if (owner)
		sums_add(owner, row->holder - table.holder, value);
	for (i = 0; i < ROW_FIRST_MEMO && !owner; i++)
		row_add(&table.folded, i, value[i]);

	for (i = 0; i < ROW_ANCESTORS && !ancestor; i++)
		ancestor = row_deref(row->ancestor[i]);
	if (!ancestor)
		return;
	for (i = ROW_FIRST_MEMO; i < ROW_NR_VALUES; i++)
		row_add(ancestor, i, row_memo(value, i));
}

static struct holder *root_holder(void)
{
	return &table.holder[0];
}

/* Add a live row to a holder. */
static void row_hold(struct row *row, struct holder *holder)
{
	lockdep_assert_held(&table.lock);
	row->holder = holder;
	list_add_tail(&row->list, &holder->live);
	if (++holder->nr_live > table.max_rows / 2 && holder != root_holder())
		table.greedy = holder;
}

/* Remove a live row from its holder. */
static void row_unhold(struct row *row)
{
	struct holder *holder = row->holder;

	lockdep_assert_held(&table.lock);
	list_del_init(&row->list);
	if (--holder->nr_live <= table.max_rows / 2 && holder == table.greedy)
		table.greedy = NULL;
}

/* Take a row away from its process. After this, no lookup and no new snapshot finds it. */
static void row_free(struct row *row)
{
	lockdep_assert_held(&table.lock);
	row_unhash(row);
	if (row->state == ROW_LIVE)
		row_unhold(row);
	WRITE_ONCE(row->generation, row->generation + 1);
	smp_wmb(); /* a reader that sees what follows sees the generation's end */
	WRITE_ONCE(row->state, ROW_FREE);
	list_move(&row->list, &table.free);
	WRITE_ONCE(table.in_use, table.in_use - 1);
}

/*
 * Find the process with this pid in the initial namespace, if it is still the process that the
 * row was made for. A new process may have got the same pid, and even the same signal_struct.
 */
static struct task_struct *task_of(unsigned int nr, const struct signal_struct *key, u64 start_ns)
{
	struct task_struct *task = pid_task(find_pid_ns(nr, &init_pid_ns), PIDTYPE_TGID);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "a task is looked up outside of RCU");
	if (!task || task->signal != key ||
	    READ_ONCE(task->group_leader)->start_boottime != start_ns)
		return NULL;
	return task;
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
	/* Without the task's lock, as in tracepoints: the name may be half old and half new. */
	strscpy(owner->comm, leader->comm, sizeof(owner->comm));
}

/* Find the owner of a row: at present, or when its process exited. False if it is not known. */
static bool row_owner(const struct row *row, enum row_state state, struct row_owner *owner)
{
	struct task_struct *task;

	if (state == ROW_EXITED) {
		*owner = data_race(row->owner); /* a reader checks the generation */
		return owner->comm[0] || owner->cgroup;
	}
	rcu_read_lock();
	/* The same race as above: a reader checks the generation. */
	task = task_of(data_race(row->pids.nr[0]), READ_ONCE(row->key), READ_ONCE(row->start_ns));
	if (task)
		owner_of(task, owner);
	rcu_read_unlock();
	return task;
}

static void row_give_up(struct row *row)
{
	struct row_owner owner;
	bool known;

	lockdep_assert_held(&table.lock);
	if (row->state == ROW_LIVE)
		row_settle(row);
	known = row_owner(row, row->state, &owner);
	WRITE_ONCE(table.folding, table.folding + 1);
	smp_wmb(); /* a reader that sees a row gone, or folded, sees the odd number */
	row_free(row);
	row_fold(row, known ? &owner : NULL);
	WRITE_ONCE(table.nr_folded, table.nr_folded + 1);
	/* pairs with snapshot_take(): the row is gone, and folded, before the number is even */
	smp_store_release(&table.folding, table.folding + 1);
}

/* The holder that a process belongs to. */
static struct holder *holder_of(struct task_struct *task)
{
	const struct user_namespace *ns;
	const struct cred *cred;
	unsigned int number = 0;
	u32 id;

	rcu_read_lock();
	cred = __task_cred(task);
	ns = cred->user_ns;
	id = __kuid_val(cred->uid);
	if (ns != &init_user_ns) {
		while (ns->parent != &init_user_ns)
			ns = ns->parent;
		id = __kuid_val(ns->owner) ?: ns->ns.inum;
	}
	rcu_read_unlock();
	if (id)
		number = 1 + hash_32(id, TABLE_HOLDERS_BITS) % (ARRAY_SIZE(table.holder) - 1);
	return &table.holder[number];
}

static struct holder *largest_holder(void)
{
	struct holder *largest = root_holder();
	size_t i;

	lockdep_assert_held(&table.lock);
	for (i = 1; i < ARRAY_SIZE(table.holder); i++)
		if (table.holder[i].nr_live > largest->nr_live)
			largest = &table.holder[i];
	return largest;
}

/* Move a row if its process has changed its uid, as login programs do before they exec. */
static void row_move(struct row *row, struct holder *holder)
{
	lockdep_assert_held(&table.lock);
	if (row->state != ROW_LIVE || row->holder == holder)
		return;
	row_unhold(row);
	row_hold(row, holder);
}

/* A number that only grows: with each fault, fork and exec of the process. */
static u64 row_activity(const struct row *row)
{
	return row_value(row, ROW_WP_ENTRIES) + row_value(row, ROW_FILE_COPIED) +
	       row_value(row, ROW_THP_ENTRIES) + row_value(row, ROW_HUGETLB_ENTRIES) +
	       row_value(row, ROW_FORKS) + row_value(row, ROW_VFORKS) + row_value(row, ROW_EXECS);
}

/* Has a live row counted nothing for a second? */
static bool row_is_idle(struct row *row)
{
	u64 activity = row_activity(row);

	if (activity == row->looked)
		return time_after(jiffies, row->looked_at + HZ);
	row->looked = activity;
	row->looked_at = jiffies;
	return false;
}

/*
 * Choose an exited row to recycle, of one holder or of any (NULL). Children that have not settled
 * yet still need their parent's row: it is chosen only if no other is found.
 */
static struct row *exited_to_recycle(const struct holder *only)
{
	struct row *row, *needed = NULL;
	struct list_head *list;
	int looks;

	lockdep_assert_held(&table.lock);
	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		list = list_empty(&table.exited) ? &table.exited_big : &table.exited;
		row = list_first_entry_or_null(list, struct row, list);
		if (!row)
			return NULL;
		if (list == &table.exited && row_is_big(row))
			list = &table.exited_big;
		else if (only && row->holder != only)
			;
		else if (row->unsettled)
			needed = row;
		else
			return row;
		list_move_tail(&row->list, list);
	}
	return only ? NULL : needed ?: row;
}

/* Choose a live row of the largest holder to recycle for @holder, which may be the same one. */
static struct row *live_to_recycle(const struct holder *holder, struct holder *largest)
{
	unsigned int looks = min_t(unsigned int, largest->nr_live, LIVE_LOOKS);
	struct row *row, *busy = NULL;

	lockdep_assert_held(&table.lock);
	while (looks--) {
		row = list_first_entry(&largest->live, struct row, list);
		list_move_tail(&row->list, &largest->live);
		if (row_is_idle(row) && !row->unsettled)
			return row;
		busy = busy ?: row;
	}
	if (largest == root_holder() || largest == holder ||
	    holder->nr_live + 1 >= largest->nr_live)
		return NULL;
	return busy;
}

static bool table_recycle(const struct holder *holder)
{
	struct row *row;

	lockdep_assert_held(&table.lock);
	row = exited_to_recycle(table.greedy) ?:
		      live_to_recycle(holder, table.greedy ?: largest_holder());
	if (!row)
		return false;
	row_give_up(row);
	return true;
}

static bool is_refused(const struct holder *holder)
{
	return !time_after(jiffies, READ_ONCE(holder->refused));
}

/* Take a free row, or free one. NULL if none can be had. */
static struct row *table_take(struct holder *holder)
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
		if (is_refused(holder))
			return NULL;
		if (!table_recycle(holder)) {
			WRITE_ONCE(holder->refused, jiffies);
			return NULL;
		}
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

/* Make a row for a process that has none. NULL if there is no room. */
static struct row *table_make(struct task_struct *task)
{
	struct holder *holder = holder_of(task);
	struct row *row = table_take(holder);

	if (!row)
		return NULL;
	WRITE_ONCE(row->known, 0);
	row->unsettled = 0;
	memset(&row->parent_pids, 0, sizeof(row->parent_pids));
	WRITE_ONCE(row->parent_start_ns, 0);
	memset(row->ancestor, 0, sizeof(row->ancestor));
	pids_of(task, &row->pids);
	WRITE_ONCE(row->start_ns, READ_ONCE(task->group_leader)->start_boottime);
	WRITE_ONCE(row->state, ROW_LIVE);
	row_hold(row, holder);
	row_count(row, ROW_PROCESSES);
	row->looked = row_activity(row);
	row->looked_at = jiffies;
	smp_wmb(); /* a reader that sees the new generation sees all this */
	WRITE_ONCE(row->generation, row->generation + 1);
	WRITE_ONCE(table.in_use, table.in_use + 1);

	/*
	 * Order: the row leaves its old chain; table.moves is incremented; row->next points into
	 * the new chain. So a lookup that walked from the old chain into the new one sees that
	 * table.moves has changed. Pairs with table_find_surely().
	 */
	smp_store_release(&table.moves, table.moves + 1);
	smp_wmb(); /* see above */
	WRITE_ONCE(row->next, *table_bucket(task->signal));
	WRITE_ONCE(row->key, task->signal);
	/* Publish last: a lookup sees a fully initialised row. */
	smp_store_release(table_bucket(task->signal), row);
	return row;
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
	/* pairs with table_copy_row(): a reader that sees EXITED sees the owner */
	smp_store_release(&row->state, ROW_EXITED);
	row_unhold(row);
	list_add_tail(&row->list, row_is_big(row) ? &table.exited_big : &table.exited);
}

/*
 * Find the row of a process, under the lock. The row found may belong to an earlier process that
 * had the same signal_struct and whose exit we did not see. Then mark that row as exited, and
 * return NULL.
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

/* Find the row of a process. Unlike table_find(), this never misses a row that exists. */
static struct row *table_find_surely(const struct signal_struct *key)
{
	unsigned long moves;
	struct row *row;

	do {
		moves = smp_load_acquire(&table.moves); /* before the chain */
		row = table_find(key);
		smp_rmb(); /* the chain before the number is read again */
	} while (!row && moves != READ_ONCE(table.moves));
	return row;
}

/**
 * table_row_or_folded() - find the row of a process, when table_find() found none
 * @task: a thread of it, whose signal_struct and pid stay while we run
 * @make: make a row if there is none
 *
 * Context: any but a true NMI. Called under page-table locks, also from a kprobe's breakpoint
 * there. Takes table.lock to make a row, unless the same holder was refused one in this jiffy.
 * Return: its row; the `-` row when there is none.
 */
struct row *table_row_or_folded(struct task_struct *task, bool make)
{
	struct row *row = table_find_surely(task->signal);
	struct row_owner owner;
	unsigned long flags;

	if (row)
		return row;
	if (!make || is_refused(holder_of(task)))
		return &table.folded;

	/*
	 * A kprobe that is not optimised is a breakpoint. Its handler counts as an NMI, where
	 * lockdep does not allow to wait for a lock. Here waiting is safe: the breakpoint never
	 * interrupts a holder of this lock.
	 */
	if (in_nmi()) {
		while (!raw_spin_trylock_irqsave(&table.lock, flags))
			cpu_relax();
	} else {
		raw_spin_lock_irqsave(&table.lock, flags);
	}
	row = table_find_locked(task) ?: table_make(task);
	/* The process may be past sched_process_exit, so table_dead() would never run. */
	if (row && row->state == ROW_LIVE && !atomic_read(&task->signal->live)) {
		owner_of(task, &owner);
		row_exit(row, &owner);
	}
	raw_spin_unlock_irqrestore(&table.lock, flags);
	return row ?: &table.folded;
}

/* Remember a child's ancestors: its parent, and the parent's ancestors that still have rows. */
static void row_inherit(struct row *child, struct row *parent)
{
	int i, n = 0;

	child->ancestor[n++] = row_ref(parent);
	for (i = 0; i < ROW_ANCESTORS && n < ROW_ANCESTORS; i++)
		if (row_deref(parent->ancestor[i]))
			child->ancestor[n++] = parent->ancestor[i];
}

/**
 * table_birth() - a process was forked
 * @parent: the task that forked it
 * @child: its task, not yet running
 * @birth: what is known of the fork; NULL if the fork does not count. Then this only unhashes the
 *	row of an earlier process that had the child's signal_struct
 *
 * Context: process context, may be atomic; takes table.lock.
 */
void table_birth(struct task_struct *parent, struct task_struct *child, const struct birth *birth)
{
	struct row *row, *parent_row;
	unsigned long flags;
	u32 known;
	int i;

	raw_spin_lock_irqsave(&table.lock, flags);
	/*
	 * The child can have a row already, if another process has faulted in its memory. Look up
	 * kernel threads too: this unhashes the row of an earlier process that had the same
	 * signal_struct.
	 */
	row = table_find_locked(child);
	if (!birth || !child->mm)
		goto unlock;
	parent_row = table_find_locked(parent) ?: table_make(parent);
	row_count(parent_row ?: &table.folded,
		  birth->known & ROW_KNOWS_MM ? ROW_FORKS : ROW_VFORKS);

	/* This cannot recycle the parent's row, which has just counted, so it is not idle. */
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
		WRITE_ONCE(row->parent_base, row_value(parent_row, ROW_OWN_COPIED));
		parent_row->unsettled++;
	}
	for (i = ROW_FIRST_BIRTH; i <= ROW_LAST_BIRTH; i++)
		row_add(row, i, birth->value[i]);
	smp_store_release(&row->known, known); /* after what is now known */
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
	if (row) {
		row_settle(row);
		row_move(row, holder_of(task));
	}
	raw_spin_unlock_irqrestore(&table.lock, flags);
}

/**
 * table_dead() - the last thread of a process has begun to exit
 * @task: that thread. If this is called for several threads in turn, only the first call has
 *	an effect
 *
 * The row stays, and lookups still find it, until another process needs it: more faults may
 * come (the kernel clears CLONE_CHILD_CLEARTID words late).
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
 * table_mark_dead() - mark the rows of processes that exited while counting was off
 *
 * Also unhashes all exited rows: a process that was forked while counting was off may have
 * got the signal_struct of one of them.
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
		task = row->state == ROW_LIVE ? task_of(row->pids.nr[0], row->key, row->start_ns) :
						NULL;
		if (task && !atomic_read(&task->signal->live)) {
			owner_of(task, &owner); /* a zombie */
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
 * table_settle() - make pre_exec_copied and parent_copied final in all rows
 *
 * While counting is off we see no exec, so we would not know when to stop.
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
	unsigned int i, v, used = table_used();
	unsigned long flags;

	for (i = 0; i < used; i++) {
		struct row *row = &table.rows[i];

		raw_spin_lock_irqsave(&table.lock, flags);
		if (row->state != ROW_FREE)
			row_free(row);
		for (v = 0; v < ROW_NR_VALUES; v++)
			atomic64_set(&row->value[v], 0);
		raw_spin_unlock_irqrestore(&table.lock, flags);
		cond_resched();
	}
	sums_reset();
	for (i = 0; i < ROW_NR_VALUES; i++)
		atomic64_set(&table.folded.value[i], 0);
	raw_spin_lock_irqsave(&table.lock, flags);
	WRITE_ONCE(table.nr_folded, 0);
	raw_spin_unlock_irqrestore(&table.lock, flags);
	atomic64_set(&table.lost, 0);
	atomic64_set(&table.missed, 0);
}

/**
 * table_used() - how many rows a reader must look at
 *
 * Return: all rows that were ever used have an index below this.
 */
unsigned int table_used(void)
{
	return smp_load_acquire(&table.used); /* pairs with table_take() */
}

/**
 * table_copy_row() - take a consistent copy of a row, without a lock
 * @index: below table.used
 * @copy: what was read
 *
 * Context: any but NMI.
 * Return: false if the row is free, or was given to another process while we read.
 */
bool table_copy_row(unsigned int index, struct row_copy *copy)
{
	const struct row *row = &table.rows[index];
	u32 generation = smp_load_acquire(&row->generation); /* before the other fields */

	if (!(generation & 1))
		return false;
	copy->known = smp_load_acquire(&row->known); /* before what is known */
	copy->pids = data_race(row->pids);	     /* the generation is checked below */
	copy->parent_pids = data_race(row->parent_pids);
	copy->start_ns = READ_ONCE(row->start_ns);
	copy->parent_start_ns = READ_ONCE(row->parent_start_ns);
	row_read(row, copy->value);
	if (copy->known & ROW_KNOWS_BIRTH && !(copy->known & ROW_SETTLED)) {
		row_pre_exec(row, &copy->value[ROW_PRE_EXEC_COPIED],
			     &copy->value[ROW_PARENT_COPIED]);
		/* Check again: the parent's row may have been recycled while we read its count. */
		if (!row_deref(data_race(row->ancestor[0])))
			copy->known &= ~ROW_KNOWS_PARENT;
	}

	copy->state = smp_load_acquire(&row->state); /* before the owner */
	copy->owner_known = row_owner(row, copy->state, &copy->owner);
	smp_rmb(); /* the copy before the second look at the generation */
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
	int cpu;
	unsigned long buckets;
	unsigned int i;

#define ONE_MEMO(NAME)	+ 1
	BUILD_BUG_ON(ROW_FIRST_MEMO ROW_MEMOS(ONE_MEMO) != ROW_NR_VALUES);

	INIT_LIST_HEAD(&table.free);
	INIT_LIST_HEAD(&table.exited);
	INIT_LIST_HEAD(&table.exited_big);
	for (i = 0; i < ARRAY_SIZE(table.holder); i++)
		INIT_LIST_HEAD(&table.holder[i].live);
	/* Not with an initialiser: on 6.12 a module's per-CPU pointer then read as NULL. */
	for_each_possible_cpu(cpu)
		per_cpu(recent_row, cpu) = &table.folded;
	table.max_rows = max_rows;
	buckets = 2 * roundup_pow_of_two(max_rows);
	table.hash_shift = 64 - ilog2(buckets);

	table.rows = vzalloc(array_size(max_rows, sizeof(*table.rows)));
	if (!table.rows)
		return -ENOMEM;
	table.bucket = vzalloc(array_size(buckets, sizeof(*table.bucket)));
	if (!table.bucket)
		goto free_rows;
	if (sums_init(max_rows))
		goto free_bucket;
	while (buckets--)
		table.bucket[buckets] = &table.folded;
	return 0;

free_bucket:
	vfree(table.bucket);
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
	sums_exit();
	vfree(table.bucket);
	vfree(table.rows);
}
