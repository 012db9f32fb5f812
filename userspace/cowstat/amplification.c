// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "amplification.h"
#include "pagemap_entry.h"
#include "uapi/cowstat.h"

/* The most bytes of each bucket. */
static const unsigned int bucket_to[AMPLIFICATION_BUCKETS] = { 0, 1, 8, 64, 512, 4095, 4096 };

static const uint64_t block_pages[AMPLIFICATION_BLOCKS] = { 4, 16, 512 };

static bool has_page(uint64_t entry)
{
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED);
}

/* A page of a file, and no copy of it: not private. */
static bool is_of_file(uint64_t entry)
{
	return entry & PAGEMAP_FILE;
}

static bool is_zero(uint64_t entry, uint64_t flags, uint64_t zero_pfn)
{
	if (!(entry & PAGEMAP_PRESENT))
		return false;
	return flags & FRAME_ZERO || (zero_pfn && (entry & PAGEMAP_PFN) == zero_pfn);
}

/* One process has a page of its own there. What has the other one? */
static enum page_pair lone(const struct pair_entries *e, uint64_t zero_pfn, bool child)
{
	uint64_t own = child ? e->child : e->parent;

	if (is_of_file(own) || is_zero(own, child ? e->child_flags : e->parent_flags, zero_pfn))
		return PAIR_NONE;
	return child ? PAIR_CHILD : PAIR_PARENT;
}

/* Both have a page, but not the same one. */
static enum page_pair two_pages(const struct pair_entries *e, uint64_t zero_pfn)
{
	bool zero = is_zero(e->child, e->child_flags, zero_pfn);
	bool other_zero = is_zero(e->parent, e->parent_flags, zero_pfn);

	if (is_of_file(e->child) && is_of_file(e->parent))
		return PAIR_NONE;
	if (is_of_file(e->child) || is_of_file(e->parent))
		return PAIR_FILE;
	if (zero || other_zero)
		return zero && other_zero ? PAIR_NONE : PAIR_ZERO;
	if ((e->child | e->parent) & PAGEMAP_SWAPPED)
		return PAIR_SWAPPED;
	if ((e->child_flags | e->parent_flags) & FRAME_HUGETLB)
		return PAIR_HUGETLB;
	if ((e->child_flags | e->parent_flags) & FRAME_KSM)
		return PAIR_KSM;
	return PAIR_COPIED;
}

/**
 * page_pair() - tell what two processes have at one address
 * @e: what the kernel says of it
 * @zero_pfn: the frame of the zero page; 0 when not known
 *
 * Return: the kind. Frames alone cannot tell a page that was copied from one that both processes
 * allocated there after the fork.
 */
enum page_pair page_pair(const struct pair_entries *e, uint64_t zero_pfn)
{
	const uint64_t same = PAGEMAP_PRESENT | PAGEMAP_SWAPPED | PAGEMAP_FILE | PAGEMAP_PFN;

	if (!has_page(e->child) && !has_page(e->parent))
		return PAIR_NONE;
	if (!has_page(e->parent))
		return lone(e, zero_pfn, true);
	if (!has_page(e->child))
		return lone(e, zero_pfn, false);
	if ((e->child ^ e->parent) & same)
		return two_pages(e, zero_pfn);
	if (is_of_file(e->child) || is_zero(e->child, e->child_flags, zero_pfn))
		return PAIR_NONE;
	return e->child & PAGEMAP_SWAPPED ? PAIR_SHARED_SWAP : PAIR_SHARED;
}

/**
 * amplification_init() - begin with nothing found
 * @a: filled in
 */
void amplification_init(struct amplification *a)
{
	unsigned int i;

	memset(a, 0, sizeof(*a));
	for (i = 0; i < AMPLIFICATION_BLOCKS; i++)
		a->block[i].pages = block_pages[i];
}

/**
 * amplification_begin() - begin a mapping
 * @a: what was found so far
 * @start: first address of the mapping, above all mappings before it
 * @end: the address behind it
 * @name: its name; cut if it is long
 */
void amplification_begin(struct amplification *a, uint64_t start, uint64_t end, const char *name)
{
	a->now = (struct amplified){ .start = start, .end = end };
	snprintf(a->now.name, sizeof(a->now.name), "%s", name);
}

/* Close the block that the last page was in. */
static void end_block(struct copy_blocks *b)
{
	if (b->block_copied) {
		b->faults++;
		b->copied += b->block_pages;
	}
	b->block_copied = b->block_pages = 0;
}

static void add_to_blocks(struct amplification *a, uint64_t page, bool copied)
{
	struct copy_blocks *b;

	for (b = a->block; b < a->block + AMPLIFICATION_BLOCKS; b++) {
		if (page / b->pages != b->at)
			end_block(b);
		b->at = page / b->pages;
		b->block_pages++;
		b->block_copied += copied;
	}
}

static void end_run(struct amplification *a)
{
	a->runs += !!a->run;
	if (a->run > a->longest)
		a->longest = a->run;
	a->run = 0;
}

static void add_copied(struct amplification *a, uint64_t page, const struct page_diff *diff)
{
	unsigned int i;

	for (i = 0; diff->bytes > bucket_to[i]; i++)
		;
	a->now.bucket[i]++;
	a->now.place[diff->place]++;
	a->now.bytes += diff->bytes;
	a->now.copied++;
	if (page != a->last + 1)
		end_run(a);
	a->run++;
	a->last = page;
}

/**
 * amplification_add() - add a page of the mapping that was begun
 * @a: what was found so far
 * @address: of the page, above all pages before it
 * @pair: what the two processes have there
 * @diff: how the two versions of a copied page differ; not looked at for others
 */
void amplification_add(struct amplification *a, uint64_t address, enum page_pair pair,
		       const struct page_diff *diff)
{
	uint64_t page = address / COWSTAT_PAGE_BYTES;

	a->pair[pair]++;
	if (pair != PAIR_COPIED && pair != PAIR_SHARED && pair != PAIR_SHARED_SWAP)
		return;
	add_to_blocks(a, page, pair == PAIR_COPIED);
	if (pair == PAIR_COPIED)
		add_copied(a, page, diff);
	else
		a->now.shared++;
}

/**
 * amplified_add_up() - add the figures of a mapping to a sum
 * @sum: the sum
 * @one: the mapping, or another sum
 */
void amplified_add_up(struct amplified *sum, const struct amplified *one)
{
	unsigned int i;

	sum->shared += one->shared;
	sum->copied += one->copied;
	sum->bytes += one->bytes;
	for (i = 0; i < AMPLIFICATION_BUCKETS; i++)
		sum->bucket[i] += one->bucket[i];
	for (i = 0; i < PAGE_DIFF_NR; i++)
		sum->place[i] += one->place[i];
}

/**
 * amplification_add_up() - add what was found in two processes to a sum
 * @sum: the sum; its mappings are not kept
 * @one: what was found; ended
 */
void amplification_add_up(struct amplification *sum, const struct amplification *one)
{
	unsigned int i;

	for (i = 0; i < PAIR_NR; i++)
		sum->pair[i] += one->pair[i];
	amplified_add_up(&sum->all, &one->all);
	sum->runs += one->runs;
	if (one->longest > sum->longest)
		sum->longest = one->longest;
	for (i = 0; i < AMPLIFICATION_BLOCKS; i++) {
		sum->block[i].faults += one->block[i].faults;
		sum->block[i].copied += one->block[i].copied;
	}
}

/**
 * amplification_end() - end the mapping that was begun
 * @a: what was found so far
 */
void amplification_end(struct amplification *a)
{
	struct amplified dropped = a->now;
	size_t at = a->nr_mappings;
	unsigned int i;

	end_run(a);
	a->last = 0;
	for (i = 0; i < AMPLIFICATION_BLOCKS; i++)
		end_block(&a->block[i]);
	amplified_add_up(&a->all, &a->now);
	if (!a->now.copied)
		return;
	if (a->nr_mappings < AMPLIFICATION_MAPPINGS) {
		a->nr_mappings++;
	} else {
		if (a->mapping[at - 1].copied < a->now.copied)
			dropped = a->mapping[--at];
		amplified_add_up(&a->others, &dropped);
		a->nr_others++;
		if (at == AMPLIFICATION_MAPPINGS)
			return;
	}
	for (; at && a->mapping[at - 1].copied < a->now.copied; at--)
		a->mapping[at] = a->mapping[at - 1];
	a->mapping[at] = a->now;
}

/**
 * amplification_bucket_from() - the fewest bytes of a bucket
 * @bucket: its index
 *
 * Return: the number of bytes.
 */
uint64_t amplification_bucket_from(unsigned int bucket)
{
	return bucket ? bucket_to[bucket - 1] + 1 : 0;
}

/**
 * amplification_bucket_to() - the most bytes of a bucket
 * @bucket: its index
 *
 * Return: the number of bytes.
 */
uint64_t amplification_bucket_to(unsigned int bucket)
{
	return bucket_to[bucket];
}

/**
 * amplification_unrelated() - have the two processes no page in common?
 * @a: what was found
 *
 * Return: true if one has run another program, or no fork made them of one process.
 */
bool amplification_unrelated(const struct amplification *a)
{
	return !a->all.shared && !a->all.copied && !a->pair[PAIR_SWAPPED] && !a->pair[PAIR_KSM] &&
	       !a->pair[PAIR_HUGETLB];
}

/**
 * amplification_counts_like() - do the copies look like those of reference counts or mark bits?
 * @a: what was found
 *
 * Return: true if a fourth of the copied pages have one word that differs in every 16 to 64 bytes.
 */
bool amplification_counts_like(const struct amplification *a)
{
	return a->all.place[PAGE_DIFF_SPACED] &&
	       a->all.place[PAGE_DIFF_SPACED] * 4 >= a->all.copied;
}

/**
 * amplification_undone() - were many pages copied in which nothing differs?
 * @a: what was found
 *
 * Return: true if these are a fourth of the copied pages.
 */
bool amplification_undone(const struct amplification *a)
{
	return a->all.place[PAGE_DIFF_NOWHERE] &&
	       a->all.place[PAGE_DIFF_NOWHERE] * 4 >= a->all.copied;
}
