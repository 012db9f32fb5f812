// SPDX-License-Identifier: GPL-2.0
/* The frame of a page, and how often it is mapped: /proc/PID/pagemap, /proc/kpagecount. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pagemap.h"
#include "pagemap_entry.h"
#include "uapi/cowstat.h"

static int open_pid_file(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/**
 * pagemap_read() - read the state of consecutive pages
 * @pid: the process
 * @start: address of the first page
 * @nr: number of pages
 * @page: result: their states
 *
 * Return: 0 or a negative errno.
 */
int pagemap_read(pid_t pid, const void *start, size_t nr, struct page_state *page)
{
	off_t at = (uintptr_t)start / COWSTAT_PAGE_BYTES * sizeof(uint64_t);
	int map = open_pid_file(pid, "pagemap"), counts, err = 0;
	uint64_t entry;
	size_t i;

	if (map < 0)
		return -errno;
	counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC); /* readable by root only */
	for (i = 0; i < nr; i++, at += sizeof(entry)) {
		page[i] = (struct page_state){};
		if (pread(map, &entry, sizeof(entry), at) != sizeof(entry)) {
			err = errno ? -errno : -EIO;
			break;
		}
		if (!(entry & PAGEMAP_PRESENT))
			continue;
		page[i].present = true;
		page[i].exclusive = entry & PAGEMAP_EXCLUSIVE;
		page[i].pfn = entry & PAGEMAP_PFN;
		if (counts >= 0 && page[i].pfn &&
		    pread(counts, &page[i].mapped, sizeof(uint64_t),
			  page[i].pfn * sizeof(uint64_t)) != sizeof(uint64_t))
			page[i].mapped = 0;
	}
	if (counts >= 0)
		close(counts);
	close(map);
	return err;
}

/**
 * mappings_read() - list the private writable mappings of a process
 * @pid: the process
 * @to: result
 * @max: room in @to
 *
 * Return: number of mappings, at most @max; 0 if they cannot be read.
 */
size_t mappings_read(pid_t pid, struct mapping *to, size_t max)
{
	int fd = open_pid_file(pid, "maps"), name;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	uintptr_t from, until;
	char line[512], mode[5];
	const char *base;
	size_t nr = 0;

	if (!f)
		return 0;
	while (nr < max && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %n", &from, &until,
			   mode, &name) != 3 ||
		    mode[1] != 'w' || mode[3] != 'p')
			continue;
		base = strrchr(line + name, '/');
		to[nr].start = (void *)from;
		to[nr].pages = (until - from) / COWSTAT_PAGE_BYTES;
		snprintf(to[nr].name, sizeof(to[nr].name), "%s", base ? base + 1 : line + name);
		nr++;
	}
	fclose(f);
	return nr;
}
