// SPDX-License-Identifier: GPL-2.0
/*
 * Switches counting on and off so that no fault is counted in part.
 *
 * A fault is counted twice: at its entry, and at the commit of its outcome. A fault whose
 * entry counts and whose commit does not would show as `other`. Hooks are armed one by one,
 * with RCU-tasks grace periods in between, so arming cannot be the switch. Counting starts
 * after the last hook is armed and stops before the first is disarmed.
 *
 *	phase		entry				commit counts if
 *	OFF		does not count			never
 *	STARTING	counts, marks the task		its entry marked the task
 *	ON		counts				always
 *	ENDING		does not count, marks the task	its entry did not mark the task
 *
 * So a fault that begins in STARTING or ON counts in full, and any other fault does not count
 * at all. STARTING and ENDING last for an RCU-tasks grace period. After it, all faults that
 * were running when the phase began have ended, or sleep. Only a fault that sleeps between
 * entry and commit for longer than that (in page_mkwrite(), or waiting for memory) can still
 * be counted in part: as one `other` too many, or as a commit without an entry.
 *
 * The static key is only a faster way to ask for the phase. It is enabled after the phase has
 * become ON and disabled before the phase becomes ENDING. The kernel may patch the branch while
 * a callback is already past it, and patches entries and commits one after the other. Neither
 * matters: in ON the key and the phase give the same answer.
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

static struct slots marks; /* tasks whose fault began in STARTING or in ENDING */

/**
 * counting_entry() - does a fault that begins now count?
 *
 * Context: any; current calls it at most once per fault.
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
 * Context: any; after counting_entry(), if the entry happened while the hooks were armed.
 * Return: true if it does. Then its entry counted, too.
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
 * counting_event() - does an event count that is not split into entry and commit?
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
 * may still run, but they touch no row.
 */
void counting_stop(void)
{
	static_branch_disable(&counting_key);
	slot_release_all(&marks); /* faults of STARTING whose commit did not ask */
	WRITE_ONCE(phase, ENDING);
	synchronize_rcu_tasks();
	WRITE_ONCE(phase, OFF);
}
