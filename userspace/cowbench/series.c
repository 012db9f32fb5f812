// SPDX-License-Identifier: GPL-2.0
/* Values of one figure over several runs, and their statistics. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "series.h"

/**
 * series_add() - append a value
 * @s: the series
 * @value: the value
 *
 * Ends the program if memory runs out.
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
 * series_free() - free the memory of a series
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
 * series_at() - a percentile, by nearest rank: always one of the values
 * @s: the series; its order does not change
 * @percent: 0 is the smallest, 50 the median, 100 the largest
 *
 * The median of an even number of values is the lower one of the middle two. Ends the program
 * if memory runs out.
 *
 * Return: the value; 0 for an empty series.
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
 * series_sum() - sum of all values
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
 * Return: the mean; 0 for an empty series.
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
 * series_deviation() - sample standard deviation
 * @s: the series
 *
 * Return: the deviation, with n - 1 in the denominator; 0 for fewer than two values.
 */
double series_deviation(const struct series *s)
{
	double mean = series_mean(s), sum = 0;
	size_t i;

	if (s->nr < 2)
		return 0;
	/* Sum squared differences: squares of nanoseconds would lose significant digits. */
	for (i = 0; i < s->nr; i++)
		sum += (s->value[i] - mean) * (s->value[i] - mean);
	return sqrt(sum / (s->nr - 1));
}
