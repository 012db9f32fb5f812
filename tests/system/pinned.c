// SPDX-License-Identifier: GPL-2.0
/*
 * Pages pinned by a device, here an io_uring's registered buffer: fork must copy them at
 * once, for the child. The forker's fork_copied; and not in birth_anon_pages.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"

#define N	211

static char *pages;

static void fork_pinned(void *arg)
{
	size_t n = *(size_t *)arg;
	struct io_uring_params params;
	struct iovec iov = { pages, n * PAGE };
	int ring;

	pages = map_pages(N);
	iov.iov_base = pages;
	memset(&params, 0, sizeof(params));
	ring = syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0 ||
	    (n && syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1)))
		_exit(errno);
	outlive_child();
}

int main(void)
{
	struct cow_row none, some, child_none, child_some;
	uint64_t shared;
	size_t n = 0;

	child_row(fork_pinned, &n); /* our heap has its size once it was read */
	row_of_child_of(getpid());
	none = child_row(fork_pinned, &n);
	child_none = row_of_child_of(none.pid);
	n = N;
	some = child_row(fork_pinned, &n);
	child_some = row_of_child_of(some.pid);
	is(GREW(none, some, FORK_COPIED), N, "fork_copied, the forker's");
	is(GREW(none, some, COPIED_BYTES), N * PAGE, "copied_bytes");
	is(VALUE(child_some, FORK_COPIED), 0, "not the child's");
	shared = VALUE(child_none, BIRTH_ANON_PAGES) - VALUE(child_some, BIRTH_ANON_PAGES);
	ok(shared + 2 >= N && shared <= N + 2,
	   "nor shared at birth: %lu less, but for our heap's growth", shared);
	is(VALUE(some, REMOTE), 0, "nothing remote about it");
	return done();
}
