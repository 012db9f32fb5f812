// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "children.h"
#include "delta.h"
#include "share.h"

static bool goes_on(const struct cow_row *row, const struct cow_index *index)
{
	const struct cow_row *parent;

	if (row->kind != COW_ROW_PROCESS || row->state != 'L' ||
	    !row->known[COWSTAT_COL_BIRTH_ANON_PAGES] || !row->known[COWSTAT_COL_EXECS] ||
	    row->value[COWSTAT_COL_EXECS] || row->value[COWSTAT_COL_FORKS] ||
	    row->value[COWSTAT_COL_VFORKS])
		return false;
	parent = cow_index_parent(index, row);
	return parent && parent->state == 'L';
}

static struct child child_of(const struct cow_row *row, const struct cgroups *cgroups)
{
	const char *cgroup = NULL;
	struct child child = {
		.pid = row->pid,
		.shared = COWSTAT_PAGE_BYTES * share_at_birth(row).pages,
		.copied = COWSTAT_PAGE_BYTES *
			  (share_copied_by_child(row).pages + share_copied_by_parent(row).pages),
		.kept = COWSTAT_PAGE_BYTES * share_kept(row).pages,
	};

	if (row->known[COWSTAT_COL_CGROUP])
		cgroup = cgroups_path(cgroups, row->value[COWSTAT_COL_CGROUP]);
	snprintf(child.comm, sizeof(child.comm), "%s", row->comm);
	snprintf(child.cgroup, sizeof(child.cgroup), "%s", cgroup ? cgroup : "");
	return child;
}

/* Insert a child in order. If the list is full, drop the child that copied least. */
static void insert(struct children *children, const struct child *child)
{
	size_t at = children->nr;

	while (at && children->child[at - 1].copied < child->copied)
		at--;
	if (at == CHILDREN_MAX)
		return;
	if (children->nr < CHILDREN_MAX)
		children->nr++;
	memmove(&children->child[at + 1], &children->child[at],
		(children->nr - 1 - at) * sizeof(*child));
	children->child[at] = *child;
}

/**
 * children_find() - find the children that keep using their parent's memory
 * @t: the table
 * @cgroups: those there are
 * @children: filled in
 *
 * Return: 0 or -ENOMEM.
 */
int children_find(const struct cow_table *t, const struct cgroups *cgroups,
		  struct children *children)
{
	struct cow_index index;
	struct child child;
	size_t i;
	int err;

	children->nr = 0;
	err = cow_index_make(t->row, t->nr, &index);
	if (err)
		return err;
	for (i = 0; i < t->nr; i++) {
		if (!goes_on(&t->row[i], &index))
			continue;
		child = child_of(&t->row[i], cgroups);
		insert(children, &child);
	}
	cow_index_free(&index);
	return 0;
}

/**
 * children_most_copied() - the bytes copied for the child that caused most copies
 * @children: the children that live
 *
 * Return: bytes that it and its parent copied; 0 when there is none.
 */
uint64_t children_most_copied(const struct children *children)
{
	return children->nr ? children->child[0].copied : 0;
}

static void print_gauge(const struct children *children, const struct metrics *m, const char *name,
			const char *help, size_t offset)
{
	char pid[16], value[24];
	size_t i;

	metrics_family(m, name, "gauge", "bytes", help);
	for (i = 0; i < children->nr; i++) {
		const struct child *child = &children->child[i];
		const struct metrics_label label[] = {
			{ "pid", pid },
			{ "comm", child->comm },
			{ "cgroup", child->cgroup },
		};

		snprintf(pid, sizeof(pid), "%d", child->pid);
		snprintf(value, sizeof(value), "%" PRIu64,
			 *(const uint64_t *)((const char *)child + offset));
		metrics_labels(m, name, "gauge", label, 3, value);
	}
}

/**
 * children_print() - print gauges of each child
 * @children: those that live
 * @m: where
 */
void children_print(const struct children *children, const struct metrics *m)
{
	print_gauge(children, m, "child_shared_bytes",
		    "Private memory shared when a live child was forked.",
		    offsetof(struct child, shared));
	print_gauge(children, m, "child_copied_bytes",
		    "Memory that a live child and its parent copied since the fork.",
		    offsetof(struct child, copied));
	print_gauge(children, m, "child_kept_bytes",
		    "Memory shared at the fork that the child never copied.",
		    offsetof(struct child, kept));
}
