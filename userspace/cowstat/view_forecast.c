// SPDX-License-Identifier: GPL-2.0
/* A forecast for people, as JSON, as metrics and as a picture. */
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "forecast.h"
#include "format.h"
#include "json.h"
#include "picture.h"
#include "uapi/cowstat.h"
#include "utf8.h"

#define NAME_WIDTH	36
#define HUGE_PAGES	512

static uint64_t whole(double pages)
{
	return llround(fmax(0, pages));
}

static uint64_t bytes_of(double pages)
{
	return llround(fmax(0, pages) * COWSTAT_PAGE_BYTES);
}

static const char *method(const struct forecast *f)
{
	return f->set.by_scan ? "PAGEMAP_SCAN" : "pagemap's soft-dirty bits";
}

static double window(const struct forecast *f)
{
	return (double)f->window_ns / NS_PER_S;
}

static uint64_t faults(const struct forecast *f)
{
	return f->faults_known ? f->faults : working_set_written(&f->set);
}

/* --- for people --- */

static void print_times(const struct forecast *f, FILE *to)
{
	size_t i;

	fprintf(to, "  %12s %14s %12s %12s %8s\n", "child lives", "pages copied", "size",
		"of private", "+-");
	for (i = 0; i < f->nr; i++) {
		const struct forecast_time *at = &f->at[i];
		uint64_t pages = whole(at->pages.pages);

		fprintf(to, "  %12s %14s %12s %12s %6u %%\n", forecast_seconds(at->seconds).s,
			format_number(pages).s, format_size(pages * COWSTAT_PAGE_BYTES).s,
			format_percent(pages, f->set.pages).s, estimate_percent(&at->pages));
	}
}

static void print_mappings(const struct forecast *f, FILE *to)
{
	char name[4 * NAME_WIDTH], place[64];
	size_t i;

	if (!f->nr_mappings)
		return;
	fprintf(to, "\n  %-*s %13s %10s %10s\n", NAME_WIDTH, "which mappings pay", "private pages",
		"copied", "size");
	for (i = 0; i < f->nr_mappings; i++) {
		const struct forecast_mapping *m = &f->mapping[i];
		uint64_t pages = whole(m->copied.pages);

		if (i == FORECAST_MAX_MAPPINGS)
			snprintf(place, sizeof(place), "(others)");
		else
			snprintf(place, sizeof(place), "anonymous, at %" PRIx64, m->from);
		utf8_fit(name, sizeof(name), m->name && *m->name ? m->name : place, NAME_WIDTH,
			 UTF8_KEEP_END);
		fprintf(to, "  %-*s %13s %10s %10s\n", NAME_WIDTH, name, format_number(m->pages).s,
			format_number(pages).s, format_size(pages * COWSTAT_PAGE_BYTES).s);
	}
}

static void print_headroom(const struct headroom *h, FILE *to)
{
	char name[4 * NAME_WIDTH];

	fprintf(to, "  available   %s of memory, %s of swap\n", format_size(h->available).s,
		format_size(h->swap).s);
	if (*h->cgroup) {
		utf8_fit(name, sizeof(name), h->cgroup, NAME_WIDTH, UTF8_KEEP_END);
		fprintf(to, "              memory.max of the control group %s leaves %s\n", name,
			format_size(h->cgroup_available).s);
	}
	if (h->overcommit == OVERCOMMIT_NEVER)
		fprintf(to, "              vm.overcommit_memory is 2: %s can still be promised\n",
			format_size(h->committable).s);
}

static void print_notes(const struct forecast *f, FILE *to)
{
	const struct working_set *set = &f->set;

	if (set->huge && f->split)
		fprintf(to, "  The kernel could not split %s: in them, +- is large.\n",
			format_count(set->huge, "huge page", "huge pages").s);
	else if (set->huge)
		fputs("  Huge pages have one soft-dirty bit for 512 pages: in them, +- is large.\n"
		      "  To have them split first: --split-huge.\n",
		      to);
	if (working_set_joined(set))
		fprintf(to,
			"  khugepaged made huge pages of %s meanwhile, which were not seen then.\n",
			format_count(working_set_joined(set), "page", "pages").s);
	if (set->hugetlb)
		fprintf(to, "  Not in it: %s of hugetlb pages, which have no soft-dirty bits.\n",
			format_size(set->hugetlb).s);
	if (set->clears > 1)
		fprintf(to, "  Mappings grew, so that the bits had to be cleared %u times.\n",
			set->clears);
	if (f->unwatched)
		fprintf(to, "  %s in mappings that grew could not be watched to the end.\n",
			format_count(f->unwatched, "page", "pages").s);
}

/**
 * forecast_print() - print a forecast for people
 * @f: made
 * @to: the stream
 */
void forecast_print(const struct forecast *f, FILE *to)
{
	static const char *const how[] = {
		[FORK_PAST] = "as its last fork took for each page",
		[FORK_MEASURED] = "as a fork of cowstat's own took for each page",
		[FORK_UNKNOWN] = "not known: cowstat itself could not fork to measure it",
	};
	const struct working_set *set = &f->set;
	char sentence[256];

	fprintf(to, "%s (pid %d): %s, %s", format_printable(f->comm).s, set->pid,
		format_count(set->pages, "private page", "private pages").s,
		format_size(set->pages * COWSTAT_PAGE_BYTES).s);
	if (set->huge)
		fprintf(to, " (%s)", format_count(set->huge, "huge page", "huge pages").s);
	fprintf(to, ".\nWatched for %s by %s. If its load goes on like this:\n\n",
		forecast_seconds(window(f)).s, method(f));
	print_times(f, to);
	print_mappings(f, to);
	fprintf(to, "\n  fork        %s%s, %s\n", f->fork_how == FORK_UNKNOWN ? "" : "about ",
		f->fork_how == FORK_UNKNOWN ? "-" : format_duration(f->fork_ns).s,
		how[f->fork_how]);
	fprintf(to, "  tables      %s of page tables for the child\n", format_size(set->tables).s);
	print_headroom(&f->headroom, to);
	fprintf(to, "  watching    cost it %s%s (%s a second)", f->faults_known ? "" : "at least ",
		format_count(faults(f), "fault", "faults").s,
		format_rate(faults(f), f->window_ns, 6).s);
	fprintf(to, "; clearing took %s\n", format_duration(set->clear_ns).s);
	print_notes(f, to);
	forecast_sentence(f, sentence, sizeof(sentence));
	fprintf(to, "\n%s\n", sentence);
}

/* --- JSON --- */

static json_t *json_estimate(const struct estimate *e)
{
	json_t *json = json_object();

	json_put(json, "pages", json_uint(whole(e->pages)));
	json_put(json, "low_pages", json_uint(whole(e->low)));
	json_put(json, "high_pages", json_uint(whole(e->high)));
	json_put(json, "bytes", json_uint(bytes_of(e->pages)));
	return json;
}

static json_t *json_limit(uint64_t bytes)
{
	return bytes == UINT64_MAX ? json_null() : json_uint(bytes);
}

static json_t *json_times(const struct forecast *f)
{
	json_t *all = json_array(), *one;
	size_t i;

	for (i = 0; i < f->nr; i++) {
		one = json_estimate(&f->at[i].pages);
		json_put(one, "seconds", json_real(f->at[i].seconds));
		json_put(one, "verdict", json_text(verdict_name(f->at[i].verdict)));
		json_add(all, one);
	}
	return all;
}

static json_t *json_mappings(const struct forecast *f)
{
	json_t *all = json_array(), *one;
	size_t i;

	for (i = 0; i < f->nr_mappings; i++) {
		one = json_estimate(&f->mapping[i].copied);
		if (i < FORECAST_MAX_MAPPINGS)
			json_put_name(one, "name", f->mapping[i].name);
		else
			json_put(one, "name", json_null());
		json_put(one, "start", json_uint_string(f->mapping[i].from));
		json_put(one, "private_pages", json_uint(f->mapping[i].pages));
		json_add(all, one);
	}
	return all;
}

/* The mapping that was watched longest. */
static const struct working_mapping *longest(const struct working_set *set)
{
	const struct working_mapping *found = NULL;
	size_t i;

	for (i = 0; i < set->nr; i++)
		if (!found || set->mapping[i].growth.nr > found->growth.nr)
			found = &set->mapping[i];
	return found;
}

/* The measured curve: pages written until each reading, huge ones as one. */
static json_t *json_curve(const struct forecast *f)
{
	const struct working_mapping *m = longest(&f->set);
	json_t *all = json_array(), *one;
	double t, pages;
	size_t i, k;

	for (i = 0; m && i < m->growth.nr; i++) {
		t = m->growth.seconds[i];
		pages = 0;
		for (k = 0; k < f->set.nr; k++) {
			pages += growth_read(&f->set.mapping[k].growth, t);
			pages += growth_read(&f->set.mapping[k].huge_growth, t);
		}
		one = json_object();
		json_put(one, "seconds", json_real(t));
		json_put(one, "written", json_uint(whole(pages)));
		json_add(all, one);
	}
	return all;
}

/**
 * forecast_json() - print a forecast as a JSON document
 * @f: made
 * @to: the stream
 *
 * Return: 0, or -1 when it could not be written.
 */
int forecast_json(const struct forecast *f, FILE *to)
{
	static const char *const fork_by[] = {
		[FORK_PAST] = "its last fork",
		[FORK_MEASURED] = "a fork of cowstat",
		[FORK_UNKNOWN] = "unknown",
	};
	json_t *json = json_object(), *part;
	char sentence[256];

	forecast_sentence(f, sentence, sizeof(sentence));
	json_put(json, "schema", json_integer(1));
	json_put(json, "pid", json_integer(f->set.pid));
	json_put_name(json, "comm", f->comm);
	json_put(json, "window_ns", json_uint_string(f->window_ns));
	json_put(json, "method", json_text(f->set.by_scan ? "PAGEMAP_SCAN" : "pagemap"));
	json_put(json, "private_pages", json_uint(f->set.pages));
	json_put(json, "huge_pages", json_uint(f->set.huge));
	json_put(json, "hugetlb_bytes", json_uint(f->set.hugetlb));
	json_put(json, "huge_pages_split", json_boolean(f->split));
	json_put(json, "unwatched_pages", json_uint(f->unwatched));
	json_put(json, "joined_pages", json_uint(working_set_joined(&f->set)));
	json_put(json, "forecast", json_times(f));
	json_put(json, "mappings_seconds", json_real(f->at[f->main].seconds));
	json_put(json, "mappings", json_mappings(f));
	json_put(json, "curve", json_curve(f));
	json_put(json, "fork_ns",
		 f->fork_how == FORK_UNKNOWN ? json_null() : json_uint_string(f->fork_ns));
	json_put(json, "fork_by", json_text(fork_by[f->fork_how]));
	json_put(json, "page_tables_bytes", json_uint(f->set.tables));
	part = json_object();
	json_put(part, "memory_bytes", json_uint(f->headroom.available));
	json_put(part, "swap_bytes", json_uint(headroom_swap(&f->headroom)));
	json_put(part, "cgroup_bytes", json_limit(f->headroom.cgroup_available));
	json_put(part, "committable_bytes", json_limit(f->headroom.committable));
	json_put(part, "overcommit_memory", json_uint(f->headroom.overcommit));
	json_put(json, "available", part);
	part = json_object();
	json_put(part, "faults", json_uint(faults(f)));
	json_put(part, "faults_counted", json_boolean(f->faults_known));
	json_put(part, "readings", json_uint(f->set.readings));
	json_put(part, "clears", json_uint(f->set.clears));
	json_put(part, "clear_ns", json_uint_string(f->set.clear_ns));
	json_put(part, "read_ns", json_uint_string(f->set.read_ns));
	json_put(json, "cost", part);
	json_put(json, "sentence", json_text(sentence));
	return json_write(to, json, false);
}

/* --- metrics --- */

/* The first labels of each sample; up to two more may follow. */
#define NR_OWN		2
#define NR_LABELS	(NR_OWN + 2)

static void print_bounds(const struct forecast *f, const struct metrics *m,
			 const struct metrics_label own[NR_OWN])
{
	static const char name[] = "forecast_copied_bytes";
	struct metrics_label label[NR_LABELS] = { own[0], own[1] };
	char seconds[32], value[32];
	size_t i, k;

	metrics_family(m, name, "gauge", "bytes",
		       "What the process would copy if it forked now, by the life of its child.");
	for (i = 0; i < f->nr; i++) {
		const struct estimate *e = &f->at[i].pages;
		const struct {
			const char *bound;
			double pages;
		} bounds[] = { { "low", e->low }, { "best", e->pages }, { "high", e->high } };

		snprintf(seconds, sizeof(seconds), "%g", f->at[i].seconds);
		label[NR_OWN] = (struct metrics_label){ "seconds", seconds };
		for (k = 0; k < sizeof(bounds) / sizeof(bounds[0]); k++) {
			label[NR_OWN + 1] = (struct metrics_label){ "bound", bounds[k].bound };
			snprintf(value, sizeof(value), "%" PRIu64, bytes_of(bounds[k].pages));
			metrics_labels(m, name, "gauge", label, NR_LABELS, value);
		}
	}
}

static void print_verdicts(const struct forecast *f, const struct metrics *m,
			   const struct metrics_label own[NR_OWN])
{
	static const char name[] = "forecast_fits";
	struct metrics_label label[NR_LABELS] = { own[0], own[1] };
	char seconds[32];
	size_t i;

	metrics_family(m, name, "gauge", "",
		       "1 where the memory for it is available, swap left out.");
	for (i = 0; i < f->nr; i++) {
		snprintf(seconds, sizeof(seconds), "%g", f->at[i].seconds);
		label[NR_OWN] = (struct metrics_label){ "seconds", seconds };
		metrics_labels(m, name, "gauge", label, NR_OWN + 1,
			       f->at[i].verdict <= VERDICT_MAY_NOT_FIT ? "1" : "0");
	}
}

/**
 * forecast_metrics() - print a forecast as gauges
 * @f: made
 * @m: where
 */
void forecast_metrics(const struct forecast *f, const struct metrics *m)
{
	const struct {
		const char *name, *help;
		uint64_t bytes;
	} sizes[] = {
		{ "forecast_private_bytes", "Private memory of the process.",
		  f->set.pages * COWSTAT_PAGE_BYTES },
		{ "forecast_page_tables_bytes", "Page tables that fork would build.",
		  f->set.tables },
		{ "forecast_available_bytes",
		  "Memory that the machine and the control groups leave, swap left out.",
		  headroom_memory(&f->headroom) },
	};
	char pid[16], value[24];
	const struct metrics_label label[NR_OWN] = { { "pid", pid }, { "comm", f->comm } };
	size_t i;

	snprintf(pid, sizeof(pid), "%d", f->set.pid);
	print_bounds(f, m, label);
	print_verdicts(f, m, label);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(value, sizeof(value), "%" PRIu64, sizes[i].bytes);
		metrics_family(m, sizes[i].name, "gauge", "bytes", sizes[i].help);
		metrics_labels(m, sizes[i].name, "gauge", label, NR_OWN, value);
	}
	if (f->fork_how != FORK_UNKNOWN) {
		metrics_family(m, "forecast_fork_seconds", "gauge", "seconds",
			       "How long fork would take.");
		metrics_labels(m, "forecast_fork_seconds", "gauge", label, NR_OWN,
			       format_seconds(f->fork_ns).s);
	}
	metrics_end(m);
}

/* --- picture --- */

#define MIB(pages)	((pages) * COWSTAT_PAGE_BYTES / 1048576.0)
#define STEPS		24

/* The axis has only whole decades, from below the first reading to beyond the last time. */
static void add_curves(const struct forecast *f, struct picture *p)
{
	double end = f->at[f->nr - 1].seconds, from = window(f) / 16, t;
	struct curve *seen = picture_curve(p, "measured", NULL);
	struct curve *best, *low, *high, *room;
	double until = fmin(end, window(f)), available, top = 0;
	struct estimate e;
	int i;

	for (i = 0; i <= STEPS / 3; i++) {
		t = from * pow(until / from, 3.0 * i / STEPS);
		curve_add(seen, t * NS_PER_S, MIB(forecast_at(f, t).pages));
	}
	if (end > window(f)) {
		best = picture_curve(p, "forecast", "lines");
		low = picture_curve(p, "at least", "lines dashtype 2");
		high = picture_curve(p, "at most", "lines dashtype 2");
		for (i = 0; i <= STEPS; i++) {
			t = window(f) * pow(end / window(f), (double)i / STEPS);
			e = forecast_at(f, t);
			curve_add(best, t * NS_PER_S, MIB(e.pages));
			curve_add(low, t * NS_PER_S, MIB(e.low));
			curve_add(high, t * NS_PER_S, MIB(e.high));
			top = fmax(top, MIB(e.high));
		}
	}
	available = headroom_memory(&f->headroom) / 1048576.0;
	if (available < 3 * top) {
		room = picture_curve(p, "available memory", "lines dashtype 3");
		curve_add(room, from * NS_PER_S, available);
		curve_add(room, end * NS_PER_S, available);
	}
}

/**
 * forecast_picture() - draw the curve: measured, and extended
 * @f: made
 * @path: the file for the SVG document
 *
 * Ends the program on any error.
 */
void forecast_picture(const struct forecast *f, const char *path)
{
	char title[128], caption[256];
	struct picture p = {
		.file = "forecast",
		.title = title,
		.caption = caption,
		.x_label = "life of the child",
		.y_label = "copied, MiB",
		.x = AXIS_LOG_TIME,
	};

	snprintf(title, sizeof(title), "What a fork of %s would copy", format_printable(f->comm).s);
	forecast_sentence(f, caption, sizeof(caption));
	add_curves(f, &p);
	picture_save(&p, path);
}
