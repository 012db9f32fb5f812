/* SPDX-License-Identifier: GPL-2.0 */
/* Paths of control groups: a row holds the id of its cgroup in the v2 hierarchy. */
#ifndef COWSTAT_CGROUPS_H
#define COWSTAT_CGROUPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct cgroups - the cgroups there are
 * @entry: sorted by id
 * @nr: how many
 */
struct cgroups {
	struct cgroup {
		uint64_t id;
		char *path; /* from the root of the hierarchy: "/system.slice" */
	} *entry;
	size_t nr;
};

/**
 * struct cgroup_place - a cgroup that somebody named
 * @path: from the root of the hierarchy: "/system.slice"
 * @id: the kernel's number for it
 * @level: how deep it lies; 0 for the root
 */
struct cgroup_place {
	char path[PATH_MAX];
	uint64_t id;
	unsigned int level;
};

bool cgroups_mount(char *to, size_t size);
int cgroups_locate(const char *given, const char *mount, struct cgroup_place *cgroup, char *why,
		   size_t len);
int cgroups_read(const char *mount, struct cgroups *cgroups);
void cgroups_free(struct cgroups *cgroups);
const char *cgroups_path(const struct cgroups *cgroups, uint64_t id);
bool cgroups_within(const char *path, const char *above);
const char *cgroups_container(const char *path);
void cgroups_readable(char *to, size_t size, const char *path);

#endif /* COWSTAT_CGROUPS_H */
