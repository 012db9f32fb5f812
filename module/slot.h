/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SLOT_H
#define COWSTAT_SLOT_H

#include <linux/types.h>

struct task_struct;

/**
 * struct slot - a note that a task leaves for itself between two hooks
 * @task: who holds it; NULL when free
 * @value: the time when it was taken, or a page frame
 * @address: of the page that is in @value
 * @note: what happened meanwhile
 * @flags: of a clone
 *
 * Locking: none. A slot is taken by one cmpxchg of @task; the other fields are written by the
 * task that holds it. A task may use a few places of the set only, by a hash.
 */
struct slot {
	struct task_struct *task;
	u64 value;
	unsigned long address;
	u32 note;
	u32 flags;
};

#define SLOTS_BITS	10	/* tasks between two hooks at the same time, roughly */

/**
 * struct slots - a preallocated set of slots
 * @slot: the slots, found by a hash of the task
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
