// SPDX-License-Identifier: GPL-2.0
/*
 * Resolves, arms and disarms hooks. Nothing here knows about faults: fault.c and fork.c
 * define the hooks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timex.h>

#include "compat.h"
#include "hook.h"
#include "text.h"

#define RESOLVER_MAX	96
#define REPLACE_ONE_IN	4096	/* of this many calls from sites not remembered, one replaces */

#define HOOK_NAME(ID, name)	\
	[COWSTAT_HOOK_##ID] = #name,
const char *const hook_names[COWSTAT_NR_HOOKS] = { COWSTAT_HOOKS(HOOK_NAME) };

/* Suffixes that compilers append to the name of a function that they changed or split. */
static const char *const suffixes[] __initconst = {
	"",	 ".isra.0",	 ".constprop.0",      ".part.0",      ".isra.0.constprop.0",
	".cold", ".isra.0.cold", ".constprop.0.cold", ".part.0.cold",
};

/*
 * Finds kernel functions by name. kallsyms_lookup_name() is not exported since 5.7
 * (commit 0bd476e6c671), but registering a disabled kprobe resolves a name without
 * patching any text. Unregistering one waits for an RCU grace period, so all are
 * unregistered together.
 */
struct resolver {
	struct kprobe probe[RESOLVER_MAX];
	struct kprobe *list[RESOLVER_MAX];
	int nr;
	int err; /* a lookup failed for lack of memory: the name may exist */
};

/* Return the address of the function with this full name and set its size; 0 if there is none. */
static unsigned long __init resolve(struct resolver *r, const char *name, unsigned long *size)
{
	char symbol[KSYM_SYMBOL_LEN];
	struct kprobe *probe = &r->probe[r->nr];
	unsigned long address, offset;
	const char *plus;
	int err;

	if (r->nr == RESOLVER_MAX) {
		pr_err("too many functions to look up: %s() left out\n", name);
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

	/* A kprobe address is past an ENDBR; sprint_symbol() gives the offset from the start. */
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

/*
 * An empty filter traces every function. So a hook whose function cannot be traced must never be
 * armed: treat it as missing.
 */
static int __init hook_set_filter(struct hook *hook)
{
	struct hook *head = hook->shares_ops ?: hook;
	int err;

	head->ops.flags |= FTRACE_OPS_FL_PERMANENT | COMPAT_OPS_FLAGS;
	err = ftrace_set_filter_ip(&head->ops, hook->address, 0, 0);
	if (err == -EINVAL && !hook->required) {
		pr_notice("%s() cannot be traced: the columns that need it print \"-\"\n",
			  hook->function[0]);
		hook->address = 0;
		hook->found = 0;
		return 0;
	}
	if (err)
		pr_err("%s() cannot be traced: ftrace says %d\n", hook->function[0], err);
	if (hook->shares_ops) {
		hook->next = head->next;
		head->next = hook;
	}
	return err;
}

#define THUNK_MAX	16 /* a thunk is so many bytes before its function, at most */

/*
 * Where a call of the hooked function may lead: to the function, or to a caller that ends with a
 * jump there (a tail call). The hooked function then returns to that caller's caller.
 */
#define TARGETS_MAX	4

struct targets {
	unsigned long address[TARGETS_MAX];
	unsigned int nr;
};

static bool __init is_target(const struct targets *targets, unsigned long address)
{
	unsigned int i;

	for (i = 0; i < targets->nr; i++)
		if (targets->address[i] + TEXT_ENDBR_BYTES - address <=
		    THUNK_MAX + TEXT_ENDBR_BYTES)
			return true;
	return false;
}

/*
 * Does the text of a caller call the hooked function, or jump there? If not, the compiler has
 * inlined this caller into another one, or moved the call into a function that we do not know.
 * In the second case we would not count the calls, and the column would stay 0.
 */
static bool __init range_calls(const struct hook_range *range, const struct targets *targets,
			       u8 opcode)
{
	const u8 *text = (const u8 *)range->start;
	unsigned long i;

	for (i = 0; i + TEXT_CALL_BYTES <= range->size; i++)
		if (text[i] == opcode &&
		    is_target(targets, text_target(range->start + i, text + i)))
			return true;
	return false;
}

/* Find a caller. The callers that it is called by come after it. */
static void __init hook_add_range(struct hook *hook, struct resolver *r, struct targets *targets,
				  const struct hook_caller *caller)
{
	char full[KSYM_NAME_LEN];
	struct hook_range range = { .hook = caller->hook };
	int i;

	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(full, sizeof(full), "%s%s", caller->name, suffixes[i]);
		range.start = resolve(r, full, &range.size);
		if (!range.start)
			continue;
		if (range_calls(&range, targets, TEXT_JUMP) && targets->nr < TARGETS_MAX)
			targets->address[targets->nr++] = range.start;
		if (!range_calls(&range, targets, TEXT_CALL))
			continue;
		if (hook->nr_ranges == HOOK_MAX_RANGES) {
			pr_err("too many callers of %s(): %s() left out\n", hook->function[0],
			       full);
			return;
		}
		hook->range[hook->nr_ranges++] = range;
		if (!caller->extra)
			hook->found |= BIT(caller->hook);
	}
}

#define CALLERS_LEN	200

/* The names of the callers that count as this, for the log; those that do not suffice left out. */
static const char *__init names_of_callers(const struct hook *hook, enum cowstat_hook id,
					   char names[CALLERS_LEN])
{
	const struct hook_caller *caller = hook->callers;
	size_t len = 0;

	names[0] = '\0';
	for (; caller < hook->callers + HOOK_MAX_CALLERS; caller++)
		if (caller->name && caller->hook == id && !caller->extra)
			len += scnprintf(names + len, CALLERS_LEN - len, "%s%s()", len ? ", " : "",
					 caller->name);
	return names;
}

/* Does at least one of hook->entered_by call the hooked function? True if none is named. */
static bool __init hook_is_entered(const struct hook *hook, struct resolver *r)
{
	const struct targets targets = { .address = { hook->address }, .nr = 1 };
	char full[KSYM_NAME_LEN];
	struct hook_range range;
	int i, s;

	for (i = 0; i < HOOK_MAX_ENTERED && hook->entered_by[i]; i++) {
		for (s = 0; s < ARRAY_SIZE(suffixes); s++) {
			snprintf(full, sizeof(full), "%s%s", hook->entered_by[i], suffixes[s]);
			range.start = resolve(r, full, &range.size);
			if (range.start && (range_calls(&range, &targets, TEXT_CALL) ||
					    range_calls(&range, &targets, TEXT_JUMP)))
				return true;
		}
	}
	return !i;
}

/* What the hook should count on this machine. */
static unsigned long __init hook_wanted(const struct hook *hook, unsigned long absent)
{
	const struct hook_caller *caller = hook->callers;
	unsigned long wanted = 0;

	if (!caller->name || hook->any_caller)
		wanted = BIT(hook->counts_as);
	for (; caller < hook->callers + HOOK_MAX_CALLERS; caller++)
		if (caller->name)
			wanted |= BIT(caller->hook);
	return wanted & ~absent;
}

/* The function was found, but not all of its callers: log what cannot be counted, and why. */
static void __init hook_report(const struct hook *hook)
{
	char names[CALLERS_LEN];
	bool refused;
	int id;

	for (id = 0; id < COWSTAT_NR_HOOKS && !hook->counts_nothing; id++) {
		if (!(hook->wanted & ~hook->found & BIT(id)))
			continue;
		refused = hook->required && id == hook->expected;
		pr_notice("nothing known calls %s() for \"%s\"%s. Looked in %s\n",
			  hook->function[0], hook_names[id],
			  refused ? "" : ": the columns that need it print \"-\"",
			  names_of_callers(hook, id, names));
	}
}

/* Find the function and its callers. It is not an error if some are missing. */
static void __init hook_resolve(struct hook *hook, struct resolver *r, unsigned long absent)
{
	const struct hook_caller *caller;
	struct targets targets;
	int i;

	hook->address = 0;
	hook->nr_ranges = 0;
	hook->found = 0;
	for (i = 0; i < HOOK_MAX_NAMES && hook->function[i] && !hook->address; i++)
		hook->address = resolve(r, hook->function[i], &hook->size);
	if (!hook->address)
		return;

	targets = (struct targets){ .address = { hook->address }, .nr = 1 };
	for (caller = hook->callers; caller < hook->callers + HOOK_MAX_CALLERS; caller++)
		if (caller->name && !(BIT(caller->hook) & absent))
			hook_add_range(hook, r, &targets, caller);
	if (!hook_is_entered(hook, r)) {
		pr_notice("%s() does not call %s(): the compiler has inlined it there\n",
			  hook->entered_by[0], hook->function[0]);
		hook->address = 0;
		return;
	}
	if (!hook->callers[0].name || hook->any_caller) {
		hook->found = hook->wanted;
		return;
	}
	if (r->err)
		return;
	hook_report(hook);
	if (!hook->found || (hook->required && !(hook->found & BIT(hook->expected))))
		hook->address = 0;
}

/**
 * hook_resolve_all() - find every function of a table of hooks
 * @hooks: the table, ending in NULL
 * @absent: a bit for each enum cowstat_hook that cannot happen on this machine; hooks that
 *	    count nothing else are left out
 *
 * FTRACE_OPS_FL_PERMANENT makes ftrace refuse `sysctl kernel.ftrace_enabled=0` while the
 * hooks are armed. Without it counting would stop silently.
 *
 * Context: may sleep. Call hook_release_all() afterwards, on failure too.
 * Return: 0; -ENOENT when a required hook is missing (the log names it); -ENOMEM; or the
 * error of ftrace.
 */
int __init hook_resolve_all(struct hook *const *hooks, unsigned long absent)
{
	struct resolver *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err = 0;

	if (!r)
		return -ENOMEM;
	for (; *hooks; hooks++) {
		struct hook *hook = *hooks;

		hook->wanted = hook_wanted(hook, absent);
		if (!hook->wanted)
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
			       hook->callers[0].name || hook->entered_by[0] ?
				       ", or none of its known callers" :
				       "");
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
 * hook_release_all() - free what hook_resolve_all() allocated
 * @hooks: the table, disarmed
 *
 * A filter that is reset is empty, and takes no memory. Not every kernel exports
 * ftrace_free_filter(), which allocates nothing. To reset, ftrace allocates an empty hash: if even
 * that fails, the old hash (8 KiB) is lost.
 *
 * Context: may sleep.
 */
void hook_release_all(struct hook *const *hooks)
{
	for (; *hooks; hooks++)
		ftrace_set_filter(&(*hooks)->ops, NULL, 0, 1);
}

/**
 * hook_dispatch() - find the hook of the function that was called, and run its callback
 * @ip: the address, near the start of the function, from which ftrace was called
 * @parent_ip: the return address of the function
 * @ops: an ops that several hooks share
 * @fregs: the function's arguments
 *
 * Context: any.
 */
void hook_dispatch(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
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

/*
 * Remember the return address of an expected call. If all places are taken, one call in
 * REPLACE_ONE_IN, chosen at random, replaces one of them. So in the end the hottest call sites
 * are remembered, even if others came first.
 */
static void hook_remember(struct hook *hook, unsigned long parent_ip)
{
	cycles_t now;
	int i;

	for (i = 0; i < HOOK_MAX_SITES; i++) {
		unsigned long site = READ_ONCE(hook->site[i]);

		if (!site)
			site = cmpxchg(&hook->site[i], 0, parent_ip);
		if (!site || site == parent_ip)
			return;
	}
	now = get_cycles();
	if (now % REPLACE_ONE_IN == 0)
		WRITE_ONCE(hook->site[now / REPLACE_ONE_IN % HOOK_MAX_SITES], parent_ip);
}

static bool is_in_a_module(unsigned long address)
{
	return address - MODULES_VADDR < MODULES_END - MODULES_VADDR;
}

/**
 * hook_caller_of() - find out what a call counts as
 * @ops: the ops that ftrace passed to the callback
 * @parent_ip: the return address that ftrace passed to the callback
 *
 * Context: any; lock-free.
 * Return: the hook of the caller, or HOOK_NONE when the caller is not one that we count.
 */
enum cowstat_hook hook_caller_of(struct ftrace_ops *ops, unsigned long parent_ip)
{
	struct hook *hook = container_of(ops, struct hook, ops);
	enum cowstat_hook id = HOOK_NONE;
	int i;

	for (i = 0; i < hook->nr_ranges && id == HOOK_NONE; i++)
		if (parent_ip - hook->range[i].start < hook->range[i].size)
			id = hook->range[i].hook;
	/* Modules cannot call these functions, except a live patch that replaces a caller. */
	if (unlikely(id == HOOK_NONE && is_in_a_module(parent_ip)))
		WRITE_ONCE(hook->patched, true);
	else if (id == hook->expected)
		hook_remember(hook, parent_ip);
	return id;
}

/**
 * hook_arm_all() - register all hooks with ftrace
 * @hooks: a resolved table, ending in NULL; armed from first to last, except that hooks
 *	   which share an ops are armed together
 *
 * Context: may sleep. The caller serialises arming and disarming.
 * Return: 0, or a negative error, and then no hook is armed.
 */
int hook_arm_all(struct hook *const *hooks)
{
	struct hook *const *h;
	struct hook *hook;
	int err;

	for (h = hooks; *h; h++) {
		hook = *h;
		if (!hook->address || hook->shares_ops)
			continue;
		if (hook->armed) {
			pr_err("%s() is still hooked since ftrace failed: reboot to count again\n",
			       hook->function[0]);
			return -ENODEV;
		}
		err = register_ftrace_function(&hook->ops);
		if (err) {
			if (err == -EBUSY)
				pr_err("ftrace refused to hook %s(): is kernel.ftrace_enabled 0? Set it to 1 first.\n",
				       hook->function[0]);
			else if (err == -ENODEV)
				pr_err("ftrace refused to hook %s(): it has shut itself down after an error. Reboot to use it again.\n",
				       hook->function[0]);
			else
				pr_err("ftrace refused to hook %s(): %d\n", hook->function[0], err);
			return hook_disarm_all(hooks) ?: err;
		}
		for (; hook; hook = hook->next)
			WRITE_ONCE(hook->armed, true);
	}
	return 0;
}

/**
 * hook_disarm_all() - unregister all hooks from ftrace
 * @hooks: the table; disarmed from last to first
 *
 * On success no callback is running and none will run again: unregistering waits until
 * every CPU has left ftrace's trampolines. hook->armed is cleared before a hook is unregistered.
 *
 * When ftrace finds an internal error, it shuts itself down and patches no more text. Then hooks
 * cannot be removed: the kernel calls their callbacks until it reboots, so the module's text
 * must stay. hook->armed stays true for such hooks.
 *
 * Context: may sleep, for a few RCU-tasks grace periods.
 * Return: 0, or the error of ftrace if at least one hook could not be removed.
 */
int hook_disarm_all(struct hook *const *hooks)
{
	struct hook *hook, *each;
	int i = 0, err = 0, failed;

	while (hooks[i])
		i++;
	while (i--) {
		hook = hooks[i];
		if (!hook->armed || hook->shares_ops)
			continue;
		for (each = hook; each; each = each->next)
			WRITE_ONCE(each->armed, false);
		failed = unregister_ftrace_function(&hook->ops);
		if (!failed)
			continue;
		pr_err("ftrace cannot unhook %s(): %d\n", hook->function[0], failed);
		err = err ?: failed;
		for (each = hook; each; each = each->next)
			WRITE_ONCE(each->armed, true);
	}
	return err;
}

/**
 * hook_mask() - what the armed hooks of a table count
 * @hooks: the table
 *
 * One enum cowstat_hook may need several hooks: the entry of a fault and its commits. If one of
 * these hooks cannot count it, the columns would be wrong, so its bit is left out.
 *
 * Return: a bit for each enum cowstat_hook that is counted.
 */
unsigned long hook_mask(struct hook *const *hooks)
{
	unsigned long counted = 0, missing = 0;

	for (; *hooks; hooks++) {
		const struct hook *hook = *hooks;

		if (hook->counts_nothing)
			continue;
		if (hook->armed)
			counted |= hook->found;
		missing |= hook->wanted & ~(hook->armed ? hook->found : 0);
	}
	return counted & ~missing;
}

/**
 * hook_patched() - what hooks cannot count because live patches have replaced callers
 * @hooks: a table
 *
 * We do not know the functions of a live patch. So all counts of such a hook are in doubt.
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long hook_patched(struct hook *const *hooks)
{
	unsigned long patched = 0;

	for (; *hooks; hooks++)
		if (READ_ONCE((*hooks)->patched))
			patched |= (*hooks)->wanted;
	return patched;
}

/**
 * hook_forget_patched() - forget the live patches seen so far
 * @hooks: a table, disarmed
 */
void hook_forget_patched(struct hook *const *hooks)
{
	for (; *hooks; hooks++)
		WRITE_ONCE((*hooks)->patched, false);
}
