// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a private file mapping. Read before they are written: copied, though no fork
 * had a part in it, so not anon_copied. Written at once: file_copied, and no
 * write-protect fault at all.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

static int fd;

static char *map_file(void)
{
	char *pages = mmap(NULL, MANY * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	madvise(pages, MANY * PAGE, MADV_NOHUGEPAGE);
	return pages;
}

static void read_then_write(void *arg)
{
	size_t n = *(size_t *)arg;
	char *pages = map_file();

	read_pages(pages, n);
	write_pages(pages, n);
}

static void only_write(void *arg)
{
	write_pages(map_file(), *(size_t *)arg);
}

static void try_on(const char *name, const char *path)
{
	struct cow_row none, some;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, MANY * PAGE))
		bail("cannot make %s", path);
	child_rows(read_then_write, MANY, &none, &some);
	is(GREW(none, some, COPIED), MANY, "%s: copied", name);
	is(GREW(none, some, ANON_COPIED), 0, "%s: not anon_copied", name);
	is(GREW(none, some, COPIED_BYTES), MANY * PAGE, "%s: copied_bytes", name);
	is(GREW(none, some, ZERO_FILLED), 0, "%s: not zero_filled", name);
	is(GREW(none, some, FILE_COPIED), 0, "%s: not file_copied", name);

	child_rows(only_write, MANY, &none, &some);
	is(GREW(none, some, FILE_COPIED), MANY, "%s, written at once: file_copied", name);
	is(GREW(none, some, WP_FAULTS), 0, "%s, written at once: no write-protect fault", name);
	is(GREW(none, some, COPIED_BYTES), MANY * PAGE, "%s, written at once: copied_bytes", name);
	close(fd);
	unlink(path);
}

int main(void)
{
	try_on("tmpfs", "/tmp/private_file");
	try_on("page cache", "/mnt/ext4/private_file");
	return done();
}
