// SPDX-License-Identifier: GPL-2.0
/* Each conclusion is compared with the measurement before it is printed. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "print.h"
#include "procfs.h"
#include "steps.h"
#include "terminal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define FILLED_PAGES	48	/* of the small region; the rest is never touched */
#define DEMO_PAGE	5	/* the page that the child writes */
#define PARENT_FIRST	16	/* the first of the pages that the parent writes first */
#define EXEC_PAGE	30	/* the page that the parent writes after the child's exec */
#define UNTOUCHED_PAGE	60	/* a page that is never touched */

#define SHARED_PAGES	8	/* of a MAP_SHARED mapping */

#define MAX_MAPPINGS	128
#define MAX_SCANNED	4096	/* larger mappings are not scanned, in pages */

/* A figure of /proc/PID/@file in bytes. */
static uint64_t pid_bytes(pid_t pid, const char *file, const char *key)
{
	uint64_t bytes = 0;
	int error = procfs_pid_figure(pid, file, key, &bytes);

	if (error && error != -ENODATA)
		errx(EXIT_FAILURE, "cannot read /proc/%d/%s: %s", pid, file, strerror(-error));
	return bytes;
}

/*
 * Print a sentence. @so: the measurement confirms it; a sentence that it contradicts is marked
 * and counted.
 */
__attribute__((format(printf, 3, 4))) static void conclude(struct lesson *l, bool so,
							   const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs(ink(so ? INK_GOOD : INK_BAD), stdout);
	if (so) {
		print_wrapped("  => ", "     ", "%s", text);
	} else {
		l->refuted++;
		print_wrapped("  !! ", "     ", "NOT AS MEASURED HERE: %s", text);
	}
	fputs(no_ink(), stdout);
}

static void show_untouched(struct lesson *l)
{
	struct experiment *e = &l->e;
	struct page_state parent, child;
	size_t shared;

	write_pages(e->small.start, FILLED_PAGES);
	start_settled_child(e);
	print_page(e, DEMO_PAGE);
	print_page(e, UNTOUCHED_PAGE);
	print_grid(e, SMALL_PAGES);
	shared = count_shared(e);
	parent = read_page_of(getpid(), small_page(e, UNTOUCHED_PAGE));
	child = read_page_of(e->child.pid, small_page(e, UNTOUCHED_PAGE));
	conclude(l, shared == FILLED_PAGES && !parent.present && !child.present,
		 "%zu pages are shared: the %d that were written. The other %d have no frame in either process: untouched memory is not even shared.",
		 shared, FILLED_PAGES, SMALL_PAGES - FILLED_PAGES);
}

static void show_reading(struct lesson *l)
{
	struct experiment *e = &l->e;
	size_t shared;

	measure_begin(e);
	order_child(e, PUPPET_READ, e->small.start, FILLED_PAGES);
	measure_end(e);
	print_page(e, DEMO_PAGE);
	print_grid(e, SMALL_PAGES);
	shared = count_shared(e);
	conclude(l,
		 shared == FILLED_PAGES && grew_by(e, CHILD, COUNT_FAULTS, 0) &&
			 grew_by(e, CHILD, COUNT_COPIED, 0),
		 "The child read %d pages: copied %s. Both still have the same %zu frames.",
		 FILLED_PAGES, growth_text(e, CHILD, COUNT_COPIED).s, shared);
}

static void show_one_byte(struct lesson *l)
{
	struct experiment *e = &l->e;
	struct page_state parent, child;

	measure_begin(e);
	write_small(e, CHILD, DEMO_PAGE, 1);
	measure_end(e);
	l->answers.child_copied = e->grew[CHILD].n[COUNT_COPIED];
	print_page(e, DEMO_PAGE);
	print_grid(e, SMALL_PAGES);
	parent = read_page_of(getpid(), small_page(e, DEMO_PAGE));
	child = read_page_of(e->child.pid, small_page(e, DEMO_PAGE));
	conclude(l,
		 is_new_frame(e, DEMO_PAGE, CHILD, &child) &&
			 !is_new_frame(e, DEMO_PAGE, PARENT, &parent) &&
			 grew_by(e, CHILD, COUNT_FAULTS, 1) && grew_by(e, CHILD, COUNT_COPIED, 1),
		 "One byte was written, so one page of 4 KiB was copied. The child got a new frame, and the parent keeps the old one.");
	measure_begin(e);
	write_small(e, CHILD, DEMO_PAGE, 1);
	measure_end(e);
	conclude(l, grew_by(e, CHILD, COUNT_FAULTS, 0) && grew_by(e, CHILD, COUNT_COPIED, 0),
		 "A second write to the same page: faults %s, copied %s. The page now belongs to the child alone.",
		 growth_text(e, CHILD, COUNT_FAULTS).s, growth_text(e, CHILD, COUNT_COPIED).s);
}

static void show_other_side(struct lesson *l)
{
	struct experiment *e = &l->e;
	struct page_state parent;

	measure_begin(e);
	write_small(e, PARENT, DEMO_PAGE, 1);
	measure_end(e);
	l->answers.last_reused += e->grew[PARENT].n[COUNT_REUSED];
	l->answers.last_copied += e->grew[PARENT].n[COUNT_COPIED];
	print_page(e, DEMO_PAGE);
	print_grid(e, DEMO_PAGE);
	parent = read_page_of(getpid(), small_page(e, DEMO_PAGE));
	conclude(l,
		 !is_new_frame(e, DEMO_PAGE, PARENT, &parent) &&
			 grew_by(e, PARENT, COUNT_FAULTS, 1) &&
			 grew_by(e, PARENT, COUNT_REUSED, 1) && grew_by(e, PARENT, COUNT_COPIED, 0),
		 "The parent's page was still read-only, so the write faulted. But no other process maps that frame any more, so the kernel made it writable and copied nothing.");
}

static void show_parent_pays(struct lesson *l)
{
	struct experiment *e = &l->e;
	struct page_state parent, child;

	measure_begin(e);
	write_small(e, PARENT, PARENT_FIRST, PARENT_PAGES);
	measure_end(e);
	l->answers.parent_copied = e->grew[PARENT].n[COUNT_COPIED];
	print_page(e, PARENT_FIRST);
	print_grid(e, DEMO_PAGE);
	parent = read_page_of(getpid(), small_page(e, PARENT_FIRST));
	child = read_page_of(e->child.pid, small_page(e, PARENT_FIRST));
	conclude(l,
		 is_new_frame(e, PARENT_FIRST, PARENT, &parent) &&
			 !is_new_frame(e, PARENT_FIRST, CHILD, &child) &&
			 grew_by(e, PARENT, COUNT_COPIED, PARENT_PAGES) &&
			 grew_by(e, CHILD, COUNT_COPIED, 0),
		 "The parent wrote %d pages first, so the parent copied: %s. The process that writes first pays; the other one keeps the original.",
		 PARENT_PAGES, growth_text(e, PARENT, COUNT_COPIED).s);
	end_child(e);
}

static void show_rss(struct lesson *l)
{
	struct experiment *e = &l->e;
	uint64_t before, after, rss[2], pss[2], begin_ns, bytes;
	size_t side;

	region_fill(&e->big);
	bytes = region_bytes(&e->big);
	before = procfs_meminfo("MemAvailable");
	begin_ns = now_ns();
	start_child(e);
	l->answers.fork_ns = now_ns() - begin_ns;
	order_child(e, PUPPET_READ, e->big.start, e->big.pages);
	after = procfs_meminfo("MemAvailable");
	for (side = 0; side < 2; side++) {
		rss[side] = pid_bytes(pid_of(e, side), "smaps_rollup", "Rss");
		pss[side] = pid_bytes(pid_of(e, side), "smaps_rollup", "Pss");
	}
	end_child(e);
	l->answers.memory_fell = before > after ? before - after : 0;
	printf("    %-24s %14s %14s %14s\n", "", "parent", "child", "sum");
	printf("    %-24s %14s %14s %14s\n", "RSS: pages each one maps", format_size(rss[0]).s,
	       format_size(rss[1]).s, format_size(rss[0] + rss[1]).s);
	printf("    %-24s %14s %14s %14s\n", "PSS: shared pages split", format_size(pss[0]).s,
	       format_size(pss[1]).s, format_size(pss[0] + pss[1]).s);
	printf("    %-24s %14s %14s %14s\n\n", "MemAvailable", format_size(before).s,
	       format_size(after).s, "(before, after)");
	conclude(l,
		 rss[0] + rss[1] > 2 * bytes && pss[0] + pss[1] < bytes + bytes / 2 &&
			 l->answers.memory_fell < bytes / 4,
		 "RSS counts a shared page in both processes, so the sum is %s. The memory available to the machine fell by only %s.",
		 format_size(rss[0] + rss[1]).s, format_size(l->answers.memory_fell).s);
}

static void show_shared(struct lesson *l)
{
	struct experiment *e = &l->e;
	size_t bytes = SHARED_PAGES * COWSTAT_PAGE_BYTES;
	unsigned char *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct page_state parent, child;

	if (shared == MAP_FAILED)
		err(EXIT_FAILURE, "cannot map shared memory");
	memset(shared, 1, bytes);
	start_settled_child(e);
	measure_begin(e);
	order_child(e, PUPPET_WRITE, shared, SHARED_PAGES);
	measure_end(e);
	parent = read_page_of(getpid(), shared);
	child = read_page_of(e->child.pid, shared);
	print_header(0);
	print_side(e, PARENT, shared, &parent, false);
	print_side(e, CHILD, shared, &child, false);
	putchar('\n');
	conclude(l,
		 shared[0] == 7 && parent.pfn == child.pfn && grew_by(e, CHILD, COUNT_COPIED, 0) &&
			 grew_by(e, PARENT, COUNT_COPIED, 0),
		 "The child wrote %d pages and copied %s. The parent reads the child's bytes: it wrote 1 before, and now reads %d. MAP_SHARED memory stays shared.",
		 SHARED_PAGES, growth_text(e, CHILD, COUNT_COPIED).s, shared[0]);
	end_child(e);
	munmap(shared, bytes);
}

static void show_exec_frees(struct lesson *l)
{
	struct experiment *e = &l->e;
	struct page_state before, after;

	start_settled_child(e);
	print_page(e, EXEC_PAGE);
	before = read_page_of(getpid(), small_page(e, EXEC_PAGE));
	order_child(e, PUPPET_EXEC, NULL, 0);
	printf("    ... the child calls exec, and goes on as another program ...\n");
	measure_begin(e);
	/* Not by write_small(): since the exec this page is not shared. */
	write_pages(small_page(e, EXEC_PAGE), 1);
	measure_end(e);
	l->answers.last_reused += e->grew[PARENT].n[COUNT_REUSED];
	l->answers.last_copied += e->grew[PARENT].n[COUNT_COPIED];
	print_page(e, EXEC_PAGE);
	print_grid(e, e->grew[PARENT].n[COUNT_REUSED] == 1 ? EXEC_PAGE : SMALL_PAGES);
	after = read_page_of(getpid(), small_page(e, EXEC_PAGE));
	conclude(l,
		 !before.exclusive && after.exclusive &&
			 !is_new_frame(e, EXEC_PAGE, PARENT, &after) &&
			 grew_by(e, PARENT, COUNT_REUSED, 1) && grew_by(e, PARENT, COUNT_COPIED, 0),
		 "exec gave the child a new address space and freed the old one. The parent is the only owner again: after its write, reused %s, copied %s.",
		 growth_text(e, PARENT, COUNT_REUSED).s, growth_text(e, PARENT, COUNT_COPIED).s);
	end_child(e);
}

/**
 * struct scan - state of a process's private memory outside the two regions
 * @mapping: the mappings that were scanned
 * @nr: their number
 * @page: by mapping: state of each of its pages
 */
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
		read_pages_of(pid, where->mapping[i].start, where->mapping[i].pages, page[i]);
	}
}

static bool overlaps(const struct mapping *m, const struct region *r)
{
	return (unsigned char *)m->start < r->start + region_bytes(r) &&
	       (unsigned char *)m->start + m->pages * COWSTAT_PAGE_BYTES > r->start;
}

static void scan_self(const struct experiment *e, struct scan *scan)
{
	size_t nr = mappings_read(getpid(), scan->mapping, MAX_MAPPINGS), i;

	scan->nr = 0;
	for (i = 0; i < nr; i++)
		if (!overlaps(&scan->mapping[i], &e->big) &&
		    !overlaps(&scan->mapping[i], &e->small) &&
		    scan->mapping[i].pages <= MAX_SCANNED)
			scan->mapping[scan->nr++] = scan->mapping[i];
	scan_pages(scan, getpid(), scan->page);
}

/* Has a page, which both sides shared at the fork, been replaced in this process since? */
static bool replaced(const struct page_state *at_fork, const struct page_state *now)
{
	if (!at_fork->present || !now->present)
		return false;
	return at_fork->pfn ? now->pfn != at_fork->pfn : now->exclusive;
}

static const char *mapping_name(const struct mapping *m)
{
	return *m->name ? m->name : "memory of libc";
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

	/* Without frame numbers it is not known which of the two replaced the page. */
	printf("    %-36s %16s %16s\n", "pages replaced, by mapping",
	       l->e.sees_pfn ? "in the child" : "in either", l->e.sees_pfn ? "in the parent" : "");
	for (i = 0; i < scan->nr; i++) {
		by_parent = by_child = 0;
		for (p = 0; p < scan->mapping[i].pages; p++) {
			by_child += replaced(&scan->page[i][p], &child[i][p]);
			by_parent += replaced(&scan->page[i][p], &parent[i][p]);
		}
		if (!by_parent && !by_child)
			continue;
		printf("    %-36.36s %16zu", mapping_name(&scan->mapping[i]), by_child);
		if (l->e.sees_pfn)
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
	struct experiment *e = &l->e;
	struct page_state *parent[MAX_MAPPINGS], *child[MAX_MAPPINGS];
	struct scan *scan = calloc(1, sizeof(*scan));
	size_t replaced, i;
	struct cow_row row;
	pid_t pid;

	if (!scan)
		err(EXIT_FAILURE, NULL);
	scan_self(e, scan);
	start_child(e);
	pid = e->child.pid;
	order_child(e, PUPPET_REST, NULL, 0);
	scan_pages(scan, pid, child);
	scan_pages(scan, getpid(), parent);
	replaced = print_scan(l, scan, parent, child);
	order_child(e, PUPPET_EXEC, NULL, 0);
	end_child(e);
	if (read_row(e, pid, &row) && row.known[COWSTAT_COL_PRE_EXEC_COPIED]) {
		l->answers.exec_known = true;
		l->answers.exec_copied = row.value[COWSTAT_COL_PRE_EXEC_COPIED];
		printf("    /proc/cowstat, until the exec: pre_exec_copied %" PRIu64
		       ", parent_copied %" PRIu64 "\n",
		       l->answers.exec_copied, row.value[COWSTAT_COL_PARENT_COPIED]);
	} else {
		l->answers.exec_copied = replaced;
	}
	putchar('\n');
	conclude(l,
		 replaced && l->answers.exec_copied < 64 &&
			 (!l->answers.exec_known || l->answers.exec_copied),
		 "Between fork and exec the child runs: it returns from fork, calls functions, and libc updates its own data. Each page that it writes there is copied: %" PRIu64
		 " pages, and none of them holds data of the program.",
		 l->answers.exec_copied);
	for (i = 0; i < scan->nr; i++) {
		free(scan->page[i]);
		free(parent[i]);
		free(child[i]);
	}
	free(scan);
}

static void show_page_tables(struct lesson *l)
{
	struct experiment *e = &l->e;
	uint64_t least = e->big.pages * sizeof(uint64_t), begin_ns;
	struct answers *a = &l->answers;
	struct cow_row row;

	begin_ns = now_ns();
	start_child(e);
	a->fork_ns = now_ns() - begin_ns;
	order_child(e, PUPPET_REST, NULL, 0);
	a->tables = pid_bytes(e->child.pid, "status", "VmPTE");
	a->shared_pages = e->big.pages;
	printf("    %-44s %16s\n", "pages of the large region", format_number(e->big.pages).s);
	printf("    %-44s %16s\n", "8 bytes for each of them", format_size(least).s);
	printf("    %-44s %16s\n", "page tables of the child (VmPTE)", format_size(a->tables).s);
	if (read_row(e, e->child.pid, &row) && row.known[COWSTAT_COL_BIRTH_PGTABLES_BYTES]) {
		a->shared_pages = row.value[COWSTAT_COL_BIRTH_ANON_PAGES];
		printf("    %-44s %16s\n", "right after the fork (birth_pgtables_bytes)",
		       format_size(row.value[COWSTAT_COL_BIRTH_PGTABLES_BYTES]).s);
		printf("    %-44s %16s\n", "private pages shared (birth_anon_pages)",
		       format_number(a->shared_pages).s);
	}
	printf("    %-44s %16s\n\n",
	       l->machine.emulated ? "time of the fork (emulated)" : "time of the fork",
	       format_duration(a->fork_ns).s);
	end_child(e);
	conclude(l, a->tables >= least && a->tables < 2 * least + (1 << 20),
		 "fork does copy something: the page tables. \"A few kilobytes\" is true for small processes. For %s it is %s, and building them takes most of the time of the fork.",
		 format_size_short(region_bytes(&e->big)).s, format_size(a->tables).s);
}

static void show_vfork(struct lesson *l)
{
	struct experiment *e = &l->e;
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
		if (launch(ways[i].way, &e->big, "/bin/true", &child[i]))
			exit(EXIT_FAILURE);
		if (read_row(e, child[i].pid, &row)) {
			copied[i] = format_number(row.value[COWSTAT_COL_PRE_EXEC_COPIED]);
			tables[i] =
				row.known[COWSTAT_COL_BIRTH_PGTABLES_BYTES] ?
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
		 "After vfork the child runs in its parent's memory until it calls exec, and the parent waits. Nothing is shared copy-on-write, no page tables are built, and %s pages are copied. posix_spawn does the same.",
		 copied[1].s);
}

const struct step steps[] = {
	{ "untouched memory is not even shared",
	  "A process maps 64 pages, writes 48 of them, and forks. How many are shared?",
	  show_untouched },
	{ "reading copies nothing", "The child reads all 48 pages. How many are copied?",
	  show_reading },
	{ "one byte copies one page",
	  "The child writes one byte to page 5. How much is copied, and for which process?",
	  show_one_byte },
	{ "the other side still faults, and reuses",
	  "The child has a copy of page 5. Now the parent writes to page 5. Is it copied again?",
	  show_other_side },
	{ "the parent pays too",
	  "The parent writes to 8 pages that the child has not written. Which process copies?",
	  show_parent_pays },
	{ "RSS doubles, memory does not",
	  "A large process forks, and its child reads all of its memory. How much memory does that use?",
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
	  "If fork copies no data, what does it do in all that time?", show_page_tables },
	{ "vfork shares even the page tables",
	  "vfork and posix_spawn also start programs. What do they copy?", show_vfork },
};
const size_t nr_steps = ARRAY_SIZE(steps);
