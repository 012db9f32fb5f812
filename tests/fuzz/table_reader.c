// SPDX-License-Identifier: GPL-2.0
/* table_reader.c: whatever the text, a table that holds together, or none and a reason. */
#include "fuzz.h"
#include "table_reader.h"

static void check_row(const struct cow_row *row)
{
	int c;

	must(memchr(row->comm, '\0', sizeof(row->comm)) != NULL);
	must(row->pid >= 0 && (row->kind == COW_ROW_PROCESS || !row->pid));
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		must(row->known[c] || !row->value[c]);
}

static void try_input(const char *bytes, size_t n)
{
	size_t room = n % 200 + 1, i;
	char *err = malloc(room); /* a reason is cut to the room there is */
	struct cow_table t;
	int ret;

	must(err != NULL);
	err[0] = '\0';
	ret = cow_table_parse(bytes, n, &t, err, room);
	must(memchr(err, '\0', room) != NULL);
	if (ret)
		must(!t.nr && !t.row && (room == 1 || *err));
	else
		must(t.version == COWSTAT_FORMAT && !*err);
	must(memchr(t.kernel, '\0', sizeof(t.kernel)) && memchr(t.hooks, '\0', sizeof(t.hooks)));
	for (i = 0; i < t.nr; i++) {
		const struct cow_row *found;

		check_row(&t.row[i]);
		if (i >= 32 || t.row[i].kind != COW_ROW_PROCESS)
			continue;
		found = cow_table_find(&t, t.row[i].pid);
		must(found && found->pid == t.row[i].pid);
	}
	(void)cow_table_total(&t);
	cow_table_free(&t);
	must(!t.nr && !t.row);
	free(err);
}
