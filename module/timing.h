/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_TIMING_H
#define COWSTAT_TIMING_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/jump_label.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "table.h"
#include "uapi/cowstat.h"

#define TIMING_BUCKETS	64	/* one for each power of two of nanoseconds */

/* The histograms: one per outcome, and one for each of the two phases of a copy. */
enum timing_kind { TIMING_COPY = COWSTAT_NR_OUTCOMES, TIMING_SHOOTDOWN, TIMING_NR_KINDS };

struct timing_histogram {
	u64 count[TIMING_NR_KINDS][TIMING_BUCKETS];
};

/*
 * A note has two words. Each holds a time and the thread that wrote it, so that one instruction
 * writes both:
 *
 *	bits 63 to 12	the clock
 *	bit 11		TIMING_ZERO_PAGE: the copy fills a page with zeros
 *	bit 10		TIMING_REMOTE: another process pays
 *	bits 9 to 0	the upper bits of the thread's pid, which leave bit 9 0; the lower bits
 *			select the note
 *
 * So a thread recognises the words of other threads: if two words are of the same thread, bits 9
 * to 0 of their difference are 0. TIMING_NONE belongs to no thread: its bit 9 is 1.
 *
 * Two threads use the same note if their pids differ by a multiple of TIMING_NOTES. If both fault
 * at the same time, the second overwrites the note of the first. The fault of the first is then
 * not timed, and counts in `missed`.
 */
#define TIMING_NOTES_SHIFT	13 /* pids have at most 22 bits (PID_MAX_LIMIT) */
#define TIMING_NOTES		BIT(TIMING_NOTES_SHIFT)
#define TIMING_CLOCK_SHIFT	12
#define TIMING_ZERO_PAGE	BIT_ULL(11)
#define TIMING_REMOTE		BIT_ULL(10)
#define TIMING_FLAGS		(TIMING_ZERO_PAGE | TIMING_REMOTE)
#define TIMING_LOW		(BIT_ULL(TIMING_CLOCK_SHIFT) - 1)
#define TIMING_NONE		(~0ULL)

/**
 * struct timing_note - the times of the fault that a thread is in
 * @begun: when the thread entered do_wp_page()
 * @flushed: when it had copied the page and was about to flush the old translation; TIMING_NONE
 *	once the new page is mapped
 *
 * Locking: none. A thread writes its own note. Notes are never released. If a thread exits, or
 * leaves a fault without a commit, its words stay. Other threads see that the words are not
 * theirs, and the next entry overwrites them.
 */
struct timing_note {
	u64 begun;
	u64 flushed;
};

extern struct timing_note timing_notes[TIMING_NOTES];
extern struct timing_histogram __percpu *timing_histogram;
extern u64 timing_mult;

DECLARE_STATIC_KEY_FALSE(timing_key);
/* Is timing on? A NOP while it is off. */
static __always_inline bool timing_is_on(void)
{
	return static_branch_unlikely(&timing_key);
}

u64 timing_clock(void);

/*
 * Threads that fault at the same time often have neighbouring pids. The factor keeps their notes
 * in different cache lines.
 */
static __always_inline struct timing_note *timing_note_of_current(void)
{
	return &timing_notes[(u32)current->pid * 521 % TIMING_NOTES];
}

static __always_inline u64 timing_owner(void)
{
	return (u32)current->pid >> TIMING_NOTES_SHIFT;
}

static __always_inline u64 timing_word(u64 clock)
{
	return (clock << TIMING_CLOCK_SHIFT) + timing_owner();
}

/* The nanoseconds between two words of one thread. */
static __always_inline u64 timing_ns(u64 words, u64 mult)
{
	return mul_u64_u64_shr(words, mult, 32 + TIMING_CLOCK_SHIFT);
}

/* By a pointer: __fls() is below TIMING_BUCKETS, and UBSAN need not check an index for it. */
static __always_inline void timing_add(struct timing_histogram __percpu *h, unsigned int kind,
				       u64 ns)
{
	this_cpu_inc(*(h->count[kind] + __fls(ns | 1)));
}

/* A commit found no note of its thread. TIMING_NONE: the fault began before timing was on. */
static __always_inline void timing_lost(u64 word)
{
	if (word != TIMING_NONE)
		atomic64_inc(&table.missed);
}

/**
 * timing_begin() - current's fault begins
 * @clock: now
 *
 * Context: any.
 */
static __always_inline void timing_begin(u64 clock)
{
	WRITE_ONCE(timing_note_of_current()->begun, timing_word(clock));
}

/**
 * timing_flush() - current's fault has copied the page and will flush the old translation next
 * @flags: TIMING_ZERO_PAGE, TIMING_REMOTE
 * @clock: now
 *
 * Context: any; under the page-table lock.
 */
static __always_inline void timing_flush(u64 flags, u64 clock)
{
	WRITE_ONCE(timing_note_of_current()->flushed, timing_word(clock) + flags);
}

/**
 * timing_flushing() - is current between timing_flush() and the mapping of the new page?
 * @note: current's
 *
 * Return: the flags of timing_flush() if it is, which may be 0; else a value that also has other
 * bits than TIMING_FLAGS.
 */
static __always_inline u64 timing_flushing(const struct timing_note *note)
{
	return (READ_ONCE(note->flushed) ^ timing_owner()) & TIMING_LOW;
}

/**
 * timing_map() - the old translation is gone from all CPUs, and the new page is mapped next
 * @row: the row of the process that pays
 * @note: current's
 * @flags: those of timing_flush()
 * @clock: now
 *
 * Context: any; under the page-table lock, and only if timing_flushing() returned just @flags.
 */
static __always_inline void timing_map(struct row *row, struct timing_note *note, u64 flags,
				       u64 clock)
{
	struct timing_histogram __percpu *h = timing_histogram;
	u64 flushed = READ_ONCE(note->flushed) - flags;
	u64 begun = READ_ONCE(note->begun);
	/* rounded up by less than a unit of the clock: the low bits of @flushed name the thread */
	u64 shootdown = ((clock << TIMING_CLOCK_SHIFT) | TIMING_LOW) - flushed;
	u64 copy = flushed - begun, mult = READ_ONCE(timing_mult);

	WRITE_ONCE(note->flushed, TIMING_NONE);
	if (unlikely(copy & TIMING_LOW)) {
		timing_lost(begun);
		return;
	}
	/* a clock may step back a little between two CPUs */
	if (unlikely((s64)(copy | shootdown) < 0)) {
		copy = 0;
		shootdown = 0;
	}
	/* in this order the compiler saves no register */
	shootdown = timing_ns(shootdown, mult);
	atomic64_add(shootdown, &row->value[ROW_SHOOTDOWN_NS]);
	timing_add(h, TIMING_SHOOTDOWN, shootdown);
	copy = timing_ns(copy, mult);
	atomic64_add(copy, &row->value[ROW_COPY_NS]);
	timing_add(h, TIMING_COPY, copy);
	if (flags & TIMING_ZERO_PAGE)
		timing_add(h, COWSTAT_OUTCOME_ZERO_FILLED, copy + shootdown);
	else
		timing_add(h, COWSTAT_OUTCOME_COPIED, copy + shootdown);
}

/**
 * timing_reuse() - current's fault makes the same page writable
 * @row: the row of the process that pays
 * @shared: the page is in a shared mapping
 * @clock: now
 *
 * Context: any; under the page-table lock.
 */
static __always_inline void timing_reuse(struct row *row, bool shared, u64 clock)
{
	u64 begun = READ_ONCE(timing_note_of_current()->begun);
	u64 words = timing_word(clock) - begun;

	if (unlikely(words & TIMING_LOW)) {
		timing_lost(begun);
		return;
	}
	if (unlikely((s64)words < 0))
		words = 0;
	words = timing_ns(words, READ_ONCE(timing_mult));
	if (shared) {
		timing_add(timing_histogram, COWSTAT_OUTCOME_SHARED_WP, words);
	} else {
		timing_add(timing_histogram, COWSTAT_OUTCOME_REUSED, words);
		atomic64_add(words, &row->value[ROW_REUSE_NS]);
	}
}

int timing_init(void);
void timing_exit(void);
bool timing_start(void);
void timing_stop(void);
void timing_reset(void);
u64 timing_bucket(unsigned int kind, unsigned int bucket);

#endif /* COWSTAT_TIMING_H */
