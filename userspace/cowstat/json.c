// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "json.h"
#include "utf8.h"

/* A member; takes @value over. jansson refuses NULL, which is what it makes without memory. */
static void set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value))
		err(EXIT_FAILURE, "JSON");
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		err(EXIT_FAILURE, "JSON");
}

static json_t *number(uint64_t n)
{
	return n <= INT64_MAX ? json_integer(n) : json_sprintf("%" PRIu64, n);
}

static json_t *time_ns(uint64_t ns)
{
	return json_sprintf("%" PRIu64, ns);
}

static json_t *figure(const struct cow_figure *f)
{
	return f->known ? number(f->value) : json_null();
}

static json_t *figure_ns(const struct cow_figure *f)
{
	return f->known ? time_ns(f->value) : json_null();
}

static json_t *figure_switch(const struct cow_figure *f)
{
	return f->known ? json_boolean(f->value) : json_null();
}

/* Any bytes, as far as they are text. */
static json_t *text(const char *s)
{
	size_t size = 3 * strlen(s) + 1;
	char *clean = malloc(size);
	json_t *json;

	if (!clean)
		err(EXIT_FAILURE, "JSON");
	utf8_clean(clean, size, s);
	json = json_string(clean);
	free(clean);
	return json;
}

/* A name that is no text is also given byte for byte. */
static void set_comm(json_t *object, const char *comm)
{
	char clean[UTF8_NAME_BYTES + 1], hex[2 * UTF8_NAME_BYTES + 1];
	size_t i;

	if (utf8_clean(clean, sizeof(clean), comm)) {
		set(object, cow_column_name(COWSTAT_COL_COMM), json_string(comm));
		return;
	}
	for (i = 0; comm[i]; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)comm[i]);
	set(object, cow_column_name(COWSTAT_COL_COMM), json_string(clean));
	set(object, "comm_bytes", json_string(hex));
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
		set(object, name, json_null());
	else if (c == COWSTAT_COL_STATE)
		set(object, name, json_stringn(&row->state, 1));
	else if (c == COWSTAT_COL_COMM)
		set_comm(object, row->comm);
	else if (is_time(c))
		set(object, name, time_ns(row->value[c]));
	else
		set(object, name, number(row->value[c]));
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
 * json_report() - a document of a table, as yet without rows
 * @t: the table
 *
 * Return: the document, to be printed with json_print().
 */
json_t *json_report(const struct cow_table *t)
{
	json_t *report = json_object(), *header = json_object();

	set(report, "schema", json_integer(JSON_SCHEMA));
	set(report, "header", header);
	set(header, "version", number(t->version));
	set(header, "kernel", text(t->kernel));
	set(header, "counting", figure_switch(&t->counting));
	set(header, "timing", figure_switch(&t->timing));
	set(header, "epoch", figure(&t->epoch));
	set(header, "since_ns", figure_ns(&t->since_ns));
	set(header, "now_ns", figure_ns(&t->now_ns));
	set(header, "rows", figure(&t->rows));
	set(header, "max_rows", figure(&t->max_rows));
	set(header, "folded", figure(&t->folded));
	set(header, "lost", figure(&t->lost));
	set(header, "missed", figure(&t->missed));
	set(header, "hooks", text(t->hooks));
	return report;
}

/**
 * json_set_span() - say over which time the rows are differences
 * @report: the document
 * @span_ns: nanoseconds; 0 when the rows are counts since counting began
 * @gap: the table was reset since the last document
 */
void json_set_span(json_t *report, uint64_t span_ns, bool gap)
{
	set(report, "interval_ns", span_ns ? time_ns(span_ns) : json_null());
	set(report, "gap", json_boolean(gap));
}

/**
 * json_set_rows() - put processes into a document
 * @report: the document
 * @rows: the processes; sums are left out
 */
void json_set_rows(json_t *report, const struct rows *rows)
{
	json_t *array = json_array();
	size_t i;

	set(report, "rows", array);
	for (i = 0; i < rows->nr; i++)
		if (rows->row[i]->kind == COW_ROW_PROCESS)
			append(array, object_of(rows->row[i], true));
}

/**
 * json_set_sum() - put a sum into a document
 * @report: the document
 * @name: the member's
 * @row: the sum; NULL when it is not ours to see
 */
void json_set_sum(json_t *report, const char *name, const struct cow_row *row)
{
	set(report, name, row ? object_of(row, false) : json_null());
}

/**
 * json_set_groups() - put groups of processes into a document
 * @report: the document
 * @by: what makes a group
 * @group: the groups; the one without a name is null
 * @nr: how many
 */
void json_set_groups(json_t *report, enum grouping by, const struct group *group, size_t nr)
{
	static const char *const key[] = {
		[GROUP_CGROUP] = "cgroup", [GROUP_COMM] = "comm", [GROUP_UID] = "user",
	};
	json_t *array = json_array(), *object;
	size_t i;

	set(report, "groups", array);
	for (i = 0; i < nr; i++) {
		object = object_of(&group[i].sum, false);
		set(object, key[by], group[i].name ? text(group[i].name) : json_null());
		set(object, "processes", number(group[i].processes));
		append(array, object);
	}
}

/**
 * json_set_smaps() - put what is resident beside a process's counters
 * @report: the document, with its rows
 * @at: which of the rows
 * @smaps: the figures; NULL when they could not be read
 */
void json_set_smaps(json_t *report, size_t at, const struct smaps *smaps)
{
	json_t *row = json_array_get(json_object_get(report, "rows"), at);
	json_t *object = smaps ? json_object() : json_null();
	int i;

	set(row, "resident_bytes", object);
	for (i = 0; smaps && i < SMAPS_NR; i++)
		set(object, smaps_names[i], number(smaps->bytes[i]));
}

/**
 * json_bill() - a document of a bill
 * @bill: the sums
 * @argv: the command
 * @exit_status: how it ended, as a shell has it
 * @elapsed_ns: how long it took
 *
 * Return: the document, to be printed with json_print().
 */
json_t *json_bill(const struct bill *bill, char *const *argv, int exit_status,
		  uint64_t elapsed_ns)
{
	json_t *report = json_object(), *command = json_array(), *o = json_object();

	set(report, "schema", json_integer(JSON_SCHEMA));
	set(report, "command", command);
	for (; *argv; argv++)
		append(command, text(*argv));
	set(report, "exit_status", json_integer(exit_status));
	set(report, "elapsed_ns", time_ns(elapsed_ns));
	set(report, "complete", json_boolean(bill_is_complete(bill)));
	set(report, "bill", bill->found ? o : json_null());
	if (!bill->found) {
		json_decref(o);
		return report;
	}
	set(o, "processes", number(bill->processes));
	set(o, "running", number(bill->running));
	set(o, "forks", number(bill->forks));
	set(o, "vforks", number(bill->vforks));
	set(o, "shared_pages", number(bill->shared));
	set(o, "copied_pages", number(bill->copied));
	set(o, "copied_by_children_pages", number(bill->by_children));
	set(o, "copied_before_exec_pages", number(bill->before_exec));
	set(o, "exec_forks", number(bill->exec_forks));
	set(o, "copied_by_parents_pages", number(bill->by_parents));
	set(o, "never_copied_pages", json_integer((int64_t)(bill->shared - bill->copied)));
	set(o, "pgtables_bytes", number(bill->pgtables_bytes));
	set(o, "fork_ns", time_ns(bill->fork_ns));
	set(o, "reused_pages", number(bill->reused));
	set(o, "file_copied_pages", number(bill->file_copied));
	set(o, "ksm_copied_pages", number(bill->ksm_copied));
	set(o, "fork_copied_pages", number(bill->fork_copied));
	set(o, "hugetlb_copied_bytes", number(bill->hugetlb_bytes));
	set(o, "copied_bytes", number(bill->copied_bytes));
	set(o, "unseen_processes", number(bill->unseen));
	set(o, "unseen_bytes", number(bill->short_bytes));
	set(o, "stray_rows", json_boolean(bill->stray));
	set(o, "counting_was_off", json_boolean(bill->off));
	set(o, "resets", number(bill->epochs));
	set(o, "lost", bill->sums_known ? number(bill->lost) : json_null());
	set(o, "missed", bill->sums_known ? number(bill->missed) : json_null());
	return report;
}

/**
 * json_print() - print a document and free it
 * @to: where
 * @json: the document
 * @line: on one line, as NDJSON has it
 *
 * Return: 0, or -1 when it could not be written.
 */
int json_print(FILE *to, json_t *json, bool line)
{
	int ret = json_dumpf(json, to, line ? JSON_COMPACT : JSON_INDENT(1));

	if (!ret && fputc('\n', to) == EOF)
		ret = -1;
	json_decref(json);
	return ret;
}
