// SPDX-License-Identifier: GPL-2.0
/* MAP_SHARED: a write-protect fault there is dirty tracking, never a copy. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

static int fd;

static void read_then_write(void *arg)
{
	size_t n = *(size_t *)arg;
	char *pages = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	read_pages(pages, n);
	write_pages(pages, n);
}

int main(void)
{
	struct cow_row none, some;

	fd = open("/mnt/ext4/shared_file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, MANY * PAGE) || fsync(fd))
		bail("cannot make /mnt/ext4/shared_file");
	child_rows(read_then_write, MANY, &none, &some);
	is(GREW(none, some, SHARED_WP), MANY, "ext4: shared_wp");
	is(GREW(none, some, COPIED), 0, "ext4: nothing copied");
	is(GREW(none, some, REUSED), 0, "ext4: nothing reused");
	is(GREW(none, some, OTHER), 0, "ext4: no other");
	close(fd);

	/* tmpfs does no dirty tracking: its shared pages are mapped writable at once. */
	fd = open("/tmp/shared_file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, MANY * PAGE))
		bail("cannot make /tmp/shared_file");
	child_rows(read_then_write, MANY, &none, &some);
	is(GREW(none, some, COPIED), 0, "tmpfs: nothing copied");
	is(GREW(none, some, REUSED), 0, "tmpfs: nothing reused");
	is(GREW(none, some, WP_FAULTS), GREW(none, some, SHARED_WP),
	   "tmpfs: its write-protect faults, if any, are shared_wp");
	return done();
}
