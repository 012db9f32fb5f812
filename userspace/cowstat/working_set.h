/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of its private pages a process writes: the kernel's soft-dirty bits, read again and again
 * from outside. All that is known here is the kernel's side; growth.h knows what it means for later.
 */
#ifndef COWSTAT_WORKING_SET_H
#define COWSTAT_WORKING_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "growth.h"

/**
 * struct working_mapping - a private mapping of the process that has private pages
 * @name: as in /proc/PID/maps: "[heap]", a path, or "" if it is anonymous
 * @from: its first address at the beginning
 * @to: the address behind it at the beginning
 * @start: its first address when soft-dirty was cleared last, or later if it has shrunk since
 * @end: the address behind it then
 * @pages: private pages of 4 KiB that were there at the beginning, swapped ones too
 * @huge: transparent huge pages of it besides
 * @written: of @pages, those that were written since
 * @huge_written: of @huge, those that were written since
 * @joined: of @pages, those that the kernel made part of a huge page before they were written
 * @fresh: pages that were written for the first time at the last reading
 * @runs: in how many runs of neighbours these are
 * @unknown: seconds for which it could not be watched
 * @lost: it is not watched any more
 * @small: it is written so little that others share a curve with it; forecast.c sets it
 * @growth: the curve of @written
 * @huge_growth: the curve of @huge_written
 */
struct working_mapping {
	char *name;
	uint64_t from, to;
	uint64_t start, end;
	uint64_t pages, huge;
	uint64_t written, huge_written;
	uint64_t joined;
	uint64_t fresh, runs;
	double unknown;
	bool lost, small;
	struct growth growth, huge_growth;
};

struct working_run;

/**
 * struct working_set - the private pages of a process, and which of them it writes
 * @pid: the process
 * @start_ns: when it was started
 * @by_scan: PAGEMAP_SCAN is used; else reads of pagemap
 * @mapping: its mappings with private pages, by address
 * @nr: how many
 * @run: neighbouring pages that were private at the beginning, by address
 * @nr_runs: how many
 * @written: a bit for each page of all runs
 * @joined: a bit for each of these, as in struct working_mapping
 * @pages: private pages, huge pages counted as 512
 * @huge: transparent huge pages
 * @entries: entries of page tables that fork would copy
 * @tables: bytes of page tables that fork would build
 * @hugetlb: bytes of hugetlb pages, which soft-dirty does not know
 * @writable: bytes of private writable mappings: what fork must be allowed to promise
 * @cleared_ns: when soft-dirty was cleared first
 * @readings: how often the bits were read
 * @clears: how often they were cleared
 * @clear_ns: how long that took
 * @read_ns: how long reading took
 */
struct working_set {
	pid_t pid;
	uint64_t start_ns;
	bool by_scan;
	struct working_mapping *mapping;
	size_t nr;
	struct working_run *run;
	size_t nr_runs;
	uint64_t *written, *joined;
	uint64_t pages, huge;
	uint64_t entries, tables, hugetlb, writable;
	uint64_t cleared_ns;
	unsigned int readings, clears;
	uint64_t clear_ns, read_ns;
};

int working_set_open(struct working_set *set, pid_t pid, char *why, size_t len);
int working_set_watch(struct working_set *set, uint64_t window_ns, char *why, size_t len);
int working_set_split(const struct working_set *set, char *why, size_t len);
uint64_t working_set_joined(const struct working_set *set);
uint64_t working_set_written(const struct working_set *set);
void working_set_free(struct working_set *set);

#endif /* COWSTAT_WORKING_SET_H */
