// SPDX-License-Identifier: GPL-2.0
/*
 * Each scenario runs a workload, and reads in /proc/cowstat what the kernel did. It needs no
 * privileges: it reads the rows of this process and of its children, which stay in the table
 * after their exit. Exits with a message on any error.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "launch.h"
#include "procfs.h"
#include "scenario.h"
#include "workload.h"

#define SNAPSHOT_SAMPLES	60	/* samples of a snapshot */
#define MAX_WRITE_TIMES		65536	/* number of writes whose times are kept */

#define COLUMN_KIND(NAME, name, kind, hook)	[COWSTAT_COL_##NAME] = COWSTAT_##kind,
static const enum cowstat_kind column_kind[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_KIND) };

/* The epoch in which the measurement began. Counts from two epochs cannot be compared. */
static uint64_t epoch;

static void read_table(struct cow_table *t)
{
	char why[256];

	if (cow_table_read(COWSTAT_PROC_PATH, t, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	if (!t->counting.value)
		errx(EXIT_FAILURE,
		     "counting is off, so nothing can be measured. Try: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	if (epoch && t->epoch.value != epoch)
		errx(EXIT_FAILURE,
		     COWSTAT_PROC_PATH " was reset during the measurement: please run it again");
	epoch = t->epoch.value;
}

/* The row of a child that has exited. Checks the parent, because pids are reused. */
static struct cow_row child_row(const struct cow_table *t, pid_t pid)
{
	const struct cow_row *found = cow_table_find(t, pid);

	if (!found || found->value[COWSTAT_COL_PPID] != (uint64_t)getpid())
		errx(EXIT_FAILURE,
		     "the row of child %d is not in " COWSTAT_PROC_PATH
		     ": either it was recycled (then load the module with a larger max_rows=), or the table was reset during the measurement (then run this again)",
		     pid);
	return *found;
}

/* The row of this process; all zero if nothing has been counted yet. */
static struct cow_row own_row(void)
{
	const struct cow_row *found;
	struct cow_row row = {};
	struct cow_table t;

	read_table(&t);
	found = cow_table_find(&t, getpid());
	if (found)
		row = *found;
	cow_table_free(&t);
	return row;
}

static struct subject *add_subject(struct result *result, const char *key, const char *name)
{
	struct subject *s = &result->subject[result->nr++];

	s->key = key;
	s->name = name;
	return s;
}

/* Add the values of a child's row. */
static void add_child(struct subject *s, const struct cow_row *row)
{
	size_t c;

	s->last = *row;
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (row->known[c] && column_kind[c] != COWSTAT_IDENTITY)
			series_add(&s->column[c], row->value[c]);
}

static bool is_counted(size_t column)
{
	return column_kind[column] == COWSTAT_COUNT || column_kind[column] == COWSTAT_DERIVED;
}

/* Add how much our own row grew between two readings. */
static void add_own(struct subject *s, const struct cow_row *before, const struct cow_row *now)
{
	size_t c;

	s->last = *now;
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (now->known[c] && is_counted(c))
			series_add(&s->column[c], now->value[c] - before->value[c]);
}

/* Is this run measured, or a warm-up? Runs are numbered from 0. */
static bool measured(const struct result *result, uint64_t run)
{
	return run >= result->o.warmup;
}

static uint64_t all_runs(const struct result *result)
{
	return result->o.warmup + result->o.count;
}

struct way {
	enum launch launch;
	const char *key;
	const char *name;
};

#define WAY_FORK	{ LAUNCH_FORK,	"fork",		"fork + exec" }
#define WAY_VFORK	{ LAUNCH_VFORK,	"vfork",	"vfork + exec" }
#define WAY_SPAWN	{ LAUNCH_SPAWN,	"posix_spawn",	"posix_spawn" }
#define WAY_EAGER	{ LAUNCH_EAGER,	"eager",	"fork, copy everything" }
#define WAY_EXIT	{ LAUNCH_EXIT,	"fork-exit",	"fork + exit" }

static void launch_once(const struct way *way, struct subject *s, const struct region *r,
			const char *path, bool keep)
{
	struct launched child;
	struct cow_table t;
	struct cow_row row;

	if (launch(way->launch, r, path, &child))
		exit(EXIT_FAILURE);
	if (!keep)
		return;
	read_table(&t);
	row = child_row(&t, child.pid);
	cow_table_free(&t);
	add_child(s, &row);
	series_add(&s->figure[FIGURE_CALL_NS], child.call_ns);
	series_add(&s->figure[FIGURE_EXIT_NS], child.exit_ns);
}

/* In each run use all ways in turn, so that other load on the machine affects all alike. */
static void run_ways(struct result *result, const struct region *r, const struct way *way,
		     size_t nr)
{
	size_t first = result->nr, j;
	uint64_t i;

	for (j = 0; j < nr; j++)
		add_subject(result, way[j].key, way[j].name);
	for (i = 0; i < all_runs(result); i++)
		for (j = 0; j < nr; j++)
			launch_once(&way[j], &result->subject[first + j], r, result->o.exec,
				    measured(result, i));
}

static void run_summary(struct result *result, const struct region *r)
{
	static const struct way way[] = { WAY_FORK, WAY_SPAWN, WAY_EAGER };
	const struct cow_row *fork = &result->subject[0].last;

	run_ways(result, r, way, ARRAY_SIZE(way));
	/* Without these columns the screen would show zeros that were not measured. */
	if (!fork->known[COWSTAT_COL_BIRTH_ANON_PAGES] ||
	    !fork->known[COWSTAT_COL_PRE_EXEC_COPIED] || !fork->known[COWSTAT_COL_PARENT_COPIED])
		errx(EXIT_FAILURE, COWSTAT_PROC_PATH
		     " does not show what a fork shared. Check that the hooks fork and copy are armed: see hooks= in its first line");
}

static void run_fork_exec(struct result *result, const struct region *r)
{
	static const struct way way[] = { WAY_FORK, WAY_VFORK, WAY_SPAWN };

	run_ways(result, r, way, ARRAY_SIZE(way));
}

static void run_fork_exit(struct result *result, const struct region *r)
{
	static const struct way way[] = { WAY_EXIT };

	run_ways(result, r, way, ARRAY_SIZE(way));
}

/* Copy a region to memory that is already mapped and filled: the cheapest way to copy. */
static void run_memcpy(struct result *result, const struct region *r)
{
	struct subject *s = add_subject(result, "memcpy", "memcpy of the same bytes");
	struct region to;
	uint64_t i, begin;

	if (region_map(&to, region_bytes(r), r->kind))
		exit(EXIT_FAILURE);
	region_fill(&to);
	for (i = 0; i < all_runs(result); i++) {
		begin = now_ns();
		memcpy(to.start, r->start, region_bytes(r));
		if (measured(result, i))
			series_add(&s->figure[FIGURE_COPY_NS], now_ns() - begin);
	}
	region_unmap(&to);
}

static void run_eager(struct result *result, const struct region *r)
{
	static const struct way way[] = { WAY_FORK, WAY_EAGER };

	run_memcpy(result, r);
	run_ways(result, r, way, ARRAY_SIZE(way));
}

/* How many pages are written, of which page_order() has the numbers. */
static size_t pages_to_write(const struct result *result, const struct region *r)
{
	return (r->pages * result->o.share + 99) / 100;
}

/* The numbers of all pages, in the order in which they will be written. */
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
	for (i = nr; random && i > 1; i--) {
		j = next_random(&state, i);
		other = page[j];
		page[j] = page[i - 1];
		page[i - 1] = other;
	}
	return page;
}

static void add_writes(struct subject *s, uint64_t ns, size_t nr)
{
	series_add(&s->figure[FIGURE_PAGES_WRITTEN], nr);
	if (nr)
		series_add(&s->figure[FIGURE_WRITE_NS], ns / nr);
}

static void run_fork_write(struct result *result, const struct region *r)
{
	struct subject *child = add_subject(result, "child", "child");
	struct subject *parent = add_subject(result, "parent", "parent");
	uint32_t *page = page_order(r->pages, result->o.random);
	size_t nr = pages_to_write(result, r);
	unsigned int writers = result->o.writers;
	struct cow_row before, now, row;
	struct written written;
	struct cow_table t;
	uint64_t i;

	for (i = 0; i < all_runs(result); i++) {
		before = own_row();
		if (fork_write(r, page, nr, writers, &written))
			exit(EXIT_FAILURE);
		if (!measured(result, i))
			continue;
		now = own_row();
		read_table(&t);
		row = child_row(&t, written.pid);
		cow_table_free(&t);
		add_child(child, &row);
		add_own(parent, &before, &now);
		add_writes(child, written.child_ns, writers & WRITER_CHILD ? nr : 0);
		add_writes(parent, written.parent_ns, writers & WRITER_PARENT ? nr : 0);
	}
	free(page);
}

/* Add a worker's row to the sum of all workers of a run. */
static void add_up(struct cow_row *sum, const struct cow_row *row)
{
	size_t c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		/* One copy by the parent counts for all of its children. */
		if (!row->known[c] || column_kind[c] == COWSTAT_IDENTITY ||
		    c == COWSTAT_COL_PARENT_COPIED)
			continue;
		sum->known[c] = true;
		sum->value[c] += row->value[c];
	}
}

static void run_prefork(struct result *result, const struct region *r)
{
	struct subject *each = add_subject(result, "worker", "each worker");
	struct subject *all = add_subject(result, "workers", "all workers");
	struct subject *parent = add_subject(result, "parent", "parent");
	size_t nr = pages_to_write(result, r), workers = result->o.workers, w;
	uint32_t *page = page_order(r->pages, result->o.random);
	struct worker *worker = calloc(workers, sizeof(*worker));
	struct cow_row before, now, row, sum;
	struct cow_table t;
	uint64_t i;

	if (!worker)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < all_runs(result); i++) {
		before = own_row();
		if (prefork(r, page, nr, worker, workers))
			exit(EXIT_FAILURE);
		if (!measured(result, i))
			continue;
		now = own_row();
		sum = (struct cow_row){};
		read_table(&t);
		for (w = 0; w < workers; w++) {
			row = child_row(&t, worker[w].pid);
			add_up(&sum, &row);
			add_child(each, &row);
			series_add(&each->figure[FIGURE_CALL_NS], worker[w].call_ns);
			add_writes(each, worker[w].write_ns, nr);
		}
		cow_table_free(&t);
		add_child(all, &sum);
		series_add(&all->figure[FIGURE_PAGES_WRITTEN], nr * workers);
		add_own(parent, &before, &now);
	}
	free(worker);
	free(page);
}

/* Faults on pages of any size. */
static uint64_t faults(const struct cow_row *row)
{
	return row->value[COWSTAT_COL_WP_FAULTS] + row->value[COWSTAT_COL_THP_FAULTS] +
	       row->value[COWSTAT_COL_HUGETLB_FAULTS];
}

static uint64_t reused(const struct cow_row *row)
{
	return row->value[COWSTAT_COL_REUSED] + row->value[COWSTAT_COL_THP_REUSED] +
	       row->value[COWSTAT_COL_HUGETLB_REUSED];
}

/* Argument of sample(). */
struct sampling {
	struct result *result;
	struct cow_row before;
	size_t room;
};

static void sample(const struct snapshot *s, void *arg)
{
	struct sampling *to = arg;
	struct result *result = to->result;
	struct cow_row now;

	if (result->nr_points == to->room)
		return;
	now = own_row();
	/* Before our first counted fault there is no row: all counts are then 0. */
	result->point[result->nr_points++] = (struct point){
		.ns = s->elapsed_ns,
		.writes = s->writes,
		.pages_written = s->distinct,
		.faults = faults(&now) - faults(&to->before),
		.reused = reused(&now) - reused(&to->before),
		.copied_bytes = now.value[COWSTAT_COL_COPIED_BYTES] -
				to->before.value[COWSTAT_COL_COPIED_BYTES],
	};
}

static void snapshot_once(struct result *result, const struct region *r, uint32_t *write_ns,
			  struct subject *child, struct subject *parent, bool keep)
{
	struct sampling to = { .result = result, .room = 2 * SNAPSHOT_SAMPLES };
	uint64_t duration = result->o.duration_ms * 1000000;
	struct snapshot s = {
		.duration_ns = duration,
		.rate = result->o.rate,
		.sample_ns = duration / SNAPSHOT_SAMPLES,
		.sample = sample,
		.arg = &to,
		.write_ns = write_ns,
		.max_writes = MAX_WRITE_TIMES,
	};
	struct cow_row now, row;
	struct cow_table t;
	uint64_t i;

	result->nr_points = 0;
	to.before = own_row();
	if (snapshot(r, &s))
		exit(EXIT_FAILURE);
	if (!keep)
		return;
	now = own_row();
	read_table(&t);
	row = child_row(&t, s.pid);
	cow_table_free(&t);
	add_child(child, &row);
	add_own(parent, &to.before, &now);
	series_add(&child->figure[FIGURE_CALL_NS], s.call_ns);
	series_add(&parent->figure[FIGURE_WRITES], s.writes);
	series_add(&parent->figure[FIGURE_PAGES_WRITTEN], s.distinct);
	for (i = 0; i < s.writes && i < MAX_WRITE_TIMES; i++)
		series_add(&parent->figure[FIGURE_WRITE_NS], write_ns[i]);
}

static void run_snapshot(struct result *result, const struct region *r)
{
	struct subject *child = add_subject(result, "child", "child, reading");
	struct subject *parent = add_subject(result, "parent", "parent, writing");
	uint32_t *write_ns = calloc(MAX_WRITE_TIMES, sizeof(*write_ns));
	uint64_t i;

	result->point = calloc(2 * SNAPSHOT_SAMPLES, sizeof(*result->point));
	if (!write_ns || !result->point)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < all_runs(result); i++)
		snapshot_once(result, r, write_ns, child, parent, measured(result, i));
	free(write_ns);
}

#define TO_EXIT		"exit_ns", "time until the child had exited"
#define CALL		"call_ns", "time until fork returned"
#define WRITE		"write_ns", "time of one write"
#define COPIED_PAGES	"pre_exec_copied", "pages copied before exec or exit", format_number
#define COPIED_BYTES	"copied_bytes", "bytes copied", format_size

/* clang-format off */
const struct scenario scenarios[] = {
	{ "summary", "what copy-on-write saved, on one screen", 5, 0, 2, TAKES_EXEC,
	  run_summary, print_summary, { TO_EXIT, COPIED_PAGES } },
	{ "fork-exec", "fork+exec, vfork+exec and posix_spawn side by side", 20, 1, 1, TAKES_EXEC,
	  run_fork_exec, print_fork_exec, { TO_EXIT, COPIED_PAGES } },
	{ "fork-exit", "fork, and a child that exits at once", 20, 1, 1, 0,
	  run_fork_exit, print_fork_exit, { CALL, COPIED_PAGES } },
	{ "fork-write", "fork, then write to a share of the pages", 5, 1, 2,
	  TAKES_WRITER | TAKES_SHARE,
	  run_fork_write, print_fork_write, { WRITE, COPIED_BYTES } },
	{ "eager", "what fork would cost if it copied everything", 5, 1, 2, TAKES_EXEC,
	  run_eager, print_eager, { TO_EXIT, COPIED_PAGES } },
	{ "prefork", "workers that share their parent's memory, as in a web server", 5, 1, 1,
	  TAKES_SHARE | TAKES_WORKERS,
	  run_prefork, print_prefork, { CALL, COPIED_BYTES } },
	{ "snapshot", "a child reads all memory while its parent writes, as in a database", 1, 0, 2,
	  TAKES_SNAPSHOT,
	  run_snapshot, print_snapshot, { WRITE, COPIED_BYTES } },
};
/* clang-format on */
const size_t nr_scenarios = ARRAY_SIZE(scenarios);

/**
 * find_scenario() - find a scenario by its name
 * @name: the name
 *
 * Return: the scenario, or NULL.
 */
const struct scenario *find_scenario(const char *name)
{
	size_t i;

	for (i = 0; i < nr_scenarios; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

/* The most memory that a scenario will use, in bytes. */
static uint64_t memory_needed(const struct scenario *s, const struct bench_options *o)
{
	uint64_t copied = o->size;

	if (!(s->takes & TAKES_WORKERS))
		return s->copies * o->size;
	/* One write may copy a whole huge page. */
	if (o->pages == PAGES_4K || !o->random)
		copied = o->size / 100 * o->share + page_kind_bytes(o->pages);
	return o->size + o->workers * copied;
}

/**
 * scenario_possible() - check that there is enough memory for a scenario, of the right kind
 * @s: the scenario
 * @o: size, page size, workers and share
 * @why: result: if not, what is wrong and how to solve it
 * @len: size of @why
 *
 * An early message is better than the OOM killer, or a SIGBUS, later.
 *
 * Return: true if there is.
 */
bool scenario_possible(const struct scenario *s, const struct bench_options *o, char *why,
		       size_t len)
{
	uint64_t need = memory_needed(s, o), have = procfs_meminfo("MemAvailable");
	uint64_t huge = page_kind_bytes(PAGES_HUGETLB);
	uint64_t pool = procfs_meminfo("HugePages_Free") - procfs_meminfo("HugePages_Rsvd");
	const char *no_thp = o->pages == PAGES_THP ? thp_refused() : NULL;

	if (no_thp) {
		snprintf(why, len, "%s", no_thp);
		return false;
	}
	if (o->pages == PAGES_HUGETLB && !huge) {
		snprintf(why, len, "this kernel has no hugetlb pages");
		return false;
	}
	if (o->pages == PAGES_HUGETLB) {
		/* Each region is rounded up to whole pages. */
		need = need / huge + s->copies + (s->takes & TAKES_WORKERS ? o->workers : 0);
		if (pool >= need)
			return true;
		snprintf(why, len,
			 "%s needs %" PRIu64 " free huge pages of %s, and there are %" PRIu64
			 ". Try: echo %" PRIu64 " | sudo tee /proc/sys/vm/nr_hugepages",
			 s->name, need, format_size_short(huge).s, pool,
			 need + procfs_meminfo("HugePages_Total") - pool);
		return false;
	}
	if (!have || need <= have)
		return true;
	snprintf(why, len, "%s needs %s of memory, of which %s is free: try a smaller --size",
		 s->name, format_size_short(need).s, format_size(have).s);
	return false;
}

/**
 * scenario_run() - run a scenario and measure it
 * @s: the scenario
 * @o: its parameters, count and warm-up included
 * @result: the result, to be freed with result_free()
 *
 * Ends the program on any error.
 */
void scenario_run(const struct scenario *s, const struct bench_options *o, struct result *result)
{
	struct cow_table t;
	struct region r;
	char why[256];

	*result = (struct result){ .scenario = s, .o = *o };
	if (!scenario_possible(s, o, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	epoch = 0;
	read_table(&t); /* exits unless cowstat is loaded and counting */
	cow_table_free(&t);
	if (region_map(&r, o->size, o->pages))
		exit(EXIT_FAILURE);
	region_fill(&r);
	result->bytes = region_bytes(&r);
	result->huge_bytes = region_huge_bytes(&r);
	if (o->pages != PAGES_4K && result->huge_bytes < result->bytes)
		warnx("only %s of %s are in huge pages: is memory fragmented?",
		      format_size(result->huge_bytes).s, format_size(result->bytes).s);
	s->run(result, &r);
	region_unmap(&r);
}
