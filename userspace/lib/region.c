// SPDX-License-Identifier: GPL-2.0
/* Private anonymous memory of a given size and page kind. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "procfs.h"
#include "region.h"
#include "uapi/cowstat.h"

#define THP			"/sys/kernel/mm/transparent_hugepage/"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

#define PROGRESS_AFTER_NS	500000000ULL	/* no progress is shown before this */
#define PROGRESS_PAGES		4096		/* pages between two looks at the clock */

/**
 * region_bytes() - size of a region
 * @r: the region
 *
 * Return: bytes.
 */
uint64_t region_bytes(const struct region *r)
{
	return r->pages * COWSTAT_PAGE_BYTES;
}

/**
 * page_kind_bytes() - size of a page of a kind on this machine
 * @kind: the kind
 *
 * Return: bytes; 0 if the kernel has no such pages.
 */
uint64_t page_kind_bytes(enum page_kind kind)
{
	uint64_t bytes = 0;

	switch (kind) {
	case PAGES_THP:
		procfs_figure(THP "hpage_pmd_size", NULL, &bytes);
		return bytes;
	case PAGES_HUGETLB:
		return procfs_meminfo("Hugepagesize");
	default:
		return COWSTAT_PAGE_BYTES;
	}
}

/**
 * thp_refused() - check whether a region can have transparent huge pages
 *
 * Return: NULL if it can, else a sentence that says why not.
 */
const char *thp_refused(void)
{
	char choice[16];

	if (procfs_choice(THP "enabled", choice, sizeof(choice)))
		return "this kernel has no transparent huge pages";
	return strcmp(choice, "never") ?
		       NULL :
		       "transparent huge pages are switched off. Try: echo madvise | sudo tee " THP
		       "enabled";
}

/* Tell the kernel which pages the region gets. This must come before the first touch. */
static int advise(const struct region *r)
{
	const char *why;

	if (r->kind == PAGES_HUGETLB)
		return 0;
	if (r->kind == PAGES_THP) {
		why = thp_refused();
		if (!why && !madvise(r->start, region_bytes(r), MADV_HUGEPAGE))
			return 0;
		warnx("%s", why ? why : "the kernel refuses huge pages for this memory");
		return -1;
	}
	/* This fails only on kernels without huge pages, where it is not needed. */
	madvise(r->start, region_bytes(r), MADV_NOHUGEPAGE);
	return 0;
}

/**
 * region_map() - map private anonymous memory, without touching it
 * @r: the region; the caller unmaps it with region_unmap()
 * @bytes: its size, rounded up to whole pages
 * @kind: the kind of its pages
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int region_map(struct region *r, uint64_t bytes, enum page_kind kind)
{
	uint64_t page = page_kind_bytes(kind), start;

	if (!page) {
		warnx("this kernel has no such huge pages; use --page-size 4k");
		return -1;
	}
	bytes = (bytes / page + !!(bytes % page)) * page;
	r->kind = kind;
	r->pages = bytes / COWSTAT_PAGE_BYTES;
	/* The kernel aligns hugetlb mappings. A THP region needs room to be aligned in. */
	r->mapping_bytes = bytes + (kind == PAGES_THP ? page : 0);
	r->mapping = mmap(NULL, r->mapping_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				  (kind == PAGES_HUGETLB ? MAP_HUGETLB : 0),
			  -1, 0);
	if (r->mapping == MAP_FAILED) {
		warn("cannot map %" PRIu64 " bytes", bytes);
		return -1;
	}
	start = (uint64_t)(uintptr_t)r->mapping;
	r->start = (unsigned char *)r->mapping + (kind == PAGES_THP ? -start % page : 0);
	if (advise(r)) {
		region_unmap(r);
		return -1;
	}
	return 0;
}

/**
 * region_huge_bytes() - how much of a filled region is in huge pages
 * @r: the region
 *
 * Return: bytes; 0 if the kernel does not tell.
 */
uint64_t region_huge_bytes(const struct region *r)
{
	uint64_t kib, bytes = 0;
	uintptr_t from, to, start = (uintptr_t)r->start;
	bool within = false;
	char line[512];
	FILE *f;

	if (r->kind == PAGES_HUGETLB)
		return region_bytes(r); /* it cannot have others */
	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			within = from < start + region_bytes(r) && to > start;
		else if (within && sscanf(line, "AnonHugePages: %" SCNu64 " kB", &kib) == 1)
			bytes += kib * 1024;
	}
	fclose(f);
	return bytes;
}

/**
 * region_unmap() - unmap a region
 * @r: the region
 */
void region_unmap(struct region *r)
{
	munmap(r->mapping, r->mapping_bytes);
}

/* On a terminal: one line, removed at the end. Elsewhere: a line for each quarter. */
static void show_progress(size_t done, size_t all, unsigned int *quarter)
{
	unsigned int percent = done * 100 / all;

	if (isatty(STDERR_FILENO) && done == all)
		fprintf(stderr, "\r%*s\r", (int)sizeof("filling memory: 100 %"), "");
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rfilling memory: %3u %%", percent);
	else if (percent / 25 > *quarter)
		fprintf(stderr, "filling memory: %u %%\n", percent);
	*quarter = percent / 25;
}

/**
 * region_fill() - write to every page of a region
 * @r: the region
 *
 * Shows progress on stderr if it takes longer than PROGRESS_AFTER_NS.
 */
void region_fill(const struct region *r)
{
	uint64_t begin = now_ns();
	unsigned int quarter = 0;
	size_t i;

	for (i = 0; i < r->pages; i++) {
		r->start[i * COWSTAT_PAGE_BYTES] = 1;
		if (((i + 1) % PROGRESS_PAGES == 0 || i + 1 == r->pages) &&
		    now_ns() - begin > PROGRESS_AFTER_NS)
			show_progress(i + 1, r->pages, &quarter);
	}
}

/**
 * region_populate() - have a page of its own at each address of a region, as a write would
 * @r: the region
 *
 * A page that is shared with another process is copied. Before 5.14 the kernel has no
 * MADV_POPULATE_WRITE: then this writes each page, and takes a fault for each.
 *
 * Return: 0, or -1 with errno: there is not enough memory.
 */
int region_populate(const struct region *r)
{
	volatile unsigned char *start = r->start;
	size_t i;

	if (!madvise(r->start, region_bytes(r), MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -1;
	for (i = 0; i < r->pages; i++)
		start[i * COWSTAT_PAGE_BYTES] = start[i * COWSTAT_PAGE_BYTES];
	return 0;
}
