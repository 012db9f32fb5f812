// SPDX-License-Identifier: GPL-2.0
/* The screen of `cowstat workers`, and its JSON. */
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "table_json.h"
#include "uapi/cowstat.h"
#include "view_workers.h"

/**
 * sparkline() - draw numbers as bars, a character each
 * @value: the numbers
 * @nr: how many, at most WORKERS_TREND
 * @most: the number that a full bar stands for
 * @utf8: use block characters, not ASCII
 *
 * Return: the lowest character stands for 0 and only for 0.
 */
struct text sparkline(const uint64_t *value, unsigned int nr, uint64_t most, bool utf8)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	const char *const *bar = utf8 ? blocks : ascii;
	struct text t = {};
	unsigned int i, level;

	for (i = 0; i < nr && i < WORKERS_TREND; i++) {
		level = value[i] ? 1 : 0;
		if (value[i] && most)
			level = 1 +
				(unsigned __int128)(value[i] < most ? value[i] : most) * 6 / most;
		strcat(t.s, bar[level]);
	}
	return t;
}

/* The largest number in a trend. */
static uint64_t most_grown(const struct workers *w)
{
	uint64_t most = 0;
	unsigned int k;
	size_t i;

	for (i = 0; i < w->nr; i++)
		for (k = 0; k < w->worker[i].nr_trend; k++)
			if (w->worker[i].trend[k] > most)
				most = w->worker[i].trend[k];
	return most;
}

static struct text pages_of(const struct share *share, unsigned int width)
{
	return share->known ? format_fit(share->pages, width) : (struct text){ COWSTAT_UNKNOWN };
}

static uint64_t saved_by(const struct resident *r)
{
	return r->anonymous > r->pss ? r->anonymous - r->pss : 0;
}

static struct text saved_text(uint64_t bytes, bool known)
{
	return known ? format_size_tight(bytes) : (struct text){ COWSTAT_UNKNOWN };
}

static struct text rate_of(const struct share *grew, uint64_t span_ns)
{
	if (!grew->known || !span_ns)
		return (struct text){ COWSTAT_UNKNOWN };
	return format_rate(grew->pages, span_ns, 6);
}

static void print_line(FILE *to, const char *who, const char *age, const struct share *born,
		       const struct share *shared, const struct share *copied,
		       const struct share *by_master, const char *rate, const char *saved,
		       const char *trend)
{
	fprintf(to, "%7s %5s %7s %7s %7s %7s %6s %7s%s%s\n", who, age, pages_of(born, 7).s,
		pages_of(shared, 7).s, pages_of(copied, 7).s, pages_of(by_master, 7).s, rate, saved,
		*trend ? " " : "", trend);
}

static void print_worker(FILE *to, const struct workers *w, const struct worker *worker,
			 uint64_t most)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	struct share now = { worker->resident.known, worker->resident.shared / COWSTAT_PAGE_BYTES };
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", worker->pid);
	print_line(to, pid, format_age(worker->age_ns).s, &worker->born, &now, &worker->copied,
		   &worker->by_master, rate_of(&worker->grew, w->span_ns).s,
		   saved_text(saved_by(&worker->resident), worker->resident.known).s,
		   sparkline(worker->trend, worker->nr_trend, most, utf8).s);
}

static void print_sum(FILE *to, const struct workers *w, const struct workers_sum *sum)
{
	const struct share born = { !sum->late, sum->born }, copied = { true, sum->copied };
	const struct share shared = { !sum->unread, sum->shared / COWSTAT_PAGE_BYTES };
	const struct share grew = { true, sum->grew }, none = {};
	uint64_t saved = sum->separate > sum->used ? sum->separate - sum->used : 0;

	print_line(to, "master", "", &none, &none, &none, &none, "",
		   saved_text(saved_by(&w->resident), w->resident.known).s, "");
	print_line(to, "sum", "", &born, &shared, &copied, &none, rate_of(&grew, w->span_ns).s,
		   saved_text(saved, !sum->unread && w->resident.known).s, "");
}

static const char *const verdicts[] = {
	[PAID_UNKNOWN] = "unknown",
	[PAID_HARDLY] = "hardly",
	[PAID_PARTLY] = "partly",
	[PAID_YES] = "yes",
};

static void print_verdict(FILE *to, const struct workers_sum *sum)
{
	enum workers_paid paid = workers_paid(sum);

	if (paid == PAID_UNKNOWN)
		return;
	fprintf(to,
		"\nMaster and workers use %s of private memory. Separate processes would\n"
		"use %s. Did preloading pay? %s: it saves %s.\n",
		format_size(sum->used).s, format_size(sum->separate).s,
		paid == PAID_YES    ? "Yes" :
		paid == PAID_PARTLY ? "Partly" :
				      "Hardly",
		format_percent(sum->separate - sum->used, sum->separate).s);
}

/* What a server of this kind can do before it forks. */
static const char *warm_up(const char *comm)
{
	static const struct {
		const char *in, *what;
	} kinds[] = {
		{ "python", "warm up, then call gc.freeze()" },
		{ "gunicorn", "warm up, then call gc.freeze()" },
		{ "uwsgi", "warm up, then call gc.freeze()" },
		{ "celery", "warm up, then call gc.freeze()" },
		{ "ruby", "warm up, then call Process.warmup" },
		{ "puma", "warm up, then call Process.warmup" },
		{ "unicorn", "warm up, then call Process.warmup" },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strstr(comm, kinds[i].in))
			return kinds[i].what;
	return "load and run once what all workers will run";
}

static void print_advice(FILE *to, const struct workers *w)
{
	const struct worker *typical = workers_typical(w);
	char who[48];

	if (!typical)
		return;
	snprintf(who, sizeof(who), "A typical worker (%d)", typical->pid);
	if (workers_advise(w, ADVICE_YOUNG))
		fprintf(to,
			"\n%s copied %s of %s pages in its first %s.\n"
			"Before forking: %s.\n",
			who, format_number(typical->first_copied).s,
			format_number(typical->born.pages).s,
			format_duration(typical->first_age_ns).s, warm_up(w->comm));
	if (workers_advise(w, ADVICE_STEADY))
		fprintf(to,
			"\n%s still copies %s pages a second.\n"
			"To see what it writes: cowstat diff -p %d\n",
			who, format_rate(typical->grew.pages, w->span_ns, 6).s, typical->pid);
	if (workers_advise(w, ADVICE_OWN))
		fprintf(to,
			"\n%s has %s of its own, but was born with %s.\n"
			"Load more in the master, before it forks.\n",
			who, format_size(typical->resident.anonymous - typical->resident.shared).s,
			format_size(typical->born.pages * COWSTAT_PAGE_BYTES).s);
	if (workers_advise(w, ADVICE_MASTER))
		fprintf(to,
			"\nThe master copied %s itself since it forked worker %d:\n"
			"it writes to what its workers share.\n",
			format_count(typical->by_master.pages, "page", "pages").s, typical->pid);
}

static void print_notes(FILE *to, const struct workers *w, const struct workers_sum *sum)
{
	if (sum->late)
		fprintf(to,
			"\n%s forked before counting began: BIRTH is not known, and COPIED\n"
			"is what was copied since.\n",
			format_count(sum->late, "worker was", "workers were").s);
	if (w->others)
		fprintf(to, "\n%s another program, and is not shown.\n",
			format_count(w->others, "child runs", "children run").s);
	if (w->exited)
		fprintf(to, "\n%s exited since counting began, and copied %s pages.\n",
			format_count(w->exited, "worker has", "workers have").s,
			format_number(w->exited_copied).s);
	if (sum->swap)
		fprintf(to, "\n%s are in swap: NOW and SAVED leave them out.\n",
			format_size(sum->swap).s);
	if (sum->unread || !w->resident.known)
		fputs("\nNOW and SAVED are not known of processes that have just exited, or that are\n"
		      "not yours: then run as root.\n",
		      to);
}

/**
 * view_workers() - print a line for each worker, and what the figures mean
 * @to: where; lines have at most 80 columns
 * @w: the workers
 */
void view_workers(FILE *to, const struct workers *w)
{
	struct workers_sum sum;
	uint64_t most = most_grown(w);
	size_t i;

	workers_sum(w, &sum);
	fprintf(to, "Master %d %s: %s; pages of private memory\n", w->master, w->comm,
		format_count(w->nr, "worker", "workers").s);
	fprintf(to, "%7s %5s %7s %7s %7s %7s %6s %7s%s\n", "PID", "AGE", "BIRTH", "NOW", "COPIED",
		"MASTER", "COPY/S", "SAVED", w->span_ns ? " TREND" : "");
	for (i = 0; i < w->nr; i++)
		print_worker(to, w, &w->worker[i], most);
	print_sum(to, w, &sum);
	print_verdict(to, &sum);
	print_advice(to, w);
	print_notes(to, w, &sum);
}

static json_t *json_share(const struct share *share)
{
	return share->known ? json_uint(share->pages) : json_null();
}

static void put_resident(json_t *o, const struct resident *r)
{
	json_put(o, "shared_bytes", r->known ? json_uint(r->shared) : json_null());
	json_put(o, "anonymous_bytes", r->known ? json_uint(r->anonymous) : json_null());
	json_put(o, "saved_bytes", r->known ? json_uint(saved_by(r)) : json_null());
	json_put(o, "swap_bytes", r->known ? json_uint(r->swap) : json_null());
}

static json_t *json_worker(const struct worker *worker)
{
	json_t *o = json_object(), *trend = json_array();
	unsigned int i;

	json_put(o, "pid", json_integer(worker->pid));
	json_put(o, "age_ns", json_uint_string(worker->age_ns));
	json_put(o, "birth_pages", json_share(&worker->born));
	json_put(o, "copied_pages", json_share(&worker->copied));
	json_put(o, "copied_by_master_pages", json_share(&worker->by_master));
	json_put(o, "copied_in_interval_pages", json_share(&worker->grew));
	put_resident(o, &worker->resident);
	json_put(o, "trend_pages", trend);
	for (i = 0; i < worker->nr_trend; i++)
		json_add(trend, json_uint(worker->trend[i]));
	return o;
}

#define ADVICE_NAME(ID, name)	[ADVICE_##ID] = name,
static const char *const advice_names[ADVICE_NR] = { WORKERS_ADVICE(ADVICE_NAME) };

/**
 * json_workers() - make a document of the workers
 * @w: the workers
 *
 * Return: the document, to be printed with json_write().
 */
json_t *json_workers(const struct workers *w)
{
	json_t *o = json_object(), *master = json_object(), *list = json_array();
	json_t *advice = json_array();
	const struct worker *typical = workers_typical(w);
	struct workers_sum sum;
	unsigned int k;
	size_t i;

	workers_sum(w, &sum);
	json_put(o, "schema", json_integer(JSON_SCHEMA));
	json_put(o, "interval_ns", w->span_ns ? json_uint_string(w->span_ns) : json_null());
	json_put(o, "master", master);
	json_put(master, "pid", json_integer(w->master));
	json_put(master, "comm", json_text(w->comm));
	put_resident(master, &w->resident);
	json_put(o, "workers", list);
	for (i = 0; i < w->nr; i++)
		json_add(list, json_worker(&w->worker[i]));
	json_put(o, "separate_bytes", json_uint(sum.separate));
	json_put(o, "used_bytes", json_uint(sum.used));
	json_put(o, "preloading_paid", json_text(verdicts[workers_paid(&sum)]));
	json_put(o, "late_workers", json_uint(sum.late));
	json_put(o, "other_children", json_uint(w->others));
	json_put(o, "exited_workers", json_uint(w->exited));
	json_put(o, "exited_copied_pages", json_uint(w->exited_copied));
	json_put(o, "typical_worker", typical ? json_integer(typical->pid) : json_null());
	json_put(o, "advice", advice);
	for (k = 0; k < ADVICE_NR; k++)
		if (workers_advise(w, k))
			json_add(advice, json_text(advice_names[k]));
	return o;
}
