// SPDX-License-Identifier: GPL-2.0
/*
 * The two phases of a copy. Where another thread of the process runs on another CPU, the old
 * translation has to go from that CPU, too: shootdown_ns grows. copy_ns does not wait for it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "harness.h"

#define N	509

struct shared {
	char *pages;
	bool with_other;
};

static atomic_int other_runs, over;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bail("no CPU %d", cpu);
}

static void *spin(void *arg)
{
	run_on(1);
	other_runs = 1;
	while (!over)
		;
	return arg;
}

static void write_with_or_without(void *arg)
{
	struct shared *shared = arg;
	pthread_t thread;

	run_on(0);
	if (shared->with_other && pthread_create(&thread, NULL, spin, NULL))
		bail("no thread");
	while (shared->with_other && !other_runs)
		sched_yield();
	write_pages(shared->pages, N);
	over = 1;
	if (shared->with_other)
		pthread_join(thread, NULL);
}

int main(void)
{
	struct shared shared = { .pages = map_pages(N) };
	uint64_t alone, together;
	struct cow_row row;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		bail("two CPUs are wanted");
	is(control("timing on"), 0, "timing on");
	row = child_row(write_with_or_without, &shared);
	alone = VALUE(row, SHOOTDOWN_NS) / VALUE(row, COPIED);
	ok(VALUE(row, COPIED) >= N, "one thread: %lu copied", VALUE(row, COPIED));
	note("one thread: copy %lu ns, shootdown %lu ns a page",
	     VALUE(row, COPY_NS) / VALUE(row, COPIED), alone);

	shared.with_other = true;
	row = child_row(write_with_or_without, &shared);
	together = VALUE(row, SHOOTDOWN_NS) / VALUE(row, COPIED);
	ok(VALUE(row, COPIED) >= N, "two threads on two CPUs: %lu copied", VALUE(row, COPIED));
	note("two threads: copy %lu ns, shootdown %lu ns a page",
	     VALUE(row, COPY_NS) / VALUE(row, COPIED), together);
	ok(together > 2 * alone,
	   "two threads on two CPUs: shootdown_ns grows from %lu to %lu a page", alone, together);
	is(control("timing off"), 0, "timing off");
	return done();
}
