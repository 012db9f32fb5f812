/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_HOOK_H
#define COWSTAT_HOOK_H

#include <linux/ftrace.h>

#include "uapi/cowstat.h"

#define HOOK_MAX_NAMES		4
#define HOOK_MAX_CALLERS	8
#define HOOK_MAX_RANGES		12

/**
 * struct hook_caller - a function whose call of the hooked one means something
 * @name: its name in the kernel, without compiler suffixes
 * @hook: what is counted when the call comes from there
 */
struct hook_caller {
	const char *name;
	enum cowstat_hook hook;
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

/* What a call is that comes from none of the callers that count. */
#define HOOK_ALIEN		COWSTAT_NR_HOOKS

/* How many return addresses a hook remembers. */
#define HOOK_MAX_SITES		2

/**
 * struct hook - one function of the kernel that is hooked at its entry
 * @ops: ftrace's handle; holds the callback that ftrace calls. It is unused where @with
 *	stands: taking back an ops costs a grace period of RCU-tasks, so there are few
 * @with: the hook through whose ops this one is registered; NULL for its own. The callback
 *	of an ops that serves several hands on to hook_pass_on() what it does not know
 * @call: of hooks that share an ops, the callback for calls that are handed on
 * @function: its name, then the names it had in older kernels
 * @callers: the callers that count, or none when every call counts as @any
 * @any: what is counted when there is no list of callers
 * @usual: what most calls are: one of those, or HOOK_ALIEN
 * @required: without it the module does not load
 * @address: where it was found, 0 when it was not
 * @size: its length in bytes
 * @next: the next hook that shares an ops
 * @range: the callers that were found, the most frequent first
 * @nr_ranges: how many
 * @site: return addresses that are known to mean @usual, 0 when unused
 * @armed: registered with ftrace
 *
 * Written while the hook is disarmed, under control.c's mutex; read by callbacks without a
 * lock. Only @site is filled by callbacks: each once, for good, since what a return address
 * means never changes. So no CPU writes the line for long that all of them read.
 */
struct hook {
	struct ftrace_ops ops;
	struct hook *with;
	ftrace_func_t call;
	const char *function[HOOK_MAX_NAMES];
	struct hook_caller callers[HOOK_MAX_CALLERS];
	enum cowstat_hook any;
	enum cowstat_hook usual;
	bool required;

	unsigned long address;
	unsigned long size;
	struct hook *next;
	struct hook_range range[HOOK_MAX_RANGES];
	int nr_ranges;
	unsigned long site[HOOK_MAX_SITES];
	bool armed;
};

/**
 * hook_call_is_usual() - is it the usual caller that calls
 * @hook: perhaps called: a return address tells which function was called, too
 * @parent_ip: the return address that ftrace handed to the callback
 *
 * Context: any; reads only. Function graph tracing does not confuse it: ftrace
 * reads the return address before any tracer replaces it.
 * Return: true when the call is known to be struct hook's @usual; else hook_caller_of()
 * can tell.
 */
static __always_inline bool hook_call_is_usual(const struct hook *hook,
					       unsigned long parent_ip)
{
	/* the later one first: first touches come before the first copy, and cost less */
	return likely(parent_ip == hook->site[1]) || parent_ip == hook->site[0];
}

/**
 * hook_call_is_most_usual() - is it the caller that was the first to call
 * @hook: as in hook_call_is_usual()
 * @parent_ip: likewise
 *
 * Context: any; reads only.
 * Return: true when it is; for functions that are usually called from one place.
 */
static __always_inline bool hook_call_is_most_usual(const struct hook *hook,
						    unsigned long parent_ip)
{
	return parent_ip == hook->site[0];
}

void hook_pass_on(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		  struct ftrace_regs *fregs);
enum cowstat_hook hook_caller_of(struct ftrace_ops *ops, unsigned long parent_ip);

int hook_resolve_all(struct hook *const *hooks, unsigned long absent);
void hook_release_all(struct hook *const *hooks);
int hook_arm_all(struct hook *const *hooks);
void hook_disarm_all(struct hook *const *hooks);
unsigned long hook_mask(struct hook *const *hooks);

extern const char *const hook_names[COWSTAT_NR_HOOKS];

#endif /* COWSTAT_HOOK_H */
