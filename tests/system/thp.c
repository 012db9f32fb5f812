// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages: one that fork shares is split by the first write, and one 4 KiB
 * page is copied, not 2 MB. One whose last sharer has left is reused whole.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define HUGE	(2UL << 20)
#define N	7
#define ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"

static char *map_huge(void)
{
	char *region = mmap(NULL, (N + 1) * HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *huge = (char *)(((uintptr_t)region + HUGE - 1) & ~(HUGE - 1));

	if (region == MAP_FAILED || madvise(huge, N * HUGE, MADV_HUGEPAGE))
		_exit(1);
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

static void write_after_child_left(void *arg)
{
	char *huge = map_huge();

	outlive_child();
	write_huge(huge, *(size_t *)arg);
}

int main(void)
{
	int fd = open(ENABLED, O_WRONLY);
	struct cow_row none, some;

	if (fd < 0 || write(fd, "madvise", 7) != 7)
		bail("cannot switch on transparent huge pages");
	close(fd);
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
	return done();
}
