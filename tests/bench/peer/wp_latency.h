/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WP_LATENCY_H
#define WP_LATENCY_H

#define WP_LATENCY_BUCKETS	64	/* powers of two, of nanoseconds */

/**
 * struct wp_latency - the faults of a process
 * @faults: their number
 * @ns: their time
 * @bucket: how many took 2^n to 2^(n+1) - 1 ns
 */
struct wp_latency {
	unsigned long long faults;
	unsigned long long ns;
	unsigned long long bucket[WP_LATENCY_BUCKETS];
};

#endif /* WP_LATENCY_H */
