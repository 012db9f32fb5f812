// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "failed.h"

/**
 * failed_add() - add the failed forks of a process to a sum
 * @to: the sum
 * @row: the process's row, or a sum of rows
 */
void failed_add(struct failed *to, const struct cow_row *row)
{
	to->forks += row->value[COWSTAT_COL_FORKS_FAILED];
	to->eagain += row->value[COWSTAT_COL_FORK_EAGAIN];
	to->enomem += row->value[COWSTAT_COL_FORK_ENOMEM];
}

/**
 * failed_of() - get the failed forks of a process
 * @row: the process's row, or a sum of rows
 *
 * Return: their numbers, which are 0 if the table does not know them.
 */
struct failed failed_of(const struct cow_row *row)
{
	struct failed failed = {};

	failed_add(&failed, row);
	return failed;
}

/* Append "3 ENOMEM" to a list. */
static void put(struct text *t, uint64_t n, const char *what)
{
	size_t len = strlen(t->s);

	if (n)
		snprintf(t->s + len, sizeof(t->s) - len, "%s%s %s",
			 t->s[len - 1] == ':' ? " " : ", ", format_fit(n, 4).s, what);
}

/**
 * failed_text() - how many forks failed, and why
 * @failed: at least one
 *
 * Return: "3 forks failed: Cannot allocate memory", or, if they failed for several reasons,
 * "3 forks failed: 1 EAGAIN, 2 ENOMEM"; at most 56 columns.
 */
struct text failed_text(const struct failed *failed)
{
	int error = failed->forks == failed->eagain ? EAGAIN :
		    failed->forks == failed->enomem ? ENOMEM :
						      0;
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.8s fork%s failed:%s%.32s", format_fit(failed->forks, 7).s,
		 failed->forks == 1 ? "" : "s", error ? " " : "", error ? strerror(error) : "");
	if (error)
		return t;
	put(&t, failed->eagain, "EAGAIN");
	put(&t, failed->enomem, "ENOMEM");
	put(&t, failed->forks - failed->eagain - failed->enomem, "other");
	return t;
}
