// SPDX-License-Identifier: GPL-2.0
/* Loaded and unloaded again and again while eight processes fork and write. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define TIMES	25
#define STORM	8

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

int main(void)
{
	pid_t storm[STORM];
	int i, loaded = 0, counted = 0, open_over_unload, fd;
	char byte;

	use_all_cpus();
	pages = map_pages(31);
	for (i = 0; i < STORM; i++)
		storm[i] = start_child(fork_and_write, NULL);
	unload_module();
	for (i = 0; i < TIMES; i++) {
		int tries = 100;

		if (try_load_module("max_rows=256", NULL, NULL))
			break;
		loaded++;
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
	}
	is(loaded, TIMES, "loaded and unloaded");
	is(counted, TIMES, "and counted each time");
	for (i = 0; i < STORM; i++)
		kill_child(storm[i]);
	fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	ok(fd < 0, "nothing is left behind");
	load_module("");
	return done();
}
