/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of lines, as --columns names them. */
#ifndef COWSTAT_COLUMNS_H
#define COWSTAT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_WIDTH	100
#define MAX_COLUMNS	24

/**
 * struct columns - the columns of a line
 * @column: indexes into a table of columns
 * @nr: their number
 */
struct columns {
	unsigned char column[MAX_COLUMNS];
	size_t nr;
};

/**
 * typedef column_name - the name of a column of a table
 * @i: its index
 *
 * Return: the name, or NULL if the table has no such column.
 */
typedef const char *column_name(size_t i);

bool columns_parse(char *list, column_name *name, struct columns *columns, const char **bad);
void columns_list(column_name *name, char *to, size_t size);
int column_print(FILE *to, const char *text, int width, bool last);

#endif /* COWSTAT_COLUMNS_H */
