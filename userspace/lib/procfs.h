/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One figure, or one line, out of a file of /proc or /sys, and who the processes are. These
 * files are small and few are read, so each call opens its file, reads it and closes it.
 */
#ifndef COWSTAT_PROCFS_H
#define COWSTAT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct procfs_stat - who a process is
 * @ppid: its parent now; not who forked it, if that one has exited
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
