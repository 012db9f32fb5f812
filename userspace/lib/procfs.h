/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads a figure or a line from a file of /proc or /sys, and facts about processes. These files
 * are small and we read few of them, so each call opens, reads and closes its file.
 */
#ifndef COWSTAT_PROCFS_H
#define COWSTAT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct procfs_stat - parent and start time of a process
 * @ppid: its present parent, which is not the process that forked it if that one has exited
 * @start_ns: when it was started, CLOCK_BOOTTIME, in steps of 10 ms
 */
struct procfs_stat {
	pid_t ppid;
	uint64_t start_ns;
};

#define PROCFS_START_STEP_NS	10000000ULL

#define PROCFS_KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"

typedef void (*procfs_visit_fn)(pid_t pid, const struct procfs_stat *stat, void *arg);

int procfs_stat(pid_t pid, struct procfs_stat *stat);
int procfs_each(procfs_visit_fn visit, void *arg);
int procfs_line(const char *path, const char *key, char *to, size_t size);
int procfs_figure(const char *path, const char *key, uint64_t *n);
int procfs_choice(const char *path, char *to, size_t size);
int procfs_pid_figure(pid_t pid, const char *file, const char *key, uint64_t *n);
uint64_t procfs_meminfo(const char *key);
bool procfs_kprobes_are_off(void);

#endif /* COWSTAT_PROCFS_H */
