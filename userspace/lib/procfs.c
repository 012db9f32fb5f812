// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "procfs.h"

/*
 * What a line says of a key: "MemFree:   12 kB", "model name\t: x", "pgfault 12" are lines
 * of MemFree, "model name" and pgfault. NULL when it is the line of another key.
 */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) || !line[len] || !strchr(" \t:", line[len]))
		return NULL;
	return line + len + strspn(line + len, " \t:");
}

/**
 * procfs_line() - read a line of text
 * @path: the file
 * @key: what the line begins with, without the colon or space behind it; NULL for the
 *	first line, whole
 * @to: what the line says behind the key, without the end of line; "" on error
 * @size: size of @to; what does not fit is cut off
 *
 * Return: 0; -ENODATA when no line has that key or the file is empty; another negative
 * errno when the file cannot be read.
 */
int procfs_line(const char *path, const char *key, char *to, size_t size)
{
	FILE *f = fopen(path, "re");
	const char *value;
	char line[512];
	int err = -ENODATA;

	*to = '\0';
	if (!f)
		return -errno;
	errno = 0;
	while (err && fgets(line, sizeof(line), f)) {
		value = key ? value_of(line, key) : line;
		if (!value)
			continue;
		snprintf(to, size, "%.*s", (int)strcspn(value, "\n"), value);
		err = 0;
	}
	if (err && ferror(f) && errno)
		err = -errno;
	fclose(f);
	return err;
}

/**
 * procfs_figure() - read a number
 * @path: the file
 * @key: as for procfs_line()
 * @n: the number, in bytes where the file gives it in kB; untouched on error
 *
 * Return: 0; -ENODATA when there is no such line, or no number in it; another negative
 * errno when the file cannot be read.
 */
int procfs_figure(const char *path, const char *key, uint64_t *n)
{
	char text[128], unit[8] = "";
	uint64_t value;
	int err;

	err = procfs_line(path, key, text, sizeof(text));
	if (err)
		return err;
	if (sscanf(text, "%" SCNu64 " %7s", &value, unit) < 1)
		return -ENODATA;
	*n = strcmp(unit, "kB") ? value : value * 1024;
	return 0;
}

/**
 * procfs_choice() - read which of several words is chosen: the one in brackets
 * @path: the file; its line is like "always [madvise] never"
 * @to: the word; "" on error
 * @size: size of @to
 *
 * Return: 0; -ENODATA when nothing is in brackets; another negative errno when the file
 * cannot be read.
 */
int procfs_choice(const char *path, char *to, size_t size)
{
	const char *begin;
	char line[128];
	int err;

	*to = '\0';
	err = procfs_line(path, NULL, line, sizeof(line));
	if (err)
		return err;
	begin = strchr(line, '[');
	if (!begin)
		return -ENODATA;
	snprintf(to, size, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
	return 0;
}

/**
 * procfs_pid_figure() - read a number of a process
 * @pid: the process
 * @file: the file's name below /proc/PID
 * @key: as for procfs_line()
 * @n: as for procfs_figure()
 *
 * Return: as procfs_figure(); -ENOENT or -ESRCH when the process has gone.
 */
int procfs_pid_figure(pid_t pid, const char *file, const char *key, uint64_t *n)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return procfs_figure(path, key, n);
}

/**
 * procfs_stat() - read /proc/PID/stat
 * @pid: the process
 * @stat: filled in
 *
 * Return: 0 or a negative errno.
 */
int procfs_stat(pid_t pid, struct procfs_stat *stat)
{
	char path[32], text[1024];
	const char *rest;
	uint64_t ticks;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	/* The name stands in brackets. It may hold brackets, spaces and ends of lines. */
	rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &stat->ppid, &ticks) != 2)
		return -ENODATA;
	stat->start_ns = ticks * PROCFS_START_STEP_NS;
	return 0;
}

/**
 * procfs_each() - visit each process that /proc shows
 * @visit: called with the process, who it is, and @arg
 * @arg: passed to @visit
 *
 * A process that ends meanwhile may be left out.
 *
 * Return: 0, or a negative errno when /proc cannot be read.
 */
int procfs_each(procfs_visit_fn visit, void *arg)
{
	struct procfs_stat stat;
	struct dirent *entry;
	uint64_t pid;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (!parse_number(entry->d_name, 1, INT_MAX, &pid) && !procfs_stat(pid, &stat))
			visit(pid, &stat, arg);
	closedir(proc);
	return 0;
}

/**
 * procfs_meminfo() - read a figure of /proc/meminfo
 * @key: its name, without the colon
 *
 * Return: bytes, or a number of pages where the line has no unit; 0 if the kernel does
 * not tell it.
 */
uint64_t procfs_meminfo(const char *key)
{
	uint64_t n = 0;

	procfs_figure("/proc/meminfo", key, &n);
	return n;
}

/**
 * procfs_kprobes_are_off() - has root switched off all kprobes of the system?
 *
 * Return: true if so. False also if we may not read that, or if debugfs is not mounted.
 */
bool procfs_kprobes_are_off(void)
{
	char line[8];

	return !procfs_line(PROCFS_KPROBES_ENABLED, NULL, line, sizeof(line)) && *line == '0';
}
