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
