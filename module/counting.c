// SPDX-License-Identifier: GPL-2.0
/*
 * Switching counting on and off without tearing a fault in two.
 *
 * A fault is counted twice: at its entry, and at the commit of its outcome. A fault whose
 * entry counts and whose commit does not would show as `other`. Hooks are armed one by one,
 * with RCU-tasks grace periods in between, so arming cannot be the switch. Nothing counts
 * until all hooks are armed, and nothing counts once the first is being disarmed.
 *
 *	phase		entry				commit counts if
 *	OFF		does not count			never
 *	STARTING	counts, marks the task		its entry marked the task
 *	ON		counts				always
 *	ENDING		does not count, marks the task	its entry did not mark the task
 *
 * So each fault that begins in STARTING or ON counts in full, and every other one not at
 * all. STARTING and ENDING last for an RCU-tasks grace period: all faults that were running
 * when the phase began have then ended, or sleep. A fault that sleeps between entry and
 * commit for longer than that (in page_mkwrite(), or for want of memory) is the only one that
 * can still be torn: it is one `other` too many, or a commit without an entry.
 *
 * The static key is only a short cut past the phase. It is enabled after the phase has
 * become ON and disabled before it becomes ENDING. So it does not matter that a callback may
 * already be past the branch when the branch is patched, or that entries and commits are
 * patched one after the other: in ON both ways of asking give the same answer.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "counting.h"
#include "slot.h"
#include "table.h"

DEFINE_STATIC_KEY_FALSE(counting_key);

enum phase { OFF, STARTING, ON, ENDING };

/* Written under control.c's mutex; read by callbacks without a lock. */
static enum phase phase;

static struct slots marks;	/* tasks whose fault began in STARTING, or in ENDING */

/**
 * counting_entry() - does a fault count that begins now?
 *
 * Context: any; called at most once per fault, by current.
 * Return: true if it does.
 */
bool counting_entry(void)
{
	switch (READ_ONCE(phase)) {
	case STARTING:
		return slot_claim(&marks, current);
	case ON:
		return true;
	case ENDING:
		if (!slot_claim(&marks, current))
			atomic64_inc(&table.missed);
		return false;
	default:
		return false;
	}
}

/**
 * counting_commit() - does the outcome of current's fault count?
 *
 * Context: any; after counting_entry(), if there was an entry while the hooks were armed.
 * Return: true if it does: then its entry counted, too.
 */
bool counting_commit(void)
{
	enum phase now = READ_ONCE(phase);
	struct slot *mark;

	if (now == OFF || now == ON)
		return now == ON;
	mark = slot_find(&marks, current);
	if (mark)
		slot_release(mark);
	return now == STARTING ? !!mark : !mark;
}

/**
 * counting_event() - does an event count that has no entry and commit?
 *
 * Context: any.
 * Return: true if it does.
 */
bool counting_event(void)
{
	enum phase now = READ_ONCE(phase);

	return now == STARTING || now == ON;
}

/**
 * counting_start() - start counting
 *
 * Context: may sleep, for an RCU-tasks grace period. All hooks are armed. The caller
 * serialises counting_start() and counting_stop().
 */
void counting_start(void)
{
	slot_release_all(&marks);
	WRITE_ONCE(phase, STARTING);
	synchronize_rcu_tasks();
	WRITE_ONCE(phase, ON);
	static_branch_enable(&counting_key);
}

/**
 * counting_stop() - stop counting
 *
 * Context: may sleep, as counting_start(). All hooks are still armed. On return callbacks
 * may run, but touch no row.
 */
void counting_stop(void)
{
	static_branch_disable(&counting_key);
	slot_release_all(&marks);	/* faults of STARTING whose commit did not ask */
	WRITE_ONCE(phase, ENDING);
	synchronize_rcu_tasks();
	WRITE_ONCE(phase, OFF);
}
