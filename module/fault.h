/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_FAULT_H
#define COWSTAT_FAULT_H

#include <linux/types.h>

struct hook;

/* The hook whose ops most hooks share. */
extern struct hook clear_flush;

/* Reasons why callbacks have more to do than to count. */
enum fault_slow {
	FAULT_SWITCHING, /* counting is off, or being switched */
	FAULT_TRACED,	 /* cow_fault has a user */
	FAULT_TIMED,
	FAULT_CLOCK, /* timed by a clock that takes a function call to read */
};

/* Why *_add_new_anon_rmap(), which maps new pages, is hooked. */
enum fault_rmap_use {
	FAULT_RMAP_COUNTS, /* no kprobes count the copies of file and pinned pages */
	FAULT_RMAP_TRACES,
	FAULT_RMAP_TIMES,
};

unsigned long fault_init(void);
int fault_resolve(unsigned long absent);
void fault_release(void);
int fault_arm(void);
int fault_disarm(void);
unsigned long fault_hooked(void);
void fault_set_slow(enum fault_slow why, bool slow);
int fault_use_rmap(enum fault_rmap_use use, bool on);
unsigned long fault_mask(void);
unsigned long fault_probed(void);
unsigned long fault_unknown(void);
void fault_reset(void);
u64 fault_missed(void);

#endif /* COWSTAT_FAULT_H */
