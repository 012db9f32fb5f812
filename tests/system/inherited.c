// SPDX-License-Identifier: GPL-2.0
/*
 * inherited_copied: whose page was copied. A child that writes its parent's pages copies
 * inherited ones. A process whose own child shares the pages that it made copies its own.
 */
#include <string.h>

#include "harness.h"

#define N	509

static char *pages; /* made by us, or by whoever does the work */

static void write_given(void *arg)
{
	write_pages(pages, *(size_t *)arg);
}

/* Our child's child: two forks away from whoever made the pages. */
static void pass_on(void *arg)
{
	wait_child(start_child(write_given, arg));
}

/* Pages that the worker makes, and writes again while its own child shares them. */
static void write_own_shared(void *arg)
{
	struct gate go = gate_make();
	char *own = map_pages(N);
	pid_t child = start_child(wait_at_gate, &go);

	touch_stack();
	write_pages(own, *(size_t *)arg);
	gate_open(&go);
	wait_child(child);
}

/* Inherited pages, copied once: the copies are the worker's own, whoever shares them. */
static void write_copies_again(void *arg)
{
	struct gate go = gate_make();
	pid_t child;

	write_pages(pages, N);
	child = start_child(wait_at_gate, &go);
	touch_stack();
	write_pages(pages, *(size_t *)arg);
	gate_open(&go);
	wait_child(child);
}

static void compare(const char *name, work_fn *work, size_t copied, size_t inherited)
{
	struct cow_row none, some;

	child_rows(work, N, &none, &some);
	is(GREW(none, some, ANON_COPIED), copied, "%s: anon_copied", name);
	is(GREW(none, some, INHERITED_COPIED), inherited, "%s: inherited_copied", name);
}

static void compare_grandchild(void)
{
	size_t zero = 0, n = N;
	struct cow_row none, some;

	none = row_of_child_of(child_row(pass_on, &zero).pid);
	some = row_of_child_of(child_row(pass_on, &n).pid);
	is(GREW(none, some, ANON_COPIED), N, "a grandchild: anon_copied");
	is(GREW(none, some, INHERITED_COPIED), N, "a grandchild: inherited_copied");
}

int main(void)
{
	pages = map_pages(N);
	compare("a child writes its parent's pages", write_given, N, N);
	compare_grandchild();
	compare("a parent writes its own pages", write_own_shared, N, 0);
	compare("a child writes its copies again", write_copies_again, N, 0);
	return done();
}
