// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd write protection of pages that nobody shares: each write is a fault that
 * copies nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

#define N 199

static char *pages;
static int uffd;

static void protect(char *from, size_t n, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)from, .len = n * PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		_exit(errno);
}

static void *let_write(void *arg)
{
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			protect((char *)(uintptr_t)(msg.arg.pagefault.address & ~(PAGE - 1)), 1, false);
	return arg;
}

static void write_protected(void *arg)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	pthread_t handler;

	pages = map_pages(N);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)pages;
	reg.range.len = N * PAGE;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&handler, NULL, let_write, NULL))
		_exit(errno);
	protect(pages, N, true);
	write_pages(pages, *(size_t *)arg);
}

int main(void)
{
	struct cow_row none, some;
	size_t n = 0;

	child_row(write_protected, &n);
	child_rows(write_protected, N, &none, &some);
	/* the handler's thread makes a page of stack or heap more or less in either run */
	ok(GREW(none, some, COPIED) + 3 <= 6, "nothing copied: %ld", (long)GREW(none, some, COPIED));
	ok(GREW(none, some, OTHER) >= N, "each write is in other, some twice: %lu of %d",
	   GREW(none, some, OTHER), N);
	return done();
}
