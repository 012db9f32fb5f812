// SPDX-License-Identifier: GPL-2.0
/* Access to the parts of a result. */
#include <stdlib.h>
#include <string.h>

#include "result.h"

#define FIGURE_NAME(ID, name)	[FIGURE_##ID] = #name,
static const char *const figure_names[NR_FIGURES] = { FIGURES(FIGURE_NAME) };

/**
 * figure_name() - name of a figure
 * @figure: the figure
 *
 * Return: its name.
 */
const char *figure_name(enum figure figure)
{
	return figure_names[figure];
}

/**
 * page_kind_name() - name of a kind of pages, on the command line and in JSON
 * @kind: the kind
 *
 * Return: its name.
 */
const char *page_kind_name(enum page_kind kind)
{
	static const char *const name[NR_PAGE_KINDS] = {
		[PAGES_4K] = "4k",
		[PAGES_THP] = "thp",
		[PAGES_HUGETLB] = "hugetlb",
	};

	return name[kind];
}

/**
 * result_subject() - find a subject of a result
 * @r: the result
 * @key: the key of the subject
 *
 * Return: the subject, or NULL.
 */
const struct subject *result_subject(const struct result *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->nr; i++)
		if (!strcmp(r->subject[i].key, key))
			return &r->subject[i];
	return NULL;
}

/**
 * subject_series() - find the values of a figure or a column
 * @s: the subject
 * @name: name of the figure or the column
 *
 * Return: the series, or NULL if there is no such figure or column.
 */
const struct series *subject_series(const struct subject *s, const char *name)
{
	int column = cow_column_by_name(name);
	size_t i;

	for (i = 0; i < NR_FIGURES; i++)
		if (!strcmp(figure_names[i], name))
			return &s->figure[i];
	return column < 0 ? NULL : &s->column[column];
}

/**
 * result_free() - free the memory that a result holds
 * @r: empty afterwards
 */
void result_free(struct result *r)
{
	size_t i, j;

	for (i = 0; i < r->nr; i++) {
		for (j = 0; j < NR_FIGURES; j++)
			series_free(&r->subject[i].figure[j]);
		for (j = 0; j < COWSTAT_NR_COLUMNS; j++)
			series_free(&r->subject[i].column[j]);
	}
	free(r->point);
	memset(r, 0, sizeof(*r));
}
