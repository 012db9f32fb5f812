// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes replace a page of program text in every process that maps it. Up to 6.15 the
 * kernel does that without a fault, later as a debugger does: either
 * way it is one copied page of a private file mapping, caused from outside.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

#define N	7
#define PROBED	"/tmp/probed"

static char *text;
static struct gate ran, go;

static void run_text(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < N; i++)
		run_page(text, i);
	gate_open(&ran);
	gate_wait(&go);
}

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int type;

	if (!f || fscanf(f, "%d", &type) != 1)
		bail("this kernel has no uprobes");
	fclose(f);
	return type;
}

int main(void)
{
	/* push %rbp; pop %rbp; ret */
	static const char code[] = { 0x55, 0x5d, 0xc3 };
	struct perf_event_attr attr = { .size = sizeof(attr), .type = uprobe_type() };
	struct cow_row before, after;
	int probe[N];
	pid_t pid;

	text = map_text(PROBED, code, sizeof(code), N);
	ran = gate_make();
	go = gate_make();
	pid = start_child(run_text, NULL);
	gate_wait(&ran);
	touch_stack();
	munmap(text, N * PAGE);
	before = row_of(pid);
	attr.config1 = (uintptr_t)PROBED;
	for (size_t i = 0; i < N; i++) {
		attr.config2 = i * PAGE;
		probe[i] = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
		if (probe[i] < 0)
			bail("perf_event_open: errno %d", errno);
	}
	after = row_of(pid);
	note("copied %lu, file_copied %lu", GREW(before, after, COPIED),
	     GREW(before, after, FILE_COPIED));
	is(GREW(before, after, COPIED) + GREW(before, after, FILE_COPIED), N,
	   "a uprobe in each of %d pages: copied or file_copied", N);
	is(GREW(before, after, ANON_COPIED), 0, "not anon_copied");
	is(GREW(before, after, COPIED_BYTES), N * PAGE, "copied_bytes");
	is(GREW(before, after, REMOTE), N, "remote");
	before = after;
	for (size_t i = 0; i < N; i++)
		close(probe[i]);
	after = row_of(pid);
	is(GREW(before, after, COPIED_BYTES), 0, "taken away again: nothing copied");
	gate_open(&go);
	wait_child(pid);
	return done();
}
