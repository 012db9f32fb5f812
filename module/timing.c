// SPDX-License-Identifier: GPL-2.0
/*
 * How long write-protect faults take. Opt-in, since it needs a hook at the function's
 * exit, which costs several times what counting costs. What the fault came to is noted
 * by the commit that claims it; one that none claims is `other`.
 *
 * Unloading is safe while a thread sleeps inside do_wp_page(): the return trampoline is
 * the kernel's own, and calls nobody once the hook is gone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/sched.h>

#include "compat.h"
#include "slot.h"
#include "table.h"
#include "timing.h"

DEFINE_STATIC_KEY_FALSE(timing_key);

struct histogram {
	u64 count[COWSTAT_NR_OUTCOMES][TIMING_BUCKETS];
};

static struct histogram __percpu *histogram;
static struct slots faults;		/* one per task inside a timed fault */
static bool armed;

static void fault_began(void)
{
	struct slot *slot = slot_claim(&faults, current);

	if (!slot) {
		atomic64_inc(&table.missed);
		return;
	}
	slot->note = COWSTAT_OUTCOME_OTHER;
	slot->value = ktime_get_mono_fast_ns();
}

static void fault_ended(void)
{
	struct slot *slot = slot_find(&faults, current);
	unsigned int bucket;
	s64 ns;

	if (!slot)
		return;
	/* this clock may step back a little between two CPUs */
	ns = ktime_get_mono_fast_ns() - slot->value;
	bucket = ns > 0 ? min_t(unsigned int, ilog2(ns), TIMING_BUCKETS - 1) : 0;
	this_cpu_inc(histogram->count[slot->note][bucket]);
	slot_release(slot);
}

/**
 * timing_committed() - note how current's fault ends
 * @outcome: what was committed
 *
 * Context: any; the page-table lock is usually held.
 */
void timing_committed(enum cowstat_outcome outcome)
{
	struct slot *slot = slot_find(&faults, current);

	if (slot)
		slot->note = outcome;
}

COMPAT_EXIT_HOOK(fault_hook, fault_began, fault_ended);

/**
 * timing_arm() - begin to time
 * @address: of do_wp_page()
 *
 * Context: may sleep. Caller serialises arming and disarming.
 * Return: 0, or a negative error; then nothing is armed.
 */
int timing_arm(unsigned long address)
{
	int err;

	slot_release_all(&faults);
	/* First those who note, then those who ask: no fault is `other` for lack of a note. */
	static_branch_enable(&timing_key);
	err = compat_exit_hook_arm(&fault_hook, address);
	if (err) {
		pr_err("cannot time %pS: %d\n", (void *)address, err);
		static_branch_disable(&timing_key);
		return err;
	}
	armed = true;
	return 0;
}

/**
 * timing_disarm() - time no more
 *
 * Context: may sleep.
 */
void timing_disarm(void)
{
	if (!armed)
		return;
	/* what comes while the hook goes is no loss */
	atomic64_add(compat_exit_hook_missed(&fault_hook), &table.missed);
	armed = false;
	compat_exit_hook_disarm(&fault_hook);
	static_branch_disable(&timing_key);
}

/**
 * timing_reset() - empty the histogram
 *
 * Context: process context, disarmed.
 */
void timing_reset(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(histogram, cpu), 0, sizeof(*histogram));
}

/**
 * timing_bucket() - how many faults took between 2^bucket and 2^(bucket+1) - 1 ns
 * @outcome: of faults that ended so
 * @bucket: below TIMING_BUCKETS
 *
 * Return: their number, over all CPUs.
 */
u64 timing_bucket(enum cowstat_outcome outcome, unsigned int bucket)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(histogram, cpu)->count[outcome][bucket]);
	return sum;
}

/**
 * timing_missed() - faults that the armed exit hook had no room for
 *
 * Return: their number since it was armed; earlier ones are in table.missed.
 */
u64 timing_missed(void)
{
	return armed ? compat_exit_hook_missed(&fault_hook) : 0;
}

/**
 * timing_init() - take the histogram's memory
 *
 * Return: 0 or -ENOMEM.
 */
int timing_init(void)
{
	histogram = alloc_percpu(struct histogram);
	return histogram ? 0 : -ENOMEM;
}

/**
 * timing_exit() - give it back
 *
 * Context: disarmed.
 */
void timing_exit(void)
{
	free_percpu(histogram);
}
