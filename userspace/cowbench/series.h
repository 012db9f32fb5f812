/* SPDX-License-Identifier: GPL-2.0 */
/* Values of one figure over several runs, and their statistics. */
#ifndef COWSTAT_SERIES_H
#define COWSTAT_SERIES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct series - values in the order in which they were measured; all zero is an empty one
 * @value: the values
 * @nr: number of values
 * @room: number of values that fit into the allocated memory
 */
struct series {
	uint64_t *value;
	size_t nr;
	size_t room;
};

void series_add(struct series *s, uint64_t value);
void series_free(struct series *s);
uint64_t series_at(const struct series *s, unsigned int percent);
uint64_t series_sum(const struct series *s);
double series_mean(const struct series *s);
double series_deviation(const struct series *s);

#endif /* COWSTAT_SERIES_H */
