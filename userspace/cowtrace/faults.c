// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

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
		[COW_MAPPING_ANON] = "anon", [COW_MAPPING_HEAP] = "heap",
		[COW_MAPPING_STACK] = "stack", [COW_MAPPING_FILE] = "file",
	};

	return kind <= COW_MAPPING_FILE ? names[kind] : "?";
}

/* 100 columns before the mapping, which is the last because its name may be long. */
#define LINE_FORMAT	"%12s %6s %6s %-15s %-11s %12s %7s %7s %7s %7s %s\n"

/**
 * print_fault_header() - print the head line above print_fault()
 * @to: the stream
 */
void print_fault_header(FILE *to)
{
	fprintf(to, LINE_FORMAT, "SECONDS", "PID", "TID", "COMMAND", "OUTCOME", "ADDRESS",
		"OLD-PFN", "NEW-PFN", "BYTES", "NS", "MAPPING");
}

/**
 * print_fault() - print a fault as a line of text
 * @to: the stream
 * @e: the fault
 */
void print_fault(FILE *to, const struct cow_event *e)
{
	struct text took = { COWSTAT_UNKNOWN };
	char where[96];

	if (e->took_ns != COW_UNTIMED)
		snprintf(took.s, sizeof(took.s), "%llu", e->took_ns);
	if (e->mapping == COW_MAPPING_FILE)
		snprintf(where, sizeof(where), "%s+0x%llx", format_printable(e->file).s,
			 e->offset);
	else
		snprintf(where, sizeof(where), "%s", mapping_kind_name(e->mapping));
	fprintf(to, "%5llu.%06llu %6u %6u %-15s %-11s %012llx %7llx %7llx %7u %7s %s%s\n",
		e->now_ns / 1000000000, e->now_ns / 1000 % 1000000, e->pid, e->tid,
		format_printable(e->comm).s, outcome_name(e->ending), e->address, e->old_pfn,
		e->new_pfn, e->bytes, took.s, where, e->remote ? " (from outside)" : "");
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
	json_write(to, o, true);
}
