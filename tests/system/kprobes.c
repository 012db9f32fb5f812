// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * The kprobes behind a call: exact whether they are jumps or breakpoints, beside another kprobe at
 * the same place, tracers of the same functions and BPF.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN	1009
#define TRACING	"cd /sys/kernel/tracing && "
#define KPROBES	"/sys/kernel/debug/kprobes/"

/* The site of private file copies, and the function that it calls. */
#define PLACE	"$(awk '$3 ~ /^(set_pte_range|do_set_pte)[+]/ { print $3; exit }' " KPROBES "list)"
#define CALLED	"set_pte_range do_set_pte '*_add_new_anon_rmap'"

static int file;

static void write_file(void *arg)
{
	char *pages = mmap(NULL, WRITTEN * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	madvise(pages, WRITTEN * PAGE, MADV_NOHUGEPAGE);
	write_pages(pages, *(size_t *)arg);
}

static uint64_t file_copied(void)
{
	struct cow_row none, some;

	child_rows(write_file, WRITTEN, &none, &some);
	return GREW(none, some, FILE_COPIED);
}

static void counts(const char *when)
{
	is(file_copied(), WRITTEN, "%s: file_copied", when);
}

static void jump_or_breakpoint(void)
{
	run("for i in $(seq 100); do grep -qF \"" PLACE "\" " KPROBES "list && "
	    "! grep -F \"" PLACE "\" " KPROBES
	    "list | grep -v OPTIMIZED && exit; sleep 0.1; done; false");
	counts("a jump");
	set_file("/proc/sys/debug/kprobes-optimization", "0");
	run("! grep OPTIMIZED " KPROBES "list");
	counts("a breakpoint");
	set_file("/proc/sys/debug/kprobes-optimization", "1");
	counts("a jump again");
}

static void another_at_the_same_place(void)
{
	char *place, *hits;
	int status;

	place = shell(&status, "echo -n " PLACE);
	if (!*place)
		bail("no kprobe of ours");
	hits = shell(&status,
		     TRACING "echo 'p:others/same %s' >kprobe_events && "
			     "echo 1 >events/others/same/enable",
		     place);
	is(status, 0, "another kprobe at %s", place);
	free(hits);
	counts("another kprobe came");
	load_module("");
	counts("it was there before us");
	hits = shell(&status,
		     "awk '$1 == \"same\" { print $2 }' /sys/kernel/tracing/kprobe_profile");
	ok(strtoull(hits, NULL, 10) >= 2 * WRITTEN, "it has as many hits: %lu",
	   strtoul(hits, NULL, 10));
	free(hits);
	run(TRACING "echo 0 >events/others/same/enable && echo >kprobe_events");
	counts("it has gone");
	/* Where it was in the text, the module has hooked the function instead. */
	load_module("");
	free(place);
}

static void tracers(void)
{
	static const char *const name[] = { "function", "function_graph" };
	char command[256];

	for (size_t i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 TRACING
			 "for f in " CALLED "; do "
			 "echo \"$f\" >>set_ftrace_filter; done 2>/dev/null; echo %s >current_tracer",
			 name[i]);
		run(command);
		counts(name[i]);
		run(TRACING "grep -q add_new_anon_rmap trace");
		run(TRACING "echo nop >current_tracer && echo >set_ftrace_filter");
	}
	free(shell(&(int){ 0 }, "cowstat bpf load"));
	counts("BPF at the same places");
	run("PATH=$COWSTAT_BUILD:$PATH cowstat bpf unload");
}

int main(void)
{
	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	run("mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug");
	run("mountpoint -q /sys/fs/bpf || mount -t bpf b /sys/fs/bpf");
	file = open("/tmp/kprobes", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || posix_fallocate(file, 0, WRITTEN * PAGE))
		bail("no file");
	jump_or_breakpoint();
	another_at_the_same_place();
	tracers();
	return done();
}
