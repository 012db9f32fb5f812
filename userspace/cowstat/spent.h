/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time that processes spent on copy-on-write, and the time that they ran. The views, the bill and
 * JSON all use these functions, so that they agree on what counts as spent.
 */
#ifndef COWSTAT_SPENT_H
#define COWSTAT_SPENT_H

#include "table_reader.h"

/**
 * struct spent - a time
 * @known: the table or the kernel knows it
 * @ns: nanoseconds; 0 unless @known
 */
struct spent {
	bool known;
	uint64_t ns;
};

struct spent spent_on_cow(const struct cow_row *row);
bool spent_was_timed(const struct cow_table *t);
void spent_sort(const struct cow_row **row, size_t nr);

/**
 * struct run_time - how long a process ran, on all CPUs together
 * @pid: which process
 * @start_ns: when it was started
 * @ns: user and system time of all its threads, those that ended too
 */
struct run_time {
	pid_t pid;
	uint64_t start_ns;
	uint64_t ns;
};

/**
 * struct run_times - run times of live processes
 * @of: sorted by process
 * @nr: how many
 */
struct run_times {
	struct run_time *of;
	size_t nr;
};

int run_times_read(const struct cow_table *t, struct run_times *times);
int run_times_since(const struct run_times *before, uint64_t since_ns, const struct run_times *now,
		    struct run_times *difference);
void run_times_free(struct run_times *times);
struct spent run_time_of(const struct run_times *times, const struct cow_row *row);

#endif /* COWSTAT_SPENT_H */
