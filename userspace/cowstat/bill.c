// SPDX-License-Identifier: GPL-2.0
/*
 * Processes of the tree come and go, and the module recycles their rows. Only some columns of a
 * recycled row are added to the desc_* columns of its nearest ancestor. So we read rows while
 * they exist. At the end the desc_* columns tell whether we have read all of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bill.h"
#include "format.h"
#include "row.h"
#include "share.h"
#include "spent.h"

#define MEMO_NUMBER(NAME)	MEMO_##NAME,
enum { ROW_MEMOS(MEMO_NUMBER) NR_MEMOS };

/* Columns whose sums over recycled rows of descendants the table keeps. */
#define MEMO(NAME)		[MEMO_##NAME] = { COWSTAT_COL_##NAME, COWSTAT_COL_DESC_##NAME },
static const struct {
	enum cowstat_column column;
	enum cowstat_column memo;
} memos[] = { ROW_MEMOS(MEMO) };

static void keep_header(struct cow_table *to, const struct cow_table *from)
{
	*to = *from;
	to->row = NULL;
	to->nr = 0;
}

/**
 * tree_init() - begin to watch a tree
 * @tree: to be freed with tree_free(); the caller sets its root once there is one
 * @before: a table read before the tree's first process was started
 * @parent: pid of the process that will start it
 */
void tree_init(struct tree *tree, const struct cow_table *before, pid_t parent)
{
	memset(tree, 0, sizeof(*tree));
	keep_header(&tree->before, before);
	keep_header(&tree->last, before);
	tree->parent = parent;
}

/**
 * tree_free() - give its memory back
 * @tree: one that was begun
 */
void tree_free(struct tree *tree)
{
	free(tree->seen);
	memset(tree, 0, sizeof(*tree));
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The index of a process in tree->seen, or the index where it would be inserted. */
static size_t place_of(const struct tree *tree, uint64_t pid, uint64_t start_ns, bool *there)
{
	size_t low = 0, high = tree->nr;

	*there = false;
	while (low < high && !*there) {
		size_t middle = (low + high) / 2;
		const struct cow_row *row = &tree->seen[middle].row;
		int order = compare(row->pid, pid);

		if (!order)
			order = compare(row->value[COWSTAT_COL_START_NS], start_ns);
		if (!order) {
			low = middle;
			*there = true;
		} else if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Does a row belong to the tree? The row of its parent must have been added before. */
static bool belongs(const struct tree *tree, const struct cow_row *row)
{
	bool there;

	if (!row->known[COWSTAT_COL_PPID] || !row->known[COWSTAT_COL_PARENT_START_NS])
		return false;
	if (row->pid == tree->root && row->value[COWSTAT_COL_PPID] == (uint64_t)tree->parent &&
	    row->value[COWSTAT_COL_START_NS] >= tree->before.now_ns.value)
		return true;
	place_of(tree, row->value[COWSTAT_COL_PPID], row->value[COWSTAT_COL_PARENT_START_NS],
		 &there);
	return there;
}

static int keep_row(struct tree *tree, const struct cow_row *row)
{
	size_t at, room = tree->room ? 2 * tree->room : 64;
	struct seen *more;
	bool there;

	at = place_of(tree, row->pid, row->value[COWSTAT_COL_START_NS], &there);
	if (!there) {
		if (tree->nr == tree->room) {
			more = reallocarray(tree->seen, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			tree->seen = more;
			tree->room = room;
		}
		memmove(&tree->seen[at + 1], &tree->seen[at],
			(tree->nr - at) * sizeof(*tree->seen));
		tree->nr++;
	}
	tree->seen[at] = (struct seen){ .row = *row, .reading = tree->reading };
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;

	return compare(x->value[COWSTAT_COL_START_NS], y->value[COWSTAT_COL_START_NS]);
}

static void note_header(struct tree *tree, const struct cow_table *t)
{
	if (t->epoch.value != tree->last.epoch.value ||
	    t->since_ns.value != tree->last.since_ns.value) {
		tree->epochs++;
		/* The reset has cleared lost and missed, too. */
		keep_header(&tree->before, t);
		tree->nr = 0;
	}
	if (!t->counting.value)
		tree->off = true;
	keep_header(&tree->last, t);
}

/**
 * tree_add() - add another reading of the table
 * @tree: the tree
 * @t: what was read
 *
 * Return: 0 or -ENOMEM.
 */
int tree_add(struct tree *tree, const struct cow_table *t)
{
	const struct cow_row **row;
	size_t i, nr = 0;
	int err = 0;

	row = calloc(t->nr + 1, sizeof(*row));
	if (!row)
		return -ENOMEM;
	for (i = 0; i < t->nr; i++)
		if (t->row[i].kind == COW_ROW_PROCESS)
			row[nr++] = &t->row[i];
	/* Parents before their children. */
	qsort(row, nr, sizeof(*row), by_start);
	tree->reading++;
	note_header(tree, t);
	for (i = 0; i < nr && !err; i++)
		if (belongs(tree, row[i]))
			err = keep_row(tree, row[i]);
	free(row);
	return err;
}

/* Add those counts of a process of which the table keeps no desc_* sums. */
static void add_row(struct bill *bill, const struct cow_row *row)
{
	const uint64_t *v = row->value;

	bill->vforks += v[COWSTAT_COL_VFORKS];
	failed_add(&bill->failed, row);
	bill->wp_faults += v[COWSTAT_COL_WP_FAULTS];
	bill->reused += v[COWSTAT_COL_REUSED];
	bill->ksm_copied += v[COWSTAT_COL_KSM_COPIED];
	bill->fork_copied += v[COWSTAT_COL_FORK_COPIED];
	bill->file_copied += v[COWSTAT_COL_FILE_COPIED] + v[COWSTAT_COL_COPIED] -
			     v[COWSTAT_COL_ANON_COPIED] - v[COWSTAT_COL_KSM_COPIED];
	bill->hugetlb_bytes += v[COWSTAT_COL_COPIED_BYTES] -
			       COWSTAT_PAGE_BYTES *
				       (v[COWSTAT_COL_COPIED] + v[COWSTAT_COL_FILE_COPIED] +
					v[COWSTAT_COL_FORK_COPIED]);
	bill->timed |= spent_on_cow(row).known;
	bill->copy_ns += v[COWSTAT_COL_COPY_NS];
	bill->shootdown_ns += v[COWSTAT_COL_SHOOTDOWN_NS];
	bill->reuse_ns += v[COWSTAT_COL_REUSE_NS];
	if (!row->known[COWSTAT_COL_BIRTH_ANON_PAGES])
		return;
	bill->fork_ns += v[COWSTAT_COL_FORK_NS];
	bill->pgtables_bytes += v[COWSTAT_COL_BIRTH_PGTABLES_BYTES];
	bill->shared += v[COWSTAT_COL_BIRTH_SWAP_ENTRIES];
	bill->by_children += share_copied_by_child(row).pages;
	if (v[COWSTAT_COL_EXECS]) {
		bill->before_exec += share_copied_by_child(row).pages;
		bill->exec_forks++;
	}
}

/*
 * How many of their own pages processes copied when no child shared them any more. A copy while
 * several children lived is subtracted once for each of them, so this is a lower bound.
 */
static uint64_t copied_after_children(struct tree *tree)
{
	uint64_t sum = 0, own;
	size_t i, at;
	bool there;

	for (i = 0; i < tree->nr; i++)
		tree->seen[i].while_children =
			tree->seen[i].row.value[COWSTAT_COL_DESC_PARENT_COPIED];
	for (i = 0; i < tree->nr; i++) {
		const struct cow_row *row = &tree->seen[i].row;

		at = place_of(tree, row->value[COWSTAT_COL_PPID],
			      row->value[COWSTAT_COL_PARENT_START_NS], &there);
		if (there)
			tree->seen[at].while_children += share_copied_by_parent(row).pages;
	}
	for (i = 0; i < tree->nr; i++) {
		own = share_own_copied(&tree->seen[i].row).pages;
		if (tree->seen[i].row.value[COWSTAT_COL_FORKS] &&
		    own > tree->seen[i].while_children)
			sum += own - tree->seen[i].while_children;
	}
	return sum;
}

/**
 * bill_make() - add up the rows of a tree
 * @tree: the tree, with a reading made after its first process exited
 * @bill: the sums
 */
void bill_make(struct tree *tree, struct bill *bill)
{
	uint64_t there[NR_MEMOS] = {}, told[NR_MEMOS] = {}, gone[NR_MEMOS] = {};
	uint64_t sum[NR_MEMOS], children = 0;
	const struct cow_row *row;
	size_t i, m;

	memset(bill, 0, sizeof(*bill));
	for (i = 0; i < tree->nr; i++) {
		bool present = tree->seen[i].reading == tree->reading;

		row = &tree->seen[i].row;
		bill->processes++;
		if (row->pid == tree->root &&
		    row->value[COWSTAT_COL_PPID] == (uint64_t)tree->parent)
			bill->found = present;
		else
			children++;
		bill->running += present && row->state == 'L';
		add_row(bill, row);
		for (m = 0; m < NR_MEMOS; m++) {
			*(present ? &there[m] : &gone[m]) += row->value[memos[m].column];
			if (present)
				told[m] += row->value[memos[m].memo];
		}
	}
	for (m = 0; m < NR_MEMOS; m++) {
		sum[m] = there[m] + (told[m] > gone[m] ? told[m] : gone[m]);
		bill->stray |= gone[m] > told[m];
	}
	bill->forks = sum[MEMO_FORKS];
	bill->shared += sum[MEMO_BIRTH_ANON_PAGES];
	bill->copied = sum[MEMO_ANON_COPIED];
	bill->copied_bytes = sum[MEMO_COPIED_BYTES];
	if (told[MEMO_COPIED_BYTES] > gone[MEMO_COPIED_BYTES])
		bill->short_bytes = told[MEMO_COPIED_BYTES] - gone[MEMO_COPIED_BYTES];
	bill->by_parents = bill->copied -
			   (bill->by_children < bill->copied ? bill->by_children : bill->copied);
	bill->after_children = copied_after_children(tree);
	if (bill->after_children > bill->by_parents)
		bill->after_children = bill->by_parents;
	if (bill->forks + bill->vforks > children)
		bill->unseen = bill->forks + bill->vforks - children;

	bill->off = tree->off;
	bill->epochs = tree->epochs;
	bill->sums_known = tree->before.lost.known && tree->last.lost.known;
	bill->lost = tree->last.lost.value - tree->before.lost.value;
	bill->missed = tree->last.missed.value - tree->before.missed.value;
}

/**
 * bill_is_complete() - is every figure exact?
 * @bill: the bill
 *
 * Return: false when something was not counted, or not attributed.
 */
bool bill_is_complete(const struct bill *bill)
{
	return bill->found && !bill->unseen && !bill->short_bytes && !bill->stray && !bill->off &&
	       !bill->epochs && !bill->lost && !bill->missed;
}

static void print_pages(FILE *to, const char *label, uint64_t pages)
{
	fprintf(to, "  %-38s %13s %11s", label, format_number(pages).s,
		format_size(pages * COWSTAT_PAGE_BYTES).s);
}

static void print_line(FILE *to, const char *label, uint64_t pages)
{
	print_pages(to, label, pages);
	fputc('\n', to);
}

/* Negative if more was copied than shared: both sides can copy a shared 64 KiB page. */
static void print_never_copied(FILE *to, const struct bill *bill)
{
	bool negative = bill->copied > bill->shared;
	uint64_t pages = negative ? bill->copied - bill->shared : bill->shared - bill->copied;
	char number[80], size[80];

	snprintf(number, sizeof(number), "%s%s", negative ? "-" : "", format_number(pages).s);
	snprintf(size, sizeof(size), "%s%s", negative ? "-" : "",
		 format_size(pages * COWSTAT_PAGE_BYTES).s);
	fprintf(to, "  %-38s %13s %11s %9s\n", "NEVER COPIED", number, size,
		format_percent((int64_t)(bill->shared - bill->copied), bill->shared).s);
}

static void print_reasons(FILE *to, const struct bill *bill)
{
	fputs("  INCOMPLETE:\n", to);
	if (bill->epochs)
		fputs("    counting was reset: the figures are of what came after\n", to);
	if (bill->off)
		fputs("    counting was off for a while\n", to);
	if (bill->unseen)
		fprintf(to,
			"    %s not seen: gone between two readings, or not yours to\n"
			"    see; of those gone, only forks and pages copied are in the figures\n",
			format_count(bill->unseen, "process was", "processes were").s);
	if (bill->short_bytes)
		fprintf(to,
			"    %s were copied by processes whose row was recycled before it\n"
			"    was read: they are in the sums, not in their parts. Load the module with\n"
			"    a larger max_rows=\n",
			format_size(bill->short_bytes).s);
	if (bill->stray)
		fputs("    rows were recycled that had no ancestor left: what they did last is missing\n",
		      to);
	if (bill->lost || bill->missed)
		fprintf(to, "    lost: %s without a row, missed: %s, of all processes\n",
			format_count(bill->lost, "fault", "faults").s,
			format_count(bill->missed, "event", "events").s);
}

static void print_shares(FILE *to, const struct bill *bill)
{
	char label[160];

	snprintf(label, sizeof(label), "%s, %s vfork/posix_spawn",
		 format_count(bill->forks, "fork", "forks").s, format_number(bill->vforks).s);
	fprintf(to, "  %-38s %13s %11s\n", label, "pages", "size");
	print_line(to, "private memory shared at fork", bill->shared);
	print_pages(to, "copied later because of fork", bill->copied);
	fprintf(to, " %9s\n", format_percent(bill->copied, bill->shared).s);
	print_line(to, "  by children", bill->by_children);
	if (bill->exec_forks) {
		snprintf(label, sizeof(label), "    before exec (%" PRIu64 " per fork)",
			 bill->before_exec / bill->exec_forks);
		print_line(to, label, bill->before_exec);
	}
	print_line(to, "  by parents", bill->by_parents);
	if (bill->after_children)
		print_line(to, "    when no child shared them", bill->after_children);
	print_never_copied(to, bill);
	fprintf(to, "  price of sharing: page tables %s, %s in fork, %s\n",
		format_size(bill->pgtables_bytes).s, format_duration(bill->fork_ns).s,
		format_count(bill->reused, "reuse fault", "reuse faults").s);
}

/* Print the time spent on copies, as a part of the time that the command's processes ran. */
static void print_times(FILE *to, const struct bill *bill)
{
	uint64_t all = bill->copy_ns + bill->shootdown_ns + bill->reuse_ns;

	fprintf(to,
		"  time in copy-on-write faults: %s, %s of %s run time\n"
		"    copying %s, TLB shootdown %s, reuse %s\n",
		format_duration(all).s, format_percent(all, bill->run_ns).s,
		format_duration(bill->run_ns).s, format_duration(bill->copy_ns).s,
		format_duration(bill->shootdown_ns).s, format_duration(bill->reuse_ns).s);
}

/**
 * bill_print() - print the bill as text
 * @to: the stream
 * @bill: the sums
 * @title: the command, how it ended and how long it took
 */
void bill_print(FILE *to, const struct bill *bill, const char *title)
{
	fprintf(to, "Memory copy-on-write bill: %s\n", title);
	if (!bill->found) {
		fputs("  No row of the command: it is not yours to see (a setuid program?), or the\n"
		      "  table was reset, or so full that the row went at once (then try a larger\n"
		      "  max_rows=).\n",
		      to);
		return;
	}
	if (bill->forks)
		print_shares(to, bill);
	else if (bill->vforks)
		fprintf(to,
			"  %s, all by vfork or posix_spawn: they used their parent's\n"
			"  memory until they ran another program, so fork shared and copied nothing\n",
			format_count(bill->vforks, "child was started", "children were started").s);
	else if (!bill->failed.forks)
		fputs("  No process of it forked\n", to);
	if (bill->failed.forks)
		fprintf(to, "  %s\n", failed_text(&bill->failed).s);
	fprintf(to, "  not fork's doing: private file pages %s, %s; KSM %s\n",
		format_number(bill->file_copied).s,
		format_size(bill->file_copied * COWSTAT_PAGE_BYTES).s,
		format_number(bill->ksm_copied).s);
	if (bill->minor_faults > bill->wp_faults)
		fprintf(to, "  not copy-on-write: %s (first touches, mapped files)\n",
			format_count(bill->minor_faults - bill->wp_faults, "other minor fault",
				     "other minor faults")
				.s);
	if (bill->fork_copied || bill->hugetlb_bytes)
		fprintf(to, "  also copied: pinned pages at fork %s; hugetlb pages %s\n",
			format_number(bill->fork_copied).s, format_size(bill->hugetlb_bytes).s);
	if (bill->timed)
		print_times(to, bill);
	if (bill->running)
		fprintf(to,
			"  %s still; the bill tells what they did until the\n"
			"  command's exit\n",
			format_count(bill->running, "process runs", "processes run").s);
	if (!bill_is_complete(bill))
		print_reasons(to, bill);
	else if (bill->sums_known)
		fputs("  Complete: lost 0, missed 0.\n", to);
	else
		fputs("  Complete, if no fault was lost or missed: only root is told of those.\n",
		      to);
}
