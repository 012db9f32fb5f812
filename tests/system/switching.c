// SPDX-License-Identifier: GPL-2.0
/*
 * Counting is switched on and off, reset and loaded while a process copies as fast as it can.
 * No fault is torn in two: none of these copies shows as `other`. And a child that is
 * forked while counting is being switched on has either birth figures and all its copies, or
 * no birth figures.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PAGES		2048
#define CYCLES		3
#define WRITTEN		64	/* by each child, of the pages that it shares */

/* What the writer and the forker share with us. */
static struct shared {
	volatile unsigned long faults;
	volatile bool stop;
} *shared;

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

/* A process whose every write is a copy: a child that never writes shares its pages. */
static void write_fast(void *arg)
{
	char *pages = map_pages(PAGES);

	(void)arg;
	for (;;) {
		pid_t sharer = fork();
		size_t i;

		if (!sharer)
			sleep_for_ever();
		if (sharer < 0)
			_exit(1);
		for (i = 0; i < PAGES; i++) {
			pages[i * PAGE]++;
			shared->faults++;
		}
		kill(sharer, SIGKILL);
		waitpid(sharer, NULL, 0);
	}
}

static void let_write(void)
{
	unsigned long from = shared->faults;

	while (shared->faults < from + 3 * PAGES)
		usleep(1000);
}

/* The writer's row after it has written for a while. */
static struct cow_row writer_row(pid_t writer, const char *when)
{
	struct cow_row before, row;

	let_write();
	before = row_of(writer);
	let_write();
	row = row_of(writer);
	ok(GREW(before, row, COPIED) >= PAGES, "%s: %lu more copies", when,
	   GREW(before, row, COPIED));
	ok(VALUE(row, OTHER) <= 1, "%s: no copy shows as other (%lu do)", when, VALUE(row, OTHER));
	return row;
}

static void switch_under_load(pid_t writer)
{
	struct cow_row row, off;

	for (int i = 0; i < CYCLES; i++) {
		is(control("counting off"), 0, "counting off");
		row = row_of(writer);
		let_write();
		off = row_of(writer);
		is(GREW(row, off, WP_FAULTS), 0, "nothing is counted while counting is off");
		is(control("counting on"), 0, "counting on");
		writer_row(writer, "off and on");
	}
	is(control("reset"), 0, "reset");
	writer_row(writer, "reset");
	unload_module();
	load_module("");
	writer_row(writer, "loaded");
}

/* Children that write some of the pages that they share with us, one after the other. */
static void fork_fast(void *arg)
{
	char *pages = map_pages(WRITTEN);

	(void)arg;
	while (!shared->stop) {
		pid_t child = fork();

		if (!child) {
			write_pages(pages, WRITTEN);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		shared->faults++;
	}
}

static unsigned long known, unknown, wrong;

static void look_at_children(pid_t forker)
{
	struct cow_table t = table_now();

	for (size_t i = 0; i < t.nr; i++) {
		const struct cow_row *row = &t.row[i];

		if (row->value[COWSTAT_COL_PPID] != (uint64_t)forker ||
		    !row->known[COWSTAT_COL_PPID])
			continue;
		if (!row->known[COWSTAT_COL_BIRTH_ANON_PAGES]) {
			unknown++;
			continue;
		}
		known++;
		wrong += VALUE(*row, ANON_COPIED) < WRITTEN;
	}
	cow_table_free(&t);
}

static void fork_while_switched_on(void)
{
	for (int i = 0; i < CYCLES; i++) {
		pid_t forker;

		is(control("reset"), 0, "reset");
		is(control("counting off"), 0, "counting off");
		shared->stop = false;
		forker = start_child(fork_fast, NULL);
		usleep(100000);
		is(control("counting on"), 0, "counting on");
		for (unsigned long from = shared->faults; shared->faults < from + 20;)
			usleep(1000);
		shared->stop = true;
		wait_child(forker);
		look_at_children(forker);
	}
	ok(known >= 10 * CYCLES, "%lu children have birth figures", known);
	is(wrong, 0, "each of them has all its copies");
	is(unknown, 0, "nothing is known of a birth that was not counted");
}

int main(void)
{
	pid_t writer;

	use_all_cpus();
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail("no shared memory");
	writer = start_child(write_fast, NULL);
	writer_row(writer, "at first");
	switch_under_load(writer);
	kill_child(writer);
	fork_while_switched_on();
	return done();
}
