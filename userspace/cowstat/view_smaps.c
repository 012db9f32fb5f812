// SPDX-License-Identifier: GPL-2.0
/* What was counted for a process, and beside it what it has resident now. */
#include <string.h>

#include "format.h"
#include "smaps.h"
#include "view.h"

struct event {
	enum cowstat_column column;
	const char *name;
};

static const struct event events[] = {
	{ COWSTAT_COL_BIRTH_ANON_PAGES, "private, shared at birth" },
	{ COWSTAT_COL_ANON_COPIED, "copied by it" },
	{ COWSTAT_COL_INHERITED_COPIED, "  pages of its ancestors" },
	{ COWSTAT_COL_PARENT_COPIED, "copied by its parent" },
	{ COWSTAT_COL_REUSED, "reused, not copied" },
	{ COWSTAT_COL_ZERO_FILLED, "zero-filled, not copied" },
	{ COWSTAT_COL_FILE_COPIED, "private file pages copied" },
};

static const enum smaps_figure levels[ARRAY_SIZE(events)] = {
	SMAPS_RSS,	    SMAPS_PSS,		 SMAPS_ANONYMOUS, SMAPS_SHARED_DIRTY,
	SMAPS_SHARED_CLEAN, SMAPS_PRIVATE_DIRTY, SMAPS_SWAP,
};

/* Print what is private without a copy: new memory, or memory that no other process maps now. */
static void print_rest(const struct screen *screen, const struct cow_row *row,
		       const struct smaps *smaps)
{
	uint64_t dirty = smaps->bytes[SMAPS_PRIVATE_DIRTY];
	uint64_t copied = row->value[COWSTAT_COL_COPIED_BYTES] +
			  COWSTAT_PAGE_BYTES * row->value[COWSTAT_COL_PARENT_COPIED];

	fprintf(screen->to,
		"  Private_Dirty less what was copied: %s. That is new memory, or\n"
		"  memory that no other process shares any more; it is not copy-on-write.\n",
		format_size(dirty > copied ? dirty - copied : 0).s);
}

static void print_process(const struct screen *screen, const struct cow_row *row,
			  const struct smaps *smaps)
{
	size_t i;

	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%d %s", row->pid, format_printable(row->comm).s);
	view_end_line(screen);
	fprintf(screen->to, "  %-26s %10s %10s   %-15s %10s\n", "events, counted", "pages", "size",
		"resident", "now");
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		enum cowstat_column c = events[i].column;
		bool known = row->known[c];

		fprintf(screen->to, "  %-26s %10s %10s   %-15s %10s\n", events[i].name,
			known ? format_fit(row->value[c], 10).s : COWSTAT_UNKNOWN,
			known ? format_size(row->value[c] * COWSTAT_PAGE_BYTES).s : COWSTAT_UNKNOWN,
			smaps_names[levels[i]], format_size(smaps->bytes[levels[i]]).s);
	}
	print_rest(screen, row, smaps);
}

/**
 * view_smaps() - print a block per process
 * @screen: where
 * @rows: the processes
 */
void view_smaps(const struct screen *screen, const struct rows *rows)
{
	struct smaps smaps;
	size_t i;
	int err;

	for (i = 0; i < rows->nr; i++) {
		const struct cow_row *row = rows->row[i];

		if (i)
			fputc('\n', screen->to);
		if (row->state == 'X') {
			fprintf(screen->to, "%d %s: it has exited and has nothing resident\n",
				row->pid, format_printable(row->comm).s);
			continue;
		}
		err = smaps_read(row->pid, &smaps);
		if (err)
			fprintf(screen->to, "%d %s: cannot read its smaps_rollup: %s\n", row->pid,
				format_printable(row->comm).s, strerror(-err));
		else
			print_process(screen, row, &smaps);
	}
}
