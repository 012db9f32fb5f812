// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "uapi/cowstat.h"

static const enum cowstat_column count_column[NR_COUNTS] = {
	[COUNT_FAULTS] = COWSTAT_COL_WP_FAULTS,
	[COUNT_COPIED] = COWSTAT_COL_COPIED,
	[COUNT_REUSED] = COWSTAT_COL_REUSED,
};

/* Check whether /proc/cowstat can be read, and counts. */
static void find_table(struct experiment *e)
{
	struct cow_table t;

	if (cow_table_read(COWSTAT_PROC_PATH, &t, e->why_no_table, sizeof(e->why_no_table)))
		return;
	e->sees_table = t.counting.value;
	if (!e->sees_table)
		snprintf(e->why_no_table, sizeof(e->why_no_table),
			 "counting is off. Try: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	cow_table_free(&t);
}

/**
 * experiment_init() - map both regions, and find out what can be measured
 * @e: filled in; to be freed with experiment_free()
 * @big_bytes: size of the big region
 */
void experiment_init(struct experiment *e, uint64_t big_bytes)
{
	static char probe;
	struct page_state page;

	memset(e, 0, sizeof(*e));
	if (region_map(&e->small, SMALL_PAGES * COWSTAT_PAGE_BYTES, PAGES_4K) ||
	    region_map(&e->big, big_bytes, PAGES_4K))
		exit(EXIT_FAILURE);
	probe = 1;
	page = read_page_of(getpid(), (void *)((uintptr_t)&probe & ~(COWSTAT_PAGE_BYTES - 1)));
	e->sees_pfn = page.pfn;
	find_table(e);
}

/**
 * experiment_free() - unmap both regions
 * @e: must have no child
 */
void experiment_free(struct experiment *e)
{
	region_unmap(&e->big);
	region_unmap(&e->small);
}

/**
 * small_page() - address of a page of the small region
 * @e: the experiment
 * @page: its number
 *
 * Return: the address.
 */
unsigned char *small_page(const struct experiment *e, size_t page)
{
	return e->small.start + page * COWSTAT_PAGE_BYTES;
}

/**
 * pid_of() - pid of one side
 * @e: the experiment
 * @side: which one
 *
 * Return: its pid; 0 for a child that does not exist.
 */
pid_t pid_of(const struct experiment *e, enum side side)
{
	return side == PARENT ? getpid() : e->child.pid;
}

/**
 * read_pages_of() - state of consecutive pages of a process
 * @pid: the process
 * @start: address of the first page
 * @nr: number of pages
 * @page: result: their states
 */
void read_pages_of(pid_t pid, const void *start, size_t nr, struct page_state *page)
{
	int error = pagemap_read(pid, start, nr, page);

	if (error)
		errx(EXIT_FAILURE, "cannot read /proc/%d/pagemap: %s", pid, strerror(-error));
}

/**
 * read_page_of() - state of one page of a process
 * @pid: the process
 * @start: address of the page
 *
 * Return: its state.
 */
struct page_state read_page_of(pid_t pid, const void *start)
{
	struct page_state page;

	read_pages_of(pid, start, 1, &page);
	return page;
}

/**
 * read_row() - a process's row of /proc/cowstat, now
 * @e: the experiment
 * @pid: the process
 * @row: result; all zero if there is no row
 *
 * Return: false if the process has no row, or the table cannot be read.
 */
bool read_row(struct experiment *e, pid_t pid, struct cow_row *row)
{
	const struct cow_row *found;
	struct cow_table t;

	*row = (struct cow_row){};
	if (!e->sees_table)
		return false;
	if (cow_table_read(COWSTAT_PROC_PATH, &t, e->why_no_table, sizeof(e->why_no_table)))
		errx(EXIT_FAILURE, "%s", e->why_no_table);
	found = cow_table_find(&t, pid);
	if (found)
		*row = *found;
	cow_table_free(&t);
	return found;
}

static struct counts read_counts(struct experiment *e, enum side side)
{
	struct counts counts = { .known = e->sees_table && pid_of(e, side) };
	struct cow_row row;
	size_t i;

	/* A process without a row has not been counted yet: its counts are zero. */
	if (counts.known && read_row(e, pid_of(e, side), &row))
		for (i = 0; i < NR_COUNTS; i++)
			counts.n[i] = row.value[count_column[i]];
	return counts;
}

/**
 * measure_begin() - remember the counts of both sides
 * @e: the experiment
 */
void measure_begin(struct experiment *e)
{
	e->before[PARENT] = read_counts(e, PARENT);
	e->before[CHILD] = read_counts(e, CHILD);
}

/**
 * measure_end() - read the counts again: @grew tells how much they grew
 * @e: the experiment
 */
void measure_end(struct experiment *e)
{
	struct counts now[NR_SIDES] = { read_counts(e, PARENT), read_counts(e, CHILD) };
	size_t side, i;

	for (side = 0; side < NR_SIDES; side++) {
		e->grew[side].known = now[side].known && e->before[side].known;
		for (i = 0; i < NR_COUNTS; i++)
			e->grew[side].n[i] = now[side].n[i] - e->before[side].n[i];
	}
}

/**
 * grew_by() - did a count grow by this much?
 * @e: the experiment, measured
 * @side: whose count
 * @count: which one
 * @by: the expected growth
 *
 * Return: true if so, and also where the counts cannot be read: nothing then contradicts it.
 */
bool grew_by(const struct experiment *e, enum side side, enum count count, uint64_t by)
{
	return !e->grew[side].known || e->grew[side].n[count] == by;
}

/**
 * growth_text() - growth of a count, to be printed
 * @e: the experiment, measured
 * @side: whose count
 * @count: which one
 *
 * Return: like "+7", or "?" where the counts cannot be read.
 */
struct text growth_text(const struct experiment *e, enum side side, enum count count)
{
	struct text t = { "?" };

	if (e->grew[side].known)
		snprintf(t.s, sizeof(t.s), "+%" PRIu64, e->grew[side].n[count]);
	return t;
}

/**
 * start_child() - fork a child that waits for orders
 * @e: the experiment; it has no child yet
 */
void start_child(struct experiment *e)
{
	if (puppet_start(&e->child))
		exit(EXIT_FAILURE);
}

/**
 * start_settled_child() - fork a child, and let both sides take their unavoidable copies
 * @e: the experiment; it has no child yet
 *
 * Remembers the frames of the small region, for is_new_frame().
 *
 * After any fork both sides write to a few pages of their stacks and of libc. These copies
 * happen here, before anything is measured. So a measurement shows the region alone.
 */
void start_settled_child(struct experiment *e)
{
	size_t i;

	for (i = 0; i < SMALL_PAGES; i++)
		e->written_first[i] = NR_SIDES;
	read_pages_of(getpid(), e->small.start, SMALL_PAGES, e->at_fork);
	start_child(e);
	for (i = 0; i < 3; i++) {
		order_child(e, PUPPET_REST, NULL, 0);
		measure_begin(e);
		measure_end(e);
	}
}

/**
 * order_child() - give the child an order, and wait until it has been carried out
 * @e: the experiment
 * @verb: what to do
 * @start: first page, at the same address in both processes
 * @pages: number of pages
 */
void order_child(struct experiment *e, enum verb verb, unsigned char *start, size_t pages)
{
	if (puppet_do(&e->child, verb, start, pages))
		exit(EXIT_FAILURE);
}

/**
 * end_child() - let the child exit, and wait for it
 * @e: the experiment
 */
void end_child(struct experiment *e)
{
	if (puppet_end(&e->child))
		exit(EXIT_FAILURE);
}

/**
 * write_small() - let one side write to pages of the small region
 * @e: the experiment, with a child
 * @side: the side that writes
 * @first: number of the first page
 * @nr: number of pages
 */
void write_small(struct experiment *e, enum side side, size_t first, size_t nr)
{
	size_t i;

	if (side == PARENT)
		write_pages(small_page(e, first), nr);
	else
		order_child(e, PUPPET_WRITE, small_page(e, first), nr);
	for (i = first; i < first + nr; i++)
		if (e->written_first[i] == NR_SIDES)
			e->written_first[i] = side;
}

/**
 * same_frame() - are two pages in one frame?
 * @a: a page of one process
 * @b: the page at the same address in the other one
 *
 * Without frame numbers, two pages that are not exclusive are taken for shared.
 *
 * Return: true if so.
 */
bool same_frame(const struct page_state *a, const struct page_state *b)
{
	if (a->pfn && b->pfn)
		return a->pfn == b->pfn;
	return a->present && b->present && !a->exclusive && !b->exclusive;
}

/**
 * is_new_frame() - has a page of the small region got another frame since the fork?
 * @e: the experiment
 * @page: number of the page
 * @side: in which process
 * @now: its state now
 *
 * Without frame numbers, an exclusive page is new to the side that wrote it first.
 *
 * Return: true if so.
 */
bool is_new_frame(const struct experiment *e, size_t page, enum side side,
		  const struct page_state *now)
{
	if (now->pfn && e->at_fork[page].pfn)
		return now->pfn != e->at_fork[page].pfn;
	return now->present && now->exclusive && e->written_first[page] == side;
}

/**
 * count_shared() - pages of the small region that both sides have in the same frame
 * @e: the experiment, with a child
 *
 * Return: their number.
 */
size_t count_shared(const struct experiment *e)
{
	struct page_state parent[SMALL_PAGES], child[SMALL_PAGES];
	size_t i, n = 0;

	read_pages_of(getpid(), e->small.start, SMALL_PAGES, parent);
	read_pages_of(e->child.pid, e->small.start, SMALL_PAGES, child);
	for (i = 0; i < SMALL_PAGES; i++)
		n += same_frame(&parent[i], &child[i]);
	return n;
}
