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

/**
 * struct hook - one function of the kernel that is hooked at its entry
 * @ops: ftrace's handle; holds the callback
 * @function: its name, then the names it had in older kernels
 * @callers: the callers that count, or none when every call counts as @any
 * @any: what is counted when there is no list of callers
 * @required: without it the module does not load
 * @address: where it was found, 0 when it was not
 * @range: the callers that were found, the most frequent first
 * @nr_ranges: how many
 * @armed: registered with ftrace
 *
 * Written while the hook is disarmed, under main.c's control mutex; read by
 * callbacks without a lock.
 */
struct hook {
	struct ftrace_ops ops;
	const char *function[HOOK_MAX_NAMES];
	struct hook_caller callers[HOOK_MAX_CALLERS];
	enum cowstat_hook any;
	bool required;

	unsigned long address;
	struct hook_range range[HOOK_MAX_RANGES];
	int nr_ranges;
	bool armed;
};

/**
 * hook_caller_of() - which of the callers that count is calling
 * @ops: what ftrace handed to the callback that asks
 * @parent_ip: the return address that ftrace handed to the callback
 *
 * Context: any; reads only. Function graph tracing does not confuse it: ftrace
 * reads the return address before any tracer replaces it.
 * Return: the range, or NULL when the call is of no interest.
 */
static __always_inline const struct hook_range *
hook_caller_of(struct ftrace_ops *ops, unsigned long parent_ip)
{
	const struct hook *hook = container_of(ops, struct hook, ops);
	const struct hook_range *range = hook->range;
	const struct hook_range *end = range + hook->nr_ranges;

	for (; range < end; range++)
		if (parent_ip - range->start < range->size)
			return range;
	return NULL;
}

int hook_resolve_all(struct hook *const *hooks, unsigned long absent);
void hook_release_all(struct hook *const *hooks);
int hook_arm_all(struct hook *const *hooks);
void hook_disarm_all(struct hook *const *hooks);
unsigned long hook_mask(struct hook *const *hooks);

extern const char *const hook_names[COWSTAT_NR_HOOKS];

#endif /* COWSTAT_HOOK_H */
