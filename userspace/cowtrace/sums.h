/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sums that the BPF programs keep in maps: histograms of durations, faults by mapping, faults
 * by stack. Arguments called *_map are file descriptors of these maps.
 */
#ifndef COWSTAT_SUMS_H
#define COWSTAT_SUMS_H

#include <stdbool.h>
#include <stdio.h>

#include "symbols.h"

void print_hists(FILE *to, int hists_map, bool by_pid);
void print_vmas(FILE *to, int vmas_map);
void load_stack_symbols(struct symbols *symbols, int counts_map);
void print_stacks(FILE *to, int counts_map, int stacks_map, struct symbols *symbols);

#endif /* COWSTAT_SUMS_H */
