// SPDX-License-Identifier: GPL-2.0
/*
 * cowbench: fork and exec a process of some size, and tell from /proc/cowstat what
 * the kernel copied and what it did not. Works unprivileged: it reads rows of its own
 * children, which stay in the table after exit.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "table_reader.h"
#include "usage.h"
#include "workload.h"

#define MAX_COUNT	100000
#define BAR_WIDTH	24
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum option_id {
	OPT_SIZE = 256,		/* beyond any character, for getopt_long() */
	OPT_COUNT,
	OPT_EXEC,
	OPT_WRITER,
	OPT_SHARE,
	OPT_ORDER,
	OPT_EMULATED,
	OPT_HELP,
	OPT_VERSION,
};

#define OPTION_BIT(id)	(1U << ((id) - OPT_SIZE))

/**
 * struct options - what was asked for
 * @size: bytes of memory the parent fills
 * @count: runs; 0 for the scenario's own
 * @exec: the program that children run
 * @writers: set of enum writer
 * @share: percent of the pages that are written
 * @random: in random order
 * @emulated: times are of a machine without hardware virtualisation
 * @given: OPTION_BIT() of each option that was given
 */
struct options {
	uint64_t size;
	uint64_t count;
	const char *exec;
	unsigned int writers;
	uint64_t share;
	bool random;
	bool emulated;
	unsigned int given;
};

/* What was measured of one thing, again and again. */
struct series {
	uint64_t *value;
	size_t nr;
};

static void series_add(struct series *s, uint64_t value)
{
	s->value = reallocarray(s->value, s->nr + 1, sizeof(*s->value));
	if (!s->value)
		err(EXIT_FAILURE, NULL);
	s->value[s->nr++] = value;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The nearest rank: a value that was measured. 0 is the smallest, 100 the largest. */
static uint64_t series_at(const struct series *s, unsigned int percent)
{
	size_t rank = (s->nr * percent + 99) / 100;

	if (!s->nr)
		return 0;
	qsort(s->value, s->nr, sizeof(*s->value), by_value);
	return s->value[rank ? rank - 1 : 0];
}

/* Read /proc/cowstat, of which @epoch is expected; 0 for any. Ends the program if it may not. */
static void read_table(struct cow_table *t, uint64_t epoch)
{
	char why[256];

	if (cow_table_read(COWSTAT_PROC_PATH, t, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	if (!t->counting.value)
		errx(EXIT_FAILURE, "counting is off, so there is nothing to learn. Try: echo counting on | sudo tee "
		     COWSTAT_PROC_PATH);
	if (epoch && t->epoch.value != epoch)
		errx(EXIT_FAILURE, COWSTAT_PROC_PATH
		     " was reset meanwhile, so these figures have a gap: please run it again");
}

/* Is cowstat there and counting? Return: its epoch. */
static uint64_t check_table(void)
{
	struct cow_table t;
	uint64_t epoch;

	read_table(&t, 0);
	epoch = t.epoch.value;
	cow_table_free(&t);
	return epoch;
}

/* The row of a child of ours that has exited; its pid may have been used before. */
static void child_row(const struct cow_table *t, pid_t pid, struct cow_row *row)
{
	const struct cow_row *found = cow_table_find(t, pid);

	if (!found || found->value[COWSTAT_COL_PPID] != (uint64_t)getpid())
		errx(EXIT_FAILURE, "the row of child %d is not in " COWSTAT_PROC_PATH
		     ": it was given up for another process (then load the module with a larger max_rows=), or the table was reset meanwhile (then run this again)",
		     pid);
	*row = *found;
}

/* Our own row; all zero before anything was counted. */
static void own_row(const struct cow_table *t, struct cow_row *row)
{
	const struct cow_row *found = cow_table_find(t, getpid());

	*row = found ? *found : (struct cow_row){};
}

/**
 * struct trial - one way of starting a program, tried again and again
 * @way: the way
 * @name: what it is called
 * @call: nanoseconds until the call returned
 * @exit: nanoseconds until the child had exited
 * @column: by column of the children's rows: what the kernel counted, where known
 * @last: the last child's row
 */
struct trial {
	enum launch way;
	const char *name;
	struct series call;
	struct series exit;
	struct series column[COWSTAT_NR_COLUMNS];
	struct cow_row last;
};

#define TRIAL_FORK	{ .way = LAUNCH_FORK,	.name = "fork + exec" }
#define TRIAL_VFORK	{ .way = LAUNCH_VFORK,	.name = "vfork + exec" }
#define TRIAL_SPAWN	{ .way = LAUNCH_SPAWN,	.name = "posix_spawn" }
#define TRIAL_EAGER	{ .way = LAUNCH_EAGER,	.name = "fork, copy everything" }

static void trial_free(struct trial *trial)
{
	size_t c;

	free(trial->call.value);
	free(trial->exit.value);
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		free(trial->column[c].value);
}

static void trial_run(struct trial *trial, const struct region *r, const char *path,
		      uint64_t epoch)
{
	struct launched child;
	struct cow_table t;
	size_t c;

	if (launch(trial->way, r, path, &child))
		exit(EXIT_FAILURE);
	read_table(&t, epoch);
	child_row(&t, child.pid, &trial->last);
	cow_table_free(&t);
	series_add(&trial->call, child.call_ns);
	series_add(&trial->exit, child.exit_ns);
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (trial->last.known[c])
			series_add(&trial->column[c], trial->last.value[c]);
}

/* All ways in turn, so that whatever else the machine does meets them alike. */
static void trials_run(struct trial *trial, size_t nr, const struct region *r,
		       const struct options *o, uint64_t epoch)
{
	uint64_t i;
	size_t j;

	for (i = 0; i < o->count; i++)
		for (j = 0; j < nr; j++)
			trial_run(&trial[j], r, o->exec, epoch);
}

/* "5 runs", "1 run" */
static const char *runs(const struct options *o)
{
	return o->count == 1 ? "run" : "runs";
}

static const char *time_label(const struct options *o)
{
	return o->emulated ? "time (emulated: compare only)" : "time";
}

static void print_title(const struct options *o, const struct region *r)
{
	printf("Parent: %s of memory in %s pages. Child: %s. %" PRIu64 " %s of each.\n\n",
	       format_size_short(region_bytes(r)).s, format_number(r->pages).s, o->exec,
	       o->count, runs(o));
}

static void print_time_header(const struct options *o)
{
	printf("%-36s %10s %10s %10s %10s\n", time_label(o), "min", "p50", "p99", "max");
}

static void print_time(const char *name, const char *what, const struct series *s)
{
	static const unsigned int percent[] = { 0, 50, 99, 100 };
	size_t i;

	printf("  %-24s %-9s", name, what);
	for (i = 0; i < ARRAY_SIZE(percent); i++)
		printf(" %10s", format_duration(series_at(s, percent[i])).s);
	putchar('\n');
}

static void print_trial_times(const struct trial *trial, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		print_time(trial[i].name, "call", &trial[i].call);
		print_time("", "to exit", &trial[i].exit);
	}
}

/* What the kernel counted of the children: a line per column, one way beside the other. */
static void print_trial_columns(const struct trial *trial, size_t nr)
{
	static const struct {
		const char *label;
		enum cowstat_column column;
		struct text (*format)(uint64_t n);
	} line[] = {
		{ "private pages shared at birth", COWSTAT_COL_BIRTH_ANON_PAGES, format_number },
		{ "page tables built for it", COWSTAT_COL_BIRTH_PGTABLES_BYTES, format_size },
		{ "pages copied before exec", COWSTAT_COL_PRE_EXEC_COPIED, format_number },
		{ "pages its parent copied", COWSTAT_COL_PARENT_COPIED, format_number },
		{ "fork within the kernel", COWSTAT_COL_FORK_NS, format_duration },
	};
	const struct series *s;
	size_t i, j;

	printf("\n%-31s", "the kernel's account, per child");
	for (j = 0; j < nr; j++)
		printf(" %*s", j ? 15 : 13, trial[j].way == LAUNCH_EAGER ?
		       "copy everything" : trial[j].name);
	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(line); i++) {
		printf("  %-29s", line[i].label);
		for (j = 0; j < nr; j++) {
			s = &trial[j].column[line[i].column];
			printf(" %*s", j ? 15 : 13,
			       s->nr ? line[i].format(series_at(s, 50)).s : COWSTAT_UNKNOWN);
		}
		putchar('\n');
	}
}

/* Map and fill the parent's memory. Ends the program if that cannot be. */
static void prepare(struct region *r, const struct options *o)
{
	if (region_map(r, o->size))
		exit(EXIT_FAILURE);
	region_fill(r);
}

static void run_fork_exec(const struct options *o)
{
	struct trial trial[] = { TRIAL_FORK, TRIAL_VFORK, TRIAL_SPAWN };
	uint64_t epoch = check_table();
	struct region r;
	size_t i;

	prepare(&r, o);
	trials_run(trial, ARRAY_SIZE(trial), &r, o, epoch);

	print_title(o, &r);
	print_time_header(o);
	print_trial_times(trial, ARRAY_SIZE(trial));
	print_trial_columns(trial, ARRAY_SIZE(trial));
	puts("\nFigures are medians. \"-\": the child borrows its parent's memory until exec, so\n"
	     "nothing is shared or built, and the call returns only after the exec.");
	for (i = 0; i < ARRAY_SIZE(trial); i++)
		trial_free(&trial[i]);
	region_unmap(&r);
}

/* Copy a region's bytes to memory that is there already: no way to copy is cheaper. */
static void time_memcpy(const struct region *r, uint64_t count, struct series *s)
{
	struct region to;
	uint64_t i, begin;

	if (region_map(&to, region_bytes(r)))
		exit(EXIT_FAILURE);
	region_fill(&to);
	for (i = 0; i < count; i++) {
		begin = now_ns();
		memcpy(to.start, r->start, region_bytes(r));
		series_add(s, now_ns() - begin);
	}
	region_unmap(&to);
}

static void run_eager(const struct options *o)
{
	struct trial trial[] = { TRIAL_FORK, TRIAL_EAGER };
	uint64_t epoch = check_table();
	struct series plain = {};
	struct region r;
	size_t i;

	prepare(&r, o);
	time_memcpy(&r, o->count, &plain);
	trials_run(trial, ARRAY_SIZE(trial), &r, o, epoch);

	print_title(o, &r);
	print_time_header(o);
	print_time("memcpy of the same bytes", "", &plain);
	print_trial_times(trial, ARRAY_SIZE(trial));
	print_trial_columns(trial, ARRAY_SIZE(trial));
	puts("\nFigures are medians. To copy everything, the child writes to every page\n"
	     "(MADV_POPULATE_WRITE) before its exec: what fork would cost without copy-on-write.");
	for (i = 0; i < ARRAY_SIZE(trial); i++)
		trial_free(&trial[i]);
	free(plain.value);
	region_unmap(&r);
}

/* The numbers of all pages, in the order in which they are to be written. */
static uint32_t *page_order(size_t nr, bool random)
{
	uint32_t *page = calloc(nr, sizeof(*page));
	uint64_t state = 1;
	uint32_t other;
	size_t i, j;

	if (!page)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < nr; i++)
		page[i] = i;
	/* Shuffled alike in every run, so that runs can be compared. */
	for (i = nr; random && i > 1; i--) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (state >> 33) % i;
		other = page[j];
		page[j] = page[i - 1];
		page[i - 1] = other;
	}
	return page;
}

static const enum cowstat_column write_columns[] = {
	COWSTAT_COL_COPIED, COWSTAT_COL_ANON_COPIED, COWSTAT_COL_REUSED,
};

/* One side of a fork: what it wrote and what the kernel counted of that. */
struct side {
	const char *name;
	uint64_t pages;
	struct series ns;
	struct series column[ARRAY_SIZE(write_columns)];
};

static void side_add(struct side *side, uint64_t ns, const struct cow_row *now,
		     const struct cow_row *before)
{
	enum cowstat_column c;
	size_t i;

	series_add(&side->ns, side->pages ? ns / side->pages : 0);
	for (i = 0; i < ARRAY_SIZE(write_columns); i++) {
		c = write_columns[i];
		if (now->known[c])
			series_add(&side->column[i], now->value[c] - before->value[c]);
	}
}

static void side_print(const struct side *side)
{
	const struct series *s;
	size_t i;

	printf("  %-8s %14s", side->name, format_number(side->pages).s);
	for (i = 0; i < ARRAY_SIZE(write_columns); i++) {
		s = &side->column[i];
		printf(" %12s", s->nr ? format_number(series_at(s, 50)).s : COWSTAT_UNKNOWN);
	}
	printf(" %12s\n", side->pages ? format_duration(series_at(&side->ns, 50)).s : "-");
}

static void side_free(struct side *side)
{
	size_t i;

	free(side->ns.value);
	for (i = 0; i < ARRAY_SIZE(write_columns); i++)
		free(side->column[i].value);
}

static void fork_write_once(const struct region *r, const uint32_t *page, size_t nr,
			    const struct options *o, uint64_t epoch, struct side *child,
			    struct side *parent)
{
	struct cow_row before, after, row;
	struct written written;
	struct cow_table t;

	read_table(&t, epoch);
	own_row(&t, &before);
	cow_table_free(&t);
	if (fork_write(r, page, nr, o->writers, &written))
		exit(EXIT_FAILURE);
	read_table(&t, epoch);
	own_row(&t, &after);
	child_row(&t, written.pid, &row);
	cow_table_free(&t);
	side_add(child, written.child_ns, &row, &(struct cow_row){});
	side_add(parent, written.parent_ns, &after, &before);
}

static void run_fork_write(const struct options *o)
{
	struct side child = { .name = "child" }, parent = { .name = "parent" };
	uint64_t i, epoch = check_table();
	struct region r;
	uint32_t *page;
	size_t nr;

	prepare(&r, o);
	page = page_order(r.pages, o->random);
	nr = (r.pages * o->share + 99) / 100;
	child.pages = o->writers & WRITER_CHILD ? nr : 0;
	parent.pages = o->writers & WRITER_PARENT ? nr : 0;
	for (i = 0; i < o->count; i++)
		fork_write_once(&r, page, nr, o, epoch, &child, &parent);

	printf("A process of %s (%s pages) forks; then %s pages (%" PRIu64 " %%) are written,\n"
	       "in %s order%s. %" PRIu64 " %s.\n\n", format_size_short(region_bytes(&r)).s,
	       format_number(r.pages).s, format_number(nr).s, o->share,
	       o->random ? "random" : "sequential",
	       child.pages && parent.pages ? ", by the child first, then by the parent" : "",
	       o->count, runs(o));
	printf("  %-8s %14s %12s %12s %12s %12s\n", "writer", "pages written", "copied",
	       "anon_copied", "reused", "per write");
	side_print(&child);
	side_print(&parent);
	printf("\nFigures are medians; both sides also write to a few pages of stack and libc.%s\n",
	       o->emulated ? "\nTimes are emulated: compare only." : "");
	side_free(&child);
	side_free(&parent);
	free(page);
	region_unmap(&r);
}

/* Pages that a fork copied after all: by the child until its exec, by the parent meanwhile. */
static uint64_t really_copied(const struct cow_row *row)
{
	return row->value[COWSTAT_COL_PRE_EXEC_COPIED] + row->value[COWSTAT_COL_PARENT_COPIED];
}

/* A line of the screen's upper part: an amount in pages, unless it has none, and in bytes. */
static void print_amount(const char *label, const struct text *pages, uint64_t bytes,
			 uint64_t all)
{
	printf("  %-26s %9s %5s  %10s  %s\n", label, pages ? pages->s : "",
	       pages ? "pages" : "", format_size(bytes).s, format_bar(bytes, all, BAR_WIDTH).s);
}

static void print_account(const struct cow_row *row)
{
	static const enum cowstat_column column[] = {
		COWSTAT_COL_PID, COWSTAT_COL_PPID, COWSTAT_COL_BIRTH_ANON_PAGES,
		COWSTAT_COL_WP_FAULTS, COWSTAT_COL_COPIED, COWSTAT_COL_REUSED,
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

static void print_summary(const struct trial *trial, size_t nr, const struct region *r,
			  const struct options *o)
{
	const struct cow_row *fork = &trial[0].last;
	uint64_t shared = fork->value[COWSTAT_COL_BIRTH_ANON_PAGES];
	uint64_t tables = fork->value[COWSTAT_COL_BIRTH_PGTABLES_BYTES];
	uint64_t copied = really_copied(fork);
	uint64_t all = shared * COWSTAT_PAGE_BYTES;
	struct text shared_text = format_number(shared), copied_text = format_number(copied);
	size_t i;

	printf("A %s process forks; the child runs another program.\n\n",
	       format_size_short(region_bytes(r)).s);
	print_amount("fork could have copied", &shared_text, all, all);
	print_amount("really copied", &copied_text, copied * COWSTAT_PAGE_BYTES, all);
	print_amount("built instead: page tables", NULL, tables, all);
	printf("  %-26s %15s\n", "COPYING AVOIDED",
	       format_percent((int64_t)(shared - copied), shared).s);
	printf("  (really copied: %" PRIu64 " by the child before exec, %" PRIu64
	       " by the parent meanwhile)\n", fork->value[COWSTAT_COL_PRE_EXEC_COPIED],
	       fork->value[COWSTAT_COL_PARENT_COPIED]);

	printf("\n%-26s %12s      %s\n", "three ways to start it", "data copied", time_label(o));
	for (i = 0; i < nr; i++)
		printf("  %-24s %12s %12s\n", trial[i].name,
		       format_size_short(really_copied(&trial[i].last) * COWSTAT_PAGE_BYTES).s,
		       format_duration(series_at(&trial[i].exit, 50)).s);
	print_account(fork);
}

static void run_summary(const struct options *o)
{
	struct trial trial[] = { TRIAL_FORK, TRIAL_SPAWN, TRIAL_EAGER };
	uint64_t epoch = check_table();
	const struct cow_row *fork = &trial[0].last;
	struct region r;
	size_t i;

	prepare(&r, o);
	trials_run(trial, ARRAY_SIZE(trial), &r, o, epoch);
	/* Without these the screen would claim zeros that nobody measured. */
	if (!fork->known[COWSTAT_COL_BIRTH_ANON_PAGES] ||
	    !fork->known[COWSTAT_COL_PRE_EXEC_COPIED] || !fork->known[COWSTAT_COL_PARENT_COPIED])
		errx(EXIT_FAILURE, COWSTAT_PROC_PATH
		     " does not tell what a fork shared: are the hooks fork and copy armed? See hooks= in its first line");
	print_summary(trial, ARRAY_SIZE(trial), &r, o);
	for (i = 0; i < ARRAY_SIZE(trial); i++)
		trial_free(&trial[i]);
	region_unmap(&r);
}

/**
 * struct scenario - something cowbench can do
 * @name: on the command line
 * @help: one line of --help
 * @count: runs, unless told
 * @copies: times the memory that it needs
 * @options: OPTION_BIT() of the options it takes besides those that all take
 * @run: does it, or ends the program
 */
static const struct scenario {
	const char *name;
	const char *help;
	uint64_t count;
	unsigned int copies;
	unsigned int options;
	void (*run)(const struct options *o);
} scenarios[] = {
	{ "summary", "what copy-on-write saved, on one screen", 5, 2,
	  OPTION_BIT(OPT_EXEC), run_summary },
	{ "fork-exec", "fork+exec, vfork+exec and posix_spawn side by side", 20, 1,
	  OPTION_BIT(OPT_EXEC), run_fork_exec },
	{ "fork-write", "fork, then write to a share of the pages", 5, 2,
	  OPTION_BIT(OPT_WRITER) | OPTION_BIT(OPT_SHARE) | OPTION_BIT(OPT_ORDER),
	  run_fork_write },
	{ "eager", "what fork would cost if it copied everything", 5, 2,
	  OPTION_BIT(OPT_EXEC), run_eager },
};

#define COMMON_OPTIONS	(OPTION_BIT(OPT_SIZE) | OPTION_BIT(OPT_COUNT) | OPTION_BIT(OPT_EMULATED))

static const struct option longs[] = {
	{ "size",	required_argument,	NULL, OPT_SIZE },
	{ "count",	required_argument,	NULL, OPT_COUNT },
	{ "exec",	required_argument,	NULL, OPT_EXEC },
	{ "writer",	required_argument,	NULL, OPT_WRITER },
	{ "share",	required_argument,	NULL, OPT_SHARE },
	{ "order",	required_argument,	NULL, OPT_ORDER },
	{ "emulated",	no_argument,		NULL, OPT_EMULATED },
	{ "help",	no_argument,		NULL, OPT_HELP },
	{ "version",	no_argument,		NULL, OPT_VERSION },
	{}
};

static void usage(FILE *to)
{
	size_t i;

	fputs("usage: cowbench SCENARIO [OPTION...]\n"
	      "Fork and exec a large process; tell from " COWSTAT_PROC_PATH " what was copied.\n"
	      "Scenarios:\n", to);
	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		fprintf(to, "  %-12s %s\n", scenarios[i].name, scenarios[i].help);
	fputs("Options:\n"
	      "  --size SIZE       memory of the process that forks (default 500M; k, M, G)\n"
	      "  --count N         runs (default: fork-exec 20, others 5)\n"
	      "  --emulated        label times as emulated, good for comparison only\n"
	      "  --exec PATH       program the child runs (default /bin/true; not fork-write)\n"
	      "fork-write only:\n"
	      "  --writer WHO      child, parent or both (default child)\n"
	      "  --share PERCENT   of the pages that are written (default 10)\n"
	      "  --order ORDER     seq or random (default seq)\n"
	      "Others:\n"
	      "  --help\n"
	      "  --version\n"
	      "\"call\" is until the call returned in the parent, \"to exit\" and the times of\n"
	      "summary are until the child had exited; p50 is the median.\n", to);
}

static void set_size(struct options *o, const char *text)
{
	if (parse_size(text, &o->size) || o->size > INT64_MAX)
		bad_usage("--size %s: not a size; give one like 500M, 1G or 64k", text);
	if (o->size < COWSTAT_PAGE_BYTES)
		bad_usage("--size %s: smaller than a page; give 4k or more", text);
	/* Pages are numbered in 32 bits. */
	if (o->size / COWSTAT_PAGE_BYTES >= UINT32_MAX)
		bad_usage("--size %s: larger than 16 TiB", text);
}

static void set_writer(struct options *o, const char *text)
{
	if (!strcmp(text, "child"))
		o->writers = WRITER_CHILD;
	else if (!strcmp(text, "parent"))
		o->writers = WRITER_PARENT;
	else if (!strcmp(text, "both"))
		o->writers = WRITER_CHILD | WRITER_PARENT;
	else
		bad_usage("--writer %s: who is that? Give child, parent or both", text);
}

static void set_order(struct options *o, const char *text)
{
	if (strcmp(text, "seq") && strcmp(text, "random"))
		bad_usage("--order %s: no such order; give seq or random", text);
	o->random = !strcmp(text, "random");
}

static void set_option(struct options *o, enum option_id id, const char *text)
{
	switch (id) {
	case OPT_SIZE:
		set_size(o, text);
		break;
	case OPT_COUNT:
		if (parse_number(text, 1, MAX_COUNT, &o->count))
			bad_usage("--count %s: not a number of runs; give 1 to %d", text,
				  MAX_COUNT);
		break;
	case OPT_EXEC:
		o->exec = text;
		break;
	case OPT_WRITER:
		set_writer(o, text);
		break;
	case OPT_SHARE:
		if (parse_number(text, 1, 100, &o->share))
			bad_usage("--share %s: not a percentage; give 1 to 100", text);
		break;
	case OPT_ORDER:
		set_order(o, text);
		break;
	case OPT_EMULATED:
		o->emulated = true;
		break;
	case OPT_HELP:
		usage(stdout);
		exit(EXIT_SUCCESS);
	case OPT_VERSION:
		puts("cowbench " COWSTAT_RELEASE);
		exit(EXIT_SUCCESS);
	}
	o->given |= OPTION_BIT(id);
}

/* Which scenario that is, now that all options are known. */
static const struct scenario *find_scenario(const char *name, struct options *o)
{
	const struct scenario *s;
	unsigned int alien;
	size_t i;

	for (s = scenarios; s < scenarios + ARRAY_SIZE(scenarios); s++)
		if (!strcmp(s->name, name))
			break;
	if (s == scenarios + ARRAY_SIZE(scenarios))
		bad_usage("there is no scenario \"%s\"", name);
	alien = o->given & ~(s->options | COMMON_OPTIONS);
	for (i = 0; longs[i].name; i++)
		if (alien & OPTION_BIT(longs[i].val))
			bad_usage("--%s is no option of %s", longs[i].name, name);
	if (!o->count)
		o->count = s->count;
	return s;
}

/* Memory that can be had, in bytes; UINT64_MAX if the kernel does not say. */
static uint64_t memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	uint64_t kib = UINT64_MAX;
	char line[128];

	if (!f)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
			break;
	fclose(f);
	return kib == UINT64_MAX ? kib : kib * 1024;
}

/* Better a word now than the kernel's OOM killer later. */
static void check_memory(const struct scenario *s, const struct options *o)
{
	uint64_t available = memory_available();

	if (o->size <= available / s->copies)
		return;
	errx(EXIT_FAILURE, "%s needs %u x %s of memory, of which %s is free: try a smaller --size",
	     s->name, s->copies, format_size_short(o->size).s, format_size(available).s);
}

int main(int argc, char **argv)
{
	struct options o = {
		.size = 500ULL << 20,
		.exec = "/bin/true",
		.writers = WRITER_CHILD,
		.share = 10,
	};
	const struct scenario *s;
	int id;

	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (id == '?')
			point_to_help();	/* getopt_long() has said why */
		set_option(&o, id, optarg);
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (optind + 1 < argc)
		bad_usage("one scenario at a time, please: \"%s\" is one too many",
			  argv[optind + 1]);
	s = find_scenario(argv[optind], &o);
	check_memory(s, &o);
	s->run(&o);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write the result");
	return EXIT_SUCCESS;
}
