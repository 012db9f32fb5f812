// SPDX-License-Identifier: GPL-2.0
/*
 * What a timed fault leaves behind is never taken for another fault's: not after timing was
 * off for a while, not by a new thread with the pid of one that died within a fault, and there
 * is no end to the number of those.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define FROZEN	"/mnt/ext4/notes"
#define LONG_NS	2000000000UL
#define HIGHEST_PID 4190300
#define HOLES	64	/* in the file; a full file system may still have a block for some */

static char *file_page;

/* How many faults are in the histogram in a column; only those that took longer, if @late. */
static uint64_t timed(int column, bool late)
{
	char *text;
	uint64_t n;
	int status;

	text = shell(&status,
		     "awk '!/^#/ && $2 > %lu { n += $%d } END { print n + 0 }' " COWSTAT_LATENCY_PATH,
		     late ? LONG_NS : 0, column + 3);
	if (status)
		bail("no " COWSTAT_LATENCY_PATH);
	n = strtoull(text, NULL, 10);
	free(text);
	return n;
}

static uint64_t missed_now(void)
{
	struct cow_table t = table_now();
	uint64_t missed = t.missed.value;

	cow_table_free(&t);
	return missed;
}

static void freeze(bool on)
{
	int fd = open("/mnt/ext4", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, on ? FIFREEZE : FITHAW, 0))
		bail("cannot %s /mnt/ext4", on ? "freeze" : "thaw");
	close(fd);
}

static bool sleeps(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		bail("nothing tells what process %d does", pid);
	fclose(f);
	return state == 'D' || state == 'S';
}

static void touch_then_write(void *arg)
{
	struct gate *go = arg;
	char *mine = map_pages(1);

	outlive_child();
	*(volatile char *)mine = 2; /* a fault that is timed, and leaves its stamp */
	*(volatile char *)file_page;
	gate_open(&go[0]);
	gate_wait(&go[1]);
	*(volatile char *)file_page = 1; /* sleeps in do_wp_page() */
}

/* A fault that began while timing was off ends while it is on. */
static void timing_comes_back(void)
{
	struct gate go[2] = { gate_make(), gate_make() };
	uint64_t shared;
	pid_t pid;

	is(control("timing on"), 0, "timing on");
	pid = start_child(touch_then_write, go);
	gate_wait(&go[0]);
	is(control("timing off"), 0, "timing off");
	freeze(true);
	gate_open(&go[1]);
	sleep(3);
	while (!sleeps(pid))
		usleep(10000);
	is(control("timing on"), 0, "timing on, while a fault sleeps");
	shared = timed(COWSTAT_OUTCOME_SHARED_WP, false);
	freeze(false);
	wait_child(pid);
	is(timed(COWSTAT_OUTCOME_SHARED_WP, false) - shared, 0, "that fault is not timed");
	is(timed(COWSTAT_OUTCOME_SHARED_WP, true), 0, "none of its kind took seconds");
}

/* Writes to holes of a file until there is no room: that fault ends in SIGBUS, without a commit. */
static void die_in_fault(void *arg)
{
	(void)arg;
	signal(SIGBUS, SIG_DFL);
	for (size_t i = 0; i < HOLES; i++) {
		*(volatile char *)(file_page + i * PAGE);
		*(volatile char *)(file_page + i * PAGE) = 1;
	}
	_exit(1);
}

static void write_own(void *arg)
{
	write_pages(arg, 1);
}

static void set_next_pid(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid - 1);
	set_file("/proc/sys/kernel/ns_last_pid", text);
}

/* Many die in a fault; those that have their pids afterwards are timed from their own entry. */
static void pids_come_again(int n)
{
	uint64_t copied, missed = missed_now();
	char *page = map_pages(1);
	int i, status, same = 0;
	pid_t first = 0, pid;

	run("dd if=/dev/zero of=/mnt/ext4/full bs=64k >/dev/null 2>&1; "
	    "cat /dev/zero >>/mnt/ext4/full 2>/dev/null; true");
	for (i = 0; i < n; i++) {
		pid = start_child(die_in_fault, NULL);
		if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGBUS)
			bail("a fault did not end as wanted: status %#x", status);
		if (!i)
			first = pid;
	}
	run("rm /mnt/ext4/full");
	sleep(3);
	copied = timed(COWSTAT_OUTCOME_COPIED, false);
	for (i = 0; i < 20; i++) {
		set_next_pid(first + i);
		pid = start_child(write_own, page);
		same += pid == first + i;
		wait_child(pid);
	}
	ok(same >= 10, "%d of 20 have the pid of one that died", same);
	ok(timed(COWSTAT_OUTCOME_COPIED, false) - copied >= 20, "their copies are timed");
	is(timed(COWSTAT_OUTCOME_COPIED, true), 0, "none of them took seconds");
	is(missed_now() - missed, 0, "and none was missed, after %d", n);
}

static void write_and_touch(void *arg)
{
	write_pages(arg, 100);
	write_pages(map_untouched(1000), 1000);
}

/* The notes of the threads with the highest pids look most like an empty note. */
static void highest_pids(void)
{
	uint64_t copied, zero_filled = timed(COWSTAT_OUTCOME_ZERO_FILLED, false);
	char *pages = map_pages(100);
	pid_t pid;

	set_file("/proc/sys/kernel/pid_max", "4194304");
	set_next_pid(HIGHEST_PID);
	copied = timed(COWSTAT_OUTCOME_COPIED, false);
	pid = start_child(write_and_touch, pages);
	ok(pid >= HIGHEST_PID, "pid %d", pid);
	wait_child(pid);
	copied = timed(COWSTAT_OUTCOME_COPIED, false) - copied;
	ok(copied >= 100 && copied < 200, "its %lu copies are timed, its first touches are not",
	   copied);
	zero_filled = timed(COWSTAT_OUTCOME_ZERO_FILLED, false) - zero_filled;
	ok(zero_filled < 100, "nor are they taken for zero pages: %lu, of all processes",
	   zero_filled);
	set_next_pid(300);
}

static void map_file(void)
{
	int fd = open(FROZEN, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	/* a hole: its block is wanted at the first write */
	if (fd < 0 || ftruncate(fd, HOLES * PAGE))
		bail("no " FROZEN);
	file_page = mmap(NULL, HOLES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file_page == MAP_FAILED)
		bail("mmap");
	close(fd);
}

int main(void)
{
	map_file();
	timing_comes_back();
	munmap(file_page, HOLES * PAGE);
	map_file();
	pids_come_again(long_run() ? 100000 : 300);
	highest_pids();
	is(control("timing off"), 0, "timing off");
	return done();
}
