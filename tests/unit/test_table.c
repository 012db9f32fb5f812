// SPDX-License-Identifier: GPL-2.0
/*
 * The life of rows and sums, without a kernel: module/table.c and module/sum.c themselves,
 * compiled against stubs.
 */
#include "kernel_stubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../module/sum.c"
#include "../../module/table.c"

#define ROWS	64

/* A process, its pid and its signal_struct; the last two may be had again by another. */
struct process {
	struct task_struct task;
	struct pid pid;
	struct mm_struct mm;
	struct signal_struct signal;
};

static u64 now;
static int pids;

static void come_alive(struct process *p, struct signal_struct *signal)
{
	memset(p, 0, sizeof(*p));
	p->task.signal = signal ? signal : &p->signal;
	p->task.signal->live.counter = 1;
	p->task.group_leader = &p->task;
	p->task.mm = &p->mm;
	p->task.tgid = &p->pid;
	p->task.start_boottime = ++now;
	p->task.cred.user_ns = &init_user_ns;
	p->pid.numbers[0] = (struct upid){ .nr = ++pids, .ns = &init_pid_ns };
	p->pid.task = &p->task;
	pid_by_nr[pids] = &p->pid;
	snprintf(p->task.comm, sizeof(p->task.comm), "p%d", pids);
}

static void fork_of(struct process *parent, struct process *child, u64 birth_anon)
{
	struct birth birth = { .known = ROW_KNOWS_MM };

	birth.value[ROW_BIRTH_ANON_PAGES] = birth_anon;
	come_alive(child, NULL);
	table_birth(&parent->task, &child->task, &birth);
}

static void copies(struct process *p, u64 n)
{
	while (n--) {
		struct row *row = table_row(&p->task, true);

		row_count(row, ROW_WP_ENTRIES);
		row_count(row, n & 1 ? ROW_OWN_COPIED : ROW_INHERITED_COPIED);
	}
}

static void exits(struct process *p)
{
	p->task.signal->live.counter = 0;
	table_dead(&p->task);
	pid_by_nr[p->pid.numbers[0].nr] = NULL;
}

static struct row *row(struct process *p)
{
	for (unsigned int i = 0; i < table.used; i++)
		if (table.rows[i].generation & 1 &&
		    table.rows[i].start_ns == p->task.start_boottime)
			return &table.rows[i];
	return NULL;
}

/* In sums of rows that were recycled, of one kind. */
static u64 in_sums(enum row_sum_kind kind, enum row_value value)
{
	enum row_sum_kind is;
	struct row_copy copy;
	u64 n = 0;

	for (unsigned int i = 0; i < sums_max(); i++)
		if (sums_copy(i, &copy, &is) && is == kind)
			n += copy.value[value];
	return n;
}

static u64 sum(enum row_value value)
{
	u64 n = row_value(&table.folded, value) + in_sums(ROW_SUM_NAMED, value) +
		in_sums(ROW_SUM_OF_CGROUP, value);

	for (unsigned int i = 0; i < table.used; i++)
		if (table.rows[i].generation & 1)
			n += row_value(&table.rows[i], value);
	return n;
}

static u64 anon_copied_sum(void)
{
	return sum(ROW_OWN_COPIED) + sum(ROW_INHERITED_COPIED);
}

static int setup(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	memset(pid_by_nr, 0, sizeof(pid_by_nr));
	pids = 0;
	return table_init(ROWS);
}

static int teardown(void **state)
{
	(void)state;
	table_exit();
	return 0;
}

/* A kprobe that is not optimised counts as an NMI. */
static void a_breakpoint_makes_a_row(void **state)
{
	struct process p;
	struct row *made;

	(void)state;
	come_alive(&p, NULL);
	in_nmi_now = true;
	busy_tries = 3;
	made = table_row(&p.task, true);
	in_nmi_now = false;
	assert_ptr_not_equal(made, &table.folded);
	assert_ptr_equal(table_row(&p.task, true), made);
	assert_false(table.lock.held);
}

static void same_process_same_row(void **state)
{
	static struct process a, b;

	(void)state;
	come_alive(&a, NULL);
	come_alive(&b, NULL);
	assert_ptr_equal(table_row(&a.task, true), table_row(&a.task, true));
	assert_ptr_not_equal(table_row(&a.task, true), table_row(&b.task, true));
	assert_int_equal(table.in_use, 2);
}

static void signal_struct_had_again(void **state)
{
	static struct process parent, old, new;
	struct birth birth = { .known = ROW_KNOWS_MM };

	(void)state;
	come_alive(&parent, NULL);
	fork_of(&parent, &old, 0);
	copies(&old, 7);
	exits(&old);
	come_alive(&new, &old.signal);
	table_birth(&parent.task, &new.task, &birth);
	copies(&new, 3);
	assert_int_equal(row_anon_copied_now(row(&old)), 7);
	assert_int_equal(row_anon_copied_now(row(&new)), 3);
	assert_int_equal(row(&old)->state, ROW_EXITED);
	assert_int_equal(row(&new)->state, ROW_LIVE);
}

static void fault_after_exit_is_its_own(void **state)
{
	static struct process p;

	(void)state;
	come_alive(&p, NULL);
	copies(&p, 1);
	table_dead(&p.task);
	table_dead(&p.task); /* another thread sees live == 0 too */
	copies(&p, 1);
	assert_int_equal(row_anon_copied_now(row(&p)), 2);
	assert_int_equal(table.in_use, 1);
}

static void pre_exec_and_parent_copied(void **state)
{
	static struct process parent, child;
	struct row_copy copy;

	(void)state;
	come_alive(&parent, NULL);
	copies(&parent, 5);
	fork_of(&parent, &child, 100);
	copies(&parent, 2);
	copies(&child, 3);
	assert_true(table_copy_row(row(&child) - table.rows, &copy));
	assert_int_equal(copy.value[ROW_PRE_EXEC_COPIED], 3);
	assert_int_equal(copy.value[ROW_PARENT_COPIED], 1); /* its own page */
	assert_int_equal(row(&parent)->unsettled, 1);
	table_exec(&child.task);
	copies(&parent, 10);
	copies(&child, 10);
	table_exec(&child.task);
	exits(&child);
	assert_int_equal(row(&parent)->unsettled, 0);
	assert_true(table_copy_row(row(&child) - table.rows, &copy));
	assert_int_equal(copy.value[ROW_PRE_EXEC_COPIED], 3);
	assert_int_equal(copy.value[ROW_PARENT_COPIED], 1);
	assert_int_equal(copy.value[ROW_EXECS], 2);
	assert_true(copy.known & ROW_KNOWS_PARENT);
}

static void small_go_first_then_oldest(void **state)
{
	static struct process parent, big, small[ROWS - 2], more[ROWS];
	int i;

	(void)state;
	come_alive(&parent, NULL);
	fork_of(&parent, &big, 0);
	copies(&big, ROW_BIG_BYTES / COWSTAT_PAGE_BYTES);
	exits(&big);
	for (i = 0; i < ROWS - 2; i++) {
		fork_of(&parent, &small[i], 0);
		copies(&small[i], 1);
		exits(&small[i]);
	}
	assert_int_equal(table.in_use, ROWS);
	fork_of(&parent, &more[0], 0);
	assert_null(row(&small[0]));
	assert_non_null(row(&small[1]));
	for (i = 1; i < ROWS - 2; i++)
		fork_of(&parent, &more[i], 0);
	assert_non_null(row(&big));
	fork_of(&parent, &more[i], 0);
	assert_null(row(&big));
	assert_int_equal(anon_copied_sum(), ROWS - 2 + ROW_BIG_BYTES / COWSTAT_PAGE_BYTES);
	assert_int_equal(sum(ROW_FORKS), 2 * ROWS - 2);
	assert_int_equal(table.nr_folded, ROWS - 1);
	assert_int_equal(atomic64_read(&table.lost), 0);
}

static void all_alive_is_a_loss_that_is_told(void **state)
{
	static struct process p[ROWS + 3];

	(void)state;
	for (int i = 0; i < ROWS + 3; i++) {
		come_alive(&p[i], NULL);
		copies(&p[i], 2);
	}
	assert_int_equal(table.in_use, ROWS);
	assert_int_equal(atomic64_read(&table.lost), 0); /* told by fault.c */
	assert_int_equal(sum(ROW_OWN_COPIED) + sum(ROW_INHERITED_COPIED), 2 * (ROWS + 3));
	assert_int_equal(row_anon_copied_now(&table.folded), 6);
}

/* A live process of a user, with @n pages copied. */
static void user_process(struct process *p, unsigned int uid, u64 n)
{
	come_alive(p, NULL);
	p->task.cred.uid.val = uid;
	copies(p, n);
}

static void fill_by(unsigned int uid)
{
	static struct process p[ROWS];

	for (int i = 0; i < ROWS; i++)
		user_process(&p[i], uid, 1);
	assert_int_equal(table.in_use, ROWS);
}

/* Look at all live rows of a holder, and then let them be idle for long. */
static void let_rows_idle(struct holder *holder)
{
	struct row *row;

	for (unsigned int i = 0; i < table.used; i++) {
		row = &table.rows[i];
		if (row->state == ROW_LIVE && row->holder == holder)
			row_is_idle(row);
	}
	jiffies += 2 * HZ;
}

static void root_gets_a_row_of_a_greedy_user(void **state)
{
	static struct process root[10];

	(void)state;
	fill_by(1000);
	for (int i = 0; i < 10; i++) {
		user_process(&root[i], 0, 3);
		assert_int_equal(row_anon_copied_now(row(&root[i])), 3);
	}
	assert_int_equal(anon_copied_sum(), ROWS + 30);
	assert_int_equal(table.nr_folded, 10);
}

static void a_user_takes_no_busy_row_of_root(void **state)
{
	static struct process user[2];

	(void)state;
	fill_by(0);
	user_process(&user[0], 1000, 1);
	assert_null(row(&user[0]));
	let_rows_idle(root_holder());
	user_process(&user[1], 1000, 1);
	assert_non_null(row(&user[1]));
}

static void users_share_evenly(void **state)
{
	static struct process other[2 * ROWS];

	(void)state;
	fill_by(1000);
	for (int i = 0; i < 2 * ROWS; i++)
		user_process(&other[i], 1001, 1);
	assert_int_equal(holder_of(&other[0].task)->nr_live, ROWS / 2);
}

static void idle_rows_go_for_the_holders_own(void **state)
{
	static struct process more[3];
	struct holder *holder;

	(void)state;
	fill_by(1000);
	user_process(&more[0], 1000, 1);
	assert_null(row(&more[0]));
	holder = holder_of(&more[0].task);
	let_rows_idle(holder);
	user_process(&more[1], 1000, 1);
	assert_non_null(row(&more[1]));
	jiffies += HZ / 2;
	copies(&more[1], 1);
	assert_false(row_is_idle(row(&more[1])));
	jiffies += HZ;
	assert_false(row_is_idle(row(&more[1])));
	jiffies++;
	assert_true(row_is_idle(row(&more[1])));
}

static void the_refused_take_no_lock(void **state)
{
	static struct process more[3];
	int taken;

	(void)state;
	fill_by(1000);
	user_process(&more[0], 1000, 1);
	taken = table.lock.taken;
	user_process(&more[1], 1000, 5);
	assert_int_equal(table.lock.taken, taken);
	jiffies++;
	copies(&more[1], 5);
	assert_int_equal(table.lock.taken, taken + 1);
	/* but others are not refused with them */
	user_process(&more[2], 0, 1);
	assert_non_null(row(&more[2]));
}

static void the_greedy_keep_off_others_exited_rows(void **state)
{
	static struct process root, more, other;

	(void)state;
	user_process(&root, 0, 1);
	exits(&root);
	for (int i = 0; i < ROWS - 1; i++) {
		static struct process p[ROWS];

		user_process(&p[i], 1000, 1);
	}
	come_alive(&more, NULL);
	more.task.cred.uid.val = 1000;
	let_rows_idle(holder_of(&more.task));
	copies(&more, 1);
	assert_non_null(row(&more));
	assert_non_null(row(&root));
	user_process(&other, 1001, 1);
	exits(&other);
	assert_non_null(row(&root));
	/* not greedy any more: the oldest exited row goes */
	for (int i = 0; i < ROWS / 2; i++) {
		static struct process p[ROWS];

		user_process(&p[i], 1001, 1);
	}
	assert_null(row(&root));
}

static void a_user_namespace_is_its_makers(void **state)
{
	static struct process user, sub, root, contained, nested;
	static struct user_namespace users = { .parent = &init_user_ns, .owner.val = 1000 };
	static struct user_namespace inner = { .parent = &users, .owner.val = 100000 };
	static struct user_namespace roots = { .parent = &init_user_ns, .ns.inum = 77 };

	(void)state;
	user_process(&user, 1000, 0);
	user_process(&root, 0, 0);
	user_process(&sub, 100007, 0);
	sub.task.cred.user_ns = &users;
	user_process(&nested, 200007, 0);
	nested.task.cred.user_ns = &inner;
	user_process(&contained, 0, 0);
	contained.task.cred.user_ns = &roots;
	assert_ptr_equal(holder_of(&root.task), root_holder());
	assert_ptr_not_equal(holder_of(&user.task), root_holder());
	assert_ptr_equal(holder_of(&sub.task), holder_of(&user.task));
	assert_ptr_equal(holder_of(&nested.task), holder_of(&user.task));
	assert_ptr_not_equal(holder_of(&contained.task), root_holder());
	assert_ptr_not_equal(holder_of(&contained.task), holder_of(&user.task));
}

static void exec_moves_a_row_to_its_user(void **state)
{
	static struct process login;

	(void)state;
	user_process(&login, 0, 1);
	login.task.cred.uid.val = 1000;
	table_exec(&login.task);
	assert_int_equal(root_holder()->nr_live, 0);
	assert_int_equal(holder_of(&login.task)->nr_live, 1);
	exits(&login);
	assert_int_equal(holder_of(&login.task)->nr_live, 0);
}

static void a_late_count_is_not_lost(void **state)
{
	static struct process late, filler[ROWS];
	struct row *found;

	(void)state;
	come_alive(&late, NULL);
	copies(&late, 1);
	exits(&late);
	found = row(&late);
	for (int i = 0; i < ROWS - 1; i++)
		user_process(&filler[i], 0, 1);
	row_count(found, ROW_REUSED); /* before it is recycled */
	table_row(&filler[ROWS - 1].task, false);
	raw_spin_lock_irq(&table.lock);
	row_give_up(found);
	raw_spin_unlock_irq(&table.lock);
	row_count(found, ROW_REUSED); /* and after that */
	user_process(&filler[ROWS - 1], 0, 1);
	assert_ptr_equal(row(&filler[ROWS - 1]), found);
	assert_int_equal(sum(ROW_REUSED), 2);
	assert_int_equal(anon_copied_sum(), ROWS + 1);
}

static void a_miss_is_certain(void **state)
{
	static struct process p;
	unsigned long moves = table.moves;

	(void)state;
	come_alive(&p, NULL);
	assert_null(table_find_surely(p.task.signal));
	copies(&p, 1);
	assert_int_equal(table.moves, moves + 1);
	assert_ptr_equal(table_find_surely(p.task.signal), row(&p));
}

static void folds_into_nearest_ancestor(void **state)
{
	static struct process top, middle, leaf, filler[2 * ROWS];
	int i;

	(void)state;
	come_alive(&top, NULL);
	fork_of(&top, &middle, 10);
	fork_of(&middle, &leaf, 20);
	copies(&leaf, 4);
	table_exec(&leaf.task);
	exits(&middle);
	for (i = 0; i < ROWS; i++) { /* middle goes; leaf is alive and stays */
		come_alive(&filler[i], NULL);
		copies(&filler[i], 1);
		exits(&filler[i]);
	}
	assert_null(row(&middle));
	assert_int_equal(row_value(row(&top), ROW_DESC_FORKS), 1);
	assert_int_equal(row_value(row(&top), ROW_DESC_BIRTH_ANON_PAGES), 10);
	exits(&leaf);
	for (; i < 2 * ROWS; i++) {
		come_alive(&filler[i], NULL);
		copies(&filler[i], 1);
		exits(&filler[i]);
	}
	assert_null(row(&leaf));
	assert_int_equal(row_value(row(&top), ROW_DESC_BIRTH_ANON_PAGES), 30);
	assert_int_equal(row_value(row(&top), ROW_DESC_ANON_COPIED), 4);
	assert_int_equal(row_value(row(&top), ROW_DESC_COPIED_BYTES), 4 * 4096);
	assert_int_equal(row_value(&table.folded, ROW_DESC_ANON_COPIED), 0);
}

static void parent_waits_for_unsettled_children(void **state)
{
	static struct process parent, child, filler[ROWS];

	(void)state;
	come_alive(&parent, NULL);
	fork_of(&parent, &child, 0);
	copies(&parent, 9);
	exits(&parent);
	for (int i = 0; i < ROWS; i++) {
		come_alive(&filler[i], NULL);
		copies(&filler[i], 1);
		exits(&filler[i]);
	}
	assert_non_null(row(&parent));
	table_exec(&child.task);
	assert_int_equal(row_value(row(&child), ROW_PARENT_COPIED), 4); /* its own pages */
}

static void marked_dead_when_gone_unseen(void **state)
{
	static struct process gone, here;

	(void)state;
	come_alive(&gone, NULL);
	come_alive(&here, NULL);
	copies(&gone, 1);
	copies(&here, 1);
	pid_by_nr[gone.pid.numbers[0].nr] = NULL;
	table_mark_dead();
	assert_int_equal(row(&gone)->state, ROW_EXITED);
	assert_int_equal(row(&here)->state, ROW_LIVE);
	assert_null(table_find(gone.task.signal));
	assert_non_null(table_find(here.task.signal));
}

static void a_zombie_is_marked_dead_and_stays_its_own(void **state)
{
	static struct process zombie;

	(void)state;
	come_alive(&zombie, NULL);
	copies(&zombie, 1);
	zombie.signal.live.counter = 0; /* unseen, and not yet waited for */
	table_mark_dead();
	assert_int_equal(row(&zombie)->state, ROW_EXITED);
	assert_string_equal(row(&zombie)->owner.comm, zombie.task.comm);
}

static void a_row_made_after_exit_is_exited(void **state)
{
	static struct process late;

	(void)state;
	come_alive(&late, NULL);
	late.signal.live.counter = 0;
	table_dead(&late.task);
	copies(&late, 1);
	assert_int_equal(row(&late)->state, ROW_EXITED);
}

static void a_commit_makes_no_row(void **state)
{
	static struct process p;

	(void)state;
	come_alive(&p, NULL);
	assert_ptr_equal(table_row(&p.task, false), &table.folded);
	assert_int_equal(table.in_use, 0);
	copies(&p, 1);
	assert_ptr_equal(table_row(&p.task, false), row(&p));
}

static void settled_when_counting_stops(void **state)
{
	static struct process parent, child;
	struct row_copy copy;

	(void)state;
	come_alive(&parent, NULL);
	fork_of(&parent, &child, 0);
	copies(&child, 3);
	table_settle();
	copies(&child, 5);
	assert_true(table_copy_row(row(&child) - table.rows, &copy));
	assert_int_equal(copy.value[ROW_PRE_EXEC_COPIED], 3);
}

static void a_pid_had_again_is_another_process(void **state)
{
	static struct process gone, other;
	struct row_copy copy;

	(void)state;
	come_alive(&gone, NULL);
	copies(&gone, 1);
	come_alive(&other, &gone.signal); /* all went unseen, and all is had again */
	pid_by_nr[gone.pid.numbers[0].nr] = &other.pid;
	assert_true(table_copy_row(row(&gone) - table.rows, &copy));
	assert_false(copy.owner_known);
	table_mark_dead();
	assert_int_equal(row(&gone)->state, ROW_EXITED);
	assert_null(table_find(&gone.signal));
}

static void pids_of_the_outermost_namespaces(void **state)
{
	static struct process p;
	static struct pid_namespace ns[5];
	struct row_copy copy;
	unsigned int i;

	(void)state;
	come_alive(&p, NULL);
	p.pid.level = 5;
	for (i = 0; i < 5; i++) {
		ns[i].ns.inum = 100 + i;
		p.pid.numbers[i + 1] = (struct upid){ .nr = 50 + i, .ns = &ns[i] };
	}
	copies(&p, 1);
	assert_true(table_copy_row(row(&p) - table.rows, &copy));
	assert_int_equal(row_pid_in(&copy.pids, 0, 1), p.pid.numbers[0].nr);
	assert_int_equal(row_pid_in(&copy.pids, 1, 100), 50);
	assert_int_equal(row_pid_in(&copy.pids, 3, 102), 52);
	assert_int_equal(row_pid_in(&copy.pids, 3, 101), 0);
	assert_int_equal(row_pid_in(&copy.pids, 4, 103), 0); /* too deep to be kept */
}

/* A process of a cgroup, user and name, which copies one page and exits. */
static void short_life(u64 cgroup, unsigned int uid, unsigned int name)
{
	static struct process pool[16 * ROWS];
	struct process *p = &pool[pids % ARRAY_SIZE(pool)];

	come_alive(p, NULL);
	p->task.cgroup = cgroup;
	p->task.cred.uid.val = uid;
	snprintf(p->task.comm, sizeof(p->task.comm), "n%u", name);
	copies(p, 1);
	exits(p);
}

/* The sum of a cgroup, user and name, or of a cgroup and user if @name is 0: its processes. */
static u64 sum_of(u64 cgroup, unsigned int uid, unsigned int name)
{
	char comm[TASK_COMM_LEN] = "";
	enum row_sum_kind kind;
	struct row_copy copy;

	if (name)
		snprintf(comm, sizeof(comm), "n%u", name);
	for (unsigned int i = 0; i < sums_max(); i++)
		if (sums_copy(i, &copy, &kind) && copy.owner.cgroup == cgroup &&
		    copy.owner.uid.val == uid && !strcmp(copy.owner.comm, comm) &&
		    kind == (name ? ROW_SUM_NAMED : ROW_SUM_OF_CGROUP))
			return copy.value[ROW_PROCESSES];
	return 0;
}

static void given_up_rows_are_summed_by_owner(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 13; i++)
		short_life(1, 0, 1);
	for (i = 0; i < 11; i++)
		short_life(2, 0, 1);
	for (i = 0; i < 7; i++)
		short_life(2, 1000, 1);
	for (i = 0; i < 5; i++)
		short_life(2, 0, 2);
	for (i = 0; i < ROWS; i++)
		short_life(3, 0, 3);
	assert_int_equal(sum_of(1, 0, 1), 13);
	assert_int_equal(sum_of(2, 0, 1), 11);
	assert_int_equal(sum_of(2, 1000, 1), 7);
	assert_int_equal(sum_of(2, 0, 2), 5);
	assert_int_equal(sum_of(3, 0, 3), 0);
	assert_int_equal(sums_in_use(), 4);
	assert_int_equal(sums_merged(), 0);
	assert_int_equal(row_value(&table.folded, ROW_PROCESSES), 0);
	assert_int_equal(sum(ROW_PROCESSES), 36 + ROWS);
	assert_int_equal(anon_copied_sum(), 36 + ROWS);
}

static void a_live_row_given_up_is_its_owners(void **state)
{
	static struct process idle, filler[ROWS];

	(void)state;
	user_process(&idle, 0, 3);
	idle.task.cgroup = 9;
	snprintf(idle.task.comm, sizeof(idle.task.comm), "n9");
	let_rows_idle(root_holder());
	for (int i = 0; i < ROWS; i++)
		user_process(&filler[i], 0, 1);
	assert_null(row(&idle));
	assert_int_equal(sum_of(9, 0, 9), 1);
	assert_int_equal(sums_in_use(), 1);
	assert_int_equal(in_sums(ROW_SUM_NAMED, ROW_WP_ENTRIES), 3);
	assert_int_equal(row_value(&table.folded, ROW_PROCESSES), 0);
}

/* Rows of processes that went unseen: nobody knows whose they were. */
static void the_unknown_go_to_no_sum(void **state)
{
	static struct process gone;

	(void)state;
	come_alive(&gone, NULL);
	copies(&gone, 2);
	pid_by_nr[gone.pid.numbers[0].nr] = NULL;
	table_mark_dead();
	for (int i = 0; i < ROWS; i++)
		short_life(1, 0, 1);
	assert_int_equal(sums_in_use(), 0);
	assert_int_equal(row_value(&table.folded, ROW_PROCESSES), 1);
	assert_int_equal(row_value(&table.folded, ROW_WP_ENTRIES), 2);
}

/* Names beyond the sums there are: the oldest are forgotten, but no cgroup is. */
static void names_go_before_cgroups(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 1; i <= 3 * ROWS; i++)
		short_life(i % 2 + 1, 0, i);
	for (i = 0; i < ROWS; i++)
		short_life(3, 0, 3 * ROWS);
	assert_int_equal(sum_of(1, 0, 0), ROWS);
	assert_int_equal(sum_of(2, 0, 0), ROWS);
	assert_int_equal(sum_of(2, 0, 2 * ROWS - 1), 0);
	assert_int_equal(sum_of(2, 0, 2 * ROWS + 1), 1);
	assert_int_equal(in_sums(ROW_SUM_NAMED, ROW_PROCESSES), ROWS);
	assert_int_equal(sums_merged(), 2 * ROWS);
	assert_int_equal(row_value(&table.folded, ROW_PROCESSES), 0);
	assert_int_equal(sum(ROW_PROCESSES), 4 * ROWS);
}

static void cgroups_beyond_the_sums_go_to_the_folded_row(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 1; i <= 3 * ROWS; i++)
		short_life(i, 0, i);
	short_life(1, 0, 1);
	assert_int_equal(in_sums(ROW_SUM_NAMED, ROW_PROCESSES), ROWS);
	assert_int_equal(in_sums(ROW_SUM_OF_CGROUP, ROW_PROCESSES), ROWS);
	assert_int_equal(row_value(&table.folded, ROW_PROCESSES), 1);
	assert_int_equal(sums_in_use(), 2 * ROWS);
	assert_int_equal(sum(ROW_PROCESSES), 3 * ROWS + 1);
	assert_int_equal(anon_copied_sum(), 3 * ROWS + 1);
	table_reset();
	assert_int_equal(sums_in_use(), 0);
	assert_int_equal(sums_merged(), 0);
	assert_int_equal(sum(ROW_PROCESSES), 0);
	for (i = 1; i <= ROWS + 1; i++)
		short_life(5, 0, 5);
	assert_int_equal(sum_of(5, 0, 5), 1);
	assert_int_equal(sum(ROW_PROCESSES), ROWS + 1);
}

/* A user makes up names and cgroups: sums of root's stay. */
static void a_user_drives_out_own_sums(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 1; i <= ROWS / 4; i++)
		short_life(i, 0, i);
	for (i = 1; i <= 10 * ROWS; i++)
		short_life(1000 + i, 1000, i);
	for (i = 1; i <= ROWS / 4; i++)
		assert_int_equal(sum_of(i, 0, i), 1);
	assert_true(row_value(&table.folded, ROW_PROCESSES) > 7 * ROWS);
	assert_int_equal(sum(ROW_PROCESSES), 10 * ROWS + ROWS / 4);
}

static void reset_forgets_all(void **state)
{
	static struct process parent, child[10 * ROWS];
	int i;

	(void)state;
	come_alive(&parent, NULL);
	for (i = 0; i < 10 * ROWS; i++) {
		fork_of(&parent, &child[i], 1);
		copies(&child[i], 1);
		exits(&child[i]);
	}
	assert_int_equal(sum(ROW_FORKS), 10 * ROWS);
	assert_int_equal(sum(ROW_BIRTH_ANON_PAGES), 10 * ROWS);
	table_reset();
	assert_int_equal(table.in_use, 0);
	assert_int_equal(sum(ROW_FORKS), 0);
	assert_int_equal(sum(ROW_BIRTH_ANON_PAGES), 0);
	assert_null(table_find(parent.task.signal));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_breakpoint_makes_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(same_process_same_row, setup, teardown),
		cmocka_unit_test_setup_teardown(signal_struct_had_again, setup, teardown),
		cmocka_unit_test_setup_teardown(fault_after_exit_is_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(pre_exec_and_parent_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(small_go_first_then_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(all_alive_is_a_loss_that_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(root_gets_a_row_of_a_greedy_user, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_takes_no_busy_row_of_root, setup, teardown),
		cmocka_unit_test_setup_teardown(users_share_evenly, setup, teardown),
		cmocka_unit_test_setup_teardown(idle_rows_go_for_the_holders_own, setup, teardown),
		cmocka_unit_test_setup_teardown(the_refused_take_no_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(the_greedy_keep_off_others_exited_rows, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_user_namespace_is_its_makers, setup, teardown),
		cmocka_unit_test_setup_teardown(exec_moves_a_row_to_its_user, setup, teardown),
		cmocka_unit_test_setup_teardown(a_late_count_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_miss_is_certain, setup, teardown),
		cmocka_unit_test_setup_teardown(folds_into_nearest_ancestor, setup, teardown),
		cmocka_unit_test_setup_teardown(parent_waits_for_unsettled_children, setup,
						teardown),
		cmocka_unit_test_setup_teardown(marked_dead_when_gone_unseen, setup, teardown),
		cmocka_unit_test_setup_teardown(a_zombie_is_marked_dead_and_stays_its_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_row_made_after_exit_is_exited, setup, teardown),
		cmocka_unit_test_setup_teardown(a_commit_makes_no_row, setup, teardown),
		cmocka_unit_test_setup_teardown(settled_when_counting_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pid_had_again_is_another_process, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pids_of_the_outermost_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(given_up_rows_are_summed_by_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(a_live_row_given_up_is_its_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(the_unknown_go_to_no_sum, setup, teardown),
		cmocka_unit_test_setup_teardown(names_go_before_cgroups, setup, teardown),
		cmocka_unit_test_setup_teardown(cgroups_beyond_the_sums_go_to_the_folded_row, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_user_drives_out_own_sums, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_forgets_all, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
