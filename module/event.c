// SPDX-License-Identifier: GPL-2.0
/*
 * Reports single faults through the tracepoint cow_fault (trace.h) when they are committed.
 * No fault runs this code while the tracepoint is disabled.
 *
 * The kernel commits a copy in two steps: it clears the old PTE, then adds the reverse
 * mapping of the new page. Between the two, a slot of the task keeps the old frame. The slot
 * is not per CPU: on PREEMPT_RT the holder of the page-table lock can be preempted.
 */
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "control.h"
#include "event.h"
#include "fault.h"
#include "owner.h"
#include "slot.h"
#include "table.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct slots copies; /* one per task between the two steps */
static bool guarded;	    /* from now on perf calls may_see_frames() */

#ifdef CONFIG_PERF_EVENTS
/*
 * PFNs need CAP_SYS_ADMIN, as in /proc/PID/pagemap; CAP_PERFMON is not enough. Counting
 * events needs it too: a filter on the PFN would leak it.
 */
static int may_see_frames(struct trace_event_call *call, struct perf_event *event)
{
	return event->parent || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}
#endif

/**
 * event_init() - restrict who may open the event cow_fault, which shows page frames
 *
 * Sets the callback that perf_trace_event_perm() of kernel/trace/trace_event_perf.c calls.
 * TRACE_EVENT_PERF_PERM() would do so too, but works for built-in events only.
 *
 * Context: module load.
 */
void __init event_init(void)
{
#ifdef CONFIG_PERF_EVENTS
	WRITE_ONCE(event_cow_fault.perf_perm, may_see_frames);
#endif
	WRITE_ONCE(guarded, true);
}

/**
 * event_forget() - release the slots of copies that were never reported
 *
 * A slot is left over if the last user of the tracepoint goes, or counting ends, between the
 * two steps of a copy.
 *
 * Context: process context; before hooks are armed, and when cow_fault is registered.
 */
void event_forget(void)
{
	slot_release_all(&copies);
}

/*
 * The hook on *_add_new_anon_rmap() sees the new frame of a copy. To arm it takes ftrace_lock.
 * A task that registers the tracepoint holds tracepoints_mutex, and elsewhere ftrace_lock is
 * taken before that mutex (pid_write() of kernel/trace/ftrace.c). So a worker arms the hook.
 */
static void hook_new_frames(struct work_struct *work);
static DECLARE_WORK(listen_work, hook_new_frames);
static DECLARE_COMPLETION(new_frames_known);
static DEFINE_SPINLOCK(listen_lock);
/* under listen_lock: */
static bool listening;
static bool closed; /* the module is being unloaded: queue no more work */

static void hook_new_frames(struct work_struct *work)
{
	bool on = READ_ONCE(listening);

	control_tracing(on);
	if (on)
		complete_all(&new_frames_known);
}

static bool listen(bool on)
{
	bool work;

	spin_lock(&listen_lock);
	WRITE_ONCE(listening, on);
	work = !closed;
	if (work)
		schedule_work(&listen_work);
	spin_unlock(&listen_lock);
	return work;
}

/**
 * event_listen() - prepare for the first user of cow_fault
 *
 * The event can be opened a moment before event_init() has run. Until then only a task with
 * CAP_SYS_ADMIN may register.
 *
 * Waits until the worker has armed the hook that sees new frames, but at most a second: the
 * worker may itself wait for a lock that the caller holds. Until the hook is armed, events show
 * 0 as the new frame.
 *
 * Context: registration of the tracepoint; may sleep.
 * Return: 0, or -EPERM.
 */
int event_listen(void)
{
	if (!READ_ONCE(guarded) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	event_forget();
	fault_set_slow(FAULT_TRACED, true);
	reinit_completion(&new_frames_known);
	if (listen(true))
		wait_for_completion_timeout(&new_frames_known, HZ);
	return 0;
}

/**
 * event_unlisten() - the last user of cow_fault has gone
 *
 * Context: the tracepoint is being unregistered; may sleep.
 */
void event_unlisten(void)
{
	listen(false);
	fault_set_slow(FAULT_TRACED, false);
}

/**
 * event_exit() - the module is unloaded, or failed to load: queue no work from now on
 *
 * Users of the tracepoint may come and go until the module's memory is freed.
 *
 * Context: may sleep.
 */
void event_exit(void)
{
	spin_lock(&listen_lock);
	closed = true;
	spin_unlock(&listen_lock);
	cancel_work_sync(&listen_work);
}

/**
 * event_fault() - report the outcome of a fault
 * @vma: where the fault was; the owner of its mm pays
 * @address: of the page
 * @outcome: the column that counts it
 * @old_pfn: the frame before the fault, 0 when not known
 * @new_pfn: the frame after the fault, 0 when not known
 * @bytes: how many bytes were copied
 *
 * Context: any.
 */
void event_fault(const struct vm_area_struct *vma, unsigned long address,
		 enum cowstat_column outcome, unsigned long old_pfn, unsigned long new_pfn,
		 unsigned long bytes)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct task_struct *payer;

	/* The parent pays for a page that fork copies, though the mm is the new child's. */
	if (outcome == COWSTAT_COL_FORK_COPIED)
		mm = current->mm;
	rcu_read_lock();
	payer = payer_of_mm(mm);
	trace_cow_fault(payer ? READ_ONCE(payer->group_leader) : NULL, address,
			column_names[outcome], old_pfn, new_pfn, bytes);
	rcu_read_unlock();
}

/**
 * event_old_frame() - keep the frame that a copy replaces until the new one is known
 * @address: of the page
 * @outcome: the column that counts the copy
 * @pfn: the old frame
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
 * event_new_frame() - report a copy, now that its new frame is known
 * @vma: where the page is mapped
 * @address: of the page
 * @page: the new frame; the head page of a huge page
 *
 * The first call after event_old_frame() belongs to the same copy, unless hooks or users of the
 * tracepoint went away in between. In that case the slot has another address or another kind of
 * page: release it and report nothing.
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
