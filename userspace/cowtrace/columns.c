// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "columns.h"

/**
 * columns_parse() - parse a list of columns
 * @list: names with commas between them; changed
 * @name: the columns that there are
 * @columns: result
 * @bad: result: the name that is no column, or that is one too many
 *
 * Return: true if all of them are columns.
 */
bool columns_parse(char *list, column_name *name, struct columns *columns, const char **bad)
{
	char *word;
	size_t i;

	columns->nr = 0;
	while ((word = strsep(&list, ","))) {
		for (i = 0; name(i); i++)
			if (!strcmp(word, name(i)))
				break;
		*bad = word;
		if (!name(i) || columns->nr == MAX_COLUMNS)
			return false;
		columns->column[columns->nr++] = i;
	}
	return true;
}

/**
 * columns_list() - list the names of all columns
 * @name: the columns that there are
 * @to: result
 * @size: size of @to
 */
void columns_list(column_name *name, char *to, size_t size)
{
	size_t i, n = 0;

	for (i = 0; name(i) && n < size; i++)
		n += snprintf(to + n, size - n, "%s%s", i ? ", " : "", name(i));
}

/**
 * column_print() - print a column
 * @to: the stream
 * @text: what is in it
 * @width: its width; negative if it is left-aligned
 * @last: it is the last one of its line, which is not filled up with spaces
 *
 * Return: how many characters were printed.
 */
int column_print(FILE *to, const char *text, int width, bool last)
{
	if (last)
		return width < 0 ? fprintf(to, "%s\n", text) : fprintf(to, "%*s\n", width, text);
	return fprintf(to, "%*s ", width, text);
}
