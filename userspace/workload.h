/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What cowbench does to a kernel: fill memory, start programs in several ways, write
 * after a fork. Knows nothing of /proc/cowstat. Errors are told on stderr.
 */
#ifndef COWSTAT_WORKLOAD_H
#define COWSTAT_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct region - private anonymous memory in pages of 4 KiB
 * @start: page-aligned
 * @pages: how many
 */
struct region {
	unsigned char *start;
	size_t pages;
};

int region_map(struct region *r, uint64_t bytes);
void region_fill(const struct region *r);
void region_unmap(struct region *r);
uint64_t region_bytes(const struct region *r);

/* Ways to start a program. */
enum launch {
	LAUNCH_FORK,		/* fork(), exec() */
	LAUNCH_VFORK,		/* vfork(), exec() */
	LAUNCH_SPAWN,		/* posix_spawn() */
	LAUNCH_EAGER,		/* fork(), copy every page of the region, exec() */
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

#endif /* COWSTAT_WORKLOAD_H */
