// SPDX-License-Identifier: GPL-2.0
#include "delta.h"
#include "sums.h"

/**
 * sums_find() - find the row of a kind
 * @row: the rows
 * @nr: how many
 * @kind: COW_ROW_TOTAL or COW_ROW_FOLDED
 *
 * Return: the row; NULL for a reader who may not see it.
 */
const struct cow_row *sums_find(const struct cow_row *row, size_t nr, enum cow_row_kind kind)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (row[i].kind == kind)
			return &row[i];
	return NULL;
}

/**
 * sums_add_up_folded() - add up all recycled rows into one row
 * @row: the rows
 * @nr: how many
 * @folded: filled in
 *
 * Return: false for a reader who may not see recycled rows.
 */
bool sums_add_up_folded(const struct cow_row *row, size_t nr, struct cow_row *folded)
{
	const struct cow_row *rest = sums_find(row, nr, COW_ROW_FOLDED);
	size_t i, c;

	if (!rest)
		return false;
	*folded = *rest;
	for (i = 0; i < nr; i++)
		for (c = 0; row[i].kind == COW_ROW_SUM && c < COWSTAT_NR_COLUMNS; c++)
			if (cow_column_kind(c) != COWSTAT_IDENTITY)
				folded->value[c] += row[i].value[c];
	return true;
}
