/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_HOOK_H
#define COWSTAT_HOOK_H

#include <linux/ftrace.h>

#include "compat.h"
#include "uapi/cowstat.h"

#define HOOK_MAX_NAMES		4
#define HOOK_MAX_ENTERED	3
#define HOOK_MAX_CALLERS	12
#define HOOK_MAX_RANGES		12

/**
 * struct hook_caller - a function whose calls of the hooked one are counted
 * @name: its name in the kernel, without compiler suffixes
 * @hook: what its calls count as
 * @extra: makes only a part of these calls: if no other caller is found, they cannot be counted
 */
struct hook_caller {
	const char *name;
	enum cowstat_hook hook;
	bool extra;
};

/**
 * struct hook_range - the text of one caller, or of its .cold part
 * @start: its first byte
 * @size: its length in bytes; 0 in unused ranges, so that nothing matches them
 * @hook: as in struct hook_caller
 */
struct hook_range {
	unsigned long start;
	unsigned long size;
	enum cowstat_hook hook;
};

/* The caller is not one that we count. */
#define HOOK_NONE		COWSTAT_NR_HOOKS

/* How many return addresses a hook remembers. */
#define HOOK_MAX_SITES		2

/**
 * struct hook - one kernel function that is hooked at its entry
 * @ops: the handle for ftrace, with the callback. Unused if @shares_ops is set. Hooks share an
 *	ops because unregistering each ops waits for an RCU-tasks grace period
 * @shares_ops: the hook whose ops also serves this one; NULL if this hook has its own. The
 *	callback of a shared ops calls hook_dispatch() for every call that it does not know
 * @call: the callback that hook_dispatch() calls, for hooks that share an ops
 * @function: its name, then the names it had in older kernels
 * @callers: the callers to count; empty if every call counts as @counts_as. A caller stands
 *	before those that call it: it may end with a jump to the function
 * @entered_by: if any is named, at least one of these must call the function. If none does, the
 *	compiler has inlined it into them, and only other functions still call it
 * @counts_as: what each call counts as when there is no list of callers
 * @any_caller: each call counts as @counts_as; @callers only tells site.c where to look
 * @expected: what most calls count as: the hook of one of @callers, or HOOK_NONE
 * @required: the module does not load without it, or without callers that count as @expected
 * @counts_nothing: the hook only serves tracepoints; no column depends on it
 * @address: where the function was found, 0 when it was not
 * @size: its length in bytes
 * @next: the next hook that shares the same ops
 * @range: the text of the callers that were found, the most frequent first
 * @nr_ranges: how many ranges are used
 * @wanted: a bit for each enum cowstat_hook that this hook should count on this machine
 * @found: a bit for each of these that it can count, since its function or callers were found
 * @site: return addresses that are known to mean @expected, 0 when unused
 * @patched: a module has called the function: perhaps a live patch that replaces one of @callers
 * @armed: registered with ftrace
 *
 * Locking: written while the hook is disarmed, under control.c's mutex; callbacks read it
 * without a lock. Callbacks write only @site and @patched, and so rarely that all CPUs can keep
 * the cache line in shared state. The meaning of a return address never changes, so readers
 * need no memory barrier.
 */
struct hook {
	struct ftrace_ops ops;
	struct hook *shares_ops;
	ftrace_func_t call;
	const char *function[HOOK_MAX_NAMES];
	struct hook_caller callers[HOOK_MAX_CALLERS];
	const char *entered_by[HOOK_MAX_ENTERED];
	enum cowstat_hook counts_as;
	bool any_caller;
	enum cowstat_hook expected;
	bool required;
	bool counts_nothing;

	unsigned long address;
	unsigned long size;
	struct hook *next;
	struct hook_range range[HOOK_MAX_RANGES];
	int nr_ranges;
	unsigned long wanted;
	unsigned long found;
	unsigned long site[HOOK_MAX_SITES];
	bool patched;
	bool armed;
};

/**
 * hook_call_is_expected() - does the call come from one of the remembered call sites?
 * @hook: the hook that may have been called; a return address also identifies the callee
 * @parent_ip: the return address that ftrace passed to the callback
 *
 * The function graph tracer does not disturb this: ftrace reads the return address before
 * any tracer replaces it.
 *
 * Context: any; only reads.
 * Return: true when the call is known to count as @hook's @expected. On false, ask
 * hook_caller_of().
 */
static __always_inline bool hook_call_is_expected(const struct hook *hook, unsigned long parent_ip)
{
	/* Test site[1] first: it is usually the hotter one. */
	return likely(parent_ip == hook->site[1]) || parent_ip == hook->site[0];
}

/**
 * hook_call_is_first_expected() - does the call come from the call site remembered first?
 * @hook: as in hook_call_is_expected()
 * @parent_ip: likewise
 *
 * For functions that are usually called from one place.
 *
 * Context: any; only reads.
 * Return: true if it does.
 */
static __always_inline bool hook_call_is_first_expected(const struct hook *hook,
							unsigned long parent_ip)
{
	return parent_ip == hook->site[0];
}

void hook_dispatch(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		   struct ftrace_regs *fregs);
enum cowstat_hook hook_caller_of(struct ftrace_ops *ops, unsigned long parent_ip);

int hook_resolve_all(struct hook *const *hooks, unsigned long absent);
void hook_release_all(struct hook *const *hooks);
int hook_arm_all(struct hook *const *hooks);
int __must_check hook_disarm_all(struct hook *const *hooks);
unsigned long hook_mask(struct hook *const *hooks);
unsigned long hook_patched(struct hook *const *hooks);
void hook_forget_patched(struct hook *const *hooks);

extern const char *const hook_names[COWSTAT_NR_HOOKS];

#endif /* COWSTAT_HOOK_H */
