/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/cowstat_latency: how many faults took how long, by phase. */
#ifndef COWSTAT_LATENCY_H
#define COWSTAT_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#define LATENCY_BUCKETS	64	/* powers of two, of nanoseconds */

enum latency_phase { LATENCY_COPY, LATENCY_SHOOTDOWN, LATENCY_REUSE, LATENCY_NR_PHASES };

/**
 * struct latency - a histogram for each phase
 * @count: by bucket; bucket n has what took 2^n to 2^(n+1) - 1 ns
 */
struct latency {
	uint64_t count[LATENCY_NR_PHASES][LATENCY_BUCKETS];
};

int latency_parse(const char *text, struct latency *latency);
int latency_read(const char *path, struct latency *latency);
const struct latency *latency_of(const char *table, struct latency *latency);

#endif /* COWSTAT_LATENCY_H */
