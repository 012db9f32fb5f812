// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include "page_diff.h"
#include "uapi/cowstat.h"

#define WORD_BYTES	8
#define HEADER_BYTES	64	/* a cache line */
#define WORDS		(COWSTAT_PAGE_BYTES / WORD_BYTES)
#define HEADER_WORDS	(HEADER_BYTES / WORD_BYTES)

/* One object with a count or a mark in this many words. */
#define MIN_GAP		2
#define MAX_GAP		8
#define MIN_SPACED	4	/* fewer words in a page may be there by chance */

/* Number of bytes that are not zero. */
static unsigned int nonzero_bytes(uint64_t word)
{
	unsigned int n = 0;

	for (; word; word >>= 8)
		n += !!(word & 0xff);
	return n;
}

/**
 * struct gaps - distances between words that differ
 * @last: the last such word
 * @spaced: how many distances fit objects of 16 to 64 bytes
 */
struct gaps {
	unsigned int last;
	unsigned int spaced;
};

static void count_gap(struct gaps *gaps, unsigned int words, unsigned int at)
{
	unsigned int gap = at - gaps->last;

	gaps->spaced += words && gap >= MIN_GAP && gap <= MAX_GAP;
	gaps->last = at;
}

static enum page_diff_place place_of(unsigned int words, const struct gaps *gaps)
{
	if (!words)
		return PAGE_DIFF_NOWHERE;
	if (gaps->last < HEADER_WORDS)
		return PAGE_DIFF_HEADER;
	if (words == 1)
		return PAGE_DIFF_WORD;
	if (words > WORDS / 2)
		return PAGE_DIFF_ALL;
	/* Objects differ in size, and some are not in use: three of four distances suffice. */
	if (words >= MIN_SPACED && gaps->spaced * 4 >= (words - 1) * 3)
		return PAGE_DIFF_SPACED;
	return PAGE_DIFF_SCATTERED;
}

/**
 * page_diff() - compare two versions of a page
 * @a: COWSTAT_PAGE_BYTES bytes
 * @b: as many
 *
 * Return: how they differ.
 */
struct page_diff page_diff(const void *a, const void *b)
{
	struct page_diff d = {};
	struct gaps gaps = {};
	uint64_t one, other;
	unsigned int i;

	for (i = 0; i < WORDS; i++) {
		memcpy(&one, (const char *)a + i * WORD_BYTES, sizeof(one));
		memcpy(&other, (const char *)b + i * WORD_BYTES, sizeof(other));
		if (one == other)
			continue;
		count_gap(&gaps, d.words++, i);
		d.bytes += nonzero_bytes(one ^ other);
	}
	d.place = place_of(d.words, &gaps);
	return d;
}
