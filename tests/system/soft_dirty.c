// SPDX-License-Identifier: GPL-2.0
/*
 * Soft-dirty tracking (clear_refs, as CRIU uses it) write-protects every page of a process.
 * Pages that nobody shares are then reused; shared ones are copied as they would be anyway.
 */
#include <sys/mman.h>

#include "harness.h"

#define N	307

static char *shared;

static void write_own(void *arg)
{
	char *own = map_pages(N);

	set_file("/proc/self/clear_refs", "4");
	write_pages(own, *(size_t *)arg);
}

static void write_shared(void *arg)
{
	set_file("/proc/self/clear_refs", "4");
	write_pages(shared, *(size_t *)arg);
}

int main(void)
{
	struct cow_row none, some;

	shared = map_pages(N);
	child_rows(write_own, N, &none, &some);
	is(GREW(none, some, REUSED), N, "its own pages: reused");
	is(GREW(none, some, COPIED), 0, "its own pages: not copied");
	child_rows(write_shared, N, &none, &some);
	is(GREW(none, some, COPIED), N, "shared pages: copied");
	is(GREW(none, some, REUSED), 0, "shared pages: not reused");
	return done();
}
