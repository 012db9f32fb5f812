// SPDX-License-Identifier: GPL-2.0
/* view*.c, groups.c, filter.c, cgroups.c, smaps.c: what is chosen, and how it looks. */
#include "tables.h"

#include <errno.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "smaps.h"
#include "utf8.h"
#include "view.h"

#define COLUMNS	"# pid ppid uid state start_ns parent_start_ns forks wp_faults copied zero_filled "	\
		"reused shared_wp other copied_bytes fork_ns birth_anon_pages birth_pgtables_bytes "	\
		"pre_exec_copied parent_copied cgroup comm\n"
#define MAX	"18446744073709551615"
#define HUGE_ROW "4194304 4194303 4294967295 L " MAX " 1 " MAX " " MAX " " MAX " " MAX " " MAX	\
		 " " MAX " 0 " MAX " " MAX " " MAX " " MAX " 1 " MAX " " MAX " a\\012\\033[2J\\377bcdefghi\n"

static const struct columns usual = { .sort = COWSTAT_COL_COPIED_BYTES };
static const struct columns by_copied = { .sort = COWSTAT_COL_COPIED };

static struct cow_table t;
static struct rows rows;
static const struct cow_row *row[16];

static void take(const char *text)
{
	cow_table_free(&t);
	t = table_of(text);
	rows = (struct rows){ .row = row, .now_ns = t.now_ns.value };
	for (; rows.nr < t.nr; rows.nr++)
		row[rows.nr] = &t.row[rows.nr];
}

static int end(void **state)
{
	(void)state;
	cow_table_free(&t);
	return 0;
}

static struct screen screen_to(FILE *f)
{
	return (struct screen){ .to = f, .width = 80 };
}

/* No line is wider than 80, and nothing but printable ASCII reaches the terminal. */
static void expect_decent(const char *out)
{
	const char *line, *next, *c;

	for (line = out; (next = strchr(line, '\n')); line = next + 1)
		if (next - line > 80)
			fail_msg("%d columns: %.*s", (int)(next - line), (int)(next - line), line);
	for (c = out; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
}

#define expect(out, wanted)	do {					\
	if (!strstr(out, wanted))					\
		fail_msg("no \"%s\" in:\n%s", wanted, out);		\
} while (0)

static void a_row(void **state)
{
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) COLUMNS "7 1 0 X 1 1 2 31 20 1 6 3 1 81920 - - - - - 1 sh\n"
				 "- - - - - - 0 0 0 0 0 0 0 0 0 0 0 0 0 - -\n");
	f = output_begin();
	screen = screen_to(f);
	view_rows(&screen, &rows, &usual);
	out = output_end(f);
	expect(out, "    PID S FORKS WPFAULTS   COPIED  REUSED  ZERO OTHER        KIB COMMAND\n");
	/* shared_wp stands within OTHER, so that outcomes add up */
	expect(out, "      7 X     2       31       20       6     1     4         80 sh\n");
	expect(out, "(other)       0        0        0       0     0     0          0\n");
	expect_decent(out);
}

/* The column that rows are sorted by is shown, by its own name. */
static void a_sort_column(void **state)
{
	struct columns columns = { .sort = COWSTAT_COL_SHARED_WP, .sort_given = true };
	struct screen screen;
	enum cowstat_column c;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) COLUMNS "7 1 0 X 1 1 2 31 20 1 6 3 1 81920 - - - - - 1 sh\n"
				 "* - - - - - 2 31 20 1 6 3 1 81920 - - - - - 1 -\n");
	f = output_begin();
	screen = screen_to(f);
	view_rows(&screen, &rows, &columns);
	out = output_end(f);
	expect(out, "    PID S FORKS WPFAULTS   COPIED SHARED_WP        KIB COMMAND\n");
	expect(out, "      7 X     2       31       20         3         80 sh\n");
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		columns.sort = c;
		f = output_begin();
		screen = screen_to(f);
		view_rows(&screen, &rows, &columns);
		view_forks(&screen, &rows, &columns);
		view_time(&screen, &rows, &columns);
		assert_int_equal(view_groups(&screen, &rows, GROUP_COMM, NULL, &columns, SIZE_MAX),
				 0);
		expect_decent(output_end(f));
	}
}

static void chosen_columns(void **state)
{
	const struct columns columns = {
		.chosen = { COWSTAT_COL_PPID, COWSTAT_COL_COPIED_BYTES,
			    COWSTAT_COL_BIRTH_ANON_PAGES, COWSTAT_COL_START_NS },
		.nr = 4,
		.sort = COWSTAT_COL_PPID,
	};
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) COLUMNS
	     "7 200000 0 X 123456789012345 1 2 31 20 1 6 3 1 81920 - 12 - - - 1 sh\n");
	f = output_begin();
	screen = screen_to(f);
	view_rows(&screen, &rows, &columns);
	out = output_end(f);
	expect(out, "    PID S    PPID COPIED_BYTES BIRTH_ANON_PAGES         START_NS COMMAND\n");
	expect(out, "      7 X  200000        81920               12  123456789012345 sh\n");
	/* identities are never shortened; what was measured at birth has no rate */
	f = output_begin();
	screen = screen_to(f);
	screen.human = true;
	rows.span_ns = 2000000000;
	view_rows(&screen, &rows, &columns);
	out = output_end(f);
	expect(out, "      7 X  200000        40.0K               12  123456789012345 sh\n");
}

/* Names that a terminal can show stay; others do not reach it. */
static void texts_that_fit(void **state)
{
	char to[64], room[6];

	(void)state;
	assert_string_equal(setlocale(LC_CTYPE, "C"), "C");
	assert_int_equal(utf8_fit(to, sizeof(to), "a\033[2J\xc3\xb6", 20, UTF8_KEEP_BEGIN), 7);
	assert_string_equal(to, "a?[2J??");
	utf8_fit(to, sizeof(to), "abcdefgh", 5, UTF8_KEEP_BEGIN);
	assert_string_equal(to, "abc..");
	utf8_fit(to, sizeof(to), "abcdefgh", 5, UTF8_KEEP_END);
	assert_string_equal(to, "..fgh");
	utf8_fit(to, sizeof(to), "abcde", 5, UTF8_KEEP_END);
	assert_string_equal(to, "abcde");

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_int_equal(utf8_fit(to, sizeof(to), "gr\u00f6\u00dfe", 5, UTF8_KEEP_BEGIN), 5);
	assert_string_equal(to, "gr\u00f6\u00dfe");
	assert_int_equal(utf8_fit(to, sizeof(to), "gr\u00f6\u00dfer!", 5, UTF8_KEEP_BEGIN), 5);
	assert_string_equal(to, "gr\u00f6\u00df\u2026");
	utf8_fit(to, sizeof(to), "gr\u00f6\u00dfer!", 5, UTF8_KEEP_END);
	assert_string_equal(to, "\u2026\u00dfer!");
	/* wide characters take two columns */
	assert_int_equal(utf8_fit(to, sizeof(to), "\u65e5\u672c\u8a9e", 6, UTF8_KEEP_BEGIN), 6);
	assert_int_equal(utf8_fit(to, sizeof(to), "\u65e5\u672c\u8a9e", 5, UTF8_KEEP_BEGIN), 5);
	assert_string_equal(to, "\u65e5\u672c\u2026");
	/* C1 controls, changes of direction, bytes that are no character */
	utf8_fit(to, sizeof(to),
		 "a\xc2\x9b"
		 "b\u202e"
		 "c\xff\xc3",
		 20, UTF8_KEEP_BEGIN);
	assert_string_equal(to, "a?b?c??");
	utf8_fit(room, sizeof(room), "\u00f6\u00f6\u00f6\u00f6", 20, UTF8_KEEP_BEGIN);
	assert_string_equal(room, "\u00f6\u2026");
	setlocale(LC_CTYPE, "C");
}

static void rates(void **state)
{
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) COLUMNS "7 1 0 L 1 1 1 31 20000 1 6 3 1 81920000 - - - - - 1 sh\n");
	rows.span_ns = 2000000000;
	f = output_begin();
	screen = screen_to(f);
	view_rows(&screen, &rows, &usual);
	out = output_end(f);
	expect(out, "      7 L  0.50     15.5    10000    3.00  0.50  2.00      40000 sh\n");
}

static void everything_at_its_largest(void **state)
{
	struct screen screen;
	const char *out;
	size_t pass;
	FILE *f;

	(void)state;
	take(AT(1, 5, 18446744073709551615) COLUMNS HUGE_ROW HUGE_ROW);
	for (pass = 0; pass < 4; pass++) {
		f = output_begin();
		screen = screen_to(f);
		screen.human = pass % 2;
		rows.span_ns = pass / 2;
		view_rows(&screen, &rows, &usual);
		view_forks(&screen, &rows, &usual);
		view_time(&screen, &rows, &usual);
		assert_int_equal(view_tree(&screen, &rows, &usual), 0);
		assert_int_equal(view_groups(&screen, &rows, GROUP_COMM, NULL, &by_copied,
					     SIZE_MAX),
				 0);
		out = output_end(f);
		expect_decent(out);
	}
}

#define FORK_COLUMNS	"# pid ppid state start_ns parent_start_ns anon_copied fork_ns birth_anon_pages "	\
			"birth_swap_entries birth_pgtables_bytes pre_exec_copied parent_copied "		\
			"inherited_copied comm\n"

static void forks(void **state)
{
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	/*
	 * 8 forked itself and copied more of its own pages than it shared; most of what 10 shared
	 * was swapped out; 11 was forked before counting began; 12 is of a table that does not
	 * tell who made a page
	 */
	take(AT(1, 5, 2000000001) FORK_COLUMNS
	     "7 1 L 1 1 12 1500000 1000 0 8192 12 3 12 sh\n"
	     "8 1 L 1 1 9000 1500000 2000 0 8192 9000 700 500 sh\n"
	     "9 1 L 1 1 0 1500000 - - - 0 - - vfork\n"
	     "10 1 L 1 1 2007 1500000 26 2000 8192 2007 0 2007 swap\n"
	     "11 4194304 L 1 - 4107 - - - - - - 4107 late\n"
	     "12 1 L 1 1 12 1500000 1000 0 8192 12 3 - sh\n");
	f = output_begin();
	screen = screen_to(f);
	view_forks(&screen, &rows, &usual);
	out = output_end(f);
	expect(out, "    PID S   AGE    PPID FORKMS PGTKIB  SHARED  CHILD PARENT  KEPT% COMMAND\n");
	expect(out, "      7 L  2.0s       1   1.50      8    1000     12      3  98.80 sh\n");
	expect(out, "      8 L  2.0s       1   1.50      8    2000    500    700  75.00 sh\n");
	expect(out, "      9 L  2.0s       1   1.50      -       -      0      -      - vfork\n");
	expect(out, "     10 L  2.0s       1   1.50      8    2026   2007      0   0.93 swap\n");
	expect(out, "     11 L  2.0s ~4194304      -      -       -   4107      -      - late\n");
	expect(out, "     12 L  2.0s       1   1.50      8    1000     12      3      - sh\n");
	expect_decent(out);
	/* shared pages as sizes, but pids as they are */
	f = output_begin();
	screen = screen_to(f);
	screen.human = true;
	view_forks(&screen, &rows, &usual);
	out = output_end(f);
	expect(out, " ~4194304 ");
	expect(out, "    7.8M   1.9M   2.7M  75.00 sh\n");
}

#define TIME_COLUMNS "# pid state start_ns forks copied copy_ns shootdown_ns reuse_ns birth_anon_pages "	\
		"fork_ns comm\n"

static void time_of_processes(void **state)
{
	struct columns columns = { .sort = COWSTAT_COL_COPIED };
	struct run_time of[] = { { 7, 1, 400000000 }, { 8, 2, 1000 } };
	const struct run_times run = { of, 2 },
			       before = { (struct run_time[]){ { 7, 1, 300000000 } }, 1 };
	struct run_times since;
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) TIME_COLUMNS "7 L 1 0 9 12345678 45000 1000 0 1 sh\n"
				      "8 L 2 0 3 500000 0 0 0 1 sleeper\n"
				      "9 X 3 0 3 9999999999999 0 7999999 0 1 gone\n"
				      "10 L 4 0 1 0 0 0 0 1 none\n"
				      "* - - 0 16 10000012845677 45000 8000999 0 1 -\n");
	assert_true(spent_was_timed(&t));
	rows.run = &run;
	rows.total = row[4];
	rows.nr = 4;
	spent_sort(row, rows.nr);
	f = output_begin();
	screen = screen_to(f);
	view_time(&screen, &rows, &columns);
	out = output_end(f);
	expect(out, "    PID S   COPYMS  SHOOTMS  REUSEMS    COWMS     RUNMS   COW% COMMAND\n"
		    "      9 X  9999999    0.000    7.999 10000007         -      - gone\n"
		    "      7 L   12.345    0.045    0.001   12.391   400.000   3.09 sh\n"
		    "      8 L    0.500    0.000    0.000    0.500     0.001   >999 sleeper\n"
		    "     10 L    0.000    0.000    0.000    0.000         -      - none\n"
		    "  total   10000012    0.045    8.000 10000020         -      -\n");
	expect_decent(out);

	/* per second: 7 ran 100 ms in 2 s; 8 was born meanwhile; who was there unread is unknown */
	assert_int_equal(run_times_since(&before, 2, &run, &since), 0);
	rows.run = &since;
	rows.span_ns = 2000000000;
	columns.sort_given = true;
	f = output_begin();
	screen = screen_to(f);
	view_time(&screen, &rows, &columns);
	out = output_end(f);
	expect(out, "    PID S  COPIED    COWMS     RUNMS   COW% COMMAND\n");
	expect(out, "      7 L    4.50    6.195    50.000  12.39 sh\n");
	expect(out, "      8 L    1.50    0.250     0.000   >999 sleeper\n");
	run_times_free(&since);
	assert_int_equal(run_times_since(&before, 3, &run, &since), 0);
	assert_int_equal(since.nr, 1);
	run_times_free(&since);

	/* children: their time instead of their age */
	f = output_begin();
	screen = screen_to(f);
	view_forks(&screen, &rows, &usual);
	out = output_end(f);
	expect(out,
	       "    PID S   COWMS    PPID FORKMS PGTKIB  SHARED  CHILD PARENT  KEPT% COMMAND\n");
	expect(out, "      7 L  12.391       -   0.00      -       0      -      -      - sh\n");
	expect_decent(out);

	take(AT(1, 5, 9) TIME_COLUMNS "7 L 1 0 9 - - - 0 1 sh\n");
	assert_false(spent_was_timed(&t));
	assert_false(spent_on_cow(row[0]).known);
}

/* The run time of this process, by the kernel's clock of it. */
static void run_times(void **state)
{
	char text[256];
	struct run_times run;
	uint64_t first;

	(void)state;
	snprintf(text, sizeof(text),
		 AT(1, 5, 9) "# pid state start_ns comm\n"
			     "%d L 77 test\n%d X 78 test\n- - - -\n",
		 getpid(), getpid());
	take(text);
	assert_int_equal(run_times_read(&t, &run), 0);
	assert_int_equal(run.nr, 1);
	first = run_time_of(&run, row[0]).ns;
	assert_true(first > 0);
	assert_false(run_time_of(&run, row[1]).known);
	assert_false(run_time_of(&run, row[2]).known);
	assert_false(run_time_of(NULL, row[0]).known);
	run_times_free(&run);
	assert_int_equal(run_times_read(&t, &run), 0);
	assert_true(run_time_of(&run, row[0]).ns > first);
	run_times_free(&run);
}

/* What is told below the rows, also of those in @failed. */
static const char *notes_of(const struct rows *failed)
{
	FILE *f = output_begin();
	struct screen screen = screen_to(f);

	assert_int_equal(view_notes(&screen, &rows, failed, t.row, t.nr), 0);
	return output_end(f);
}

/* 7 is asked about; 8 and 9 are its children, 9 has copied nothing yet. */
static void notes(void **state)
{
	struct rows failed = {};
	const char *out;

	(void)state;
	/* clang-format off */
	take(AT(1, 5, 2000000001) "# pid ppid state start_ns parent_start_ns forks unshared ksm_copied "
	     "fork_copied thp_split anon_copied inherited_copied parent_copied comm\n"
	     "7 1 L 1 0 2 3831 0 8 16 8301 100 0 a\\012name-of-15-bytes\n"
	     "8 7 X 2 1 0 0 1 0 0 10 10 25 child\n"
	     "9 7 L 3 1 0 0 0 0 0 0 0 0 child\n"
	     "10 1 L 3 - 2 0 0 0 0 99 0 - late\n");
	/* clang-format on */
	out = notes_of(&failed);
	expect(out, "\nAlso:\n");
	expect(out,
	       "      7 a?name-of-15-.. 3 831 pages unshared for readers from outside or pinning\n");
	expect(out, "      7 a?name-of-15-.. fork copied 8 pinned pages (32.0 KiB)\n");
	expect(out, "      7 a?name-of-15-.. 16 huge pages split by writes\n");
	expect(out,
	       "      7 a?name-of-15-.. at least 8 176 own pages copied, with no child left\n");
	expect(out, "      8 child           1 page copied that KSM had merged\n");
	assert_null(strstr(out, "      9 "));
	assert_null(strstr(out, "     10 ")); /* it had children before */
	expect_decent(out);
	/* of one fork it is known how long that took */
	t.row[0].value[COWSTAT_COL_FORKS] = 1;
	t.row[1].value[COWSTAT_COL_FORK_NS] = 158000000;
	out = notes_of(&failed);
	expect(out, "fork copied 8 pinned pages (32.0 KiB) in 158.0 ms\n");
	/* nothing to tell, nothing printed */
	rows.row = &row[2];
	rows.nr = 1;
	assert_string_equal(notes_of(&failed), "");
}

/* 7 has no child: its forks failed. */
static void failed_forks(void **state)
{
	struct rows failed = {};
	const char *out;

	(void)state;
	/* clang-format off */
	take(AT(1, 5, 2000000001) "# pid ppid state start_ns forks forks_failed fork_eagain fork_enomem comm\n"
	     "7 1 L 1 0 1 0 1 redis-server\n"
	     "8 1 L 1 0 1234567 1200000 34000 bomb\n"
	     "9 1 L 1 0 12 12 0 full\n");
	/* clang-format on */
	failed = rows;
	rows.nr = 0;
	out = notes_of(&failed);
	expect(out, "\nAlso:\n");
	expect(out, "      7 redis-server    1 fork failed: Cannot allocate memory\n");
	expect(out,
	       "      8 bomb            1234567 forks failed: 1M EAGAIN, 34k ENOMEM, 567 other\n");
	expect(out, "      9 full            12 forks failed: Resource temporarily unavailable\n");
	expect_decent(out);
}

static void tree(void **state)
{
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	/* 20 is of a parent that has no row; 30 and 31 would be each other's parent */
	take(AT(1, 5, 100) COLUMNS "10 1 0 L 10 1 0 0 0 0 0 0 0 0 - - - - - 1 make\n"
				   "11 10 0 L 11 10 0 0 0 0 0 0 0 0 - - - - - 1 sh\n"
				   "12 11 0 L 12 11 0 0 0 0 0 0 0 0 - - - - - 1 cc\n"
				   "13 10 0 L 13 10 0 0 0 0 0 0 0 0 - - - - - 1 ld\n"
				   "20 19 0 L 20 19 0 0 0 0 0 0 0 0 - - - - - 1 lone\n"
				   "30 31 0 L 30 30 0 0 0 0 0 0 0 0 - - - - - 1 ring\n"
				   "31 30 0 L 30 30 0 0 0 0 0 0 0 0 - - - - - 1 ring\n");
	f = output_begin();
	screen = screen_to(f);
	assert_int_equal(view_tree(&screen, &rows, &usual), 0);
	out = output_end(f);
	expect(out, " - make\n");
	expect(out, " - |-sh\n");
	expect(out, " - | `-cc\n");
	expect(out, " - `-ld\n");
	expect(out, " - lone\n");
	expect(strstr(out, " - ring\n") + 1, " - ring\n");
	expect_decent(out);
}

/* A chain of many generations neither overruns a buffer nor the stack. */
static void a_deep_tree(void **state)
{
	const size_t depth = 100000;
	const struct cow_row **list = calloc(depth, sizeof(*list));
	struct cow_row *rows_of = calloc(depth, sizeof(*rows_of));
	struct rows deep = { .row = list, .nr = depth };
	struct screen screen;
	size_t i;
	FILE *f;

	(void)state;
	for (i = 0; i < depth; i++) {
		rows_of[i].pid = i + 1;
		rows_of[i].known[COWSTAT_COL_PPID] = true;
		rows_of[i].known[COWSTAT_COL_PARENT_START_NS] = true;
		rows_of[i].value[COWSTAT_COL_PPID] = i;
		rows_of[i].value[COWSTAT_COL_START_NS] = i + 1;
		rows_of[i].value[COWSTAT_COL_PARENT_START_NS] = i;
		list[i] = &rows_of[i];
	}
	f = fopen("/dev/null", "w");
	screen = screen_to(f);
	assert_int_equal(view_tree(&screen, &deep, &usual), 0);
	fclose(f);
	free(list);
	free(rows_of);
}

static void group_by_cgroup(void **state)
{
	struct cgroup entry[] = {
		{ 1, "/" },
		{ 5, "/system.slice/docker-0123456789abcdef0123456789abcdef"
		     "0123456789abcdef0123456789abcdef.scope" },
	};
	const struct cgroups cgroups = { .entry = entry, .nr = 2 };
	struct screen screen;
	const char *out;
	FILE *f;

	(void)state;
	take(AT(1, 5, 100) COLUMNS "10 1 0 L 10 1 0 0 7 0 0 0 0 0 - - - - - 5 make\n"
				   "11 1 0 L 10 1 0 0 6 0 0 0 0 0 - - - - - 1 init\n"
				   "12 1 0 L 10 1 0 0 5 0 0 0 0 0 - - - - - 77 gone\n"
				   "- - - - - - 0 0 99 0 0 0 0 0 0 0 0 0 0 - -\n");
	f = output_begin();
	screen = screen_to(f);
	assert_int_equal(view_groups(&screen, &rows, GROUP_CGROUP, &cgroups, &by_copied, SIZE_MAX),
			 0);
	out = output_end(f);
	expect(out, " ..m.slice/docker-0123456789ab.scope\n"); /* paths differ at their end */
	expect(out, "(no path: id 77)\n");
	expect(out, "(other)\n");
	expect_decent(out);
	/* what has no name stands last, however large */
	assert_true(strstr(out, "(other)") > strstr(out, "(no path"));
	assert_true(strstr(out, "docker") < strstr(out, " /\n"));
}

/* Sums of recycled rows have an owner like rows, and count their processes. */
static void group_sums(void **state)
{
	struct cgroup entry[] = { { 1, "/" }, { 5, "/job" } };
	const struct cgroups cgroups = { .entry = entry, .nr = 2 };
	struct group *group;
	size_t nr;

	(void)state;
	take(AT(1, 5, 100) "# pid uid state start_ns copied processes cgroup comm\n"
			   "10 0 L 10 7 1 5 make\n"
			   "- 0 S - 40 30 5 cc1\n"
			   "- 0 S - 50 20 1 cc1\n"
			   "- 0 S - 3 2 5 -\n"
			   "- - - - 9 4 - -\n");
	assert_int_equal(groups_make(&rows, GROUP_CGROUP, &cgroups, COWSTAT_COL_COPIED, &group,
				     &nr),
			 0);
	assert_int_equal(nr, 3);
	assert_string_equal(group[0].name, "/"); /* of equal ones, by name */
	assert_int_equal(group[0].processes, 20);
	assert_string_equal(group[1].name, "/job");
	assert_int_equal(group[1].processes, 33);
	assert_int_equal(group[1].sum.value[COWSTAT_COL_COPIED], 50);
	assert_null(group[2].name);
	assert_int_equal(group[2].processes, 4);
	groups_free(group, nr);
	assert_int_equal(groups_make(&rows, GROUP_COMM, NULL, COWSTAT_COL_COPIED, &group, &nr), 0);
	assert_int_equal(nr, 3);
	assert_string_equal(group[0].name, "cc1");
	assert_int_equal(group[0].processes, 50);
	assert_null(group[2].name);
	assert_int_equal(group[2].sum.value[COWSTAT_COL_COPIED], 12);
	groups_free(group, nr);
}

static void colour_ends_with_its_line(void **state)
{
	struct screen screen;
	const char *out, *at;
	FILE *f;

	(void)state;
	take(AT(1, 5, 9) COLUMNS "7 1 0 X 1 1 2 31 20 1 6 3 1 81920 - - - - - 1 sh\n");
	f = output_begin();
	screen = screen_to(f);
	screen.colour = true;
	view_rows(&screen, &rows, &usual);
	out = output_end(f);
	expect(out, "\033[2m      7 X");
	for (at = out; (at = strchr(at, '\n')); at++)
		assert_memory_equal(at - 4, "\033[0m", 4);
}

static void filters(void **state)
{
	struct cgroup entry[] = { { 1, "/" }, { 5, "/a/b" }, { 6, "/ab" } };
	const struct cgroups cgroups = { .entry = entry, .nr = 3 };
	pid_t pid = 9;
	struct filter all = {}, idle = { .idle = true }, pids = { .pids = { &pid, 1, false } },
		      cgroup = { .cgroup = "/a/" }, comm = { .has_comm = true };

	(void)state;
	take(AT(1, 5, 9) COLUMNS "7 1 0 L 1 1 0 0 20 0 0 0 0 0 - - - - - 5 redis-server\n"
				 "8 1 0 L 1 1 0 0 20 0 0 0 0 0 - - - - - 6 sh\n"
				 "9 1 0 L 1 1 0 0 0 0 0 0 0 0 9 9 9 - - 1 idle\n"
				 "- - - - - - 0 0 1 0 0 0 0 0 0 0 0 0 0 - -\n"
				 "* - - - - - 0 0 41 0 0 0 0 0 0 0 0 0 0 - -\n");
	regcomp(&comm.comm, "^redis|^sh$", REG_EXTENDED | REG_NOSUB);
#define passes(filter)	(filter_passes(&filter, row[0], &cgroups) << 4 |	\
			 filter_passes(&filter, row[1], &cgroups) << 3 |	\
			 filter_passes(&filter, row[2], &cgroups) << 2 |	\
			 filter_passes(&filter, row[3], &cgroups) << 1 |	\
			 filter_passes(&filter, row[4], &cgroups))
	assert_int_equal(passes(all), 0x1a);
	assert_int_equal(passes(idle), 0x1e);
	assert_int_equal(passes(pids), 0x04);
	assert_int_equal(passes(cgroup), 0x10);
	assert_int_equal(passes(comm), 0x18);
	assert_false(filter_narrows(&idle));
	assert_true(filter_narrows(&cgroup));
	regfree(&comm.comm);
}

static void order(void **state)
{
	(void)state;
	take(AT(1, 5, 9) COLUMNS "* - - - - - 9 0 99 0 0 0 0 99 0 0 0 0 0 - -\n"
				 "7 1 0 L 3 1 1 0 20 0 0 0 0 10 - - - - - 5 b\n"
				 "9 1 0 L 2 1 3 0 10 0 0 0 0 20 - - - - - 6 c\n"
				 "8 1 0 L 1 1 3 0 10 0 0 0 0 30 - - - - - 1 a\n");
	sort_rows(row, rows.nr, COWSTAT_COL_COPIED);
	assert_int_equal(row[1]->pid, 7);
	assert_int_equal(row[2]->pid, 8); /* a tie: more bytes first */
	sort_rows(row, rows.nr, COWSTAT_COL_PID);
	assert_int_equal(row[0]->pid, 7);
	assert_int_equal(row[2]->pid, 9);
	assert_int_equal(row[3]->kind, COW_ROW_TOTAL);
	sort_rows(row, rows.nr, COWSTAT_COL_COMM);
	assert_string_equal(row[0]->comm, "a");
	sort_rows(row, rows.nr, COWSTAT_COL_START_NS);
	assert_int_equal(row[0]->pid, 8);
}

/* Of rows with the same figure: more bytes first, then more faults, then who began first. */
static void order_of_ties(void **state)
{
	static const pid_t want[] = { 8, 7, 6, 9 };

	(void)state;
	take(AT(1, 5, 9) COLUMNS "6 1 0 L 4 1 0 9 5 0 0 0 0 20 - - - - - 5 a\n"
				 "9 1 0 L 2 1 0 8 5 0 0 0 0 20 - - - - - 5 a\n"
				 "7 1 0 L 1 1 0 9 5 0 0 0 0 20 - - - - - 5 a\n"
				 "8 1 0 L 3 1 0 7 5 0 0 0 0 30 - - - - - 5 a\n");
	sort_rows(row, rows.nr, COWSTAT_COL_COPIED);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(row[i]->pid, want[i]);
}

static void cgroups_of_a_hierarchy(void **state)
{
	char dir[] = "/tmp/test_view.XXXXXX", path[64], deep[64], typed[64], why[256];
	struct cgroup_place place;
	struct cgroups cgroups;
	struct stat st;
	uint64_t id;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.slice", dir);
	snprintf(deep, sizeof(deep), "%s/a.slice/b", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkdir(deep, 0755), 0);
	assert_int_equal(cgroups_read(dir, &cgroups), 0);
	assert_int_equal(cgroups.nr, 3);
	assert_int_equal(stat(deep, &st), 0);
	assert_string_equal(cgroups_path(&cgroups, st.st_ino), "/a.slice/b");
	id = st.st_ino;
	assert_int_equal(stat(dir, &st), 0);
	assert_string_equal(cgroups_path(&cgroups, st.st_ino), "/");
	assert_null(cgroups_path(&cgroups, 0));
	cgroups_free(&cgroups);
	assert_null(cgroups_path(&cgroups, st.st_ino));

	/* a name, a path, a directory: all three are the same cgroup */
	snprintf(typed, sizeof(typed), "%s//a.slice/b/", dir);
	for (i = 0; i < 4; i++) {
		const char *const given[] = { "a.slice/b", "/a.slice/b", "./a.slice//b/", typed };

		assert_int_equal(cgroups_locate(given[i], dir, &place, why, sizeof(why)), 0);
		assert_string_equal(place.path, "/a.slice/b");
		assert_true(place.id == id && place.level == 2);
	}
	assert_int_equal(cgroups_locate("/", dir, &place, why, sizeof(why)), 0);
	assert_string_equal(place.path, "/");
	assert_int_equal(place.level, 0);
	assert_int_equal(cgroups_locate("/a.slice/c", dir, &place, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "there is no cgroup /a.slice/c"));
	rmdir(deep);
	rmdir(path);
	rmdir(dir);

	assert_true(cgroups_within("/a/b", "/a"));
	assert_true(cgroups_within("/a", "/a/"));
	assert_true(cgroups_within("/a", "/"));
	assert_false(cgroups_within("/ab", "/a"));
	assert_false(cgroups_within("/", "/a"));
}

static void readable_paths(void **state)
{
	static const char hex[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char path[200], to[200], tiny[8];

	(void)state;
	snprintf(path, sizeof(path), "/kubepods/pod1-2/%s", hex);
	cgroups_readable(to, sizeof(to), path);
	assert_string_equal(to, "/kubepods/pod1-2/0123456789ab");
	cgroups_readable(to, sizeof(to), "/user.slice/deadbeef.scope");
	assert_string_equal(to, "/user.slice/deadbeef.scope");
	cgroups_readable(tiny, sizeof(tiny), path);
	assert_string_equal(tiny, "/kubepo");
	cgroups_readable(tiny, sizeof(tiny), hex);
	assert_string_equal(tiny, "0123456");
}

/* Mappings of one name are one entry; what there is no room for is in the last. */
static void mappings(void **state)
{
	char text[] = "5600-5700 r-xp 00000000 08:01 12   /usr/bin/a b\n"
		      "Size:  4 kB\nShared_Dirty:   8 kB\nPrivate_Dirty:   4 kB\n"
		      "5700-5800 rw-p 00001000 08:01 12   /usr/bin/a b\n"
		      "Private_Dirty:   16 kB\nVmFlags: rd wr\n"
		      "7f00-7f10 rw-p 00000000 00:00 0 \n"
		      "Shared_Dirty:   4 kB\nShared_Dirty: x\n"
		      "7ff0-7fff rw-p 00000000 00:00 0    [stack]\n"
		      "Private_Dirty:   12 kB\n";
	struct smaps_mapping list[3];
	FILE *f = fmemopen(text, strlen(text), "r");

	(void)state;
	assert_int_equal(smaps_mappings(f, list, 3), 3);
	assert_string_equal(list[0].name, "/usr/bin/a b");
	assert_int_equal(list[0].shared_dirty, 8192);
	assert_int_equal(list[0].private_dirty, 20480);
	assert_string_equal(list[1].name, "(anonymous)");
	assert_int_equal(list[1].shared_dirty, 4096);
	assert_string_equal(list[2].name, "[stack]");
	rewind(f);
	assert_int_equal(smaps_mappings(f, list, 1), 1);
	assert_string_equal(list[0].name, "(other)");
	assert_int_equal(list[0].private_dirty, 32768);
	fclose(f);
	f = fmemopen(text, 1, "r");
	assert_int_equal(smaps_mappings(f, list, 1), 0);
	fclose(f);
}

static void resident(void **state)
{
	char text[] = "55d6-7ffc ---p 00000000 00:00 0    [rollup]\nRss:   1812 kB\nPss:  632 kB\n"
		      "Pss_Dirty: 99 kB\nPrivate_Dirty:         104 kB\nNonsense\nSwap:  x kB\n";
	char zombie[] = "";
	struct smaps smaps;
	FILE *f;

	(void)state;
	f = fmemopen(text, strlen(text), "r");
	assert_int_equal(smaps_parse(f, &smaps), 0);
	fclose(f);
	assert_int_equal(smaps.bytes[SMAPS_RSS], 1812 * 1024);
	assert_int_equal(smaps.bytes[SMAPS_PSS], 632 * 1024);
	assert_int_equal(smaps.bytes[SMAPS_PRIVATE_DIRTY], 104 * 1024);
	assert_int_equal(smaps.bytes[SMAPS_SWAP], 0);
	f = fmemopen(zombie, 1, "r");
	assert_int_equal(smaps_parse(f, &smaps), -ENODATA);
	fclose(f);
	assert_int_equal(smaps_read(INT32_MAX, &smaps), -ENOENT);
}

#define unit(test)	cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(a_row),	      unit(a_sort_column),
		unit(chosen_columns), unit(texts_that_fit),
		unit(rates),	      unit(everything_at_its_largest),
		unit(forks),	      unit(time_of_processes),
		unit(run_times),      unit(notes),
		unit(failed_forks),   unit(tree),
		unit(a_deep_tree),    unit(group_by_cgroup),
		unit(group_sums),     unit(colour_ends_with_its_line),
		unit(filters),	      unit(order),
		unit(order_of_ties),  unit(cgroups_of_a_hierarchy),
		unit(readable_paths), unit(resident),
		unit(mappings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
