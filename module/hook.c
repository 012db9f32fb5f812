// SPDX-License-Identifier: GPL-2.0
/*
 * The engine that resolves, arms and disarms hooks. It knows nothing of faults: the
 * table of hooks is fault.c's and fork.c's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/slab.h>

#include "compat.h"
#include "hook.h"

#define RESOLVER_MAX	96

#define HOOK_NAME(ID, name)	\
	[COWSTAT_HOOK_##ID] = #name,
const char *const hook_names[COWSTAT_NR_HOOKS] = { COWSTAT_HOOKS(HOOK_NAME) };

/* What compilers append to the name of a function that they changed or split. */
static const char *const suffixes[] __initconst = {
	"", ".isra.0", ".constprop.0", ".isra.0.constprop.0",
	".cold", ".isra.0.cold", ".constprop.0.cold",
};

/*
 * Finds kernel functions by name. kallsyms_lookup_name() is not exported since 5.7
 * (commit 0bd476e6c671), but a kprobe that is registered disabled resolves a name and
 * touches no text. Taking one back costs an RCU grace period, so all go at once.
 */
struct resolver {
	struct kprobe probe[RESOLVER_MAX];
	struct kprobe *list[RESOLVER_MAX];
	int nr;
	int err;	/* a look that failed, and so tells nothing of what there is */
};

/* Where a function is and how long; 0 when there is none of that full name. */
static unsigned long __init resolve(struct resolver *r, const char *name, unsigned long *size)
{
	char symbol[KSYM_SYMBOL_LEN];
	struct kprobe *probe = &r->probe[r->nr];
	unsigned long address, offset;
	const char *plus;
	int err;

	if (r->nr == RESOLVER_MAX) {
		pr_err("more callers than expected: %s() left out\n", name);
		return 0;
	}
	memset(probe, 0, sizeof(*probe));
	probe->symbol_name = name;
	probe->flags = KPROBE_FLAG_DISABLED;
	err = register_kprobe(probe);
	if (err == -ENOMEM)
		r->err = err;
	if (err)
		return 0;
	r->list[r->nr++] = probe;
	address = (unsigned long)probe->addr;

	/* A kprobe stands behind an ENDBR; sprint_symbol() tells the true start. */
	sprint_symbol(symbol, address);
	plus = strrchr(symbol, '+');
	if (!plus || sscanf(plus, "+0x%lx/0x%lx", &offset, size) != 2)
		return 0;
	return address - offset;
}

static void __init resolver_free(struct resolver *r)
{
	unregister_kprobes(r->list, r->nr);
	kfree(r);
}

static int __init hook_set_filter(struct hook *hook)
{
	struct hook *with = hook->with ?: hook;
	int err;

	with->ops.flags |= FTRACE_OPS_FL_PERMANENT;
	/* An empty filter would trace everything, so no error is passed over. */
	err = ftrace_set_filter_ip(&with->ops, hook->address, 0, 0);
	if (err)
		pr_err("%s() cannot be traced: ftrace says %d\n", hook->function[0], err);
	if (hook->with) {
		hook->next = with->next;
		with->next = hook;
	}
	return err;
}

static void __init hook_add_range(struct hook *hook, struct resolver *r,
				  const char *name, enum cowstat_hook id)
{
	char full[KSYM_NAME_LEN];
	struct hook_range range = { .hook = id };
	int i;

	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(full, sizeof(full), "%s%s", name, suffixes[i]);
		range.start = resolve(r, full, &range.size);
		if (!range.start)
			continue;
		if (hook->nr_ranges == HOOK_MAX_RANGES) {
			pr_err("more callers of %s() than expected: %s() left out\n",
			       hook->function[0], full);
			return;
		}
		hook->range[hook->nr_ranges++] = range;
	}
}

/* Does this machine have anything for a hook to count? */
static bool __init hook_has_purpose(const struct hook *hook, unsigned long absent)
{
	const struct hook_caller *caller = hook->callers;

	if (!caller->name)
		return !(BIT(hook->any) & absent);
	for (; caller < hook->callers + HOOK_MAX_CALLERS; caller++)
		if (caller->name && !(BIT(caller->hook) & absent))
			return true;
	return false;
}

/* Find the function and its callers. Missing ones are no error here. */
static void __init hook_resolve(struct hook *hook, struct resolver *r, unsigned long absent)
{
	const struct hook_caller *caller;
	int i;

	hook->address = 0;
	hook->nr_ranges = 0;
	for (i = 0; i < HOOK_MAX_NAMES && hook->function[i] && !hook->address; i++)
		hook->address = resolve(r, hook->function[i], &hook->size);
	if (!hook->address)
		return;

	for (caller = hook->callers; caller < hook->callers + HOOK_MAX_CALLERS; caller++)
		if (caller->name && !(BIT(caller->hook) & absent))
			hook_add_range(hook, r, caller->name, caller->hook);
	if (hook->callers[0].name && !hook->nr_ranges)
		hook->address = 0;
}

/**
 * hook_resolve_all() - find every function of a table
 * @hooks: the table, ending in NULL
 * @absent: a bit for each enum cowstat_hook of which this machine has nothing to count;
 *	    the log names them, and they are left out
 *
 * FTRACE_OPS_FL_PERMANENT makes ftrace refuse `sysctl kernel.ftrace_enabled=0`
 * while we count; without it counting would silently stop.
 *
 * Context: may sleep. To be undone by hook_release_all(), on failure too.
 * Return: 0; -ENOENT when a required hook is missing; the log then names it; -ENOMEM; or
 * ftrace's error.
 */
int __init hook_resolve_all(struct hook *const *hooks, unsigned long absent)
{
	struct resolver *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (; *hooks; hooks++) {
		struct hook *hook = *hooks;

		if (!hook_has_purpose(hook, absent))
			continue;
		hook_resolve(hook, r, absent);
		if (r->err) {
			pr_err("no memory to find %s() and its callers\n", hook->function[0]);
			err = r->err;
			break;
		}
		if (hook->address) {
			err = hook_set_filter(hook) ?: err;
			continue;
		}
		if (hook->required) {
			pr_err("this kernel has no %s() to hook%s: cannot count copy-on-write here\n",
			       hook->function[0],
			       hook->callers[0].name ? ", or none of its known callers" : "");
			err = -ENOENT;
		} else {
			pr_notice("this kernel has no %s() to hook: the columns that need it print \"-\"\n",
				  hook->function[0]);
		}
	}
	resolver_free(r);
	return err;
}

/**
 * hook_release_all() - give back what hook_resolve_all() took
 * @hooks: a disarmed table
 *
 * Context: may sleep.
 */
void hook_release_all(struct hook *const *hooks)
{
	for (; *hooks; hooks++)
		ftrace_free_filter(&(*hooks)->ops);
}

/**
 * hook_pass_on() - call back the hook whose function was called
 * @ip: where ftrace called from: at the function's beginning
 * @parent_ip: its return address
 * @ops: shared by several hooks
 * @fregs: its arguments
 *
 * Context: any.
 */
void hook_pass_on(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		  struct ftrace_regs *fregs)
{
	struct hook *hook = container_of(ops, struct hook, ops);

	for (; hook; hook = hook->next) {
		if (ip - hook->address < hook->size) {
			hook->call(ip, parent_ip, &hook->ops, fregs);
			return;
		}
	}
}

/* The usual caller's return address: remember it where there is room. */
static void hook_remember(struct hook *hook, unsigned long parent_ip)
{
	int i;

	for (i = 0; i < HOOK_MAX_SITES; i++) {
		unsigned long site = READ_ONCE(hook->site[i]);

		if (!site)
			site = cmpxchg(&hook->site[i], 0, parent_ip);
		if (!site || site == parent_ip)
			return;
	}
}

/**
 * hook_caller_of() - which of the callers that count is calling
 * @ops: what ftrace handed to the callback that asks
 * @parent_ip: the return address that ftrace handed to the callback
 *
 * Context: any; lock-free.
 * Return: what is counted, or HOOK_ALIEN when the call is of no interest.
 */
enum cowstat_hook hook_caller_of(struct ftrace_ops *ops, unsigned long parent_ip)
{
	struct hook *hook = container_of(ops, struct hook, ops);
	enum cowstat_hook id = HOOK_ALIEN;
	int i;

	for (i = 0; i < hook->nr_ranges && id == HOOK_ALIEN; i++)
		if (parent_ip - hook->range[i].start < hook->range[i].size)
			id = hook->range[i].hook;
	if (id == hook->usual)
		hook_remember(hook, parent_ip);
	return id;
}

/**
 * hook_arm_all() - begin to call back
 * @hooks: a resolved table, ending in NULL; armed from its first to its last, but those that
 *	   share an ops together
 *
 * Context: may sleep. Caller serialises arming and disarming.
 * Return: 0, or a negative error; then nothing of the table is armed.
 */
int hook_arm_all(struct hook *const *hooks)
{
	struct hook *const *h;
	struct hook *hook;
	int err;

	for (h = hooks; *h; h++) {
		hook = *h;
		if (!hook->address || hook->with)
			continue;
		err = register_ftrace_function(&hook->ops);
		if (err) {
			if (err == -EBUSY)
				pr_err("ftrace refused to hook %s(): is kernel.ftrace_enabled 0? Set it to 1 first.\n",
				       hook->function[0]);
			else
				pr_err("ftrace refused to hook %s(): %d\n", hook->function[0], err);
			hook_disarm_all(hooks);
			return err;
		}
		for (; hook; hook = hook->next)
			WRITE_ONCE(hook->armed, true);
	}
	return 0;
}

/**
 * hook_disarm_all() - stop calling back
 * @hooks: the table; disarmed from its last to its first
 *
 * When it returns, no callback runs and none will: unregistering waits for all
 * CPUs to have left ftrace's trampolines. A hook's @armed goes before it does.
 *
 * Context: may sleep, for as long as a few RCU-tasks grace periods take.
 */
void hook_disarm_all(struct hook *const *hooks)
{
	struct hook *hook, *each;
	int i = 0;

	while (hooks[i])
		i++;
	while (i--) {
		hook = hooks[i];
		if (!hook->armed || hook->with)
			continue;
		for (each = hook; each; each = each->next)
			WRITE_ONCE(each->armed, false);
		WARN_ON_ONCE(unregister_ftrace_function(&hook->ops));
	}
}

/**
 * hook_mask() - what an armed table counts
 * @hooks: the table
 *
 * Return: a bit for each enum cowstat_hook whose function is hooked and of whose
 * callers at least one was found.
 */
unsigned long hook_mask(struct hook *const *hooks)
{
	unsigned long mask = 0;

	for (; *hooks; hooks++) {
		const struct hook *hook = *hooks;
		int i;

		if (!hook->armed)
			continue;
		if (!hook->callers[0].name)
			mask |= BIT(hook->any);
		for (i = 0; i < hook->nr_ranges; i++)
			mask |= BIT(hook->range[i].hook);
	}
	return mask;
}
