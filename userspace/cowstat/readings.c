// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "readings.h"
#include "source.h"
#include "table_json.h"

#define SLOWEST_OF_NS	(60 * NS_PER_S)
#define NS_PER_MS	1000000ULL

#define POINT_COLUMN(COLUMN)	[POINT_##COLUMN] = COWSTAT_COL_##COLUMN,
static const enum cowstat_column point_columns[POINT_NR] = { POINT_FIGURES(POINT_COLUMN) };

/**
 * readings_init() - begin, without a reading so far
 * @r: the readings, to be freed with readings_free()
 * @source: as source_path() has it; a word must stay
 */
void readings_init(struct readings *r, const char *source)
{
	memset(r, 0, sizeof(*r));
	r->source = source;
	r->table = source_path(source);
}

/**
 * readings_free() - give the memory back
 * @r: the readings
 */
void readings_free(struct readings *r)
{
	if (r->begun)
		textfile_free(&r->text);
}

static void add_point(struct readings *r, bool gap, uint64_t slowest_ns)
{
	const struct cow_row *total = cow_table_total(&r->text.before);
	struct point *p = &r->point[r->nr_points++ % READINGS_POINTS];
	int f;

	*p = (struct point){ .at_ns = r->at_ns, .gap = gap, .slowest_ns = slowest_ns };
	for (f = 0; total && f < POINT_NR; f++) {
		p->known[f] = total->known[point_columns[f]];
		p->value[f] = total->value[point_columns[f]];
	}
}

/* The slowest fork of the last minute, so that no scrape misses one, however many scrape. */
static uint64_t slowest_fork(const struct readings *r)
{
	uint64_t slowest = 0, i;
	const struct point *p;

	for (i = 0; i < r->nr_points && i < READINGS_POINTS; i++) {
		p = &r->point[(r->nr_points - 1 - i) % READINGS_POINTS];
		if (r->at_ns - p->at_ns > SLOWEST_OF_NS)
			break;
		if (p->slowest_ns > slowest)
			slowest = p->slowest_ns;
	}
	return slowest;
}

/* Those with the most bytes since the last reading; then those with the most of all time. */
static bool is_busier(const struct cow_row *a, const struct cow_row *a_total,
		      const struct cow_row *b, const struct cow_row *b_total)
{
	const enum cowstat_column by = COWSTAT_COL_COPIED_BYTES;

	if (a->value[by] != b->value[by])
		return a->value[by] > b->value[by];
	return a_total->value[by] > b_total->value[by];
}

/* @delta has a row for each row of the table, in its order. */
static void find_busy(struct readings *r, const struct cow_delta *delta,
		      const struct cgroups *cgroups)
{
	const struct cow_table *t = &r->text.before;
	size_t i, at;

	r->nr_busy = 0;
	r->span_ns = delta->span_ns;
	for (i = 0; i < delta->nr && i < t->nr; i++) {
		const struct cow_row *row = &delta->row[i], *total = &t->row[i];

		if (row->kind != COW_ROW_PROCESS || !total->value[COWSTAT_COL_COPIED_BYTES])
			continue;
		for (at = r->nr_busy; at; at--)
			if (!is_busier(row, total, &r->busy[at - 1].row, &r->busy[at - 1].total))
				break;
		if (at == READINGS_TOP)
			continue;
		if (r->nr_busy < READINGS_TOP)
			r->nr_busy++;
		memmove(&r->busy[at + 1], &r->busy[at], (r->nr_busy - at - 1) * sizeof(r->busy[0]));
		r->busy[at].row = *row;
		r->busy[at].total = *total;
		cgroups_readable(r->busy[at].cgroup, sizeof(r->busy[at].cgroup),
				 cgroups_path(cgroups, row->value[COWSTAT_COL_CGROUP]) ?: "");
	}
}

/* A recorded table may be read again before it is replaced: that is no point of its own. */
static bool is_same(const struct cow_table *before, const struct cow_table *now)
{
	return now->now_ns.known && before->now_ns.value == now->now_ns.value &&
	       before->epoch.value == now->epoch.value;
}

/* Take the table into the sums. Return: 0 or -ENOMEM. */
static int add_table(struct readings *r, struct cow_table *t)
{
	bool same = r->begun && is_same(&r->text.before, t);
	struct cow_delta delta = {};
	struct cgroups cgroups = {};
	int err;

	err = cgroups_read(NULL, &cgroups);
	if (err) {
		cow_table_free(t);
		return err;
	}
	if (!r->begun) {
		err = textfile_init(&r->text, t, &cgroups);
		r->begun = !err;
		if (!err)
			add_point(r, false, 0);
	} else {
		err = textfile_add(&r->text, t, &cgroups, &delta);
		if (!err && !same) {
			find_busy(r, &delta, &cgroups);
			add_point(r, delta.gap, r->text.slowest_ns);
		}
		r->text.slowest_ns = slowest_fork(r);
		cow_delta_free(&delta);
	}
	cgroups_free(&cgroups);
	return err;
}

/**
 * readings_refresh() - read the table, unless that was done a short time ago
 * @r: the readings
 * @now: the time, CLOCK_MONOTONIC
 * @max_age_ns: how old the last reading may be
 *
 * Return: false when the table cannot be read: @r->why says why, and the next call at another
 * second tries again.
 */
bool readings_refresh(struct readings *r, uint64_t now, uint64_t max_age_ns)
{
	struct cow_table t;

	if (r->at_ns && now < r->at_ns + max_age_ns)
		return !*r->why;
	r->at_ns = now;
	r->generation++;
	if (cow_table_read(r->table, &t, r->why, sizeof(r->why))) {
		/* Perhaps the other one is there now. */
		r->table = source_path(r->source);
		return false;
	}
	*r->why = '\0';
	if (add_table(r, &t)) {
		snprintf(r->why, sizeof(r->why), "%s: %s", r->table, strerror(ENOMEM));
		return false;
	}
	r->text.latency = latency_of(r->table, &r->latency);
	r->took_ns = now_ns() - now;
	return true;
}

/**
 * readings_metrics() - print all metrics
 * @r: the readings; the last one succeeded
 * @m: where, and in which format
 */
void readings_metrics(struct readings *r, const struct metrics *m)
{
	textfile_print(&r->text, m);
}

static json_t *figure_of(const struct cow_row *row, enum cowstat_column column)
{
	return row->known[column] ? json_uint(row->value[column]) : json_null();
}

/* [ms, gap, slowest_ns, figures...] */
static json_t *point_json(const struct point *p)
{
	json_t *array = json_array();
	int f;

	json_add(array, json_uint(p->at_ns / NS_PER_MS));
	json_add(array, json_boolean(p->gap));
	json_add(array, json_uint(p->slowest_ns));
	for (f = 0; f < POINT_NR; f++)
		json_add(array, p->known[f] ? json_uint(p->value[f]) : json_null());
	return array;
}

static void put_points(const struct readings *r, json_t *live, uint64_t since_ns)
{
	uint64_t first = r->nr_points > READINGS_POINTS ? r->nr_points - READINGS_POINTS : 0, i;
	json_t *names = json_array(), *points = json_array();
	int f;

	json_put(live, "figures", names);
	for (f = 0; f < POINT_NR; f++)
		json_add(names, json_text(cow_column_name(point_columns[f])));
	json_put(live, "points", points);
	for (i = first; i < r->nr_points; i++)
		if (r->point[i % READINGS_POINTS].at_ns / NS_PER_MS > since_ns / NS_PER_MS)
			json_add(points, point_json(&r->point[i % READINGS_POINTS]));
}

static void put_busy(const struct readings *r, json_t *live)
{
	static const enum cowstat_column rates[] = {
		COWSTAT_COL_COPIED_BYTES,
		COWSTAT_COL_WP_FAULTS,
		COWSTAT_COL_FORKS,
	};
	json_t *array = json_array(), *object;
	size_t i, c;

	json_put(live, "span_ns", json_uint(r->span_ns));
	json_put(live, "busy", array);
	for (i = 0; i < r->nr_busy; i++) {
		const struct busy *b = &r->busy[i];

		object = json_object();
		json_put(object, "pid", json_integer(b->row.pid));
		json_put_name(object, "comm", b->row.comm);
		json_put(object, "state", json_stringn(&b->row.state, 1));
		json_put(object, "cgroup", json_text(b->cgroup));
		for (c = 0; c < ARRAY_SIZE(rates); c++)
			json_put(object, cow_column_name(rates[c]), figure_of(&b->row, rates[c]));
		json_put(object, "copied_bytes_ever",
			 figure_of(&b->total, COWSTAT_COL_COPIED_BYTES));
		json_add(array, object);
	}
}

static void put_children(const struct readings *r, json_t *live)
{
	json_t *array = json_array(), *object;
	size_t i;

	json_put(live, "children", array);
	for (i = 0; i < r->text.children.nr && i < READINGS_TOP; i++) {
		const struct child *child = &r->text.children.child[i];

		object = json_object();
		json_put(object, "pid", json_integer(child->pid));
		json_put(object, "comm", json_text(child->comm));
		json_put(object, "shared_bytes", json_uint(child->shared));
		json_put(object, "copied_bytes", json_uint(child->copied));
		json_put(object, "kept_bytes", json_uint(child->kept));
		json_add(array, object);
	}
}

/* Add a sentence to the document. @level: "bad", or "note". */
__attribute__((format(printf, 3, 4))) static void say(json_t *health, const char *level,
						      const char *format, ...)
{
	json_t *object = json_object();
	char text[640];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_put(object, "level", json_text(level));
	json_put(object, "text", json_text(text));
	json_add(health, object);
}

#define HOOK_ENTRY(ID, name)	[COWSTAT_HOOK_##ID] = #name,
static const char *const hook_names[COWSTAT_NR_HOOKS] = { COWSTAT_HOOKS(HOOK_ENTRY) };

static void say_hooks(json_t *health, const struct cow_table *t)
{
	char names[COW_NAMES_MAX] = "";
	size_t len = 0;
	int h;

	for (h = 0; h < COWSTAT_NR_HOOKS; h++)
		if (!metrics_armed(t, hook_names[h]) && h != COWSTAT_HOOK_TIME &&
		    len < sizeof(names))
			len += snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					hook_names[h]);
	if (*names)
		say(health, "note",
		    "Hooks that are not armed: %s. Some figures are unknown. Run: cowstat doctor",
		    names);
}

static void put_health(const struct readings *r, json_t *live)
{
	const struct cow_table *t = &r->text.before;
	json_t *health = json_array();

	json_put(live, "health", health);
	if (*r->why)
		say(health, "bad", "The table cannot be read: %s", r->why);
	if (!r->begun)
		return;
	if (!cow_table_total(t))
		say(health, "bad",
		    "This server may not see all processes (it has no CAP_PERFMON). It shows only those of its own user, and no totals.");
	if (t->counting.known && !t->counting.value)
		say(health, "bad",
		    "Counting is off. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	else
		say_hooks(health, t);
	if (t->missed.value)
		say(health, "bad", "%" PRIu64 " events were not counted since counting began.",
		    t->missed.value);
	if (t->lost.value)
		say(health, "note",
		    "%" PRIu64 " faults could not be given a row; they are in the totals only.",
		    t->lost.value);
	if (!t->timing.value)
		say(health, "note",
		    "Timing is off, so the times of copies and shootdowns stand still. To time: echo timing on | sudo tee " COWSTAT_PROC_PATH);
}

/**
 * readings_live() - print what the live page draws, as JSON on a line
 * @r: the readings; the last one may have failed
 * @since_ns: only points later than that, CLOCK_MONOTONIC
 * @to: where
 *
 * Return: 0 or -ENOMEM.
 */
int readings_live(const struct readings *r, uint64_t since_ns, FILE *to)
{
	const struct cow_table *t = &r->text.before;
	json_t *live = json_object();

	json_put(live, "schema", json_integer(JSON_SCHEMA));
	json_put(live, "now_ms", json_uint(r->at_ns / NS_PER_MS));
	json_put(live, "readings", json_uint(r->generation));
	json_put(live, "took_ms", json_uint(r->took_ns / NS_PER_MS));
	json_put(live, "table", json_text(r->table));
	json_put(live, "kernel", json_text(r->begun ? t->kernel : ""));
	json_put(live, "rows", t->rows.known ? json_uint(t->rows.value) : json_null());
	json_put(live, "max_rows", t->max_rows.known ? json_uint(t->max_rows.value) : json_null());
	put_points(r, live, since_ns);
	put_busy(r, live);
	put_children(r, live);
	put_health(r, live);
	return json_write(to, live, true) ? -ENOMEM : 0;
}
