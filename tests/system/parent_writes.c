// SPDX-License-Identifier: GPL-2.0
/*
 * The parent writes first and pays for the copy; the child, then the only owner of the
 * old page, reuses it. And the other way: once the child has gone, nothing is copied.
 */
#include <unistd.h>

#include "harness.h"

static char *pages;
static size_t n;
static struct gate parent_wrote;

static void write_after_parent(void *arg)
{
	(void)arg;
	gate_wait(&parent_wrote);
	write_pages(pages, n);
}

struct both {
	struct cow_row parent_before, parent_after, child;
};

static struct both parent_first(size_t count)
{
	struct both rows;
	pid_t child;

	n = count;
	parent_wrote = gate_make();
	child = start_child(write_after_parent, NULL);
	rows.parent_before = row_of(getpid());
	write_pages(pages, n);
	rows.parent_after = row_of(getpid());
	gate_open(&parent_wrote);
	wait_child(child);
	rows.child = row_of(child);
	return rows;
}

static void leave(void *arg)
{
	(void)arg;
}

int main(void)
{
	struct both none, many;
	struct cow_row before, again, after;

	pages = map_pages(MANY);
	parent_first(1);
	none = parent_first(0);
	write_pages(pages, MANY);
	many = parent_first(MANY);

	is(GREW(many.parent_before, many.parent_after, COPIED) -
	   GREW(none.parent_before, none.parent_after, COPIED), MANY, "the parent copied");
	is(GREW(many.parent_before, many.parent_after, REUSED) -
	   GREW(none.parent_before, none.parent_after, REUSED), 0, "the parent reused nothing");
	is(GREW(none.child, many.child, COPIED), 0, "the child copied nothing");
	is(GREW(none.child, many.child, REUSED), MANY, "the child reused");
	is(GREW(none.child, many.child, PARENT_COPIED), MANY, "the child's parent_copied");

	/* The child has gone without a write: the pages are ours alone again. */
	write_pages(pages, MANY);
	child_row(leave, NULL);
	before = row_of(getpid());
	again = row_of(getpid());
	write_pages(pages, MANY);
	after = row_of(getpid());
	is(GREW(before, again, WP_FAULTS), 0, "reading the table costs no fault of its own");
	is(GREW(again, after, COPIED), 0, "after the child left: nothing copied");
	is(GREW(again, after, REUSED), MANY, "after the child left: reused");
	return done();
}
