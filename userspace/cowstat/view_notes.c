// SPDX-License-Identifier: GPL-2.0
/* Below the table: explain copies other than the usual ones after a fork. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "delta.h"
#include "failed.h"
#include "format.h"
#include "share.h"
#include "utf8.h"
#include "view.h"

#define NAME_WIDTH	15
#define FEW_PAGES	16	/* each process copies a few pages of its stack and libc */

/* Print a line about a process: 24 columns name the process, at most 56 explain. */
__attribute__((format(printf, 4, 5))) static void
note(const struct screen *screen, const struct cow_row *row, bool *any, const char *format, ...)
{
	char name[4 * NAME_WIDTH];
	unsigned int used;
	va_list args;

	if (!*any)
		fputs("\nAlso:\n", screen->to);
	*any = true;
	used = utf8_fit(name, sizeof(name), *row->comm ? row->comm : VIEW_NO_NAME, NAME_WIDTH,
			UTF8_KEEP_BEGIN);
	fprintf(screen->to, "%7d %s%*s ", row->pid, name, (int)(NAME_WIDTH - used), "");
	va_start(args, format);
	vfprintf(screen->to, format, args);
	va_end(args);
	fputc('\n', screen->to);
}

static bool grew(const struct cow_row *row, enum cowstat_column column)
{
	return row->known[column] && row->value[column];
}

/**
 * struct family - what the rows of a process's children tell about the process
 * @while_children: pages that it copied between the birth of each child and that child's exec or
 *	exit
 * @fork_ns: how long its forks took
 */
struct family {
	uint64_t while_children;
	uint64_t fork_ns;
};

/* Pages pinned for DMA cannot be shared: fork copies them, and takes long. */
static void note_pinned(const struct screen *screen, const struct cow_row *row,
			const struct family *family, bool *any)
{
	uint64_t pages = row->value[COWSTAT_COL_FORK_COPIED];
	bool once = row->value[COWSTAT_COL_FORKS] == 1 && family->fork_ns;

	note(screen, row, any, "fork copied %s pinned page%s (%s)%s%s", format_fit(pages, 7).s,
	     pages == 1 ? "" : "s", format_size(pages * COWSTAT_PAGE_BYTES).s, once ? " in " : "",
	     once ? format_duration(family->fork_ns).s : "");
}

static void note_row(const struct screen *screen, const struct cow_row *row,
		     const struct family *family, bool *any)
{
	uint64_t while_children = family->while_children;
	const uint64_t *v = row->value;
	uint64_t own = share_own_copied(row).pages;

	if (grew(row, COWSTAT_COL_UNSHARED))
		note(screen, row, any, "%s unshared for readers from outside or pinning",
		     format_count(v[COWSTAT_COL_UNSHARED], "page", "pages").s);
	if (grew(row, COWSTAT_COL_KSM_COPIED))
		note(screen, row, any, "%s copied that KSM had merged",
		     format_count(v[COWSTAT_COL_KSM_COPIED], "page", "pages").s);
	if (grew(row, COWSTAT_COL_REMOTE))
		note(screen, row, any, "%s taken by other processes",
		     format_count(v[COWSTAT_COL_REMOTE], "fault", "faults").s);
	if (grew(row, COWSTAT_COL_FORK_COPIED))
		note_pinned(screen, row, family, any);
	if (grew(row, COWSTAT_COL_THP_SPLIT))
		note(screen, row, any, "%s split by writes",
		     format_count(v[COWSTAT_COL_THP_SPLIT], "huge page", "huge pages").s);
	/* If a process was forked before counting began, we do not know all its children. */
	while_children += v[COWSTAT_COL_DESC_PARENT_COPIED];
	if (row->known[COWSTAT_COL_PARENT_START_NS] && grew(row, COWSTAT_COL_FORKS) &&
	    own > while_children + FEW_PAGES)
		note(screen, row, any, "at least %s copied, with no child left",
		     format_count(own - while_children, "own page", "own pages").s);
}

/**
 * view_notes() - print notes on other copies, and on processes whose forks failed
 * @screen: where
 * @rows: those that are shown, as counts since counting began
 * @failed: processes whose forks failed, shown or not
 * @all: all rows of the table
 * @nr: how many
 *
 * Return: 0 or -ENOMEM.
 */
int view_notes(const struct screen *screen, const struct rows *rows, const struct rows *failed,
	       const struct cow_row *all, size_t nr)
{
	struct family *family = calloc(nr + 1, sizeof(*family));
	const struct cow_row *parent;
	struct cow_index index = {};
	struct failed forks;
	bool any = false;
	size_t i;
	int err = -ENOMEM;

	if (!family)
		return err;
	err = cow_index_make(all, nr, &index);
	for (i = 0; i < nr && !err; i++) {
		parent = all[i].kind == COW_ROW_PROCESS ? cow_index_parent(&index, &all[i]) : NULL;
		if (!parent)
			continue;
		family[parent - all].while_children += share_copied_by_parent(&all[i]).pages;
		family[parent - all].fork_ns += all[i].value[COWSTAT_COL_FORK_NS];
	}
	for (i = 0; i < rows->nr && !err; i++)
		if (rows->row[i]->kind == COW_ROW_PROCESS)
			note_row(screen, rows->row[i], &family[rows->row[i] - all], &any);
	for (i = 0; i < failed->nr && !err; i++) {
		forks = failed_of(failed->row[i]);
		note(screen, failed->row[i], &any, "%s", failed_text(&forks).s);
	}
	cow_index_free(&index);
	free(family);
	return err;
}
