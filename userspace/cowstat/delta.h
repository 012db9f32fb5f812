/* SPDX-License-Identifier: GPL-2.0 */
/* The difference of two readings of the table. */
#ifndef COWSTAT_DELTA_H
#define COWSTAT_DELTA_H

#include "table_reader.h"

/**
 * struct cow_delta - the rows of the later table, with differences for counts
 * @row: in the order of the later table
 * @nr: how many
 * @span_ns: time between the two readings; 0 when one has no time
 * @gap: the table was reset, or the module loaded again, in between: @row then holds counts
 *	since then
 *
 * Counts are differences. Identities, and the figures of a process's birth, are those of the later
 * table; in the rows of sums, birth figures are differences too.
 */
struct cow_delta {
	struct cow_row *row;
	size_t nr;
	uint64_t span_ns;
	bool gap;
};

int cow_delta_make(const struct cow_table *before, const struct cow_table *now,
		   struct cow_delta *delta);
void cow_delta_free(struct cow_delta *delta);

enum cowstat_kind cow_column_kind(enum cowstat_column column);

/**
 * struct cow_index - rows of processes, to be found by process
 * @row: sorted by (pid, start_ns)
 * @nr: how many
 */
struct cow_index {
	const struct cow_row **row;
	size_t nr;
};

int cow_index_make(const struct cow_row *row, size_t nr, struct cow_index *index);
void cow_index_free(struct cow_index *index);
const struct cow_row *cow_index_find(const struct cow_index *index, uint64_t pid,
				     uint64_t start_ns);
const struct cow_row *cow_index_parent(const struct cow_index *index, const struct cow_row *row);

#endif /* COWSTAT_DELTA_H */
