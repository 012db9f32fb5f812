// SPDX-License-Identifier: GPL-2.0
/*
 * One user has more sleeping processes than the table has rows, and starts ever more. Root's
 * processes get rows all the same, what they did stays in the table, and a copy of theirs costs
 * what it cost before.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "harness.h"

#define NOBODY		65534
#define SHELLS		40
#define MAX_CROWD	11000
#define WRITES		3
#define PATIENCE_MS	240000

#define COPIES		1009
/*
 * A copy of root's may cost one in so many more. Only a clock that counts instructions (the guard of
 * the budgets has one) is exact enough to tell.
 */
#define COSTS_MORE	100

static char *pages;
static atomic_uint *born;
static uint64_t *cycles; /* of each copy */

/* The user's process's own: its sleepers. */
static pid_t sleeper[MAX_CROWD];
static size_t sleepers;

/* By a process of the user's: n sleepers, each of which has written a page. */
static void start_sleepers(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			write_pages(pages, 1);
			atomic_fetch_add(born, 1);
			for (;;)
				pause();
		}
		if (pid < 0)
			_exit(1);
		sleeper[sleepers++] = pid;
	}
}

/* One after the other: thousands that exit at once keep a CPU for longer than RCU likes. */
static void end_sleepers(void)
{
	while (sleepers--) {
		kill(sleeper[sleepers], SIGKILL);
		waitpid(sleeper[sleepers], NULL, 0);
	}
}

struct crowd {
	size_t at_first, later;
	struct gate more, end;
};

static void user(void *arg)
{
	struct crowd *crowd = arg;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	start_sleepers(crowd->at_first);
	gate_wait(&crowd->more);
	start_sleepers(crowd->later);
	gate_wait(&crowd->end);
	end_sleepers();
}

static void await_born(size_t n)
{
	for (int ms = 0; atomic_load(born) < n; ms++) {
		if (ms == PATIENCE_MS)
			bail("only %u sleepers", atomic_load(born));
		usleep(1000);
	}
}

static void count_me(void *arg)
{
	(void)arg;
	write_pages(pages, WRITES);
}

static void time_copies(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COPIES; i++) {
		uint64_t begin = __rdtsc();

		write_pages(pages + i * PAGE, 1);
		cycles[i] = __rdtsc() - begin;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median of a root child's copies; in instructions where the VM's clock counts them. */
static uint64_t copy_cost(void)
{
	wait_child(start_child(time_copies, NULL));
	qsort(cycles, COPIES, sizeof(*cycles), compare);
	return cycles[COPIES / 2];
}

/* How many of the shells have a row that says what they did. */
static size_t counted(const struct cow_table *t, const pid_t *pid)
{
	size_t i, n = 0;

	for (i = 0; i < SHELLS; i++) {
		const struct cow_row *row = cow_table_find(t, pid[i]);

		n += row && row->value[COWSTAT_COL_ANON_COPIED] >= WRITES &&
		     row->known[COWSTAT_COL_BIRTH_ANON_PAGES] && row->state == 'X';
	}
	return n;
}

int main(void)
{
	struct crowd crowd = {
		.at_first = long_run() ? 10000 : 350,
		.later = long_run() ? 1000 : 100,
		.more = gate_make(),
		.end = gate_make(),
	};
	size_t rows = long_run() ? 8192 : 256;
	struct cow_row before, after;
	struct cow_table t;
	pid_t pid[SHELLS], user_pid;
	uint64_t cost, crowded;
	char text[32];
	size_t i;

	pages = map_pages(MANY);
	born = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cycles = mmap(NULL, COPIES * sizeof(*cycles), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (born == MAP_FAILED || cycles == MAP_FAILED)
		bail("mmap: errno %d", errno);
	snprintf(text, sizeof(text), "max_rows=%zu", rows);
	load_module(text);
	cost = copy_cost();
	user_pid = start_child(user, &crowd);
	await_born(crowd.at_first);
	t = table_now();
	is(t.rows.value, rows, "a user's %zu sleepers have taken all rows", crowd.at_first);
	cow_table_free(&t);

	before = total_now();
	for (i = 0; i < SHELLS; i++) {
		pid[i] = start_child(count_me, NULL);
		wait_child(pid[i]);
	}
	t = table_now();
	is(counted(&t, pid), SHELLS, "root's shells have rows, each with what it copied");
	cow_table_free(&t);
	after = total_now();
	ok(GREW(before, after, ANON_COPIED) >= SHELLS * WRITES, "and so has the total");
	is(GREW(before, after, FORKS), SHELLS, "forks");

	crowded = copy_cost();
	note("report: a copy of root's took %" PRIu64 " cycles, then %" PRIu64
	     " beside %zu sleepers",
	     cost, crowded, crowd.at_first);
	if (getenv("COWSTAT_ICOUNT"))
		ok(crowded <= cost + cost / COSTS_MORE,
		   "a copy of root's costs what it cost before");
	before = total_now();

	gate_open(&crowd.more);
	await_born(crowd.at_first + crowd.later);
	t = table_now();
	is(counted(&t, pid), SHELLS, "which %zu more sleepers do not drive out", crowd.later);
	cow_table_free(&t);
	/* Its sleepers have been idle for long enough to give their rows to it. */
	after = total_now();
	is(GREW(before, after, FORKS), crowd.later, "the user's forks are in the total");
	gate_open(&crowd.end);
	wait_child(user_pid);
	return done();
}
