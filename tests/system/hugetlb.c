// SPDX-License-Identifier: GPL-2.0
/* hugetlb pages: copied at their own size, reused once the last sharer has left. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define HUGE	(2UL << 20)
#define N	5

static char *huge;

static char *map_huge(void)
{
	char *pages = mmap(NULL, N * HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < N; i++)
		pages[i * HUGE] = 1;
	return pages;
}

static void write_huge(char *pages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pages[i * HUGE] = 2;
}

static void child_writes(void *arg)
{
	write_huge(huge, *(size_t *)arg);
}

static void write_after_child_left(void *arg)
{
	char *pages = map_huge();

	outlive_child();
	write_huge(pages, *(size_t *)arg);
}

int main(void)
{
	struct cow_row none, some;
	int pool = 0;
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "r+");

	if (!f || fprintf(f, "%d", 3 * N) < 0 || fflush(f) || fseek(f, 0, SEEK_SET) ||
	    fscanf(f, "%d", &pool) != 1 || pool < 3 * N)
		bail("no pool of %d huge pages, but of %d", 3 * N, pool);
	fclose(f);
	huge = map_huge();
	child_rows(child_writes, N, &none, &some);
	is(GREW(none, some, HUGETLB_FAULTS), N, "shared by fork, written: hugetlb_faults");
	is(GREW(none, some, HUGETLB_COPIED), N, "copied");
	is(GREW(none, some, HUGETLB_REUSED), 0, "not reused");
	is(GREW(none, some, COPIED_BYTES), N * HUGE, "copied_bytes: 2 MB each");
	is(GREW(none, some, COPIED), 0, "no 4 KiB page copied");
	is(VALUE(some, BIRTH_HUGETLB_BYTES), N * HUGE, "birth_hugetlb_bytes");

	child_rows(write_after_child_left, N, &none, &some);
	is(GREW(none, some, HUGETLB_FAULTS), N, "the child has left: hugetlb_faults");
	is(GREW(none, some, HUGETLB_REUSED), N, "reused");
	is(GREW(none, some, HUGETLB_COPIED), 0, "nothing copied");
	return done();
}
