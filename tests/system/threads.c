// SPDX-License-Identifier: GPL-2.0
/*
 * Threads: their faults are their process's; and two that race for the same shared
 * pages make one copy of each, however often the loser finds the winner's page there.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

#define RACE_PAGES	20000
#define THREADS		7

static char *pages;
static size_t per_thread, nr_raced;

static void *write_share(void *arg)
{
	write_pages(pages + (size_t)arg * per_thread * PAGE, per_thread);
	return NULL;
}

static void many_threads(void *arg)
{
	pthread_t thread[THREADS];
	size_t i;

	(void)arg;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, write_share, (void *)i))
			_exit(1);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void racing_pair(void *arg)
{
	(void)arg;
	race_pages(pages, nr_raced);
}

int main(void)
{
	struct cow_row none, some;

	use_all_cpus();
	pages = map_pages(RACE_PAGES);

	per_thread = 0;
	none = child_row(many_threads, NULL);
	per_thread = 503;
	some = child_row(many_threads, NULL);
	/* Thread stacks and the heap make a fault more or less in either run. */
	ok(llabs((long long)GREW(none, some, COPIED) - THREADS * 503) <= 2 * THREADS,
	   "%d threads, one row: %lu copied of %d", THREADS, GREW(none, some, COPIED),
	   THREADS * 503);
	is(VALUE(some, FORKS), 0, "making threads is not forking");
	is(VALUE(some, VFORKS), 0, "nor vforking");

	nr_raced = 0;
	none = child_row(racing_pair, NULL);
	nr_raced = RACE_PAGES;
	some = child_row(racing_pair, NULL);
	ok(llabs((long long)GREW(none, some, COPIED) - RACE_PAGES) <= 4,
	   "two threads racing over %d pages: %lu copied, each once", RACE_PAGES,
	   GREW(none, some, COPIED));
	ok(GREW(none, some, WP_FAULTS) >= RACE_PAGES,
	   "%lu write-protect faults, %lu of them races lost", GREW(none, some, WP_FAULTS),
	   GREW(none, some, OTHER));
	return done();
}
