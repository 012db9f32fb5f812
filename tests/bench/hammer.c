// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write faults from several CPUs at once, as many as there is time for: each worker
 * forks a child that holds its pages, writes them all, and lets the child go.
 */
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "region.h"
#include "uapi/cowstat.h"

#define PAGES		1024	/* of a worker: the fork is a small part of the work */
#define MAX_WORKERS	64

static uint64_t until_ns;
static uint64_t *written; /* pages, by worker; shared memory */

static void stay_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(EXIT_FAILURE, "there is no CPU %d", cpu);
}

/* Nobody outlives who started him. */
static pid_t fork_bound(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void *hammer(void *arg)
{
	int worker = (int)(uintptr_t)arg;
	struct region r;
	pid_t pid;

	stay_on(worker);
	if (region_map(&r, PAGES * COWSTAT_PAGE_BYTES, PAGES_4K))
		exit(EXIT_FAILURE);
	region_fill(&r);
	while (now_ns() < until_ns) {
		pid = fork_bound();
		if (!pid)
			for (;;)
				pause();
		region_fill(&r);
		written[worker] += PAGES;
		kill(pid, SIGKILL);
		if (waitpid(pid, NULL, 0) != pid)
			err(EXIT_FAILURE, "waitpid");
	}
	return NULL;
}

static void join_process(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		errx(EXIT_FAILURE, "a worker failed");
}

int main(int argc, char **argv)
{
	pthread_t thread[MAX_WORKERS];
	pid_t process[MAX_WORKERS];
	uint64_t begin, pages = 0;
	int i, workers;
	bool threads;

	if (argc != 4 || (strcmp(argv[1], "threads") && strcmp(argv[1], "processes"))) {
		fprintf(stderr, "usage: hammer threads|processes NUMBER MILLISECONDS\n"
				"Print pages written and copied in a second, by all together.\n");
		return 2;
	}
	threads = !strcmp(argv[1], "threads");
	workers = atoi(argv[2]);
	if (workers < 1 || workers > MAX_WORKERS)
		errx(2, "from 1 to %d workers", MAX_WORKERS);
	written = mmap(NULL, MAX_WORKERS * sizeof(*written), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (written == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");

	begin = now_ns();
	until_ns = begin + atoi(argv[3]) * 1000000ULL;
	for (i = 0; i < workers; i++) {
		if (threads) {
			if (pthread_create(&thread[i], NULL, hammer, (void *)(uintptr_t)i))
				errx(EXIT_FAILURE, "no thread");
			continue;
		}
		process[i] = fork_bound();
		if (!process[i]) {
			hammer((void *)(uintptr_t)i);
			_exit(0);
		}
	}
	for (i = 0; i < workers; i++) {
		if (threads)
			pthread_join(thread[i], NULL);
		else
			join_process(process[i]);
		pages += written[i];
	}
	printf("%llu\n", (unsigned long long)(pages * 1000000000.0 / (now_ns() - begin)));
	return 0;
}
