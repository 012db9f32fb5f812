// SPDX-License-Identifier: GPL-2.0
/*
 * Notes that a task writes at one hook and reads at a later one. They are found by task and not
 * by CPU, since a task may sleep and migrate to another CPU in between.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "slot.h"

#define SLOT_PROBES	8

static struct slot *slot_at(struct slots *slots, struct task_struct *task, unsigned int probe)
{
	unsigned int i = hash_ptr(task, SLOTS_BITS) + probe;

	return &slots->slot[i % ARRAY_SIZE(slots->slot)];
}

/**
 * slot_find() - find the slot that a task holds
 * @slots: in this set
 * @task: current, or a task that cannot run
 *
 * Context: any; takes no lock.
 * Return: the slot or NULL.
 */
struct slot *slot_find(struct slots *slots, struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < SLOT_PROBES; i++) {
		struct slot *slot = slot_at(slots, task, i);

		if (READ_ONCE(slot->task) == task)
			return slot;
	}
	return NULL;
}

/**
 * slot_claim() - find the slot that a task holds, or a free one for it
 * @slots: in this set
 * @task: current
 *
 * Context: any; takes no lock.
 * Return: the slot, or NULL if all slots that the task may use are taken. The caller then counts
 * the event as missed, or can do without the slot.
 */
struct slot *slot_claim(struct slots *slots, struct task_struct *task)
{
	struct slot *slot = slot_find(slots, task);
	unsigned int i;

	for (i = 0; !slot && i < SLOT_PROBES; i++) {
		slot = slot_at(slots, task, i);
		if (READ_ONCE(slot->task) || cmpxchg(&slot->task, NULL, task))
			slot = NULL;
	}
	return slot;
}

static struct slot *slot_oldest(struct slots *slots, struct task_struct *task)
{
	struct slot *oldest = slot_at(slots, task, 0), *slot;
	unsigned int i;

	for (i = 1; i < SLOT_PROBES; i++) {
		slot = slot_at(slots, task, i);
		if (READ_ONCE(slot->value) < READ_ONCE(oldest->value))
			oldest = slot;
	}
	return oldest;
}

/**
 * slot_take() - get a slot for a task, if necessary by taking over that of another task
 * @slots: in this set; @value of its slots is the time when they were taken
 * @task: current
 * @now: the time
 *
 * If all slots that the task may use are taken, it takes over the oldest one: some tasks hold a
 * slot that they no longer need. So users of this function must read a slot with slot_read() and
 * give it back with slot_drop(). These two check that the slot still belongs to the task.
 *
 * Context: any; takes no lock.
 * Return: the slot, with @now as its value and 0 as its note; NULL if other tasks were faster each
 * time.
 */
struct slot *slot_take(struct slots *slots, struct task_struct *task, u64 now)
{
	struct slot *slot = slot_claim(slots, task);
	struct task_struct *holder;
	int tries;

	for (tries = 0; !slot && tries < SLOT_PROBES; tries++) {
		slot = slot_oldest(slots, task);
		holder = READ_ONCE(slot->task);
		if (cmpxchg(&slot->task, holder, task) != holder)
			slot = NULL;
	}
	if (slot) {
		WRITE_ONCE(slot->note, 0);
		WRITE_ONCE(slot->value, now);
	}
	return slot;
}

/**
 * slot_read() - read a slot that another task may take over
 * @slot: from slot_find()
 * @task: the task that holds it
 * @value: set to slot->value
 * @note: set to slot->note
 *
 * Context: any; takes no lock.
 * Return: false if another task has taken the slot over.
 */
bool slot_read(const struct slot *slot, const struct task_struct *task, u64 *value, u32 *note)
{
	*value = READ_ONCE(slot->value);
	*note = READ_ONCE(slot->note);
	smp_rmb(); /* read both before the holder: slot_take() writes them after it */
	return READ_ONCE(slot->task) == task;
}

/**
 * slot_release() - give back a slot that no other task can take over
 * @slot: held by current
 *
 * Context: any.
 */
void slot_release(struct slot *slot)
{
	/* Order: all reads of the slot come before another task can claim it. */
	smp_store_release(&slot->task, NULL);
}

/**
 * slot_drop() - give back a slot, unless another task has taken it over
 * @slot: from slot_find()
 * @task: the task that took it
 *
 * Context: any.
 */
void slot_drop(struct slot *slot, struct task_struct *task)
{
	cmpxchg(&slot->task, task, NULL);
}

/**
 * slot_release_all() - empty a set
 * @slots: a set that no hook uses now
 */
void slot_release_all(struct slots *slots)
{
	memset(slots, 0, sizeof(*slots));
}
