// SPDX-License-Identifier: GPL-2.0
/*
 * The counts against the frames themselves, as /proc/PID/pagemap tells them: a page that was
 * counted as copied has another frame, one that was reused has not, and the other process
 * keeps its own.
 */
#include <unistd.h>

#include "harness.h"

#define N	211
#define WRITTEN	97

struct frames {
	uint64_t pfn[N];
};

static char *pages;

static struct frames frames_of(pid_t pid)
{
	struct frames f;

	for (size_t i = 0; i < N; i++)
		f.pfn[i] = pagemap_of(pid, pages + i * PAGE) & PAGEMAP_PFN;
	if (!f.pfn[0])
		bail("/proc/PID/pagemap shows no frames");
	return f;
}

static uint64_t differ(const struct frames *a, const struct frames *b, size_t from, size_t to)
{
	uint64_t n = 0;

	for (size_t i = from; i < to; i++)
		n += a->pfn[i] != b->pfn[i];
	return n;
}

static void write_some(void *arg)
{
	(void)arg;
	write_pages(pages, WRITTEN);
}

int main(void)
{
	struct frames mine, childs, mine_then, childs_then;
	struct puppet child = { .work = write_some };
	struct cow_row before, after;

	pages = map_pages(N);
	puppet_start(&child);
	mine = frames_of(getpid());
	childs = frames_of(child.pid);
	is(differ(&mine, &childs, 0, N), 0, "after fork: the same frames");

	before = row_of(child.pid);
	puppet_work(&child);
	after = row_of(child.pid);
	mine_then = frames_of(getpid());
	childs_then = frames_of(child.pid);
	is(GREW(before, after, COPIED), WRITTEN, "the child writes: copied");
	is(differ(&childs, &childs_then, 0, N), GREW(before, after, COPIED),
	   "as many of its frames are new");
	is(differ(&childs, &childs_then, WRITTEN, N), 0, "none that it did not write");
	is(differ(&mine, &mine_then, 0, N), 0, "the parent keeps its own");

	puppet_end(&child);
	start_row();
	before = row_of(getpid());
	write_pages(pages, N);
	after = row_of(getpid());
	mine_then = frames_of(getpid());
	is(GREW(before, after, REUSED), N, "the child has left and the parent writes: reused");
	is(differ(&mine, &mine_then, 0, N), 0, "the same frames");
	return done();
}
