/* SPDX-License-Identifier: GPL-2.0 */
/* Single faults, one line or one JSON object for each. */
#ifndef COWSTAT_FAULTS_H
#define COWSTAT_FAULTS_H

#include <stddef.h>
#include <stdio.h>

#include "columns.h"
#include "cow.h"

const char *outcome_name(unsigned int outcome);
int outcome_by_name(const char *name);
const char *mapping_kind_name(unsigned int kind);

const char *fault_column_name(size_t i);
void print_fault_header(FILE *to, const struct columns *columns);
void print_fault(FILE *to, const struct columns *columns, const struct cow_event *e);
void print_fault_json(FILE *to, const struct cow_event *e);

#endif /* COWSTAT_FAULTS_H */
