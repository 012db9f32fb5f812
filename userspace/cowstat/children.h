/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Children that keep using their parent's memory, such as the child that writes a database's
 * snapshot, or a worker. A child counts if its parent lives, if it has run no other program, and
 * if it has no child itself.
 */
#ifndef COWSTAT_CHILDREN_H
#define COWSTAT_CHILDREN_H

#include "cgroups.h"
#include "openmetrics.h"
#include "table_reader.h"

/* Each child has a few series of its own, so only those that copied most are printed. */
#define CHILDREN_MAX	32

/**
 * struct child - such a child
 * @pid: its pid
 * @comm: its name
 * @cgroup: path of its cgroup; "" when not known
 * @shared: bytes shared at its birth
 * @copied: bytes that it copied of these, and that its parent copied since its birth
 * @kept: bytes of @shared that it never copied
 */
struct child {
	pid_t pid;
	char comm[64];
	char cgroup[256];
	uint64_t shared;
	uint64_t copied;
	uint64_t kept;
};

/**
 * struct children - those that lived when the table was read
 * @child: those that copied most come first
 * @nr: how many
 */
struct children {
	struct child child[CHILDREN_MAX];
	size_t nr;
};

int children_find(const struct cow_table *t, const struct cgroups *cgroups,
		  struct children *children);
uint64_t children_most_copied(const struct children *children);
void children_print(const struct children *children, const struct metrics *m);

#endif /* COWSTAT_CHILDREN_H */
