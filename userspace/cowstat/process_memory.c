// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "pagemap_entry.h"
#include "process_memory.h"
#include "procfs.h"
#include "uapi/cowstat.h"

static int open_file(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void say_why(pid_t pid, int error, char *why, size_t len)
{
	if (error == ENOENT)
		snprintf(why, len, "there is no process %d", pid);
	else if (error == ESRCH)
		snprintf(why, len, "process %d has no memory: it exited, or is a kernel thread",
			 pid);
	else if (error == EACCES || error == EPERM)
		snprintf(why, len,
			 "the memory of process %d is not yours to see. Run as root (CAP_SYS_PTRACE)",
			 pid);
	else
		snprintf(why, len, "cannot read the memory of process %d: %s", pid,
			 strerror(error));
}

/**
 * process_memory_open() - open the memory of a process for reading
 * @pid: the process
 * @m: filled in; to be closed with process_memory_close()
 * @why: the reason on error, for people
 * @len: size of @why
 *
 * Return: 0 or a negative errno.
 */
int process_memory_open(pid_t pid, struct process_memory *m, char *why, size_t len)
{
	char path[64], comm[64];
	int maps, error;

	*m = (struct process_memory){ .pid = pid, .pagemap = -1, .mem = -1 };
	m->mem = open_file(pid, "mem");
	m->pagemap = m->mem < 0 ? -1 : open_file(pid, "pagemap");
	maps = m->pagemap < 0 ? -1 : open_file(pid, "maps");
	m->maps = maps < 0 ? NULL : fdopen(maps, "r");
	if (!m->maps) {
		error = errno;
		if (maps >= 0)
			close(maps);
		process_memory_close(m);
		say_why(pid, error, why, len);
		return -error;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	procfs_line(path, NULL, comm, sizeof(comm));
	snprintf(m->comm, sizeof(m->comm), "%s", format_printable(comm).s);
	return 0;
}

/**
 * process_memory_close() - close what process_memory_open() opened
 * @m: the memory
 */
void process_memory_close(struct process_memory *m)
{
	if (m->maps)
		fclose(m->maps);
	if (m->pagemap >= 0)
		close(m->pagemap);
	if (m->mem >= 0)
		close(m->mem);
	m->maps = NULL;
	m->pagemap = m->mem = -1;
}

/**
 * process_memory_parse() - parse a line of /proc/PID/maps
 * @line: with or without its end of line
 * @to: filled in
 *
 * Return: true if it is a private mapping that can be accessed; false for any other line.
 */
bool process_memory_parse(const char *line, struct memory_mapping *to)
{
	const char *name, *base;
	char mode[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &to->start, &to->end, mode,
		   &at) != 3 ||
	    !at || mode[3] != 'p' || !strncmp(mode, "---", 3) || to->end <= to->start ||
	    to->end > INT64_MAX)
		return false;
	name = line + at;
	base = *name == '/' ? strrchr(name, '/') + 1 : name;
	snprintf(to->name, sizeof(to->name), "%.*s", (int)strcspn(base, "\n"), base);
	return true;
}

/**
 * process_memory_next() - get the next private mapping, by address
 * @m: the memory
 * @to: filled in
 *
 * Mappings that nobody may access are left out.
 *
 * Return: false if there is no further one.
 */
bool process_memory_next(struct process_memory *m, struct memory_mapping *to)
{
	char line[512];
	bool found = false, begins = true;

	while (!found && fgets(line, sizeof(line), m->maps)) {
		/* A long name may hold anything: only what stands at the beginning of a line counts. */
		found = begins && process_memory_parse(line, to);
		begins = strchr(line, '\n');
	}
	/* Do not take the rest of this line for the next one. */
	while (found && !begins && fgets(line, sizeof(line), m->maps))
		begins = strchr(line, '\n');
	return found;
}

/**
 * process_memory_entries() - read page table entries
 * @m: the memory
 * @address: of the first page
 * @nr: number of pages
 * @entry: one for each page, with the bits of pagemap_entry.h
 *
 * Return: 0; -ESRCH if the process has exited or runs another program; another negative errno.
 */
int process_memory_entries(const struct process_memory *m, uint64_t address, size_t nr,
			   uint64_t *entry)
{
	ssize_t n = pread(m->pagemap, entry, nr * sizeof(*entry),
			  address / COWSTAT_PAGE_BYTES * sizeof(*entry));

	if (n < 0)
		return -errno;
	return (size_t)n == nr * sizeof(*entry) ? 0 : -ESRCH;
}

/**
 * process_memory_skip_holes() - find the next page that is there
 * @m: the memory
 * @from: address of a page
 * @end: address behind the last page to look at
 *
 * Some programs map terabytes that they hardly use: to read an entry for each page takes hours.
 *
 * Return: address of the first page from @from on that is in memory or in swap; @end if there is
 * none; @from on kernels that cannot tell, and on errors.
 */
uint64_t process_memory_skip_holes(const struct process_memory *m, uint64_t from, uint64_t end)
{
	struct pagemap_range range = {};
	struct pagemap_scan scan = {
		.size = sizeof(scan),
		.start = from,
		.end = end,
		.vec = (uintptr_t)&range,
		.vec_len = 1,
		.max_pages = 1,
		.category_anyof_mask = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SWAPPED,
		.return_mask = PAGEMAP_SCAN_PRESENT,
	};
	int nr = ioctl(m->pagemap, PAGEMAP_SCAN_IOCTL, &scan);

	if (nr < 0)
		return from;
	return nr && range.start >= from && range.start < end ? range.start : end;
}

/**
 * process_memory_read() - read bytes
 * @m: the memory
 * @address: of the first byte; all pages have to be present, or they are brought into memory
 * @to: where to put them
 * @len: number of bytes
 *
 * Return: how many were read: fewer if a page is not readable; 0 if the process has exited; or a
 * negative errno.
 */
ssize_t process_memory_read(const struct process_memory *m, uint64_t address, void *to, size_t len)
{
	ssize_t n = pread(m->mem, to, len, address);

	return n < 0 ? -errno : n;
}

/**
 * process_memory_own_entry() - read a page table entry of this process
 * @page: address of the page
 *
 * Return: the entry, with the bits of pagemap_entry.h; 0 if it cannot be read.
 */
uint64_t process_memory_own_entry(const volatile void *page)
{
	struct process_memory me = { .pagemap = open_file(getpid(), "pagemap") };
	uint64_t entry = 0;

	if (me.pagemap < 0)
		return 0;
	if (process_memory_entries(&me, (uintptr_t)page, 1, &entry))
		entry = 0;
	close(me.pagemap);
	return entry;
}
