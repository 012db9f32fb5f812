/* SPDX-License-Identifier: GPL-2.0 */
/* Bits of /proc/PID/pagemap and /proc/kpageflags: Documentation/admin-guide/mm/pagemap.rst */
#ifndef COWSTAT_PAGEMAP_ENTRY_H
#define COWSTAT_PAGEMAP_ENTRY_H

/* An entry of /proc/PID/pagemap: 64 bits for each page of 4 KiB. */
#define PAGEMAP_PRESENT		(1ULL << 63)
#define PAGEMAP_SWAPPED		(1ULL << 62)
#define PAGEMAP_FILE		(1ULL << 61) /* a page of a file, or shared anonymous memory */
#define PAGEMAP_EXCLUSIVE	(1ULL << 56)
#define PAGEMAP_PFN		((1ULL << 55) - 1) /* or the place in the swap area */

/* Flags of a frame in /proc/kpageflags. */
#define FRAME_HUGETLB		(1ULL << 17) /* hugetlb */
#define FRAME_KSM			(1ULL << 21)
#define FRAME_ZERO		(1ULL << 24)

#endif /* COWSTAT_PAGEMAP_ENTRY_H */
