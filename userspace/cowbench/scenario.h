/* SPDX-License-Identifier: GPL-2.0 */
/* What cowbench can measure. */
#ifndef COWSTAT_SCENARIO_H
#define COWSTAT_SCENARIO_H

#include "result.h"

/* Options that not every scenario takes. */
enum takes {
	TAKES_EXEC = 1,
	TAKES_WRITER = 2,
	TAKES_SHARE = 4,	/* and the order */
	TAKES_WORKERS = 8,
	TAKES_SNAPSHOT = 16,	/* duration and rate */
};

/**
 * struct scenario - something that can be measured
 * @name: on the command line
 * @help: one line of --help
 * @count: runs, unless told
 * @warmup: runs before those, unless told
 * @copies: times the memory that it needs, and with workers what they copy
 * @takes: set of enum takes
 * @run: measures: fills in a result's subjects
 */
struct scenario {
	const char *name;
	const char *help;
	uint64_t count;
	uint64_t warmup;
	unsigned int copies;
	unsigned int takes;
	void (*run)(struct result *result, const struct region *r);
};

extern const struct scenario scenarios[];
extern const size_t nr_scenarios;

const struct scenario *find_scenario(const char *name);
bool scenario_possible(const struct scenario *s, const struct bench_options *o, char *why,
		       size_t len);
void scenario_run(const struct scenario *s, const struct bench_options *o,
		  struct result *result);

#endif /* COWSTAT_SCENARIO_H */
