/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_CLOCK_H
#define COWSTAT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S	1000000000ULL

/**
 * now_ns() - the time that all measurements here use
 *
 * Return: CLOCK_MONOTONIC in nanoseconds.
 */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

#endif /* COWSTAT_CLOCK_H */
