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
 * A program does not get its CPU at once. At a reading it may have done only what was due some time
 * before, and makes up for it later. So how much the curve grew between two readings has an error
 * of its own, and one that its neighbours have with the opposite sign. How late the program is, is
 * estimated from the curve: it is what makes the best member likeliest.
 */
#include <math.h>
#include <stdlib.h>

#include "growth_fit.h"

#define STEADY		0.02 /* how much the rate of a steady load varies */
#define DOUBT		2    /* a fit that is worse by that much is as good */
#define NR_SKEWS	9
#define NR_POOLS	12
#define NR_FIRSTS	4
#define LEAST_REST	(-9.0) /* ln: of the pool, what is never written is at least e^-9 */
#define NR_MEMBERS	(1 + NR_FIRSTS * NR_SKEWS * NR_POOLS)
#define MOST		(1 - 1e-9) /* of all pages are written in a time that is not infinite */
#define LINE		(-1) /* as a skew: no page is written twice */

/* Weights before the curve is looked at. */
#define PRIOR_LINE	0.02 /* no page is written twice, though not in the order of addresses */
#define PRIOR_WHOLE	0.5  /* N is the whole pool, not a part of it */

#define DIFFERENCE	0.05 /* of log_rate, for derivatives */

/* So much of the members' weight lies below the lower bound, and above the upper one. */
#define OUTSIDE		0.03

/* How late a program may be, in seconds: LATE_FROM, and LATE_STEP times as late, and so on. */
#define LATE_FROM	0.001
#define LATE_STEP	2
#define NR_LATE		11

/*
 * A member of the family, fitted. Pages that were written until the point before @first stand apart:
 * they are the hot ones, and the others are written as the member says.
 */
struct member {
	int skew;
	size_t first;
	const double *log_seconds;
	double pool;
	double log_rate;
	double deviation; /* of log_rate */
	double error;
	double weight;
};

/*
 * The errors of the growths between points: their covariance has values on its diagonal and beside
 * it. It is L * D * L', and L has one value in each line besides 1.
 */
struct noise {
	double d[GROWTH_MAX_POINTS], l[GROWTH_MAX_POINTS];
	double log_determinant;
};

/*
 * The curve as it was measured, and how much it has grown from one point to the next. Members begin
 * at one of some points; @log_seconds is the logarithm of the time since then.
 */
struct growth_fit {
	struct growth curve;
	double grown[GROWTH_MAX_POINTS];
	size_t first[NR_FIRSTS];
	double log_seconds[NR_FIRSTS][GROWTH_MAX_POINTS];
	struct noise noise;
	size_t nr;
	struct member member[NR_MEMBERS];
};

/* Values of z, and a table for each: see written_share(). */
static const double skews[NR_SKEWS] = {
	0, 0.3, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2,
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

static double square(double x)
{
	return x * x;
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

	if (!skews[skew])
		return log(-log1p(-fmin(share, MOST)));
	for (i = 0; i < 16; i++) {
		middle = (low + high) / 2;
		if (written_share(skew, middle) < share)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* --- errors --- */

/* Pages a second around a point: from the second point before it to the second one behind it. */
static double slope(const struct growth *g, size_t at)
{
	size_t to = at + 2 < g->nr ? at + 2 : last(g);

	if (at < 2)
		return g->pages[to] / g->seconds[to];
	return (g->pages[to] - g->pages[at - 2]) / (g->seconds[to] - g->seconds[at - 2]);
}

/* @late is by how many seconds the program is late at a reading. */
static void noise_make(const struct growth_fit *fit, double late, struct noise *n)
{
	const struct growth *g = &fit->curve;
	double grown, now, before = square(late * slope(g, 0));
	size_t i;

	n->log_determinant = 0;
	for (i = 0; i < g->nr; i++) {
		grown = fit->grown[i];
		now = square(late * slope(g, i));
		n->l[i] = i ? -before / n->d[i - 1] : 0;
		n->d[i] = 1 + grown + square(STEADY * grown) + now + before;
		if (i)
			n->d[i] -= square(n->l[i]) * n->d[i - 1];
		n->log_determinant += log(n->d[i]);
		before = now;
	}
}

/* Multiply by the inverse of L: then the errors no longer depend on each other. */
static void whiten(const struct growth_fit *fit, const struct noise *n, size_t first, double *error)
{
	size_t i;

	for (i = first + 1; i < fit->curve.nr; i++)
		error[i] -= n->l[i] * error[i - 1];
}

static double product(const struct growth_fit *fit, const struct noise *n, size_t first,
		      const double *a, const double *b)
{
	double sum = 0;
	size_t i;

	for (i = first; i < fit->curve.nr; i++)
		sum += a[i] * b[i] / n->d[i];
	return sum;
}

/* --- members --- */

/* How much a member grows from one point to the next. */
static void predict(const struct growth_fit *fit, const struct member *m, double log_rate,
		    double *grown)
{
	double before = 0, now;
	size_t i;

	for (i = m->first; i < fit->curve.nr; i++) {
		now = m->skew == LINE ?
			      exp(log_rate + m->log_seconds[i]) :
			      m->pool * written_share(m->skew, log_rate + m->log_seconds[i]);
		grown[i] = now - before;
		before = now;
	}
}

/* What is measured, less what a member says. */
static void residual(const struct growth_fit *fit, const struct member *m, double log_rate,
		     double *error)
{
	size_t i;

	predict(fit, m, log_rate, error);
	for (i = m->first; i < fit->curve.nr; i++)
		error[i] = fit->grown[i] - error[i];
}

/* How well a member fits, and how exactly its rate is known. */
static void judge(const struct growth_fit *fit, const struct noise *n, struct member *m)
{
	double error[GROWTH_MAX_POINTS], gain[GROWTH_MAX_POINTS], sum;
	size_t i;

	residual(fit, m, m->log_rate, error);
	residual(fit, m, m->log_rate + DIFFERENCE, gain);
	for (i = m->first; i < fit->curve.nr; i++)
		gain[i] = (error[i] - gain[i]) / DIFFERENCE;
	whiten(fit, n, m->first, error);
	whiten(fit, n, m->first, gain);
	/* What a point adds to the sum on average, for those that are left out. */
	m->error = m->first + product(fit, n, m->first, error, error);
	sum = product(fit, n, m->first, gain, gain);
	m->deviation = sum > 0 ? 1 / sqrt(sum) : 0;
}

/*
 * All members, each with the rate by which its curve meets the last point. Least squares would be
 * worse: the variance of a growth is taken from the growth itself, and so the small ones, which lie
 * too low, would have too much weight.
 */
static void make_members(struct growth_fit *fit)
{
	const struct growth *g = &fit->curve;
	double written = g->pages[last(g)], pool;
	struct member *m = fit->member;
	int skew, i, k;

	*m++ = (struct member){
		.skew = LINE,
		.first = fit->first[1],
		.log_seconds = fit->log_seconds[1],
		.log_rate = log(written - g->pages[0] + 0.1) - fit->log_seconds[1][last(g)],
		.weight = PRIOR_LINE,
	};
	for (i = 1; i <= NR_POOLS; i++) {
		pool = written +
		       (g->pool - written) * exp(LEAST_REST * (NR_POOLS - i) / (NR_POOLS - 1));
		for (k = 0; k < NR_FIRSTS; k++) {
			double before = fit->first[k] ? g->pages[fit->first[k] - 1] : 0;

			if (written <= before)
				continue;
			for (skew = 0; skew < NR_SKEWS; skew++)
				*m++ = (struct member){
					.skew = skew,
					.first = fit->first[k],
					.log_seconds = fit->log_seconds[k],
					.pool = pool - before,
					.log_rate = log_time_of(skew, (written - before) /
									      (pool - before)) -
						    fit->log_seconds[k][last(g)],
					.weight = (i == NR_POOLS ?
							   PRIOR_WHOLE :
							   (1 - PRIOR_WHOLE) / (NR_POOLS - 1)) /
						  (NR_FIRSTS * NR_SKEWS),
				};
		}
	}
	fit->nr = m - fit->member;
}

/* Return: the one that fits best. */
static const struct member *judge_all(struct growth_fit *fit)
{
	const struct member *best = fit->member;
	size_t i;

	for (i = 0; i < fit->nr; i++) {
		judge(fit, &fit->noise, &fit->member[i]);
		if (fit->member[i].error < best->error)
			best = &fit->member[i];
	}
	return best;
}

/* How late the program was at the readings: what makes the errors of this member likeliest. */
static double find_late(const struct growth_fit *fit, const struct member *m)
{
	double error[GROWTH_MAX_POINTS], late = LATE_FROM, found = 0, least = INFINITY, unlikely;
	struct noise n;
	int i;

	for (i = 0; i <= NR_LATE; i++) {
		noise_make(fit, i ? late : 0, &n);
		residual(fit, m, m->log_rate, error);
		whiten(fit, &n, m->first, error);
		unlikely = product(fit, &n, m->first, error, error) + n.log_determinant;
		if (unlikely < least) {
			least = unlikely;
			found = i ? late : 0;
		}
		if (i)
			late *= LATE_STEP;
	}
	return found;
}

/* Turn errors into weights. */
static void weigh(struct growth_fit *fit, double least)
{
	double scale, sum = 0;
	size_t i;

	/*
	 * If even the best one is off by more than expected, the load is less steady than that. No
	 * program's rates follow one law exactly: so members that fit a little worse count, too.
	 */
	scale = fmax(DOUBT, least / fmax(1, (double)fit->curve.nr - 2));
	for (i = 0; i < fit->nr; i++) {
		struct member *m = &fit->member[i];

		m->weight *= exp((least - m->error) / (2 * scale));
		m->deviation *= sqrt(scale);
		sum += m->weight;
	}
	for (i = 0; i < fit->nr; i++)
		fit->member[i].weight /= sum;
}

/**
 * growth_fit_make() - fit the family to a curve
 * @g: the curve, with more than three points, and pages that were written
 *
 * Return: the fitted family, to be freed with free(); NULL without memory.
 */
struct growth_fit *growth_fit_make(const struct growth *g)
{
	struct growth_fit *fit = calloc(1, sizeof(*fit));
	const struct member *best;
	double late, t0;
	size_t i, k;

	if (!fit)
		return NULL;
	fit->curve = *g;
	for (i = 0; i < g->nr; i++)
		fit->grown[i] = g->pages[i] - (i ? g->pages[i - 1] : 0);
	for (k = 0; k < NR_FIRSTS; k++) {
		fit->first[k] = k < 2 ? k : g->nr * (k - 1) / NR_FIRSTS;
		t0 = fit->first[k] ? g->seconds[fit->first[k] - 1] : 0;
		for (i = fit->first[k]; i < g->nr; i++)
			fit->log_seconds[k][i] = log(g->seconds[i] - t0);
	}
	make_members(fit);
	noise_make(fit, 0, &fit->noise);
	best = judge_all(fit);
	late = find_late(fit, best);
	if (late) {
		noise_make(fit, late, &fit->noise);
		best = judge_all(fit);
	}
	weigh(fit, best->error);
	return fit;
}

/* What a member writes in some time, if its rate were @factor times as high. */
static double pages_at(const struct growth_fit *fit, const struct member *m, double seconds,
		       double log_factor)
{
	const struct growth *g = &fit->curve;
	double t0 = m->first ? g->seconds[m->first - 1] : 0;
	double p0 = m->first ? g->pages[m->first - 1] : 0;
	double log_rate = m->log_rate + log_factor;

	if (seconds <= t0)
		return growth_read(g, seconds);
	if (m->skew == LINE)
		return fmin(g->pool, p0 + exp(log_rate) * (seconds - t0));
	return p0 + m->pool * written_share(m->skew, log_rate + log(seconds - t0));
}

/* What a member says, and with which weight. */
struct vote {
	double pages, weight;
};

static int by_pages(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return (x->pages > y->pages) - (x->pages < y->pages);
}

/**
 * growth_fit_at() - what the members say on average, and between which bounds most of them lie
 * @fit: fitted
 * @seconds: the time that it is about
 * @deviation: by how much each member may be off, because its rate is not known exactly
 *
 * Return: pages; most of the members' weight lies between the bounds.
 */
struct estimate growth_fit_at(const struct growth_fit *fit, double seconds, double *deviation)
{
	struct vote vote[NR_MEMBERS];
	struct estimate e = {};
	double below = 0;
	size_t i;

	*deviation = 0;
	for (i = 0; i < fit->nr; i++) {
		const struct member *m = &fit->member[i];

		vote[i] = (struct vote){ pages_at(fit, m, seconds, 0), m->weight };
		e.pages += vote[i].pages * m->weight;
		*deviation += m->weight * m->deviation / DIFFERENCE *
			      (pages_at(fit, m, seconds, DIFFERENCE) - vote[i].pages);
	}
	qsort(vote, fit->nr, sizeof(*vote), by_pages);
	e.low = -1;
	e.high = vote[fit->nr - 1].pages;
	for (i = 0; i < fit->nr; i++) {
		if (below < 1 - OUTSIDE && below + vote[i].weight >= 1 - OUTSIDE)
			e.high = vote[i].pages;
		below += vote[i].weight;
		if (e.low < 0 && below >= OUTSIDE)
			e.low = vote[i].pages;
	}
	return e;
}
