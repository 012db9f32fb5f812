/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which process a fault belongs to. A fault can be taken in another process's memory: by
 * ptrace, /proc/PID/mem, get_user_pages() or a kernel thread. The owner of the memory pays.
 */
#ifndef COWSTAT_OWNER_H
#define COWSTAT_OWNER_H

#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

/**
 * owner_of_mm() - find the process that owns an mm
 * @mm: any mm, usually another process's
 *
 * A task that is being forked has no pid of its own yet: its fields are still copies of its
 * parent's. A task that has been released has none any more. Neither is reported as an owner.
 *
 * Context: under rcu_read_lock(), for as long as the task is used.
 * Return: a thread of the owner, or NULL.
 */
static inline struct task_struct *owner_of_mm(const struct mm_struct *mm)
{
	struct task_struct *owner = rcu_dereference(mm->owner);

	return owner && pid_task(task_pid(owner), PIDTYPE_PID) == owner ? owner : NULL;
}

/**
 * payer_of_mm() - find the process in whose row current's fault in an mm counts
 * @mm: where current faults
 *
 * A kernel thread never pays, even while it borrows the mm (kthread_use_mm()).
 *
 * Context: under rcu_read_lock(), for as long as the task is used.
 * Return: current when the mm is its own, else a thread of the owner, or NULL.
 */
static inline struct task_struct *payer_of_mm(const struct mm_struct *mm)
{
	if (current->mm == mm && !(current->flags & PF_KTHREAD))
		return current;
	return owner_of_mm(mm);
}

#endif /* COWSTAT_OWNER_H */
