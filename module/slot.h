/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SLOT_H
#define COWSTAT_SLOT_H

#include <linux/types.h>

struct task_struct;

/**
 * struct slot - a note that a task writes at one hook and reads at a later one
 * @task: the task that holds it; NULL when free
 * @value: depends on the set: when the slot was taken (forks), the old page frame (copies of
 *	event.c), or the row of the fault's entry (remotes of fault.c)
 * @address: copies: the address of the page
 * @note: forks: pages that fork copied; copies: the outcome; remotes: the row's generation
 * @flags: forks: the flags of clone()
 *
 * Locking: none. A task takes a slot with one cmpxchg() of @task; only the task that holds a slot
 * writes the other fields. A hash of the task selects the few slots of the set that it may use.
 */
struct slot {
	struct task_struct *task;
	u64 value;
	unsigned long address;
	u32 note;
	u32 flags;
};

#define SLOTS_BITS	10	/* log2 of how many tasks can, roughly, hold a slot at a time */

/**
 * struct slots - a preallocated set of slots
 * @slot: the slots; a hash of the task is the index
 */
struct slots {
	struct slot slot[1 << SLOTS_BITS];
};

struct slot *slot_claim(struct slots *slots, struct task_struct *task);
struct slot *slot_take(struct slots *slots, struct task_struct *task, u64 now);
struct slot *slot_find(struct slots *slots, struct task_struct *task);
bool slot_read(const struct slot *slot, const struct task_struct *task, u64 *value, u32 *note);
void slot_release(struct slot *slot);
void slot_drop(struct slot *slot, struct task_struct *task);
void slot_release_all(struct slots *slots);

#endif /* COWSTAT_SLOT_H */
