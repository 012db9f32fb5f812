// SPDX-License-Identifier: GPL-2.0
/*
 * More processes than there are rows, than there are pids, than a machine likes: nothing is
 * lost from the total, memory stays what it was at load.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define WRITES		3
#define LIVING		20	/* who share our pages throughout, so that writing copies */
#define GROUP		"/sys/fs/cgroup/cowstat-bomb"
#define BOMBS		200
#define MAX_PIDS	1009

static char *pages;

/* By then our parent waits: who is the first to write a page that both do is no race. */
static void write_few(void *arg)
{
	usleep(1000);
	write_pages(pages, (size_t)arg);
}

/* children(): n of them, one after the other, each of which writes some pages. */
static void children(size_t n, size_t writes)
{
	for (size_t i = 0; i < n; i++) {
		wait_child(start_child(write_few, (void *)writes));
		if (i % 5000 == 4999)
			note("%zu of %zu processes", i + 1, n);
	}
}

/* Pages that others than ourselves copied: ours are a race with our children's ends. */
static uint64_t copied_by_others(const struct cow_table *t)
{
	return VALUE(*cow_table_total(t), ANON_COPIED) -
	       VALUE(*cow_table_find(t, getpid()), ANON_COPIED);
}

/* The table has @rows rows, under @n processes and ourselves. */
static void full_table(const char *params, size_t rows, size_t n)
{
	struct gate end = gate_make();
	struct cow_table t[3];
	struct cow_row ours;
	pid_t living[LIVING];
	size_t i, all = 1 + LIVING + 1 + n;

	load_module(params);
	ours = row_of(getpid());
	for (i = 0; i < LIVING; i++)
		living[i] = start_child(wait_at_gate, &end);
	children(1, 0); /* what a first time costs */
	t[0] = table_now();
	children(n / 2, 0);
	t[1] = table_now();
	children(n / 2, WRITES);
	t[2] = table_now();

	is(t[2].rows.value, rows < all ? rows : all, "%s: rows under %zu processes", params, all);
	is(t[2].folded.value, all > rows ? all - rows : 0, "%s: the others were folded", params);
	is(t[2].lost.value, 0, "%s: no fault was without a row", params);
	/* What a child copies anyway is the same in both halves. */
	is(copied_by_others(&t[2]) - copied_by_others(&t[1]) -
		   (copied_by_others(&t[1]) - copied_by_others(&t[0])),
	   n / 2 * WRITES, "%s: the total has every page that was written", params);
	is(GREW(ours, *cow_table_find(&t[2], getpid()), FORKS), all - 1,
	   "%s: and our row every fork", params);
	for (i = 0; i < LIVING; i++)
		gate_open(&end);
	for (i = 0; i < LIVING; i++)
		wait_child(living[i]);
	for (i = 0; i < 3; i++)
		cow_table_free(&t[i]);
}

/* Pids are so few that each is had several times: every holder has a row of its own. */
static void pid_wrap(void)
{
	size_t n = long_run() ? MAX_PIDS : 509, i, twins = 0, wrong = 0;
	uint64_t start[MAX_PIDS];
	struct cow_row row, none;
	struct cow_table t;
	pid_t pid[MAX_PIDS];
	char before[32];
	FILE *file = fopen("/proc/sys/kernel/pid_max", "r");

	if (!file || !fgets(before, sizeof(before), file))
		bail("no pid_max");
	fclose(file);
	load_module("max_rows=2048");
	set_file("/proc/sys/kernel/pid_max", "600");
	none = child_row(write_few, (void *)0);
	for (i = 0; i < n; i++) {
		pid[i] = start_child(write_few, (void *)(i % 7));
		wait_child(pid[i]);
		row = row_of(pid[i]); /* of several it is the youngest */
		start[i] = VALUE(row, START_NS);
		wrong += GREW(none, row, COPIED) != i % 7 || (i && start[i] <= start[i - 1]);
	}
	set_file("/proc/sys/kernel/pid_max", before);
	is(wrong, 0, "pids are used again: each of %zu children has its own row and figures", n);
	t = table_now();
	for (i = 0, wrong = 0; i < n; i++) {
		size_t j, same = 0, exact = 0;

		for (j = 0; j < t.nr; j++) {
			if (t.row[j].kind != COW_ROW_PROCESS || t.row[j].pid != pid[i])
				continue;
			same++;
			exact += VALUE(t.row[j], START_NS) == start[i];
		}
		twins += same > 1;
		wrong += exact != 1;
	}
	is(wrong, 0, "and keeps it when another gets its pid");
	ok(twins > n / 4, "%zu shared theirs with others", twins);
	cow_table_free(&t);
}

static void bomb(void *arg)
{
	(void)arg;
	set_file(GROUP "/cgroup.procs", "0");
	for (;;) {
		if (!fork())
			write_pages(pages, WRITES);
	}
}

static uint64_t forks_now(void)
{
	struct cow_row total = total_now();

	return VALUE(total, FORKS);
}

/* It is told to stop by one write to its group. */
static void fork_bomb(void)
{
	struct cow_row before, after;
	struct cow_table t;
	char text[32];
	int tries = 0;
	FILE *file;
	pid_t pid;

	load_module("max_rows=256");
	before = total_now();
	set_file("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
	if (mkdir(GROUP, 0755))
		bail("mkdir " GROUP ": errno %d", errno);
	snprintf(text, sizeof(text), "%d", BOMBS);
	set_file(GROUP "/pids.max", text);
	pid = start_child(bomb, NULL);
	if (long_run())
		sleep(60);
	/* A kernel that checks itself forks slowly. */
	for (tries = 0; tries < 1200 && forks_now() - VALUE(before, FORKS) < BOMBS - 1; tries++)
		usleep(100000);
	tries = 0;
	kill_group(GROUP);
	wait_child_any(pid);
	do {
		usleep(50000);
		file = fopen(GROUP "/cgroup.events", "r");
		if (!file || fscanf(file, "populated %31s", text) != 1)
			bail("no cgroup.events");
		fclose(file);
	} while (strcmp(text, "0") && ++tries < 1200);
	ok(!strcmp(text, "0"), "the bomb's processes have all ended");
	rmdir(GROUP);

	after = total_now();
	ok(GREW(before, after, FORKS) >= BOMBS - 1, "a fork bomb: %lu forks",
	   GREW(before, after, FORKS));
	ok(GREW(before, after, ANON_COPIED) > 0, "and %lu pages copied",
	   GREW(before, after, ANON_COPIED));
	t = table_now();
	ok(t.rows.value <= 256, "in %lu rows", t.rows.value);
	is(t.lost.value, 0, "no fault was without a row");
	cow_table_free(&t);
}

int main(void)
{
	pages = map_pages(7);
	full_table("max_rows=64", 64, long_run() ? 20000 : 300);
	pid_wrap();
	fork_bomb();
	if (long_run())
		full_table("max_rows=131072", 131072, 100000);
	return done();
}
