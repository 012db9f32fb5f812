// SPDX-License-Identifier: GPL-2.0
/* Processes that do nothing but make threads, and exit while those still run. */
#include <pthread.h>
#include <unistd.h>

#include "harness.h"

#define BOMBS	40
#define THREADS	50

static char *pages;

static void *spin(void *arg)
{
	write_pages(pages, 7);
	for (;;)
		usleep(1000);
	return arg;
}

static void bomb(void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)arg;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384 * 2);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, &attr, spin, NULL);
}

static void leader_exits_first(void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, spin, NULL);
	usleep(20000);
	/* the thread must end too, some time */
	alarm(1);
	pthread_exit(NULL);
}

int main(void)
{
	struct cow_row row, me, after;
	pid_t pid;

	use_all_cpus();
	pages = map_pages(7);
	me = row_of(getpid());
	for (int i = 0; i < BOMBS; i++) {
		row = child_row(bomb, NULL);
		if (VALUE(row, FORKS) || VALUE(row, VFORKS) || row.state != 'X')
			break;
	}
	is(VALUE(row, FORKS), 0, "%d threads in each of %d processes: no forks", THREADS, BOMBS);
	ok(row.state == 'X', "each process ended once, all threads with it");
	after = row_of(getpid());
	is(GREW(me, after, FORKS), BOMBS, "the forks are ours");

	pid = start_child(leader_exits_first, NULL);
	usleep(300000);
	row = row_of(pid);
	ok(row.state == 'L', "the leader has exited, a thread lives on: still L");
	wait_child_any(pid);
	row = row_of(pid);
	ok(row.state == 'X', "the last thread has gone: X");
	return done();
}
