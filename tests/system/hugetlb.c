// SPDX-License-Identifier: GPL-2.0
/* hugetlb pages: copied at their own size, reused once the last sharer has left. */
#include <sys/mman.h>
#include <sys/wait.h>
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

struct exhausted {
	char *pages;
	struct gate born, go;
};

static void write_then_end(void *arg)
{
	write_huge(((struct exhausted *)arg)->pages, 1);
}

static void read_when_told(void *arg)
{
	struct exhausted *e = arg;

	gate_open(&e->born);
	gate_wait(&e->go);
	read_pages(e->pages, 1);
}

/*
 * No page is left for a copy. A child that writes is killed. When the parent writes, whose
 * mapping was promised its pages, the kernel takes them from the child, reuses the parent's,
 * and kills the child when it next looks.
 */
static void pool_exhausted(void)
{
	struct exhausted e = { map_huge(), gate_make(), gate_make() };
	struct cow_row before, after;
	int status;
	pid_t pid;

	pid = start_child(write_then_end, &e);
	waitpid(pid, &status, 0);
	after = row_of(pid);
	ok(WIFSIGNALED(status), "pool exhausted, the child writes: killed, status 0x%x", status);
	ok(VALUE(after, HUGETLB_OTHER) >= 1, "hugetlb_other: %lu", VALUE(after, HUGETLB_OTHER));
	is(VALUE(after, HUGETLB_COPIED), 0, "nothing copied");

	pid = start_child(read_when_told, &e);
	gate_wait(&e.born);
	start_row();
	before = row_of(getpid());
	write_huge(e.pages, N);
	after = row_of(getpid());
	is(GREW(before, after, HUGETLB_REUSED), N,
	   "the parent writes: reused, at its child's cost");
	is(GREW(before, after, HUGETLB_COPIED), 0, "nothing copied");
	note("the parent's hugetlb_other: %lu", GREW(before, after, HUGETLB_OTHER));
	gate_open(&e.go);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status), "the child looks at it: killed, status 0x%x", status);
}

int main(void)
{
	struct cow_row none, some;

	set_huge_pool(3 * N);
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

	munmap(huge, N * HUGE);
	set_huge_pool(N);
	pool_exhausted();
	return done();
}
