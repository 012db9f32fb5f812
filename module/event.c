// SPDX-License-Identifier: GPL-2.0
/*
 * Single faults, as they are committed, for whoever listens to the tracepoints of trace.h.
 * Nothing here runs while nobody does.
 *
 * A copy is committed in two steps: the old frame is let go, then the new one gets its
 * reverse mapping. The old one is noted in between, by task and not by CPU, since on
 * PREEMPT_RT who holds the page-table lock may be preempted.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "event.h"
#include "slot.h"
#include "table.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define COLUMN_NAME(NAME, name, kind, hook)	\
	[COWSTAT_COL_##NAME] = #name,
static const char *const column_names[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_NAME) };

static struct slots copies;		/* one per task between the two steps */

/**
 * event_faults_begin() - the first listener comes
 *
 * What was noted when the last one left is of no meaning now.
 *
 * Context: called by the tracepoint's registration, before any event.
 * Return: 0.
 */
int event_faults_begin(void)
{
	slot_release_all(&copies);
	return 0;
}

/**
 * event_fault() - tell of a fault's outcome
 * @vma: where; its mm's owner pays
 * @address: of the page
 * @outcome: the column that counts it
 * @old_pfn: the frame before, 0 when not known
 * @new_pfn: the frame after, 0 when not known
 * @bytes: how many were copied
 *
 * Context: any.
 */
void event_fault(const struct vm_area_struct *vma, unsigned long address,
		 enum cowstat_column outcome, unsigned long old_pfn, unsigned long new_pfn,
		 unsigned long bytes)
{
	const struct task_struct *owner = current;

	rcu_read_lock();
	/* a page that fork copies is the forker's, though the mm is its unborn child's */
	if (outcome != COWSTAT_COL_FORK_COPIED &&
	    (current->mm != vma->vm_mm || current->flags & PF_KTHREAD))
		owner = rcu_dereference(vma->vm_mm->owner);
	trace_cow_fault(owner, address, column_names[outcome], old_pfn, new_pfn, bytes);
	rcu_read_unlock();
}

/**
 * event_old_frame() - a frame is let go: note it until its successor is known
 * @outcome: the column that counts the copy
 * @pfn: which frame
 *
 * Context: under the page-table lock.
 */
void event_old_frame(enum cowstat_column outcome, unsigned long pfn)
{
	struct slot *slot = slot_claim(&copies, current);

	if (!slot) {
		atomic64_inc(&table.missed);
		return;
	}
	slot->note = outcome;
	slot->value = pfn;
}

/**
 * event_new_frame() - a frame is mapped: tell of it, if it takes a noted one's place
 * @vma: where
 * @address: of the page
 * @page: the frame; a huge page's head
 *
 * Context: under the page-table lock.
 */
void event_new_frame(struct vm_area_struct *vma, unsigned long address, struct page *page)
{
	struct slot *slot = slot_find(&copies, current);
	unsigned long bytes = 0;

	if (!slot)
		return;
	if (slot->note == COWSTAT_COL_COPIED)
		bytes = PAGE_SIZE;
	else if (slot->note == COWSTAT_COL_HUGETLB_COPIED)
		bytes = huge_page_size(hstate_vma(vma));
	event_fault(vma, address, slot->note, slot->value, page_to_pfn(page), bytes);
	slot_release(slot);
}
