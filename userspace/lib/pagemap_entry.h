/* SPDX-License-Identifier: GPL-2.0 */
/* Bits of /proc/PID/pagemap and /proc/kpageflags: Documentation/admin-guide/mm/pagemap.rst */
#ifndef COWSTAT_PAGEMAP_ENTRY_H
#define COWSTAT_PAGEMAP_ENTRY_H

#include <stdint.h>
#include <sys/ioctl.h>

/* An entry of /proc/PID/pagemap: 64 bits for each page of 4 KiB. */
#define PAGEMAP_PRESENT		(1ULL << 63)
#define PAGEMAP_SWAPPED		(1ULL << 62)
#define PAGEMAP_FILE		(1ULL << 61) /* a page of a file, or shared anonymous memory */
#define PAGEMAP_EXCLUSIVE	(1ULL << 56)
#define PAGEMAP_SOFT_DIRTY	(1ULL << 55)
#define PAGEMAP_PFN		((1ULL << 55) - 1) /* or the place in the swap area */

/* Flags of a frame in /proc/kpageflags. */
#define FRAME_HUGETLB		(1ULL << 17) /* hugetlb */
#define FRAME_KSM			(1ULL << 21)
#define FRAME_ZERO		(1ULL << 24)

/*
 * PAGEMAP_SCAN of /proc/PID/pagemap, from 6.7 on: finds ranges of pages by category. The headers of
 * older releases do not have it.
 */
struct pagemap_range {
	uint64_t start, end, categories;
};

struct pagemap_scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGEMAP_SCAN_IOCTL	_IOWR('f', 16, struct pagemap_scan)
#define PAGEMAP_SCAN_PRESENT	(1ULL << 3)
#define PAGEMAP_SCAN_SWAPPED	(1ULL << 4)

#endif /* COWSTAT_PAGEMAP_ENTRY_H */
