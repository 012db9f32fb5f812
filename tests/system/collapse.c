// SPDX-License-Identifier: GPL-2.0
/*
 * MADV_COLLAPSE copies pages that fork shared into a huge page, as khugepaged does. No process
 * writes, so there is no fault and no column counts it: the page frames tell, and smaps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define HUGE	(2UL << 20)
#define PAGES	(HUGE / PAGE)

static char *pages;

/* What the child has seen, told to us through shared memory. */
static struct result {
	unsigned long moved, huge_kb;
	bool same_contents;
	int err;
} *result;

/* AnonHugePages of smaps_rollup. */
static unsigned long huge_kb(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kb = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void collapse(void *arg)
{
	static uint64_t frame[PAGES];
	size_t i;

	/* The kernel collapses only where at least one page is writable: this one we copy. */
	*(volatile char *)pages = 0;
	for (i = 0; i < PAGES; i++)
		frame[i] = pagemap_of(getpid(), pages + i * PAGE) & PAGEMAP_PFN;
	result->huge_kb = huge_kb();
	/* not before, and not in the parent: khugepaged would take the pages, too */
	if (*(size_t *)arg)
		result->err = madvise(pages, HUGE, MADV_HUGEPAGE) ||
					      madvise(pages, HUGE, MADV_COLLAPSE) ?
				      errno :
				      0;
	result->huge_kb = huge_kb() - result->huge_kb;
	result->moved = 0;
	result->same_contents = true;
	for (i = 0; i < PAGES; i++) {
		result->moved += frame[i] != (pagemap_of(getpid(), pages + i * PAGE) & PAGEMAP_PFN);
		result->same_contents &= pages[i * PAGE] == (char)i;
	}
}

int main(void)
{
	struct cow_row none, some;
	uint64_t ours;

	if (!has_thp()) {
		ok(true, "this kernel has no transparent huge pages to collapse into");
		return done();
	}
	pages = (char *)(((uintptr_t)map_untouched(2 * PAGES) + HUGE - 1) & ~(HUGE - 1));
	result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		bail("no shared memory");
	for (size_t i = 0; i < PAGES; i++)
		pages[i * PAGE] = (char)i;
	ours = pagemap_of(getpid(), pages) & PAGEMAP_PFN;
	child_rows(collapse, PAGES, &none, &some);
	if (kernel_before(6, 1)) {
		is(result->err, EINVAL, "this kernel has no MADV_COLLAPSE: errno");
		return done();
	}
	is(result->err, 0, "MADV_COLLAPSE");
	is(result->moved, PAGES, "every page that the child shared with us has a new frame");
	is(result->huge_kb, HUGE >> 10, "it has a huge page");
	ok(result->same_contents, "with the same contents");
	is(pagemap_of(getpid(), pages) & PAGEMAP_PFN, ours, "our frames stay");
	ok(VALUE(some, BIRTH_ANON_PAGES) >= PAGES, "they were shared at birth");
	/* The two children may differ by a page of libc; 511 pages were moved. */
	ok(labs((long)GREW(none, some, WP_FAULTS)) <= 1, "no fault");
	ok(labs((long)GREW(none, some, COPIED)) <= 1, "not counted as copied");
	ok(labs((long)GREW(none, some, COPIED_BYTES)) <= (long)PAGE, "nor in copied_bytes");
	is(GREW(none, some, THP_FAULTS), 0, "nor as a fault of a huge page");
	return done();
}
