/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Children that were forked before counting began. The table knows neither their parents nor what
 * they shared at birth. /proc knows their present parents.
 */
#ifndef COWSTAT_LATE_H
#define COWSTAT_LATE_H

#include "options.h"
#include "table_reader.h"

void late_find_parents(struct cow_table *t);
size_t late_count_children(const struct pid_list *parents, uint64_t since_ns);

#endif /* COWSTAT_LATE_H */
