/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints: one event for each outcome of a fault, and one for each fork, for tracefs,
 * perf, trace-cmd, bpftrace and BPF. A tracepoint without users costs one NOP.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cowstat

#if !defined(COWSTAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define COWSTAT_TRACE_H

#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "event.h"

#define TRACE_OUTCOME_LEN	16	/* for the longest, hugetlb_copied */

/* Laid out as in all headers of trace events. */
/* clang-format off */

/*
 * An outcome, when it is committed. pid and comm are those of the process that pays, as in its
 * row. The task that faulted is the event's common_pid. outcome is the name of the column that
 * counts it. A frame that is not known is 0. A fault that ends as `other` makes no event.
 */
TRACE_EVENT_FN(cow_fault,
	TP_PROTO(const struct task_struct *owner, unsigned long address, const char *outcome,
		 unsigned long old_pfn, unsigned long new_pfn, unsigned long bytes),
	TP_ARGS(owner, address, outcome, old_pfn, new_pfn, bytes),
	TP_STRUCT__entry(
		__field(pid_t, pid)
		__array(char, comm, TASK_COMM_LEN)
		__field(unsigned long, address)
		__array(char, outcome, TRACE_OUTCOME_LEN)
		__field(unsigned long, old_pfn)
		__field(unsigned long, new_pfn)
		__field(unsigned long, bytes)
	),
	TP_fast_assign(
		__entry->pid = owner ? owner->tgid : 0;
		strscpy_pad(__entry->comm, owner ? owner->comm : "", TASK_COMM_LEN);
		__entry->address = address;
		strscpy_pad(__entry->outcome, outcome, TRACE_OUTCOME_LEN);
		__entry->old_pfn = old_pfn;
		__entry->new_pfn = new_pfn;
		__entry->bytes = bytes;
	),
	TP_printk("pid=%d comm=%s address=0x%lx outcome=%s old_pfn=0x%lx new_pfn=0x%lx bytes=%lu",
		  __entry->pid, __entry->comm, __entry->address, __entry->outcome,
		  __entry->old_pfn, __entry->new_pfn, __entry->bytes),
	event_listen, event_unlisten
);

/*
 * A child is born. If it shares its parent's memory (vfork), only fork_ns is known. Fields that
 * are not known are 0.
 */
TRACE_EVENT(cow_fork,
	TP_PROTO(const struct task_struct *parent, const struct task_struct *child,
		 u64 fork_ns, u64 anon_pages, u64 pgtables_bytes),
	TP_ARGS(parent, child, fork_ns, anon_pages, pgtables_bytes),
	TP_STRUCT__entry(
		__field(pid_t, pid)
		__array(char, comm, TASK_COMM_LEN)
		__field(pid_t, child_pid)
		__field(bool, vfork)
		__field(u64, fork_ns)
		__field(u64, anon_pages)
		__field(u64, pgtables_bytes)
	),
	TP_fast_assign(
		__entry->pid = parent->tgid;
		strscpy_pad(__entry->comm, parent->group_leader->comm, TASK_COMM_LEN);
		__entry->child_pid = child->tgid;
		__entry->vfork = child->mm == parent->mm;
		__entry->fork_ns = fork_ns;
		__entry->anon_pages = anon_pages;
		__entry->pgtables_bytes = pgtables_bytes;
	),
	TP_printk("pid=%d comm=%s child_pid=%d vfork=%d fork_ns=%llu anon_pages=%llu pgtables_bytes=%llu",
		  __entry->pid, __entry->comm, __entry->child_pid, __entry->vfork,
		  __entry->fork_ns, __entry->anon_pages, __entry->pgtables_bytes)
);
/* clang-format on */

#endif /* COWSTAT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
