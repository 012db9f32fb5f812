/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What copies were for: how many bytes differ in pages that a fork shared and that were copied
 * since. Nothing here does I/O: cmd_diff.c reads the two processes.
 *
 * The caller goes through the private mappings in order. For each page it says what the page
 * tables of both processes have there, and for a copied page how its two versions differ.
 */
#ifndef COWSTAT_AMPLIFICATION_H
#define COWSTAT_AMPLIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page_diff.h"

/*
 * What two processes have at one address:
 *	P(ID, name in JSON)
 */
#define PAGE_PAIRS(P)								\
	P(NONE,		"none")		/* no private page in either */		\
	P(SHARED,	"shared")	/* the same frame */			\
	P(SHARED_SWAP,	"shared_swap")	/* the same place in swap */		\
	P(COPIED,	"copied")	/* each its own frame */		\
	P(CHILD,	"only_child")	/* only the child has a page */		\
	P(PARENT,	"only_parent")	/* only the parent has a page */	\
	P(SWAPPED,	"swapped")	/* no longer shared, and one is in swap */ \
	P(FILE,		"file")		/* one has the file's page, one a copy */ \
	P(ZERO,		"zero")		/* one has the zero page */		\
	P(KSM,		"ksm")		/* KSM has merged one of them */	\
	P(HUGETLB,	"hugetlb")	/* frames of huge pages */		\
	P(MOVED,	"moved")	/* freed or copied while it was read */	\
	P(UNREADABLE,	"unreadable")	/* copied, but not readable */

#define PAGE_PAIR_ENUM(ID, name)	PAIR_##ID,
enum page_pair { PAGE_PAIRS(PAGE_PAIR_ENUM) PAIR_NR };

/**
 * struct pair_entries - what the kernel says of a page in two processes
 * @child: the child's entry in /proc/PID/pagemap
 * @parent: the parent's
 * @child_flags: of the child's frame in /proc/kpageflags; 0 when not known
 * @parent_flags: of the parent's frame
 */
struct pair_entries {
	uint64_t child, parent;
	uint64_t child_flags, parent_flags;
};

/* Pages by number of bytes that differ: 0, 1, 2 to 8, 9 to 64, 65 to 512, 513 to 4095, 4096. */
#define AMPLIFICATION_BUCKETS	7

/* Sizes of which a copy could be: 16 KiB, 64 KiB, 2 MiB. */
#define AMPLIFICATION_BLOCKS	3

/* So many mappings are kept one by one: those with most copied pages. */
#define AMPLIFICATION_MAPPINGS	64

/**
 * struct copy_blocks - what copies of more than a page at a time would be
 * @pages: size of a copy, in pages
 * @faults: number of copies
 * @copied: pages that they would copy: those of a block that exist, and are shared or were copied
 * @at: the block of the last page
 * @block_copied: copied pages in it
 * @block_pages: copied or shared pages in it
 */
struct copy_blocks {
	uint64_t pages;
	uint64_t faults, copied;
	uint64_t at, block_copied, block_pages;
};

/**
 * struct amplified - a mapping, or the sum of several
 * @start: its first address
 * @end: the address behind it
 * @name: its file or kind, from /proc/PID/maps; any bytes
 * @shared: pages still shared, in memory or swap
 * @copied: copied pages
 * @bytes: bytes that differ in these
 * @bucket: copied pages by number of bytes that differ
 * @place: copied pages by where these bytes are
 */
struct amplified {
	uint64_t start, end;
	char name[128];
	uint64_t shared, copied, bytes;
	uint64_t bucket[AMPLIFICATION_BUCKETS];
	uint64_t place[PAGE_DIFF_NR];
};

/**
 * struct amplification - all that was found
 * @pair: pages by kind
 * @all: the sum of all mappings
 * @runs: number of runs of neighbouring copied pages
 * @longest: pages of the longest run
 * @block: copies of more than a page at a time
 * @mapping: those with most copied pages, in this order; without copied pages none
 * @nr_mappings: how many
 * @others: the sum of all other mappings with copied pages
 * @nr_others: how many
 * @now: the mapping that the caller is in
 * @run: length of the run that goes on
 * @last: the number of the last page that was copied, by address
 */
struct amplification {
	uint64_t pair[PAIR_NR];
	struct amplified all;
	uint64_t runs, longest;
	struct copy_blocks block[AMPLIFICATION_BLOCKS];
	struct amplified mapping[AMPLIFICATION_MAPPINGS];
	size_t nr_mappings;
	struct amplified others;
	size_t nr_others;
	struct amplified now;
	uint64_t run, last;
};

enum page_pair page_pair(const struct pair_entries *e, uint64_t zero_pfn);

void amplification_init(struct amplification *a);
void amplification_begin(struct amplification *a, uint64_t start, uint64_t end, const char *name);
void amplification_add(struct amplification *a, uint64_t address, enum page_pair pair,
		       const struct page_diff *diff);
void amplification_end(struct amplification *a);
void amplification_add_up(struct amplification *sum, const struct amplification *one);
void amplified_add_up(struct amplified *sum, const struct amplified *one);

uint64_t amplification_bucket_from(unsigned int bucket);
uint64_t amplification_bucket_to(unsigned int bucket);
bool amplification_unrelated(const struct amplification *a);
bool amplification_counts_like(const struct amplification *a);
bool amplification_undone(const struct amplification *a);

#endif /* COWSTAT_AMPLIFICATION_H */
