/* SPDX-License-Identifier: GPL-2.0 */
/* Processes as a tree, for the views that draw one. */
#ifndef COWSTAT_NODES_H
#define COWSTAT_NODES_H

#include "delta.h"

#define NODES_MAX_DEPTH	64	/* deeper ones are drawn as deep as that */

/**
 * struct node - a process in the tree
 * @row: its row
 * @parent: the process that forked it; NULL for roots
 * @child: its first child; NULL for none
 * @next: the next child of its parent
 */
struct node {
	const struct cow_row *row;
	struct node *parent;
	struct node *child;
	struct node *next;
};

/**
 * struct branches - the lines before a name in the tree
 * @s: NUL-terminated
 */
struct branches {
	char s[2 * NODES_MAX_DEPTH + 1];
};

struct node *nodes_link(struct node *node, const struct cow_row *row, size_t nr,
			const struct cow_index *index);
const struct node *nodes_next(const struct node *node);
struct branches nodes_branches(const struct node *node);

#endif /* COWSTAT_NODES_H */
