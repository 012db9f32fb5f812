// SPDX-License-Identifier: GPL-2.0
/*
 * A thread writes shared pages while another throws them away: whatever comes of each fault,
 * none is counted twice or lost, and no page is copied more often than it was shared.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define N	2003
#define ROUNDS	5

static char *pages;
static volatile int writing;

static void *throw_away(void *arg)
{
	unsigned int x = 1;

	while (writing) {
		x = x * 1103515245 + 12345;
		madvise(pages + (x >> 8) % N * PAGE, PAGE, MADV_DONTNEED);
	}
	return arg;
}

static void write_and_throw_away(void *arg)
{
	pthread_t other;

	writing = 1;
	if (pthread_create(&other, NULL, throw_away, NULL))
		_exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		read_pages(pages, *(size_t *)arg);
		write_pages(pages, *(size_t *)arg);
	}
	writing = 0;
	pthread_join(other, NULL);
}

int main(void)
{
	struct cow_row none, some;

	use_all_cpus();
	pages = map_pages(N);
	child_rows(write_and_throw_away, N, &none, &some);
	note("copied %lu, zero_filled %lu, reused %lu, other %lu", GREW(none, some, COPIED),
	     VALUE(some, ZERO_FILLED), VALUE(some, REUSED), VALUE(some, OTHER));
	ok(GREW(none, some, COPIED) > 0 && GREW(none, some, COPIED) <= N + 4,
	   "%lu of %d shared pages copied", GREW(none, some, COPIED), N);
	ok(VALUE(some, ZERO_FILLED) > 0, "%lu read again as zero and written",
	   VALUE(some, ZERO_FILLED));
	return done();
}
