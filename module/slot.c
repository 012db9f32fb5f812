// SPDX-License-Identifier: GPL-2.0
/*
 * Notes that a task leaves for itself from one hook to a later one. Keyed by task and
 * not by CPU, since it may sleep and move in between.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/string.h>

#include "slot.h"

#define SLOT_PROBES	8

static struct slot *slot_at(struct slots *slots, struct task_struct *task, unsigned int probe)
{
	unsigned int i = hash_ptr(task, SLOTS_BITS) + probe;

	return &slots->slot[i % ARRAY_SIZE(slots->slot)];
}

/**
 * slot_find() - the slot a task holds
 * @slots: of this set
 * @task: current, or a task that cannot run
 *
 * Context: any; lock-free.
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
 * slot_claim() - the slot a task holds, or a free one for it
 * @slots: of this set
 * @task: current
 *
 * Context: any; lock-free.
 * Return: the slot, or NULL when all its places are taken: to be counted as missed.
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

/**
 * slot_release() - give a slot back
 * @slot: held by current
 *
 * Context: any.
 */
void slot_release(struct slot *slot)
{
	/* what was read of the slot, before somebody else may claim it */
	smp_store_release(&slot->task, NULL);
}

/**
 * slot_release_all() - forget all of them
 * @slots: a set that no hook uses now
 */
void slot_release_all(struct slots *slots)
{
	memset(slots, 0, sizeof(*slots));
}
