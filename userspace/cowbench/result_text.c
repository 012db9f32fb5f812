// SPDX-License-Identifier: GPL-2.0
/* What cowbench measured, as text. */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "result.h"
#include "scenario.h"

#define BAR_WIDTH	20

static uint64_t median(const struct subject *s, const char *name)
{
	return series_at(subject_series(s, name), 50);
}

/* The median of a figure or column, or "-" if it was not measured. */
static struct text median_text(const struct subject *s, const char *name,
			       struct text (*format)(uint64_t n))
{
	const struct series *series = subject_series(s, name);
	struct text unknown = { COWSTAT_UNKNOWN };

	return series->nr ? format(series_at(series, 50)) : unknown;
}

/* "5 runs", "1 run" */
static const char *runs(const struct result *r)
{
	return r->o.count == 1 ? "run" : "runs";
}

static const char *time_label(const struct machine *m)
{
	return m->emulated ? "time (emulated: compare only)" : "time";
}

/* "128 000 pages", "32 transparent huge pages" */
static void print_pages(const struct result *r)
{
	static const char *const kind[NR_PAGE_KINDS] = {
		[PAGES_4K] = "pages",
		[PAGES_THP] = "transparent huge pages",
		[PAGES_HUGETLB] = "hugetlb pages",
	};

	printf("%s %s", format_number(r->bytes / page_kind_bytes(r->o.pages)).s, kind[r->o.pages]);
}

static void print_runs(const struct result *r)
{
	printf("%" PRIu64 " %s", r->o.count, runs(r));
	if (r->o.warmup)
		printf(" after %" PRIu64 " to warm up", r->o.warmup);
	if (r->o.cpus)
		printf(", CPU %s", r->o.cpus);
	puts(".\n");
}

static void print_title(const struct result *r)
{
	printf("Parent: %s of memory in ", format_size_short(r->bytes).s);
	print_pages(r);
	printf(". Child: %s.\n",
	       strcmp(r->scenario->name, "fork-exit") ? r->o.exec : "exits at once");
	print_runs(r);
}

static void print_time_header(const struct machine *m)
{
	printf("%-31s %-5s %9s %9s %9s %9s\n", time_label(m), "", "min", "p50", "p99", "max");
}

static void print_time(const char *name, const char *what, const struct series *s)
{
	static const unsigned int percent[] = { 0, 50, 99, 100 };
	size_t i;

	printf("  %-26s %-8s", name, what);
	for (i = 0; i < ARRAY_SIZE(percent); i++)
		printf(" %9s", format_duration(series_at(s, percent[i])).s);
	putchar('\n');
}

/* Subjects that have no times are left out. */
static void print_times(const struct result *r)
{
	static const struct {
		enum figure figure;
		const char *what;
	} line[] = {
		{ FIGURE_COPY_NS, "copy" },
		{ FIGURE_CALL_NS, "call" },
		{ FIGURE_EXIT_NS, "to exit" },
		{ FIGURE_WRITE_NS, "write" },
	};
	const struct series *s;
	size_t i, j;

	for (i = 0; i < r->nr; i++) {
		const char *name = r->subject[i].name;

		for (j = 0; j < ARRAY_SIZE(line); j++) {
			s = &r->subject[i].figure[line[j].figure];
			if (!s->nr)
				continue;
			print_time(name, line[j].what, s);
			name = "";
		}
	}
}

/* What the kernel counted for the children: a line per column, the subjects side by side. */
static void print_counts(const struct result *r)
{
	static const struct {
		const char *label;
		const char *column;
		struct text (*format)(uint64_t n);
	} line[] = {
		{ "private pages shared by fork", "birth_anon_pages", format_number },
		{ "page tables built for it", "birth_pgtables_bytes", format_size },
		{ "pages copied before exec", "pre_exec_copied", format_number },
		{ "pages its parent copied", "parent_copied", format_number },
		{ "fork within the kernel", "fork_ns", format_duration },
	};
	size_t first = r->subject[0].column[COWSTAT_COL_COPIED].nr ? 0 : 1, i, j;

	printf("\n%-31s", "counted by the kernel, per child");
	for (j = first; j < r->nr; j++)
		printf(" %*s", j > first ? 15 : 13,
		       strcmp(r->subject[j].key, "eager") ? r->subject[j].name : "copy everything");
	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(line); i++) {
		printf("  %-29s", line[i].label);
		for (j = first; j < r->nr; j++)
			printf(" %*s", j > first ? 15 : 13,
			       median_text(&r->subject[j], line[i].column, line[i].format).s);
		putchar('\n');
	}
}

static void print_ways(const struct result *r, const struct machine *m, const char *note)
{
	print_title(r);
	print_time_header(m);
	print_times(r);
	print_counts(r);
	puts(note);
}

/**
 * print_fork_exec() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_fork_exec(const struct result *r, const struct machine *m)
{
	print_ways(r, m,
		   "\nFigures are medians. \"-\": the child runs in its parent's memory until its exec. So\n"
		   "nothing is shared or built, and the call returns only after the exec.");
}

/**
 * print_fork_exit() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_fork_exit(const struct result *r, const struct machine *m)
{
	print_ways(r, m,
		   "\nFigures are medians. The child does nothing: \"call\" is the cost of fork alone, \"to\n"
		   "exit\" also includes freeing the page tables.");
}

/**
 * print_eager() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_eager(const struct result *r, const struct machine *m)
{
	print_ways(r, m,
		   "\nFigures are medians. To copy everything, the child writes to every page\n"
		   "(MADV_POPULATE_WRITE) before its exec: fork as it would be without copy-on-write.");
}

static void print_writer(const struct subject *s)
{
	static const char *const column[] = { "copied", "anon_copied", "reused" };
	size_t i;

	printf("  %-8s %14s", s->name, median_text(s, "pages_written", format_number).s);
	for (i = 0; i < ARRAY_SIZE(column); i++)
		printf(" %12s", median_text(s, column[i], format_number).s);
	printf(" %12s\n", median_text(s, "write_ns", format_duration).s);
}

static void print_huge(const struct result *r)
{
	static const struct {
		const char *label;
		const char *column;
	} line[] = {
		{ "huge pages split", "thp_split" },
		{ "huge pages reused whole", "thp_reused" },
		{ "hugetlb pages copied", "hugetlb_copied" },
		{ "hugetlb pages reused", "hugetlb_reused" },
	};
	size_t i, j, first = r->o.pages == PAGES_HUGETLB ? 2 : 0;

	if (r->o.pages == PAGES_4K)
		return;
	putchar('\n');
	for (i = first; i < first + 2; i++)
		for (j = 0; j < r->nr; j++)
			printf("  %-24s by %-18s %12s\n", line[i].label, r->subject[j].name,
			       median_text(&r->subject[j], line[i].column, format_number).s);
}

/**
 * print_fork_write() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_fork_write(const struct result *r, const struct machine *m)
{
	const struct subject *child = &r->subject[0], *parent = &r->subject[1];
	bool both = median(child, "pages_written") && median(parent, "pages_written");
	uint64_t pages = median(child, "pages_written") ?: median(parent, "pages_written");

	printf("A process of %s (", format_size_short(r->bytes).s);
	print_pages(r);
	printf(") forks.\nThen %s pages of 4 KiB (%" PRIu64 " %%) are written, in %s order%s.\n",
	       format_number(pages).s, r->o.share, r->o.random ? "random" : "sequential",
	       both ? ",\nby the child first, then by the parent" : "");
	print_runs(r);
	printf("  %-8s %14s %12s %12s %12s %12s\n", "writer", "pages written", "copied",
	       "anon_copied", "reused", "per write");
	print_writer(child);
	print_writer(parent);
	print_huge(r);
	printf("\nBytes copied: %s by the child, %s by the parent.\n",
	       median_text(child, "copied_bytes", format_size).s,
	       median_text(parent, "copied_bytes", format_size).s);
	printf("Figures are medians; both sides also write to a few pages of stack and libc.%s\n",
	       m->emulated ? "\nTimes are emulated: compare only." : "");
}

/* A line with a bar: an amount in pages (or NULL) and in bytes. */
static void print_amount(const char *label, const struct text *pages, uint64_t bytes, uint64_t all)
{
	printf("  %-26s %9s %5s  %10s  %s\n", label, pages ? pages->s : "", pages ? "pages" : "",
	       format_size(bytes).s, format_bar(bytes, all, BAR_WIDTH).s);
}

/**
 * print_prefork() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_prefork(const struct result *r, const struct machine *m)
{
	const struct subject *each = &r->subject[0], *all = &r->subject[1];
	uint64_t whole = r->bytes * r->o.workers;

	printf("A process of %s (", format_size_short(r->bytes).s);
	print_pages(r);
	printf(") has %" PRIu64 " workers.\nEach writes %s pages of 4 KiB (%" PRIu64
	       " %%), in %s order.\n",
	       r->o.workers, median_text(each, "pages_written", format_number).s, r->o.share,
	       r->o.random ? "random" : "sequential");
	print_runs(r);
	print_amount("without copy-on-write", NULL, whole, whole);
	print_amount("really copied for them", NULL, median(all, "copied_bytes"), whole);
	print_amount("page tables of their own", NULL, median(all, "birth_pgtables_bytes"), whole);
	printf("  %-26s %15s\n\n", "COPYING AVOIDED",
	       format_percent(whole - median(all, "copied_bytes"), whole).s);
	printf("  pages copied, each worker  %12s\n", median_text(each, "copied", format_number).s);
	printf("  pages copied, all workers  %12s\n", median_text(all, "copied", format_number).s);
	if (r->o.pages == PAGES_HUGETLB)
		printf("  hugetlb pages, all workers %12s\n",
		       median_text(all, "hugetlb_copied", format_number).s);
	putchar('\n');
	print_time_header(m);
	print_times(r);
	puts("\nFigures are medians. \"write\" is the mean of a worker's writes, each to a page\n"
	     "that all of them share.");
}

/* The samples of a snapshot, in about twelve lines. */
static void print_points(const struct result *r, uint64_t all)
{
	size_t step = r->nr_points > 12 ? r->nr_points / 12 : 1, i;
	const struct point *p;

	printf("\n  %9s %10s %10s %10s  %s\n", "after", "writes", "faults", "copied",
	       "share of the memory");
	for (i = 0; i < r->nr_points; i += step) {
		/* The last line shows the last sample. */
		p = &r->point[i + step < r->nr_points ? i : r->nr_points - 1];
		printf("  %9s %10" PRIu64 " %10" PRIu64 " %10s  %s\n", format_duration(p->ns).s,
		       p->writes, p->faults, format_size(p->copied_bytes).s,
		       format_bar(p->copied_bytes, all, BAR_WIDTH).s);
	}
}

/**
 * print_snapshot() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_snapshot(const struct result *r, const struct machine *m)
{
	const struct subject *child = &r->subject[0], *parent = &r->subject[1];

	printf("A process of %s (", format_size_short(r->bytes).s);
	print_pages(r);
	printf(") forks.\nFor %s the child reads everything, while the parent makes %s writes a\n"
	       "second to random pages. ",
	       format_duration(r->o.duration_ms * 1000000).s, format_number(r->o.rate).s);
	print_runs(r);
	printf("  %-34s %12s\n", "writes", median_text(parent, "writes", format_number).s);
	printf("  %-34s %12s\n", "pages of 4 KiB they went to",
	       median_text(parent, "pages_written", format_number).s);
	printf("  %-34s %12s %12s\n", "copied by the parent",
	       median_text(parent, "copied", format_number).s,
	       median_text(parent, "copied_bytes", format_size).s);
	printf("  %-34s %12s %12s\n", "copied by the child, which reads",
	       median_text(child, "copied", format_number).s,
	       median_text(child, "copied_bytes", format_size).s);
	printf("  %-34s %12s %12s\n", "shared at fork",
	       median_text(child, "birth_anon_pages", format_number).s, format_size(r->bytes).s);
	print_huge(r);
	print_points(r, r->bytes);
	putchar('\n');
	print_time_header(m);
	print_times(r);
}

/* Pages copied because of a fork: by the child until its exec, by the parent meanwhile. */
static uint64_t really_copied(const struct cow_row *row)
{
	return row->value[COWSTAT_COL_PRE_EXEC_COPIED] + row->value[COWSTAT_COL_PARENT_COPIED];
}

static void print_row(const struct cow_row *row)
{
	static const enum cowstat_column column[] = {
		COWSTAT_COL_PID,
		COWSTAT_COL_PPID,
		COWSTAT_COL_BIRTH_ANON_PAGES,
		COWSTAT_COL_WP_FAULTS,
		COWSTAT_COL_COPIED,
		COWSTAT_COL_REUSED,
		COWSTAT_COL_PRE_EXEC_COPIED,
	};
	struct text number[ARRAY_SIZE(column)];
	int width[ARRAY_SIZE(column)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(column); i++) {
		if (row->known[column[i]])
			snprintf(number[i].s, sizeof(number[i].s), "%" PRIu64,
				 row->value[column[i]]);
		else
			snprintf(number[i].s, sizeof(number[i].s), COWSTAT_UNKNOWN);
		width[i] = strlen(number[i].s);
		if (width[i] < (int)strlen(cow_column_name(column[i])))
			width[i] = strlen(cow_column_name(column[i]));
	}
	puts("\nThe kernel's own account (part of " COWSTAT_PROC_PATH "):");
	putchar(' ');
	for (i = 0; i < ARRAY_SIZE(column); i++)
		printf(" %*s", width[i], cow_column_name(column[i]));
	printf(" %s\n ", cow_column_name(COWSTAT_COL_COMM));
	for (i = 0; i < ARRAY_SIZE(column); i++)
		printf(" %*s", width[i], number[i].s);
	printf(" %s\n", format_printable(row->comm).s);
}

/**
 * print_summary() - print a result of this scenario as one screen of text
 * @r: the result
 * @m: the machine it was measured on
 */
void print_summary(const struct result *r, const struct machine *m)
{
	const struct cow_row *fork = &r->subject[0].last;
	uint64_t shared = fork->value[COWSTAT_COL_BIRTH_ANON_PAGES];
	uint64_t tables = fork->value[COWSTAT_COL_BIRTH_PGTABLES_BYTES];
	uint64_t copied = really_copied(fork);
	uint64_t all = shared * COWSTAT_PAGE_BYTES;
	struct text shared_text = format_number(shared), copied_text = format_number(copied);
	size_t i;

	printf("A %s process forks; the child runs another program.\n\n",
	       format_size_short(r->bytes).s);
	print_amount("fork could have copied", &shared_text, all, all);
	print_amount("really copied", &copied_text, copied * COWSTAT_PAGE_BYTES, all);
	print_amount("built instead: page tables", NULL, tables, all);
	printf("  %-26s %15s\n", "COPYING AVOIDED",
	       format_percent((int64_t)(shared - copied), shared).s);
	printf("  (really copied: %" PRIu64 " by the child before exec, %" PRIu64
	       " by the parent meanwhile)\n",
	       fork->value[COWSTAT_COL_PRE_EXEC_COPIED], fork->value[COWSTAT_COL_PARENT_COPIED]);

	printf("\n%-26s %12s      %s\n", "three ways to start it", "data copied", time_label(m));
	for (i = 0; i < r->nr; i++)
		printf("  %-24s %12s %12s\n", r->subject[i].name,
		       format_size_short(really_copied(&r->subject[i].last) * COWSTAT_PAGE_BYTES).s,
		       median_text(&r->subject[i], "exit_ns", format_duration).s);
	print_row(fork);
}

static void print_sweep(const struct result *r, size_t nr, const char *label, const char *name,
			struct text (*format)(uint64_t n))
{
	size_t i, j;

	printf("%s\n  %12s", label, "size");
	for (j = 0; j < r->nr; j++)
		printf(" %15s",
		       strcmp(r->subject[j].key, "eager") ? r->subject[j].name : "copy everything");
	putchar('\n');
	for (i = 0; i < nr; i++) {
		printf("  %12s", format_size_short(r[i].bytes).s);
		for (j = 0; j < r[i].nr; j++)
			printf(" %15s", median_text(&r[i].subject[j], name, format).s);
		putchar('\n');
	}
}

/**
 * results_print() - print results of one scenario at several sizes, as tables
 * @r: the results
 * @nr: their number, at least 1
 * @m: the machine they were measured on
 */
void results_print(const struct result *r, size_t nr, const struct machine *m)
{
	const struct sweep *s = &r->scenario->sweep;

	printf("%s, %s pages, medians of ", r->scenario->name, page_kind_name(r->o.pages));
	print_runs(r);
	print_sweep(r, nr, s->time_label, s->time, format_duration);
	putchar('\n');
	print_sweep(r, nr, s->copied_label, s->copied, s->format);
	putchar('\n');
	print_sweep(r, nr, "page tables built", "birth_pgtables_bytes", format_size);
	if (m->emulated)
		puts("\nTimes are emulated: compare only.");
}
