/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fork shared, and who copied of it. These rules stand here once, for the views, the
 * bill and the metrics.
 *
 *	shared	at birth: private pages, present or swapped out
 *	child	pages that an ancestor made and the child copied; a process copies such a page
 *		once at most, so this is never more than was shared
 *	parent	own pages that the parent copied between the child's birth and its exec or exit. One such
 *		copy serves all siblings: never subtract it per child, never add it up
 *	kept	what the child never copied
 */
#ifndef COWSTAT_SHARE_H
#define COWSTAT_SHARE_H

#include "table_reader.h"

/**
 * struct share - a number of pages
 * @known: the table tells it
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
