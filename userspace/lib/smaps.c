// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "smaps.h"

#define SMAPS_NAME(ID, name)	[SMAPS_##ID] = name,
const char *const smaps_names[SMAPS_NR] = { SMAPS_FIGURES(SMAPS_NAME) };

/**
 * smaps_parse() - parse the text of a smaps_rollup
 * @from: the file
 * @smaps: the figures
 *
 * Return: 0, or -ENODATA when it has none of the figures, like that of a zombie.
 */
int smaps_parse(FILE *from, struct smaps *smaps)
{
	char line[256], name[64];
	bool any = false;
	uint64_t kib;
	int i;

	memset(smaps, 0, sizeof(*smaps));
	while (fgets(line, sizeof(line), from)) {
		if (sscanf(line, "%63[A-Za-z_]: %" SCNu64 " kB", name, &kib) != 2)
			continue;
		for (i = 0; i < SMAPS_NR; i++) {
			if (!strcmp(name, smaps_names[i])) {
				smaps->bytes[i] = kib * 1024;
				any = true;
			}
		}
	}
	return any ? 0 : -ENODATA;
}

/**
 * struct mapped - figures of one mapping, in KiB
 * @private: it is a private mapping
 * @file: it maps a file
 * @clean: Shared_Clean
 * @dirty: Shared_Dirty
 * @anonymous: Anonymous
 */
struct mapped {
	bool private, file;
	uint64_t clean, dirty, anonymous;
};

/*
 * KiB of anonymous pages that other processes map, too. A page of the file itself is clean in a
 * private mapping, unless somebody has just written the file.
 */
static uint64_t shared_anonymous(const struct mapped *m)
{
	uint64_t shared = m->dirty + (m->file ? 0 : m->clean);

	if (!m->private)
		return 0;
	return shared < m->anonymous ? shared : m->anonymous;
}

/* Parse a line that begins a mapping. Return: false if it is another line. */
static bool begins_mapping(const char *line, struct mapped *m)
{
	uint64_t inode;
	char mode[5];

	if (sscanf(line, "%*x-%*x %4s %*x %*x:%*x %" SCNu64, mode, &inode) != 2)
		return false;
	*m = (struct mapped){ .private = mode[3] == 'p', .file = inode };
	return true;
}

/**
 * smaps_parse_shared() - add up private pages that other processes map too
 * @from: a file like /proc/PID/smaps
 * @bytes: their size
 *
 * smaps_rollup cannot tell: its Shared_Dirty has pages of shared memory, too.
 *
 * Return: 0, or -ENODATA when there is no mapping, as for a zombie.
 */
int smaps_parse_shared(FILE *from, uint64_t *bytes)
{
	struct mapped m = {}, next;
	char line[512], name[64];
	bool any = false;
	uint64_t kib;

	*bytes = 0;
	while (fgets(line, sizeof(line), from)) {
		if (begins_mapping(line, &next)) {
			*bytes += shared_anonymous(&m) * 1024;
			m = next;
			any = true;
		}
		if (sscanf(line, "%63[A-Za-z_]: %" SCNu64 " kB", name, &kib) != 2)
			continue;
		if (!strcmp(name, "Shared_Clean"))
			m.clean = kib;
		else if (!strcmp(name, "Shared_Dirty"))
			m.dirty = kib;
		else if (!strcmp(name, "Anonymous"))
			m.anonymous = kib;
	}
	*bytes += shared_anonymous(&m) * 1024;
	return any ? 0 : -ENODATA;
}

/**
 * smaps_read_shared() - read how much of its private memory a process shares now
 * @pid: the process
 * @bytes: pages of private mappings that are anonymous and mapped by other processes, too
 *
 * As slow as smaps_read(), and slower if there are many mappings.
 *
 * Return: 0 or a negative errno.
 */
int smaps_read_shared(pid_t pid, uint64_t *bytes)
{
	char path[48];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	err = smaps_parse_shared(f, bytes);
	fclose(f);
	return err;
}

/**
 * smaps_read() - read what a process has resident now
 * @pid: the process
 * @smaps: the figures
 *
 * The kernel walks all page tables of the process and holds its mmap lock meanwhile. That is
 * slow for a large process, and its own faults may have to wait.
 *
 * Return: 0 or a negative errno.
 */
int smaps_read(pid_t pid, struct smaps *smaps)
{
	char path[48];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	errno = 0;
	err = smaps_parse(f, smaps);
	if (err && errno)
		err = -errno;
	fclose(f);
	return err;
}

/* The mapping with a name, or a new one; the last of a full list has all others. */
static struct smaps_mapping *mapping_of(struct smaps_mapping *list, size_t room, size_t *nr,
					const char *name)
{
	size_t i;

	for (i = 0; i < *nr; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	if (*nr == room) {
		snprintf(list[room - 1].name, sizeof(list[0].name), "(other)");
		return &list[room - 1];
	}
	list[*nr] = (struct smaps_mapping){};
	snprintf(list[*nr].name, sizeof(list[0].name), "%s", name);
	return &list[(*nr)++];
}

/* "7f00-7f01 rw-p 0 08:01 12   /usr/lib/libc.so": the name, or NULL if it is no such line. */
static const char *name_of_mapping(char *line)
{
	int at = 0;

	if (sscanf(line, "%*x-%*x %*4s %*x %*x:%*x %*u %n", &at) < 0 || !at)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line[at] ? line + at : "(anonymous)";
}

/**
 * smaps_mappings() - parse the text of a smaps, mapping by mapping
 * @from: the file
 * @list: those with the same name are one entry
 * @room: entries of @list, at least 1; if there are more names, the last entry has the rest
 *
 * Return: how many entries there are.
 */
size_t smaps_mappings(FILE *from, struct smaps_mapping *list, size_t room)
{
	struct smaps_mapping *at = NULL;
	char line[4096 + 128], key[64];
	const char *name;
	uint64_t kib;
	size_t nr = 0;

	while (fgets(line, sizeof(line), from)) {
		name = name_of_mapping(line);
		if (name) {
			at = mapping_of(list, room, &nr, name);
			continue;
		}
		if (!at || sscanf(line, "%63[A-Za-z_]: %" SCNu64 " kB", key, &kib) != 2)
			continue;
		if (!strcmp(key, smaps_names[SMAPS_SHARED_DIRTY]))
			at->shared_dirty += kib * 1024;
		else if (!strcmp(key, smaps_names[SMAPS_PRIVATE_DIRTY]))
			at->private_dirty += kib * 1024;
	}
	return nr;
}
