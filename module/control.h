/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_CONTROL_H
#define COWSTAT_CONTROL_H

#include <linux/types.h>

/**
 * struct control_status - what the first line of /proc/cowstat shows
 * @counting: the hooks are armed
 * @timing: timing is switched on; faults are timed only while @counting
 * @armed: a bit for each enum cowstat_hook that is armed now
 * @counted: a bit for each enum cowstat_hook that was armed in this epoch: its columns are
 *	     known. `counting off` does not clear the bits
 * @epoch: incremented by each reset
 * @since_ns: when this epoch began, in ns of CLOCK_BOOTTIME
 */
struct control_status {
	bool counting;
	bool timing;
	unsigned long armed;
	unsigned long counted;
	u64 epoch;
	u64 since_ns;
};

int control_init(void);
void control_exit(void);
int control_counting(bool on);
int control_timing(bool on);
void control_tracing(bool on);
int control_reset(void);
unsigned long control_reset_seq(void);
void control_status(struct control_status *out);

#endif /* COWSTAT_CONTROL_H */
