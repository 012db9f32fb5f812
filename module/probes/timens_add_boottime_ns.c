// SPDX-License-Identifier: GPL-2.0
/* Does a time namespace add its offset of the time since boot to nanoseconds? Not in 5.10. */
#include <linux/time_namespace.h>

u64 probe(void);

u64 probe(void)
{
	return timens_add_boottime_ns(0);
}
