// SPDX-License-Identifier: GPL-2.0
/* The screen of `cowstat diff`. */
#include <inttypes.h>
#include <stdio.h>

#include "format.h"
#include "uapi/cowstat.h"
#include "utf8.h"
#include "view_diff.h"

#define BAR_WIDTH	16
#define MAPPINGS_SHOWN	8
#define NAME_WIDTH	20

#define PLACE_TEXT(ID, name, text)	[PAGE_DIFF_##ID] = text,
static const char *const place_texts[PAGE_DIFF_NR] = { PAGE_DIFF_PLACES(PLACE_TEXT) };

static void print_pages(FILE *to, const char *what, uint64_t pages)
{
	fprintf(to, "  %-38s %10s  %10s\n", what, format_number(pages).s,
		format_size(pages * COWSTAT_PAGE_BYTES).s);
}

/* "126 times as much" */
static struct text times_as_much(uint64_t copied, uint64_t bytes)
{
	uint64_t tenths = copied * COWSTAT_PAGE_BYTES * 10 / bytes;
	struct text t;

	if (tenths < 100)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
	else
		t = format_number(tenths / 10);
	return t;
}

static void print_sums(FILE *to, const struct amplification *a)
{
	uint64_t copied = a->all.copied;

	fprintf(to, "  %-38s %10s  %10s\n", "private memory", "pages", "size");
	print_pages(to, "still shared", a->all.shared);
	print_pages(to, "copied since the fork", copied);
	if (!copied)
		return;
	fprintf(to, "  %-38s %10s  %10s\n\n", "bytes that differ in these", "",
		format_size(a->all.bytes).s);
	if (a->all.bytes)
		fprintf(to, "%s copied for %s: %s times as much.\n",
			format_count(copied, "page was", "pages were").s,
			format_size(a->all.bytes).s, times_as_much(copied, a->all.bytes).s);
	else
		fprintf(to, "%s copied, and no byte differs.\n",
			format_count(copied, "page was", "pages were").s);
}

static void print_part(FILE *to, const char *what, uint64_t pages, uint64_t all)
{
	struct text bar = format_bar(pages, all, BAR_WIDTH);

	fprintf(to, "  %-38s %10s  %8s%s%s\n", what, format_number(pages).s,
		format_percent(pages, all).s, *bar.s ? "  " : "", bar.s);
}

/**
 * view_diff_bucket() - name a bucket of the histogram
 * @bucket: its index
 *
 * Return: the numbers of bytes in it: "2 to 8".
 */
struct text view_diff_bucket(unsigned int bucket)
{
	uint64_t from = amplification_bucket_from(bucket), to = amplification_bucket_to(bucket);
	struct text t;

	if (!to)
		snprintf(t.s, sizeof(t.s), "none");
	else if (from == to)
		snprintf(t.s, sizeof(t.s), "%.26s%s", format_number(to).s,
			 to == COWSTAT_PAGE_BYTES ? ": all" : "");
	else
		snprintf(t.s, sizeof(t.s), "%.20s to %.20s", format_number(from).s,
			 format_number(to).s);
	return t;
}

static void print_histogram(FILE *to, const struct amplification *a)
{
	unsigned int i;

	fprintf(to, "\n  %-38s %10s\n", "bytes that differ in a page", "pages");
	for (i = 0; i < AMPLIFICATION_BUCKETS; i++)
		print_part(to, view_diff_bucket(i).s, a->all.bucket[i], a->all.copied);
	fprintf(to, "\n  %-38s %10s\n", "where in a page", "pages");
	for (i = 0; i < PAGE_DIFF_NR; i++)
		print_part(to, place_texts[i], a->all.place[i], a->all.copied);
}

static void print_blocks(FILE *to, const struct amplification *a)
{
	const struct copy_blocks *b;

	fprintf(to, "\n  %-38s %10s  %8s  %s\n", "if the kernel copied at a time", "faults",
		"saved", "copied");
	fprintf(to, "  %-38s %10s  %8s  %s\n", "4 KiB, as it does", format_number(a->all.copied).s,
		"", format_size(a->all.copied * COWSTAT_PAGE_BYTES).s);
	for (b = a->block; b < a->block + AMPLIFICATION_BLOCKS; b++)
		fprintf(to, "  %-38s %10s  %8s  %s\n",
			format_size_short(b->pages * COWSTAT_PAGE_BYTES).s,
			format_number(b->faults).s,
			format_percent(a->all.copied - b->faults, a->all.copied).s,
			format_size(b->copied * COWSTAT_PAGE_BYTES).s);
	fprintf(to, "  Copied pages are neighbours in %s; the longest has %s.\n",
		format_count(a->runs, "run", "runs").s,
		format_count(a->longest, "page", "pages").s);
}

static void print_mapping(FILE *to, const struct amplified *m, const char *range, const char *name)
{
	char shown[4 * NAME_WIDTH + 4];
	unsigned int width = utf8_fit(shown, sizeof(shown), name, NAME_WIDTH, UTF8_KEEP_END);

	fprintf(to, "  %-25s %s%*s %7s %7s %6s %6s\n", range, shown, NAME_WIDTH - width, "",
		format_fit(m->shared, 7).s, format_fit(m->copied, 7).s,
		format_size_tight(m->bytes).s,
		m->bytes ? format_fit(m->copied * COWSTAT_PAGE_BYTES / m->bytes, 6).s :
			   COWSTAT_UNKNOWN);
}

static void print_mappings(FILE *to, const struct amplification *a)
{
	struct amplified rest = a->others;
	size_t i, nr_rest = a->nr_others;
	char range[48];

	fprintf(to, "\n  %-25s %-*s %7s %7s %6s %6s\n", "mapping", NAME_WIDTH, "", "SHARED",
		"COPIED", "DIFFER", "TIMES");
	for (i = 0; i < a->nr_mappings; i++) {
		const struct amplified *m = &a->mapping[i];

		if (i < MAPPINGS_SHOWN) {
			snprintf(range, sizeof(range), "%" PRIx64 "-%" PRIx64, m->start, m->end);
			print_mapping(to, m, range, m->name);
			continue;
		}
		amplified_add_up(&rest, m);
		nr_rest++;
	}
	if (nr_rest)
		print_mapping(to, &rest, format_count(nr_rest, "other", "others").s, "");
}

static void print_cause(FILE *to, const struct amplification *a)
{
	if (amplification_counts_like(a))
		fprintf(to,
			"\nLikely cause: reference counts or mark bits. Of %s copied pages,\n"
			"%s differ in one word of every 16 to 64 bytes: one of each object.\n",
			format_number(a->all.copied).s,
			format_number(a->all.place[PAGE_DIFF_SPACED]).s);
	if (amplification_undone(a))
		fprintf(to,
			"\nOf %s copied pages, %s do not differ. They were written\n"
			"with what they held, or changed back: counts that go up and down do that.\n",
			format_number(a->all.copied).s,
			format_number(a->all.place[PAGE_DIFF_NOWHERE]).s);
}

/* What the figures above leave out, and why. */
static void print_left_out(FILE *to, const struct amplification *a)
{
	static const struct {
		enum page_pair pair;
		const char *what;
	} left_out[] = {
		{ PAIR_CHILD, "only the child has: new, or the parent freed them" },
		{ PAIR_PARENT, "only the parent has: new, or the child freed them" },
		{ PAIR_SWAPPED, "no longer shared, and one of them is in swap" },
		{ PAIR_FILE, "of a private file, copied by one of both" },
		{ PAIR_ZERO, "zero page in one of both: nothing was copied" },
		{ PAIR_KSM, "merged by KSM in one of both" },
		{ PAIR_HUGETLB, "of hugetlb memory: the kernel copies 2 MiB at a time" },
		{ PAIR_MOVED, "freed or copied again while they were read" },
		{ PAIR_UNREADABLE, "copied, but not readable" },
	};
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(left_out) / sizeof(*left_out); i++) {
		if (!a->pair[left_out[i].pair])
			continue;
		if (!any)
			fprintf(to, "\n  %-53s %10s\n", "not compared", "pages");
		any = true;
		fprintf(to, "  %-53s %10s\n", left_out[i].what,
			format_number(a->pair[left_out[i].pair]).s);
	}
	if (a->pair[PAIR_SHARED_SWAP])
		fprintf(to, "\n%s of the shared pages are in swap.\n",
			format_number(a->pair[PAIR_SHARED_SWAP]).s);
}

/* What this kernel does not tell. */
static void print_unknown(FILE *to, const struct diff_report *r)
{
	if (r->pair->no_flags)
		fputs("\n/proc/kpageflags is not readable: pages of hugetlb count as copied.\n",
		      to);
	if (r->pair->ksm_pages)
		fprintf(to,
			"\nKSM has merged %s of these processes. This kernel does\n"
			"not tell them apart: such a page counts as copied.\n",
			format_count(r->pair->ksm_pages, "page", "pages").s);
}

static void print_counted(FILE *to, const struct diff_report *r)
{
	const struct diff_counted *counted = &r->counted;

	if (!counted->by_child.known || !counted->by_parent.known)
		return;
	fprintf(to, "\nPages copied, as counted: %s by the child, %s by its parent.\n",
		format_number(counted->by_child.pages).s,
		format_number(counted->by_parent.pages).s);
}

static void print_copied(FILE *to, const struct amplification *a)
{
	print_histogram(to, a);
	print_blocks(to, a);
}

/**
 * view_diff() - print what copies were for
 * @to: where; lines have at most 80 columns
 * @report: what was found
 */
void view_diff(FILE *to, const struct diff_report *report)
{
	const struct amplification *a = report->found;

	fprintf(to, "Child %d %s, parent %d %s\n", report->pair->child.pid,
		report->pair->child.comm, report->pair->parent.pid, report->pair->parent.comm);
	print_sums(to, a);
	if (a->all.copied) {
		print_copied(to, a);
		print_mappings(to, a);
		print_cause(to, a);
	}
	print_left_out(to, a);
	print_unknown(to, report);
	print_counted(to, report);
}

#define REASON_TEXT(ID, name, text)	[FOLLOW_##ID] = text,

/**
 * view_followed() - print what the copies of a command's children were for
 * @to: where; lines have at most 80 columns
 * @followed: what was found
 */
void view_followed(FILE *to, const struct followed *followed)
{
	static const char *const reasons[FOLLOW_NR] = { FOLLOW_REASONS(REASON_TEXT) };
	const struct amplification *a = &followed->sum;
	unsigned int i;

	if (!followed->compared) {
		fputs("\nAmplification: no child was compared with its parent\n", to);
	} else {
		fprintf(to, "\nAmplification: %s, compared with %s at the end, in %s\n",
			format_count(followed->compared, "child", "children").s,
			followed->compared == 1 ? "its parent" : "their parents",
			format_duration(followed->read_ns).s);
		print_sums(to, a);
	}
	if (a->all.copied) {
		print_copied(to, a);
		print_cause(to, a);
	}
	print_left_out(to, a);
	if (followed->compared < followed->children)
		fprintf(to, "\n  %-53s %10s\n", "not compared", "children");
	for (i = 0; i < FOLLOW_NR; i++)
		if (followed->not_compared[i])
			fprintf(to, "  %-53s %10s\n", reasons[i],
				format_number(followed->not_compared[i]).s);
}
