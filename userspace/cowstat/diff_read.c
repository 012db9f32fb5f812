// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diff_read.h"
#include "pagemap_entry.h"
#include "procfs.h"
#include "uapi/cowstat.h"

#define CHUNK		256	/* pages that are looked at together */
#define HUGE_PAGES	512	/* pages of a huge page */
#define KPAGEFLAGS	"/proc/kpageflags"

/* What tells one page of a process from another one at the same address. */
#define SAME_PAGE	(PAGEMAP_PRESENT | PAGEMAP_SWAPPED | PAGEMAP_FILE | PAGEMAP_PFN)

/**
 * struct chunk - neighbouring pages of both processes
 * @address: of the first page
 * @nr: number of pages
 * @child: the child's page table entries
 * @parent: the parent's
 * @pair: what the processes have at each page
 * @diff: how the versions of each copied page differ
 * @child_bytes: the contents of the child's copied pages
 * @parent_bytes: of the parent's
 */
struct chunk {
	uint64_t address;
	size_t nr;
	uint64_t child[CHUNK], parent[CHUNK];
	enum page_pair pair[CHUNK];
	struct page_diff diff[CHUNK];
	unsigned char child_bytes[CHUNK][COWSTAT_PAGE_BYTES];
	unsigned char parent_bytes[CHUNK][COWSTAT_PAGE_BYTES];
};

/**
 * struct reader - what stays the same for all chunks
 * @pair: the processes
 * @a: what was found
 * @kpageflags: an open file, or -1
 * @known_flags: those of its flags that mean what they say
 * @zero_pfn: the frame of the zero page, or 0
 * @huge_zero_pfn: the first frame of the huge zero page, or 0 if it was not met so far
 * @chunk: the chunk that is read
 */
struct reader {
	struct diff_pair *pair;
	struct amplification *a;
	int kpageflags;
	uint64_t known_flags;
	uint64_t zero_pfn, huge_zero_pfn;
	struct chunk *chunk;
};

static uint64_t flags_of(const struct reader *r, uint64_t entry)
{
	uint64_t flags = 0;

	if (r->kpageflags < 0 || !(entry & PAGEMAP_PRESENT) ||
	    pread(r->kpageflags, &flags, sizeof(flags), (entry & PAGEMAP_PFN) * sizeof(flags)) !=
		    sizeof(flags))
		return 0;
	return flags & r->known_flags;
}

/*
 * Learn from a page of our own: the frame of the zero page; and whether the flag of KSM can be
 * believed. From 6.10 (dee3d0bef2b0) on, kernels set it for every anonymous page; 81401cebfc15
 * "fs/proc: fix KPF_KSM reported for all anonymous pages" corrects that. Return: true if it can be
 * believed.
 */
static bool probe(struct reader *r)
{
	volatile char *page = mmap(NULL, COWSTAT_PAGE_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t zero, flags;

	if (page == MAP_FAILED)
		return false;
	(void)*page; /* maps the zero page */
	zero = process_memory_own_entry(page);
	r->zero_pfn = zero & PAGEMAP_PRESENT ? zero & PAGEMAP_PFN : 0;
	*page = 1;
	flags = flags_of(r, process_memory_own_entry(page));
	munmap((void *)page, COWSTAT_PAGE_BYTES);
	return flags && !(flags & FRAME_KSM);
}

static void open_flags(struct reader *r)
{
	struct diff_pair *pair = r->pair;
	uint64_t n;

	r->known_flags = ~0ULL;
	r->kpageflags = open(KPAGEFLAGS, O_RDONLY | O_CLOEXEC);
	pair->no_flags = r->kpageflags < 0;
	pair->ksm_pages = 0;
	if (probe(r))
		return;
	r->known_flags &= ~FRAME_KSM;
	if (!procfs_pid_figure(pair->child.pid, "ksm_merging_pages", NULL, &n))
		pair->ksm_pages += n;
	if (!procfs_pid_figure(pair->parent.pid, "ksm_merging_pages", NULL, &n))
		pair->ksm_pages += n;
}

/* Read page table entries of both processes. */
static int read_entries(struct reader *r, uint64_t *child, uint64_t *parent)
{
	const struct chunk *c = r->chunk;
	int err = process_memory_entries(&r->pair->child, c->address, c->nr, child);

	if (err) {
		r->pair->gone = r->pair->child.pid;
		return err;
	}
	err = process_memory_entries(&r->pair->parent, c->address, c->nr, parent);
	if (err)
		r->pair->gone = r->pair->parent.pid;
	return err;
}

/* To a reader without rights, the kernel shows every frame as 0. */
static bool hides_frames(uint64_t entry)
{
	return entry & PAGEMAP_PRESENT && !(entry & PAGEMAP_PFN);
}

static bool is_aligned(uint64_t page)
{
	return page % HUGE_PAGES == 0;
}

/*
 * The flags of a frame that both processes have. Only those of the huge zero page matter, and only
 * its first frame is looked up.
 */
static uint64_t shared_flags(struct reader *r, uint64_t page, uint64_t entry)
{
	uint64_t pfn = entry & PAGEMAP_PFN;

	if (!(entry & PAGEMAP_PRESENT))
		return 0;
	if (!r->huge_zero_pfn && is_aligned(page) && is_aligned(pfn) &&
	    flags_of(r, entry) & FRAME_ZERO)
		r->huge_zero_pfn = pfn;
	return r->huge_zero_pfn && pfn / HUGE_PAGES == r->huge_zero_pfn / HUGE_PAGES ? FRAME_ZERO :
										       0;
}

static enum page_pair find_pair(struct reader *r, uint64_t page, struct pair_entries *e)
{
	enum page_pair pair = page_pair(e, r->zero_pfn);

	if (pair == PAIR_COPIED) {
		e->child_flags = flags_of(r, e->child);
		e->parent_flags = flags_of(r, e->parent);
	} else if (pair == PAIR_SHARED) {
		e->child_flags = shared_flags(r, page, e->child);
	} else {
		return pair;
	}
	return page_pair(e, r->zero_pfn);
}

static int find_pairs(struct reader *r, size_t *copied)
{
	struct chunk *c = r->chunk;
	size_t i;

	*copied = 0;
	for (i = 0; i < c->nr; i++) {
		struct pair_entries e = { .child = c->child[i], .parent = c->parent[i] };

		if (hides_frames(e.child) || hides_frames(e.parent))
			return -EPERM;
		c->pair[i] = find_pair(r, c->address / COWSTAT_PAGE_BYTES + i, &e);
		*copied += c->pair[i] == PAIR_COPIED;
	}
	return 0;
}

static bool read_bytes(const struct reader *r, size_t at, size_t nr)
{
	struct chunk *c = r->chunk;
	uint64_t address = c->address + at * COWSTAT_PAGE_BYTES;
	ssize_t len = nr * COWSTAT_PAGE_BYTES;

	return process_memory_read(&r->pair->child, address, c->child_bytes[at], len) == len &&
	       process_memory_read(&r->pair->parent, address, c->parent_bytes[at], len) == len;
}

/* Read a run of neighbouring copied pages: all at once, or page by page if one is not readable. */
static void read_run(const struct reader *r, size_t at, size_t nr)
{
	size_t i;

	if (read_bytes(r, at, nr))
		return;
	for (i = at; i < at + nr; i++)
		if (!read_bytes(r, i, 1))
			r->chunk->pair[i] = PAIR_UNREADABLE;
}

static void read_copied(const struct reader *r)
{
	const struct chunk *c = r->chunk;
	size_t i, nr;

	for (i = 0; i < c->nr; i += nr + 1) {
		for (nr = 0; i + nr < c->nr && c->pair[i + nr] == PAIR_COPIED; nr++)
			;
		if (nr)
			read_run(r, i, nr);
	}
}

/* Compare what was read, if both page tables still have the same pages. */
static int compare(struct reader *r)
{
	uint64_t child[CHUNK], parent[CHUNK];
	struct chunk *c = r->chunk;
	size_t i;
	int err;

	read_copied(r);
	err = read_entries(r, child, parent);
	for (i = 0; !err && i < c->nr; i++) {
		if (c->pair[i] != PAIR_COPIED && c->pair[i] != PAIR_UNREADABLE)
			continue;
		if (((child[i] ^ c->child[i]) | (parent[i] ^ c->parent[i])) & SAME_PAGE)
			c->pair[i] = PAIR_MOVED;
		else if (c->pair[i] == PAIR_COPIED)
			c->diff[i] = page_diff(c->child_bytes[i], c->parent_bytes[i]);
	}
	return err;
}

/* Go to the next page that either process has, if this chunk has none. */
static void skip_holes(struct reader *r, uint64_t end)
{
	struct chunk *c = r->chunk;
	uint64_t child, parent;
	size_t i;

	for (i = 0; i < c->nr; i++)
		if ((c->child[i] | c->parent[i]) & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED))
			return;
	if (c->address >= end)
		return;
	child = process_memory_skip_holes(&r->pair->child, c->address, end);
	parent = process_memory_skip_holes(&r->pair->parent, c->address, end);
	c->address = child < parent ? child : parent;
}

static int read_chunk(struct reader *r)
{
	struct chunk *c = r->chunk;
	size_t i, copied;
	int err;

	err = read_entries(r, c->child, c->parent);
	if (!err)
		err = find_pairs(r, &copied);
	if (!err && copied)
		err = compare(r);
	for (i = 0; !err && i < c->nr; i++)
		amplification_add(r->a, c->address + i * COWSTAT_PAGE_BYTES, c->pair[i],
				  &c->diff[i]);
	return err;
}

static int read_mapping(struct reader *r, const struct memory_mapping *m)
{
	struct chunk *c = r->chunk;
	uint64_t pages;
	int err = 0;

	amplification_begin(r->a, m->start, m->end, m->name);
	for (c->address = m->start; !err && c->address < m->end;) {
		pages = (m->end - c->address) / COWSTAT_PAGE_BYTES;
		c->nr = pages < CHUNK ? pages : CHUNK;
		err = read_chunk(r);
		c->address += c->nr * COWSTAT_PAGE_BYTES;
		if (!err)
			skip_holes(r, m->end);
	}
	amplification_end(r->a);
	return err;
}

/**
 * diff_sees_frames() - does the kernel show page frames to this process?
 *
 * Return: true if diff_read() will not fail for that.
 */
bool diff_sees_frames(void)
{
	volatile char here = 1; /* on the stack: a page that is there */

	return process_memory_own_entry(&here) & PAGEMAP_PFN;
}

/**
 * diff_read() - find the pages that two processes no longer share, and how they differ
 * @pair: the processes, with open memory
 * @a: filled in
 *
 * Goes through the child's private mappings, and looks at the same addresses of the parent. The
 * processes go on meanwhile. The kernel locks their address spaces for reading, for some hundred
 * pages at a time.
 *
 * Return: 0; -ESRCH if a process is gone, see @pair; -EPERM if the kernel does not show frames;
 * -ENOMEM.
 */
int diff_read(struct diff_pair *pair, struct amplification *a)
{
	struct reader r = { .pair = pair, .a = a };
	struct memory_mapping mapping;
	uint64_t end = 0;
	int err = -ESRCH;

	amplification_init(a);
	pair->gone = pair->child.pid;
	r.chunk = malloc(sizeof(*r.chunk));
	if (!r.chunk)
		return -ENOMEM;
	open_flags(&r);
	while (process_memory_next(&pair->child, &mapping)) {
		/* Mappings that were changed meanwhile could be listed twice. */
		if (mapping.start < end)
			continue;
		end = mapping.end;
		err = read_mapping(&r, &mapping);
		if (err)
			break;
	}
	if (r.kpageflags >= 0)
		close(r.kpageflags);
	free(r.chunk);
	return err;
}
