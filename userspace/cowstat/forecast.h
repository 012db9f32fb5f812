/* SPDX-License-Identifier: GPL-2.0 */
/* What a fork of a process would cost: what is known, put together. view_forecast.c shows it. */
#ifndef COWSTAT_FORECAST_H
#define COWSTAT_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "growth.h"
#include "headroom.h"
#include "openmetrics.h"
#include "working_set.h"

#define FORECAST_MAX_TIMES	16
#define FORECAST_MAX_MAPPINGS	8

/* How fork's time was found out. */
enum fork_how {
	FORK_PAST,     /* its last fork took that long, for each page that it shared */
	FORK_MEASURED, /* a fork of cowstat's own took that long, for each page */
	FORK_UNKNOWN,  /* that fork failed */
};

/**
 * struct forecast_time - the forecast for one life of the child
 * @seconds: how long the child lives
 * @pages: what the process would copy
 * @verdict: does it fit
 */
struct forecast_time {
	double seconds;
	struct estimate pages;
	enum verdict verdict;
};

/**
 * struct forecast_mapping - what one mapping, or all with the same name, have of it
 * @name: as in /proc/PID/maps; "" if anonymous, NULL for all others
 * @from: the first address; 0 for several mappings
 * @pages: private pages
 * @copied: what would be copied in the time that the sentence is about
 */
struct forecast_mapping {
	const char *name;
	uint64_t from;
	uint64_t pages;
	struct estimate copied;
};

/**
 * struct forecast - what a fork of a process would cost
 * @set: its private pages, watched
 * @rest: the sum of those mappings that are written little
 * @window_ns: for how long they were watched
 * @comm: its name
 * @at: the forecasts, by time
 * @nr: how many
 * @main: the one that the sentence and the mappings are about
 * @mapping: the mappings that pay most, the first one most
 * @nr_mappings: how many
 * @fork_ns: how long fork would take
 * @fork_how: how that is known
 * @headroom: memory left
 * @faults: what watching cost the process, as the table counted them
 * @faults_known: it did; else only the pages that it wrote are known
 * @unwatched: pages in mappings that grew and could not be watched to the end
 * @split: its huge pages were split before
 */
struct forecast {
	struct working_set set;
	struct working_mapping rest;
	uint64_t window_ns;
	char comm[64];
	struct forecast_time at[FORECAST_MAX_TIMES];
	size_t nr, main;
	struct forecast_mapping mapping[FORECAST_MAX_MAPPINGS + 1];
	size_t nr_mappings;
	uint64_t fork_ns;
	enum fork_how fork_how;
	struct headroom headroom;
	uint64_t faults;
	bool faults_known;
	uint64_t unwatched;
	bool split;
};

void forecast_make(struct forecast *f);
struct estimate forecast_at(const struct forecast *f, double seconds);
void forecast_free(struct forecast *f);
int forecast_measure_fork(uint64_t entries, uint64_t *ns);
void forecast_sentence(const struct forecast *f, char *to, size_t size);

void forecast_print(const struct forecast *f, FILE *to);
int forecast_json(const struct forecast *f, FILE *to);
void forecast_metrics(const struct forecast *f, const struct metrics *m);
void forecast_picture(const struct forecast *f, const char *path);
struct text forecast_seconds(double seconds);

#endif /* COWSTAT_FORECAST_H */
