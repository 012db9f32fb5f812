// SPDX-License-Identifier: GPL-2.0
/*
 * Copies 100 000 pages from many places of the code: tests/bench/name_stacks measures how long
 * tools take to name them. Compiled with frame pointers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096
#define CHILDREN	10
#define PAGES		10000	/* that each child copies */
#define DEPTH		6
#define FUNCTIONS	4

static char *pages;

static void descend(size_t page, size_t path, int depth);

/* Four functions that call each other: each page is written by one of 4096 paths. */
#define STEP(NAME)                                                             \
	static __attribute__((noinline)) void NAME(size_t page, size_t path, int depth) \
	{                                                                      \
		descend(page, path, depth);                                    \
		__asm__ volatile("");                                          \
	}
STEP(north)
STEP(east)
STEP(south)
STEP(west)

static __attribute__((noinline)) void descend(size_t page, size_t path, int depth)
{
	static void (*const step[FUNCTIONS])(size_t page, size_t path, int depth) = { north, east,
										      south, west };

	if (depth)
		step[path % FUNCTIONS](page, path / FUNCTIONS, depth - 1);
	else
		pages[page * PAGE] = 1;
	__asm__ volatile("");
}

int main(void)
{
	size_t page;

	pages = aligned_alloc(PAGE, (size_t)PAGES * PAGE);
	if (!pages) {
		perror("many_stacks");
		return 1;
	}
	memset(pages, 1, (size_t)PAGES * PAGE);
	for (int child = 0; child < CHILDREN; child++) {
		if (!fork()) {
			for (page = 0; page < PAGES; page++)
				descend(page, page, DEPTH);
			_exit(0);
		}
		wait(NULL);
	}
	return 0;
}
