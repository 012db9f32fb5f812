/* SPDX-License-Identifier: GPL-2.0 */
/* Where the table is read from: the module's file, or the BPF programs' pinned iterator. */
#ifndef COWSTAT_SOURCE_H
#define COWSTAT_SOURCE_H

#include "table_reader.h"

const char *source_path(const char *word);
const char *source_option(const char *word);
void source_read(const char *path, struct cow_table *t);

#endif /* COWSTAT_SOURCE_H */
