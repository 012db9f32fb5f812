// SPDX-License-Identifier: GPL-2.0
/* Sums by control group, name or user. */
#include <limits.h>
#include <string.h>

#include "delta.h"
#include "format.h"
#include "utf8.h"
#include "view.h"

#define USED_COLUMNS	45	/* left of the name */
#define MIN_NAME	15	/* width of a name if the terminal is too narrow */

/* If a name does not fit, cut its beginning: paths differ at their end. */
static void print_name(const struct screen *screen, const char *name, unsigned int used)
{
	unsigned int room = UINT_MAX;
	char shown[4096];

	if (!name)
		name = VIEW_OTHER;
	else if (!*name)
		name = VIEW_NO_NAME;
	if (screen->width)
		room = screen->width > used + 1 ? screen->width - used : MIN_NAME;
	utf8_fit(shown, sizeof(shown), name, room, UTF8_KEEP_END);
	fprintf(screen->to, "%s\n", shown);
}

static bool is_shown(enum cowstat_column c)
{
	return c == COWSTAT_COL_FORKS || c == COWSTAT_COL_COPIED || c == COWSTAT_COL_REUSED ||
	       c == COWSTAT_COL_OTHER || c == COWSTAT_COL_COPIED_BYTES ||
	       cow_column_kind(c) == COWSTAT_IDENTITY;
}

/**
 * view_groups() - print sums over groups of processes
 * @screen: where
 * @rows: the processes
 * @by: what makes a group
 * @cgroups: those there are
 * @columns: groups are sorted by the column that is sorted by
 * @limit: at most that many groups
 *
 * Return: 0 or -ENOMEM.
 */
int view_groups(const struct screen *screen, const struct rows *rows, enum grouping by,
		const struct cgroups *cgroups, const struct columns *columns, size_t limit)
{
	static const char *const title[] = {
		[GROUP_CGROUP] = "CGROUP",
		[GROUP_COMM] = "COMMAND",
		[GROUP_UID] = "USER",
	};
	bool added = columns->sort_given && !is_shown(columns->sort);
	unsigned int used = USED_COLUMNS;
	struct group *group;
	size_t i, nr;
	int err;

	err = groups_make(rows, by, cgroups, columns->sort, &group, &nr);
	if (err)
		return err;
	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%5s %6s %8s %7s %5s %8s", "PROCS", "FORKS", "COPIED", "REUSED",
		"OTHER", screen->human ? "SIZE" : "KIB");
	if (added)
		used += fprintf(screen->to, " %*s", view_width(columns->sort),
				view_head(columns->sort).s);
	fprintf(screen->to, " %s", title[by]);
	view_end_line(screen);
	for (i = 0; i < nr && i < limit; i++) {
		struct cow_row *sum = &group[i].sum;

		/* so that the outcomes on the screen add up to WPFAULTS */
		sum->value[COWSTAT_COL_OTHER] += sum->value[COWSTAT_COL_SHARED_WP] +
						 sum->value[COWSTAT_COL_ZERO_FILLED];
		fprintf(screen->to, "%5s %6s %8s %7s %5s %8s", format_fit(group[i].processes, 5).s,
			view_count(screen, sum, COWSTAT_COL_FORKS, 6, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_COPIED, 8, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_REUSED, 7, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_OTHER, 5, rows->span_ns).s,
			view_size(screen, sum, COWSTAT_COL_COPIED_BYTES, 8, rows->span_ns).s);
		if (added)
			fprintf(screen->to, " %*s", view_width(columns->sort),
				view_figure(screen, sum, columns->sort, rows->span_ns).s);
		fputc(' ', screen->to);
		print_name(screen, group[i].name, used);
	}
	groups_free(group, nr);
	return 0;
}
