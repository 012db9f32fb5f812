// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages: one that fork shares is split by the first write, and one 4 KiB
 * page is copied, not 2 MB. One whose last sharer has left is reused whole.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define HUGE	(2UL << 20)
#define N	7
#define THP	"/sys/kernel/mm/transparent_hugepage/"

static char *map_huge_untouched(void)
{
	char *region = mmap(NULL, (N + 1) * HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *huge = (char *)(((uintptr_t)region + HUGE - 1) & ~(HUGE - 1));

	if (region == MAP_FAILED || madvise(huge, N * HUGE, MADV_HUGEPAGE))
		_exit(1);
	return huge;
}

static char *map_huge(void)
{
	char *huge = map_huge_untouched();

	for (size_t i = 0; i < N; i++)
		huge[i * HUGE] = 1;
	return huge;
}

static void write_huge(char *huge, size_t n)
{
	for (size_t i = 0; i < n; i++)
		huge[i * HUGE + 5 * PAGE] = 2;
}

static char *shared;

static void child_writes(void *arg)
{
	write_huge(shared, *(size_t *)arg);
}

static void child_writes_pages(void *arg)
{
	write_pages(shared, *(size_t *)arg);
}

static void write_after_child_left(void *arg)
{
	char *huge = map_huge();

	outlive_child();
	write_huge(huge, *(size_t *)arg);
}

/* Read first: each is the one huge page of zeroes that all processes share. */
static void write_zero_pages(void *arg)
{
	char *huge = map_huge_untouched();

	for (size_t i = 0; i < N; i++)
		read_pages(huge + i * HUGE, 1);
	write_huge(huge, *(size_t *)arg);
}

/*
 * Huge zero pages are split like others, and one 4 KiB page of each is zeroed; since 6.13
 * a whole huge page takes its place (do_huge_zero_wp_pmd()), told by thp_other alone.
 */
static void huge_zero_pages(void)
{
	struct cow_row none, some;

	child_rows(write_zero_pages, N, &none, &some);
	note("huge zero pages: split %lu, other %lu, zero_filled %lu", GREW(none, some, THP_SPLIT),
	     GREW(none, some, THP_OTHER), GREW(none, some, ZERO_FILLED));
	is(GREW(none, some, THP_FAULTS), N, "huge zero pages: thp_faults");
	is(GREW(none, some, THP_SPLIT) + GREW(none, some, THP_OTHER), N, "split or replaced whole");
	is(GREW(none, some, ZERO_FILLED), GREW(none, some, THP_SPLIT), "zero_filled where split");
	is(GREW(none, some, COPIED), 0, "nothing copied");
}

#define FOLIO	(64UL << 10)

/* A folio of 16 pages, mapped one by one: from 6.8 on (commit 19eaf44954df). */
static void multi_size(void)
{
	static size_t n = N * FOLIO / PAGE;
	struct cow_row none, some;

	if (access(THP "hugepages-64kB", F_OK)) {
		ok(kernel_before(6, 8), "this kernel has no multi-size THP");
		return;
	}
	set_file(THP "hugepages-64kB/enabled", "madvise");
	set_file(THP "hugepages-2048kB/enabled", "never");
	shared = map_huge_untouched();
	write_pages(shared, n);
	child_rows(child_writes_pages, n, &none, &some);
	is(GREW(none, some, COPIED), n, "64 KiB folios: copied page by page");
	is(GREW(none, some, COPIED_BYTES), n * PAGE, "64 KiB folios: copied_bytes");
	is(GREW(none, some, THP_FAULTS), 0, "64 KiB folios: no thp_faults");
	set_file(THP "hugepages-2048kB/enabled", "inherit");
}

int main(void)
{
	struct cow_row none, some;

	if (!has_thp()) {
		start_row();
		none = row_of(getpid());
		ok(!none.known[COWSTAT_COL_THP_FAULTS] && !none.known[COWSTAT_COL_THP_SPLIT],
		   "a kernel without transparent huge pages: their columns are not known");
		return done();
	}
	set_file(THP "enabled", "madvise");
	shared = map_huge();
	child_rows(child_writes, N, &none, &some);
	is(GREW(none, some, THP_FAULTS), N, "shared by fork, written: thp_faults");
	is(GREW(none, some, THP_SPLIT), N, "shared by fork, written: split");
	is(GREW(none, some, THP_REUSED), 0, "shared by fork, written: not reused");
	is(GREW(none, some, COPIED), N, "and one 4 KiB page of each copied");
	is(GREW(none, some, COPIED_BYTES), N * PAGE, "copied_bytes: not 2 MB each");

	child_rows(write_after_child_left, N, &none, &some);
	is(GREW(none, some, THP_FAULTS), N, "the child has left: thp_faults");
	is(GREW(none, some, THP_REUSED), N, "the child has left: reused whole");
	is(GREW(none, some, THP_SPLIT), 0, "the child has left: nothing split");

	huge_zero_pages();
	multi_size();
	return done();
}
