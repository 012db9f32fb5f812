// SPDX-License-Identifier: GPL-2.0
/* What cowbench measured: how it is kept and found. */
#include <stdlib.h>
#include <string.h>

#include "result.h"

#define FIGURE_NAME(ID, name)	[FIGURE_##ID] = #name,
static const char *const figure_names[NR_FIGURES] = { FIGURES(FIGURE_NAME) };

/**
 * figure_name() - what a figure is called
 * @figure: one of enum figure
 *
 * Return: its name.
 */
const char *figure_name(enum figure figure)
{
	return figure_names[figure];
}

/**
 * page_kind_name() - what a kind of page is called, on the command line and in JSON
 * @kind: the kind
 *
 * Return: its name.
 */
const char *page_kind_name(enum page_kind kind)
{
	static const char *const name[NR_PAGE_KINDS] = {
		[PAGES_4K] = "4k", [PAGES_THP] = "thp", [PAGES_HUGETLB] = "hugetlb",
	};

	return name[kind];
}

/**
 * result_subject() - one of the things that were compared
 * @r: the result
 * @key: its name
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
 * subject_series() - what was measured of a subject
 * @s: the subject
 * @name: of a figure or of a column
 *
 * Return: the series, or NULL if there is no such thing.
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
 * result_free() - give back what a result holds
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
