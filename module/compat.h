/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernel versions, and nothing else. Each test asks the compiler
 * what the target kernel has. No test looks at the version number: vendors backport changes.
 */
#ifndef COWSTAT_COMPAT_H
#define COWSTAT_COMPAT_H

#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <trace/events/sched.h>

#ifndef CONFIG_KPROBES
#error "cowstat finds kernel functions with kprobes: it needs a kernel with CONFIG_KPROBES=y."
#endif

/*
 * Arguments of a hooked function. Since 6.2 an ftrace callback reads them with
 * ftrace_regs_get_argument() (commit 0ef86097f127). x86 has saved them for every callback
 * since 5.11 (commit 02a474ca266a), in a struct ftrace_regs that contains a pt_regs. To ask
 * for all registers (FTRACE_OPS_FL_SAVE_REGS) would cost about 20 instructions more per call.
 */
#ifdef ftrace_regs_get_argument
#define compat_argument(fregs, n)	ftrace_regs_get_argument(fregs, n)
#elif defined(CONFIG_X86_64) && defined(CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS)
#define compat_argument(fregs, n)	regs_get_kernel_argument(&(fregs)->regs, n)
#else
#error "ftrace on this kernel does not pass function arguments to its callbacks."
#endif

/* The flags within a page's mapping. Newer kernels have renamed them. */
#ifdef FOLIO_MAPPING_FLAGS
#define COMPAT_MAPPING_FLAGS	FOLIO_MAPPING_FLAGS
#define COMPAT_MAPPING_ANON	FOLIO_MAPPING_ANON
#else
#define COMPAT_MAPPING_FLAGS	PAGE_MAPPING_FLAGS
#define COMPAT_MAPPING_ANON	PAGE_MAPPING_ANON
#endif

/*
 * RSS counters of an mm. Since 6.2 they are per-CPU counters (commit f1a7941243c1), whose
 * exact value is a sum over the CPUs. Before, they were plain atomics in a struct.
 */
static inline u64 compat_rss_atomic(struct mm_struct *mm, int member)
{
	return get_mm_counter(mm, member);
}

static inline u64 compat_rss_percpu(struct mm_struct *mm, int member)
{
	return percpu_counter_sum_positive((struct percpu_counter *)&mm->rss_stat + member);
}

#define compat_mm_counter(mm, member)						\
	__builtin_choose_expr(							\
		__builtin_types_compatible_p(typeof((mm)->rss_stat),		\
					     struct percpu_counter[NR_MM_COUNTERS]), \
		compat_rss_percpu, compat_rss_atomic)((mm), (member))

/*
 * Probes of sched_process_exit. Newer kernels also pass whether the whole thread group is
 * dead. We read signal->live instead, on all kernels.
 */
#define COMPAT_EXIT_PROBE(probe, act)						\
static void __maybe_unused probe##_task(void *data, struct task_struct *task)	\
{										\
	act(task);								\
}										\
static void __maybe_unused probe##_task_dead(void *data, struct task_struct *task, \
					     bool dead)				\
{										\
	act(task);								\
}

typedef void compat_exit_probe_check(void (*probe)(void *, struct task_struct *, bool));

#define compat_exit_probe(probe)						\
	__builtin_choose_expr(							\
		__builtin_types_compatible_p(					\
			typeof(check_trace_callback_type_sched_process_exit),	\
			compat_exit_probe_check),				\
		(void *)probe##_task_dead, (void *)probe##_task)

/* Reads the kernel's clock and the counter behind it. Newer kernels take the clock's id. */
#ifdef COMPAT_KTIME_GET_SNAPSHOT_ID /* by Kbuild */
#define compat_ktime_get_snapshot(s)	ktime_get_snapshot_id(CLOCK_MONOTONIC, s)
#else
#define compat_ktime_get_snapshot(s)	ktime_get_snapshot(s)
#endif

#endif /* COWSTAT_COMPAT_H */
