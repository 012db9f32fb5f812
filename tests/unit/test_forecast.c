// SPDX-License-Identifier: GPL-2.0
/* growth.c, growth_fit.c, headroom.c, forecast.c: curves of known loads, what fits, and the sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forecast.h"

#define GIB	(1ULL << 30)
#define WINDOW	10.0

/* The readings of working_set.c. */
static const double times[] = {
	0.16, 0.31, 0.625, 1.25, 1.875, 2.5,   3.125, 3.75,  4.375,
	5,    5.6,  6.25,  6.9,	 7.5,	8.125, 8.75,  9.375, 10,
};

typedef double curve_fn(double t, double rate);

/* Pages that are written alike at @rate a second: 20 000. */
static double alike(double t, double rate)
{
	return 20000 * -expm1(-rate * t / 20000);
}

/* Pages by Zipf's law: 20 000. */
static double zipf(double t, double rate)
{
	double sum = 0, written = 0;
	int i;

	for (i = 1; i <= 20000; i++)
		sum += 1.0 / i;
	for (i = 1; i <= 20000; i++)
		written += -expm1(-rate * t / sum / i);
	return written;
}

static double line(double t, double rate)
{
	return fmin(20000, rate * t);
}

/* Measured while the program was up to @late seconds late at each reading; @seed says how late. */
static struct growth measured_late(curve_fn *curve, double rate, double pool, double late,
				   unsigned int seed)
{
	struct growth g = { .pool = pool };
	size_t i;

	srandom(seed);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		growth_add(&g, times[i],
			   floor(curve(fmax(0, times[i] - late * random() / RAND_MAX), rate)));
	assert_int_equal(growth_fit(&g), 0);
	return g;
}

static struct growth measured(curve_fn *curve, double rate, double pool, bool sequential)
{
	struct growth g = measured_late(curve, rate, pool, 0, 0);

	g.sequential = sequential;
	return g;
}

/* The forecast for @seconds is right within 10 %, and the truth is between its bounds. */
static void assert_forecast(curve_fn *curve, double rate, double pool, bool sequential,
			    double seconds)
{
	struct growth g = measured(curve, rate, pool, sequential);
	struct estimate e = growth_at(&g, seconds);
	double truth = curve(seconds, rate);

	if (!(fabs(e.pages / truth - 1) < 0.1) || e.low > truth || e.high < truth * 0.99)
		fail_msg("rate %g, pool %g, %g s: %g (%g to %g), not %g", rate, pool, seconds,
			 e.pages, e.low, e.high, truth);
	growth_free(&g);
}

static void known_loads(void **state)
{
	static const double rates[] = { 600, 2000, 8000 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		assert_forecast(alike, rates[i], 20000, false, 20);
		assert_forecast(alike, rates[i], 20000, false, 60);
		assert_forecast(alike, rates[i], 20000, false, 300);
		assert_forecast(zipf, rates[i], 20000, false, 20);
		assert_forecast(zipf, rates[i], 20000, false, 60);
		assert_forecast(line, rates[i], 20000, true, 20);
		assert_forecast(line, rates[i], 20000, true, 60);
	}
	/* The pages are a fourth of those there are. */
	assert_forecast(alike, 8000, 80000, false, 300);
	assert_forecast(zipf, 8000, 80000, false, 60);
}

/*
 * A program that does not get its CPU in time is up to half a second late at each reading: the last
 * point of the curve may be far too low, and the one before it not.
 */
static void late_programs(void **state)
{
	static const struct {
		curve_fn *curve;
		double rate;
	} loads[] = { { alike, 600 }, { alike, 2000 }, { zipf, 2000 }, { zipf, 8000 } };
	unsigned int runs = 0, far = 0, outside = 0, seed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		for (seed = 1; seed <= 20; seed++) {
			struct growth g = measured_late(loads[i].curve, loads[i].rate, 20000, 0.5,
							seed);
			struct estimate e = growth_at(&g, 30);
			double truth = loads[i].curve(30, loads[i].rate);

			runs++;
			far += fabs(e.pages / truth - 1) > 0.15;
			outside += e.low > truth || e.high < truth;
			growth_free(&g);
		}
	}
	if (far * 20 > runs || outside * 20 > runs)
		fail_msg("of %u forecasts, %u are off by more than 15 %%, %u beyond their bounds",
			 runs, far, outside);
}

/* From the middle of the window on, only some of the pages can be watched. */
static void unseen_pages(void **state)
{
	static const double shares[] = { 0.9, 0.5, 0.1 };
	double before, now, truth = alike(30, 2000);
	struct estimate e;
	size_t i, k;

	(void)state;
	for (k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
		struct growth g = { .pool = 20000 };

		for (before = 0, i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			double share = times[i] > 5 ? shares[k] : 1;

			now = alike(times[i], 2000);
			growth_step(&g, times[i], share * (now - before), share * (20000 - before));
			before = now;
		}
		assert_int_equal(growth_fit(&g), 0);
		g.unseen = (1 - shares[k]) * (20000 - alike(5, 2000));
		e = growth_at(&g, 30);
		if (!(fabs(e.pages / truth - 1) < 0.1) || e.low > truth || e.high < truth)
			fail_msg("%g watched: %g (%g to %g), not %g", shares[k], e.pages, e.low,
				 e.high, truth);
		/* They may be written all, or none of them. */
		assert_true(e.high - e.low > g.unseen);
		growth_free(&g);
	}
}

/* Nothing can be watched to the end: the curve ends before. If it was never watched, it has none. */
static void blind(void **state)
{
	struct growth g = { .pool = 1000 };
	struct estimate e;

	(void)state;
	growth_step(&g, 1, 0, 0);
	assert_int_equal(g.nr, 0);
	g.unseen = 1000;
	e = growth_at(&g, 60);
	assert_true(e.pages == 0 && e.low == 0 && e.high == 1000);
	growth_step(&g, 1, 100, 1000);
	growth_step(&g, 2, 90, 900);
	growth_step(&g, 3, 0, 0);
	assert_int_equal(g.nr, 2);
	assert_true(growth_read(&g, 3) == 190);
	/* All were written: nothing is left to be watched, and the curve is flat. */
	growth_step(&g, 4, 810, 810);
	growth_step(&g, 5, 0, 0);
	assert_int_equal(g.nr, 4);
	assert_true(g.pages[3] == 1000);
}

static void bounds(void **state)
{
	struct growth g = measured(alike, 600, 20000, false);
	struct estimate e, sum = {};

	(void)state;
	/* Never more than there is, never less than was seen. */
	e = growth_at(&g, 86400);
	assert_true(e.pages <= 20000 && e.high <= 20000 && e.pages > 19000);
	e = growth_at(&g, 11);
	assert_true(e.pages > growth_read(&g, 10));
	/* What was measured is read from the curve. */
	e = growth_at(&g, 5);
	assert_true(fabs(e.pages - alike(5, 600)) < 2);
	assert_true(e.low < e.pages && e.high > e.pages && estimate_percent(&e) < 10);
	e = growth_at(&g, 0.08);
	assert_true(e.pages > 40 && e.pages < 50);
	estimate_add(&sum, &e);
	estimate_add(&sum, &e);
	assert_true(sum.pages == 2 * e.pages && sum.high == 2 * e.high);
	growth_free(&g);
	/* The farther away, the less certain. */
	g = measured(zipf, 600, 20000, false);
	e = growth_at(&g, 20);
	sum = growth_at(&g, 300);
	assert_true(estimate_percent(&e) < estimate_percent(&sum));
	growth_free(&g);
}

static void nothing(void **state)
{
	struct growth g = { .pool = 1000 };
	struct estimate e = growth_at(&g, 60);

	(void)state;
	assert_true(e.pages == 0 && e.high == 0 && estimate_percent(&e) == 0);
	/* None was seen: a few would be no wonder, the more the longer. */
	growth_add(&g, 1, 0);
	growth_add(&g, 2, 0);
	e = growth_at(&g, 60);
	assert_true(e.pages == 0 && e.low == 0 && e.high == 90);
	e = growth_at(&g, 1);
	assert_true(e.pages == 0 && e.high == 3);
	/* All pages at once, at the first reading. */
	g = (struct growth){ .pool = 1000 };
	growth_add(&g, 1, 1000);
	growth_add(&g, 2, 1000);
	growth_add(&g, 3, 1000);
	growth_add(&g, 4, 1000);
	growth_add(&g, 5, 1000);
	e = growth_at(&g, 60);
	assert_true(e.pages == 1000 && e.high == 1000);
	/* The same hot pages all the time, and no others. */
	g.pool = 100000;
	assert_int_equal(growth_fit(&g), 0);
	e = growth_at(&g, 60);
	assert_true(e.pages < 1050);
	growth_free(&g);
	/* A curve never falls, and time does not go back. */
	growth_add(&g, 6, 900);
	assert_true(growth_read(&g, 6) == 1000);
	growth_add(&g, 5.5, 1100);
	assert_true(growth_read(&g, 7) == 1100);
}

static void huge(void **state)
{
	struct growth g = {};
	struct estimate e;

	(void)state;
	/*
	 * 64 huge pages, written alike, 300 pages a second: nearly all within a second, and in a
	 * minute 13 900 of their 32 768 pages.
	 */
	g.pool = 64;
	for (double t = 0.02; t < 10; t *= 1.5)
		growth_add(&g, t, round(64 * -expm1(-300 * t / 64)));
	assert_int_equal(growth_fit(&g), 0);
	e = growth_of_huge(&g, 60);
	if (!(fabs(e.pages / (32768 * -expm1(-300 * 60 / 32768.0)) - 1) < 0.15))
		fail_msg("%g pages", e.pages);
	assert_true(e.low <= 64 && e.high == 32768);
	growth_free(&g);
	/* The same pages one after the other. */
	g = (struct growth){ .pool = 64, .sequential = true };
	for (double t = 1; t <= 10; t++)
		growth_add(&g, t, t);
	e = growth_of_huge(&g, 20);
	assert_true(fabs(e.pages - 20 * 512) < 600);
}

static void verdicts(void **state)
{
	struct headroom h = {
		.available = 2 * GIB,
		.swap = 1 * GIB,
		.cgroup_available = UINT64_MAX,
		.cgroup_swap = UINT64_MAX,
		.committable = UINT64_MAX,
	};
	struct estimate e = { 1 * GIB, 1 * GIB, 2 * GIB };

	(void)state;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_FITS);
	e.high = 2 * GIB + 1;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_MAY_NOT_FIT);
	e.pages = 2 * GIB + 1;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_SWAPS);
	h.cgroup_swap = 0;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_KILLED);
	e = (struct estimate){ GIB / 2, GIB / 2, GIB / 2 };
	h.cgroup_available = GIB / 4;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_KILLED);
	h.cgroup_available = GIB;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_FITS);
	h.committable = 8 * GIB - 1;
	assert_int_equal(headroom_verdict(&h, &e, 8 * GIB), VERDICT_NO_FORK);
}

static void assert_sentence(const struct forecast *f, const char *expected)
{
	char sentence[256];

	forecast_sentence(f, sentence, sizeof(sentence));
	assert_string_equal(sentence, expected);
}

static void sentences(void **state)
{
	static struct forecast f = {
		.window_ns = 10000000000,
		.nr = 1,
		.headroom = { .cgroup_available = UINT64_MAX, .committable = GIB },
		.set.writable = 3 * GIB,
	};

	(void)state;
	f.headroom.available = GIB * 9 / 10 + 1000;
	f.at[0] = (struct forecast_time){ 60, { 315000, 267750, 340000 }, VERDICT_KILLED };
	assert_sentence(&f, "A save of 60 s would copy about 1.2 GiB (+-15 %); 921.6 MiB is "
			    "available: it would be killed.");
	f.at[0].verdict = VERDICT_FITS;
	f.at[0].seconds = 0.5;
	f.headroom.available = 4 * GIB;
	assert_sentence(&f, "A save of 0.5 s would copy about 1.2 GiB (+-15 %); 4.0 GiB is "
			    "available: it fits.");
	f.at[0].verdict = VERDICT_MAY_NOT_FIT;
	f.headroom.cgroup_available = 1 * GIB;
	assert_sentence(&f, "A save of 0.5 s would copy about 1.2 GiB (+-15 %); 1.0 GiB is "
			    "available: it may not fit.");
	f.at[0].verdict = VERDICT_SWAPS;
	assert_sentence(&f, "A save of 0.5 s would copy about 1.2 GiB (+-15 %); 1.0 GiB is "
			    "available: it would swap.");
	f.at[0].verdict = VERDICT_NO_FORK;
	assert_sentence(&f, "A save would fail: for fork, the kernel must promise 3 GiB, and 1 GiB "
			    "is left.");
	f.at[0] = (struct forecast_time){ 60, { 0, 0, 0 }, VERDICT_FITS };
	assert_sentence(&f, "A save of 60 s would copy nothing: no private page was written in "
			    "10 s.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_loads),	cmocka_unit_test(late_programs),
		cmocka_unit_test(unseen_pages), cmocka_unit_test(blind),
		cmocka_unit_test(bounds),	cmocka_unit_test(nothing),
		cmocka_unit_test(huge),		cmocka_unit_test(verdicts),
		cmocka_unit_test(sentences),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
