// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "forecast.h"
#include "format.h"
#include "region.h"
#include "uapi/cowstat.h"

#define HUGE_PAGES	512
#define OWN_BYTES	(32ULL << 20) /* of the region that cowstat forks itself */
#define OWN_FORKS	3

/* A mapping with a smaller share of the written pages has no curve of its own. */
#define SMALL_SHARE	50

/* Huge pages come into sums as 4 KiB pages. */
static struct estimate of_mapping(const struct working_mapping *m, double seconds)
{
	struct estimate e = growth_at(&m->growth, seconds);
	struct estimate huge = growth_of_huge(&m->huge_growth, seconds);

	estimate_add(&e, &huge);
	return e;
}

static uint64_t written_of(const struct working_mapping *m)
{
	return m->written + HUGE_PAGES * m->huge_written;
}

static uint64_t pages_of(const struct working_mapping *m)
{
	return m->pages + HUGE_PAGES * m->huge;
}

/* One curve for all mappings that write little. */
static void add_curve(struct growth *sum, const struct growth *g)
{
	size_t i;

	if (!sum->nr) {
		*sum = *g;
		return;
	}
	sum->pool += g->pool;
	sum->unseen += g->unseen;
	for (i = 0; i < sum->nr; i++)
		sum->pages[i] += growth_read(g, sum->seconds[i]);
}

static int by_copied(const void *a, const void *b)
{
	const struct forecast_mapping *x = a, *y = b;

	return (x->copied.pages < y->copied.pages) - (x->copied.pages > y->copied.pages);
}

/* Keep those mappings that pay most; the last place is that of all others. */
static void keep_mapping(struct forecast *f, const struct forecast_mapping *new)
{
	struct forecast_mapping *others = &f->mapping[FORECAST_MAX_MAPPINGS];
	struct forecast_mapping *last;

	if (f->nr_mappings < FORECAST_MAX_MAPPINGS) {
		f->mapping[f->nr_mappings++] = *new;
		return;
	}
	qsort(f->mapping, f->nr_mappings, sizeof(*f->mapping), by_copied);
	last = &f->mapping[f->nr_mappings - 1];
	others->pages += (new->copied.pages > last->copied.pages ? last : new)->pages;
	estimate_add(&others->copied,
		     &(new->copied.pages > last->copied.pages ? last : new)->copied);
	if (new->copied.pages > last->copied.pages)
		*last = *new;
}

static void finish_mappings(struct forecast *f)
{
	qsort(f->mapping, f->nr_mappings, sizeof(*f->mapping), by_copied);
	if (f->mapping[FORECAST_MAX_MAPPINGS].pages && f->nr_mappings == FORECAST_MAX_MAPPINGS)
		f->nr_mappings++;
}

static void judge(struct forecast *f)
{
	size_t i;

	for (i = 0; i < f->nr; i++) {
		struct estimate bytes = f->at[i].pages;

		bytes.pages = bytes.pages * COWSTAT_PAGE_BYTES + f->set.tables;
		bytes.low = bytes.low * COWSTAT_PAGE_BYTES + f->set.tables;
		bytes.high = bytes.high * COWSTAT_PAGE_BYTES + f->set.tables;
		f->at[i].verdict = headroom_verdict(&f->headroom, &bytes, f->set.writable);
	}
}

/* Is it one of those that share a curve, because they write little? */
static bool is_small(const struct working_mapping *m, uint64_t written)
{
	return !m->lost && written_of(m) * SMALL_SHARE <= written;
}

/* Fit the curves. Without memory for it they can still be extended, but not well. */
static void fit(struct working_mapping *m)
{
	if (growth_fit(&m->growth) || growth_fit(&m->huge_growth))
		warnx("no memory to fit a curve: the forecast is rough");
}

static void fit_all(struct forecast *f)
{
	uint64_t written = 0;
	size_t i;

	for (i = 0; i < f->set.nr; i++)
		written += written_of(&f->set.mapping[i]);
	for (i = 0; i < f->set.nr; i++) {
		struct working_mapping *m = &f->set.mapping[i];

		if (m->lost)
			f->unwatched += pages_of(m);
		m->small = is_small(m, written);
		if (m->small) {
			add_curve(&f->rest.growth, &m->growth);
			add_curve(&f->rest.huge_growth, &m->huge_growth);
		}
		fit(m);
	}
	f->rest.growth.sequential = f->rest.huge_growth.sequential = false;
	fit(&f->rest);
}

/**
 * forecast_at() - what would be copied
 * @f: made
 * @seconds: how long the child lives
 *
 * Return: pages.
 */
struct estimate forecast_at(const struct forecast *f, double seconds)
{
	struct estimate e = of_mapping(&f->rest, seconds), one;
	size_t i;

	for (i = 0; i < f->set.nr; i++) {
		if (f->set.mapping[i].small)
			continue;
		one = of_mapping(&f->set.mapping[i], seconds);
		estimate_add(&e, &one);
	}
	return e;
}

/**
 * forecast_make() - extend the curves to the times asked for, and judge
 * @f: @set was watched; @at has the times, @main is chosen, @headroom was read
 */
void forecast_make(struct forecast *f)
{
	size_t i;

	fit_all(f);
	for (i = 0; i < f->nr; i++)
		f->at[i].pages = forecast_at(f, f->at[i].seconds);
	for (i = 0; i < f->set.nr; i++) {
		const struct working_mapping *m = &f->set.mapping[i];

		if (!written_of(m))
			continue;
		keep_mapping(f, &(struct forecast_mapping){
					.name = m->name,
					.from = m->from,
					.pages = pages_of(m),
					.copied = of_mapping(m, f->at[f->main].seconds),
				});
	}
	finish_mappings(f);
	judge(f);
}

/**
 * forecast_free() - give the memory back
 * @f: filled in
 */
void forecast_free(struct forecast *f)
{
	growth_free(&f->rest.growth);
	growth_free(&f->rest.huge_growth);
	working_set_free(&f->set);
}

/* How long a fork of this process takes whose child exits at once. */
static int time_fork(uint64_t *ns)
{
	uint64_t begin, took;
	pid_t pid;
	int i;

	*ns = UINT64_MAX;
	for (i = 0; i < OWN_FORKS; i++) {
		begin = now_ns();
		pid = fork();
		if (pid < 0)
			return -errno;
		if (!pid)
			_exit(EXIT_SUCCESS);
		took = now_ns() - begin;
		waitpid(pid, NULL, 0);
		if (took < *ns)
			*ns = took;
	}
	return 0;
}

/**
 * forecast_measure_fork() - measure how long a fork takes on this machine
 * @entries: entries of page tables that the fork in question would copy
 * @ns: how long it would take
 *
 * Forks this process with and without 32 MiB of private pages. What the pages cost is multiplied.
 *
 * Return: 0 or a negative errno.
 */
int forecast_measure_fork(uint64_t entries, uint64_t *ns)
{
	uint64_t without, with;
	struct region region;
	size_t i;
	int err;

	err = time_fork(&without);
	if (err || region_map(&region, OWN_BYTES, PAGES_4K))
		return err ?: -ENOMEM;
	for (i = 0; i < region.pages; i++)
		region.start[i * COWSTAT_PAGE_BYTES] = 1;
	err = time_fork(&with);
	with = with > without ? with - without : 0;
	*ns = without + with * entries / region.pages;
	region_unmap(&region);
	return err;
}

/**
 * forecast_seconds() - a time as people type it
 * @seconds: how long
 *
 * Return: "60 s", "0.5 s".
 */
struct text forecast_seconds(double seconds)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%g s", seconds);
	return t;
}

/**
 * forecast_sentence() - say in one sentence what would happen
 * @f: made
 * @to: the sentence
 * @size: its size
 */
void forecast_sentence(const struct forecast *f, char *to, size_t size)
{
	static const char *const ends[] = {
		[VERDICT_FITS] = "it fits",
		[VERDICT_MAY_NOT_FIT] = "it may not fit",
		[VERDICT_SWAPS] = "it would swap",
		[VERDICT_KILLED] = "it would be killed",
	};
	const struct forecast_time *at = &f->at[f->main];

	if (at->verdict == VERDICT_NO_FORK)
		snprintf(to, size,
			 "A save would fail: for fork, the kernel must promise %s, and %s is left.",
			 format_size_short(f->set.writable).s,
			 format_size_short(f->headroom.committable).s);
	else if (at->pages.pages < 0.5)
		snprintf(to, size,
			 "A save of %s would copy nothing: no private page was written in %s.",
			 forecast_seconds(at->seconds).s,
			 forecast_seconds((double)f->window_ns / NS_PER_S).s);
	else
		snprintf(to, size,
			 "A save of %s would copy about %s (+-%u %%); %s is available: %s.",
			 forecast_seconds(at->seconds).s,
			 format_size(llround(at->pages.pages) * COWSTAT_PAGE_BYTES).s,
			 estimate_percent(&at->pages), format_size(headroom_memory(&f->headroom)).s,
			 ends[at->verdict]);
}
