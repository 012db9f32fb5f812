// SPDX-License-Identifier: GPL-2.0
/*
 * The parent writes first and pays for the copy; the child, then the only owner of the
 * old page, reuses it. And once the child has gone, the parent reuses. Parent and child
 * are both children of ours: who reads the table writes pages of its own.
 */
#include "harness.h"

struct family {
	size_t n;
	char *pages;
	struct gate parent_wrote;
};

static void write_after_parent(void *arg)
{
	struct family *family = arg;

	gate_wait(&family->parent_wrote);
	write_pages(family->pages, family->n);
}

static void write_before_child(void *arg)
{
	struct family *family = arg;
	pid_t child;

	family->pages = map_pages(MANY);
	child = start_child(write_after_parent, family);
	touch_stack();
	write_pages(family->pages, family->n);
	gate_open(&family->parent_wrote);
	wait_child(child);
}

static void write_after_child_left(void *arg)
{
	char *pages = map_pages(MANY);

	outlive_child();
	write_pages(pages, *(size_t *)arg);
}

int main(void)
{
	struct family zero = { .n = 0, .parent_wrote = gate_make() };
	struct family many = { .n = MANY, .parent_wrote = gate_make() };
	struct cow_row none, some, child_none, child_some;

	none = child_row(write_before_child, &zero);
	child_none = row_of_child_of(none.pid);
	some = child_row(write_before_child, &many);
	child_some = row_of_child_of(some.pid);
	is(GREW(none, some, COPIED), MANY, "the parent copied");
	is(GREW(none, some, REUSED), 0, "the parent reused nothing");
	is(GREW(child_none, child_some, COPIED), 0, "the child copied nothing");
	is(GREW(child_none, child_some, REUSED), MANY, "the child reused");
	is(GREW(child_none, child_some, PARENT_COPIED), MANY, "the child's parent_copied");

	child_rows(write_after_child_left, MANY, &none, &some);
	is(GREW(none, some, COPIED), 0, "after the child left: nothing copied");
	is(GREW(none, some, REUSED), MANY, "after the child left: reused");
	return done();
}
