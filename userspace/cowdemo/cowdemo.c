// SPDX-License-Identifier: GPL-2.0
/*
 * cowdemo: the textbook's lesson on copy-on-write, measured while it is told. Every number
 * is read at that moment from /proc/PID/pagemap, /proc/kpagecount, /proc/cowstat, /proc/
 * PID/smaps_rollup and /proc/meminfo; what cannot be read is said to be unknown. A sentence
 * that begins with "=>" was checked against the measurement before it was printed.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "launch.h"
#include "machine.h"
#include "pagemap.h"
#include "procfs.h"
#include "puppet.h"
#include "region.h"
#include "table_reader.h"
#include "terminal.h"
#include "usage.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define EXIT_SURPRISE	3		/* something was not as it is taught */

#define PAGES		64		/* of the small region, which is drawn */
#define WRITTEN		48		/* the rest of it is never touched */
#define ONE		5		/* the page that the child writes */
#define FIRST		16		/* the pages that the parent writes first */
#define MANY		8
#define FREED		30		/* the page that is written after the child's exec */
#define NEVER		60		/* a page that is never touched */

#define MAX_MAPPINGS	128
#define MAX_SCANNED	4096		/* pages of a mapping that is looked through */

/* Columns of /proc/cowstat that are watched. */
enum count {
	FAULTS,
	COPIED,
	REUSED,
	NR_COUNTS,
};

static const enum cowstat_column count_column[NR_COUNTS] = {
	COWSTAT_COL_WP_FAULTS, COWSTAT_COL_COPIED, COWSTAT_COL_REUSED,
};

/* What /proc/cowstat says of a process, or how much that grew. */
struct counts {
	bool known;
	uint64_t n[NR_COUNTS];
};

/**
 * struct answers - what the closing questions are answered with
 * @shared_pages: pages that fork shared, of the large process
 * @tables: bytes of page tables it built
 * @fork_ns: time it took
 * @memory_fell: bytes by which MemAvailable fell
 * @child_paid: pages copied by the child when it wrote first
 * @parent_paid: pages copied by the parent when it wrote first
 * @last_reused: faults of a last owner that reused its page
 * @last_copied: and that copied it
 * @exec_copied: pages that fork and exec copied in the child
 * @exec_known: whether /proc/cowstat told that
 * @where: in which mappings pages were copied
 */
struct answers {
	uint64_t shared_pages;
	uint64_t tables;
	uint64_t fork_ns;
	uint64_t memory_fell;
	uint64_t child_paid;
	uint64_t parent_paid;
	uint64_t last_reused;
	uint64_t last_copied;
	uint64_t exec_copied;
	bool exec_known;
	char where[128];
};

/**
 * struct lesson - where we are
 * @step: wait for a key
 * @number: of the step
 * @surprises: sentences that were not true
 * @sees_pfn: frame numbers can be read
 * @sees_table: /proc/cowstat can be read, and is counting
 * @why_no_table: if not
 * @machine: what we run on
 * @small: the region that is drawn
 * @big: the region of a size that counts
 * @child: the child, if there is one
 * @at_fork: the small region when that child was forked
 * @first_writer: who wrote to a page of it first since then: 0, 'c' or 'p'
 * @before: counts of parent and child at the beginning of a measurement
 * @grew: what was added since
 * @answers: for the end
 */
struct lesson {
	bool step;
	size_t number;
	size_t surprises;
	bool sees_pfn;
	bool sees_table;
	char why_no_table[256];
	struct machine machine;
	struct region small;
	struct region big;
	struct puppet child;
	struct page_state at_fork[PAGES];
	char first_writer[PAGES];
	struct counts before[2];
	struct counts grew[2];
	struct answers answers;
};

enum side {
	PARENT,
	CHILD,
};

static unsigned char *page_of(const struct region *r, size_t page)
{
	return r->start + page * COWSTAT_PAGE_BYTES;
}

static pid_t pid_of(const struct lesson *l, enum side side)
{
	return side == PARENT ? getpid() : l->child.pid;
}

static void see(pid_t pid, const void *start, size_t nr, struct page_state *page)
{
	int error = pagemap_read(pid, start, nr, page);

	if (error)
		errx(EXIT_FAILURE, "cannot read /proc/%d/pagemap: %s", pid, strerror(-error));
}

static struct page_state see_page(pid_t pid, const void *start)
{
	struct page_state page;

	see(pid, start, 1, &page);
	return page;
}

/* A process's row now. False when it has none, or nobody may see it. */
static bool see_row(struct lesson *l, pid_t pid, struct cow_row *row)
{
	const struct cow_row *found;
	struct cow_table t;

	*row = (struct cow_row){};
	if (!l->sees_table)
		return false;
	if (cow_table_read(COWSTAT_PROC_PATH, &t, l->why_no_table, sizeof(l->why_no_table)))
		errx(EXIT_FAILURE, "%s", l->why_no_table);
	found = cow_table_find(&t, pid);
	if (found)
		*row = *found;
	cow_table_free(&t);
	return found;
}

static struct counts see_counts(struct lesson *l, enum side side)
{
	struct counts counts = { .known = l->sees_table && pid_of(l, side) };
	struct cow_row row;
	size_t i;

	/* No row: nothing was counted yet. */
	if (counts.known && see_row(l, pid_of(l, side), &row))
		for (i = 0; i < NR_COUNTS; i++)
			counts.n[i] = row.value[count_column[i]];
	return counts;
}

static void begin(struct lesson *l)
{
	l->before[PARENT] = see_counts(l, PARENT);
	l->before[CHILD] = see_counts(l, CHILD);
}

static void measure(struct lesson *l)
{
	struct counts now[2] = { see_counts(l, PARENT), see_counts(l, CHILD) };
	size_t side, i;

	for (side = 0; side < 2; side++) {
		l->grew[side].known = now[side].known && l->before[side].known;
		for (i = 0; i < NR_COUNTS; i++)
			l->grew[side].n[i] = now[side].n[i] - l->before[side].n[i];
	}
}

/* Did a count grow by that much? Where it cannot be seen, nothing speaks against it. */
static bool grew(const struct lesson *l, enum side side, enum count count, uint64_t by)
{
	return !l->grew[side].known || l->grew[side].n[count] == by;
}

/* "+7", or "?" where it cannot be seen. */
static struct text growth(const struct lesson *l, enum side side, enum count count)
{
	struct text t = { "?" };

	if (l->grew[side].known)
		snprintf(t.s, sizeof(t.s), "+%" PRIu64, l->grew[side].n[count]);
	return t;
}

static void have_child(struct lesson *l)
{
	if (puppet_start(&l->child))
		exit(EXIT_FAILURE);
}

static void tell(struct lesson *l, enum verb verb, unsigned char *start, size_t pages)
{
	if (puppet_do(&l->child, verb, start, pages))
		exit(EXIT_FAILURE);
}

static void end_child(struct lesson *l)
{
	if (puppet_end(&l->child))
		exit(EXIT_FAILURE);
}

/*
 * Both sides write to a few pages of stack and libc after any fork. That is had before
 * anything is measured, so that what is measured is of the region alone.
 */
static void settle(struct lesson *l)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		tell(l, PUPPET_REST, NULL, 0);
		begin(l);
		measure(l);
	}
}

/* A child that shares the small region, and nothing has been written since. */
static void share_small(struct lesson *l)
{
	memset(l->first_writer, 0, sizeof(l->first_writer));
	see(getpid(), l->small.start, PAGES, l->at_fork);
	have_child(l);
	settle(l);
}

static void write_small(struct lesson *l, enum side side, size_t first, size_t nr)
{
	size_t i;

	if (side == PARENT)
		write_pages(page_of(&l->small, first), nr);
	else
		tell(l, PUPPET_WRITE, page_of(&l->small, first), nr);
	for (i = first; i < first + nr; i++)
		if (!l->first_writer[i])
			l->first_writer[i] = side == PARENT ? 'p' : 'c';
}

/* --- what is shown ---------------------------------------------------------- */

/* A sentence that the measurement must bear out. */
__attribute__((format(printf, 3, 4)))
static void conclude(struct lesson *l, bool so, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs(ink(so ? INK_GOOD : INK_BAD), stdout);
	if (so) {
		say("  => ", "     ", "%s", text);
	} else {
		l->surprises++;
		say("  !! ", "     ", "NOT AS MEASURED HERE: %s", text);
	}
	fputs(no_ink(), stdout);
}

static bool same_frame(const struct page_state *a, const struct page_state *b)
{
	if (a->pfn && b->pfn)
		return a->pfn == b->pfn;
	return a->present && b->present && !a->exclusive && !b->exclusive;
}

/* Without frame numbers: what has an owner of its own is no longer the page it was. */
static bool is_new(const struct lesson *l, size_t page, enum side side,
		   const struct page_state *now)
{
	if (now->pfn && l->at_fork[page].pfn)
		return now->pfn != l->at_fork[page].pfn;
	return now->present && now->exclusive &&
	       l->first_writer[page] == (side == PARENT ? 'p' : 'c');
}

static void print_side(const struct lesson *l, enum side side, const void *address,
		       const struct page_state *page, bool new)
{
	struct text pfn = { "none" }, mapped = { "-" };
	size_t i;

	if (page->present && page->pfn)
		snprintf(pfn.s, sizeof(pfn.s), "0x%" PRIx64 "%s", page->pfn, new ? " new" : "");
	else if (page->present)
		snprintf(pfn.s, sizeof(pfn.s), "hidden%s", new ? " new" : "");
	if (page->mapped)
		snprintf(mapped.s, sizeof(mapped.s), "%" PRIu64, page->mapped);
	else if (page->present)
		snprintf(mapped.s, sizeof(mapped.s), "?");
	printf("    %-7s 0x%-13" PRIxPTR " %-14s %-5s %6s", side == PARENT ? "parent" : "child",
	       (uintptr_t)address, pfn.s, !page->present ? "-" : page->exclusive ? "yes" : "no",
	       mapped.s);
	for (i = 0; i < NR_COUNTS; i++)
		printf(" %6s", growth(l, side, i).s);
	putchar('\n');
}

static void print_header(size_t page)
{
	char title[32];

	snprintf(title, sizeof(title), "page %zu at", page);
	printf("    %-7s %-15s %-14s %-5s %6s %6s %6s %6s\n", "", title, "frame (PFN)", "excl.",
	       "mapped", "faults", "copied", "reused");
}

/* One page of the small region, as both sides have it, and what the last step counted. */
static void print_page(const struct lesson *l, size_t page)
{
	const unsigned char *address = page_of(&l->small, page);
	struct page_state parent = see_page(getpid(), address), child = {};

	print_header(page);
	print_side(l, PARENT, address, &parent, is_new(l, page, PARENT, &parent));
	if (!l->child.pid)
		return;
	child = see_page(l->child.pid, address);
	print_side(l, CHILD, address, &child, is_new(l, page, CHILD, &child));
}

static enum cell cell_of(const struct lesson *l, size_t page, const struct page_state *parent,
			 const struct page_state *child)
{
	if (!parent->present && !child->present)
		return CELL_UNTOUCHED;
	/* The child is gone, or has become another program. */
	if (!child->present)
		return CELL_ALONE;
	if (same_frame(parent, child))
		return CELL_SHARED;
	if (is_new(l, page, CHILD, child))
		return CELL_COPIED_BY_CHILD;
	return CELL_COPIED_BY_PARENT;
}

/* Draw the small region. @reused: a page written by a second, last owner; or PAGES. */
static void print_grid(const struct lesson *l, size_t reused)
{
	struct page_state parent[PAGES], child[PAGES] = {};
	enum cell cell[PAGES];
	size_t i;

	see(getpid(), l->small.start, PAGES, parent);
	if (l->child.pid)
		see(l->child.pid, l->small.start, PAGES, child);
	for (i = 0; i < PAGES; i++)
		cell[i] = cell_of(l, i, &parent[i], &child[i]);
	if (reused < PAGES)
		cell[reused] = CELL_REUSED;
	putchar('\n');
	draw_grid(cell, PAGES);
}

/* How many pages of the small region both sides have in the same frame. */
static size_t shared_pages(const struct lesson *l)
{
	struct page_state parent[PAGES], child[PAGES];
	size_t i, n = 0;

	see(getpid(), l->small.start, PAGES, parent);
	see(l->child.pid, l->small.start, PAGES, child);
	for (i = 0; i < PAGES; i++)
		n += same_frame(&parent[i], &child[i]);
	return n;
}

/* --- the steps -------------------------------------------------------------- */

static void show_untouched(struct lesson *l)
{
	struct page_state parent, child;
	size_t shared;

	write_pages(l->small.start, WRITTEN);
	share_small(l);
	print_page(l, ONE);
	print_page(l, NEVER);
	print_grid(l, PAGES);
	shared = shared_pages(l);
	parent = see_page(getpid(), page_of(&l->small, NEVER));
	child = see_page(l->child.pid, page_of(&l->small, NEVER));
	conclude(l, shared == WRITTEN && !parent.present && !child.present,
		 "%zu pages are shared: the %d that were written. The other %d have no frame in either: memory that was only asked for is not even shared.",
		 shared, WRITTEN, PAGES - WRITTEN);
}

static void show_reading(struct lesson *l)
{
	size_t shared;

	begin(l);
	tell(l, PUPPET_READ, l->small.start, WRITTEN);
	measure(l);
	print_page(l, ONE);
	print_grid(l, PAGES);
	shared = shared_pages(l);
	conclude(l, shared == WRITTEN && grew(l, CHILD, FAULTS, 0) && grew(l, CHILD, COPIED, 0),
		 "The child read %d pages: copied %s. Both still have the same %zu frames.",
		 WRITTEN, growth(l, CHILD, COPIED).s, shared);
}

static void show_one_byte(struct lesson *l)
{
	struct page_state parent, child;

	begin(l);
	write_small(l, CHILD, ONE, 1);
	measure(l);
	l->answers.child_paid = l->grew[CHILD].n[COPIED];
	print_page(l, ONE);
	print_grid(l, PAGES);
	parent = see_page(getpid(), page_of(&l->small, ONE));
	child = see_page(l->child.pid, page_of(&l->small, ONE));
	conclude(l, is_new(l, ONE, CHILD, &child) && !is_new(l, ONE, PARENT, &parent) &&
		 grew(l, CHILD, FAULTS, 1) && grew(l, CHILD, COPIED, 1),
		 "One byte was written, one page of 4 KiB was copied. The child's frame is new, the parent keeps the old one.");
	begin(l);
	write_small(l, CHILD, ONE, 1);
	measure(l);
	conclude(l, grew(l, CHILD, FAULTS, 0) && grew(l, CHILD, COPIED, 0),
		 "A second write to the same page: faults %s, copied %s. It is the child's own now.",
		 growth(l, CHILD, FAULTS).s, growth(l, CHILD, COPIED).s);
}

static void show_other_side(struct lesson *l)
{
	struct page_state parent;

	begin(l);
	write_small(l, PARENT, ONE, 1);
	measure(l);
	l->answers.last_reused += l->grew[PARENT].n[REUSED];
	l->answers.last_copied += l->grew[PARENT].n[COPIED];
	print_page(l, ONE);
	print_grid(l, ONE);
	parent = see_page(getpid(), page_of(&l->small, ONE));
	conclude(l, !is_new(l, ONE, PARENT, &parent) && grew(l, PARENT, FAULTS, 1) &&
		 grew(l, PARENT, REUSED, 1) && grew(l, PARENT, COPIED, 0),
		 "Its page was still read-only, so it faulted as well; but nobody else has that frame any more, so it was made writable and nothing was copied.");
}

static void show_parent_pays(struct lesson *l)
{
	struct page_state parent, child;

	begin(l);
	write_small(l, PARENT, FIRST, MANY);
	measure(l);
	l->answers.parent_paid = l->grew[PARENT].n[COPIED];
	print_page(l, FIRST);
	print_grid(l, ONE);
	parent = see_page(getpid(), page_of(&l->small, FIRST));
	child = see_page(l->child.pid, page_of(&l->small, FIRST));
	conclude(l, is_new(l, FIRST, PARENT, &parent) && !is_new(l, FIRST, CHILD, &child) &&
		 grew(l, PARENT, COPIED, MANY) && grew(l, CHILD, COPIED, 0),
		 "The parent wrote %d pages first, so the parent copied: %s. Whoever writes first pays; the other keeps the original.",
		 MANY, growth(l, PARENT, COPIED).s);
	end_child(l);
}

/* A line of /proc/PID/smaps_rollup, in bytes. */
static uint64_t rollup(pid_t pid, const char *key)
{
	char path[64], line[128];
	uint64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		err(EXIT_FAILURE, "cannot read %s", path);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), ": %" SCNu64 " kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

static void show_rss(struct lesson *l)
{
	uint64_t before, after, rss[2], pss[2], begin_ns, bytes;
	size_t side;

	region_fill(&l->big);
	bytes = region_bytes(&l->big);
	before = procfs_meminfo("MemAvailable");
	begin_ns = now_ns();
	have_child(l);
	l->answers.fork_ns = now_ns() - begin_ns;
	tell(l, PUPPET_READ, l->big.start, l->big.pages);
	after = procfs_meminfo("MemAvailable");
	for (side = 0; side < 2; side++) {
		rss[side] = rollup(pid_of(l, side), "Rss");
		pss[side] = rollup(pid_of(l, side), "Pss");
	}
	end_child(l);
	l->answers.memory_fell = before > after ? before - after : 0;
	printf("    %-24s %14s %14s %14s\n", "", "parent", "child", "sum");
	printf("    %-24s %14s %14s %14s\n", "RSS: what each can reach", format_size(rss[0]).s,
	       format_size(rss[1]).s, format_size(rss[0] + rss[1]).s);
	printf("    %-24s %14s %14s %14s\n", "PSS: its fair share", format_size(pss[0]).s,
	       format_size(pss[1]).s, format_size(pss[0] + pss[1]).s);
	printf("    %-24s %14s %14s %14s\n\n", "MemAvailable of all", format_size(before).s,
	       format_size(after).s, "(before, after)");
	conclude(l, rss[0] + rss[1] > 2 * bytes && pss[0] + pss[1] < bytes + bytes / 2 &&
		 l->answers.memory_fell < bytes / 4,
		 "RSS counts a shared page in both, so the sum says %s. The machine has lost %s.",
		 format_size(rss[0] + rss[1]).s, format_size(l->answers.memory_fell).s);
}

static void show_shared(struct lesson *l)
{
	size_t bytes = MANY * COWSTAT_PAGE_BYTES;
	unsigned char *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct page_state parent, child;

	if (shared == MAP_FAILED)
		err(EXIT_FAILURE, "cannot map shared memory");
	memset(shared, 1, bytes);
	have_child(l);
	settle(l);
	begin(l);
	tell(l, PUPPET_WRITE, shared, MANY);
	measure(l);
	parent = see_page(getpid(), shared);
	child = see_page(l->child.pid, shared);
	print_header(0);
	print_side(l, PARENT, shared, &parent, false);
	print_side(l, CHILD, shared, &child, false);
	putchar('\n');
	conclude(l, shared[0] == 7 && parent.pfn == child.pfn && grew(l, CHILD, COPIED, 0) &&
		 grew(l, PARENT, COPIED, 0),
		 "The child wrote %d pages and copied %s; the parent reads the child's bytes (it put 1, and now finds %d). MAP_SHARED stays shared.",
		 MANY, growth(l, CHILD, COPIED).s, shared[0]);
	end_child(l);
	munmap(shared, bytes);
}

static void show_exec_frees(struct lesson *l)
{
	struct page_state before, after;

	share_small(l);
	print_page(l, FREED);
	before = see_page(getpid(), page_of(&l->small, FREED));
	tell(l, PUPPET_EXEC, NULL, 0);
	printf("    ... the child calls exec, and lives on as another program ...\n");
	begin(l);
	/* Not noted as a first write: the page is the parent's own since the exec. */
	write_pages(page_of(&l->small, FREED), 1);
	measure(l);
	l->answers.last_reused += l->grew[PARENT].n[REUSED];
	l->answers.last_copied += l->grew[PARENT].n[COPIED];
	print_page(l, FREED);
	print_grid(l, l->grew[PARENT].n[REUSED] == 1 ? FREED : PAGES);
	after = see_page(getpid(), page_of(&l->small, FREED));
	conclude(l, !before.exclusive && after.exclusive && !is_new(l, FREED, PARENT, &after) &&
		 grew(l, PARENT, REUSED, 1) && grew(l, PARENT, COPIED, 0),
		 "exec gave the child a new address space, and the old one back. The parent is the only owner again: it wrote, reused %s, copied %s.",
		 growth(l, PARENT, REUSED).s, growth(l, PARENT, COPIED).s);
	end_child(l);
}

/* The private memory of a process besides the regions, as it was at some moment. */
struct scan {
	struct mapping mapping[MAX_MAPPINGS];
	size_t nr;
	struct page_state *page[MAX_MAPPINGS];
};

static void scan_pages(const struct scan *where, pid_t pid, struct page_state **page)
{
	size_t i;

	for (i = 0; i < where->nr; i++) {
		page[i] = calloc(where->mapping[i].pages, sizeof(**page));
		if (!page[i])
			err(EXIT_FAILURE, NULL);
		see(pid, where->mapping[i].start, where->mapping[i].pages, page[i]);
	}
}

static bool within(const struct mapping *m, const struct region *r)
{
	return (unsigned char *)m->start < r->start + region_bytes(r) &&
	       (unsigned char *)m->start + m->pages * COWSTAT_PAGE_BYTES > r->start;
}

static void scan_self(struct lesson *l, struct scan *scan)
{
	size_t nr = mappings_read(getpid(), scan->mapping, MAX_MAPPINGS), i;

	scan->nr = 0;
	for (i = 0; i < nr; i++)
		if (!within(&scan->mapping[i], &l->big) && !within(&scan->mapping[i], &l->small) &&
		    scan->mapping[i].pages <= MAX_SCANNED)
			scan->mapping[scan->nr++] = scan->mapping[i];
	scan_pages(scan, getpid(), scan->page);
}

/* Was a page, which both shared at the fork, replaced in one of them since? */
static bool replaced(const struct page_state *then, const struct page_state *now)
{
	if (!then->present || !now->present)
		return false;
	return then->pfn ? now->pfn != then->pfn : now->exclusive;
}

static const char *mapping_name(const struct mapping *m)
{
	return *m->name ? m->name : "libc's own memory";
}

static void add_word(char *to, size_t size, const char *word)
{
	size_t len = strlen(to);

	if (strstr(to, word))
		return;
	snprintf(to + len, size - len, "%s%s", len ? ", " : "", word);
}

static size_t print_scan(struct lesson *l, const struct scan *scan,
			 struct page_state *const *parent, struct page_state *const *child)
{
	size_t i, p, by_parent, by_child, sum = 0;

	/* Without frame numbers it is only seen that they no longer share. */
	printf("    %-36s %16s %16s\n", "pages replaced, by mapping",
	       l->sees_pfn ? "in the child" : "in either", l->sees_pfn ? "in the parent" : "");
	for (i = 0; i < scan->nr; i++) {
		by_parent = by_child = 0;
		for (p = 0; p < scan->mapping[i].pages; p++) {
			by_child += replaced(&scan->page[i][p], &child[i][p]);
			by_parent += replaced(&scan->page[i][p], &parent[i][p]);
		}
		if (!by_parent && !by_child)
			continue;
		printf("    %-36.36s %16zu", mapping_name(&scan->mapping[i]), by_child);
		if (l->sees_pfn)
			printf(" %16zu", by_parent);
		putchar('\n');
		if (by_child)
			add_word(l->answers.where, sizeof(l->answers.where),
				 mapping_name(&scan->mapping[i]));
		sum += by_child;
	}
	return sum;
}

static void show_why_not_zero(struct lesson *l)
{
	struct page_state *parent[MAX_MAPPINGS], *child[MAX_MAPPINGS];
	struct scan *scan = calloc(1, sizeof(*scan));
	size_t replaced, i;
	struct cow_row row;
	pid_t pid;

	if (!scan)
		err(EXIT_FAILURE, NULL);
	scan_self(l, scan);
	have_child(l);
	pid = l->child.pid;
	tell(l, PUPPET_REST, NULL, 0);
	scan_pages(scan, pid, child);
	scan_pages(scan, getpid(), parent);
	replaced = print_scan(l, scan, parent, child);
	tell(l, PUPPET_EXEC, NULL, 0);
	end_child(l);
	if (see_row(l, pid, &row) && row.known[COWSTAT_COL_PRE_EXEC_COPIED]) {
		l->answers.exec_known = true;
		l->answers.exec_copied = row.value[COWSTAT_COL_PRE_EXEC_COPIED];
		printf("    /proc/cowstat, until the exec: pre_exec_copied %" PRIu64
		       ", parent_copied %" PRIu64 "\n", l->answers.exec_copied,
		       row.value[COWSTAT_COL_PARENT_COPIED]);
	} else {
		l->answers.exec_copied = replaced;
	}
	putchar('\n');
	conclude(l, replaced && l->answers.exec_copied < 64 &&
		 (!l->answers.exec_known || l->answers.exec_copied),
		 "Between fork and exec the child runs: it returns from fork, calls functions, keeps libc's books. Every page it writes there is copied: %" PRIu64 ", and not one of the data.",
		 l->answers.exec_copied);
	for (i = 0; i < scan->nr; i++) {
		free(scan->page[i]);
		free(parent[i]);
		free(child[i]);
	}
	free(scan);
}

/* VmPTE, in bytes. */
static uint64_t page_tables_of(pid_t pid)
{
	char path[64], line[128];
	uint64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		err(EXIT_FAILURE, "cannot read %s", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %" SCNu64 " kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

static void show_page_tables(struct lesson *l)
{
	uint64_t least = l->big.pages * sizeof(uint64_t), begin_ns;
	struct answers *a = &l->answers;
	struct cow_row row;

	begin_ns = now_ns();
	have_child(l);
	a->fork_ns = now_ns() - begin_ns;
	tell(l, PUPPET_REST, NULL, 0);
	a->tables = page_tables_of(l->child.pid);
	a->shared_pages = l->big.pages;
	printf("    %-44s %16s\n", "pages of the large region", format_number(l->big.pages).s);
	printf("    %-44s %16s\n", "8 bytes for each of them", format_size(least).s);
	printf("    %-44s %16s\n", "page tables of the child (VmPTE)", format_size(a->tables).s);
	if (see_row(l, l->child.pid, &row) && row.known[COWSTAT_COL_BIRTH_PGTABLES_BYTES]) {
		a->shared_pages = row.value[COWSTAT_COL_BIRTH_ANON_PAGES];
		printf("    %-44s %16s\n", "at its birth (birth_pgtables_bytes)",
		       format_size(row.value[COWSTAT_COL_BIRTH_PGTABLES_BYTES]).s);
		printf("    %-44s %16s\n", "private pages shared (birth_anon_pages)",
		       format_number(a->shared_pages).s);
	}
	printf("    %-44s %16s\n\n", l->machine.emulated ? "time of the fork (emulated)" :
	       "time of the fork", format_duration(a->fork_ns).s);
	end_child(l);
	conclude(l, a->tables >= least && a->tables < 2 * least + (1 << 20),
		 "fork does copy something: the page tables. \"A few kilobytes\" is true of small processes; for %s it is %s, and they are most of the time that fork takes.",
		 format_size_short(region_bytes(&l->big)).s, format_size(a->tables).s);
}

static void show_vfork(struct lesson *l)
{
	static const struct {
		enum launch way;
		const char *name;
	} ways[] = {
		{ LAUNCH_FORK, "fork + exec" },
		{ LAUNCH_VFORK, "vfork + exec" },
	};
	struct text copied[2] = { { "?" }, { "?" } }, tables[2] = { { "?" }, { "?" } };
	struct launched child[2];
	struct cow_row row;
	bool none = true;
	size_t i;

	printf("    %-16s %18s %18s %20s\n", "", "copied before exec", "page tables built",
	       l->machine.emulated ? "to exit (emulated)" : "to exit");
	for (i = 0; i < 2; i++) {
		if (launch(ways[i].way, &l->big, "/bin/true", &child[i]))
			exit(EXIT_FAILURE);
		if (see_row(l, child[i].pid, &row)) {
			copied[i] = format_number(row.value[COWSTAT_COL_PRE_EXEC_COPIED]);
			tables[i] = row.known[COWSTAT_COL_BIRTH_PGTABLES_BYTES] ?
				format_size(row.value[COWSTAT_COL_BIRTH_PGTABLES_BYTES]) :
				(struct text){ "none" };
			none = !row.value[COWSTAT_COL_PRE_EXEC_COPIED] &&
			       !row.known[COWSTAT_COL_BIRTH_PGTABLES_BYTES];
		}
		printf("    %-16s %18s %18s %20s\n", ways[i].name, copied[i].s, tables[i].s,
		       format_duration(child[i].exit_ns).s);
	}
	putchar('\n');
	conclude(l, none,
		 "vfork lends the child its parent's memory until it calls exec, and the parent waits: nothing is shared copy-on-write, nothing is built, %s pages are copied. posix_spawn does the same.",
		 copied[1].s);
}

static const struct step {
	const char *title;
	const char *ask;
	void (*show)(struct lesson *l);
} steps[] = {
	{ "untouched memory is not even shared",
	  "A process asks for 64 pages, writes 48 of them, and forks. How many are shared?",
	  show_untouched },
	{ "reading copies nothing",
	  "The child reads all 48 pages. How many are copied?", show_reading },
	{ "one byte copies one page",
	  "The child writes one byte to page 5. How much is copied, and for whom?",
	  show_one_byte },
	{ "the other side still faults, and reuses",
	  "Now the parent writes to its page 5, of which the child has a copy. Is it copied again?",
	  show_other_side },
	{ "the parent pays too",
	  "The parent writes to 8 pages that the child has not written. Who copies?",
	  show_parent_pays },
	{ "RSS doubles, memory does not",
	  "A large process forks, and its child reads everything. How much memory is gone?",
	  show_rss },
	{ "MAP_SHARED is not copy-on-write",
	  "Parent and child have a MAP_SHARED mapping, and the child writes to it. What is copied?",
	  show_shared },
	{ "exec frees the sharer",
	  "Page 30 is shared. The child calls exec; then the parent writes to the page. Is it copied?",
	  show_exec_frees },
	{ "why fork + exec does not copy zero pages",
	  "A child that only calls exec touches no data. Why is anything copied at all?",
	  show_why_not_zero },
	{ "page tables are what fork builds",
	  "If fork copies no data, what does it do all that time?", show_page_tables },
	{ "vfork shares even the page tables",
	  "vfork and posix_spawn start programs, too. What do they copy?", show_vfork },
};

static void pause_for_reader(const struct lesson *l)
{
	if (!l->step)
		return;
	switch (wait_for_key("  [any key: go on; q: quit]")) {
	case 'q':
		exit(EXIT_SUCCESS);
	default:
		break;
	}
}

static void run_step(struct lesson *l, const struct step *step)
{
	l->number++;
	printf("\n%sStep %zu of %zu: %s%s\n", ink(INK_TITLE), l->number, ARRAY_SIZE(steps),
	       step->title, no_ink());
	fputs(ink(INK_ASK), stdout);
	say("  ?  ", "     ", "%s", step->ask);
	fputs(no_ink(), stdout);
	pause_for_reader(l);
	putchar('\n');
	step->show(l);
	fflush(stdout);
}

static void answer(struct lesson *l, size_t number, const char *question)
{
	char first[8];

	snprintf(first, sizeof(first), "  %zu. ", number);
	fputs(ink(INK_ASK), stdout);
	say(first, "     ", "%s", question);
	fputs(no_ink(), stdout);
	pause_for_reader(l);
}

static void close_lesson(struct lesson *l)
{
	const struct answers *a = &l->answers;
	struct text size = format_size_short(region_bytes(&l->big));
	char question[128];

	printf("\n%sFive questions, and the answers that were just measured%s\n", ink(INK_TITLE),
	       no_ink());
	answer(l, 1, "What is copied at fork?");
	say("     ", "     ", "No page of data: %s pages were shared. Page tables were built: %s.",
	    format_number(a->shared_pages).s, format_size(a->tables).s);
	answer(l, 2, "Who pays, parent or child?");
	if (l->sees_table)
		say("     ", "     ", "Whoever writes first: the child wrote 1 page first and copied %" PRIu64 "; the parent wrote %d first and copied %" PRIu64 ".",
		    a->child_paid, MANY, a->parent_paid);
	else
		say("     ", "     ", "Whoever writes first: the frame of whoever wrote first was the new one. (How many were copied: not counted, see above.)");
	answer(l, 3, "What happens on the last owner's write?");
	if (l->sees_table)
		say("     ", "     ", "A fault, and no copy: of %" PRIu64 " such writes %" PRIu64 " reused the page, %" PRIu64 " copied it.",
		    a->last_reused + a->last_copied, a->last_reused, a->last_copied);
	else
		say("     ", "     ", "No copy: the frame stayed the same. (Whether it faulted: not counted, see above.)");
	answer(l, 4, "Why does fork + exec copy a few pages, and not zero?");
	say("     ", "     ", "The child runs until its exec, and writes to what every program writes to: %s. Here %" PRIu64 " pages%s.",
	    *a->where ? a->where : "stack and libc", a->exec_copied,
	    a->exec_known ? "" : ", at least");
	snprintf(question, sizeof(question), "What does a fork of %s really cost?", size.s);
	answer(l, 5, question);
	say("     ", "     ", "%s%s and %s of page tables, instead of copying %s. MemAvailable fell by %s.",
	    format_duration(a->fork_ns).s, l->machine.emulated ? " (emulated: compare only)" : "",
	    format_size(a->tables).s, size.s, format_size(a->memory_fell).s);
	if (l->surprises)
		printf("\n%s%zu sentence%s not true here: see \"!!\" above.%s\n", ink(INK_BAD),
		       l->surprises, l->surprises == 1 ? " was" : "s were", no_ink());
}

/* --- beginning --------------------------------------------------------------- */

static void find_table(struct lesson *l)
{
	struct cow_table t;

	if (cow_table_read(COWSTAT_PROC_PATH, &t, l->why_no_table, sizeof(l->why_no_table)))
		return;
	l->sees_table = t.counting.value;
	if (!l->sees_table)
		snprintf(l->why_no_table, sizeof(l->why_no_table),
			 "counting is off. Try: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	cow_table_free(&t);
}

/* What will be missing, and why, is said before and not in between. */
static void introduce(struct lesson *l)
{
	static char probe;
	struct page_state page;

	probe = 1;
	page = see_page(getpid(), (void *)((uintptr_t)&probe & ~(COWSTAT_PAGE_BYTES - 1)));
	l->sees_pfn = page.pfn;
	find_table(l);
	printf("%sCopy-on-write, measured%s on Linux %s", ink(INK_TITLE), no_ink(),
	       l->machine.kernel);
	printf("%s\n", l->machine.emulated ? " (emulated)" : "");
	if (!l->sees_pfn)
		say("  Reduced: ", "     ", "frame numbers and map counts are shown to root only; the exclusive flag (excl.) tells who shares a page.");
	if (!l->sees_table)
		say("  Reduced: ", "     ", "faults are not counted: %s", l->why_no_table);
	say("  ", "  ", "frame: the page's place in physical memory. excl.: nobody else maps it. mapped: by how many page tables. faults, copied, reused: what " COWSTAT_PROC_PATH " counted in this step.");
}

/* One CPU: a page in another CPU's LRU batch looks shared, and the last owner then copies. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		warn("cannot stay on one CPU; the last owner of a page may then copy it");
}

static void usage(FILE *to)
{
	fputs("usage: cowdemo [--step] [--size SIZE]\n"
	      "The textbook's lesson on copy-on-write, measured while it is told.\n"
	      "  --step        wait for a key after each question\n"
	      "  --size SIZE   memory of the large process (default 500M; k, M, G)\n"
	      "  --help\n"
	      "  --version\n"
	      "Full detail needs root and the module; without them it says what is missing.\n"
	      "Exit status: 0 all is as it is taught, 1 an error, 2 a wrong command line,\n"
	      "3 something that was measured is not as it is taught.\n", to);
}

static uint64_t size_option(const char *text)
{
	uint64_t size;

	if (parse_size(text, &size) || size < 1 << 20 || size > 1ULL << 40)
		bad_usage("--size %s: give one from 1M to 1T, like 500M", text);
	return size;
}

int main(int argc, char **argv)
{
	enum { OPT_STEP = 256, OPT_SIZE, OPT_HELP, OPT_VERSION };
	static const struct option longs[] = {
		{ "step",	no_argument,		NULL, OPT_STEP },
		{ "size",	required_argument,	NULL, OPT_SIZE },
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "version",	no_argument,		NULL, OPT_VERSION },
		{}
	};
	struct lesson l = {};
	uint64_t size = 500ULL << 20, available;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case OPT_STEP:
			l.step = true;
			break;
		case OPT_SIZE:
			size = size_option(optarg);
			break;
		case OPT_HELP:
			usage(stdout);
			return EXIT_SUCCESS;
		case OPT_VERSION:
			puts("cowdemo " COWSTAT_RELEASE);
			return EXIT_SUCCESS;
		default:
			point_to_help();	/* getopt_long() has said why */
		}
	}
	if (optind < argc)
		bad_usage("what is \"%s\"? There are only options", argv[optind]);
	available = procfs_meminfo("MemAvailable");
	if (available && size > available / 5 * 4)
		errx(EXIT_FAILURE, "%s of memory is free: try a smaller --size",
		     format_size(available).s);
	screen_init();
	pin();
	machine_read(&l.machine);
	if (region_map(&l.small, PAGES * COWSTAT_PAGE_BYTES, PAGES_4K) ||
	    region_map(&l.big, size, PAGES_4K))
		return EXIT_FAILURE;
	introduce(&l);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		run_step(&l, &steps[i]);
	close_lesson(&l);
	region_unmap(&l.big);
	region_unmap(&l.small);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write the lesson");
	return l.surprises ? EXIT_SURPRISE : EXIT_SUCCESS;
}
