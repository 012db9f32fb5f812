// SPDX-License-Identifier: GPL-2.0
#include "share.h"

/**
 * share_at_birth() - private pages that a fork shared
 * @row: the child's
 *
 * Return: pages that were present or swapped out; not known of a process whose fork was not
 * seen, or that had no memory of its own (vfork).
 */
struct share share_at_birth(const struct cow_row *row)
{
	struct share s = { row->known[COWSTAT_COL_BIRTH_ANON_PAGES], 0 };

	if (s.known)
		s.pages = row->value[COWSTAT_COL_BIRTH_ANON_PAGES] +
			  row->value[COWSTAT_COL_BIRTH_SWAP_ENTRIES];
	return s;
}

/**
 * share_copied_by_child() - pages of its ancestors that a process copied
 * @row: the process's
 *
 * Return: their number. If the table does not know who made a page, this is what the child copied
 * before exec or exit, which is too much if the child itself has forked.
 */
struct share share_copied_by_child(const struct cow_row *row)
{
	enum cowstat_column c = row->known[COWSTAT_COL_INHERITED_COPIED] ?
					COWSTAT_COL_INHERITED_COPIED :
					COWSTAT_COL_PRE_EXEC_COPIED;

	return (struct share){ row->known[c], row->value[c] };
}

/**
 * share_copied_by_parent() - pages of its own that the parent copied in that time
 * @row: the child's
 *
 * Return: what the parent copied between the child's birth and its first exec or exit.
 */
struct share share_copied_by_parent(const struct cow_row *row)
{
	return (struct share){ row->known[COWSTAT_COL_PARENT_COPIED],
			       row->value[COWSTAT_COL_PARENT_COPIED] };
}

/**
 * share_kept() - pages shared at birth that the child never copied
 * @row: the child's
 *
 * Return: their number; not known if the table does not know who made a page.
 */
struct share share_kept(const struct cow_row *row)
{
	struct share shared = share_at_birth(row), kept = {};
	uint64_t copied = row->value[COWSTAT_COL_INHERITED_COPIED];

	kept.known = shared.known && row->known[COWSTAT_COL_INHERITED_COPIED];
	if (kept.known && copied < shared.pages)
		kept.pages = shared.pages - copied;
	return kept;
}

/**
 * share_own_copied() - pages that a process made itself and copied
 * @row: the process's
 *
 * Return: their number: pages that its own children shared, or had shared.
 */
struct share share_own_copied(const struct cow_row *row)
{
	struct share own = {};

	own.known = row->known[COWSTAT_COL_ANON_COPIED] && row->known[COWSTAT_COL_INHERITED_COPIED];
	if (own.known)
		own.pages = row->value[COWSTAT_COL_ANON_COPIED] -
			    row->value[COWSTAT_COL_INHERITED_COPIED];
	return own;
}
