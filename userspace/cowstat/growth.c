// SPDX-License-Identifier: GPL-2.0
/*
 * Curves, and what they will be later. A program that writes its pages at random is extended by
 * growth_fit.c. A program that writes in the order of its addresses writes no page twice until it
 * begins again. That is seen in the addresses, and then a straight line is used.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "growth.h"
#include "growth_fit.h"

#define HUGE_PAGES	512  /* pages of 4 KiB in a huge page */
#define VARIES		0.03 /* how much a load differs from itself some time later */
#define CERTAIN		1.9  /* deviations on each side: between them lie nine cases of ten */
#define UNSEEN_WRITES	3
#define PRIOR_WRAP	0.3  /* a sequential writer begins again before the end of the pool */

static size_t last(const struct growth *g)
{
	return g->nr - 1;
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
	double written = g->pages[last(g)], end = g->seconds[last(g)];
	double rate = (written - g->pages[0]) / (end - g->seconds[0]);
	double more = fmin(g->pool - written, rate * (seconds - end));
	struct estimate e = { .pages = written + more, .high = written + more };

	e.low = fmin(e.pages, written * pow(g->pool / written, 0.05 / PRIOR_WRAP));
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

/**
 * growth_step() - add a point to a curve, where only some pages could be watched
 * @g: the curve, whose pool is known
 * @seconds: since the beginning
 * @fresh: pages that were written since the last point, and not before
 * @watched: pages that were not written before, and would have been seen to be written since
 *
 * What the others did is taken to be the same (Kaplan and Meier's estimator). If nothing could be
 * seen, there is no point.
 */
void growth_step(struct growth *g, double seconds, double fresh, double watched)
{
	double written = g->nr ? g->pages[last(g)] : 0, rest = g->pool - written;

	if (watched > 0)
		growth_add(g, seconds, written + rest * fresh / watched);
	else if (rest < 0.5)
		growth_add(g, seconds, written);
}

/**
 * growth_fit() - fit a curve, before it is read beyond its end
 * @g: the curve, with all its points
 *
 * Return: 0, or -ENOMEM.
 */
int growth_fit(struct growth *g)
{
	if (g->nr <= 3 || g->pages[last(g)] <= 0)
		return 0;
	free(g->fit);
	g->fit = growth_fit_make(g);
	return g->fit ? 0 : -ENOMEM;
}

/**
 * growth_free() - give the memory back
 * @g: the curve, fitted or not
 */
void growth_free(struct growth *g)
{
	free(g->fit);
	g->fit = NULL;
}

/* Without a fit: the curve goes on as it was on average. It may as well end there. */
static struct estimate in_proportion(const struct growth *g, double seconds)
{
	double written = g->pages[last(g)];

	return (struct estimate){
		.pages = fmin(g->pool, written * seconds / g->seconds[last(g)]),
		.low = written,
		.high = g->pool,
	};
}

/*
 * How far @e may be off when the same load writes for as long again: by chance, because a fitted
 * rate is off by @deviation, and because no load goes on exactly as it was. The last grows with how
 * far the curve is extended.
 */
static void widen(struct estimate *e, const struct growth *g, double seconds, double deviation)
{
	double varies = VARIES * (1 + log(fmax(1, seconds / g->seconds[last(g)])));
	double by = CERTAIN *
		    sqrt(e->pages + varies * varies * e->pages * e->pages + deviation * deviation);

	e->low = fmax(0, fmin(e->low, e->pages - by));
	e->high = fmin(fmax(e->high, e->pages + by), fmax(g->pool, e->pages));
}

/* Pages that could not be watched to the end may be written all, or none of them. */
static void add_unseen(struct estimate *e, const struct growth *g)
{
	double share = g->pool > 0 ? e->pages / g->pool : 0;

	e->low = fmax(0, e->low - g->unseen * share);
	e->high = fmin(fmax(g->pool, e->pages), e->high + g->unseen * (1 - share));
}

/**
 * growth_at() - distinct pages that the program writes in some time
 * @g: the curve, measured while the load was as it will be, and fitted
 * @seconds: how long
 *
 * Return: the number of pages: read from the curve up to its end, fitted beyond.
 */
struct estimate growth_at(const struct growth *g, double seconds)
{
	double written = growth_read(g, seconds), deviation = 0;
	struct estimate e = { written, written, written }, end = e;

	if (g->nr && !written) {
		/* None in a time: at a rate of three in that time, this is as unlikely as one in 20. */
		e.high = fmin(g->pool, UNSEEN_WRITES * fmax(1, seconds / g->seconds[last(g)]));
	} else if (g->nr) {
		if (seconds > g->seconds[last(g)] && g->pool > written) {
			if (goes_on(g))
				e = sequential(g, seconds);
			else if (g->fit)
				e = growth_fit_at(g->fit, seconds, &deviation);
			else
				e = in_proportion(g, seconds);
			e.pages = fmax(e.pages, written);
			e.high = fmax(e.high, e.pages);
		}
		widen(&e, g, seconds, deviation);
		if (seconds > g->seconds[last(g)]) {
			/* In a longer time it writes no less. */
			widen(&end, g, g->seconds[last(g)], 0);
			e.low = fmax(e.low, end.low);
		}
	}
	add_unseen(&e, g);
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
	double deviation;

	e.pages = growth_read(g, seconds / HUGE_PAGES);
	if (g->fit && g->pool > 1)
		/* One reading at that early time says little; the whole curve says more. */
		e.pages = growth_fit_at(g->fit, seconds / HUGE_PAGES, &deviation).pages;
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
