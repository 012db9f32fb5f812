/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernel versions, and nothing else. Each test asks what the target
 * kernel has: a file in probes/ is compiled against its headers. No test looks at the version
 * number: vendors backport changes.
 */
#ifndef COWSTAT_COMPAT_H
#define COWSTAT_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/time_namespace.h>
#include <trace/events/sched.h>

#include "probed.h" /* HAVE_NAME: the answer of probes/NAME.c is yes */

/* test_taint() */
#ifdef HAVE_LINUX_PANIC_H
#include <linux/panic.h>
#else
#include <linux/kernel.h>
#endif

/*
 * Arguments of a hooked function. Since 6.2 an ftrace callback reads them with
 * ftrace_regs_get_argument() (commit 94d095ffa0e1). x86 has saved them for every callback
 * since 5.11 (commit 02a474ca266a), in a struct ftrace_regs that contains a pt_regs. To ask
 * for all registers (FTRACE_OPS_FL_SAVE_REGS) would cost about 20 instructions more per call.
 * Before, only callbacks that ask for all registers get any, in a pt_regs.
 */
#if defined(HAVE_FTRACE_REGS_GET_ARGUMENT)
#define compat_argument(fregs, n)	ftrace_regs_get_argument(fregs, n)
#define COMPAT_OPS_SAVE_ARGUMENTS	0
#elif defined(HAVE_FTRACE_REGS_CONTAIN_PT_REGS)
#define compat_argument(fregs, n)	regs_get_kernel_argument(&(fregs)->regs, n)
#define COMPAT_OPS_SAVE_ARGUMENTS	0
#else
#define ftrace_regs			pt_regs
#define compat_argument(fregs, n)	regs_get_kernel_argument(fregs, n)
#define COMPAT_OPS_SAVE_ARGUMENTS	FTRACE_OPS_FL_SAVE_REGS
#endif

/*
 * How a callback says that it guards itself against recursion. Without it older kernels call a
 * function in between, which guards it. Newer ones do so only if the callback asks for it.
 */
#ifdef HAVE_FTRACE_RECURSION_SAFE
#define COMPAT_OPS_RECURSION_SAFE	FTRACE_OPS_FL_RECURSION_SAFE
#else
#define COMPAT_OPS_RECURSION_SAFE	0
#endif

/* The flags of each struct ftrace_ops whose callback reads arguments and cannot recurse. */
#define COMPAT_OPS_FLAGS	(COMPAT_OPS_SAVE_ARGUMENTS | COMPAT_OPS_RECURSION_SAFE)

/* Before 5.16 there are no folios: the head page of a compound page stands for all of it. */
#ifndef HAVE_FOLIO
#define folio				page
#define page_folio(page)		compound_head(page)
#endif

/* The flags within a page's mapping. Newer kernels have renamed them. */
#ifdef HAVE_FOLIO_MAPPING_FLAGS
#define COMPAT_MAPPING_FLAGS	FOLIO_MAPPING_FLAGS
#define COMPAT_MAPPING_ANON	FOLIO_MAPPING_ANON
#define COMPAT_MAPPING_KSM	FOLIO_MAPPING_KSM
#else
#define COMPAT_MAPPING_FLAGS	PAGE_MAPPING_FLAGS
#define COMPAT_MAPPING_ANON	PAGE_MAPPING_ANON
#define COMPAT_MAPPING_KSM	PAGE_MAPPING_KSM
#endif

/* A fault that asks for a private copy without a write. Before 5.19 there is none. */
#ifdef HAVE_FAULT_FLAG_UNSHARE
#define COMPAT_FAULT_UNSHARE	FAULT_FLAG_UNSHARE
#else
#define COMPAT_FAULT_UNSHARE	0
#endif

/*
 * RSS counters of an mm. Since 6.2 they are per-CPU counters (commit f1a7941243c1), whose
 * exact value is a sum over the CPUs. Before, they were plain atomics in a struct.
 */
#ifdef HAVE_RSS_PERCPU
static inline u64 compat_mm_counter(struct mm_struct *mm, int member)
{
	return percpu_counter_sum_positive(&mm->rss_stat[member]);
}
#else
static inline u64 compat_mm_counter(struct mm_struct *mm, int member)
{
	return get_mm_counter(mm, member);
}
#endif

/*
 * Defines a probe of sched_process_exit that calls @act. Newer kernels also pass whether the
 * whole thread group is dead. We read signal->live instead, on all kernels.
 */
#ifdef HAVE_EXIT_GROUP_DEAD
#define COMPAT_EXIT_PROBE(probe, act)						\
static void probe(void *data, struct task_struct *task, bool group_dead)	\
{										\
	act(task);								\
}
#else
#define COMPAT_EXIT_PROBE(probe, act)						\
static void probe(void *data, struct task_struct *task)				\
{										\
	act(task);								\
}
#endif

/* Reads the kernel's clock and the counter behind it. Newer kernels take the clock's id. */
#ifdef HAVE_KTIME_GET_SNAPSHOT_ID
#define compat_ktime_get_snapshot(s)	ktime_get_snapshot_id(CLOCK_MONOTONIC, s)
#else
#define compat_ktime_get_snapshot(s)	ktime_get_snapshot(s)
#endif

/* What the time namespace of current adds to the time since boot. 5.10 has it for timespecs. */
#ifdef HAVE_TIMENS_ADD_BOOTTIME_NS
static inline u64 compat_boottime_offset_ns(void)
{
	return timens_add_boottime_ns(0);
}
#else
static inline u64 compat_boottime_offset_ns(void)
{
	struct timespec64 offset = {};

	timens_add_boottime(&offset);
	return timespec64_to_ns(&offset);
}
#endif

#endif /* COWSTAT_COMPAT_H */
