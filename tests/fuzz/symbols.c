// SPDX-License-Identifier: GPL-2.0
/*
 * symbols.c, on a table of the kernel's symbols and on a file with code: a stranger's process
 * may map whatever it likes. The first byte chooses.
 */
#include <sys/mman.h>

#include "fuzz.h"
#include "../../userspace/cowtrace/symbols.c"

static void try_kernel(const char *bytes, size_t n)
{
	struct symbols *s = calloc(1, sizeof(*s));
	FILE *f = file_of(bytes, n);
	uint64_t address;
	size_t i;

	must(s != NULL);
	read_kernel(s, f);
	fclose(f);
	for (i = 0; i < s->kernel.nr; i++) {
		address = s->kernel.symbol[i].address;
		must(address && find(&s->kernel, address));
		must(!i || address >= s->kernel.symbol[i - 1].address);
	}
	must(!find(&s->kernel, 0));
	(void)symbols_kernel(s, UINT64_MAX);
	symbols_free(s);
}

static void try_image(const char *bytes, size_t n)
{
	struct image image = {};
	int fd = memfd_create("image", MFD_CLOEXEC);
	size_t i;

	must(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	read_image(&image, fd);
	close(fd);
	must(image.nr_segments <= 16);
	for (i = 0; i < image.table.nr; i++)
		(void)find(&image.table, image.table.symbol[i].address);
	free_table(&image.table);
}

static void try_input(const char *bytes, size_t n)
{
	static int begun;

	if (!begun++)
		elf_version(EV_CURRENT);
	if (!n)
		return;
	if (*bytes == 'k')
		try_kernel(bytes + 1, n - 1);
	else
		try_image(bytes + 1, n - 1);
}
