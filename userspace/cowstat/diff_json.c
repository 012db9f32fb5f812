// SPDX-License-Identifier: GPL-2.0
/* `cowstat diff` for programs: a JSON document; and as a picture. */
#include <inttypes.h>
#include <stdio.h>

#include "format.h"
#include "json.h"
#include "picture.h"
#include "table_json.h"
#include "uapi/cowstat.h"
#include "view_diff.h"

#define PLACE_NAME(ID, name, text)	[PAGE_DIFF_##ID] = name,
static const char *const place_names[PAGE_DIFF_NR] = { PAGE_DIFF_PLACES(PLACE_NAME) };

#define PAIR_NAME(ID, name)		[PAIR_##ID] = name,
static const char *const pair_names[PAIR_NR] = { PAGE_PAIRS(PAIR_NAME) };

static json_t *json_process(const struct process_memory *m)
{
	json_t *o = json_object();

	json_put(o, "pid", json_integer(m->pid));
	json_put(o, "comm", json_text(m->comm));
	return o;
}

static void put_histogram(json_t *report, const struct amplified *a)
{
	json_t *array = json_array(), *places = json_object(), *o;
	unsigned int i;

	json_put(report, "changed_bytes_per_page", array);
	for (i = 0; i < AMPLIFICATION_BUCKETS; i++) {
		o = json_object();
		json_put(o, "from", json_uint(amplification_bucket_from(i)));
		json_put(o, "to", json_uint(amplification_bucket_to(i)));
		json_put(o, "pages", json_uint(a->bucket[i]));
		json_add(array, o);
	}
	json_put(report, "place_pages", places);
	for (i = 0; i < PAGE_DIFF_NR; i++)
		json_put(places, place_names[i], json_uint(a->place[i]));
}

static void put_blocks(json_t *report, const struct amplification *a)
{
	json_t *array = json_array(), *o;
	const struct copy_blocks *b;

	json_put(report, "runs", json_uint(a->runs));
	json_put(report, "longest_run_pages", json_uint(a->longest));
	json_put(report, "copies_of", array);
	for (b = a->block; b < a->block + AMPLIFICATION_BLOCKS; b++) {
		o = json_object();
		json_put(o, "bytes", json_uint(b->pages * COWSTAT_PAGE_BYTES));
		json_put(o, "faults", json_uint(b->faults));
		json_put(o, "copied_pages", json_uint(b->copied));
		json_add(array, o);
	}
}

static json_t *json_amplified(const struct amplified *m)
{
	json_t *o = json_object();

	json_put(o, "shared_pages", json_uint(m->shared));
	json_put(o, "copied_pages", json_uint(m->copied));
	json_put(o, "changed_bytes", json_uint(m->bytes));
	put_histogram(o, m);
	return o;
}

static void put_mappings(json_t *report, const struct amplification *a)
{
	json_t *array = json_array(), *o;
	char address[32];
	size_t i;

	json_put(report, "mappings", array);
	for (i = 0; i < a->nr_mappings; i++) {
		o = json_amplified(&a->mapping[i]);
		snprintf(address, sizeof(address), "%" PRIx64, a->mapping[i].start);
		json_put(o, "start", json_text(address));
		snprintf(address, sizeof(address), "%" PRIx64, a->mapping[i].end);
		json_put(o, "end", json_text(address));
		json_put_name(o, "name", a->mapping[i].name);
		json_add(array, o);
	}
	o = json_amplified(&a->others);
	json_put(o, "mappings", json_uint(a->nr_others));
	json_put(report, "other_mappings", o);
}

static json_t *json_share(const struct share *share)
{
	return share->known ? json_uint(share->pages) : json_null();
}

static void put_amplification(json_t *o, const struct amplification *a)
{
	uint64_t copied = a->all.copied * COWSTAT_PAGE_BYTES;
	json_t *pairs = json_object();
	unsigned int i;

	json_put(o, "pages", pairs);
	for (i = PAIR_SHARED; i < PAIR_NR; i++)
		json_put(pairs, pair_names[i], json_uint(a->pair[i]));
	json_put(o, "changed_bytes", json_uint(a->all.bytes));
	json_put(o, "amplification",
		 a->all.bytes ? json_real((double)copied / a->all.bytes) : json_null());
	put_histogram(o, &a->all);
	put_blocks(o, a);
}

/**
 * json_diff() - make a document of what copies were for
 * @report: what was found
 *
 * Return: the document, to be printed with json_write().
 */
json_t *json_diff(const struct diff_report *report)
{
	json_t *o = json_object();

	json_put(o, "schema", json_integer(JSON_SCHEMA));
	json_put(o, "child", json_process(&report->pair->child));
	json_put(o, "parent", json_process(&report->pair->parent));
	json_put(o, "frame_kinds_known", json_boolean(!report->pair->no_flags));
	json_put(o, "ksm_pages_not_told_apart", json_uint(report->pair->ksm_pages));
	put_amplification(o, report->found);
	put_mappings(o, report->found);
	json_put(o, "counted_by_child_pages", json_share(&report->counted.by_child));
	json_put(o, "counted_by_parent_pages", json_share(&report->counted.by_parent));
	return o;
}

#define REASON_NAME(ID, name, text)	[FOLLOW_##ID] = name,

/**
 * json_followed() - make an object of what the copies of a command's children were for
 * @followed: what was found
 *
 * Return: the object.
 */
json_t *json_followed(const struct followed *followed)
{
	static const char *const reasons[FOLLOW_NR] = { FOLLOW_REASONS(REASON_NAME) };
	json_t *o = json_object(), *others = json_object();
	unsigned int i;

	json_put(o, "children", json_uint(followed->children));
	json_put(o, "compared_children", json_uint(followed->compared));
	json_put(o, "not_compared_children", others);
	for (i = 0; i < FOLLOW_NR; i++)
		json_put(others, reasons[i], json_uint(followed->not_compared[i]));
	json_put(o, "read_ns", json_uint_string(followed->read_ns));
	put_amplification(o, &followed->sum);
	return o;
}

/**
 * picture_diff() - draw the histogram of bytes that differ
 * @report: what was found
 * @path: the SVG file
 *
 * Ends the program on any error.
 */
void picture_diff(const struct diff_report *report, const char *path)
{
	const char *names[AMPLIFICATION_BUCKETS];
	struct text name[AMPLIFICATION_BUCKETS];
	char title[256], caption[256];
	struct picture p = {
		.file = path,
		.title = title,
		.caption = caption,
		.x_label = "bytes that differ in a page",
		.y_label = "copied pages",
		.x = AXIS_NAMES,
		.names = names,
		.nr_names = AMPLIFICATION_BUCKETS,
	};
	const struct amplification *a = report->found;
	uint64_t copied = a->all.copied;
	struct curve *bars = picture_curve(&p, "copied pages", "boxes");
	unsigned int i;

	snprintf(title, sizeof(title), "%s %s copied for %s", format_number(copied).s,
		 copied == 1 ? "page was" : "pages were", format_size(a->all.bytes).s);
	snprintf(caption, sizeof(caption), "%s: child %d, parent %d", report->pair->child.comm,
		 report->pair->child.pid, report->pair->parent.pid);
	for (i = 0; i < AMPLIFICATION_BUCKETS; i++) {
		name[i] = view_diff_bucket(i);
		names[i] = name[i].s;
		curve_add(bars, i, a->all.bucket[i]);
	}
	picture_save(&p, path);
}
