// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "print.h"
#include "terminal.h"

/**
 * print_header() - print the head line above print_side()
 * @page: number of the page that the lines below are about
 */
void print_header(size_t page)
{
	char title[32];

	snprintf(title, sizeof(title), "page %zu at", page);
	printf("    %-7s %-15s %-14s %-5s %6s %6s %6s %6s\n", "", title, "frame (PFN)", "excl.",
	       "mapped", "faults", "copied", "reused");
}

/**
 * print_side() - print one side's state of a page, and how much its counts grew
 * @e: the experiment, measured
 * @side: whose page
 * @address: of the page
 * @page: its state
 * @is_new: its frame is another one than at the fork
 */
void print_side(const struct experiment *e, enum side side, const void *address,
		const struct page_state *page, bool is_new)
{
	struct text pfn = { "none" }, mapped = { "-" };
	size_t i;

	if (page->present && page->pfn)
		snprintf(pfn.s, sizeof(pfn.s), "0x%" PRIx64 "%s", page->pfn, is_new ? " new" : "");
	else if (page->present)
		snprintf(pfn.s, sizeof(pfn.s), "hidden%s", is_new ? " new" : "");
	if (page->mapped)
		snprintf(mapped.s, sizeof(mapped.s), "%" PRIu64, page->mapped);
	else if (page->present)
		snprintf(mapped.s, sizeof(mapped.s), "?");
	printf("    %-7s 0x%-13" PRIxPTR " %-14s %-5s %6s", side == PARENT ? "parent" : "child",
	       (uintptr_t)address, pfn.s,
	       !page->present  ? "-" :
	       page->exclusive ? "yes" :
				 "no",
	       mapped.s);
	for (i = 0; i < NR_COUNTS; i++)
		printf(" %6s", growth_text(e, side, i).s);
	putchar('\n');
}

/**
 * print_page() - print a page of the small region, as both sides have it now
 * @e: the experiment, measured
 * @page: number of the page
 */
void print_page(const struct experiment *e, size_t page)
{
	const unsigned char *address = small_page(e, page);
	struct page_state parent = read_page_of(getpid(), address), child = {};

	print_header(page);
	print_side(e, PARENT, address, &parent, is_new_frame(e, page, PARENT, &parent));
	if (!e->child.pid)
		return;
	child = read_page_of(e->child.pid, address);
	print_side(e, CHILD, address, &child, is_new_frame(e, page, CHILD, &child));
}

static enum cell cell_of(const struct experiment *e, size_t page, const struct page_state *parent,
			 const struct page_state *child)
{
	if (!parent->present && !child->present)
		return CELL_UNTOUCHED;
	/* The child has exited, or has become another program. */
	if (!child->present)
		return CELL_ALONE;
	if (same_frame(parent, child))
		return CELL_SHARED;
	if (is_new_frame(e, page, CHILD, child))
		return CELL_COPIED_BY_CHILD;
	return CELL_COPIED_BY_PARENT;
}

/**
 * print_grid() - draw the small region
 * @e: the experiment
 * @reused: number of the page that its last owner has just reused; SMALL_PAGES for none
 */
void print_grid(const struct experiment *e, size_t reused)
{
	struct page_state parent[SMALL_PAGES], child[SMALL_PAGES] = {};
	enum cell cell[SMALL_PAGES];
	size_t i;

	read_pages_of(getpid(), e->small.start, SMALL_PAGES, parent);
	if (e->child.pid)
		read_pages_of(e->child.pid, e->small.start, SMALL_PAGES, child);
	for (i = 0; i < SMALL_PAGES; i++)
		cell[i] = cell_of(e, i, &parent[i], &child[i]);
	if (reused < SMALL_PAGES)
		cell[reused] = CELL_REUSED;
	putchar('\n');
	draw_grid(cell, SMALL_PAGES);
}
