/* SPDX-License-Identifier: GPL-2.0 */
/* Tables for unit tests, out of their text. Columns left out are unknown. */
#ifndef COWSTAT_TEST_TABLES_H
#define COWSTAT_TEST_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table_reader.h"

#define AT(epoch, since, now)								\
	"# cowstat 1 kernel=6.12.1-test counting=on timing=off epoch=" #epoch		\
	" since_ns=" #since " now_ns=" #now " rows=2 max_rows=64 folded=1 lost=0"	\
	" missed=0 hooks=wp,copy,fork\n"

static inline struct cow_table table_of(const char *text)
{
	struct cow_table t;
	char why[256];

	if (cow_table_parse(text, strlen(text), &t, why, sizeof(why)))
		fail_msg("%s", why);
	return t;
}

/* What is printed between the two calls; valid until the next. */
static char *output_text;
static size_t output_size;

static inline FILE *output_begin(void)
{
	FILE *f;

	free(output_text);
	output_text = NULL;
	f = open_memstream(&output_text, &output_size);
	assert_non_null(f);
	return f;
}

static inline const char *output_end(FILE *f)
{
	assert_int_equal(fclose(f), 0);
	return output_text;
}

#endif /* COWSTAT_TEST_TABLES_H */
