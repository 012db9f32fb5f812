// SPDX-License-Identifier: GPL-2.0
/* table_reader.c: the parser of /proc/cowstat, on tables good and bad. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "table_reader.h"

#define HEADER	"# cowstat 1 kernel=6.12.1-test counting=on timing=off epoch=3 since_ns=100 " \
		"now_ns=2500 rows=2 max_rows=8192 folded=1 lost=4 missed=5 hooks=wp,copy,fork\n"
#define SHORT	"# pid state start_ns copied comm\n"

#define ALL_NAMES(NAME, name, kind, hook)	" " #name

static struct cow_table table;
static char err[256];

static int empty_table(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	err[0] = '\0';
	return 0;
}

static int free_table(void **state)
{
	(void)state;
	cow_table_free(&table);
	return 0;
}

/* From an allocation of exactly its size, so that a sanitizer sees any byte beyond. */
static int parse_bytes(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	cow_table_free(&table);
	ret = cow_table_parse(copy, len, &table, err, sizeof(err));
	free(copy);
	return ret;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void expect_good(const char *text)
{
	if (parse(text))
		fail_msg("rejected: %s", err);
}

static void expect_bad(const char *text, const char *why)
{
	assert_int_equal(parse(text), -EINVAL);
	if (!strstr(err, why))
		fail_msg("said \"%s\", not \"%s\"", err, why);
	assert_int_equal(table.nr, 0);
	assert_null(table.row);
}

static void expect_cell(const struct cow_row *row, enum cowstat_column column, uint64_t value)
{
	assert_true(row->known[column]);
	assert_true(row->value[column] == value);
}

static void expect_unknown(const struct cow_row *row, enum cowstat_column column)
{
	assert_false(row->known[column]);
	assert_true(row->value[column] == 0);
}

static void expect_figure(const struct cow_figure *figure, uint64_t value)
{
	assert_true(figure->known);
	assert_true(figure->value == value);
}

static void header(void **state)
{
	(void)state;
	expect_good(HEADER SHORT);
	assert_true(table.version == 1);
	assert_string_equal(table.kernel, "6.12.1-test");
	assert_string_equal(table.hooks, "wp,copy,fork");
	expect_figure(&table.counting, 1);
	expect_figure(&table.timing, 0);
	expect_figure(&table.epoch, 3);
	expect_figure(&table.since_ns, 100);
	expect_figure(&table.now_ns, 2500);
	expect_figure(&table.rows, 2);
	expect_figure(&table.max_rows, 8192);
	expect_figure(&table.folded, 1);
	expect_figure(&table.lost, 4);
	expect_figure(&table.missed, 5);
	assert_int_equal(table.nr, 0);
	assert_null(cow_table_find(&table, 1));
	assert_null(cow_table_total(&table));
}

static void header_of_an_unprivileged_reader(void **state)
{
	(void)state;
	expect_good("# cowstat 1 kernel=k counting=off timing=off epoch=1 since_ns=1 now_ns=2 "
		    "rows=- max_rows=64 folded=- lost=- missed=- hooks=-\n" SHORT "7 L 1 2 sh\n");
	assert_false(table.rows.known);
	assert_false(table.folded.known);
	assert_false(table.lost.known);
	assert_false(table.missed.known);
	assert_true(table.lost.value == 0);
	expect_figure(&table.max_rows, 64);
	expect_figure(&table.counting, 0);
	assert_string_equal(table.hooks, "-");
	assert_null(cow_table_total(&table));
	assert_non_null(cow_table_find(&table, 7));
}

static void header_newer_or_poorer(void **state)
{
	(void)state;
	expect_good("# cowstat 1 colour=blue epoch=9 words without sense\n" SHORT);
	expect_figure(&table.epoch, 9);
	assert_false(table.counting.known);
	assert_string_equal(table.kernel, "");
	expect_good("# cowstat 1\n" SHORT);
	assert_false(table.epoch.known);
}

static void header_rejected(void **state)
{
	(void)state;
	expect_bad("", "empty");
	expect_bad("\n", "not a cowstat table");
	expect_bad("slabinfo - version: 2.1\n" SHORT, "not a cowstat table");
	expect_bad("# pid state comm\n", "not a cowstat table");
	expect_bad("#cowstat 1\n" SHORT, "not a cowstat table");
	expect_bad("# cowstats 1\n" SHORT, "not a cowstat table");
	expect_bad("# cowstat\n" SHORT, "no version");
	expect_bad("# cowstat x\n" SHORT, "no version");
	expect_bad("# cowstat -1\n" SHORT, "no version");
	expect_bad("# cowstat 0\n" SHORT, "version 0");
	expect_bad("# cowstat 2 kernel=k\n" SHORT, "version 2, this program reads version 1");
	expect_bad("# cowstat 1 epoch=x\n" SHORT, "epoch=x");
	expect_bad("# cowstat 1 epoch=\n" SHORT, "epoch=");
	expect_bad("# cowstat 1 lost=-3\n" SHORT, "lost=-3");
	expect_bad("# cowstat 1 lost=18446744073709551616\n" SHORT, "no number");
	expect_bad("# cowstat 1 counting=maybe\n" SHORT, "counting=maybe");
}

static void header_text_is_cut(void **state)
{
	char text[2000] = "# cowstat 1 kernel=";
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'k', 1000);
	strcpy(text + n + 1000, "\n" SHORT);
	expect_good(text);
	assert_int_equal(strlen(table.kernel), sizeof(table.kernel) - 1);
}

static void every_column(void **state)
{
	char text[4000], *to = text;
	enum cowstat_column c;

	(void)state;
	to += sprintf(to, HEADER "#" COWSTAT_COLUMNS(ALL_NAMES) "\n");
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		if (c == COWSTAT_COL_STATE)
			to += sprintf(to, "X ");
		else if (c == COWSTAT_COL_COMM)
			to += sprintf(to, "true\n");
		else
			to += sprintf(to, "%d ", 1000 + c);
	}
	expect_good(text);
	assert_int_equal(table.nr, 1);
	assert_int_equal(table.row[0].kind, COW_ROW_PROCESS);
	assert_int_equal(table.row[0].pid, 1000);
	assert_int_equal(table.row[0].state, 'X');
	assert_string_equal(table.row[0].comm, "true");
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		assert_true(table.row[0].known[c]);
		if (c != COWSTAT_COL_STATE && c != COWSTAT_COL_COMM)
			expect_cell(&table.row[0], c, 1000 + c);
	}
}

static void extra_column(void **state)
{
	(void)state;
	expect_good(HEADER "# pid state start_ns colour copied taste comm\n"
			   "7 L 1 blue 22 -3 a b\n");
	expect_cell(&table.row[0], COWSTAT_COL_COPIED, 22);
	assert_string_equal(table.row[0].comm, "a b");
}

static void other_order(void **state)
{
	(void)state;
	expect_good(HEADER "# copied comm start_ns pid state\n"
			   "22 sh 5 7 X\n"
			   "23  6 8 L\n");
	assert_int_equal(table.nr, 2);
	assert_int_equal(table.row[0].pid, 7);
	assert_int_equal(table.row[0].state, 'X');
	assert_string_equal(table.row[0].comm, "sh");
	expect_cell(&table.row[0], COWSTAT_COL_COPIED, 22);
	expect_cell(&table.row[0], COWSTAT_COL_START_NS, 5);
	assert_string_equal(table.row[1].comm, "");
	assert_true(table.row[1].known[COWSTAT_COL_COMM]);
}

static void missing_column(void **state)
{
	(void)state;
	expect_good(HEADER "# pid reused\n7 9\n");
	expect_cell(&table.row[0], COWSTAT_COL_REUSED, 9);
	expect_unknown(&table.row[0], COWSTAT_COL_COPIED);
	expect_unknown(&table.row[0], COWSTAT_COL_COMM);
	assert_int_equal(table.row[0].state, '-');
	assert_string_equal(table.row[0].comm, "");
}

static void columns_rejected(void **state)
{
	char text[4000];
	int i, n;

	(void)state;
	expect_bad(HEADER, "ends before its column names");
	expect_bad(HEADER "\n", "column names are missing");
	expect_bad(HEADER "7 L 1 2 sh\n", "column names are missing");
	expect_bad(HEADER "# state comm\n", "no column pid");
	expect_bad(HEADER "#\n", "no column pid");
	expect_bad(HEADER "# pid copied copied comm\n", "named twice");

	n = sprintf(text, HEADER "# pid");
	for (i = 0; i < 255; i++)
		n += sprintf(text + n, " x%d", i);
	strcpy(text + n, "\n");
	expect_good(text);
	strcpy(text + n, " y\n");
	expect_bad(text, "more than 256 columns");
}

static void unknown_values(void **state)
{
	(void)state;
	expect_good(HEADER "# pid ppid state copied fork_ns comm\n7 - - - - -\n");
	assert_int_equal(table.row[0].kind, COW_ROW_PROCESS);
	expect_unknown(&table.row[0], COWSTAT_COL_PPID);
	expect_unknown(&table.row[0], COWSTAT_COL_STATE);
	expect_unknown(&table.row[0], COWSTAT_COL_COPIED);
	expect_unknown(&table.row[0], COWSTAT_COL_FORK_NS);
	expect_unknown(&table.row[0], COWSTAT_COL_COMM);
	assert_int_equal(table.row[0].state, '-');
}

static void sums(void **state)
{
	(void)state;
	expect_good(HEADER SHORT "7 L 1 2 sh\n"
				 "- - - 40 -\n"
				 "* - - 42 -\n");
	assert_int_equal(table.nr, 3);
	assert_int_equal(table.row[1].kind, COW_ROW_FOLDED);
	assert_int_equal(table.row[2].kind, COW_ROW_TOTAL);
	assert_ptr_equal(cow_table_total(&table), &table.row[2]);
	expect_cell(&table.row[1], COWSTAT_COL_COPIED, 40);
	expect_cell(&table.row[2], COWSTAT_COL_COPIED, 42);
	expect_unknown(&table.row[2], COWSTAT_COL_PID);
	/* a sum is nobody's row */
	assert_null(cow_table_find(&table, 0));
}

static void sums_by_owner(void **state)
{
	(void)state;
	expect_good("# cowstat 1 sums=2 max_sums=128 merged=5\n"
		    "# pid uid state copied cgroup comm\n"
		    "- 0 S 40 7 make\n"
		    "- 0 S 41 7 -\n"
		    "- - - 42 - -\n");
	expect_figure(&table.sums, 2);
	expect_figure(&table.max_sums, 128);
	expect_figure(&table.merged, 5);
	assert_int_equal(table.row[0].kind, COW_ROW_SUM);
	assert_int_equal(table.row[1].kind, COW_ROW_SUM);
	assert_int_equal(table.row[2].kind, COW_ROW_FOLDED);
	assert_int_equal(table.row[0].state, 'S');
	assert_string_equal(table.row[0].comm, "make");
	expect_cell(&table.row[0], COWSTAT_COL_CGROUP, 7);
	expect_cell(&table.row[1], COWSTAT_COL_COPIED, 41);
	expect_unknown(&table.row[1], COWSTAT_COL_COMM);
	expect_unknown(&table.row[0], COWSTAT_COL_PID);
	assert_null(cow_table_find(&table, 0));
}

static void empty_comm(void **state)
{
	(void)state;
	expect_good(HEADER SHORT "7 L 1 2 \n8 L 1 2 ");
	assert_int_equal(table.nr, 2);
	assert_string_equal(table.row[0].comm, "");
	assert_true(table.row[0].known[COWSTAT_COL_COMM]);
	assert_string_equal(table.row[1].comm, "");
}

static void escaped_comm(void **state)
{
	static const struct {
		const char *escaped;
		const char *comm;
	} good[] = {
		{ "a\\040b", "a b" },
		{ "a\\012b", "a\nb" },
		{ "a\\134b", "a\\b" },
		{ "\\040", " " },
		{ "\\377\\300x", "\377\300x" },
		{ "\377\300x", "\377\300x" },
		{ "\\134040", "\\040" },
		/* not made by us: kept as it is */
		{ "\\", "\\" },
		{ "\\04", "\\04" },
		{ "\\400", "\\400" },
		{ "\\09x", "\\09x" },
		{ "\\n", "\\n" },
		{ "a b", "a b" },
		{ "a  ", "a  " },
		{ "--", "--" },
	};
	char text[1000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), HEADER SHORT "7 L 1 2 %s\n", good[i].escaped);
		expect_good(text);
		assert_int_equal(table.nr, 1);
		assert_string_equal(table.row[0].comm, good[i].comm);
	}
}

static void long_comm_is_cut(void **state)
{
	char text[1000], name[201];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), HEADER SHORT "7 L 1 2 %s\n", name);
	expect_good(text);
	assert_int_equal(strlen(table.row[0].comm), sizeof(table.row[0].comm) - 1);
}

static void no_newline_at_the_end(void **state)
{
	(void)state;
	expect_good(HEADER SHORT "7 L 1 2 sh");
	assert_int_equal(table.nr, 1);
	assert_string_equal(table.row[0].comm, "sh");
	expect_good("# cowstat 1\n# pid copied\n7 22");
	expect_cell(&table.row[0], COWSTAT_COL_COPIED, 22);
	expect_good("# cowstat 1\n# pid");
	assert_int_equal(table.nr, 0);
}

static void rows_rejected(void **state)
{
	(void)state;
	expect_bad(HEADER SHORT "7 L 1 2\n", "line 3: 4 fields, but line 2 names 5 columns");
	expect_bad(HEADER SHORT "7 L 1 2 sh\n7 L", "line 4: 2 fields");
	expect_bad(HEADER SHORT "7\n", "1 fields");
	expect_bad(HEADER SHORT "\n", "pid");
	expect_bad(HEADER SHORT "7 L 1 2 sh\n\n", "line 4");
	expect_bad(HEADER "# pid copied\n7 2 3\n", "more fields");
	expect_bad(HEADER "# pid copied\n7 2 \n", "more fields");
	expect_bad(HEADER SHORT "x L 1 2 sh\n", "pid \"x\"");
	expect_bad(HEADER SHORT "-7 L 1 2 sh\n", "pid \"-7\"");
	expect_bad(HEADER SHORT "2147483648 L 1 2 sh\n", "pid");
	expect_bad(HEADER SHORT "** L 1 2 sh\n", "pid");
	expect_bad(HEADER SHORT "7 LX 1 2 sh\n", "state");
	expect_bad(HEADER SHORT "7  1 2 sh\n", "state");
	expect_bad(HEADER SHORT "7 L 1 x sh\n", "copied \"x\"");
	expect_bad(HEADER SHORT "7 L 1 -2 sh\n", "copied \"-2\"");
	expect_bad(HEADER SHORT "7 L 1 0x2 sh\n", "copied");
	expect_bad(HEADER SHORT "7 L 1  sh\n", "copied \"\"");
	expect_bad(HEADER SHORT "7 L 1\t2 3 sh\n", "start_ns");
	expect_bad(HEADER SHORT "7 L 1 2.5 sh\n", "copied");
	expect_bad(HEADER SHORT "7 L 1 2\r sh\n", "copied");
}

static void numbers_of_64_bits(void **state)
{
	(void)state;
	expect_good(HEADER SHORT "2147483647 L 0 18446744073709551615 sh\n");
	expect_cell(&table.row[0], COWSTAT_COL_COPIED, UINT64_MAX);
	assert_int_equal(table.row[0].pid, INT_MAX);
	expect_bad(HEADER SHORT "7 L 0 18446744073709551616 sh\n", "64 bits");
	expect_bad(HEADER SHORT "7 L 0 99999999999999999999999999 sh\n", "64 bits");
}

static void nul_bytes(void **state)
{
	static const char in_number[] = HEADER SHORT "7 L 1 2\0 sh\n";
	static const char in_comm[] = HEADER SHORT "7 L 1 2 s\0h\n";
	static const char in_header[] = "# cowstat 1\0\n" SHORT;

	(void)state;
	assert_int_equal(parse_bytes(in_number, sizeof(in_number) - 1), -EINVAL);
	assert_int_equal(parse_bytes(in_comm, sizeof(in_comm) - 1), 0);
	assert_string_equal(table.row[0].comm, "s");
	assert_int_equal(parse_bytes(in_header, sizeof(in_header) - 1), -EINVAL);
	assert_int_equal(cow_table_parse(NULL, 0, &table, err, sizeof(err)), -EINVAL);
}

/* Cut anywhere, or with any byte changed, a table is parsed or rejected, never more. */
static void damaged(void **state)
{
	static const char good[] = HEADER SHORT "7 L 1 2 a\\040b\n- - - 40 -\n* - - 42 -\n";
	char text[sizeof(good)];
	size_t i;
	int byte;

	(void)state;
	for (i = 0; i < sizeof(good); i++)
		parse_bytes(good, i);
	for (i = 0; i < sizeof(good) - 1; i++) {
		for (byte = 0; byte < 256; byte++) {
			memcpy(text, good, sizeof(good));
			text[i] = byte;
			parse_bytes(text, sizeof(good) - 1);
		}
	}
}

static void short_error_buffer(void **state)
{
	char tiny[8];
	size_t n;

	(void)state;
	for (n = 1; n <= sizeof(tiny); n++) {
		memset(tiny, 'z', sizeof(tiny));
		assert_int_equal(cow_table_parse("x\n", 2, &table, tiny, n), -EINVAL);
		assert_true(strlen(tiny) < n);
	}
}

static void many_rows(void **state)
{
	const int nr = 10000;
	char *text = malloc(1000 + 32 * nr), *to = text;
	int i;

	(void)state;
	assert_non_null(text);
	to += sprintf(to, HEADER SHORT);
	for (i = 1; i <= nr; i++)
		to += sprintf(to, "%d L %d %d p%d\n", i, i, 2 * i, i);
	expect_good(text);
	free(text);
	assert_int_equal(table.nr, nr);
	expect_cell(cow_table_find(&table, nr), COWSTAT_COL_COPIED, 2 * nr);
}

static void find_when_a_pid_was_reused(void **state)
{
	(void)state;
	expect_good(HEADER SHORT "7 X 10 1 a\n"
				 "7 X 30 2 b\n"
				 "7 X 20 3 c\n"
				 "8 X 90 4 d\n"
				 "8 L 50 5 e\n"
				 "8 X 95 6 f\n");
	assert_string_equal(cow_table_find(&table, 7)->comm, "b");
	assert_string_equal(cow_table_find(&table, 8)->comm, "e");
	assert_null(cow_table_find(&table, 9));
}

static void column_names(void **state)
{
	enum cowstat_column c;

	(void)state;
	assert_string_equal(cow_column_name(COWSTAT_COL_PID), "pid");
	assert_string_equal(cow_column_name(COWSTAT_COL_COMM), "comm");
	assert_null(cow_column_name(COWSTAT_NR_COLUMNS));
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		assert_int_equal(cow_column_by_name(cow_column_name(c)), c);
	assert_int_equal(cow_column_by_name("copie"), -1);
	assert_int_equal(cow_column_by_name("copied2"), -1);
	assert_int_equal(cow_column_by_name(""), -1);
}

static void read_files(void **state)
{
	char path[] = "/tmp/test_table_reader.XXXXXX";
	const int nr = 5000; /* more than one read */
	FILE *f;
	int i;

	(void)state;
	assert_int_equal(cow_table_read("/nowhere/cowstat", &table, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "cannot open /nowhere/cowstat: No such file or directory");
	/* unless this machine counts */
	if (cow_table_read(COWSTAT_PROC_PATH, &table, err, sizeof(err)) == -ENOENT)
		assert_true(strstr(err, "modprobe") || strstr(err, "takes no unsigned module"));
	cow_table_free(&table);
	assert_int_equal(cow_table_read("/tmp", &table, err, sizeof(err)), -EISDIR);
	assert_int_equal(cow_table_read("/dev/null", &table, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "/dev/null: not a cowstat table"));

	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	fputs(HEADER SHORT, f);
	for (i = 1; i <= nr; i++)
		fprintf(f, "%d L %d 1 a-name-of-some-length\n", i, i);
	fclose(f);
	i = cow_table_read(path, &table, err, sizeof(err));
	unlink(path);
	assert_int_equal(i, 0);
	assert_int_equal(table.nr, nr);
	cow_table_free(&table);
	assert_int_equal(table.nr, 0);
	cow_table_free(&table);
}

/* Whatever was read before, the same table comes out as without it. */
static void read_again(void **state)
{
	static const char *const texts[] = {
		HEADER SHORT "1 L 1 10 a\n2 L 2 20 b\n3 X 3 30 c\n* - - 60 -\n",
		HEADER SHORT "1 L 1 10 a\n2 L 2 21 b\n3 X 3 30 c\n* - - 61 -\n", /* one differs */
		HEADER SHORT "2 L 2 21 b\n3 X 3 30 c\n* - - 51 -\n",		 /* one is gone */
		HEADER SHORT
		"2 L 2 21 b\n3 X 3 30 c\n4 L 4 1 d\n5 L 5 1 e\n* - - 53 -\n", /* more */
		/* the same rows of other columns */
		HEADER "# pid state start_ns reused comm\n2 L 2 21 b\n3 X 3 30 c\n4 L 4 1 d\n",
		"no table",
		HEADER SHORT "2 L 2 21 b\n3 X 3 x c\n",
		HEADER SHORT "2 L 2 21 b\n3 X 3 30 c\n",
		HEADER SHORT,
		HEADER SHORT "2 L 2 21 b\n3 X 3 30 c",
		HEADER SHORT "2 L 2 21 b\n3 X 3 30 c\n",
	};
	char path[] = "/tmp/test_table_reader.XXXXXX", other[256];
	struct cow_table before = {}, plain;
	struct cow_text kept = {};
	size_t i;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, texts[i], strlen(texts[i]), 0), strlen(texts[i]));
		assert_int_equal(cow_table_reread(path, &before, &kept, &table, err, sizeof(err)),
				 cow_table_read(path, &plain, other, sizeof(other)));
		assert_int_equal(table.nr, plain.nr);
		if (plain.nr)
			assert_memory_equal(table.row, plain.row, plain.nr * sizeof(*plain.row));
		if (!plain.version)
			assert_string_equal(err, other);
		cow_table_free(&before);
		cow_table_free(&plain);
		before = table;
		table = (struct cow_table){};
	}
	cow_table_free(&before);
	cow_text_free(&kept);
	close(fd);
	unlink(path);
}

#define unit(test)	cmocka_unit_test_setup_teardown(test, empty_table, free_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit(header),
		unit(header_of_an_unprivileged_reader),
		unit(header_newer_or_poorer),
		unit(header_rejected),
		unit(header_text_is_cut),
		unit(every_column),
		unit(extra_column),
		unit(other_order),
		unit(missing_column),
		unit(columns_rejected),
		unit(unknown_values),
		unit(sums),
		unit(sums_by_owner),
		unit(empty_comm),
		unit(escaped_comm),
		unit(long_comm_is_cut),
		unit(no_newline_at_the_end),
		unit(rows_rejected),
		unit(numbers_of_64_bits),
		unit(nul_bytes),
		unit(damaged),
		unit(short_error_buffer),
		unit(many_rows),
		unit(find_when_a_pid_was_reused),
		unit(column_names),
		unit(read_files),
		unit(read_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
