/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_FAULT_H
#define COWSTAT_FAULT_H

#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

struct hook;

/**
 * owner_of_mm() - whose memory it is
 * @mm: perhaps another process's
 *
 * An owner without a pid of its own is being born or is gone: its fields are still its
 * parent's, so it is nobody.
 *
 * Context: under RCU, for as long as the task is used.
 * Return: a thread of that process, or NULL.
 */
static inline struct task_struct *owner_of_mm(const struct mm_struct *mm)
{
	struct task_struct *owner = rcu_dereference(mm->owner);

	return owner && pid_task(task_pid(owner), PIDTYPE_PID) == owner ? owner : NULL;
}

/* The hooks of this file and of fork.c; the ops of clear_flush serves most. */
extern struct hook *const fault_hooks[];
extern struct hook clear_flush;

unsigned long fault_init(void);
unsigned long fault_entry(void);

#endif /* COWSTAT_FAULT_H */
