/* SPDX-License-Identifier: GPL-2.0 */
/* Which processes are shown, and in which order. */
#ifndef COWSTAT_FILTER_H
#define COWSTAT_FILTER_H

#include <regex.h>

#include "cgroups.h"
#include "options.h"
#include "table_reader.h"

/**
 * struct filter - which rows are shown; all zero means all rows that are not idle
 * @idle: also rows without any counted event
 * @pids: only these, unless it is empty
 * @has_comm: only rows whose name matches @comm
 * @comm: an extended regular expression
 * @cgroup: only rows of that cgroup and those below it; NULL for all
 * @has_uid: only rows of the user @uid
 * @uid: a user
 */
struct filter {
	bool idle;
	struct pid_list pids;
	bool has_comm;
	regex_t comm;
	const char *cgroup;
	bool has_uid;
	uint64_t uid;
};

bool filter_narrows(const struct filter *filter);
bool filter_passes(const struct filter *filter, const struct cow_row *row,
		   const struct cgroups *cgroups);
bool row_is_idle(const struct cow_row *row);
void sort_rows(const struct cow_row **row, size_t nr, enum cowstat_column key);

#endif /* COWSTAT_FILTER_H */
