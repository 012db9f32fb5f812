// SPDX-License-Identifier: GPL-2.0
/* symbols.c, on a table of the kernel's symbols. */
#include "fuzz.h"
#include "../../userspace/cowtrace/symbols.c"

static void try_input(const char *bytes, size_t n)
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
