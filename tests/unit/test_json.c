// SPDX-License-Identifier: GPL-2.0
/* json.c, utf8.c and table_json.c: documents read back by a strict parser, hostile names and numbers. */
#include "tables.h"

#include "json.h"
#include "table_json.h"
#include "utf8.h"

#define COLUMNS	"# pid state start_ns copied copied_bytes fork_ns comm\n"

static json_t *document;

static int free_document(void **state)
{
	(void)state;
	json_decref(document);
	document = NULL;
	return 0;
}

/* Print what a table's rows become, and read it back. */
static void convert(const char *text, bool line)
{
	struct cow_table t = table_of(text);
	const struct cow_row *row[64];
	struct rows rows = { .row = row };
	json_t *report = json_report(&t);
	json_error_t error;
	const char *out;
	FILE *f;

	for (rows.nr = 0; rows.nr < t.nr; rows.nr++)
		row[rows.nr] = &t.row[rows.nr];
	json_set_span(report, line ? 1500000000 : 0, false);
	json_set_rows(report, &rows);
	json_set_sum(report, "total", cow_table_total(&t));
	f = output_begin();
	assert_int_equal(json_write(f, report, line), 0);
	out = output_end(f);
	document = json_loads(out, JSON_REJECT_DUPLICATES, &error);
	if (!document)
		fail_msg("%s in %s", error.text, out);
	if (line)
		assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	cow_table_free(&t);
}

static json_t *row(size_t i)
{
	return json_array_get(json_object_get(document, "rows"), i);
}

static void expect_text(json_t *object, const char *name, const char *wanted)
{
	json_t *value = json_object_get(object, name);

	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), wanted);
}

static void expect_number(json_t *object, const char *name, json_int_t wanted)
{
	json_t *value = json_object_get(object, name);

	assert_true(json_is_integer(value));
	assert_true(json_integer_value(value) == wanted);
}

static void header_and_rows(void **state)
{
	json_t *header;

	(void)state;
	convert(AT(3, 5, 1000) COLUMNS "7 L 10 3 12288 99 sh\n* - - 3 12288 99 -\n", false);
	expect_number(document, "schema", 1);
	header = json_object_get(document, "header");
	expect_text(header, "kernel", "6.12.1-test");
	expect_text(header, "since_ns", "5");
	expect_text(header, "now_ns", "1000");
	expect_number(header, "epoch", 3);
	expect_number(header, "max_rows", 64);
	assert_true(json_is_true(json_object_get(header, "counting")));
	assert_true(json_is_null(json_object_get(document, "interval_ns")));
	assert_true(json_is_false(json_object_get(document, "gap")));
	assert_int_equal(json_array_size(json_object_get(document, "rows")), 1);
	expect_number(row(0), "pid", 7);
	expect_text(row(0), "state", "L");
	expect_text(row(0), "start_ns", "10");
	expect_text(row(0), "fork_ns", "99");
	expect_number(row(0), "copied", 3);
	expect_text(row(0), "comm", "sh");
	expect_number(json_object_get(document, "total"), "copied", 3);
	assert_null(json_object_get(json_object_get(document, "total"), "pid"));
}

#define COUNT_COLUMN(NAME, name, kind, hook)	+ 1

static void every_column_by_its_own_name(void **state)
{
	enum cowstat_column c;

	(void)state;
	convert(AT(1, 5, 9) "# pid comm\n7 sh\n", false);
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		assert_non_null(json_object_get(row(0), cow_column_name(c)));
	assert_int_equal(json_object_size(row(0)), 0 COWSTAT_COLUMNS(COUNT_COLUMN));
}

static void unknown_is_null(void **state)
{
	json_t *header;

	(void)state;
	convert("# cowstat 1 lost=- rows=-\n" COLUMNS "7 L 10 - - - -\n", false);
	header = json_object_get(document, "header");
	assert_true(json_is_null(json_object_get(header, "lost")));
	assert_true(json_is_null(json_object_get(header, "epoch")));
	assert_true(json_is_null(json_object_get(header, "since_ns")));
	assert_true(json_is_null(json_object_get(row(0), "copied")));
	assert_true(json_is_null(json_object_get(row(0), "fork_ns")));
	assert_true(json_is_null(json_object_get(row(0), "comm")));
	assert_true(json_is_null(json_object_get(row(0), "birth_anon_pages")));
	assert_true(json_is_null(json_object_get(document, "total")));
}

static void numbers_of_64_bits(void **state)
{
	(void)state;
	convert(AT(1, 5, 9) COLUMNS
		"7 L 18446744073709551615 9223372036854775807 18446744073709551615 1 sh\n",
		true);
	expect_text(row(0), "start_ns", "18446744073709551615");
	expect_number(row(0), "copied", INT64_MAX);
	expect_text(row(0), "copied_bytes", "18446744073709551615");
	expect_text(document, "interval_ns", "1500000000");
}

static void hostile_names(void **state)
{
	(void)state;
	convert(AT(1, 5, 9) COLUMNS "1 L 1 0 0 0 a\\040b\n"
				    "2 L 1 0 0 0 a\"b'c\\134\n"
				    "3 L 1 0 0 0 a\\012b\\011\\033[2J\\177\n"
				    "4 L 1 0 0 0 gr\\303\\266\\303\\237e\n"
				    "5 L 1 0 0 0 bad\\377\\300\\200\\355\\240\\200end\n"
				    "6 L 1 0 0 0 cut\\303\n"
				    "7 L 1 0 0 0 \xff\xfe\n",
		false);
	expect_text(row(0), "comm", "a b");
	expect_text(row(1), "comm", "a\"b'c\\");
	expect_text(row(2), "comm", "a\nb\t\033[2J\177");
	expect_text(row(3), "comm", "größe");
	assert_null(json_object_get(row(3), "comm_bytes"));
	expect_text(row(4), "comm", "bad\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDend");
	expect_text(row(4), "comm_bytes", "626164ffc080eda080656e64");
	expect_text(row(5), "comm", "cut\uFFFD");
	expect_text(row(6), "comm", "\uFFFD\uFFFD");
	expect_text(row(6), "comm_bytes", "fffe");
}

/* As a line for an event has it: in the order it was put together, with other names too. */
static void a_line_of_names(void **state)
{
	json_t *o = json_object();
	FILE *f = output_begin();

	(void)state;
	json_put(o, "time_ns", json_uint(7));
	json_put_name(o, "file", "a\xff");
	json_put_name(o, "comm", "gr\u00f6\u00dfe");
	json_put(o, "text", json_text("\xc3"));
	assert_int_equal(json_write(f, o, true), 0);
	assert_string_equal(output_end(f),
			    "{\"time_ns\":7,\"file\":\"a\uFFFD\",\"file_bytes\":\"61ff\","
			    "\"comm\":\"gr\u00f6\u00dfe\",\"text\":\"\uFFFD\"}\n");
}

static void utf8(void **state)
{
	char to[16];

	(void)state;
	assert_true(utf8_clean(to, sizeof(to), "\U0010FFFF\u0800"));
	assert_string_equal(to, "\U0010FFFF\u0800");
	/* beyond Unicode, overlong, a lone continuation */
	assert_false(utf8_clean(to, sizeof(to), "\xf4\x90\x80\x80"));
	assert_false(utf8_clean(to, sizeof(to), "\xe0\x80\xaf"));
	assert_false(utf8_clean(to, sizeof(to), "\x80"));
	assert_string_equal(to, "\uFFFD");
	/* cut between characters */
	assert_false(utf8_clean(to, 6, "ab\u20ac\u20ac"));
	assert_string_equal(to, "ab\u20ac");
	assert_false(utf8_clean(to, 5, "ab\u20ac"));
	assert_string_equal(to, "ab");
	assert_true(utf8_clean(to, 1, ""));
	assert_string_equal(to, "");
}

static void groups(void **state)
{
	struct cow_table t = table_of(AT(1, 5, 9) COLUMNS
				      "1 L 1 2 8192 0 b\n2 L 1 3 12288 0 b\n3 L 1 1 4096 0 \\377\n"
				      "4 L 1 9 4096 0 -\n- - - 7 4096 0 -\n");
	const struct cow_row *row[8];
	struct rows rows = { .row = row };
	json_t *report = json_report(&t), *list;
	struct group *group;
	FILE *f;
	size_t nr;

	(void)state;
	for (rows.nr = 0; rows.nr < t.nr; rows.nr++)
		row[rows.nr] = &t.row[rows.nr];
	assert_int_equal(groups_make(&rows, GROUP_COMM, NULL, COWSTAT_COL_COPIED, &group, &nr), 0);
	json_set_groups(report, GROUP_COMM, group, nr);
	groups_free(group, nr);
	cow_table_free(&t);
	f = output_begin();
	json_write(f, report, true);
	document = json_loads(output_end(f), JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(document, "groups");
	assert_int_equal(json_array_size(list), 3);
	expect_text(json_array_get(list, 0), "comm", "b");
	expect_number(json_array_get(list, 0), "copied", 5);
	expect_number(json_array_get(list, 0), "processes", 2);
	expect_text(json_array_get(list, 1), "comm", "\uFFFD");
	/* the unknown and the given-up are one group, the last */
	assert_true(json_is_null(json_object_get(json_array_get(list, 2), "comm")));
	expect_number(json_array_get(list, 2), "copied", 16);
	expect_number(json_array_get(list, 2), "processes", 1);
}

static void a_bill(void **state)
{
	char *const argv[] = { "make", "-j2", "a\"\xff", NULL };
	struct bill bill = {
		.found = true, .shared = 3, .copied = 5, .sums_known = true, .fork_ns = UINT64_MAX
	};
	json_t *o;
	FILE *f;

	(void)state;
	f = output_begin();
	assert_int_equal(json_write(f, json_bill(&bill, argv, 130, 12), false), 0);
	document = json_loads(output_end(f), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	expect_number(document, "exit_status", 130);
	assert_true(json_is_true(json_object_get(document, "complete")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(document, "command"),
							     2)),
			    "a\"\uFFFD");
	o = json_object_get(document, "bill");
	expect_number(o, "never_copied_pages", -2);
	expect_text(o, "fork_ns", "18446744073709551615");
	expect_number(o, "lost", 0);

	free_document(NULL);
	bill = (struct bill){};
	f = output_begin();
	json_write(f, json_bill(&bill, argv, 0, 12), false);
	document = json_loads(output_end(f), JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_null(json_object_get(document, "bill")));
	assert_true(json_is_false(json_object_get(document, "complete")));
}

#define unit(test)	cmocka_unit_test_teardown(test, free_document)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(header_and_rows),
		unit(every_column_by_its_own_name),
		unit(unknown_is_null),
		unit(numbers_of_64_bits),
		unit(hostile_names),
		unit(a_line_of_names),
		unit(utf8),
		unit(groups),
		unit(a_bill),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
