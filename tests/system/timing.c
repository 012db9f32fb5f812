// SPDX-License-Identifier: GPL-2.0
/* timing on: each fault once in /proc/cowstat_latency, in its outcome's column. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

static char *pages, *zeros;

struct latency {
	uint64_t count[COWSTAT_NR_OUTCOMES];
	bool rising;		/* from_ns grows from line to line */
	uint64_t to_ns;		/* the last bucket's */
};

#define OUTCOME_WORD(ID, name)	" " #name

static struct latency latency_now(void)
{
	struct latency l = { .rising = true };
	unsigned long long from, to, n[COWSTAT_NR_OUTCOMES];
	FILE *f = fopen(COWSTAT_LATENCY_PATH, "r");
	char line[512];

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "# cowstat_latency 1 ", 20) ||
	    !fgets(line, sizeof(line), f) ||
	    strcmp(line, "# from_ns to_ns" COWSTAT_OUTCOMES(OUTCOME_WORD) "\n"))
		bail("no " COWSTAT_LATENCY_PATH ", or not its header");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llu %llu %llu %llu %llu %llu %llu", &from, &to, &n[0], &n[1],
			   &n[2], &n[3], &n[4]) != 2 + COWSTAT_NR_OUTCOMES)
			bail("not a line of the histogram: %s", line);
		l.rising = l.rising && from <= to && (!l.to_ns || from > l.to_ns);
		l.to_ns = to;
		for (int i = 0; i < COWSTAT_NR_OUTCOMES; i++)
			l.count[i] += n[i];
	}
	fclose(f);
	return l;
}

static void write_both(void *arg)
{
	(void)arg;
	read_pages(zeros, 997);
	write_pages(zeros, 997);
	write_pages(pages, MANY);
}

static bool timing_is_on(void)
{
	struct cow_table t = table_now();
	bool on = t.timing.value;

	cow_table_free(&t);
	return on;
}

int main(void)
{
	struct latency before, after;
	struct cow_row total, total_after;
	pid_t pid;

	pages = map_pages(MANY);
	zeros = map_untouched(997);
	is(latency_now().to_ns, 0, "nothing was timed yet");
	ok(!timing_is_on(), "timing is off after loading");
	is(control("timing on"), 0, "timing on");
	is(control("timing on"), 0, "timing on, again");
	ok(timing_is_on(), "the header says so");

	total = total_now();
	before = latency_now();
	pid = start_child(write_both, NULL);
	wait_child(pid);
	after = latency_now();
	total_after = total_now();
	ok(after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] >= MANY &&
	   after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] <=
	   GREW(total, total_after, COPIED), "copied: %lu timed, %lu counted",
	   after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED],
	   GREW(total, total_after, COPIED));
	is(after.count[COWSTAT_OUTCOME_ZERO_FILLED] - before.count[COWSTAT_OUTCOME_ZERO_FILLED],
	   997, "zero_filled timed");
	is(after.count[COWSTAT_OUTCOME_OTHER] - before.count[COWSTAT_OUTCOME_OTHER], 0,
	   "no other");
	ok(after.rising, "buckets rise");

	is(control("counting off"), 0, "counting off");
	before = latency_now();
	wait_child(start_child(write_both, NULL));
	after = latency_now();
	ok(!memcmp(before.count, after.count, sizeof(before.count)), "nothing is timed while off");
	is(control("counting on"), 0, "counting on");
	ok(timing_is_on(), "timing is on again with it");
	before = latency_now();
	wait_child(start_child(write_both, NULL));
	after = latency_now();
	ok(after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] >= MANY,
	   "and works");

	is(control("timing off"), 0, "timing off");
	ok(!timing_is_on(), "the header says so");
	before = latency_now();
	wait_child(start_child(write_both, NULL));
	after = latency_now();
	ok(!memcmp(before.count, after.count, sizeof(before.count)), "nothing is timed");
	is(control("reset"), 0, "reset");
	is(latency_now().to_ns, 0, "reset empties the histogram");
	is(control("timing on"), 0, "timing on, to be unloaded so");
	return done();
}
