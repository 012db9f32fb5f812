// SPDX-License-Identifier: GPL-2.0
/*
 * In a time namespace, start times and the times of line 1 are those of the namespace, as in
 * /proc/PID/stat there. A reader outside of it sees its own.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define OFFSET_S	1000000
#define NS_PER_S	1000000000ULL
#define NS_PER_TICK	(NS_PER_S / 100)

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x80
#endif

struct seen_times {
	uint64_t start_ns, parent_start_ns, stat_ticks, since_ns, now_ns, boottime_ns;
	uint64_t start_from_outside, parent_start_from_outside;
};

static char *pages;

/* Field 22 of /proc/self/stat. */
static uint64_t stat_start(void)
{
	unsigned long long ticks;
	char text[1024], *at;
	FILE *f = fopen("/proc/self/stat", "r");

	if (!f || !fgets(text, sizeof(text), f))
		bail("cannot read /proc/self/stat");
	fclose(f);
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1)
		bail("no start time in /proc/self/stat");
	return ticks;
}

static void look(void *arg)
{
	struct seen_times *times = arg;
	struct timespec now;
	struct cow_row row;
	struct cow_table t;

	write_pages(pages, 3);
	t = table_now();
	row = *cow_table_find(&t, getpid());
	clock_gettime(CLOCK_BOOTTIME, &now);
	*times = (struct seen_times){
		.start_ns = VALUE(row, START_NS),
		.parent_start_ns = VALUE(row, PARENT_START_NS),
		.stat_ticks = stat_start(),
		.since_ns = t.since_ns.value,
		.now_ns = t.now_ns.value,
		.boottime_ns = now.tv_sec * NS_PER_S + now.tv_nsec,
	};
	cow_table_free(&t);
}

static void check(const struct seen_times *times, const char *where)
{
	is(times->start_ns / NS_PER_TICK, times->stat_ticks, "%s: start_ns", where);
	ok(times->since_ns < times->start_ns && times->start_ns < times->now_ns &&
		   times->now_ns <= times->boottime_ns,
	   "%s: the others are of the same clock", where);
	ok(times->boottime_ns - times->now_ns < 60 * NS_PER_S, "%s: now_ns is now", where);
}

int main(void)
{
	struct seen_times *inside, *outside;
	struct cow_row row;
	char text[64];
	pid_t pid;

	pages = map_pages(4);
	outside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outside == MAP_FAILED)
		bail("mmap");
	inside = outside + 1;
	wait_child(start_child(look, outside));
	check(outside, "outside");

	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWTIME))
			bail("unshare(CLONE_NEWTIME)");
		snprintf(text, sizeof(text), "boottime %d 0", OFFSET_S);
		set_file("/proc/self/timens_offsets", text);
		pid = start_child(look, inside);
		wait_child(pid);
		row = row_of(pid); /* children alone are in it: we are outside */
		inside->start_from_outside = VALUE(row, START_NS);
		inside->parent_start_from_outside = VALUE(row, PARENT_START_NS);
		_exit(0);
	}
	wait_child(pid);
	is(inside->start_ns - inside->start_from_outside, OFFSET_S * NS_PER_S,
	   "seen from inside it was started later, by the offset");
	is(inside->parent_start_ns - inside->parent_start_from_outside, OFFSET_S * NS_PER_S,
	   "and so was its parent");
	check(inside, "inside");
	return done();
}
