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

int main(void)
{
	struct cow_row child, child_then, me, me_then;
	struct told writer = { .work = write_some };
	uint64_t dirty, dirty_then;

	pages = map_pages(N);
	fresh = map_untouched(FRESH);
	told_start(&writer);
	touch_stack();
	private_dirty(writer.pid);
	row_of(getpid());	/* what reading costs us is spent */
	dirty = private_dirty(writer.pid);
	child = row_of(writer.pid);
	me = row_of(getpid());
	told_work(&writer);
	write_pages(pages + CHILD * PAGE, PARENT);
	dirty_then = private_dirty(writer.pid);
	child_then = row_of(writer.pid);
	me_then = row_of(getpid());
	is(GREW(child, child_then, ANON_COPIED), CHILD, "copied by the child");
	ok(GREW(me, me_then, ANON_COPIED) >= PARENT, "copied by its parent: %lu, %d wanted",
	   GREW(me, me_then, ANON_COPIED), PARENT);
	is(dirty_then - dirty, (CHILD + GREW(me, me_then, ANON_COPIED) + FRESH) * PAGE,
	   "Private_Dirty of the child grew by both and by %d fresh pages", FRESH);
	told_end(&writer);
	return done();
}
