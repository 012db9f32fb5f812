// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd write protection. Of pages that nobody shares each write is a fault that copies
 * nothing; shared ones are copied once the write is let through. In asynchronous mode (from
 * 6.7 on, commit d61ea1cb0095) the kernel lets it through by itself, in the same fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC	(1 << 15)
#endif

#define N 199

static char *pages, *shared;
static int uffd;

static void *let_write(void *arg)
{
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			uffd_protect(uffd,
				     (void *)(uintptr_t)(msg.arg.pagefault.address & ~(PAGE - 1)),
				     PAGE, false);
	return arg;
}

/* Protect the pages; without async, a thread lets each write through. */
static void protect_all(char *from, bool async)
{
	pthread_t handler;

	pages = from;
	uffd = uffd_open(pages, N * PAGE, UFFDIO_REGISTER_MODE_WP,
			 UFFD_FEATURE_PAGEFAULT_FLAG_WP | (async ? UFFD_FEATURE_WP_ASYNC : 0));
	if (!async && pthread_create(&handler, NULL, let_write, NULL))
		_exit(errno);
	uffd_protect(uffd, pages, N * PAGE, true);
}

static void write_own(void *arg)
{
	protect_all(map_pages(N), false);
	write_pages(pages, *(size_t *)arg);
}

static void write_shared(void *arg)
{
	protect_all(shared, false);
	write_pages(pages, *(size_t *)arg);
}

static void write_own_async(void *arg)
{
	protect_all(map_pages(N), true);
	write_pages(pages, *(size_t *)arg);
}

static void write_shared_async(void *arg)
{
	protect_all(shared, true);
	write_pages(pages, *(size_t *)arg);
}

static bool has_async(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	bool has = fd >= 0 && !ioctl(fd, UFFDIO_API, &api);

	close(fd);
	return has;
}

/* The handler's thread makes a page of stack or heap more or less in either run. */
static bool is_about(int64_t got, int64_t want)
{
	return got >= want - 3 && got <= want + 3;
}

int main(void)
{
	struct cow_row none, some;
	size_t n = 0;

	shared = map_pages(N);
	child_row(write_own, &n);
	child_rows(write_own, N, &none, &some);
	ok(is_about(GREW(none, some, COPIED), 0), "its own pages: nothing copied: %ld",
	   (long)GREW(none, some, COPIED));
	ok(GREW(none, some, OTHER) >= N, "each write is in other, some twice: %lu of %d",
	   GREW(none, some, OTHER), N);
	child_rows(write_shared, N, &none, &some);
	ok(is_about(GREW(none, some, COPIED), N), "shared pages: copied: %lu of %d",
	   GREW(none, some, COPIED), N);
	ok(GREW(none, some, OTHER) >= N, "after a fault each in other: %lu",
	   GREW(none, some, OTHER));

	is(has_async(), !kernel_before(6, 7), "asynchronous write protection from 6.7 on");
	if (!has_async())
		return done();
	child_rows(write_own_async, N, &none, &some);
	is(GREW(none, some, COPIED), 0, "asynchronous, its own pages: not copied");
	is(GREW(none, some, REUSED), N, "asynchronous, its own pages: reused");
	is(GREW(none, some, OTHER), 0, "asynchronous, its own pages: none in other");
	child_rows(write_shared_async, N, &none, &some);
	is(GREW(none, some, COPIED), N, "asynchronous, shared pages: copied");
	is(GREW(none, some, OTHER), 0, "asynchronous, shared pages: none in other");
	return done();
}
