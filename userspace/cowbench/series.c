// SPDX-License-Identifier: GPL-2.0
/* What was measured of one thing, again and again, and what can be said about it. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "series.h"

/**
 * series_add() - one more value
 * @s: the series
 * @value: what was measured
 *
 * Ends the program when memory is out.
 */
void series_add(struct series *s, uint64_t value)
{
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 16;
		s->value = reallocarray(s->value, s->room, sizeof(*s->value));
		if (!s->value)
			err(EXIT_FAILURE, NULL);
	}
	s->value[s->nr++] = value;
}

/**
 * series_free() - give a series's memory back
 * @s: empty afterwards
 */
void series_free(struct series *s)
{
	free(s->value);
	memset(s, 0, sizeof(*s));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/**
 * series_at() - a percentile, by nearest rank: a value that was measured
 * @s: the series; its order stays
 * @percent: 0 is the smallest, 50 the median, 100 the largest
 *
 * Of an even number of values the median is the lower one of the middle two. Ends the
 * program when memory is out.
 *
 * Return: the value; 0 of an empty series.
 */
uint64_t series_at(const struct series *s, unsigned int percent)
{
	size_t rank = (s->nr * percent + 99) / 100;
	uint64_t *sorted, value;

	if (!s->nr)
		return 0;
	sorted = malloc(s->nr * sizeof(*sorted));
	if (!sorted)
		err(EXIT_FAILURE, NULL);
	memcpy(sorted, s->value, s->nr * sizeof(*sorted));
	qsort(sorted, s->nr, sizeof(*sorted), by_value);
	value = sorted[rank ? rank - 1 : 0];
	free(sorted);
	return value;
}

/**
 * series_sum() - all values added up
 * @s: the series
 *
 * Return: the sum, modulo 2^64.
 */
uint64_t series_sum(const struct series *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->nr; i++)
		sum += s->value[i];
	return sum;
}

/**
 * series_mean() - the arithmetic mean
 * @s: the series
 *
 * Return: the mean; 0 of an empty series.
 */
double series_mean(const struct series *s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->nr; i++)
		sum += s->value[i];
	return s->nr ? sum / s->nr : 0;
}

/**
 * series_deviation() - the standard deviation of what the values are a sample of
 * @s: the series
 *
 * Return: with n - 1 in the denominator; 0 of less than two values.
 */
double series_deviation(const struct series *s)
{
	double mean = series_mean(s), sum = 0;
	size_t i;

	if (s->nr < 2)
		return 0;
	/* Around the mean: squares of nanoseconds would lose the digits that matter. */
	for (i = 0; i < s->nr; i++)
		sum += (s->value[i] - mean) * (s->value[i] - mean);
	return sqrt(sum / (s->nr - 1));
}
