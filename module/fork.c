// SPDX-License-Identifier: GPL-2.0
/*
 * Fork, exec and exit: which process forked which, what the child's page tables held at
 * birth, when a process exited, and which forks failed. Uses three scheduler tracepoints and an
 * entry hook on copy_process() that reads the clock. No tracepoint fires for a fork that fails,
 * so a kprobe where copy_process() returns to kernel_clone() sees those.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>

#include "compat.h"
#include "counting.h"
#include "fault.h"
#include "fork.h"
#include "hook.h"
#include "site.h"
#include "slot.h"
#include "table.h"
#include "trace.h"

/*
 * When a task entered copy_process(). on_fork() reads the slot and drops it. There is no hook at
 * the function's exit: it would slow down every new task. No tracepoint fires for a new thread
 * of io_uring or vhost, nor for a failed fork that the kprobe does not see. Then the task keeps
 * its slot until it forks again or exits, or until another task needs the place.
 */
static struct slots forks;

/* When on_copy_process() saw the first fork since the hooks were armed. 0: none yet. */
static u64 first_fork_ns;

/*
 * struct task_struct *copy_process(struct pid *pid, int trace, int node,
 *				     struct kernel_clone_args *args)
 */
static void on_copy_process(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			    struct ftrace_regs *fregs)
{
	const struct kernel_clone_args *args = (void *)compat_argument(fregs, 3);
	u64 now = ktime_get_ns();
	struct slot *slot;

	if (!READ_ONCE(first_fork_ns))
		WRITE_ONCE(first_fork_ns, now);
	slot = slot_take(&forks, current, now); /* if NULL, on_fork() counts it as missed */
	if (slot)
		WRITE_ONCE(slot->flags, args->flags);
}

/**
 * fork_copied() - count a pinned page that current's fork copies instead of sharing
 *
 * Context: in copy_page_range(), under the page-table lock.
 */
void fork_copied(void)
{
	struct slot *slot = slot_find(&forks, current);

	if (slot)
		WRITE_ONCE(slot->note, READ_ONCE(slot->note) + 1);
}

struct hook fork_entry = {
	.shares_ops = &clear_flush,
	.call = on_copy_process,
	.function = { "copy_process" },
	.counts_as = COWSTAT_HOOK_FORK,
	.any_caller = true,
	.callers = { { "kernel_clone", COWSTAT_HOOK_FORK } },
};

/*
 * A fork without a slot, because another task took the place over: count it as missed. A fork
 * that began before the hook was armed has none either. Such forks are over after a second, so
 * count nothing until then.
 */
static void count_untimed(void)
{
	u64 since = READ_ONCE(first_fork_ns);

	if (READ_ONCE(fork_entry.armed) && since && ktime_get_ns() - since > NSEC_PER_SEC)
		atomic64_inc(&table.missed);
}

/* What the child's page tables hold. Exact: the child does not run yet. */
static void birth_of_mm(struct mm_struct *mm, struct birth *birth)
{
	u64 *value = birth->value;

	birth->known |= ROW_KNOWS_MM;
	value[ROW_BIRTH_ANON_PAGES] = compat_mm_counter(mm, MM_ANONPAGES);
	value[ROW_BIRTH_FILE_PAGES] = compat_mm_counter(mm, MM_FILEPAGES);
	value[ROW_BIRTH_SHMEM_PAGES] = compat_mm_counter(mm, MM_SHMEMPAGES);
	value[ROW_BIRTH_SWAP_ENTRIES] = compat_mm_counter(mm, MM_SWAPENTS);
	value[ROW_BIRTH_PGTABLES_BYTES] = mm_pgtables_bytes(mm);
#ifdef CONFIG_HUGETLB_PAGE
	value[ROW_BIRTH_HUGETLB_BYTES] = (u64)atomic_long_read(&mm->hugetlb_usage) << PAGE_SHIFT;
#endif
}

/*
 * TP: sched_process_fork. Fires for threads and kernel threads too, before the child
 * runs (kernel/fork.c, kernel_clone()).
 */
static void on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct slot *slot = slot_find(&forks, parent);
	struct birth birth;
	u64 began_ns;
	u32 copied;
	bool timed;

	if (child->signal == parent->signal)
		goto release;
	if (!counting_event()) {
		table_birth(parent, child, NULL);
		goto release;
	}
	birth.known = 0;
	memset(birth.value + ROW_FIRST_BIRTH, 0,
	       (ROW_LAST_BIRTH + 1 - ROW_FIRST_BIRTH) * sizeof(*birth.value));
	/* If the entry hook is not armed, the slot may belong to an earlier fork that failed. */
	timed = slot && slot_read(slot, parent, &began_ns, &copied) && READ_ONCE(fork_entry.armed);
	if (timed) {
		birth.value[ROW_FORK_NS] = ktime_get_ns() - began_ns;
		birth.known |= ROW_KNOWS_FORK_NS;
	} else {
		count_untimed();
	}
	if (child->mm && child->mm != parent->mm) {
		birth_of_mm(child->mm, &birth);
		/* pages that fork copied are not shared */
		if (timed)
			birth.value[ROW_BIRTH_ANON_PAGES] -=
				min_t(u64, copied, birth.value[ROW_BIRTH_ANON_PAGES]);
	}
	table_birth(parent, child, &birth);
	if (child->mm)
		trace_cow_fork(parent, child, birth.value[ROW_FORK_NS],
			       birth.value[ROW_BIRTH_ANON_PAGES],
			       birth.value[ROW_BIRTH_PGTABLES_BYTES]);
release:
	if (slot)
		slot_drop(slot, parent);
}

/* TP: sched_process_exec. After de_thread(): current is the leader and the only thread. */
static void on_exec(void *data, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	table_exec(task);
}

/* TP: sched_process_exit. Fires per thread; the process exits with its last thread. */
static void exit_of(struct task_struct *task)
{
	struct slot *slot = slot_find(&forks, task);

	if (slot)
		slot_drop(slot, task);
	if (!atomic_read(&task->signal->live))
		table_dead(task);
}

COMPAT_EXIT_PROBE(on_exit, exit_of)

/*
 * A fork failed. Failures to make a thread and failures in kernel threads do not count. Nor does
 * a fork that a signal interrupted: the kernel restarts it, or the signal kills the process
 * before it sees an error.
 */
static noinline void count_failed(unsigned long err)
{
	struct slot *slot = slot_find(&forks, current);
	u32 flags = slot ? READ_ONCE(slot->flags) : 0;
	struct row *row;

	if (slot)
		slot_drop(slot, current);
	if (err == EINTR || err >= ERESTARTSYS || current->flags & PF_KTHREAD || !counting_event())
		return;
	if (!slot) {
		count_untimed();
		return;
	}
	if (flags & CLONE_THREAD)
		return;
	row = table_row(current, true);
	row_count(row, ROW_FORKS_FAILED);
	if (err == EAGAIN)
		row_count(row, ROW_FORK_EAGAIN);
	else if (err == ENOMEM)
		row_count(row, ROW_FORK_ENOMEM);
	if (row == &table.folded)
		atomic64_inc(&table.lost);
}

/* kernel_clone(): copy_process() has returned. */
static int on_returned(struct kprobe *probe, struct pt_regs *regs)
{
	if (IS_ERR_VALUE(regs->ax))
		count_failed(-regs->ax);
	return 0;
}

NOKPROBE_SYMBOL(on_returned);

static struct site returned = {
	.probe.pre_handler = on_returned,
	.counts_as = COWSTAT_HOOK_FAILED,
};

static unsigned int nr_returned; /* 1 if the place was found */

static struct {
	const char *name;
	void *probe;
	enum cowstat_hook hook;
	struct tracepoint *tp;
	bool armed;
} events[] = {
	{ "sched_process_exit", on_exit, COWSTAT_HOOK_EXIT },
	{ "sched_process_exec", on_exec, COWSTAT_HOOK_EXEC },
	{ "sched_process_fork", on_fork, COWSTAT_HOOK_FORK },
};

static void __init match_event(struct tracepoint *tp, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(tp->name, events[i].name))
			events[i].tp = tp;
}

/**
 * fork_resolve() - find the tracepoints, and where copy_process() returns to kernel_clone()
 *
 * Tracepoints are not exported, but for_each_kernel_tracepoint() is.
 *
 * Context: may sleep; after fault_resolve(), which resolves fork_entry.
 * Return: 0, or -ENOENT when a tracepoint is missing (the log names it).
 */
int __init fork_resolve(void)
{
	int i;

	for_each_kernel_tracepoint(match_event, NULL);
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (!events[i].tp) {
			pr_err("this kernel has no tracepoint %s: cannot tell processes apart here\n",
			       events[i].name);
			return -ENOENT;
		}
	}
	nr_returned = fork_entry.address && site_find_return(&returned, &fork_entry);
	if (!nr_returned)
		pr_notice("kernel_clone() does not call %s() as expected: failed forks print \"-\"\n",
			  fork_entry.function[0]);
	return 0;
}

/**
 * fork_arm() - attach to the tracepoints, sched_process_exit first
 *
 * If kprobes refuse the place, failed forks are not counted.
 *
 * Context: may sleep. The caller serialises arming and disarming.
 * Return: 0, or a negative error, and then none is attached.
 */
int fork_arm(void)
{
	int i, err;

	slot_release_all(&forks);
	WRITE_ONCE(first_fork_ns, 0);
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		err = tracepoint_probe_register(events[i].tp, events[i].probe, NULL);
		if (err) {
			pr_err("cannot attach to tracepoint %s: %d\n", events[i].name, err);
			fork_disarm();
			return err;
		}
		events[i].armed = true;
	}
	site_arm_all(&returned, nr_returned); /* the log says why if it fails */
	return 0;
}

/**
 * fork_disarm() - detach from the tracepoints
 *
 * On return no probe is running and none will run again.
 *
 * Context: may sleep.
 */
void fork_disarm(void)
{
	int i = ARRAY_SIZE(events);

	site_disarm_all(&returned, nr_returned);
	while (i--) {
		if (!events[i].armed)
			continue;
		tracepoint_probe_unregister(events[i].tp, events[i].probe, NULL);
		events[i].armed = false;
	}
	tracepoint_synchronize_unregister();
}

/**
 * fork_mask() - which tracepoints are attached, and whether failed forks are seen
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fork_mask(void)
{
	unsigned long mask = fork_probed();
	int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].armed)
			mask |= BIT(events[i].hook);
	return mask;
}

/**
 * fork_probed() - what the kprobe counts
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fork_probed(void)
{
	return site_mask(&returned, nr_returned);
}

/**
 * fork_missed() - returns of copy_process() that the kprobe has missed since it was armed
 *
 * Return: their number; earlier ones are in table.missed.
 */
u64 fork_missed(void)
{
	return site_missed(&returned, nr_returned);
}
