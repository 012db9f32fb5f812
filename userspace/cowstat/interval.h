/* SPDX-License-Identifier: GPL-2.0 */
/* Wait from one report to the next, without drifting. */
#ifndef COWSTAT_INTERVAL_H
#define COWSTAT_INTERVAL_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S	1000000000ULL

/* Sleep until @interval_ns after @next, a time of CLOCK_MONOTONIC, and set @next to then. */
static inline void sleep_until(struct timespec *next, uint64_t interval_ns)
{
	next->tv_sec += (next->tv_nsec + interval_ns) / NS_PER_S;
	next->tv_nsec = (next->tv_nsec + interval_ns) % NS_PER_S;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL))
		;
}

#endif /* COWSTAT_INTERVAL_H */
