// SPDX-License-Identifier: GPL-2.0
/*
 * Copies of private file pages are counted by kprobes. Where the kernel does not optimise them,
 * each is a breakpoint: even the first event of a process, which makes its row, is then counted
 * exactly. While all kprobes of the system are off, file_copied is unknown, and stays so until
 * a reset.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define OPTIMISE	"/proc/sys/debug/kprobes-optimization"
#define ENABLED		"/sys/kernel/debug/kprobes/enabled"

static int fd;

static void write_file_pages(void *arg)
{
	size_t n = *(size_t *)arg;
	char *pages = mmap(NULL, (n + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (pages == MAP_FAILED)
		bail("mmap");
	write_pages(pages, n);
	munmap(pages, (n + 1) * PAGE);
}

static void counts(const char *when)
{
	struct cow_row none, some;

	child_rows(write_file_pages, MANY, &none, &some);
	is(GREW(none, some, FILE_COPIED), MANY, "%s: file_copied", when);
	is(GREW(none, some, WP_FAULTS), 0, "%s: and no other fault", when);
}

static bool probed(void)
{
	struct cow_table t = table_now();
	bool all = !strcmp(t.kprobes, "file,pinned,failed");

	cow_table_free(&t);
	return all;
}

/* A process that is older than the epoch has no row: its first event makes one. */
static struct gate ready, go, written, end;

static void late_writer(void *arg)
{
	char *pages = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	(void)arg;
	if (pages == MAP_FAILED)
		bail("mmap");
	gate_open(&ready);
	gate_wait(&go);
	write_pages(pages, MANY);
	gate_open(&written);
	gate_wait(&end);
}

static void first_event(void)
{
	struct cow_row row;
	pid_t pid;

	ready = gate_make();
	go = gate_make();
	written = gate_make();
	end = gate_make();
	pid = start_child(late_writer, NULL);
	gate_wait(&ready);
	is(control("reset"), 0, "reset");
	ok(!has_row(pid), "a process without a row");
	gate_open(&go);
	gate_wait(&written);
	row = row_of(pid);
	ok(VALUE(row, FILE_COPIED) >= MANY, "has one with all that it copied: %lu of %d",
	   VALUE(row, FILE_COPIED), MANY);
	gate_open(&end);
	wait_child(pid);
}

static void switched_off(void)
{
	struct cow_row total;
	struct cow_table t;
	char *said;
	int status;

	set_file(ENABLED, "0");
	total = total_now();
	t = table_now();
	ok(!total.known[COWSTAT_COL_FILE_COPIED] && !total.known[COWSTAT_COL_FORK_COPIED],
	   "kprobes are off: file_copied and fork_copied are unknown");
	ok(total.known[COWSTAT_COL_COPIED] && total.known[COWSTAT_COL_OTHER], "others are known");
	ok(!strstr(t.hooks, "file") && !strstr(t.hooks, "pinned"), "hooks=%s", t.hooks);
	cow_table_free(&t);
	ok(log_has("kprobes are switched off"), "the log says why");
	said = shell(&status, "cowstat doctor");
	is(status, 1, "the doctor does not find all well");
	ok(strstr(said, "switched off by " ENABLED), "and says what is wrong");
	free(said);

	set_file(ENABLED, "1");
	ok(!total_now().known[COWSTAT_COL_FILE_COPIED], "on again: what was missed is missing");
	is(control("reset"), 0, "reset");
	ok(total_now().known[COWSTAT_COL_FILE_COPIED], "after a reset it is known");
	counts("after a reset");
}

int main(void)
{
	run("mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug");
	fd = open("/tmp/probes", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, (MANY + 1) * PAGE))
		bail("cannot make /tmp/probes");
	if (!probed())
		bail("this kernel's text is not as expected: no kprobe");
	counts("optimised");
	set_file(OPTIMISE, "0");
	ok(probed(), "kprobes are breakpoints");
	counts("breakpoints");
	first_event();
	set_file(OPTIMISE, "1");
	counts("optimised again");
	switched_off();
	return done();
}
