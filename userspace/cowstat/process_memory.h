/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads the memory of another process, and changes nothing there. It uses /proc/PID/mem and not
 * process_vm_readv(2), which pins pages: a pin makes the kernel unshare a page. Only pages that
 * are present are read: to read another one would bring it into memory.
 */
#ifndef COWSTAT_PROCESS_MEMORY_H
#define COWSTAT_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct process_memory - the memory of a process
 * @pid: the process
 * @comm: its name, safe for a terminal
 * @maps: its mappings
 * @pagemap: its page table
 * @mem: its memory
 *
 * The kernel ties open files to the memory, not to the pid: after an exec or an exit they read as
 * empty, even if another process gets the pid.
 */
struct process_memory {
	pid_t pid;
	char comm[64];
	FILE *maps;
	int pagemap;
	int mem;
};

/**
 * struct memory_mapping - a private mapping
 * @start: its first address
 * @end: the address behind it
 * @name: last part of its file's path, or its kind such as "[heap]"; "" for none. Any bytes
 */
struct memory_mapping {
	uint64_t start, end;
	char name[128];
};

int process_memory_open(pid_t pid, struct process_memory *m, char *why, size_t len);
void process_memory_close(struct process_memory *m);
bool process_memory_next(struct process_memory *m, struct memory_mapping *to);
int process_memory_entries(const struct process_memory *m, uint64_t address, size_t nr,
			   uint64_t *entry);
uint64_t process_memory_skip_holes(const struct process_memory *m, uint64_t from, uint64_t end);
ssize_t process_memory_read(const struct process_memory *m, uint64_t address, void *to, size_t len);
uint64_t process_memory_own_entry(const volatile void *page);

bool process_memory_parse(const char *line, struct memory_mapping *to);

#endif /* COWSTAT_PROCESS_MEMORY_H */
