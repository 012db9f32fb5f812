// SPDX-License-Identifier: GPL-2.0
/*
 * Single faults, as they are committed, for whoever listens to the tracepoints of trace.h.
 * Nothing here runs while nobody does.
 *
 * A copy is committed in two steps: the old frame is let go, then the new one gets its
 * reverse mapping. The old one is noted in between, by task and not by CPU, since on
 * PREEMPT_RT who holds the page-table lock may be preempted.
 */
#include <linux/capability.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "event.h"
#include "fault.h"
#include "slot.h"
#include "table.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct slots copies;		/* one per task between the two steps */
static bool guarded;			/* the kernel asks may_see_frames() */

#ifdef CONFIG_PERF_EVENTS
/*
 * Page frames are for whom /proc/PID/pagemap shows them to, not for CAP_PERFMON alone. Who
 * only counts could filter by them.
 */
static int may_see_frames(struct trace_event_call *call, struct perf_event *event)
{
	return event->parent || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}
#endif

/**
 * event_init() - keep page frames from who may not see them
 *
 * What perf_trace_event_perm() of kernel/trace/trace_event_perf.c asks; only built-in events
 * can have TRACE_EVENT_PERF_PERM().
 *
 * Context: the module's load.
 */
void __init event_init(void)
{
#ifdef CONFIG_PERF_EVENTS
	WRITE_ONCE(event_cow_fault.perf_perm, may_see_frames);
#endif
	WRITE_ONCE(guarded, true);
}

/**
 * event_forget() - drop what was noted when the last listener left, or counting ended
 *
 * Context: process context; before hooks are armed, and by the tracepoint's registration.
 */
void event_forget(void)
{
	slot_release_all(&copies);
}

/**
 * event_listen() - the first listener comes to cow_fault
 *
 * The event is there to be opened a moment before the module's load begins.
 *
 * Context: the tracepoint's registration.
 * Return: 0, or -EPERM.
 */
int event_listen(void)
{
	if (!READ_ONCE(guarded) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	event_forget();
	return 0;
}

/* Who pays; NULL for nobody. */
static const struct task_struct *payer(struct mm_struct *mm)
{
	const struct task_struct *task = current;

	if (current->mm != mm || current->flags & PF_KTHREAD)
		task = owner_of_mm(mm);
	return task ? READ_ONCE(task->group_leader) : NULL;
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
	struct mm_struct *mm = vma->vm_mm;

	/* a page that fork copies is the forker's, though the mm is its unborn child's */
	if (outcome == COWSTAT_COL_FORK_COPIED)
		mm = current->mm;
	rcu_read_lock();
	trace_cow_fault(payer(mm), address, column_names[outcome], old_pfn, new_pfn, bytes);
	rcu_read_unlock();
}

/**
 * event_old_frame() - a frame is let go: note it until its successor is known
 * @address: of the page
 * @outcome: the column that counts the copy
 * @pfn: which frame
 *
 * Context: under the page-table lock.
 */
void event_old_frame(unsigned long address, enum cowstat_column outcome, unsigned long pfn)
{
	struct slot *slot = slot_claim(&copies, current);

	if (!slot) {
		atomic64_inc(&table.missed);
		return;
	}
	slot->note = outcome;
	slot->value = pfn;
	slot->address = address;
}

/**
 * event_new_frame() - a frame is mapped: tell of it, if it takes a noted one's place
 * @vma: where
 * @address: of the page
 * @page: the frame; a huge page's head
 *
 * The first call after event_old_frame() is its successor's, unless hooks or listeners went
 * in between: then the note is of another page, or of another kind, and is dropped.
 *
 * Context: under the page-table lock.
 */
void event_new_frame(struct vm_area_struct *vma, unsigned long address, struct page *page)
{
	struct slot *slot = slot_find(&copies, current);
	unsigned long bytes = 0;
	bool huge;

	if (!slot)
		return;
	huge = slot->note == COWSTAT_COL_HUGETLB_COPIED;
	if (slot->address != address || huge != is_vm_hugetlb_page(vma)) {
		slot_release(slot);
		return;
	}
	if (slot->note == COWSTAT_COL_COPIED)
		bytes = PAGE_SIZE;
	else if (huge)
		bytes = huge_page_size(hstate_vma(vma));
	event_fault(vma, address, slot->note, slot->value, page_to_pfn(page), bytes);
	slot_release(slot);
}
