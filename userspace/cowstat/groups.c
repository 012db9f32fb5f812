// SPDX-License-Identifier: GPL-2.0
/* Rows added up by what their processes have in common. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "user.h"
#include "view.h"

#define NAME_BYTES	512

static const char *cgroup_name(const struct cow_row *row, const struct cgroups *cgroups,
			       char *buffer)
{
	const char *path;

	if (!row->known[COWSTAT_COL_CGROUP])
		return NULL;
	path = cgroups_path(cgroups, row->value[COWSTAT_COL_CGROUP]);
	if (path)
		cgroups_readable(buffer, NAME_BYTES, path);
	else /* it was removed, or lies outside our cgroup namespace */
		snprintf(buffer, NAME_BYTES, "(no path: id %" PRIu64 ")",
			 row->value[COWSTAT_COL_CGROUP]);
	return buffer;
}

static const char *uid_name(const struct cow_row *row, char *buffer)
{
	if (!row->known[COWSTAT_COL_UID])
		return NULL;
	snprintf(buffer, NAME_BYTES, "%s", user_name(row->value[COWSTAT_COL_UID]).s);
	return buffer;
}

/* The name of a row's group; NULL if the row does not know it. */
static const char *group_name(const struct cow_row *row, enum grouping by,
			      const struct cgroups *cgroups, char *buffer)
{
	if (by == GROUP_CGROUP)
		return cgroup_name(row, cgroups, buffer);
	if (by == GROUP_UID)
		return uid_name(row, buffer);
	return row->known[COWSTAT_COL_COMM] ? row->comm : NULL;
}

static void add(struct group *group, const struct cow_row *row)
{
	enum cowstat_column c;

	group->processes += row->kind == COW_ROW_PROCESS ? 1 : row->value[COWSTAT_COL_PROCESSES];
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		if (cow_column_kind(c) == COWSTAT_IDENTITY || !row->known[c])
			continue;
		group->sum.known[c] = true;
		group->sum.value[c] += row->value[c];
	}
}

struct named {
	char *name;
	const struct cow_row *row;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (!x->name || !y->name)
		return !x->name - !y->name;
	return strcmp(x->name, y->name);
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct group *x = a, *y = b;
	const enum cowstat_column key = *(enum cowstat_column *)arg;

	if (!x->name || !y->name)
		return !x->name - !y->name; /* the unknown last */
	if (x->sum.value[key] != y->sum.value[key])
		return x->sum.value[key] < y->sum.value[key] ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Make a group for every name, from rows that are sorted by name. Takes ownership of the names. */
static size_t collect(struct named *named, size_t nr, struct group *group)
{
	size_t i, n = 0;

	for (i = 0; i < nr; i++) {
		if (n && !by_name(&named[i], &(struct named){ .name = group[n - 1].name })) {
			free(named[i].name);
		} else {
			group[n++] = (struct group){
				.name = named[i].name,
				.sum.kind = COW_ROW_FOLDED,
			};
		}
		add(&group[n - 1], named[i].row);
	}
	return n;
}

/**
 * groups_make() - add up rows that have something in common
 * @rows: the rows
 * @by: what they have in common
 * @cgroups: those there are, for GROUP_CGROUP
 * @key: the column whose largest sum comes first
 * @group: to be freed with groups_free()
 * @nr: how many
 *
 * Rows and sums for which this is not known form one group without a name, which comes last.
 *
 * Return: 0 or -ENOMEM.
 */
int groups_make(const struct rows *rows, enum grouping by, const struct cgroups *cgroups,
		enum cowstat_column key, struct group **group, size_t *nr)
{
	char buffer[NAME_BYTES];
	struct named *named;
	const char *name;
	size_t i;

	named = calloc(rows->nr + 1, sizeof(*named));
	*group = calloc(rows->nr + 1, sizeof(**group));
	if (!named || !*group)
		goto no_memory;
	for (i = 0; i < rows->nr; i++) {
		named[i].row = rows->row[i];
		name = group_name(rows->row[i], by, cgroups, buffer);
		named[i].name = name ? strdup(name) : NULL;
		if (name && !named[i].name)
			goto free_names;
	}
	qsort(named, rows->nr, sizeof(*named), by_name);
	*nr = collect(named, rows->nr, *group);
	free(named);
	qsort_r(*group, *nr, sizeof(**group), by_key, &key);
	return 0;

free_names:
	while (i--)
		free(named[i].name);
no_memory:
	free(named);
	free(*group);
	*group = NULL;
	return -ENOMEM;
}

/**
 * groups_free() - give the memory back
 * @group: the result of groups_make()
 * @nr: how many
 */
void groups_free(struct group *group, size_t nr)
{
	while (nr)
		free(group[--nr].name);
	free(group);
}
