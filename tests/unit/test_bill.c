// SPDX-License-Identifier: GPL-2.0
/* bill.c: a tree's bill, with rows that come and go between readings. */
#include "tables.h"

#include "bill.h"

#define COLUMNS	"# pid ppid state start_ns parent_start_ns forks vforks execs copied anon_copied "	\
		"file_copied reused fork_ns birth_anon_pages birth_pgtables_bytes pre_exec_copied "	\
		"parent_copied copied_bytes desc_forks desc_birth_anon_pages desc_anon_copied "		\
		"desc_parent_copied desc_copied_bytes comm\n"

#define PARENT	"50 1 L 5 1 0 1 1 9 9 0 0 - - - - - 36864 0 0 0 0 0 cowstat\n"
#define ROOT(forks, desc)	\
	"100 50 L 1001 5 " #forks " 1 1 6 6 3 2 900 - - 0 - 36864 " desc " make\n"
/* shares 40 pages, copies 7 before exec and 2 after, its parent 5 */
#define SHELL	"101 100 X 1010 1001 1 0 1 9 9 4 1 300 40 49152 7 5 53248 0 0 0 0 0 sh\n"
/* its child, no exec: copies 11 of 30 */
#define SUBSHELL	"102 101 X 1020 1010 0 0 0 11 11 0 0 200 30 4096 11 2 45056 0 0 0 0 0 sh\n"
#define SPAWNED	"103 100 X 1030 1001 0 0 1 0 0 8 0 100 - - 0 - 32768 0 0 0 0 0 cc1\n"
#define STRANGER	"104 1 X 1040 1 3 3 3 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 other\n"
/* what SHELL and SUBSHELL, recycled, leave with ROOT */
#define GONE	"1 70 20 7 98304"

static struct tree tree;
static struct bill bill;

static int begin(void **state)
{
	struct cow_table t = table_of(AT(1, 5, 1000) COLUMNS PARENT STRANGER);

	(void)state;
	tree_init(&tree, &t, 50);
	tree.root = 100;
	cow_table_free(&t);
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_free(&tree);
	return 0;
}

static void add(const char *text)
{
	struct cow_table t = table_of(text);

	assert_int_equal(tree_add(&tree, &t), 0);
	cow_table_free(&t);
}

static void expect_whole_bill(void)
{
	bill_make(&tree, &bill);
	assert_true(bill.found);
	assert_int_equal(bill.processes, 4);
	assert_int_equal(bill.forks, 2);
	assert_int_equal(bill.vforks, 1);
	assert_int_equal(bill.shared, 70);
	assert_int_equal(bill.copied, 26);
	assert_int_equal(bill.by_children, 18);
	assert_int_equal(bill.before_exec, 7);
	assert_int_equal(bill.exec_forks, 1);
	assert_int_equal(bill.by_parents, 8);
	assert_int_equal(bill.pgtables_bytes, 53248);
	assert_int_equal(bill.fork_ns, 500);
	assert_int_equal(bill.reused, 3);
	assert_int_equal(bill.file_copied, 15);
	assert_int_equal(bill.copied_bytes, 36864 + 53248 + 45056 + 32768);
	assert_int_equal(bill.hugetlb_bytes, 0);
	assert_true(bill_is_complete(&bill));
}

static void everybody_there(void **state)
{
	(void)state;
	/* in no order, with others, parents' start told by the child */
	add(AT(1, 5, 2000) COLUMNS SUBSHELL STRANGER SHELL PARENT SPAWNED ROOT(1, "0 0 0 0 0"));
	expect_whole_bill();
	assert_int_equal(bill.running, 1);
}

static void rows_given_up_once_they_were_read(void **state)
{
	(void)state;
	add(AT(1, 5, 1500) COLUMNS PARENT SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	add(AT(1, 5, 2000) COLUMNS PARENT SPAWNED ROOT(1, GONE));
	expect_whole_bill();
}

static void a_child_whose_parent_is_gone(void **state)
{
	(void)state;
	add(AT(1, 5, 1500) COLUMNS SHELL ROOT(1, "0 0 0 0 0"));
	add(AT(1, 5, 1600) COLUMNS SUBSHELL ROOT(1, "1 40 9 5 53248"));
	add(AT(1, 5, 2000) COLUMNS SUBSHELL SPAWNED ROOT(1, "1 40 9 5 53248"));
	expect_whole_bill();
}

static void rows_given_up_unread(void **state)
{
	(void)state;
	add(AT(1, 5, 2000) COLUMNS SPAWNED ROOT(1, GONE));
	bill_make(&tree, &bill);
	/* sums are right all the same */
	assert_int_equal(bill.forks, 2);
	assert_int_equal(bill.shared, 70);
	assert_int_equal(bill.copied, 26);
	assert_int_equal(bill.copied_bytes, 36864 + 98304 + 32768);
	/* and it is said that their parts are not */
	assert_int_equal(bill.unseen, 2);
	assert_int_equal(bill.short_bytes, 98304);
	assert_false(bill_is_complete(&bill));
}

static void a_row_that_did_more_after_it_was_read(void **state)
{
	(void)state;
	add(AT(1, 5, 1500) COLUMNS PARENT SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	add(AT(1, 5, 2000) COLUMNS PARENT SPAWNED ROOT(1, "1 70 23 7 110592"));
	bill_make(&tree, &bill);
	assert_int_equal(bill.copied, 29);
	assert_int_equal(bill.unseen, 0);
	assert_int_equal(bill.short_bytes, 12288);
	assert_false(bill_is_complete(&bill));
}

static void rows_given_up_without_an_ancestor(void **state)
{
	(void)state;
	add(AT(1, 5, 1500) COLUMNS PARENT SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	add(AT(1, 5, 2000) COLUMNS PARENT SPAWNED ROOT(1, "0 0 0 0 0"));
	bill_make(&tree, &bill);
	assert_int_equal(bill.copied, 26);
	assert_true(bill.stray);
	assert_false(bill_is_complete(&bill));
}

static void the_root_is_not_to_be_seen(void **state)
{
	FILE *f;

	(void)state;
	/* one of the same pid, but somebody else's child */
	add(AT(1, 5, 2000) COLUMNS PARENT SHELL
	    "100 1 L 1001 1 0 0 1 6 6 3 2 900 - - 0 - 36864 0 0 0 0 0 x\n");
	bill_make(&tree, &bill);
	assert_false(bill.found);
	assert_false(bill_is_complete(&bill));
	f = output_begin();
	bill_print(f, &bill, "x (exit 0, 1 s)");
	assert_non_null(strstr(output_end(f), "No row of the command"));
}

static void counting_switched_or_begun_anew(void **state)
{
	(void)state;
	add("# cowstat 1 counting=off epoch=1 since_ns=5 now_ns=2000 lost=0 missed=0\n" COLUMNS
		    SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	bill_make(&tree, &bill);
	assert_true(bill.off);
	assert_false(bill_is_complete(&bill));

	end(NULL);
	begin(NULL);
	add(AT(1, 5, 1500) COLUMNS SHELL ROOT(1, "0 0 0 0 0"));
	add(AT(2, 1600, 2000) COLUMNS SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	bill_make(&tree, &bill);
	assert_int_equal(bill.epochs, 1);
	assert_false(bill_is_complete(&bill));
}

static void lost_and_missed(void **state)
{
	FILE *f;

	(void)state;
	add("# cowstat 1 counting=on epoch=1 since_ns=5 now_ns=2000 lost=2 missed=1\n" COLUMNS
		    SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	bill_make(&tree, &bill);
	assert_int_equal(bill.lost, 2);
	assert_int_equal(bill.missed, 1);
	assert_false(bill_is_complete(&bill));

	end(NULL);
	begin(NULL);
	/* an unprivileged reader is not told */
	add("# cowstat 1 counting=on epoch=1 since_ns=5 now_ns=2000 lost=- missed=-\n" COLUMNS
		    SUBSHELL SHELL SPAWNED ROOT(1, "0 0 0 0 0"));
	bill_make(&tree, &bill);
	assert_true(bill_is_complete(&bill));
	assert_false(bill.sums_known);
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_non_null(strstr(output_end(f), "only root is told"));
}

#define PAID_COLUMNS "# pid ppid state start_ns parent_start_ns forks vforks execs copied anon_copied "	\
		"fork_ns birth_anon_pages birth_swap_entries pre_exec_copied parent_copied "	\
		"inherited_copied comm\n"

/*
 * The worker, 101, copied 900 pages that its helper shared, and 60 of its parent's. The root
 * copied 5 while the worker lived, and 40 when nobody did. 102 shared swapped out pages.
 */
static void who_paid(void **state)
{
	(void)state;
	add(AT(1, 5, 2000) PAID_COLUMNS
	    "100 50 L 1001 5 1 0 1 45 45 900 - - - - 0 server\n"
	    "101 100 X 1010 1001 1 0 0 960 960 900 1000 0 960 5 60 worker\n"
	    "102 101 X 1020 1010 0 0 0 95 95 900 20 80 95 900 95 helper\n");
	bill_make(&tree, &bill);
	assert_int_equal(bill.shared, 1100);
	assert_int_equal(bill.copied, 1100);
	assert_int_equal(bill.by_children, 155);
	assert_int_equal(bill.by_parents, 945);
	assert_int_equal(bill.after_children, 40);
}

/* All children were started by vfork, or there was none. */
static void nothing_was_shared(void **state)
{
	const char *out;
	FILE *f;

	(void)state;
	bill = (struct bill){
		.found = true, .vforks = 3, .sums_known = true, .minor_faults = 20, .wp_faults = 7
	};
	f = output_begin();
	bill_print(f, &bill, "x");
	out = output_end(f);
	assert_non_null(strstr(out, "  3 children were started, all by vfork or posix_spawn"));
	assert_non_null(strstr(out, "  not copy-on-write: 13 other minor faults"));
	assert_null(strstr(out, "NEVER"));
	bill.vforks = 0;
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_non_null(strstr(output_end(f), "  No process of it forked\n"));
}

static void on_paper(void **state)
{
	const char *out, *line, *next;
	FILE *f;

	(void)state;
	bill = (struct bill){
		.found = true,
		.forks = 148,
		.vforks = 61,
		.shared = 1310720,
		.copied = 19384,
		.by_children = 17021,
		.before_exec = 1628,
		.exec_forks = 148,
		.by_parents = 2363,
		.pgtables_bytes = 19 << 20,
		.fork_ns = 410000000,
		.reused = 8811,
		.file_copied = 22940,
		.sums_known = true,
	};
	f = output_begin();
	bill_print(f, &bill, "make -j2 (exit 0, 12.41 s)");
	out = output_end(f);
	assert_non_null(strstr(out, "  148 forks, 61 vfork/posix_spawn "));
	assert_non_null(strstr(out, "1 310 720     5.0 GiB\n"));
	assert_non_null(strstr(out, "19 384    75.7 MiB    1.47 %\n"));
	assert_non_null(strstr(out, "before exec (11 per fork)"));
	assert_non_null(strstr(out, "1 291 336     4.9 GiB   98.52 %\n"));
	assert_non_null(strstr(out, "Complete: lost 0, missed 0.\n"));
	for (line = out; (next = strchr(line, '\n')); line = next + 1)
		assert_true(next - line <= 80);

	bill.failed = (struct failed){ .forks = 3, .enomem = 3 };
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_non_null(strstr(output_end(f), "\n  3 forks failed: Cannot allocate memory\n"));
	bill.failed.forks = 2000000;
	bill.failed.eagain = 1000000;
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_non_null(strstr(output_end(f),
			       "\n  2000000 forks failed: 1M EAGAIN, 3 ENOMEM, 999k other\n"));
	bill.forks = bill.vforks = 0;
	f = output_begin();
	bill_print(f, &bill, "x");
	out = output_end(f);
	assert_non_null(strstr(out, " forks failed: "));
	assert_null(strstr(out, "No process of it forked"));

	/* more copied than was shared: a child of a child shares again */
	bill.forks = 148;
	bill.shared = 4;
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_non_null(strstr(output_end(f), "-19 380"));
}

#define TIMED_COLUMNS "# pid ppid state start_ns parent_start_ns forks vforks copied copy_ns "	\
		"shootdown_ns reuse_ns comm\n"

/* The time of the whole tree, also of who was read before its row was recycled. */
static void time_spent(void **state)
{
	const char *out;
	FILE *f;

	(void)state;
	add(AT(1, 5, 2000) TIMED_COLUMNS "100 50 L 1001 5 2 0 1 4000000 200000 1000 make\n"
					 "101 100 X 1010 1001 0 0 1 2000000 0 500 cc\n");
	add(AT(1, 5, 2000) TIMED_COLUMNS "100 50 L 1001 5 2 0 1 5000000 300000 1000 make\n"
					 "104 1 X 1040 1 0 0 1 99999999 99 99 other\n");
	bill_make(&tree, &bill);
	assert_true(bill.timed);
	assert_int_equal(bill.copy_ns, 7000000);
	assert_int_equal(bill.shootdown_ns, 300000);
	assert_int_equal(bill.reuse_ns, 1500);
	bill.run_ns = 100000000;
	f = output_begin();
	bill_print(f, &bill, "x");
	out = output_end(f);
	assert_non_null(strstr(out,
			       "  time in copy-on-write faults: 7.3 ms, 7.30 % of 100.0 ms run time\n"
			       "    copying 7.0 ms, TLB shootdown 300 us, reuse 1 us\n"));
	/* where nothing was timed, nothing is said */
	bill.timed = false;
	f = output_begin();
	bill_print(f, &bill, "x");
	assert_null(strstr(output_end(f), "time in"));
}

#define unit(test)	cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(everybody_there),
		unit(rows_given_up_once_they_were_read),
		unit(a_child_whose_parent_is_gone),
		unit(rows_given_up_unread),
		unit(a_row_that_did_more_after_it_was_read),
		unit(rows_given_up_without_an_ancestor),
		unit(the_root_is_not_to_be_seen),
		unit(counting_switched_or_begun_anew),
		unit(lost_and_missed),
		unit(who_paid),
		unit(time_spent),
		unit(nothing_was_shared),
		unit(on_paper),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
