/* SPDX-License-Identifier: GPL-2.0 */
/* Which frame a page is in, and who else has it: /proc/PID/pagemap, /proc/kpagecount. */
#ifndef COWSTAT_PAGEMAP_H
#define COWSTAT_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct page_state - what the kernel says of one page of a process
 * @present: it is in memory
 * @exclusive: no other page table has its frame; needs no privileges
 * @pfn: number of its frame; 0 where the kernel does not tell, which needs CAP_SYS_ADMIN
 * @mapped: how many page table entries have the frame; 0 where the kernel does not tell
 */
struct page_state {
	bool present;
	bool exclusive;
	uint64_t pfn;
	uint64_t mapped;
};

int pagemap_read(pid_t pid, const void *start, size_t nr, struct page_state *page);

/**
 * struct mapping - a private writable part of a process's memory
 * @start: page-aligned
 * @pages: of 4 KiB
 * @name: of the file, or "[heap]", or "[stack]", or "" where it has none
 */
struct mapping {
	void *start;
	size_t pages;
	char name[64];
};

size_t mappings_read(pid_t pid, struct mapping *to, size_t max);

#endif /* COWSTAT_PAGEMAP_H */
