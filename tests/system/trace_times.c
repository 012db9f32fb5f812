// SPDX-License-Identifier: GPL-2.0
/*
 * The times of copies against a function trace. ftrace writes a time stamp at each call of the
 * functions where cowstat takes its own: both measure the same two phases, and both pay for each
 * other. Unlike taskstats, ftrace does so on all kernels.
 */
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "harness.h"

#define TRACING	"/sys/kernel/tracing/"
#define N	4001

/* Percent. The stamps of one call are not taken at the same moment. */
#define AT_LEAST	90UL
#define AT_MOST		110UL

struct times {
	uint64_t copies, copy_us, shootdown_us;
};

static char *pages;

static void write_shared(void *arg)
{
	write_pages(pages, *(size_t *)arg);
}

/* "   comm-pid   [cpu] flags  seconds.microseconds: function <-caller" */
static struct times trace_times(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	uint64_t now, entered = 0, cleared = 0, seconds, us;
	struct times t = {};
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *caller = strstr(line, " <-"), *function, *time;

		if (line[0] == '#' || !caller)
			continue;
		*caller = 0;
		caller += 3;
		function = strrchr(line, ' ');
		*function++ = 0;
		time = strrchr(line, ' ');
		if (!time || sscanf(time, " %lu.%lu:", &seconds, &us) != 2)
			bail("no time in the trace: %s", line);
		now = seconds * 1000000 + us;
		if (!strcmp(function, "do_wp_page")) {
			entered = now;
			cleared = 0;
		} else if (strncmp(caller, "do_wp_page", 10) &&
			   strncmp(caller, "wp_page_copy", 12)) {
			continue;
		} else if (!strcmp(function, "ptep_clear_flush")) {
			t.copy_us += now - entered;
			cleared = now;
		} else if (cleared) {
			t.shootdown_us += now - cleared;
			t.copies++;
			cleared = 0;
		}
	}
	if (!f || ferror(f))
		bail("cannot read the trace");
	fclose(f);
	return t;
}

/* ftrace knows one of the two names of the function that maps a new page. */
static void start_tracer(pid_t pid)
{
	char text[32];

	run("cd " TRACING " && for f in do_wp_page ptep_clear_flush folio_add_new_anon_rmap "
	    "page_add_new_anon_rmap; do if grep -qx $f available_filter_functions; then "
	    "echo $f >>set_ftrace_filter; fi; done && grep -q rmap set_ftrace_filter");
	set_file(TRACING "buffer_size_kb", "4096");
	snprintf(text, sizeof(text), "%d", pid);
	set_file(TRACING "set_ftrace_pid", text);
	set_file(TRACING "trace", "");
	set_file(TRACING "current_tracer", "function");
}

/* Leave nothing behind for the next test. */
static void stop_tracer(void)
{
	set_file(TRACING "current_tracer", "nop");
	set_file(TRACING "tracing_on", "1");
	run("cd " TRACING " && echo >set_ftrace_pid && echo >set_ftrace_filter");
}

static void compare(const char *phase, uint64_t ours_ns, uint64_t traced_us)
{
	uint64_t percent = traced_us ? ours_ns / 10 / traced_us : 0;

	note("%s: cowstat %lu us   trace %lu us", phase, ours_ns / 1000, traced_us);
	ok(percent >= AT_LEAST && percent <= AT_MOST,
	   "%s: %lu %% of what the trace tells, %lu to %lu", phase, percent, AT_LEAST, AT_MOST);
}

int main(void)
{
	size_t none = 0, n = N;
	struct puppet child = { .work = write_shared, .first = &none, .arg = &n };
	struct cow_row before, after;
	struct times traced;

	pages = map_pages(N);
	is(control("timing on"), 0, "timing on");
	puppet_start(&child);
	touch_stack();
	start_tracer(child.pid);
	before = row_of(child.pid);
	puppet_work(&child);
	after = row_of(child.pid);
	set_file(TRACING "tracing_on", "0");
	traced = trace_times();
	puppet_end(&child);

	ok(GREW(before, after, COPIED) >= N, "%lu pages copied", GREW(before, after, COPIED));
	is(traced.copies, GREW(before, after, COPIED) + GREW(before, after, ZERO_FILLED),
	   "the trace is whole");
	compare("copy_ns", GREW(before, after, COPY_NS), traced.copy_us);
	/* alone, it is hardly longer than the time between two stamps of one call */
	compare("copy_ns and shootdown_ns",
		GREW(before, after, COPY_NS) + GREW(before, after, SHOOTDOWN_NS),
		traced.copy_us + traced.shootdown_us);
	stop_tracer();
	return done();
}
