/* SPDX-License-Identifier: GPL-2.0 */
/* The rows of a table, or of a difference of two, that are sums. */
#ifndef COWSTAT_SUMS_H
#define COWSTAT_SUMS_H

#include "table_reader.h"

const struct cow_row *sums_find(const struct cow_row *row, size_t nr, enum cow_row_kind kind);
bool sums_add_up_folded(const struct cow_row *row, size_t nr, struct cow_row *folded);

#endif /* COWSTAT_SUMS_H */
