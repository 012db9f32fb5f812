/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SUM_H
#define COWSTAT_SUM_H

#include "table.h"

int sums_init(unsigned int max_rows);
void sums_exit(void);
void sums_add(const struct row_owner *owner, unsigned int holder, const u64 *value);
void sums_reset(void);
unsigned int sums_max(void);
unsigned int sums_in_use(void);
u64 sums_merged(void);
bool sums_copy(unsigned int index, struct row_copy *copy, enum row_sum_kind *kind);

#endif /* COWSTAT_SUM_H */
