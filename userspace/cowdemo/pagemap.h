/* SPDX-License-Identifier: GPL-2.0 */
/* The frame of a page, and how often it is mapped: /proc/PID/pagemap, /proc/kpagecount. */
#ifndef COWSTAT_PAGEMAP_H
#define COWSTAT_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct page_state - state of one page of a process
 * @present: the page is in memory
 * @exclusive: no other page table maps its frame; readable without privileges
 * @pfn: number of its frame; 0 without CAP_SYS_ADMIN
 * @mapped: number of page table entries that map the frame; 0 if not readable
 */
struct page_state {
	bool present;
	bool exclusive;
	uint64_t pfn;
	uint64_t mapped;
};

int pagemap_read(pid_t pid, const void *start, size_t nr, struct page_state *page);

/**
 * struct mapping - a private writable mapping
 * @start: page-aligned
 * @pages: size in pages of 4 KiB
 * @name: last part of the file's path, "[heap]", "[stack]", or "" if it has no name
 */
struct mapping {
	void *start;
	size_t pages;
	char name[64];
};

size_t mappings_read(pid_t pid, struct mapping *to, size_t max);

#endif /* COWSTAT_PAGEMAP_H */
