/* SPDX-License-Identifier: GPL-2.0 */
/* What copies were for, as a screen, a document, or a picture. */
#ifndef COWSTAT_VIEW_DIFF_H
#define COWSTAT_VIEW_DIFF_H

#include <jansson.h>
#include <stdio.h>

#include "diff_read.h"
#include "follow.h"
#include "format.h"
#include "share.h"

/**
 * struct diff_counted - what the table counted of the child
 * @by_child: pages that the child copied
 * @by_parent: pages that its parent copied meanwhile
 */
struct diff_counted {
	struct share by_child, by_parent;
};

/**
 * struct diff_report - what is to be shown
 * @pair: the processes
 * @found: what was found
 * @counted: what the table counted; not known without a table
 */
struct diff_report {
	const struct diff_pair *pair;
	const struct amplification *found;
	struct diff_counted counted;
};

void view_diff(FILE *to, const struct diff_report *report);
void view_followed(FILE *to, const struct followed *followed);
struct text view_diff_bucket(unsigned int bucket);
json_t *json_diff(const struct diff_report *report);
json_t *json_followed(const struct followed *followed);
void picture_diff(const struct diff_report *report, const char *path);

#endif /* COWSTAT_VIEW_DIFF_H */
