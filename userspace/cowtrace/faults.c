// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "faults.h"
#include "format.h"
#include "json.h"

#define OUTCOME_NAME(ID, name)	[COW_##ID] = #name,
static const char *const outcome_names[COW_NR_ENDINGS] = { COW_ENDINGS(OUTCOME_NAME) };

/**
 * outcome_name() - name of an outcome: that of its column in /proc/cowstat
 * @outcome: an enum cow_ending, or any number
 *
 * Return: the name; "?" for a number that is no outcome.
 */
const char *outcome_name(unsigned int outcome)
{
	return outcome < COW_NR_ENDINGS ? outcome_names[outcome] : "?";
}

/**
 * outcome_by_name() - the outcome of a name
 * @name: the name of a column
 *
 * Return: an enum cow_ending, or -1.
 */
int outcome_by_name(const char *name)
{
	int outcome;

	for (outcome = 0; outcome < COW_NR_ENDINGS; outcome++)
		if (!strcmp(name, outcome_names[outcome]))
			return outcome;
	return -1;
}

/**
 * mapping_kind_name() - name of a kind of mapping
 * @kind: an enum cow_mapping, or any number
 *
 * Return: the name; "?" for a number that is no kind.
 */
const char *mapping_kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[COW_MAPPING_ANON] = "anon",   [COW_MAPPING_HEAP] = "heap",
		[COW_MAPPING_STACK] = "stack", [COW_MAPPING_FILE] = "file",
		[COW_MAPPING_SHMEM] = "shmem", [COW_MAPPING_HUGETLB] = "hugetlb",
	};

	return kind < COW_NR_MAPPINGS ? names[kind] : "?";
}

/* --- lines of text --------------------------------------------------------------------- */

#define MIN_MAPPING	12	/* columns that a mapping gets if others leave less room */

static struct text seconds_text(const struct cow_event *e)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%llu.%06llu", e->now_ns / NS_PER_S,
		 e->now_ns % NS_PER_S / 1000);
	return t;
}

static struct text number_text(const char *format, unsigned long long n)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), format, n);
	return t;
}

static struct text pid_text(const struct cow_event *e)
{
	return number_text("%llu", e->pid);
}

static struct text tid_text(const struct cow_event *e)
{
	return number_text("%llu", e->tid);
}

static struct text comm_text(const struct cow_event *e)
{
	return format_printable(e->comm);
}

static struct text outcome_text(const struct cow_event *e)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%s", outcome_name(e->ending));
	return t;
}

static struct text address_text(const struct cow_event *e)
{
	return number_text("%012llx", e->address);
}

static struct text old_pfn_text(const struct cow_event *e)
{
	return number_text("%llx", e->old_pfn);
}

static struct text new_pfn_text(const struct cow_event *e)
{
	return number_text("%llx", e->new_pfn);
}

static struct text bytes_text(const struct cow_event *e)
{
	return number_text("%llu", e->bytes);
}

static struct text took_text(const struct cow_event *e)
{
	struct text unknown = { COWSTAT_UNKNOWN };

	return e->took_ns == COW_UNTIMED ? unknown : format_duration(e->took_ns);
}

/* The columns, in the order in which --help lists them. The mapping has no function. */
static const struct {
	const char *name;
	const char *head;
	int width; /* negative: left-aligned */
	struct text (*text)(const struct cow_event *e);
} fault_columns[] = {
	{ "time", "SECONDS", 12, seconds_text },
	{ "pid", "PID", 6, pid_text },
	{ "tid", "TID", 6, tid_text },
	{ "comm", "COMMAND", -15, comm_text },
	{ "outcome", "OUTCOME", -11, outcome_text },
	{ "address", "ADDRESS", 12, address_text },
	{ "old_pfn", "OLD-PFN", 7, old_pfn_text },
	{ "new_pfn", "NEW-PFN", 7, new_pfn_text },
	{ "bytes", "BYTES", 7, bytes_text },
	{ "took", "TIME", 8, took_text },
	{ "mapping", "MAPPING", -MIN_MAPPING, NULL },
};

#define NR_FAULT_COLUMNS	(sizeof(fault_columns) / sizeof(fault_columns[0]))

/**
 * fault_column_name() - the name of a column of a line for a fault
 * @i: its index
 *
 * Return: the name, or NULL if there is no such column.
 */
const char *fault_column_name(size_t i)
{
	return i < NR_FAULT_COLUMNS ? fault_columns[i].name : NULL;
}

/**
 * print_fault_header() - print the head line above print_fault()
 * @to: the stream
 * @columns: the columns
 */
void print_fault_header(FILE *to, const struct columns *columns)
{
	size_t i;

	for (i = 0; i < columns->nr; i++)
		column_print(to, fault_columns[columns->column[i]].head,
			     fault_columns[columns->column[i]].width, i + 1 == columns->nr);
}

/*
 * The mapping in at most @room characters. The name of a file is cut, so that there is room for the
 * offset, and for the process that faulted if it is not the owner.
 */
static struct text mapping_text(const struct cow_event *e, int room)
{
	char by[48] = "", offset[24] = "";
	struct text name, t;
	int len;

	if (e->mapping == COW_MAPPING_FILE) {
		name = format_printable(e->file);
		snprintf(offset, sizeof(offset), "+0x%llx", e->offset);
	} else {
		snprintf(name.s, sizeof(name.s), "%s", mapping_kind_name(e->mapping));
	}
	if (e->remote)
		snprintf(by, sizeof(by), ", by %.15s %u", format_printable(e->by_comm).s,
			 e->by_pid);
	len = room - (int)strlen(by) - (int)strlen(offset);
	if (len < 4) {
		*offset = '\0';
		len = room - (int)strlen(by);
	}
	if (len < 4)
		len = 4;
	snprintf(t.s, sizeof(t.s), "%.*s%s%s", len, name.s, offset, by);
	return t;
}

/**
 * print_fault() - print a fault as a line of text
 * @to: the stream
 * @columns: the columns
 * @e: the fault
 *
 * The mapping is cut so that the line has at most LINE_WIDTH columns, if it is the last one and
 * the others leave it MIN_MAPPING.
 */
void print_fault(FILE *to, const struct columns *columns, const struct cow_event *e)
{
	int used = 0, room;
	struct text text;
	bool last;
	size_t i;

	for (i = 0; i < columns->nr; i++) {
		unsigned int c = columns->column[i];

		last = i + 1 == columns->nr;
		if (fault_columns[c].text) {
			text = fault_columns[c].text(e);
		} else {
			room = last ? LINE_WIDTH - used : MIN_MAPPING;
			text = mapping_text(e, room < MIN_MAPPING ? MIN_MAPPING : room);
		}
		used += column_print(to, text.s, fault_columns[c].width, last);
	}
}

/**
 * print_fault_json() - print a fault as a JSON object on one line
 * @to: the stream; the caller checks it for errors
 * @e: the fault
 */
void print_fault_json(FILE *to, const struct cow_event *e)
{
	json_t *o = json_object();

	json_put(o, "time_ns", json_uint(e->now_ns));
	json_put(o, "pid", json_uint(e->pid));
	json_put(o, "tid", json_uint(e->tid));
	json_put_name(o, "comm", e->comm);
	json_put(o, "outcome", json_string(outcome_name(e->ending)));
	json_put(o, "address", json_uint(e->address));
	json_put(o, "mapping", json_string(mapping_kind_name(e->mapping)));
	if (e->mapping == COW_MAPPING_FILE) {
		json_put_name(o, "file", e->file);
		json_put(o, "offset", json_uint(e->offset));
	}
	json_put(o, "old_pfn", json_uint(e->old_pfn));
	json_put(o, "new_pfn", json_uint(e->new_pfn));
	json_put(o, "bytes", json_uint(e->bytes));
	json_put(o, "took_ns", e->took_ns == COW_UNTIMED ? json_null() : json_uint(e->took_ns));
	json_put(o, "remote", json_boolean(e->remote));
	if (e->remote) {
		json_put(o, "by_pid", json_uint(e->by_pid));
		json_put_name(o, "by_comm", e->by_comm);
	}
	json_write(to, o, true);
}
