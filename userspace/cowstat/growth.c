// SPDX-License-Identifier: GPL-2.0
/*
 * A page that is written now and then, at a steady rate, is still unwritten after t seconds with
 * the probability exp(-rate * t). The pages of a program have different rates. Here N of them are
 * written, and the rate of the ith is i^-z of the highest: z = 0 is a program that writes all pages
 * alike, z = 1 is Zipf's law. One measured curve does not tell N and z: many pairs fit it nearly
 * as well, and their curves part later. So all pairs of a grid are fitted, and their predictions are
 * averaged, each with a weight by how well it fits (Bayesian model averaging). How far they are
 * apart is the uncertainty.
 *
 * A program that writes in the order of its addresses writes no page twice until it begins again.
 * That is seen in the addresses, and then a straight line is used.
 */
#include <math.h>
#include <stdlib.h>

#include "growth.h"

#define HUGE_PAGES	512  /* pages of 4 KiB in a huge page */
#define STEADY		0.02 /* how much the rate of a steady load varies */
#define VARIES		0.03 /* how much a load differs from itself some time later */
#define DOUBT		2    /* a fit that is worse by that much is as good */
#define NR_SKEWS	12
#define NR_POOLS	16
#define LEAST_REST	(-9.0) /* ln: of the pool, what is never written is at least e^-9 */
#define NR_MEMBERS	(1 + 2 * NR_SKEWS * NR_POOLS)

/* Weights before the curve is looked at. */
#define PRIOR_LINE	0.02 /* no page is written twice, though not in the order of addresses */
#define PRIOR_WHOLE	0.5  /* N is the whole pool, not a part of it */
#define PRIOR_WRAP	0.3  /* a sequential writer begins again before the end of the pool */

/* A member of the family, fitted. */
struct member {
	double more; /* pages at the time asked for, less those at the end of the curve */
	double error;
	double weight;
};

/* Values of z, and a table for each: see written_share(). */
static const double skews[NR_SKEWS] = {
	0, 0.25, 0.4, 0.55, 0.7, 0.85, 1, 1.15, 1.3, 1.5, 1.8, 2.2,
};

/* The table is by ln t. */
#define TABLE_FROM	(-16.0)
#define TABLE_STEP	0.04
#define TABLE_SIZE	550
static double table[NR_SKEWS][TABLE_SIZE];

static size_t last(const struct growth *g)
{
	return g->nr - 1;
}

/*
 * The share that has been written at time t is the mean of 1 - exp(-t * u^-z) for u from 0 to 1. It
 * is S(t) with dS / d(ln t) = (S - 1 + exp(-t)) / z. From the time when all is written, backwards in
 * steps of ln t, each by Simpson's rule.
 */
static void fill_table(double z, double *to)
{
	const double fade = exp(-TABLE_STEP / z), half = exp(-TABLE_STEP / 2 / z);
	double t;
	int i;

	to[TABLE_SIZE - 1] = 1;
	for (i = TABLE_SIZE - 2; i >= 0; i--) {
		t = exp(TABLE_FROM + i * TABLE_STEP);
		to[i] = fade * to[i + 1] -
			TABLE_STEP / 6 / z *
				(expm1(-t) + 4 * half * expm1(-t * exp(TABLE_STEP / 2)) +
				 fade * expm1(-t * exp(TABLE_STEP)));
	}
}

/*
 * The share of all pages that have been written at time exp(@log_t), when the coldest page is
 * written once in a unit of time on average.
 */
static double written_share(int skew, double log_t)
{
	double at, share;
	int i;

	if (!skews[skew])
		return -expm1(-exp(log_t));
	if (!table[skew][TABLE_SIZE - 1])
		fill_table(skews[skew], table[skew]);
	at = (log_t - TABLE_FROM) / TABLE_STEP;
	if (at <= 0)
		return table[skew][0] * exp(log_t - TABLE_FROM);
	i = at;
	if (i >= TABLE_SIZE - 1)
		return 1;
	share = at - i;
	return table[skew][i] * (1 - share) + table[skew][i + 1] * share;
}

/* The logarithm of the time at which the @share has been written: by halving. */
static double log_time_of(int skew, double share)
{
	double low = TABLE_FROM, high = TABLE_FROM + TABLE_STEP * TABLE_SIZE, middle;
	int i;

	for (i = 0; i < 32; i++) {
		middle = (low + high) / 2;
		if (written_share(skew, middle) < share)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The square of how far a growth between two points is off, in units of its expected variance. */
static double off(double grown, double expected)
{
	return (grown - expected) * (grown - expected) /
	       (1 + grown + STEADY * STEADY * grown * grown);
}

/*
 * Fit one member: @pool pages, and those written until the point before @first are hot pages that
 * stand apart. Its curve goes through the last point.
 */
static void fit(const struct growth *g, size_t first, int skew, double pool, double seconds,
		struct member *member)
{
	double t0 = first ? g->seconds[first - 1] : 0, p0 = first ? g->pages[first - 1] : 0;
	double end = g->seconds[last(g)] - t0, written = g->pages[last(g)] - p0, before = 0, now;
	double log_rate;
	size_t i;

	pool -= p0;
	log_rate = log_time_of(skew, written / pool) - log(end);
	member->error = 0;
	for (i = first; i < g->nr; i++) {
		now = pool * written_share(skew, log_rate + log(g->seconds[i] - t0));
		member->error += off(g->pages[i] - (i ? g->pages[i - 1] : 0), now - before);
		before = now;
	}
	now = seconds > t0 ? pool * written_share(skew, log_rate + log(seconds - t0)) :
			     growth_read(g, seconds) - p0;
	member->more = now - before;
}

/* A straight line from the first point to the last, and on until all pages are written. */
static void fit_line(const struct growth *g, double seconds, struct member *member)
{
	double end = g->seconds[last(g)];
	double rate = (g->pages[last(g)] - g->pages[0]) / (end - g->seconds[0]);
	size_t i;

	member->error = 0;
	for (i = 1; i < g->nr; i++)
		member->error += off(g->pages[i] - g->pages[i - 1],
				     rate * (g->seconds[i] - g->seconds[i - 1]));
	member->more = fmin(g->pool - g->pages[last(g)], rate * (seconds - end));
}

/* Fit all members. Return: how many. */
static size_t fit_all(const struct growth *g, double seconds, struct member *member)
{
	double written = g->pages[last(g)], pool;
	size_t nr = 1, first;
	int skew, i;

	fit_line(g, seconds, member);
	member->weight = PRIOR_LINE;
	for (i = 1; i <= NR_POOLS; i++) {
		pool = written +
		       (g->pool - written) * exp(LEAST_REST * (NR_POOLS - i) / (NR_POOLS - 1));
		for (skew = 0; skew < NR_SKEWS; skew++) {
			for (first = 0; first < 2; first++) {
				if (first && written <= g->pages[0])
					continue;
				fit(g, first, skew, pool, seconds, &member[nr]);
				member[nr].weight = (i == NR_POOLS ?
							     PRIOR_WHOLE :
							     (1 - PRIOR_WHOLE) / (NR_POOLS - 1)) /
						    (2 * NR_SKEWS);
				nr++;
			}
		}
	}
	return nr;
}

static int by_more(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return (x->more > y->more) - (x->more < y->more);
}

/* What the members say on average, and between which bounds nine tenths of their weight lie. */
static struct estimate average(struct member *member, size_t nr, size_t points)
{
	double least = INFINITY, scale, sum = 0, below = 0;
	struct estimate e = {};
	size_t i;

	for (i = 0; i < nr; i++)
		least = fmin(least, member[i].error);
	/*
	 * If even the best one is off by more than expected, the load is less steady than that. No
	 * program's rates follow one law exactly: so members that fit a little worse count, too.
	 */
	scale = fmax(DOUBT, least / fmax(1, (double)points - 2));
	for (i = 0; i < nr; i++) {
		member[i].weight *= exp((least - member[i].error) / (2 * scale));
		sum += member[i].weight;
	}
	qsort(member, nr, sizeof(*member), by_more);
	e.low = -1;
	e.high = member[nr - 1].more;
	for (i = 0; i < nr; i++) {
		e.pages += member[i].more * member[i].weight / sum;
		if (below < 0.95 && below + member[i].weight / sum >= 0.95)
			e.high = member[i].more;
		below += member[i].weight / sum;
		if (e.low < 0 && below >= 0.05)
			e.low = member[i].more;
	}
	return e;
}

/* Is the curve that of a writer in the order of addresses that has not begun again? */
static bool goes_on(const struct growth *g)
{
	size_t middle = g->nr / 2;
	double all = (g->pages[last(g)] - g->pages[0]) / (g->seconds[last(g)] - g->seconds[0]);
	double late = (g->pages[last(g)] - g->pages[middle]) /
		      (g->seconds[last(g)] - g->seconds[middle]);

	return g->sequential && late > all / 2;
}

/*
 * What a sequential writer writes after the end of the curve. It goes on to the end of the pool, or
 * begins again before: where, nobody knows.
 */
static struct estimate sequential(const struct growth *g, double seconds)
{
	double written = g->pages[last(g)];
	struct member line;
	struct estimate e;

	fit_line(g, seconds, &line);
	e.pages = e.high = line.more;
	e.low = fmin(line.more, written * (pow(g->pool / written, 0.05 / PRIOR_WRAP) - 1));
	return e;
}

/* What all members say of a time, less the pages at the end of the curve. */
static struct estimate all_members(const struct growth *g, double seconds)
{
	struct estimate e = { .high = g->pool - g->pages[last(g)] };
	struct member *member = calloc(NR_MEMBERS, sizeof(*member));

	if (!member)
		return e; /* then only bounds are known */
	e = average(member, fit_all(g, seconds, member), g->nr);
	free(member);
	return e;
}

/**
 * growth_add() - add a point to a curve
 * @g: the curve; a point beyond GROWTH_MAX_POINTS is dropped
 * @seconds: since the beginning; a time that is not later than the last one's replaces it
 * @pages: distinct pages written until then
 */
void growth_add(struct growth *g, double seconds, double pages)
{
	if (g->nr && seconds <= g->seconds[last(g)])
		g->nr--;
	if (g->nr == GROWTH_MAX_POINTS || seconds <= 0)
		return;
	g->seconds[g->nr] = seconds;
	g->pages[g->nr] = g->nr ? fmax(pages, g->pages[last(g)]) : pages;
	g->nr++;
}

/**
 * growth_read() - read a curve at its points and between them
 * @g: the curve
 * @seconds: since the beginning; beyond the end, the last point counts
 *
 * Return: distinct pages written until then.
 */
double growth_read(const struct growth *g, double seconds)
{
	double t0 = 0, p0 = 0;
	size_t i;

	for (i = 0; i < g->nr; i++) {
		if (seconds <= g->seconds[i])
			return p0 + (g->pages[i] - p0) * (seconds - t0) / (g->seconds[i] - t0);
		t0 = g->seconds[i];
		p0 = g->pages[i];
	}
	return p0;
}

/*
 * How far @e may be off when the same load writes for as long again: by chance, and because no load
 * goes on exactly as it was. The second grows with how far the curve is extended.
 */
static void widen(struct estimate *e, const struct growth *g, double seconds)
{
	double varies = VARIES * (1 + log(fmax(1, seconds / g->seconds[last(g)])));
	double by = 1.65 * sqrt(e->pages + varies * varies * e->pages * e->pages);

	e->low = fmax(0, fmin(e->low, e->pages - by));
	e->high = fmin(fmax(e->high, e->pages + by), fmax(g->pool, e->pages));
}

/**
 * growth_at() - distinct pages that the program writes in some time
 * @g: the curve, measured while the load was as it will be
 * @seconds: how long
 *
 * Return: the number of pages: read from the curve up to its end, fitted beyond.
 */
struct estimate growth_at(const struct growth *g, double seconds)
{
	double written = growth_read(g, seconds);
	struct estimate e = { written, written, written }, more;

	if (!g->nr || !written)
		return e;
	if (seconds > g->seconds[last(g)] && g->pool > written) {
		if (g->nr > 3) {
			more = goes_on(g) ? sequential(g, seconds) : all_members(g, seconds);
		} else {
			more.pages = written * (seconds / g->seconds[last(g)] - 1);
			more.pages = fmin(more.pages, g->pool - written);
			more.low = 0;
			more.high = g->pool - written;
		}
		estimate_add(&e, &more);
	}
	widen(&e, g, seconds);
	return e;
}

/**
 * growth_of_huge() - distinct 4 KiB pages that the program writes inside of huge pages
 * @g: the curve of huge pages written at least once
 * @seconds: how long
 *
 * A huge page has one soft-dirty bit, but while fork's child lives, the kernel splits it and copies
 * 4 KiB at a time. If the 512 pages in it are written alike, each is written 512 times more seldom
 * than the huge page: the curve of pages is that of huge pages, stretched by 512 in both
 * directions. If they are not, fewer pages are written. Certain is only one page of each.
 *
 * Return: the number of 4 KiB pages.
 */
struct estimate growth_of_huge(const struct growth *g, double seconds)
{
	struct estimate huge = growth_at(g, seconds);
	struct estimate e = { .low = huge.low, .high = HUGE_PAGES * huge.high };

	e.pages = growth_read(g, seconds / HUGE_PAGES);
	if (g->nr > 3 && g->pages[last(g)] > 0 && g->pool > 1)
		/* One reading at that early time says little; the whole curve says more. */
		e.pages = g->pages[last(g)] + all_members(g, seconds / HUGE_PAGES).pages;
	if (goes_on(g) || e.pages > huge.pages)
		e.pages = huge.pages;
	e.pages = fmax(HUGE_PAGES * e.pages, huge.pages);
	return e;
}

/**
 * estimate_add() - add up estimates of different pages
 * @sum: of those before
 * @e: one more
 *
 * The bounds are added up too, as if all were wrong in the same direction: one load writes all.
 */
void estimate_add(struct estimate *sum, const struct estimate *e)
{
	sum->pages += e->pages;
	sum->low += e->low;
	sum->high += e->high;
}

/**
 * estimate_percent() - how uncertain an estimate is
 * @e: the estimate
 *
 * Return: how far its worse bound is away, in percent of it; 0 for 0 pages.
 */
unsigned int estimate_percent(const struct estimate *e)
{
	if (e->pages < 0.5)
		return 0;
	return lround(100 * fmax(e->high - e->pages, e->pages - e->low) / e->pages);
}
