/* SPDX-License-Identifier: GPL-2.0 */
/* How two versions of one page differ: in how many bytes, and where. */
#ifndef COWSTAT_PAGE_DIFF_H
#define COWSTAT_PAGE_DIFF_H

/*
 * Where in a page bytes differ:
 *	P(ID, name in JSON, text)
 * SPACED is how reference counts and mark bits look: each object has one word that differs.
 */
#define PAGE_DIFF_PLACES(P)							\
	P(NOWHERE,	"nowhere",	"nowhere: the bytes are the same again")	\
	P(HEADER,	"header",	"only in its first 64 bytes")		\
	P(WORD,		"word",		"in one 8-byte word elsewhere")		\
	P(SPACED,	"spaced",	"in one word of every 16 to 64 bytes")	\
	P(SCATTERED,	"scattered",	"in other places")			\
	P(ALL,		"all",		"in more than half of its words")

#define PAGE_DIFF_ENUM(ID, name, text)	PAGE_DIFF_##ID,
enum page_diff_place { PAGE_DIFF_PLACES(PAGE_DIFF_ENUM) PAGE_DIFF_NR };

/**
 * struct page_diff - how two versions of a page differ
 * @bytes: number of bytes that differ
 * @words: number of aligned 8-byte words with such bytes
 * @place: where they are
 */
struct page_diff {
	unsigned int bytes;
	unsigned int words;
	enum page_diff_place place;
};

struct page_diff page_diff(const void *a, const void *b);

#endif /* COWSTAT_PAGE_DIFF_H */
