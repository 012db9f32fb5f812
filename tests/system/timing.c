// SPDX-License-Identifier: GPL-2.0
/* timing on: each fault once in /proc/cowstat_latency, and in the sums of its process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static char *pages, *zeros, *reused;

/* The columns of the histogram: the outcomes, and the two phases of a copy. */
enum { COPY = COWSTAT_NR_OUTCOMES, SHOOTDOWN, NR_KINDS };

struct latency {
	uint64_t count[NR_KINDS];
	bool rising;	/* from_ns grows from line to line */
	bool other;	/* is a number, which it must not be */
	uint64_t to_ns; /* the last bucket's */
};

#define OUTCOME_WORD(ID, name)	" " #name

static struct latency latency_now(void)
{
	struct latency l = { .rising = true };
	FILE *f = fopen(COWSTAT_LATENCY_PATH, "r");
	char line[512], *word, *rest;
	uint64_t from, to;
	int i;

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "# cowstat_latency 1 ", 20) ||
	    !fgets(line, sizeof(line), f) ||
	    strcmp(line, "# from_ns to_ns" COWSTAT_OUTCOMES(OUTCOME_WORD) " copy shootdown\n"))
		bail("no " COWSTAT_LATENCY_PATH ", or not its header");
	while (fgets(line, sizeof(line), f)) {
		from = strtoull(line, &rest, 10);
		to = strtoull(rest, &rest, 10);
		l.rising = l.rising && from <= to && (!l.to_ns || from > l.to_ns);
		l.to_ns = to;
		for (i = 0; i < NR_KINDS; i++) {
			word = strtok_r(rest, " \n", &rest);
			if (!word)
				bail("not a line of the histogram");
			if (i == COWSTAT_OUTCOME_OTHER)
				l.other = l.other || strcmp(word, "-");
			else
				l.count[i] += strtoull(word, NULL, 10);
		}
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

/* A first touch is no copy, also for a thread whose last fault was one. */
static void write_both_and_fresh(void *arg)
{
	write_both(arg);
	write_pages(map_untouched(503), 503);
}

/* The last sharer writes: a child that shared the pages has come and gone. */
static void write_reused(void *arg)
{
	(void)arg;
	reused = map_pages(1009);
	outlive_child();
	write_pages(reused, 1009);
}

static bool timing_is_on(void)
{
	struct cow_table t = table_now();
	bool on = t.timing.value;

	cow_table_free(&t);
	return on;
}

static uint64_t missed_now(void)
{
	struct cow_table t = table_now();
	uint64_t missed = t.missed.value;

	cow_table_free(&t);
	return missed;
}

static bool times_are_known(void)
{
	struct cow_row total = total_now();

	return total.known[COWSTAT_COL_COPY_NS] || total.known[COWSTAT_COL_SHOOTDOWN_NS] ||
	       total.known[COWSTAT_COL_REUSE_NS];
}

int main(void)
{
	struct latency before, after;
	struct cow_row total, total_after, row;
	pid_t pid;

	pages = map_pages(MANY);
	zeros = map_untouched(997);
	is(latency_now().to_ns, 0, "nothing was timed yet");
	ok(!timing_is_on(), "timing is off after loading");
	ok(!times_are_known(), "copy_ns, shootdown_ns and reuse_ns are not known");
	is(control("timing on"), 0, "timing on");
	is(control("timing on"), 0, "timing on, again");
	ok(timing_is_on(), "the header says so");

	total = total_now();
	before = latency_now();
	pid = start_child(write_both_and_fresh, NULL);
	wait_child(pid);
	after = latency_now();
	total_after = total_now();
	ok(after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] >= MANY &&
		   after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] <=
			   GREW(total, total_after, COPIED),
	   "copied: %lu timed, %lu counted",
	   after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED],
	   GREW(total, total_after, COPIED));
	is(after.count[COWSTAT_OUTCOME_ZERO_FILLED] - before.count[COWSTAT_OUTCOME_ZERO_FILLED],
	   997, "zero_filled timed");
	is(after.count[COPY] - before.count[COPY],
	   after.count[COWSTAT_OUTCOME_COPIED] - before.count[COWSTAT_OUTCOME_COPIED] + 997,
	   "each copied or zero_filled page has a copy phase");
	is(after.count[SHOOTDOWN] - before.count[SHOOTDOWN], after.count[COPY] - before.count[COPY],
	   "and a shootdown phase");
	ok(!after.other, "other is not timed");
	ok(after.rising, "buckets rise");
	row = row_of(pid);
	ok(VALUE(row, COPY_NS) >= 100 * MANY, "copy_ns of the child: %lu", VALUE(row, COPY_NS));
	ok(VALUE(row, SHOOTDOWN_NS) > 0, "shootdown_ns of the child: %lu",
	   VALUE(row, SHOOTDOWN_NS));
	ok(GREW(total, total_after, COPY_NS) >= VALUE(row, COPY_NS), "copy_ns is in the total");

	before = latency_now();
	row = child_row(write_reused, NULL);
	after = latency_now();
	ok(after.count[COWSTAT_OUTCOME_REUSED] - before.count[COWSTAT_OUTCOME_REUSED] >= 1009,
	   "reused: %lu timed",
	   after.count[COWSTAT_OUTCOME_REUSED] - before.count[COWSTAT_OUTCOME_REUSED]);
	ok(VALUE(row, REUSE_NS) >= 10 * 1009, "reuse_ns: %lu", VALUE(row, REUSE_NS));
	total_after = total_now();
	is(missed_now(), 0, "none was missed");

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
	ok(!times_are_known(), "copy_ns, shootdown_ns and reuse_ns are not known again");
	is(control("timing on"), 0, "timing on, to be unloaded so");
	return done();
}
