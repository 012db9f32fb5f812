// SPDX-License-Identifier: GPL-2.0
/* delta.c: what happened between two readings, rows recycled and counting begun anew. */
#include "tables.h"

#include "delta.h"

#define COLUMNS	"# pid state start_ns forks wp_faults copied other fork_ns copied_bytes comm\n"

static struct cow_table before, now;
static struct cow_delta delta;

static int empty(void **state)
{
	(void)state;
	memset(&before, 0, sizeof(before));
	memset(&now, 0, sizeof(now));
	memset(&delta, 0, sizeof(delta));
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	cow_table_free(&before);
	cow_table_free(&now);
	cow_delta_free(&delta);
	return 0;
}

static void make(const char *a, const char *b)
{
	before = table_of(a);
	now = table_of(b);
	assert_int_equal(cow_delta_make(&before, &now, &delta), 0);
}

static uint64_t value(size_t row, enum cowstat_column column)
{
	assert_true(row < delta.nr);
	return delta.row[row].value[column];
}

static void counts_are_differences(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 L 10 1 20 15 5 333 61440 sh\n",
	     AT(1, 5, 3500) COLUMNS "7 L 10 4 50 45 5 333 184320 sh\n");
	assert_int_equal(delta.span_ns, 2500);
	assert_false(delta.gap);
	assert_int_equal(value(0, COWSTAT_COL_FORKS), 3);
	assert_int_equal(value(0, COWSTAT_COL_WP_FAULTS), 30);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 30);
	assert_int_equal(value(0, COWSTAT_COL_OTHER), 0);
	assert_int_equal(value(0, COWSTAT_COL_COPIED_BYTES), 122880);
	/* who it is, and its birth, are as they stand */
	assert_int_equal(value(0, COWSTAT_COL_START_NS), 10);
	assert_int_equal(value(0, COWSTAT_COL_FORK_NS), 333);
	assert_string_equal(delta.row[0].comm, "sh");
}

static void other_that_falls_is_nothing(void **state)
{
	(void)state;
	/* a fault was in flight at the first reading */
	make(AT(1, 5, 1000) COLUMNS "7 L 10 0 3 2 1 - 8192 sh\n",
	     AT(1, 5, 2000) COLUMNS "7 L 10 0 3 3 0 - 12288 sh\n");
	assert_int_equal(value(0, COWSTAT_COL_OTHER), 0);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 1);
}

static void a_pid_used_again_is_somebody_new(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 X 10 0 20 20 0 - 81920 sh\n",
	     AT(1, 5, 2000) COLUMNS "7 X 10 0 21 21 0 - 86016 sh\n"
				    "7 L 50 0 9 9 0 - 36864 vi\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 1);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 9);
}

/* 8 had 10 when it was read, did 5 more, and is in `-` now, with 4 of one never seen. */
static void a_row_recycled_in_between(void **state)
{
	size_t i;
	uint64_t sum = 0;

	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 L 10 0 20 20 0 - 0 sh\n"
				    "8 X 11 0 10 10 0 - 0 cc1\n"
				    "- - - 0 100 100 0 50 0 -\n"
				    "* - - 0 130 130 0 50 0 -\n",
	     AT(1, 5, 2000) COLUMNS "7 L 10 0 22 22 0 - 0 sh\n"
				    "- - - 0 119 119 0 70 0 -\n"
				    "* - - 0 141 141 0 70 0 -\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 2);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 9);
	assert_int_equal(value(2, COWSTAT_COL_COPIED), 11);
	/* in sums, figures of births add up like counts */
	assert_int_equal(value(1, COWSTAT_COL_FORK_NS), 20);
	for (i = 0; i < 2; i++)
		sum += value(i, COWSTAT_COL_WP_FAULTS);
	assert_int_equal(sum, value(2, COWSTAT_COL_WP_FAULTS));
}

/* Read while it was being recycled: as itself, and within `-`, but not less than nothing. */
/* A live process lost its row and got a new one: the old one is in `-`. */
static void a_live_row_begun_anew(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 L 10 1 20 20 0 333 81920 sh\n"
				    "- - - 0 0 0 0 0 0 -\n* - - 1 20 20 0 333 81920 -\n",
	     AT(1, 5, 2000) COLUMNS "7 L 10 0 4 4 0 - 16384 sh\n"
				    "- - - 1 23 23 0 333 94208 -\n* - - 1 27 27 0 333 110592 -\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 4);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 3);
	assert_int_equal(value(1, COWSTAT_COL_FORKS), 0);
	assert_int_equal(value(2, COWSTAT_COL_COPIED), 7);
}

static void a_row_read_twice(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "8 X 11 0 10 10 0 - 0 cc1\n"
				    "- - - 0 110 110 0 - 0 -\n",
	     AT(1, 5, 2000) COLUMNS "- - - 0 110 110 0 - 0 -\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 0);
}

#define OWNED	"# pid uid state start_ns copied processes cgroup comm\n"

/* The differences of all lines but the total add up to that of the total, which is the last. */
static void assert_adds_up(enum cowstat_column column)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < delta.nr - 1; i++)
		sum += value(i, column);
	assert_int_equal(sum, value(delta.nr - 1, column));
}

/* 8 had 10 when it was read, did 5 more; 9 had another name by then, and is in that one's sum. */
static void rows_recycled_into_sums(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) OWNED "7 0 L 10 20 1 3 sh\n"
				  "8 0 X 11 10 1 3 cc1\n"
				  "9 0 L 12 4 1 3 sh\n"
				  "- 0 S - 100 30 3 cc1\n"
				  "- 0 S - 50 10 3 -\n"
				  "- - - - 9 1 - -\n"
				  "* - - - 193 44 - -\n",
	     AT(1, 5, 2000) OWNED "7 0 L 10 22 1 3 sh\n"
				  "- 0 S - 121 32 3 cc1\n"
				  "- 0 S - 6 1 3 ld\n"
				  "- 0 S - 50 10 3 -\n"
				  "- - - - 9 1 - -\n"
				  "* - - - 208 45 - -\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 2);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 7); /* or 11, and 2 of ld */
	assert_int_equal(value(2, COWSTAT_COL_COPIED), 6);
	assert_int_equal(value(3, COWSTAT_COL_COPIED), 0);
	assert_int_equal(value(4, COWSTAT_COL_COPIED), 0);
	assert_adds_up(COWSTAT_COL_COPIED);
	assert_adds_up(COWSTAT_COL_PROCESSES);
}

/* A name's sum was merged into its cgroup's, and another cgroup's into `-`. */
static void sums_given_up(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) OWNED "- 0 S - 100 30 3 cc1\n"
				  "- 0 S - 70 7 4 -\n"
				  "- 5 S - 50 10 3 -\n"
				  "- - - - 9 1 - -\n"
				  "* - - - 229 48 - -\n",
	     AT(1, 5, 2000) OWNED "- 0 S - 1 1 3 cc1\n"
				  "- 0 S - 102 31 3 -\n"
				  "- 5 S - 50 10 3 -\n"
				  "- - - - 79 8 - -\n"
				  "* - - - 232 50 - -\n");
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 1);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 2);
	assert_int_equal(value(2, COWSTAT_COL_COPIED), 0);
	assert_int_equal(value(3, COWSTAT_COL_COPIED), 0);
	assert_adds_up(COWSTAT_COL_COPIED);
	assert_adds_up(COWSTAT_COL_PROCESSES);
}

static void counting_begun_anew_is_a_gap(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 L 10 0 20 20 0 - 0 sh\n* - - 0 20 20 0 - 0 -\n",
	     AT(2, 1500, 2000) COLUMNS "7 L 10 0 4 4 0 - 0 sh\n* - - 0 4 4 0 - 0 -\n");
	assert_true(delta.gap);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 4);
	assert_int_equal(value(1, COWSTAT_COL_COPIED), 4);
	free_all(NULL);
	/* the module loaded anew begins with epoch 1 again, but later */
	make(AT(1, 5, 1000) COLUMNS "7 L 10 0 20 20 0 - 0 sh\n",
	     AT(1, 1700, 2000) COLUMNS "7 L 10 0 30 30 0 - 0 sh\n");
	assert_true(delta.gap);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 30);
}

static void numbers_of_64_bits(void **state)
{
	(void)state;
	make(AT(1, 5, 1000) COLUMNS "7 L 18446744073709551615 0 1 1 0 - 1 sh\n",
	     AT(1, 5, 2000) COLUMNS
	     "7 L 18446744073709551615 0 18446744073709551615 1 0 - 18446744073709551615 sh\n");
	assert_true(value(0, COWSTAT_COL_WP_FAULTS) == UINT64_MAX - 1);
	assert_true(value(0, COWSTAT_COL_COPIED_BYTES) == UINT64_MAX - 1);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 0);
}

static void no_rows_and_no_times(void **state)
{
	(void)state;
	make("# cowstat 1\n" COLUMNS, "# cowstat 1\n" COLUMNS "7 L 10 0 1 1 0 - 1 sh\n");
	assert_int_equal(delta.span_ns, 0);
	assert_int_equal(delta.nr, 1);
	assert_int_equal(value(0, COWSTAT_COL_COPIED), 1);
	free_all(NULL);
	/* a clock that went back */
	make(AT(1, 5, 2000) COLUMNS, AT(1, 5, 1000) COLUMNS);
	assert_int_equal(delta.span_ns, 0);
	assert_int_equal(delta.nr, 0);
}

static void rows_are_found(void **state)
{
	struct cow_index index;

	(void)state;
	now = table_of(AT(1, 5, 9) COLUMNS "9 L 1 0 0 0 0 - 0 a\n* - - 0 0 0 0 - 0 -\n"
					   "2 L 7 0 0 0 0 - 0 b\n9 X 0 0 0 0 0 - 0 c\n");
	assert_int_equal(cow_index_make(now.row, now.nr, &index), 0);
	assert_int_equal(index.nr, 3);
	assert_string_equal(cow_index_find(&index, 9, 0)->comm, "c");
	assert_string_equal(cow_index_find(&index, 9, 1)->comm, "a");
	assert_string_equal(cow_index_find(&index, 2, 7)->comm, "b");
	assert_null(cow_index_find(&index, 2, 8));
	assert_null(cow_index_find(&index, 0, 0));
	cow_index_free(&index);
}

#define unit(test)	cmocka_unit_test_setup_teardown(test, empty, free_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(counts_are_differences),
		unit(other_that_falls_is_nothing),
		unit(a_pid_used_again_is_somebody_new),
		unit(a_row_recycled_in_between),
		unit(a_live_row_begun_anew),
		unit(a_row_read_twice),
		unit(rows_recycled_into_sums),
		unit(sums_given_up),
		unit(counting_begun_anew_is_a_gap),
		unit(numbers_of_64_bits),
		unit(no_rows_and_no_times),
		unit(rows_are_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
