// SPDX-License-Identifier: GPL-2.0
/*
 * A table of 64 rows under 1 000 short-lived children (5 000 in the long form), half of which
 * fork once more: rows are recycled, their counts go to sums and to the ancestor's desc_*, and the
 * total loses nothing.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define WRITES		3

static char *pages;

/* Add a sum of recycled rows to another. */
static void add(struct cow_row *to, const struct cow_row *sum)
{
	for (size_t c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		to->value[c] += sum->value[c];
		to->known[c] |= sum->known[c];
	}
}

static void fork_if_even(void *arg)
{
	size_t i = (size_t)arg;
	pid_t grandchild;

	if (i % 2)
		return;
	grandchild = fork();
	if (!grandchild) {
		write_pages(pages, WRITES);
		_exit(0);
	}
	waitpid(grandchild, NULL, 0);
}

int main(void)
{
	uint64_t forks = 0, copied = 0, bytes = 0, birth = 0, folded_rows, lost;
	struct cow_table t;
	struct cow_row me, total, folded = {};
	size_t i, rows = 0, children = long_run() ? 5000 : 1000;

	pages = map_pages(WRITES);
	load_module("max_rows=64");
	for (i = 0; i < children; i++)
		wait_child(start_child(fork_if_even, (void *)i));

	t = table_now();
	for (i = 0; i < t.nr; i++) {
		struct cow_row *row = &t.row[i];

		if (row->kind == COW_ROW_FOLDED || row->kind == COW_ROW_SUM)
			add(&folded, row);
		if (row->kind != COW_ROW_PROCESS)
			continue;
		rows++;
		if (row->pid == getpid()) {
			me = *row;
			continue;
		}
		forks += VALUE(*row, FORKS);
		copied += VALUE(*row, ANON_COPIED);
		bytes += VALUE(*row, COPIED_BYTES);
		birth += VALUE(*row, BIRTH_ANON_PAGES);
	}
	total = *cow_table_total(&t);
	folded_rows = t.folded.value;
	lost = t.lost.value;

	is(rows, 64, "the table is full");
	is(t.max_rows.value, 64, "max_rows");
	is(folded_rows, children + children / 2 + 1 - 64, "rows recycled");
	is(lost, 0, "no fault without a row");
	is(VALUE(folded, PROCESSES), folded_rows, "processes in sums");
	is(VALUE(me, FORKS), children, "our forks");
	is(VALUE(total, FORKS), children + children / 2, "all forks, in the total");
	is(VALUE(me, DESC_FORKS) + forks, children / 2, "our descendants' forks");
	is(VALUE(me, DESC_ANON_COPIED), VALUE(folded, ANON_COPIED), "desc_anon_copied");
	is(VALUE(me, DESC_COPIED_BYTES), VALUE(folded, COPIED_BYTES), "desc_copied_bytes");
	is(VALUE(me, DESC_BIRTH_ANON_PAGES), VALUE(folded, BIRTH_ANON_PAGES),
	   "desc_birth_anon_pages");
	is(VALUE(me, DESC_PARENT_COPIED), VALUE(folded, PARENT_COPIED), "desc_parent_copied");
	is(VALUE(me, ANON_COPIED) + VALUE(me, DESC_ANON_COPIED) + copied, VALUE(total, ANON_COPIED),
	   "nothing is missing from the total: pages");
	is(VALUE(me, COPIED_BYTES) + VALUE(me, DESC_COPIED_BYTES) + bytes,
	   VALUE(total, COPIED_BYTES), "nothing is missing from the total: bytes");
	is(VALUE(me, DESC_BIRTH_ANON_PAGES) + birth, VALUE(total, BIRTH_ANON_PAGES),
	   "nothing is missing from the total: births");
	ok(VALUE(total, ANON_COPIED) >= children / 2 * WRITES, "at least what they wrote: %lu",
	   VALUE(total, ANON_COPIED));
	cow_table_free(&t);
	return done();
}
