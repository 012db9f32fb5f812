// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that fork found swapped out. Whoever writes one while both still need it reads it
 * back and copies it, though no write-protect fault was taken: do_swap_page() hands the page
 * to do_wp_page() itself. Whoever is left alone reads it back and owns it.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define N	499

static char *pages;

static void swap_out(char *from, size_t n)
{
	size_t out = 0, i;

	for (int tries = 0; tries < 100 && out < n; tries++) {
		if (madvise(from, n * PAGE, MADV_PAGEOUT))
			bail("MADV_PAGEOUT: this kernel cannot swap");
		for (i = 0, out = 0; i < n; i++)
			out += !!(pagemap_of(getpid(), from + i * PAGE) & PAGEMAP_SWAPPED);
	}
	if (out < n)
		bail("only %zu of %zu pages were swapped out", out, n);
}

static void child_writes(void *arg)
{
	size_t n = *(size_t *)arg;

	for (size_t i = 0; i < n; i++) {
		if (pages[i * PAGE + 1] != (char)(i + 1))
			_exit(1);
		pages[i * PAGE] = 2;
	}
}

static void child_only_writes(void *arg)
{
	write_pages(pages, *(size_t *)arg);
}

static void try_child(const char *how, work_fn *work)
{
	struct cow_row none, some;
	size_t zero = 0, n = N;

	swap_out(pages, N);
	none = child_row(work, &zero);
	swap_out(pages, N);
	some = child_row(work, &n);
	is(VALUE(some, BIRTH_SWAP_ENTRIES), N, "%s: birth_swap_entries", how);
	is(GREW(none, some, WP_FAULTS), N, "%s: wp_faults", how);
	is(GREW(none, some, COPIED), N, "%s: copied", how);
	is(GREW(none, some, ANON_COPIED), N, "%s: anon_copied", how);
	is(GREW(none, some, REMOTE), 0, "%s: not remote", how);
}

int main(void)
{
	struct cow_row before, after;

	swap_on();
	pages = map_pages(N);
	for (size_t i = 0; i < N; i++)
		memset(pages + i * PAGE, i + 1, PAGE);
	try_child("read back, then written", child_writes);
	try_child("written at once", child_only_writes);

	swap_out(pages, N);
	start_row();
	before = row_of(getpid());
	write_pages(pages, N);
	after = row_of(getpid());
	is(GREW(before, after, COPIED), 0, "the child has left: nothing copied");
	swap_off();
	return done();
}
