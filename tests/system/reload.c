// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded and unloaded again and again while eight processes fork and write; for long, while
 * others write huge and merged pages, are swapped out, and are killed for want of memory.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define TIMES	7
#define STORM	8
#define LONG_TIMES	300
#define HUGE	(2UL << 20)
#define KSM	"/sys/kernel/mm/ksm/"
#define CGROUP	"/sys/fs/cgroup/"
#define SWAPPED	CGROUP "cowstat-swapped/"
#define KILLED	CGROUP "cowstat-killed/"

static char *pages;

static void fork_and_write(void *arg)
{
	(void)arg;
	/* whoever loads and unloads, and the kernel's own threads, have their share */
	nice(19);
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			write_pages(pages, 31);
			if (getpid() % 2)
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
		write_pages(pages, 31);
		waitpid(pid, NULL, 0);
	}
}

static void write_huge(void *arg)
{
	(void)arg;
	share_and_write(4 * HUGE / PAGE, MADV_HUGEPAGE, 0);
}

static void write_merged(void *arg)
{
	(void)arg;
	share_and_write(251, MADV_MERGEABLE, 200000);
}

static void write_swapped(void *arg)
{
	(void)arg;
	set_file(SWAPPED "cgroup.procs", "0");
	share_and_write((6UL << 20) / PAGE, 0, 0);
}

static void be_killed(void *arg)
{
	(void)arg;
	nice(19);
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			set_file(KILLED "cgroup.procs", "0");
			share_and_write((8UL << 20) / PAGE, 0, 0);
		}
		waitpid(pid, NULL, 0);
		usleep(500000);
	}
}

static work_fn *const long_storms[] = { write_huge, write_merged, write_swapped, be_killed };

#define NR_LONG		(sizeof(long_storms) / sizeof(*long_storms))

static void begin_long(pid_t *pids)
{
	swap_on();
	set_file(CGROUP "cgroup.subtree_control", "+memory");
	if (mkdir(SWAPPED, 0755) || mkdir(KILLED, 0755))
		bail("no memory cgroups");
	set_file(SWAPPED "memory.high", "8M");
	set_file(KILLED "memory.max", "3M");
	set_file(KILLED "memory.swap.max", "0");
	set_file(KSM "sleep_millisecs", "1");
	set_file(KSM "run", "1");
	for (size_t i = 0; i < NR_LONG; i++)
		pids[i] = start_child(long_storms[i], NULL);
}

static void end_long(const pid_t *pids)
{
	ok(vmstat("oom_kill") > 0 && vmstat("pswpout") > 0,
	   "%lu were killed, %lu pages swapped out", vmstat("oom_kill"), vmstat("pswpout"));
	for (size_t i = 0; i < NR_LONG; i++)
		kill_child(pids[i]);
	set_file(KSM "run", "0");
}

int main(void)
{
	int times = long_run() ? LONG_TIMES : TIMES;
	pid_t storm[STORM], long_storm[NR_LONG];
	int i, loaded = 0, counted = 0, open_over_unload, fd, complaints = 0;
	char byte;

	use_all_cpus();
	pages = map_pages(31);
	for (i = 0; i < STORM; i++)
		storm[i] = start_child(fork_and_write, NULL);
	if (long_run())
		begin_long(long_storm);
	unload_module();
	for (i = 0; i < times; i++) {
		int tries = 100;

		if (try_load_module("max_rows=256", NULL, NULL))
			break;
		loaded++;
		if (i % 3 == 0 && control("timing on"))
			break;
		do {
			struct cow_row total;

			usleep(20000);
			total = total_now();
			if (VALUE(total, COPIED)) {
				counted++;
				break;
			}
		} while (--tries);
		/* every other time it goes while a reader holds it open */
		open_over_unload = i % 2 ? open(COWSTAT_PROC_PATH, O_RDONLY) : -1;
		unload_module();
		if (open_over_unload >= 0) {
			if (read(open_over_unload, &byte, 1) >= 0)
				break;
			close(open_over_unload);
		}
		if (!long_run())
			continue;
		/* who is killed leaves a report with a call trace */
		if (log_complains()) {
			run("dmesg | tail -n 60 | sed 's/^/# /'");
			complaints++;
		}
		log_clear();
		if (i % 25 == 24)
			note("%d cycles", i + 1);
	}
	is(loaded, times, "loaded and unloaded");
	is(counted, times, "and counted each time");
	is(complaints, 0, "the kernel did not complain");
	if (long_run())
		end_long(long_storm);
	for (i = 0; i < STORM; i++)
		kill_child(storm[i]);
	fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	ok(fd < 0, "nothing is left behind");
	load_module("");
	return done();
}
