// SPDX-License-Identifier: GPL-2.0
/* Anonymous pages read before they are written: the zero page is replaced, not copied. */
#include "harness.h"

static char *pages;

static void read_then_write(void *arg)
{
	size_t n = *(size_t *)arg;

	pages = map_untouched(MANY);
	read_pages(pages, n);
	write_pages(pages, n);
}

static void only_write(void *arg)
{
	size_t n = *(size_t *)arg;

	pages = map_untouched(MANY);
	write_pages(pages, n);
}

int main(void)
{
	struct cow_row none, some;

	child_rows(read_then_write, MANY, &none, &some);
	is(GREW(none, some, ZERO_FILLED), MANY, "read, then written: zero_filled");
	is(GREW(none, some, WP_FAULTS), MANY, "read, then written: wp_faults");
	is(GREW(none, some, COPIED), 0, "nothing copied");
	is(GREW(none, some, COPIED_BYTES), 0, "no bytes copied");

	child_rows(only_write, MANY, &none, &some);
	is(GREW(none, some, WP_FAULTS), 0, "written without reading: no write-protect fault");
	return done();
}
