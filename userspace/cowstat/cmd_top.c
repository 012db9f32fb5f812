// SPDX-License-Identifier: GPL-2.0
/* cowstat top: read, show, wait for a key, again and again. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cmd_top.h"
#include "top.h"
#include "top_screen.h"

#define NS_PER_MS	1000000ULL

/* The file of settings first; then the command line, which wins. */
static void set_up(struct top *top, struct arguments *a)
{
	char why[128], cgroup_why[PATH_MAX + 128];
	struct columns *columns = &top->set.columns;

	if (top_rc_path(top->rc, sizeof(top->rc)) &&
	    top_rc_read(top->rc, &top->set, why, sizeof(why)))
		top_say(top, "%s: %s; using defaults", top->rc, why);
	top->set.absolute |= a->absolute;
	top->set.human |= a->human;
	top->set.idle |= a->filter.idle;
	top->set.command_line |= a->command_line;
	if (a->interval_ns)
		top->set.interval_ns = a->interval_ns;
	if (a->columns.nr) {
		memcpy(columns->chosen, a->columns.chosen, sizeof(columns->chosen));
		columns->nr = a->columns.nr;
		columns->sort = columns->chosen[0];
	}
	if (a->columns.sort_given)
		columns->sort = a->columns.sort;
	/* the screen frees the regular expression, since its user can type another */
	top->filter = a->filter;
	a->filter.has_comm = false;
	if (a->comm)
		snprintf(top->comm, sizeof(top->comm), "%s", a->comm);
	if (a->cgroup) {
		if (cgroups_locate(a->cgroup, NULL, &top->place, cgroup_why, sizeof(cgroup_why)))
			errx(EXIT_FAILURE, "-G %s: %s", a->cgroup, cgroup_why);
		top->filter.cgroup = top->place.path;
	}
}

/* Show the screen, and do what keys say, until the next reading. */
static void live_until(struct top *top, uint64_t next_ns)
{
	uint64_t now;

	while (!top->quit && !top->wants_read) {
		top_screen_show(top);
		now = now_ns();
		if (!top->frozen && now >= next_ns)
			return;
		/* rounded up, or the last millisecond would be a busy loop */
		now = top->frozen ? NS_PER_S : next_ns - now + NS_PER_MS - 1;
		if (!top_screen_wait(top, now / NS_PER_MS) && !top->frozen)
			return;
	}
}

/**
 * cmd_top() - the live screen
 * @a: what was asked for; the screen takes the regular expression of the filter out of it
 *
 * Return: the exit status.
 */
int cmd_top(struct arguments *a)
{
	struct top top;
	char why[128];
	uint64_t next_ns, i;

	top_init(&top, a->table);
	set_up(&top, a);
	if (top_screen_open(why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	next_ns = now_ns();
	for (i = 0; !top.quit && (!a->count || i < a->count); i++) {
		top_read(&top);
		/* after a key that reads at once, and after a pause, a whole interval again */
		next_ns += top.set.interval_ns;
		if (next_ns < now_ns() || next_ns > now_ns() + top.set.interval_ns)
			next_ns = now_ns() + top.set.interval_ns;
		live_until(&top, next_ns);
	}
	top_screen_close();
	top_free(&top);
	return EXIT_SUCCESS;
}
