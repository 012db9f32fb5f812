// SPDX-License-Identifier: GPL-2.0
/*
 * ftrace_killed off|unload: ftrace has shut itself down, so that no hook can be removed any
 * more. Then `counting off` is an error, but nothing counts any longer and the module cannot
 * be unloaded; unloading it while it counts never ends. Faults go on in both cases.
 *
 * The kernel keeps calling the module until it reboots, so each of the two needs a boot of
 * its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN	509

/* Every hook is called: copies, reuses, private file pages, forks, execs. */
static void take_faults(void)
{
	for (int i = 0; i < 4; i++) {
		char *pages = map_pages(WRITTEN);
		pid_t child = fork();

		write_pages(pages, WRITTEN);
		if (!child)
			_exit(0);
		wait_child(child);
		write_pages(pages, WRITTEN);
		munmap(pages, WRITTEN * PAGE);
	}
	run("for i in 1 2 3; do /bin/true; done");
}

static void counting_off(void)
{
	struct cow_row before, after;

	is(control("counting off"), ENODEV, "counting off: an error");
	ok(log_has("this module stays loaded until the machine reboots"), "the log says why");
	before = total_now();
	take_faults();
	after = total_now();
	is(GREW(before, after, WP_FAULTS), 0, "nothing is counted any longer");
	is(GREW(before, after, FORKS), 0, "no fork, either");
	is(control("counting off"), ENODEV, "counting off again: the same error");
	is(control("counting on"), ENODEV, "counting on: an error");
	is(control("reset"), 0, "reset");
	is(try_unload_module(), EAGAIN, "the module cannot be unloaded");
	take_faults();
	after = total_now();
	ok(!after.known[COWSTAT_COL_WP_FAULTS], "after the reset nothing is known");
}

static void unload(void *arg)
{
	(void)arg;
	try_unload_module();
}

/* The state of a process, as in /proc/PID/stat. */
static char state_of(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

static void unload_while_counting(void)
{
	pid_t unloader = start_child(unload, NULL);
	int tries;

	for (tries = 300; !log_has("unloading waits for ever") && tries; tries--)
		usleep(100000);
	ok(tries, "the log says that unloading waits");
	take_faults();
	kill(unloader, SIGKILL);
	sleep(1);
	is(state_of(unloader), 'I', "unloading does not end, and is idle");
	ok(!access("/sys/module/cowstat", F_OK), "the module is still there");
	take_faults();
}

int main(int argc, char *argv[])
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct cow_row none, some;

	load_module("");
	written_rows(WRITTEN, &none, &some);
	is(GREW(none, some, COPIED), WRITTEN, "counting");
	run("insmod $COWSTAT_BUILD/tests/ftracekill.ko");
	take_faults();
	if (!strcmp(mode, "off"))
		counting_off();
	else if (!strcmp(mode, "unload"))
		unload_while_counting();
	else
		bail("usage: ftrace_killed off|unload");
	ok(!log_complains(), "the kernel does not complain");
	return done_without_table();
}
