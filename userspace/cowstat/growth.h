/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the number of distinct pages that a program writes grows with time: a curve that was measured
 * for a while, and what it will be later. Only arithmetic: growth.c reads nothing.
 */
#ifndef COWSTAT_GROWTH_H
#define COWSTAT_GROWTH_H

#include <stdbool.h>
#include <stddef.h>

#define GROWTH_MAX_POINTS	48

struct growth_fit;

/**
 * struct growth - a curve that was measured
 * @seconds: times since the beginning, growing; none is 0
 * @pages: distinct pages written until then, never falling
 * @nr: number of points
 * @pool: pages that there are: the curve can never be higher
 * @unseen: pages that could not be watched to the end, and had not been written before
 * @sequential: the pages were written in the order of their addresses
 * @fit: growth_fit() makes it, growth_free() frees it
 */
struct growth {
	double seconds[GROWTH_MAX_POINTS];
	double pages[GROWTH_MAX_POINTS];
	size_t nr;
	double pool;
	double unseen;
	bool sequential;
	struct growth_fit *fit;
};

/**
 * struct estimate - a number of pages that is not exactly known
 * @pages: the best guess
 * @low: at least that many, in nine cases of ten
 * @high: at most that many, in nine cases of ten
 */
struct estimate {
	double pages;
	double low;
	double high;
};

void growth_add(struct growth *g, double seconds, double pages);
void growth_step(struct growth *g, double seconds, double fresh, double watched);
int growth_fit(struct growth *g);
void growth_free(struct growth *g);
double growth_read(const struct growth *g, double seconds);
struct estimate growth_at(const struct growth *g, double seconds);
struct estimate growth_of_huge(const struct growth *g, double seconds);
void estimate_add(struct estimate *sum, const struct estimate *e);
unsigned int estimate_percent(const struct estimate *e);

#endif /* COWSTAT_GROWTH_H */
