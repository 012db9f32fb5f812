/* SPDX-License-Identifier: GPL-2.0 */
/* The scenarios that cowbench measures. */
#ifndef COWSTAT_SCENARIO_H
#define COWSTAT_SCENARIO_H

#include "result.h"

/* Options that not every scenario takes. */
enum takes {
	TAKES_EXEC = 1,
	TAKES_WRITER = 2,
	TAKES_SHARE = 4, /* and the order */
	TAKES_WORKERS = 8,
	TAKES_SNAPSHOT = 16, /* duration and rate */
};

/**
 * struct scenario - something that can be measured
 * @name: on the command line
 * @help: one line of --help
 * @count: default number of measured runs
 * @warmup: default number of runs before those
 * @copies: memory that it needs, as a multiple of the size; workers need more
 * @takes: set of enum takes
 * @run: measures: fills in the subjects of a result
 * @print: prints a result as text
 * @sweep: of results at several sizes: the columns that are printed
 */
struct scenario {
	const char *name;
	const char *help;
	uint64_t count;
	uint64_t warmup;
	unsigned int copies;
	unsigned int takes;
	void (*run)(struct result *result, const struct region *r);
	void (*print)(const struct result *r, const struct machine *m);
	struct sweep sweep;
};

extern const struct scenario scenarios[];
extern const size_t nr_scenarios;

const struct scenario *find_scenario(const char *name);
bool scenario_possible(const struct scenario *s, const struct bench_options *o, char *why,
		       size_t len);
void scenario_run(const struct scenario *s, const struct bench_options *o, struct result *result);

#endif /* COWSTAT_SCENARIO_H */
