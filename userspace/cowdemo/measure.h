/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A parent and a child that share memory, and what can be measured of both: page frames from
 * /proc/PID/pagemap, faults and copies from /proc/cowstat. Any error that makes measuring
 * impossible ends the program with a message.
 */
#ifndef COWSTAT_MEASURE_H
#define COWSTAT_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "pagemap.h"
#include "puppet.h"
#include "region.h"
#include "table_reader.h"

#define SMALL_PAGES	64	/* pages of the small region */

/* The columns of /proc/cowstat that are watched. */
enum count {
	COUNT_FAULTS,
	COUNT_COPIED,
	COUNT_REUSED,
	NR_COUNTS,
};

/**
 * struct counts - the watched columns of a process, or how much they grew
 * @known: /proc/cowstat could be read
 * @n: the values
 */
struct counts {
	bool known;
	uint64_t n[NR_COUNTS];
};

enum side {
	PARENT,
	CHILD,
	NR_SIDES,
};

/**
 * struct experiment - a parent (this process), a child, and what was measured of them
 * @sees_pfn: frame numbers can be read
 * @sees_table: /proc/cowstat can be read, and is counting
 * @why_no_table: the reason, if not
 * @small: a region of SMALL_PAGES; its pages are looked at one by one
 * @big: a region large enough that the cost of a fork shows
 * @child: the child, if there is one
 * @at_fork: the pages of the small region when the child was forked
 * @written_first: which process wrote each page of it first since then; NR_SIDES for none
 * @before: counts at measure_begin()
 * @grew: how much they grew until measure_end()
 */
struct experiment {
	bool sees_pfn;
	bool sees_table;
	char why_no_table[256];
	struct region small;
	struct region big;
	struct puppet child;
	struct page_state at_fork[SMALL_PAGES];
	enum side written_first[SMALL_PAGES];
	struct counts before[NR_SIDES];
	struct counts grew[NR_SIDES];
};

void experiment_init(struct experiment *e, uint64_t big_bytes);
void experiment_free(struct experiment *e);

unsigned char *small_page(const struct experiment *e, size_t page);
pid_t pid_of(const struct experiment *e, enum side side);

void read_pages_of(pid_t pid, const void *start, size_t nr, struct page_state *page);
struct page_state read_page_of(pid_t pid, const void *start);
bool read_row(struct experiment *e, pid_t pid, struct cow_row *row);

void measure_begin(struct experiment *e);
void measure_end(struct experiment *e);
bool grew_by(const struct experiment *e, enum side side, enum count count, uint64_t by);
struct text growth_text(const struct experiment *e, enum side side, enum count count);

void start_child(struct experiment *e);
void start_settled_child(struct experiment *e);
void order_child(struct experiment *e, enum verb verb, unsigned char *start, size_t pages);
void end_child(struct experiment *e);
void write_small(struct experiment *e, enum side side, size_t first, size_t nr);

bool same_frame(const struct page_state *a, const struct page_state *b);
bool is_new_frame(const struct experiment *e, size_t page, enum side side,
		  const struct page_state *now);
size_t count_shared(const struct experiment *e);

#endif /* COWSTAT_MEASURE_H */
