// SPDX-License-Identifier: GPL-2.0
/* What cowbench measured, as JSON. Durations are nanoseconds, sizes bytes. */
#include <stdlib.h>

#include "format.h"
#include "result.h"
#include "workload.h"

#define JSON_SCHEMA	1
#define MAX_VALUES	1024	/* longer series are told by their percentiles only */

static void set(json_t *object, const char *key, json_t *value)
{
	/* Fails only when memory is out; a document with a hole is worse than none. */
	if (json_object_set_new(object, key, value))
		abort();
}

static json_t *text_or_null(const char *s)
{
	if (!s || !*s)
		return json_null();
	/* A path may hold anything, JSON only UTF-8. */
	return json_string(s) ?: json_string(format_printable(s).s);
}

static json_t *series_json(const struct series *s)
{
	static const struct {
		const char *key;
		unsigned int percent;
	} at[] = {
		{ "min", 0 }, { "p5", 5 }, { "p25", 25 }, { "p50", 50 }, { "p75", 75 },
		{ "p95", 95 }, { "p99", 99 }, { "max", 100 },
	};
	json_t *json = json_object(), *values;
	size_t i;

	set(json, "n", json_integer(s->nr));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		set(json, at[i].key, json_integer(series_at(s, at[i].percent)));
	set(json, "mean", json_real(series_mean(s)));
	set(json, "stddev", json_real(series_deviation(s)));
	set(json, "sum", json_integer(series_sum(s)));
	if (s->nr > MAX_VALUES)
		return json;
	values = json_array();
	for (i = 0; i < s->nr; i++)
		json_array_append_new(values, json_integer(s->value[i]));
	set(json, "values", values);
	return json;
}

static json_t *subject_json(const struct subject *s)
{
	json_t *json = json_object();
	size_t i;

	set(json, "name", json_string(s->name));
	for (i = 0; i < NR_FIGURES; i++)
		if (s->figure[i].nr)
			set(json, figure_name(i), series_json(&s->figure[i]));
	for (i = 0; i < COWSTAT_NR_COLUMNS; i++)
		if (s->column[i].nr)
			set(json, cow_column_name(i), series_json(&s->column[i]));
	return json;
}

static json_t *options_json(const struct bench_options *o)
{
	static const char *const writers[] = {
		[WRITER_CHILD] = "child", [WRITER_PARENT] = "parent",
		[WRITER_CHILD | WRITER_PARENT] = "both",
	};
	json_t *json = json_object();

	set(json, "size_bytes", json_integer(o->size));
	set(json, "page_size", json_string(page_kind_name(o->pages)));
	set(json, "count", json_integer(o->count));
	set(json, "warmup", json_integer(o->warmup));
	set(json, "exec", text_or_null(o->exec));
	set(json, "writer", text_or_null(writers[o->writers]));
	set(json, "share_percent", json_integer(o->share));
	set(json, "order", json_string(o->random ? "random" : "seq"));
	set(json, "workers", json_integer(o->workers));
	set(json, "duration_ms", json_integer(o->duration_ms));
	set(json, "writes_per_second", json_integer(o->rate));
	set(json, "cpus", text_or_null(o->cpus));
	return json;
}

static json_t *point_json(const struct point *p)
{
	json_t *json = json_object();

	set(json, "ns", json_integer(p->ns));
	set(json, "writes", json_integer(p->writes));
	set(json, "pages_written", json_integer(p->pages_written));
	set(json, "faults", json_integer(p->faults));
	set(json, "reused", json_integer(p->reused));
	set(json, "copied_bytes", json_integer(p->copied_bytes));
	return json;
}

static json_t *result_json(const struct result *r)
{
	json_t *json = json_object(), *subjects = json_object(), *points;
	size_t i;

	set(json, "scenario", json_string(r->scenario));
	set(json, "options", options_json(&r->o));
	set(json, "memory_bytes", json_integer(r->bytes));
	set(json, "huge_bytes", json_integer(r->huge_bytes));
	for (i = 0; i < r->nr; i++)
		set(subjects, r->subject[i].key, subject_json(&r->subject[i]));
	set(json, "subjects", subjects);
	if (!r->nr_points)
		return json;
	points = json_array();
	for (i = 0; i < r->nr_points; i++)
		json_array_append_new(points, point_json(&r->point[i]));
	set(json, "timeline", points);
	return json;
}

static json_t *machine_json(const struct machine *m)
{
	json_t *json = json_object();

	set(json, "kernel", text_or_null(m->kernel));
	set(json, "cpu", text_or_null(m->cpu));
	set(json, "cpus", json_integer(m->cpus));
	set(json, "memory_bytes", json_integer(m->memory));
	set(json, "hypervisor", text_or_null(m->hypervisor));
	set(json, "emulated", json_boolean(m->emulated));
	set(json, "thp", text_or_null(m->thp));
	set(json, "clocksource", text_or_null(m->clocksource));
	return json;
}

/**
 * results_json() - results as one document
 * @r: of any scenarios
 * @nr: how many
 * @m: where they were measured
 *
 * What was not measured is not there. Ends the program when memory is out.
 *
 * Return: the document, to be given back with json_decref().
 */
json_t *results_json(const struct result *r, size_t nr, const struct machine *m)
{
	json_t *json = json_object(), *results = json_array();
	size_t i;

	set(json, "schema", json_integer(JSON_SCHEMA));
	set(json, "tool", json_string("cowbench"));
	set(json, "version", json_string(COWSTAT_RELEASE));
	set(json, "machine", machine_json(m));
	for (i = 0; i < nr; i++)
		json_array_append_new(results, result_json(&r[i]));
	set(json, "results", results);
	return json;
}
