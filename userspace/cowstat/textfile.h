/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All metrics, from one reading of the table to the next: as a file for node_exporter's textfile
 * collector, or to be served.
 */
#ifndef COWSTAT_TEXTFILE_H
#define COWSTAT_TEXTFILE_H

#include "children.h"
#include "ledger.h"

/**
 * struct textfile - what is kept from one reading to the next
 * @cgroup: the sums by control group
 * @comm: the sums by name
 * @before: the last reading
 * @latency: its histogram; NULL where there is none. Set by the caller
 * @slowest_ns: the slowest fork between the last two readings; the caller may set another
 * @children: those that lived at the last reading
 */
struct textfile {
	struct ledger cgroup;
	struct ledger comm;
	struct cow_table before;
	const struct latency *latency;
	uint64_t slowest_ns;
	struct children children;
};

int textfile_init(struct textfile *text, struct cow_table *t, const struct cgroups *cgroups);
int textfile_add(struct textfile *text, struct cow_table *t, const struct cgroups *cgroups,
		 struct cow_delta *delta);
void textfile_print(const struct textfile *text, const struct metrics *m);
int textfile_write(const struct textfile *text, const char *dir);
void textfile_free(struct textfile *text);

#endif /* COWSTAT_TEXTFILE_H */
