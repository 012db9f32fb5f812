/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SLOT_H
#define COWSTAT_SLOT_H

#include <linux/types.h>

struct task_struct;

/**
 * struct slot - a note that a task leaves for itself between two hooks
 * @task: whose; NULL when free
 * @value: when it came in, or a page frame
 * @address: of the page that is in @value
 * @note: what happened meanwhile
 *
 * Only the task that claimed a slot reads, writes and releases it, so there is no lock:
 * a slot is claimed with one cmpxchg and looked for in a few places only.
 */
struct slot {
	struct task_struct *task;
	u64 value;
	unsigned long address;
	u32 note;
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
struct slot *slot_find(struct slots *slots, struct task_struct *task);
void slot_release(struct slot *slot);
void slot_release_all(struct slots *slots);

#endif /* COWSTAT_SLOT_H */
