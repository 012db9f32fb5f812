// SPDX-License-Identifier: GPL-2.0
/* The selected process below the table of the live screen: counts since counting began. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failed.h"
#include "format.h"
#include "procfs.h"
#include "share.h"
#include "smaps.h"
#include "spent.h"
#include "top.h"
#include "user.h"
#include "utf8.h"

#define MAX_CHILDREN	4
#define MAX_MAPPINGS	64
#define MAPPING_NAME	44 /* columns */

/* smaps makes the kernel walk all page tables: only of processes with less resident than this. */
#define SMALL_BYTES	(128ULL << 20)

/**
 * struct pane - where the next line goes
 * @c: the canvas
 * @y: that line
 * @end: the line below the pane
 */
struct pane {
	const struct top_canvas *c;
	unsigned int y;
	unsigned int end;
};

#define add(pane, ...)							\
do {									\
	if ((pane)->y < (pane)->end)					\
		top_put((pane)->c, (pane)->y++, 0, TOP_PLAIN, __VA_ARGS__); \
} while (0)

static struct text count(const struct cow_row *row, enum cowstat_column column)
{
	return row->known[column] ? format_number(row->value[column]) :
				    (struct text){ COWSTAT_UNKNOWN };
}

static void add_outcomes(struct pane *p, const struct cow_row *row)
{
	add(p, "write faults %s = copied %s + zero %s + reused %s + shared %s + other %s",
	    count(row, COWSTAT_COL_WP_FAULTS).s, count(row, COWSTAT_COL_COPIED).s,
	    count(row, COWSTAT_COL_ZERO_FILLED).s, count(row, COWSTAT_COL_REUSED).s,
	    count(row, COWSTAT_COL_SHARED_WP).s, count(row, COWSTAT_COL_OTHER).s);
	if (row->value[COWSTAT_COL_THP_FAULTS] || row->value[COWSTAT_COL_HUGETLB_FAULTS])
		add(p,
		    "huge pages: THP split %s, reused %s, other %s; hugetlb copied %s, reused %s",
		    count(row, COWSTAT_COL_THP_SPLIT).s, count(row, COWSTAT_COL_THP_REUSED).s,
		    count(row, COWSTAT_COL_THP_OTHER).s, count(row, COWSTAT_COL_HUGETLB_COPIED).s,
		    count(row, COWSTAT_COL_HUGETLB_REUSED).s);
	add(p, "copied %s: by fork's doing %s pages, private file pages %s, pinned %s",
	    format_size(row->value[COWSTAT_COL_COPIED_BYTES]).s,
	    count(row, COWSTAT_COL_ANON_COPIED).s, count(row, COWSTAT_COL_FILE_COPIED).s,
	    count(row, COWSTAT_COL_FORK_COPIED).s);
}

static void add_birth(struct pane *p, const struct cow_row *row)
{
	struct share shared = share_at_birth(row), kept = share_kept(row);

	if (!shared.known) {
		add(p, "its fork: not known (before counting began, or vfork)");
		return;
	}
	add(p, "its fork: %s, page tables %s, shared %s (%s)",
	    format_duration(row->value[COWSTAT_COL_FORK_NS]).s,
	    format_size(row->value[COWSTAT_COL_BIRTH_PGTABLES_BYTES]).s,
	    format_count(shared.pages, "page", "pages").s,
	    format_size(shared.pages * COWSTAT_PAGE_BYTES).s);
	add(p, "  it copied %s of them, never copied %s; its parent copied %s meanwhile",
	    format_number(share_copied_by_child(row).pages).s,
	    kept.known ? format_percent(kept.pages, shared.pages).s : COWSTAT_UNKNOWN,
	    format_number(share_copied_by_parent(row).pages).s);
}

static void add_time(struct pane *p, const struct top *top, const struct cow_row *row)
{
	struct cow_table one = { .row = (struct cow_row *)row, .nr = 1 };
	struct spent spent = spent_on_cow(row), run;
	struct run_times times = {};

	if (!spent.known) {
		add(p, "time lost: not timed. To time: echo timing on | sudo tee %s",
		    COWSTAT_PROC_PATH);
		return;
	}
	if (top->local)
		run_times_read(&one, &times);
	run = run_time_of(&times, row);
	add(p, "time lost: %s, %s of run time (copying %s, TLBs %s, reuse %s)",
	    format_duration(spent.ns).s,
	    run.known ? format_percent(spent.ns, run.ns).s : COWSTAT_UNKNOWN,
	    format_duration(row->value[COWSTAT_COL_COPY_NS]).s,
	    format_duration(row->value[COWSTAT_COL_SHOOTDOWN_NS]).s,
	    format_duration(row->value[COWSTAT_COL_REUSE_NS]).s);
	run_times_free(&times);
}

static bool is_child(const struct cow_row *row, const struct cow_row *parent)
{
	return row->kind == COW_ROW_PROCESS && row->known[COWSTAT_COL_PARENT_START_NS] &&
	       row->value[COWSTAT_COL_PPID] == (uint64_t)parent->pid &&
	       row->value[COWSTAT_COL_PARENT_START_NS] == parent->value[COWSTAT_COL_START_NS];
}

/* Live ones first, then those that copied most. */
static bool comes_before(const struct cow_row *a, const struct cow_row *b)
{
	if ((a->state == 'L') != (b->state == 'L'))
		return a->state == 'L';
	return a->value[COWSTAT_COL_COPIED_BYTES] > b->value[COWSTAT_COL_COPIED_BYTES];
}

static void add_children(struct pane *p, const struct top *top, const struct cow_row *parent)
{
	const struct cow_row *child[MAX_CHILDREN], *row;
	size_t i, at, live = 0, gone = 0, nr = 0;

	for (i = 0; i < top->now.nr; i++) {
		row = &top->now.row[i];
		if (!is_child(row, parent))
			continue;
		*(row->state == 'L' ? &live : &gone) += 1;
		for (at = nr; at && comes_before(row, child[at - 1]); at--)
			if (at < MAX_CHILDREN)
				child[at] = child[at - 1];
		if (at < MAX_CHILDREN) {
			child[at] = row;
			if (nr < MAX_CHILDREN)
				nr++;
		}
	}
	add(p, "forks %s, vforks %s, failed %s; children with a row: %zu live, %zu exited",
	    count(parent, COWSTAT_COL_FORKS).s, count(parent, COWSTAT_COL_VFORKS).s,
	    count(parent, COWSTAT_COL_FORKS_FAILED).s, live, gone);
	for (i = 0; i < nr; i++) {
		struct share shared = share_at_birth(child[i]);

		add(p, "  %7d %c shared %9s  child copied %7s  parent copied %7s  %s",
		    child[i]->pid, child[i]->state,
		    shared.known ? format_fit(shared.pages, 9).s : COWSTAT_UNKNOWN,
		    format_fit(share_copied_by_child(child[i]).pages, 7).s,
		    format_fit(share_copied_by_parent(child[i]).pages, 7).s, child[i]->comm);
	}
}

static int by_dirty(const void *a, const void *b)
{
	const struct smaps_mapping *x = a, *y = b;
	uint64_t m = x->shared_dirty + x->private_dirty, n = y->shared_dirty + y->private_dirty;

	return (m < n) - (m > n);
}

/* What is still shared, and what is private now, by mapping. */
static void add_mappings(struct pane *p, const struct top *top, const struct cow_row *row)
{
	struct smaps_mapping *list;
	char path[48], name[4 * MAPPING_NAME];
	uint64_t resident;
	size_t i, nr;
	FILE *f;

	if (!top->local || row->state != 'L' || p->y + 1 >= p->end)
		return;
	if (procfs_pid_figure(row->pid, "status", "VmRSS", &resident))
		return;
	if (resident > SMALL_BYTES) {
		add(p, "by mapping: not read, since %s are resident (cowtrace --by-vma counts)",
		    format_size(resident).s);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/smaps", row->pid);
	f = fopen(path, "re");
	list = f ? calloc(MAX_MAPPINGS, sizeof(*list)) : NULL;
	if (list) {
		nr = smaps_mappings(f, list, MAX_MAPPINGS);
		qsort(list, nr, sizeof(*list), by_dirty);
		add(p, "%10s %10s  mapping: dirty pages now", "shared", "private");
		for (i = 0; i < nr && p->y < p->end; i++) {
			utf8_fit(name, sizeof(name), list[i].name, MAPPING_NAME, UTF8_KEEP_END);
			add(p, "%10s %10s  %s", format_size(list[i].shared_dirty).s,
			    format_size(list[i].private_dirty).s, name);
		}
	} else {
		add(p, "by mapping: its smaps is not yours to read");
	}
	free(list);
	if (f)
		fclose(f);
}

/**
 * top_draw_pane() - draw what is known of the selected process
 * @top: the screen
 * @c: the canvas
 * @y: its first line; the last line of the canvas is not used
 */
void top_draw_pane(struct top *top, const struct top_canvas *c, unsigned int y)
{
	struct pane p = { .c = c, .y = y + 1, .end = c->height - 1 };
	const struct cow_row *row = top_selected(top);
	const char *cgroup = NULL, *name = COWSTAT_UNKNOWN;

	top_put(c, y, 0, TOP_HEAD, "%*s", c->width, "");
	if (!row) {
		top_put(c, y, 0, TOP_HEAD, "no process is selected");
		return;
	}
	if (row->known[COWSTAT_COL_CGROUP])
		cgroup = top_cgroup(top, row->value[COWSTAT_COL_CGROUP]);
	if (row->known[COWSTAT_COL_COMM])
		name = *row->comm ? row->comm : VIEW_NO_NAME;
	top_put(c, y, 0, TOP_HEAD, "%d %s, %s of %s%s%s, since counting began", row->pid, name,
		row->state == 'X' ? "exited" : "live",
		row->known[COWSTAT_COL_UID] ? user_name(row->value[COWSTAT_COL_UID]).s : "?",
		cgroup ? " in " : "", cgroup ? cgroup : "");
	add_outcomes(&p, row);
	add_birth(&p, row);
	add_time(&p, top, row);
	add_children(&p, top, row);
	add_mappings(&p, top, row);
}
