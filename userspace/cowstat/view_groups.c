// SPDX-License-Identifier: GPL-2.0
/* Sums by control group, name or user. */
#include <string.h>

#include "format.h"
#include "view.h"

#define USED_COLUMNS	45	/* left of the name */

/* What does not fit loses its beginning: paths differ at their end. */
static void print_name(const struct screen *screen, const char *name)
{
	size_t room = screen->width > USED_COLUMNS ? screen->width - USED_COLUMNS : 0;
	size_t len, i;

	if (!name)
		name = "(unknown)";
	else if (!*name)
		name = VIEW_NO_NAME;
	len = strlen(name);
	if (room > 2 && len > room) {
		fputs("..", screen->to);
		name += len - (room - 2);
	}
	for (i = 0; name[i]; i++)
		fputc(name[i] < ' ' || name[i] > '~' ? '?' : name[i], screen->to);
	fputc('\n', screen->to);
}

/**
 * view_groups() - print what groups of processes did
 * @screen: where
 * @rows: the processes
 * @by: what makes a group
 * @cgroups: those there are
 * @key: the column whose largest sum comes first
 *
 * Return: 0 or -ENOMEM.
 */
int view_groups(const struct screen *screen, const struct rows *rows, enum grouping by,
		const struct cgroups *cgroups, enum cowstat_column key)
{
	static const char *const title[] = {
		[GROUP_CGROUP] = "CGROUP", [GROUP_COMM] = "COMMAND", [GROUP_UID] = "USER",
	};
	struct group *group;
	size_t i, nr;
	int err;

	err = groups_make(rows, by, cgroups, key, &group, &nr);
	if (err)
		return err;
	view_paint(screen, PAINT_HEAD);
	fprintf(screen->to, "%5s %6s %8s %7s %5s %8s %s", "PROCS", "FORKS", "COPIED",
		"REUSED", "OTHER", screen->human ? "SIZE" : "KIB", title[by]);
	view_end_line(screen);
	for (i = 0; i < nr; i++) {
		struct cow_row *sum = &group[i].sum;

		/* so that the outcomes on the screen are all there are */
		sum->value[COWSTAT_COL_OTHER] += sum->value[COWSTAT_COL_SHARED_WP] +
						 sum->value[COWSTAT_COL_ZERO_FILLED];
		fprintf(screen->to, "%5s %6s %8s %7s %5s %8s ",
			format_fit(group[i].processes, 5).s,
			view_count(screen, sum, COWSTAT_COL_FORKS, 6, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_COPIED, 8, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_REUSED, 7, rows->span_ns).s,
			view_count(screen, sum, COWSTAT_COL_OTHER, 5, rows->span_ns).s,
			view_size(screen, sum, COWSTAT_COL_COPIED_BYTES, 8, rows->span_ns).s);
		print_name(screen, group[i].name);
	}
	groups_free(group, nr);
	return 0;
}
