/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fork shared, and which side copied how much of it. The views, the bill and the metrics all
 * use these rules.
 *
 *	shared	private pages at birth, present or swapped out
 *	child	pages that an ancestor made and the child copied. A process copies such a page at
 *		most once, so this is never more than was shared
 *	parent	pages that the parent made itself and copied between the child's birth and its exec
 *		or exit. The same copy counts for all siblings: never subtract it per child, and
 *		never add it up
 *	kept	shared pages that the child never copied
 */
#ifndef COWSTAT_SHARE_H
#define COWSTAT_SHARE_H

#include "table_reader.h"

/**
 * struct share - a number of pages
 * @known: the table knows it
 * @pages: of 4 KiB; 0 unless @known
 */
struct share {
	bool known;
	uint64_t pages;
};

struct share share_at_birth(const struct cow_row *row);
struct share share_copied_by_child(const struct cow_row *row);
struct share share_copied_by_parent(const struct cow_row *row);
struct share share_kept(const struct cow_row *row);
struct share share_own_copied(const struct cow_row *row);

#endif /* COWSTAT_SHARE_H */
