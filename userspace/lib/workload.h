/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What cowbench does to a kernel: fill memory, start programs in several ways, write
 * after a fork. Knows nothing of /proc/cowstat. Errors are told on stderr.
 */
#ifndef COWSTAT_WORKLOAD_H
#define COWSTAT_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a region is made of. */
enum page_kind {
	PAGES_4K,
	PAGES_THP,		/* transparent huge pages */
	PAGES_HUGETLB,		/* of the pool of huge pages */
	NR_PAGE_KINDS,
};

/**
 * struct region - private anonymous memory
 * @start: page-aligned; huge pages are aligned to their own size
 * @pages: its size in pages of 4 KiB, whatever it is made of
 * @kind: what it is made of
 * @mapping: what was mapped for it, which may be more
 * @mapping_bytes: size of that
 */
struct region {
	unsigned char *start;
	size_t pages;
	enum page_kind kind;
	void *mapping;
	size_t mapping_bytes;
};

int region_map(struct region *r, uint64_t bytes, enum page_kind kind);
void region_fill(const struct region *r);
void region_unmap(struct region *r);
uint64_t region_bytes(const struct region *r);
uint64_t region_huge_bytes(const struct region *r);
uint64_t page_kind_bytes(enum page_kind kind);
const char *thp_refused(void);

/* Ways to have a child. */
enum launch {
	LAUNCH_FORK,		/* fork(), exec() */
	LAUNCH_VFORK,		/* vfork(), exec() */
	LAUNCH_SPAWN,		/* posix_spawn() */
	LAUNCH_EAGER,		/* fork(), copy every page of the region, exec() */
	LAUNCH_EXIT,		/* fork(), exit: no program at all */
};

/**
 * struct launched - a child that was started and has exited
 * @pid: its pid
 * @call_ns: until the call returned in the parent; with vfork() and posix_spawn() that
 *	is after the child's exec
 * @exit_ns: until the parent knew that the child had exited
 */
struct launched {
	pid_t pid;
	uint64_t call_ns;
	uint64_t exit_ns;
};

int launch(enum launch way, const struct region *r, const char *path, struct launched *out);

/**
 * struct worker - one of several children that share a region with their parent
 * @pid: it has exited
 * @call_ns: until fork() returned in the parent
 * @write_ns: what all its writes took
 */
struct worker {
	pid_t pid;
	uint64_t call_ns;
	uint64_t write_ns;
};

int prefork(const struct region *r, const uint32_t *page, size_t nr, struct worker *worker,
	    size_t workers);

/**
 * struct snapshot - a parent that writes while its child reads everything, as a database
 *	does that saves itself
 * @duration_ns: in which the child reads all pages, at an even pace
 * @rate: writes per second by the parent, each to a page drawn at random
 * @sample_ns: how often @sample is called in the parent, and once more at the end
 * @sample: told how things stand, in the parent; a write waits for it
 * @arg: given to @sample
 * @write_ns: room for @max_writes times of single writes, or NULL
 * @max_writes: how many times of single writes are kept
 * @pid: set: the child, which has exited
 * @call_ns: set: until fork() returned in the parent
 * @elapsed_ns: set, also for @sample: since the child was there
 * @writes: set, also for @sample: how many there were
 * @distinct: set, also for @sample: how many pages they went to
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

/* Who writes after the fork; a set. */
enum writer {
	WRITER_CHILD = 1,
	WRITER_PARENT = 2,
};

/**
 * struct written - a fork after which somebody wrote
 * @pid: the child's
 * @child_ns: what all its writes took; 0 if it wrote nothing
 * @parent_ns: what all the parent's writes took
 */
struct written {
	pid_t pid;
	uint64_t child_ns;
	uint64_t parent_ns;
};

int fork_write(const struct region *r, const uint32_t *page, size_t nr, unsigned int writers,
	       struct written *out);

uint64_t now_ns(void);
uint32_t next_random(uint64_t *state, uint32_t below);

#endif /* COWSTAT_WORKLOAD_H */
