// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "nodes.h"

/**
 * nodes_link() - link every process to its parent
 * @node: room for @nr nodes; those of the rows, in the same order
 * @row: rows of processes, in the order that siblings are to have
 * @nr: how many
 * @index: of @row
 *
 * Return: the first node without a parent; NULL if there are no rows.
 */
struct node *nodes_link(struct node *node, const struct cow_row *row, size_t nr,
			const struct cow_index *index)
{
	struct node *roots = NULL, **to;
	const struct cow_row *parent;
	size_t i;

	/* From the last to the first, each put before its siblings, so that order is kept. */
	for (i = nr; i-- > 0;) {
		node[i].row = &row[i];
		parent = cow_index_parent(index, &row[i]);
		to = &roots;
		if (parent) {
			node[i].parent = &node[parent - row];
			to = &node[i].parent->child;
		}
		node[i].next = *to;
		*to = &node[i];
	}
	return roots;
}

/**
 * nodes_next() - walk over the tree, parents before their children
 * @node: the last one
 *
 * Return: the node after it, or NULL.
 */
const struct node *nodes_next(const struct node *node)
{
	if (node->child)
		return node->child;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}

/**
 * nodes_branches() - draw how a process hangs in the tree
 * @node: the process
 *
 * Return: "| " below an ancestor that has more children, "`-" before its last child; "" for a root.
 */
struct branches nodes_branches(const struct node *node)
{
	const struct node *path[NODES_MAX_DEPTH];
	unsigned int depth = 0, i;
	struct branches b = { "" };

	for (; node->parent && depth < NODES_MAX_DEPTH; node = node->parent)
		path[depth++] = node;
	for (i = depth; i-- > 0;)
		if (i)
			strcat(b.s, path[i]->next ? "| " : "  ");
		else
			strcat(b.s, path[i]->next ? "|-" : "`-");
	return b;
}
