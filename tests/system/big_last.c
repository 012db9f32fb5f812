// SPDX-License-Identifier: GPL-2.0
/*
 * Exited rows that copied 1 MiB or more outlive those that copied less; and when only
 * live processes are left, faults go to `-` and `lost` says so.
 */
#include <unistd.h>

#include "harness.h"

#define BIG	257
#define LIVE	80

static char *pages;

static void write_n(void *arg)
{
	write_pages(pages, (size_t)arg);
}

static void wait_for_end(void *arg)
{
	(void)arg;
	write_pages(pages, 5);
	for (;;)
		pause();
}

int main(void)
{
	struct cow_row big, total;
	struct cow_table t;
	pid_t first, pid[LIVE];
	uint64_t lost;
	int i;

	pages = map_pages(BIG);
	load_module("max_rows=64");
	first = start_child(write_n, (void *)BIG);
	wait_child(first);
	for (i = 0; i < 500; i++)
		wait_child(start_child(write_n, (void *)1));
	ok(has_row(first), "the row that copied a MiB is still there after 500 small ones");
	big = row_of(first);
	ok(VALUE(big, ANON_COPIED) >= BIG, "and whole: %lu copied", VALUE(big, ANON_COPIED));

	for (i = 0; i < LIVE; i++)
		pid[i] = start_child(wait_for_end, NULL);
	usleep(300000);
	ok(!has_row(first), "it goes when live processes need its place");
	t = table_now();
	lost = t.lost.value;
	total = *cow_table_total(&t);
	cow_table_free(&t);
	ok(lost >= LIVE - 63, "faults of processes beyond 64 live ones: lost says %lu", lost);
	ok(VALUE(total, COPIED) >= BIG + 500 + LIVE * 5, "but all %lu are in the total",
	   VALUE(total, COPIED));
	is(VALUE(total, FORKS), 501 + LIVE, "and so are the forks");
	for (i = 0; i < LIVE; i++)
		kill_child(pid[i]);
	return done();
}
