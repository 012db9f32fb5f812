/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_TIMING_H
#define COWSTAT_TIMING_H

#include <linux/jump_label.h>
#include <linux/types.h>

#include "uapi/cowstat.h"

#define TIMING_BUCKETS	40	/* powers of two: the last is for all beyond 9 minutes */

DECLARE_STATIC_KEY_FALSE(timing_key);

void timing_committed(enum cowstat_outcome outcome);

/**
 * timing_note() - tell the exit hook how the running fault ends
 * @outcome: just committed by current
 *
 * Context: any. A NOP while timing is off.
 */
static __always_inline void timing_note(enum cowstat_outcome outcome)
{
	if (static_branch_unlikely(&timing_key))
		timing_committed(outcome);
}

int timing_init(void);
void timing_exit(void);
int timing_arm(unsigned long address);
void timing_disarm(void);
void timing_reset(void);
u64 timing_bucket(enum cowstat_outcome outcome, unsigned int bucket);
u64 timing_missed(void);

#endif /* COWSTAT_TIMING_H */
