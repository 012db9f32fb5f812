/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernel versions, and nothing else. Each test asks the compiler
 * what the target kernel has, never for its version number: vendors backport changes.
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
 * since 5.11 (commit 02a474ca266a), in a struct ftrace_regs that contains a pt_regs. Asking
 * for all registers instead costs about 20 instructions a call.
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

/*
 * A hook at a function's entry and exit: fprobe where the kernel has it, kretprobe where
 * not (Debian's 6.1). fprobe came to hand its callbacks ftrace_regs in place of pt_regs
 * (commit 762abbc0d09f), and to need no stock of return hooks (commit 4346ba160409).
 */
#define COMPAT_MAX_ACTIVE	1024	/* faults in flight, sleeping ones included */

#ifdef CONFIG_FPROBE
#include <linux/fprobe.h>

struct compat_exit_hook {
	struct fprobe probe;
};

typedef void compat_fprobe_exit(struct fprobe *fp, unsigned long ip, unsigned long ret_ip,
				struct ftrace_regs *regs, void *data);

#define COMPAT_FPROBE_FUNCTIONS(name, regs_type, on_entry, on_exit)		\
static int __maybe_unused name##_entry_##regs_type(struct fprobe *fp,		\
		unsigned long ip, unsigned long ret_ip, struct regs_type *regs,	\
		void *data)							\
{										\
	on_entry();								\
	return 0;								\
}										\
static void __maybe_unused name##_exit_##regs_type(struct fprobe *fp,		\
		unsigned long ip, unsigned long ret_ip, struct regs_type *regs,	\
		void *data)							\
{										\
	on_exit();								\
}

#define COMPAT_FPROBE_CHOOSE(name)						\
	__builtin_choose_expr(							\
		__builtin_types_compatible_p(fprobe_exit_cb, compat_fprobe_exit *), \
		(void *)name##_ftrace_regs, (void *)name##_pt_regs)

#ifdef COMPAT_FPROBE_NR_MAXACTIVE	/* by Kbuild */
#define COMPAT_FPROBE_STOCK	.nr_maxactive = COMPAT_MAX_ACTIVE,
#else
#define COMPAT_FPROBE_STOCK
#endif

#define COMPAT_EXIT_HOOK(name, on_entry, on_exit)				\
COMPAT_FPROBE_FUNCTIONS(name, pt_regs, on_entry, on_exit)			\
COMPAT_FPROBE_FUNCTIONS(name, ftrace_regs, on_entry, on_exit)			\
static struct compat_exit_hook name = {						\
	.probe.entry_handler	= COMPAT_FPROBE_CHOOSE(name##_entry),		\
	.probe.exit_handler	= COMPAT_FPROBE_CHOOSE(name##_exit),		\
}

static inline int compat_exit_hook_arm(struct compat_exit_hook *hook, unsigned long address)
{
	/* what the kernel kept of an earlier registration points to freed memory */
	hook->probe = (struct fprobe){
		.entry_handler	= hook->probe.entry_handler,
		.exit_handler	= hook->probe.exit_handler,
		COMPAT_FPROBE_STOCK
	};
	return register_fprobe_ips(&hook->probe, &address, 1);
}

static inline void compat_exit_hook_disarm(struct compat_exit_hook *hook)
{
	unregister_fprobe(&hook->probe);
}

static inline u64 compat_exit_hook_missed(const struct compat_exit_hook *hook)
{
	return hook->probe.nmissed;
}
#else
#include <linux/kprobes.h>

struct compat_exit_hook {
	struct kretprobe probe;
};

#define COMPAT_EXIT_HOOK(name, on_entry, on_exit)				\
static int name##_entry(struct kretprobe_instance *ri, struct pt_regs *regs)	\
{										\
	on_entry();								\
	return 0;								\
}										\
static int name##_exit(struct kretprobe_instance *ri, struct pt_regs *regs)	\
{										\
	on_exit();								\
	return 0;								\
}										\
static struct compat_exit_hook name = {						\
	.probe.entry_handler	= name##_entry,					\
	.probe.handler		= name##_exit,					\
	.probe.maxactive	= COMPAT_MAX_ACTIVE,				\
}

static inline int compat_exit_hook_arm(struct compat_exit_hook *hook, unsigned long address)
{
	/* what the kernel kept of an earlier registration does not fit a new one */
	memset(&hook->probe.kp, 0, sizeof(hook->probe.kp));
	hook->probe.kp.addr = (kprobe_opcode_t *)address;
	return register_kretprobe(&hook->probe);
}

static inline void compat_exit_hook_disarm(struct compat_exit_hook *hook)
{
	unregister_kretprobe(&hook->probe);
}

static inline u64 compat_exit_hook_missed(const struct compat_exit_hook *hook)
{
	return hook->probe.nmissed;
}
#endif

#endif /* COWSTAT_COMPAT_H */
