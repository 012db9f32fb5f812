// SPDX-License-Identifier: GPL-2.0
/* What cowbench measured, as JSON. Durations are nanoseconds, sizes bytes. */
#include "json.h"
#include "result.h"
#include "scenario.h"
#include "workload.h"

#define JSON_SCHEMA	1
#define MAX_VALUES	1024	/* of longer series only the percentiles are written */

static json_t *text_or_null(const char *s)
{
	return s && *s ? json_text(s) : json_null();
}

static json_t *series_json(const struct series *s)
{
	static const struct {
		const char *key;
		unsigned int percent;
	} at[] = {
		{ "min", 0 },  { "p5", 5 },   { "p25", 25 }, { "p50", 50 },
		{ "p75", 75 }, { "p95", 95 }, { "p99", 99 }, { "max", 100 },
	};
	json_t *json = json_object(), *values;
	size_t i;

	json_put(json, "n", json_uint(s->nr));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		json_put(json, at[i].key, json_uint(series_at(s, at[i].percent)));
	json_put(json, "mean", json_real(series_mean(s)));
	json_put(json, "stddev", json_real(series_deviation(s)));
	json_put(json, "sum", json_uint(series_sum(s)));
	if (s->nr > MAX_VALUES)
		return json;
	values = json_array();
	for (i = 0; i < s->nr; i++)
		json_add(values, json_uint(s->value[i]));
	json_put(json, "values", values);
	return json;
}

static json_t *subject_json(const struct subject *s)
{
	json_t *json = json_object();
	size_t i;

	json_put(json, "name", json_string(s->name));
	for (i = 0; i < NR_FIGURES; i++)
		if (s->figure[i].nr)
			json_put(json, figure_name(i), series_json(&s->figure[i]));
	for (i = 0; i < COWSTAT_NR_COLUMNS; i++)
		if (s->column[i].nr)
			json_put(json, cow_column_name(i), series_json(&s->column[i]));
	return json;
}

static json_t *options_json(const struct bench_options *o)
{
	static const char *const writers[] = {
		[WRITER_CHILD] = "child",
		[WRITER_PARENT] = "parent",
		[WRITER_CHILD | WRITER_PARENT] = "both",
	};
	json_t *json = json_object();

	json_put(json, "size_bytes", json_uint(o->size));
	json_put(json, "page_size", json_string(page_kind_name(o->pages)));
	json_put(json, "count", json_uint(o->count));
	json_put(json, "warmup", json_uint(o->warmup));
	json_put_name(json, "exec", o->exec);
	json_put(json, "writer", text_or_null(writers[o->writers]));
	json_put(json, "share_percent", json_uint(o->share));
	json_put(json, "order", json_string(o->random ? "random" : "seq"));
	json_put(json, "workers", json_uint(o->workers));
	json_put(json, "duration_ms", json_uint(o->duration_ms));
	json_put(json, "writes_per_second", json_uint(o->rate));
	json_put(json, "cpus", text_or_null(o->cpus));
	return json;
}

static json_t *point_json(const struct point *p)
{
	json_t *json = json_object();

	json_put(json, "ns", json_uint(p->ns));
	json_put(json, "writes", json_uint(p->writes));
	json_put(json, "pages_written", json_uint(p->pages_written));
	json_put(json, "faults", json_uint(p->faults));
	json_put(json, "reused", json_uint(p->reused));
	json_put(json, "copied_bytes", json_uint(p->copied_bytes));
	return json;
}

static json_t *result_json(const struct result *r)
{
	json_t *json = json_object(), *subjects = json_object(), *points;
	size_t i;

	json_put(json, "scenario", json_string(r->scenario->name));
	json_put(json, "options", options_json(&r->o));
	json_put(json, "memory_bytes", json_uint(r->bytes));
	json_put(json, "huge_bytes", json_uint(r->huge_bytes));
	for (i = 0; i < r->nr; i++)
		json_put(subjects, r->subject[i].key, subject_json(&r->subject[i]));
	json_put(json, "subjects", subjects);
	if (!r->nr_points)
		return json;
	points = json_array();
	for (i = 0; i < r->nr_points; i++)
		json_add(points, point_json(&r->point[i]));
	json_put(json, "timeline", points);
	return json;
}

static json_t *machine_json(const struct machine *m)
{
	json_t *json = json_object();

	json_put(json, "kernel", text_or_null(m->kernel));
	json_put(json, "cpu", text_or_null(m->cpu));
	json_put(json, "cpus", json_uint(m->cpus));
	json_put(json, "memory_bytes", json_uint(m->memory));
	json_put(json, "hypervisor", text_or_null(m->hypervisor));
	json_put(json, "emulated", json_boolean(m->emulated));
	json_put(json, "thp", text_or_null(m->thp));
	json_put(json, "clocksource", text_or_null(m->clocksource));
	return json;
}

/**
 * results_json() - make one document of several results
 * @r: the results, of any scenarios
 * @nr: their number
 * @m: the machine they were measured on
 *
 * Figures that were not measured are left out.
 *
 * Return: the document, to be freed with json_write() or json_decref().
 */
json_t *results_json(const struct result *r, size_t nr, const struct machine *m)
{
	json_t *json = json_object(), *results = json_array();
	size_t i;

	json_put(json, "schema", json_integer(JSON_SCHEMA));
	json_put(json, "tool", json_string("cowbench"));
	json_put(json, "version", json_string(COWSTAT_RELEASE));
	json_put(json, "machine", machine_json(m));
	for (i = 0; i < nr; i++)
		json_add(results, result_json(&r[i]));
	json_put(json, "results", results);
	return json;
}
