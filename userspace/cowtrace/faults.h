/* SPDX-License-Identifier: GPL-2.0 */
/* Single faults, one line or one JSON object for each. */
#ifndef COWSTAT_FAULTS_H
#define COWSTAT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cow.h"

const char *outcome_name(unsigned int outcome);
int outcome_by_name(const char *name);
const char *mapping_kind_name(unsigned int kind);

#define MAX_FAULT_COLUMNS	16

/**
 * struct fault_columns - the columns of a line for a fault
 * @column: indexes into the table of columns
 * @nr: their number
 */
struct fault_columns {
	unsigned char column[MAX_FAULT_COLUMNS];
	size_t nr;
};

bool parse_fault_columns(char *list, struct fault_columns *columns, const char **bad);
void list_fault_columns(char *to, size_t size);
void print_fault_header(FILE *to, const struct fault_columns *columns);
void print_fault(FILE *to, const struct fault_columns *columns, const struct cow_event *e);
void print_fault_json(FILE *to, const struct cow_event *e);

#endif /* COWSTAT_FAULTS_H */
