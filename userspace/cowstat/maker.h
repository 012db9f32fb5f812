/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that prints a table as JSON: that of ten thousand rows takes a second, and others need
 * not wait so long.
 */
#ifndef COWSTAT_MAKER_H
#define COWSTAT_MAKER_H

#include "table_reader.h"

struct maker;

struct maker *maker_new(size_t head);
int maker_begin(struct maker *maker, const struct cow_table *t);
bool maker_is_busy(const struct maker *maker);
int maker_fd(const struct maker *maker);
char *maker_take(struct maker *maker, size_t *size);
void maker_free(struct maker *maker);

#endif /* COWSTAT_MAKER_H */
