// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "filter.h"
#include "json.h"
#include "sums.h"
#include "table_json.h"

static json_t *figure(const struct cow_figure *f)
{
	return f->known ? json_uint(f->value) : json_null();
}

static json_t *figure_ns(const struct cow_figure *f)
{
	return f->known ? json_uint_string(f->value) : json_null();
}

static json_t *figure_switch(const struct cow_figure *f)
{
	return f->known ? json_boolean(f->value) : json_null();
}

static bool is_time(enum cowstat_column c)
{
	const char *name = cow_column_name(c);
	size_t len = strlen(name);

	return len > 3 && !strcmp(name + len - 3, "_ns");
}

static void set_column(json_t *object, const struct cow_row *row, enum cowstat_column c)
{
	const char *name = cow_column_name(c);

	if (!row->known[c])
		json_put(object, name, json_null());
	else if (c == COWSTAT_COL_STATE)
		json_put(object, name, json_stringn(&row->state, 1));
	else if (c == COWSTAT_COL_COMM)
		json_put_name(object, name, row->comm);
	else if (is_time(c))
		json_put(object, name, json_uint_string(row->value[c]));
	else
		json_put(object, name, json_uint(row->value[c]));
}

static json_t *object_of(const struct cow_row *row, bool identity)
{
	json_t *object = json_object();
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (identity || cow_column_kind(c) != COWSTAT_IDENTITY)
			set_column(object, row, c);
	return object;
}

/**
 * json_report() - make a document of a table, without rows so far
 * @t: the table
 *
 * Return: the document, to be printed with json_write().
 */
json_t *json_report(const struct cow_table *t)
{
	json_t *report = json_object(), *header = json_object();

	json_put(report, "schema", json_integer(JSON_SCHEMA));
	json_put(report, "header", header);
	json_put(header, "version", json_uint(t->version));
	json_put(header, "kernel", json_text(t->kernel));
	json_put(header, "counting", figure_switch(&t->counting));
	json_put(header, "timing", figure_switch(&t->timing));
	json_put(header, "epoch", figure(&t->epoch));
	json_put(header, "since_ns", figure_ns(&t->since_ns));
	json_put(header, "now_ns", figure_ns(&t->now_ns));
	json_put(header, "rows", figure(&t->rows));
	json_put(header, "max_rows", figure(&t->max_rows));
	json_put(header, "folded", figure(&t->folded));
	json_put(header, "lost", figure(&t->lost));
	json_put(header, "missed", figure(&t->missed));
	json_put(header, "sums", figure(&t->sums));
	json_put(header, "max_sums", figure(&t->max_sums));
	json_put(header, "merged", figure(&t->merged));
	json_put(header, "hooks", json_text(t->hooks));
	return report;
}

/**
 * json_set_span() - set the time span of differences
 * @report: the document
 * @span_ns: nanoseconds; 0 when the rows are counts since counting began
 * @gap: the table was reset since the last document
 */
void json_set_span(json_t *report, uint64_t span_ns, bool gap)
{
	json_put(report, "interval_ns", span_ns ? json_uint_string(span_ns) : json_null());
	json_put(report, "gap", json_boolean(gap));
}

/**
 * json_set_rows() - add processes to a document
 * @report: the document
 * @rows: the processes; sums are left out
 */
void json_set_rows(json_t *report, const struct rows *rows)
{
	json_t *array = json_array();
	size_t i;

	json_put(report, "rows", array);
	for (i = 0; i < rows->nr; i++)
		if (rows->row[i]->kind == COW_ROW_PROCESS)
			json_add(array, object_of(rows->row[i], true));
}

/**
 * json_set_sum() - add a sum to a document
 * @report: the document
 * @name: the member's
 * @row: the sum; NULL when this reader may not see it
 */
void json_set_sum(json_t *report, const char *name, const struct cow_row *row)
{
	json_put(report, name, row ? object_of(row, false) : json_null());
}

/**
 * json_table() - print a table as `cowstat -o json` does
 * @t: the table
 * @to: where
 *
 * Return: 0, or -1 when memory is out or it cannot be written.
 */
int json_table(const struct cow_table *t, FILE *to)
{
	const struct filter all = {};
	struct rows rows = {};
	struct cow_row folded;
	json_t *report;
	size_t i;

	rows.row = calloc(t->nr + 1, sizeof(*rows.row));
	if (!rows.row)
		return -1;
	for (i = 0; i < t->nr; i++)
		if (t->row[i].kind == COW_ROW_PROCESS && filter_passes(&all, &t->row[i], NULL))
			rows.row[rows.nr++] = &t->row[i];
	sort_rows(rows.row, rows.nr, COWSTAT_COL_COPIED_BYTES);
	report = json_report(t);
	json_set_span(report, 0, false);
	json_set_rows(report, &rows);
	json_set_sum(report, "folded", sums_add_up_folded(t->row, t->nr, &folded) ? &folded : NULL);
	json_set_sum(report, "total", sums_find(t->row, t->nr, COW_ROW_TOTAL));
	free(rows.row);
	return json_write(to, report, false);
}

/**
 * json_set_groups() - add groups of processes to a document
 * @report: the document
 * @by: what makes a group
 * @group: the groups; the one without a name is null
 * @nr: how many
 */
void json_set_groups(json_t *report, enum grouping by, const struct group *group, size_t nr)
{
	static const char *const key[] = {
		[GROUP_CGROUP] = "cgroup",
		[GROUP_COMM] = "comm",
		[GROUP_UID] = "user",
	};
	json_t *array = json_array(), *object;
	size_t i;

	json_put(report, "groups", array);
	for (i = 0; i < nr; i++) {
		object = object_of(&group[i].sum, false);
		json_put(object, key[by], group[i].name ? json_text(group[i].name) : json_null());
		json_put(object, "processes", json_uint(group[i].processes));
		json_add(array, object);
	}
}

/**
 * json_set_smaps() - add what is resident to a process
 * @report: the document, with its rows
 * @at: index of the row
 * @smaps: the figures; NULL when they could not be read
 */
void json_set_smaps(json_t *report, size_t at, const struct smaps *smaps)
{
	json_t *row = json_array_get(json_object_get(report, "rows"), at);
	json_t *object = smaps ? json_object() : json_null();
	int i;

	json_put(row, "resident_bytes", object);
	for (i = 0; smaps && i < SMAPS_NR; i++)
		json_put(object, smaps_names[i], json_uint(smaps->bytes[i]));
}

/**
 * json_set_run_times() - add run times to processes
 * @report: the document, with its rows
 * @rows: the rows, and their run times
 */
void json_set_run_times(json_t *report, const struct rows *rows)
{
	json_t *array = json_object_get(report, "rows");
	size_t i, at = 0;

	for (i = 0; i < rows->nr; i++) {
		struct spent run = run_time_of(rows->run, rows->row[i]);

		if (rows->row[i]->kind == COW_ROW_PROCESS)
			json_put(json_array_get(array, at++), "run_ns",
				 run.known ? json_uint_string(run.ns) : json_null());
	}
}

static json_t *time_of(const struct bill *bill, uint64_t ns)
{
	return bill->timed ? json_uint_string(ns) : json_null();
}

/**
 * json_bill() - make a document of a bill
 * @bill: the sums
 * @argv: the command
 * @exit_status: its exit status, as a shell has it
 * @elapsed_ns: how long it took
 *
 * Return: the document, to be printed with json_write().
 */
json_t *json_bill(const struct bill *bill, char *const *argv, int exit_status, uint64_t elapsed_ns)
{
	json_t *report = json_object(), *command = json_array(), *o = json_object();

	json_put(report, "schema", json_integer(JSON_SCHEMA));
	json_put(report, "command", command);
	for (; *argv; argv++)
		json_add(command, json_text(*argv));
	json_put(report, "exit_status", json_integer(exit_status));
	json_put(report, "elapsed_ns", json_uint_string(elapsed_ns));
	json_put(report, "complete", json_boolean(bill_is_complete(bill)));
	json_put(report, "bill", bill->found ? o : json_null());
	if (!bill->found) {
		json_decref(o);
		return report;
	}
	json_put(o, "processes", json_uint(bill->processes));
	json_put(o, "running", json_uint(bill->running));
	json_put(o, "forks", json_uint(bill->forks));
	json_put(o, "vforks", json_uint(bill->vforks));
	json_put(o, "forks_failed", json_uint(bill->failed.forks));
	json_put(o, "fork_eagain", json_uint(bill->failed.eagain));
	json_put(o, "fork_enomem", json_uint(bill->failed.enomem));
	json_put(o, "shared_pages", json_uint(bill->shared));
	json_put(o, "copied_pages", json_uint(bill->copied));
	json_put(o, "copied_by_children_pages", json_uint(bill->by_children));
	json_put(o, "copied_before_exec_pages", json_uint(bill->before_exec));
	json_put(o, "exec_forks", json_uint(bill->exec_forks));
	json_put(o, "copied_by_parents_pages", json_uint(bill->by_parents));
	json_put(o, "copied_after_children_pages", json_uint(bill->after_children));
	json_put(o, "never_copied_pages", json_integer((int64_t)(bill->shared - bill->copied)));
	json_put(o, "pgtables_bytes", json_uint(bill->pgtables_bytes));
	json_put(o, "fork_ns", json_uint_string(bill->fork_ns));
	json_put(o, "reused_pages", json_uint(bill->reused));
	json_put(o, "file_copied_pages", json_uint(bill->file_copied));
	json_put(o, "ksm_copied_pages", json_uint(bill->ksm_copied));
	json_put(o, "fork_copied_pages", json_uint(bill->fork_copied));
	json_put(o, "hugetlb_copied_bytes", json_uint(bill->hugetlb_bytes));
	json_put(o, "copied_bytes", json_uint(bill->copied_bytes));
	json_put(o, "copy_ns", time_of(bill, bill->copy_ns));
	json_put(o, "shootdown_ns", time_of(bill, bill->shootdown_ns));
	json_put(o, "reuse_ns", time_of(bill, bill->reuse_ns));
	json_put(o, "run_ns", json_uint_string(bill->run_ns));
	json_put(o, "wp_faults", json_uint(bill->wp_faults));
	json_put(o, "minor_faults", json_uint(bill->minor_faults));
	json_put(o, "unseen_processes", json_uint(bill->unseen));
	json_put(o, "unseen_bytes", json_uint(bill->short_bytes));
	json_put(o, "stray_rows", json_boolean(bill->stray));
	json_put(o, "counting_was_off", json_boolean(bill->off));
	json_put(o, "resets", json_uint(bill->epochs));
	json_put(o, "lost", bill->sums_known ? json_uint(bill->lost) : json_null());
	json_put(o, "missed", bill->sums_known ? json_uint(bill->missed) : json_null());
	return report;
}
