// SPDX-License-Identifier: GPL-2.0
/*
 * pre_exec_copied stops at the first exec; an exec by a thread that is not the leader
 * keeps the process's row; the pages copied before exec are as few at 64 MB as at 1 MB.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define BEFORE 71

static char *pages;

/* Write, exec ourselves, and in the new program share pages and write again. */
static void write_and_exec(void *arg)
{
	write_pages(pages, *(size_t *)arg);
	execl("/proc/self/exe", "exec", "again", NULL);
	_exit(127);
}

static void *exec_true(void *arg)
{
	(void)arg;
	execl("/bin/true", "true", NULL);
	_exit(127);
}

static void exec_by_thread(void *arg)
{
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, exec_true, NULL))
		_exit(1);
	pthread_join(thread, NULL);
}

static void exec_at_once(void *arg)
{
	(void)arg;
	exec_true(NULL);
}

static void nothing(void *arg)
{
	(void)arg;
}

static int again(void)
{
	char *more = map_pages(MANY);
	pid_t pid = start_child(nothing, NULL);

	write_pages(more, MANY); /* copied or reused, as the child is quick or slow */
	wait_child(pid);
	return 0;
}

int main(int argc, char **argv)
{
	struct cow_row none, some, small, large;
	uint64_t more;

	if (argc > 1 && !strcmp(argv[1], "again"))
		return again();

	pages = map_pages(256);
	child_rows(write_and_exec, BEFORE, &none, &some);
	is(GREW(none, some, PRE_EXEC_COPIED), BEFORE,
	   "pre_exec_copied is what was copied before exec");
	is(VALUE(some, EXECS), 1, "one exec");
	ok(VALUE(some, ANON_COPIED) >= VALUE(some, PRE_EXEC_COPIED), "and stands still after it");
	is(VALUE(some, FORKS), 2,
	   "it forked after exec (the harness once, the test once): same row");

	some = child_row(exec_by_thread, NULL);
	is(VALUE(some, EXECS), 1, "exec by a thread: same row, one exec");
	is(VALUE(some, PPID), getpid(), "exec by a thread: same parent");
	ok(!strcmp(some.comm, "true"), "exec by a thread: the new name, %s", some.comm);

	small = child_row(exec_at_once, NULL);
	map_pages(64 << 8);
	large = child_row(exec_at_once, NULL);
	is(VALUE(large, PRE_EXEC_COPIED), VALUE(small, PRE_EXEC_COPIED),
	   "64 MB more to share, the same %lu pages copied before exec",
	   VALUE(small, PRE_EXEC_COPIED));
	/* and a page or two that their parent has touched in between */
	more = GREW(small, large, BIRTH_ANON_PAGES);
	ok(more >= 64 << 8 && more <= (64 << 8) + 2, "64 MB more shared at birth: %lu pages", more);
	return done();
}
