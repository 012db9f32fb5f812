// SPDX-License-Identifier: GPL-2.0
/*
 * How long write-protect faults take. Hooks that exist anyway take three time stamps:
 *
 *	do_wp_page() entered		begun
 *	ptep_clear_flush() entered	copied: the page is allocated and filled
 *	*_add_new_anon_rmap() entered	flushed: the old translation has gone from all CPUs
 *
 * The first interval is copy_ns, the second is shootdown_ns. A reused page has one interval, from
 * the first stamp to ptep_set_access_flags(): reuse_ns. The intervals do not include the work
 * after the last stamp: the reverse mappings, the new PTE, the end of MMU notifiers, the unlock,
 * and giving back the old page. Nor do they include the work before do_wp_page(): the exception,
 * finding the VMA and the PTE, and waiting for the page-table lock. A fault without an outcome
 * (`other`) has no last stamp and is not timed.
 *
 * No hook runs at a function's exit. A thread that sleeps in a fault holds no resource of ours, so
 * timing can be switched off, and the module unloaded, while it sleeps.
 */
#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <asm/tsc.h>

#include "compat.h"
#include "timing.h"

DEFINE_STATIC_KEY_FALSE(timing_key);

struct timing_note timing_notes[TIMING_NOTES] ____cacheline_aligned;
struct timing_histogram __percpu *timing_histogram;

/* Nanoseconds per unit of the clock, times 2^32. Written while timing is off. */
u64 timing_mult = BIT_ULL(32);

static bool by_tsc; /* the clock is the TSC; written while timing is off */

/**
 * timing_clock() - read the clock for a time stamp
 *
 * Context: any.
 * Return: the time stamp counter (TSC), or nanoseconds. timing_mult converts both to nanoseconds.
 */
u64 timing_clock(void)
{
	return READ_ONCE(by_tsc) ? rdtsc() : ktime_get_mono_fast_ns();
}

/*
 * Is the TSC the clocksource of the kernel? Then it is synchronised between CPUs. If so, the raw
 * reading of the clocksource lies between two readings of the TSC. A paravirtual clock has
 * another zero point.
 */
static bool kernel_trusts_tsc(void)
{
	struct system_time_snapshot snapshot = {};
	u64 before, after;

	if (!boot_cpu_has(X86_FEATURE_TSC) || check_tsc_unstable() || !tsc_khz)
		return false;
	before = rdtsc_ordered();
	compat_ktime_get_snapshot(&snapshot);
	after = rdtsc_ordered();
	return before <= snapshot.cycles && snapshot.cycles <= after;
}

/**
 * timing_start() - begin to time faults
 *
 * Clears the notes of an earlier period: a thread may have slept in a fault since then.
 *
 * Context: may sleep. All hooks are armed. The caller serialises timing_start() and
 * timing_stop().
 * Return: true if the clock is the time stamp counter, which is read without a call.
 */
bool timing_start(void)
{
	unsigned int i;

	for (i = 0; i < TIMING_NOTES; i++) {
		WRITE_ONCE(timing_notes[i].begun, TIMING_NONE);
		WRITE_ONCE(timing_notes[i].flushed, TIMING_NONE);
	}
	WRITE_ONCE(by_tsc, kernel_trusts_tsc());
	WRITE_ONCE(timing_mult, by_tsc ? div_u64((u64)NSEC_PER_MSEC << 32, tsc_khz) : BIT_ULL(32));
	static_branch_enable(&timing_key);
	return by_tsc;
}

/**
 * timing_stop() - stop timing faults
 *
 * Context: may sleep; timing may be off already.
 */
void timing_stop(void)
{
	static_branch_disable(&timing_key);
}

/**
 * timing_reset() - empty the histogram
 *
 * Context: process context; all hooks are disarmed.
 */
void timing_reset(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(timing_histogram, cpu), 0, sizeof(*timing_histogram));
}

/**
 * timing_bucket() - how many intervals took between 2^bucket and 2^(bucket+1) - 1 ns
 * @kind: enum timing_kind, or an outcome
 * @bucket: below TIMING_BUCKETS; 0 ns is in the first
 *
 * Return: their number, over all CPUs.
 */
u64 timing_bucket(unsigned int kind, unsigned int bucket)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(timing_histogram, cpu)->count[kind][bucket]);
	return sum;
}

/**
 * timing_init() - allocate the histogram
 *
 * Return: 0 or -ENOMEM.
 */
int timing_init(void)
{
	timing_histogram = alloc_percpu(struct timing_histogram);
	return timing_histogram ? 0 : -ENOMEM;
}

/**
 * timing_exit() - free the histogram
 *
 * Context: all hooks are disarmed.
 */
void timing_exit(void)
{
	free_percpu(timing_histogram);
}
