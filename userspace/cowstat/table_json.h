/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table, sums and bills as JSON. Members have the names of columns. A value that is not known
 * is null. Times (*_ns) are strings of digits, since they may have 64 bits.
 */
#ifndef COWSTAT_TABLE_JSON_H
#define COWSTAT_TABLE_JSON_H

#include <jansson.h>

#include "bill.h"
#include "smaps.h"
#include "table_reader.h"
#include "view.h"

#define JSON_SCHEMA	1

json_t *json_report(const struct cow_table *t);
void json_set_rows(json_t *report, const struct rows *rows);
void json_set_sum(json_t *report, const char *name, const struct cow_row *row);
int json_table(const struct cow_table *t, FILE *to);
void json_set_span(json_t *report, uint64_t span_ns, bool gap);
void json_set_groups(json_t *report, enum grouping by, const struct group *group, size_t nr);
void json_set_smaps(json_t *report, size_t at, const struct smaps *smaps);
void json_set_run_times(json_t *report, const struct rows *rows);
json_t *json_bill(const struct bill *bill, char *const *argv, int exit_status, uint64_t elapsed_ns);

#endif /* COWSTAT_TABLE_JSON_H */
