// SPDX-License-Identifier: GPL-2.0
/*
 * Private_Dirty of /proc/PID/smaps_rollup, by which a snapshot's cost is guessed: in a child
 * it grows by what the child copied, by what its parent copied away from it, and by what the
 * child touched anew. The counters tell these apart.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define N	401
#define CHILD	101
#define PARENT	53
#define FRESH	29

static char *pages, *fresh;

static uint64_t private_dirty(pid_t pid)
{
	char path[64], line[256];
	unsigned long kb;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Dirty: %lu kB", &kb) != 1)
			continue;
		fclose(f);
		return kb << 10;
	}
	bail("no Private_Dirty in %s", path);
}

static void write_some(void *arg)
{
	(void)arg;
	write_pages(pages, CHILD);
	write_pages(fresh, FRESH);
}

/* What is seen of the child and of us at one moment. */
struct look {
	uint64_t dirty;
	struct cow_row child, me;
};

static struct look look_at(pid_t pid)
{
	struct look look = { .dirty = private_dirty(pid), .child = row_of(pid) };

	look.me = row_of(getpid());
	return look;
}

int main(void)
{
	struct puppet writer = { .work = write_some };
	struct look before, after;
	uint64_t by_parent;

	pages = map_pages(N);
	fresh = map_untouched(FRESH);
	puppet_start(&writer);
	touch_stack();
	look_at(writer.pid); /* what looking costs us is spent */
	look_at(writer.pid);
	before = look_at(writer.pid);
	puppet_work(&writer);
	write_pages(pages + CHILD * PAGE, PARENT);
	after = look_at(writer.pid);
	by_parent = GREW(before.me, after.me, ANON_COPIED);
	is(GREW(before.child, after.child, ANON_COPIED), CHILD, "copied by the child");
	ok(by_parent >= PARENT, "copied by its parent: %lu, %d wanted", by_parent, PARENT);
	is(after.dirty - before.dirty, (CHILD + by_parent + FRESH) * PAGE,
	   "Private_Dirty of the child grew by both and by %d fresh pages", FRESH);
	puppet_end(&writer);
	return done();
}
