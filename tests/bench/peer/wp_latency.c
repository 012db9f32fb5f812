// SPDX-License-Identifier: GPL-2.0
/* Attach the programs of wp_latency.bpf.c; on SIGINT, print what they counted. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "peer.h"
#include "wp_latency.h"
#include "wp_latency.skel.h"

static void print_all(int map)
{
	struct wp_latency latency;
	__u32 pid, *before = NULL;
	size_t i, last;

	printf("%7s %9s %9s %s\n", "PID", "FAULTS", "MEAN_NS", "AT_MOST_NS");
	for (; !bpf_map_get_next_key(map, before, &pid); before = &pid) {
		if (bpf_map_lookup_elem(map, &pid, &latency))
			continue;
		for (i = 0, last = 0; i < WP_LATENCY_BUCKETS; i++)
			if (latency.bucket[i])
				last = i;
		printf("%7u %9llu %9llu %llu\n", pid, latency.faults, latency.ns / latency.faults,
		       (2ULL << last) - 1);
	}
}

int main(void)
{
	struct wp_latency_bpf *skel;
	sigset_t stop = peer_begin();

	skel = wp_latency_bpf__open_and_load();
	if (!skel || wp_latency_bpf__attach(skel))
		errx(EXIT_FAILURE, "the programs do not load");
	peer_wait(&stop);
	print_all(bpf_map__fd(skel->maps.latencies));
	wp_latency_bpf__destroy(skel);
	return EXIT_SUCCESS;
}
