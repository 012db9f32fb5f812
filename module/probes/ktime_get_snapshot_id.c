// SPDX-License-Identifier: GPL-2.0
/* Is the kernel's clock read together with its counter by the clock's id? */
#include <linux/timekeeping.h>

void probe(struct system_time_snapshot *snapshot);

void probe(struct system_time_snapshot *snapshot)
{
	ktime_get_snapshot_id(CLOCK_MONOTONIC, snapshot);
}
