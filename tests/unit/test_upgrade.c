// SPDX-License-Identifier: GPL-2.0
/*
 * An older tool with a newer module, and a newer tool with an older module. The tool is this
 * tree's; the other module's table is made from the contract's columns, more or fewer.
 */
#include "tables.h"

#include <errno.h>

#include "delta.h"
#include "json.h"
#include "table_json.h"
#include "openmetrics.h"
#include "view.h"

/* One figure more in the header, a hook more, two columns more; comm is the last as ever. */
#define NEWER_HEADER									\
	"# cowstat 1 kernel=9.9 counting=on timing=off epoch=1 since_ns=5 now_ns=9 "	\
	"numa_nodes=2 colour=blue rows=2 max_rows=64 folded=0 lost=0 missed=0 "		\
	"hooks=wp,copy,reuse,pud\n"

/* A module that knows of no huge pages, and does not tell of births. */
#define OLDER	"# pid state start_ns wp_faults copied reused copied_bytes comm\n"

static char text[8192];

/* A value for each column, so that a column taken for another is seen. */
static size_t cell(char *to, enum cowstat_column c, unsigned int row)
{
	if (c == COWSTAT_COL_STATE)
		return sprintf(to, "%s", row ? "X" : "L");
	if (c == COWSTAT_COL_COMM)
		return sprintf(to, "name-%u", row);
	return sprintf(to, "%u", 1000 * (row + 1) + c);
}

/* The table of a module that has @extra columns which we do not know, before comm. */
static const char *table_with(const char *header, unsigned int extra)
{
	char *to = text;
	unsigned int i, row;
	int c;

	to += sprintf(to, "%s#", header);
	for (c = 0; c < COWSTAT_NR_COLUMNS - 1; c++)
		to += sprintf(to, " %s", cow_column_name(c));
	for (i = 0; i < extra; i++)
		to += sprintf(to, " pud_%u", i);
	to += sprintf(to, " comm\n");
	for (row = 0; row < 2; row++) {
		for (c = 0; c < COWSTAT_NR_COLUMNS - 1; c++) {
			to += cell(to, c, row);
			*to++ = ' ';
		}
		for (i = 0; i < extra; i++)
			to += sprintf(to, "%s ", i ? "-" : "0x/blue");
		to += cell(to, COWSTAT_COL_COMM, row);
		*to++ = '\n';
	}
	*to = '\0';
	return text;
}

static const struct columns usual = { .sort = COWSTAT_COL_COPIED_BYTES };

static void show(FILE *f, const struct cow_table *t)
{
	const struct screen screen = { .to = f, .width = 80 };
	const struct metrics metrics = { .to = f, .format = METRICS_OPENMETRICS };
	const struct cow_row *row[8];
	struct rows rows = { .row = row, .now_ns = t->now_ns.value };

	for (; rows.nr < t->nr; rows.nr++)
		row[rows.nr] = &t->row[rows.nr];
	view_rows(&screen, &rows, &usual);
	view_forks(&screen, &rows, &usual);
	assert_int_equal(view_tree(&screen, &rows, &usual), 0);
	metrics_table(&metrics, t, NULL);
	metrics_end(&metrics);
}

/* All that is shown of a table. */
static char *shown(const char *table)
{
	struct cow_table t = table_of(table);
	FILE *f = output_begin();
	char *copy;

	show(f, &t);
	cow_table_free(&t);
	copy = strdup(output_end(f));
	assert_non_null(copy);
	return copy;
}

static void columns_of_a_newer_module(void **state)
{
	char *ours, *newer;

	(void)state;
	ours = shown(table_with(AT(1, 5, 9), 0));
	newer = shown(table_with(AT(1, 5, 9), 2));
	assert_string_equal(newer, ours);
	assert_non_null(strstr(ours, "name-1"));
	free(newer);
	free(ours);
}

static void header_of_a_newer_module(void **state)
{
	struct cow_table t;

	(void)state;
	t = table_of(table_with(NEWER_HEADER, 2));
	assert_string_equal(t.kernel, "9.9");
	assert_string_equal(t.hooks, "wp,copy,reuse,pud");
	assert_int_equal(t.max_rows.value, 64);
	assert_int_equal(t.nr, 2);
	cow_table_free(&t);
}

static void columns_an_older_module_has_not(void **state)
{
	char *out;

	(void)state;
	out = shown(AT(1, 5, 9) OLDER "7 L 1 31 20 11 81920 sh\n* - - 31 20 11 81920 -\n");
	if (!strstr(out, "      7 L     -       31       20      11     -     -         80 sh\n"))
		fail_msg("what is missing is not \"-\" in:\n%s", out);
	assert_non_null(strstr(out, "cowstat_copied_bytes_total 81920\n"));
	assert_null(strstr(out, "cowstat_thp"));
	free(out);
}

static void json_of_an_older_module(void **state)
{
	struct cow_table t;
	const struct cow_row *row;
	struct rows rows = { .row = &row, .nr = 1 };
	json_t *report, *first;

	(void)state;
	t = table_of(AT(1, 5, 9) OLDER "7 L 1 31 20 11 81920 sh\n");
	row = &t.row[0];
	report = json_report(&t);
	json_set_rows(report, &rows);
	first = json_array_get(json_object_get(report, "rows"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "copied")), 20);
	assert_true(json_is_null(json_object_get(first, "thp_split")));
	json_decref(report);
	cow_table_free(&t);
}

/* Between two readings another module was loaded: a gap, and no column is taken for another. */
static void upgraded_between_two_readings(void **state)
{
	struct cow_table before, now;
	struct cow_delta delta;

	(void)state;
	before = table_of(AT(1, 5, 1000) OLDER "7 L 1 31 20 11 81920 sh\n");
	now = table_of(table_with(AT(1, 1500, 2000), 2));
	assert_int_equal(cow_delta_make(&before, &now, &delta), 0);
	assert_true(delta.gap);
	assert_int_equal(delta.row[0].value[COWSTAT_COL_COPIED], 1000 + COWSTAT_COL_COPIED);
	cow_delta_free(&delta);
	cow_table_free(&before);
	cow_table_free(&now);
}

/* What cannot be read is refused, with what to do about it. */
static void another_format(void **state)
{
	struct cow_table t;
	char why[256];
	const char *newer = "# cowstat 2 kernel=k\n# pid comm\n";

	(void)state;
	assert_int_equal(cow_table_parse(newer, strlen(newer), &t, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "the table is of version 2, this program reads version 1"));
	assert_non_null(strstr(why, "use the tools that came with the module"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_a_newer_module),
		cmocka_unit_test(header_of_a_newer_module),
		cmocka_unit_test(columns_an_older_module_has_not),
		cmocka_unit_test(json_of_an_older_module),
		cmocka_unit_test(upgraded_between_two_readings),
		cmocka_unit_test(another_format),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
