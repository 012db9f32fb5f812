// SPDX-License-Identifier: GPL-2.0
/* N pages written by a child after fork: exactly N copied, in the child's row. */
#include <unistd.h>

#include "harness.h"

struct writing {
	char *pages;
	size_t n;
};

static void write_some(void *arg)
{
	struct writing *w = arg;

	write_pages(w->pages, w->n);
}

int main(void)
{
	struct writing w = { .pages = map_pages(2 * MANY) };
	static const size_t counts[] = { 1, 2, 17, 509, MANY, 2 * MANY };
	struct cow_row none, some, me = row_of(getpid()), me_after;
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		w.n = 0;
		none = child_row(write_some, &w);
		w.n = counts[i];
		some = child_row(write_some, &w);
		is(GREW(none, some, COPIED), w.n, "%zu pages written: copied", w.n);
		is(GREW(none, some, ANON_COPIED), w.n, "%zu pages written: anon_copied", w.n);
		is(GREW(none, some, WP_FAULTS), w.n, "%zu pages written: wp_faults", w.n);
		is(GREW(none, some, COPIED_BYTES), w.n * PAGE, "%zu pages written: copied_bytes",
		   w.n);
		is(GREW(none, some, REUSED), 0, "%zu pages written: none reused", w.n);
		is(GREW(none, some, ZERO_FILLED), 0, "%zu pages written: none zero_filled", w.n);
		is(GREW(none, some, OTHER), 0, "%zu pages written: no other", w.n);
		is(VALUE(some, PPID), getpid(), "its parent is us");
		is(VALUE(some, PRE_EXEC_COPIED), VALUE(some, ANON_COPIED),
		   "all of it before exec, since it never did");
		ok(VALUE(some, BIRTH_ANON_PAGES) >= 2 * MANY &&
			   VALUE(some, BIRTH_ANON_PAGES) < 2 * MANY + 1200,
		   "birth_anon_pages %lu is the region and a little",
		   VALUE(some, BIRTH_ANON_PAGES));
		ok(VALUE(some, BIRTH_PGTABLES_BYTES) >= 2 * MANY * 8,
		   "birth_pgtables_bytes %lu holds 8 bytes a page",
		   VALUE(some, BIRTH_PGTABLES_BYTES));
		ok(VALUE(some, FORK_NS) > 1000, "fork took time: %lu ns", VALUE(some, FORK_NS));
		ok(some.state == 'X', "it has exited");
	}
	me_after = row_of(getpid());
	is(GREW(me, me_after, FORKS), 2 * i, "our forks");
	return done();
}
