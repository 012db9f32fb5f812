// SPDX-License-Identifier: GPL-2.0
/*
 * A cgroup's id is the inode number of its directory (kernel: fs/kernfs, 64-bit), so one
 * walk over the mounted hierarchy gives every id its path. Inside a container the walk
 * finds only what is mounted there: the others have no path.
 */
#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroups.h"
#include "containers.h"

#define MOUNTINFO	"/proc/self/mountinfo"
#define ID_DIGITS_SHOWN	12	/* as docker ps and crictl ps do */

static int by_id(const void *a, const void *b)
{
	const struct cgroup *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int add(struct cgroups *cgroups, uint64_t id, const char *path)
{
	struct cgroup *entry;

	entry = reallocarray(cgroups->entry, cgroups->nr + 1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	cgroups->entry = entry;
	entry += cgroups->nr;
	entry->id = id;
	entry->path = strdup(*path ? path : "/");
	if (!entry->path)
		return -ENOMEM;
	cgroups->nr++;
	return 0;
}

/**
 * cgroups_mount() - find where the v2 hierarchy is mounted, also on systems with v1 hierarchies
 * @to: the path
 * @size: size of @to
 *
 * Return: false when it is mounted nowhere.
 */
bool cgroups_mount(char *to, size_t size)
{
	char line[4096], point[2048], type[64];
	FILE *f = fopen(MOUNTINFO, "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		found = rest && sscanf(rest, " - %63s", type) == 1 && !strcmp(type, "cgroup2") &&
			sscanf(line, "%*s %*s %*s %*s %2047s", point) == 1;
	}
	fclose(f);
	if (found)
		snprintf(to, size, "%s", point);
	return found;
}

/**
 * cgroups_read() - learn the paths of all cgroups
 * @mount: where the v2 hierarchy is mounted; NULL to look for it
 * @cgroups: to be freed with cgroups_free(); empty when there is no such hierarchy
 *
 * Leaves out a cgroup that is removed while we walk.
 *
 * Return: 0 or -ENOMEM.
 */
int cgroups_read(const char *mount, struct cgroups *cgroups)
{
	char found[2048];
	char *root[] = { found, NULL };
	size_t skip;
	FTSENT *at;
	FTS *walk;
	int err = 0;

	memset(cgroups, 0, sizeof(*cgroups));
	if (mount)
		snprintf(found, sizeof(found), "%s", mount);
	else if (!cgroups_mount(found, sizeof(found)))
		return 0;
	skip = strlen(found);
	walk = fts_open(root, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (!walk)
		return errno == ENOMEM ? -ENOMEM : 0;
	while (!err && (at = fts_read(walk)))
		if (at->fts_info == FTS_D)
			err = add(cgroups, at->fts_statp->st_ino, at->fts_path + skip);
	fts_close(walk);
	if (err) {
		cgroups_free(cgroups);
		return err;
	}
	if (cgroups->nr)
		qsort(cgroups->entry, cgroups->nr, sizeof(*cgroups->entry), by_id);
	return 0;
}

/**
 * cgroups_free() - give the memory back
 * @cgroups: read, or all zero
 */
void cgroups_free(struct cgroups *cgroups)
{
	while (cgroups->nr)
		free(cgroups->entry[--cgroups->nr].path);
	free(cgroups->entry);
	memset(cgroups, 0, sizeof(*cgroups));
}

/**
 * cgroups_path() - the path of a cgroup
 * @cgroups: those there are
 * @id: which one
 *
 * Return: "/" and on, or NULL when it has been removed or is outside our namespace.
 */
const char *cgroups_path(const struct cgroups *cgroups, uint64_t id)
{
	const struct cgroup key = { .id = id }, *found = NULL;

	if (cgroups->nr)
		found = bsearch(&key, cgroups->entry, cgroups->nr, sizeof(key), by_id);
	return found ? found->path : NULL;
}

/* Take empty and "." parts out of a path, and give it one slash in front. */
static void tidy(char *to, size_t size, const char *path)
{
	size_t n = 0, len;

	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len && !(len == 1 && *path == '.') && n + len + 2 < size)
			n += snprintf(to + n, size - n, "/%.*s", (int)len, path);
	}
	if (!n)
		snprintf(to, size, "/");
	else
		to[n] = '\0';
}

/**
 * cgroups_locate() - find a cgroup that the user named
 * @given: "a/b", "/a/b", or its directory below the mount of the v2 hierarchy
 * @mount: where that hierarchy is mounted; NULL to look for it
 * @cgroup: filled in
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * Return: 0; -ENODEV when no v2 hierarchy is mounted; -ENOENT when there is no such cgroup;
 * another negative errno when it cannot be looked at.
 */
int cgroups_locate(const char *given, const char *mount, struct cgroup_place *cgroup, char *why,
		   size_t len)
{
	char found[2048], whole[PATH_MAX], directory[PATH_MAX + 2048];
	const char *name = whole, *c;
	struct stat st;
	int err;

	if (!mount && !cgroups_mount(found, sizeof(found))) {
		snprintf(why, len, "no cgroup2 hierarchy is mounted here, so there is no cgroup %s",
			 given);
		return -ENODEV;
	}
	if (!mount)
		mount = found;
	tidy(whole, sizeof(whole), given);
	if (strncmp(whole, mount, strlen(mount)) == 0 &&
	    (!whole[strlen(mount)] || whole[strlen(mount)] == '/'))
		name = whole[strlen(mount)] ? whole + strlen(mount) : "/";
	snprintf(directory, sizeof(directory), "%s%s", mount, name);
	err = stat(directory, &st) ? -errno : 0;
	if (!err && !S_ISDIR(st.st_mode))
		err = -ENOENT;
	if (err == -ENOENT)
		snprintf(why, len, "there is no cgroup %s: no directory %s", name, directory);
	else if (err)
		snprintf(why, len, "cannot look at cgroup %s: %s", directory, strerror(-err));
	if (err)
		return err;
	snprintf(cgroup->path, sizeof(cgroup->path), "%s", name);
	cgroup->id = st.st_ino;
	cgroup->level = 0;
	for (c = name; *c; c++)
		cgroup->level += *c == '/' && c[1];
	return 0;
}

/**
 * cgroups_within() - is one cgroup the same as another, or below it?
 * @path: path of the one
 * @above: path of the other
 *
 * Return: true if so.
 */
bool cgroups_within(const char *path, const char *above)
{
	size_t len = strlen(above);

	while (len && above[len - 1] == '/')
		len--;
	return !strncmp(path, above, len) && (!path[len] || path[len] == '/');
}

static size_t hex_digits(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

/**
 * cgroups_container() - whose cgroup is it?
 * @path: its path
 *
 * Return: the name of the container, valid until the next call; NULL if it has none that we know.
 */
const char *cgroups_container(const char *path)
{
	const char *name = NULL;
	size_t digits;

	for (; !name && *path; path += digits ?: 1) {
		digits = hex_digits(path);
		if (digits == CONTAINER_ID_DIGITS)
			name = container_name(path);
	}
	return name;
}

/**
 * cgroups_readable() - a path as people write it
 * @to: the path with names of containers in place of their ids. Ids without a name are cut to 12
 *	digits
 * @size: its room; a longer path loses its end
 * @path: the whole path
 */
void cgroups_readable(char *to, size_t size, const char *path)
{
	size_t n = 0, digits;
	const char *name;

	while (*path && n + 1 < size) {
		digits = hex_digits(path);
		if (digits == CONTAINER_ID_DIGITS) {
			name = container_name(path);
			n += snprintf(to + n, size - n, "%.*s", name ? INT_MAX : ID_DIGITS_SHOWN,
				      name ?: path);
			path += digits;
		} else if (digits) {
			n += snprintf(to + n, size - n, "%.*s", (int)digits, path);
			path += digits;
		} else {
			to[n++] = *path++;
		}
	}
	to[n < size ? n : size - 1] = '\0';
}
