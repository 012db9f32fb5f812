/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sums that the BPF programs keep in maps: histograms of durations, faults by mapping. Arguments
 * called *_map are file descriptors of these maps.
 */
#ifndef COWSTAT_SUMS_H
#define COWSTAT_SUMS_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct sums_options - how sums are printed
 * @to: the stream
 * @json: one JSON object per line, not text
 * @by_pid: histograms are by process, not by outcome
 * @merge: one line per mapping for all processes of a name
 * @comm: only threads whose name matches, or NULL; keys then hold the names of threads
 */
struct sums_options {
	FILE *to;
	bool json;
	bool by_pid;
	bool merge;
	const regex_t *comm;
};

uint64_t print_hists(const struct sums_options *o, int hists_map);
uint64_t print_vmas(const struct sums_options *o, int vmas_map);

#endif /* COWSTAT_SUMS_H */
