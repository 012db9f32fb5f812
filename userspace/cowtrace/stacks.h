/* SPDX-License-Identifier: GPL-2.0 */
/* Faults by stack: which code causes copies. */
#ifndef COWSTAT_STACKS_H
#define COWSTAT_STACKS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct stacks_options - how stacks are made and printed
 * @to: the stream for text or JSON; NULL to print neither
 * @json: one JSON object per line, not text
 * @by_function: sums by the innermost function
 * @lines: names of functions have source lines
 * @dwarf: user stacks are unwound by DWARF, not by frame pointers
 * @svg: draw a flame graph to this stream, or NULL
 * @comm: only threads whose name matches, or NULL
 */
struct stacks_options {
	FILE *to;
	bool json;
	bool by_function;
	bool lines;
	bool dwarf;
	FILE *svg;
	const regex_t *comm;
};

struct stacks;

struct stacks *stacks_new(const struct stacks_options *options);
void stacks_free(struct stacks *stacks);
bool stacks_on_event(struct stacks *stacks, const void *data, size_t size);
void stacks_load_again(struct stacks *stacks);
uint64_t stacks_print(struct stacks *stacks, int sums_map, int stacks_map, uint64_t samples_lost);

#endif /* COWSTAT_STACKS_H */
