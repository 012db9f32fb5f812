/* SPDX-License-Identifier: GPL-2.0 */
/* Private anonymous memory of a given size and page kind. Errors are printed on stderr. */
#ifndef COWSTAT_REGION_H
#define COWSTAT_REGION_H

#include <stddef.h>
#include <stdint.h>

/* The kind of pages that a region is made of. */
enum page_kind {
	PAGES_4K,
	PAGES_THP,     /* transparent huge pages */
	PAGES_HUGETLB, /* from the pool of huge pages */
	NR_PAGE_KINDS,
};

/**
 * struct region - private anonymous memory
 * @start: page-aligned; huge pages are aligned to their own size
 * @pages: its size in pages of 4 KiB, whatever kind of pages it has
 * @kind: the kind of pages it has
 * @mapping: what was mapped for it, which may be more
 * @mapping_bytes: size of that mapping
 */
struct region {
	unsigned char *start;
	size_t pages;
	enum page_kind kind;
	void *mapping;
	size_t mapping_bytes;
};

int region_map(struct region *r, uint64_t bytes, enum page_kind kind);
void region_fill(const struct region *r);
int region_populate(const struct region *r);
void region_unmap(struct region *r);
uint64_t region_bytes(const struct region *r);
uint64_t region_huge_bytes(const struct region *r);
uint64_t page_kind_bytes(enum page_kind kind);
const char *thp_refused(void);

#endif /* COWSTAT_REGION_H */
