/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Workloads that fork and then write to memory that parent and children share. They do not
 * read /proc/cowstat. Errors are printed on stderr.
 */
#ifndef COWSTAT_WORKLOAD_H
#define COWSTAT_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "region.h"

/**
 * struct worker - one of several children that share a region with their parent
 * @pid: its pid; it has exited
 * @call_ns: time until fork() returned in the parent
 * @write_ns: time that all its writes took
 */
struct worker {
	pid_t pid;
	uint64_t call_ns;
	uint64_t write_ns;
};

int prefork(const struct region *r, const uint32_t *page, size_t nr, struct worker *worker,
	    size_t workers);

/**
 * struct snapshot - a parent writes while its child reads all memory, as a database does
 *	that saves a snapshot of itself
 * @duration_ns: time in which the child reads all pages, at an even pace
 * @rate: writes per second by the parent, each to a page drawn at random
 * @sample_ns: interval between two calls of @sample
 * @sample: called in the parent, and once more at the end; writes wait until it returns
 * @arg: argument for @sample
 * @write_ns: room for the times of @max_writes single writes, or NULL
 * @max_writes: number of single writes whose time is kept
 * @pid: result: the child, which has exited
 * @call_ns: result: time until fork() returned in the parent
 * @elapsed_ns: result, valid in @sample too: time since fork() returned
 * @writes: result, valid in @sample too: number of writes
 * @distinct: result, valid in @sample too: number of pages that were written
 */
struct snapshot {
	uint64_t duration_ns;
	uint64_t rate;
	uint64_t sample_ns;
	void (*sample)(const struct snapshot *s, void *arg);
	void *arg;
	uint32_t *write_ns;
	uint64_t max_writes;
	pid_t pid;
	uint64_t call_ns;
	uint64_t elapsed_ns;
	uint64_t writes;
	uint64_t distinct;
};

int snapshot(const struct region *r, struct snapshot *s);

/* The processes that write after the fork; a set. */
enum writer {
	WRITER_CHILD = 1,
	WRITER_PARENT = 2,
};

/**
 * struct written - result of a fork after which one or both processes wrote
 * @pid: the child's pid
 * @child_ns: time that all the child's writes took; 0 if it wrote nothing
 * @parent_ns: the same for the parent
 */
struct written {
	pid_t pid;
	uint64_t child_ns;
	uint64_t parent_ns;
};

int fork_write(const struct region *r, const uint32_t *page, size_t nr, unsigned int writers,
	       struct written *out);

uint32_t next_random(uint64_t *state, uint32_t below);

#endif /* COWSTAT_WORKLOAD_H */
