// SPDX-License-Identifier: GPL-2.0
/* top*.c: keys and the mouse are pressed, and the screen is read, without a terminal. */
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "top.h"

#define COLUMNS	"# pid ppid uid state start_ns parent_start_ns forks wp_faults copied zero_filled "	\
		"reused shared_wp other copied_bytes fork_ns birth_anon_pages inherited_copied "	\
		"parent_copied copy_ns shootdown_ns reuse_ns comm\n"
#define TOTAL	"* - - - - - "
#define ZEROES	" 0 0 0 0 0 0 0 0"

/* pid 7 forked 8, and 9 is another user's; the second reading comes two seconds later */
#define FIRST	AT(1, 5, 1000000000) COLUMNS							\
	"7 1 0 L 10 1 2 31 20 1 6 3 1 81920 - - - - - - - server\n"				\
	"8 7 0 L 20 10 0 50 50 0 0 0 0 204800 5000 1000 40 7 - - - child\n"			\
	"9 1 1000 X 30 1 5 10 10 0 0 0 0 40960 - - - - - - - zeta\n"				\
	TOTAL "7 91 80 1 6 3 1 327680 - - - - - - - -\n"
#define SECOND	AT(1, 5, 3000000000) COLUMNS							\
	"7 1 0 L 10 1 4 31 20 1 6 3 1 81920 - - - - - - - server\n"				\
	"8 7 0 L 20 10 0 150 150 0 0 0 0 614400 5000 1000 40 7 - - - child\n"			\
	"9 1 1000 X 30 1 5 10 10 0 0 0 0 40960 - - - - - - - zeta\n"				\
	TOTAL "9 191 180 1 6 3 1 737280 - - - - - - - -\n"

static struct top top;
static char grid[100][256];
static enum top_paint painted[100];
static unsigned int width, height;

/* A text never leaves the screen, and has no control characters. */
static void put(void *to, unsigned int y, unsigned int x, enum top_paint paint, const char *text)
{
	size_t i;

	(void)to;
	assert_true(y < height);
	assert_true(x + strlen(text) <= width);
	for (i = 0; text[i]; i++) {
		assert_true(text[i] >= ' ' && text[i] <= '~');
		grid[y][x + i] = text[i];
	}
	painted[y] = paint;
}

static void draw(unsigned int w, unsigned int h)
{
	const struct top_canvas c = { .width = w, .height = h, .put = put };
	unsigned int y;

	width = w;
	height = h;
	memset(grid, 0, sizeof(grid));
	for (y = 0; y < h; y++)
		memset(grid[y], ' ', w);
	top_draw(&top, &c);
}

static void keys(const char *typed)
{
	for (; *typed; typed++)
		top_key(&top, *typed);
	draw(80, 24);
}

static void key(int k)
{
	top_key(&top, k);
	draw(80, 24);
}

/* The first line that has the text, or -1. */
static int line_of(const char *text)
{
	unsigned int y;

	for (y = 0; y < height; y++)
		if (strstr(grid[y], text))
			return y;
	return -1;
}

static void print_grid(void)
{
	unsigned int y;

	for (y = 0; y < height; y++)
		print_message("|%s|\n", grid[y]);
}

static void expect(const char *text)
{
	if (line_of(text) < 0) {
		print_grid();
		fail_msg("no \"%s\"", text);
	}
}

static void expect_no(const char *text)
{
	if (line_of(text) >= 0) {
		print_grid();
		fail_msg("there is \"%s\"", text);
	}
}

static void expect_order(const char *a, const char *b, const char *c)
{
	if (!(line_of(a) >= 0 && line_of(a) < line_of(b) && line_of(b) < line_of(c))) {
		print_grid();
		fail_msg("order is not %s %s %s", a, b, c);
	}
}

static void take(const char *text)
{
	struct cow_table t = table_of(text);

	top_take(&top, &t);
	draw(80, 24);
}

static int begin(void **state)
{
	(void)state;
	top_init(&top, "/a/recorded/table");
	return 0;
}

static int end(void **state)
{
	(void)state;
	top_free(&top);
	return 0;
}

static void counts_then_rates(void **state)
{
	(void)state;
	take(FIRST);
	expect("counts since counting began");
	expect("      8 L     0       50       50       0     0     0        200 child");
	expect("rates follow with the next refresh");
	take(SECOND);
	expect("rates since the last refresh, 2.00 s");
	expect("Linux 6.12.1-test  counting on");
	expect("lost 0  missed 0  recycled 1");
	/* 100 pages in two seconds; 9 did nothing and is not shown */
	expect("      8 L  0.00     50.0     50.0    0.00  0.00  0.00        200 child");
	expect("      7 L  1.00     0.00");
	expect_no("zeta");
	expect("copied 200.0 KiB/s");
	expect("forks 1/s");
	keys("H");
	expect("      8 L     0      150      150       0     0     0        600 child");
	keys("H");
	/* a reset */
	take(AT(2, 5, 4000000000) COLUMNS
	     "8 7 0 L 20 10 0 2 2 0 0 0 0 8192 5000 1000 40 7 - - - child\n");
	expect("counting began anew");
	expect("counts since counting began");
}

static void sorting(void **state)
{
	(void)state;
	take(FIRST);
	expect_order("child", "server", "zeta"); /* by bytes */
	keys("F");
	expect("sorted by forks");
	expect_order("zeta", "server", "child");
	keys("R");
	expect_order("child", "server", "zeta");
	keys("RN");
	expect_order("server", "child", "zeta"); /* by pid */
	/* beside the pid are the state and, around the corner, the name */
	keys("<");
	expect("sorted by comm");
	expect_order("child", "server", "zeta");
	keys(">>");
	expect("sorted by state");
	expect_order("child", "server", "zeta");
	key(TOP_KEY_F6);
	expect("sorted by forks");
	key(TOP_KEY_LEFT);
	expect("sorted by state");
	/* a column that is not among the usual ones is shown */
	keys("T");
	expect("COPY_NS");
	keys("M");
	expect("BIRTH_ANON_PAGES");
	keys("P");
	expect("sorted by copied_bytes");
	expect("WPFAULTS");
	expect_order("child", "server", "zeta");
	keys("I");
	expect("the last first");
	expect_order("zeta", "server", "child");
}

static void filters(void **state)
{
	(void)state;
	take(FIRST);
	key(TOP_KEY_F4);
	expect("name (regular expression): _");
	key(TOP_KEY_ESCAPE);
	keys("/^s");
	expect("name (regular expression): ^s_");
	keys("\n");
	expect("name ^s");
	expect("server");
	expect_no("child");
	keys("/");
	key(TOP_KEY_BACKSPACE);
	key(TOP_KEY_BACKSPACE);
	keys("(\n");
	expect("no regular expression");
	expect("server");
	expect_no("child"); /* as before */
	key(TOP_KEY_F4);
	key(TOP_KEY_ESCAPE);
	expect_no("child");
	keys("=");
	expect("child");
	keys("u1000\n");
	expect("user 1000");
	expect("zeta");
	expect_no("server");
	keys("unobody-is-called-so\n");
	expect("there is no user ");
	keys("=/nothing\n");
	expect("The key = shows all");
	keys("=G/no/such/cgroup\n");
	expect("cgroup");
	expect("child");
	keys("x");
	expect("hidden");
	expect_no("zeta");
	keys("x");
	take(SECOND);
	expect_no("zeta");
	keys("a");
	expect("zeta");
}

static void tree_and_groups(void **state)
{
	(void)state;
	take(FIRST);
	keys("t");
	expect("tree");
	expect("`-child");
	assert_true(line_of("server") + 1 == line_of("`-child"));
	key(TOP_KEY_F5);
	expect_no("`-child");
	keys("gg");
	expect("a line for each name");
	expect("PROCS");
	expect("      1       0       50       50");
	keys("g");
	expect("a line for each user");
	expect(" 2       2       81       70");
	expect_no("PID");
	keys("g");
	expect("PID");
}

static void selection(void **state)
{
	(void)state;
	take(FIRST);
	assert_string_equal(top_selected(&top)->comm, "child");
	key(TOP_KEY_DOWN);
	assert_string_equal(top_selected(&top)->comm, "server");
	assert_int_equal(painted[line_of("server")], TOP_SELECTED);
	/* it is followed */
	keys("R");
	assert_string_equal(top_selected(&top)->comm, "server");
	keys("N");
	assert_string_equal(top_selected(&top)->comm, "server");
	key(TOP_KEY_END);
	key(TOP_KEY_DOWN);
	key(TOP_KEY_PAGE_DOWN);
	assert_int_equal(top.selection.at, 2);
	key(TOP_KEY_PAGE_UP);
	assert_int_equal(top.selection.at, 0);
	keys("jjk");
	assert_int_equal(top.selection.at, 1);
	key(TOP_KEY_HOME);
	assert_int_equal(top.selection.at, 0);
}

static void the_pane(void **state)
{
	(void)state;
	take(FIRST);
	keys("\n");
	expect("8 child, live of root, since counting began");
	expect("write faults 50 = copied 50 + zero 0 + reused 0 + shared 0 + other 0");
	expect("shared 1 000 pages (3.9 MiB)");
	expect("it copied 40 of them, never copied 96.00 %; its parent copied 7 meanwhile");
	expect("not timed. To time: echo timing on");
	key(TOP_KEY_DOWN);
	expect("7 server, live of root");
	expect("its fork: not known");
	expect("children with a row: 1 live, 0 exited");
	expect("      8 L shared      1000  child copied      40  parent copied       7  child");
	key(TOP_KEY_ESCAPE);
	expect_no("since counting began, live");
	expect_no("write faults");
	/* with times */
	take(AT(1, 5, 1000000000) COLUMNS
	     "7 1 0 L 10 1 2 31 20 1 6 3 1 81920 - - - - 3000000 500000 100000 server\n");
	keys("i");
	expect("time lost: 3.6 ms, - of run time (copying 3.0 ms, TLBs 500 us, reuse 100 us)");
}

static void the_mouse(void **state)
{
	(void)state;
	take(FIRST);
	top_mouse(&top, top.head_y + 2, 30, TOP_BUTTON_LEFT);
	assert_int_equal(top.selection.at, 1);
	top_mouse(&top, top.head_y, 13, TOP_BUTTON_LEFT);
	draw(80, 24);
	expect("sorted by forks");
	top_mouse(&top, top.head_y, 13, TOP_BUTTON_LEFT);
	draw(80, 24);
	assert_true(top.set.reverse);
	top_mouse(&top, top.head_y, 3, TOP_BUTTON_LEFT);
	draw(80, 24);
	expect("sorted by pid");
	top_mouse(&top, top.head_y, 75, TOP_BUTTON_LEFT);
	draw(80, 24);
	expect("sorted by comm");
	top_select(&top, 0);
	top_mouse(&top, 10, 10, TOP_BUTTON_WHEEL_DOWN);
	assert_int_equal(top.selection.at, 2);
	top_mouse(&top, 10, 10, TOP_BUTTON_WHEEL_UP);
	assert_int_equal(top.selection.at, 0);
	/* where there is nothing */
	top_mouse(&top, 23, 79, TOP_BUTTON_LEFT);
	top_mouse(&top, 0, 0, TOP_BUTTON_LEFT);
	top_mouse(&top, 5000, 5000, TOP_BUTTON_LEFT);
	assert_int_equal(top.selection.at, 0);
}

static void other_keys(void **state)
{
	(void)state;
	take(FIRST);
	keys("f");
	assert_true(top.frozen);
	expect("FROZEN");
	keys(" ");
	assert_false(top.frozen);
	keys("d0.25\n");
	assert_int_equal(top.set.interval_ns, 250000000);
	keys("sno\n");
	expect("is no interval in seconds");
	assert_int_equal(top.set.interval_ns, 250000000);
	keys("h");
	expect("cowstat top: keys");
	keys("q");
	assert_false(top.quit);
	expect("COMMAND");
	keys("?");
	expect("cowstat top: keys");
	key(TOP_KEY_F1);
	keys("e");
	expect("SIZE");
	expect("200.0 KiB child");
	keys("e");
	assert_false(top.set.human);
	keys("c");
	assert_true(top.set.command_line);
	keys("c");
	assert_false(top.set.command_line);
	keys("r");
	assert_true(top.wants_read);
	keys("~");
	expect("this key does nothing");
	keys("q");
	assert_true(top.quit);
	top.quit = false;
	key(TOP_KEY_F10);
	assert_true(top.quit);
}

static void choosing_columns(void **state)
{
	static const int back[] = { TOP_KEY_ENTER, '\r', TOP_KEY_F2, 'C', TOP_KEY_ESCAPE, 'q' };
	size_t i, end_of_list;

	(void)state;
	take(FIRST);
	key(TOP_KEY_F2);
	expect("   ppid");
	expect("   reuse_ns");
	keys(" ");
	expect(" 1 ppid");
	key(TOP_KEY_DOWN);
	keys(" ");
	expect(" 2 uid");
	key(TOP_KEY_UP);
	keys(" ");
	expect("   ppid");
	expect(" 1 uid");
	keys("C");
	expect("not saved: neither");
	expect("    PID S     UID COPIED_BYTES COMMAND");
	expect("      8 L       0       204800 child");
	keys("P");
	keys("Cd\n");
	expect("WPFAULTS");
	/* around the corner, and to both ends */
	keys("C");
	key(TOP_KEY_HOME);
	keys("k");
	end_of_list = top.cursor;
	assert_true(end_of_list > 10);
	keys("j");
	assert_int_equal(top.cursor, 0);
	key(TOP_KEY_END);
	assert_int_equal(top.cursor, end_of_list);
	keys("q");
	for (i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
		keys("C");
		assert_int_equal(top.page, TOP_COLUMNS);
		key(back[i]);
		assert_int_equal(top.page, TOP_TABLE);
		assert_false(top.quit);
	}
}

static void what_to_do(void **state)
{
	struct cow_table t;

	(void)state;
	top_read(&top);
	draw(80, 24);
	expect("cannot open /a/recorded/table: No such file or directory");
	expect("tries again at every refresh");
	keys("tgP/x\n\n=jH");
	t = table_of("# cowstat 1 kernel=6.12.1 counting=off epoch=1 since_ns=5 now_ns=9 rows=0\n" COLUMNS);
	top.set.by = GROUP_NONE;
	top.message[0] = '\0';
	top_take(&top, &t);
	draw(80, 24);
	expect("counting OFF");
	expect("Counting is OFF. On: echo counting on | sudo tee /proc/cowstat");
	expect("Nothing is shown, and counting is off.");
	/* a reader without privileges */
	t = table_of("# cowstat 1 kernel=6.12.1 counting=on epoch=1 since_ns=5 now_ns=9 rows=- lost=-\n" COLUMNS
		     "7 1 0 L 10 1 2 31 20 1 6 3 1 81920 - - - - - - - server\n");
	top_take(&top, &t);
	draw(80, 24);
	expect("only processes of root are shown, and no total: root sees all");
	expect("lost -  missed -");
	/* a name may hold anything; put() lets nothing through */
	t = table_of("# cowstat 1 kernel=6\033[2J counting=on epoch=1 since_ns=5 now_ns=9\n" COLUMNS
		     "7 1 0 \033 10 1 2 31 20 1 6 3 1 81920 - - - - - - - a\\012\\033[2J\\377\n");
	top_take(&top, &t);
	keys("\n");
	expect("a??[2J?");
}

/* Any key at any size: nothing leaves the screen, and nothing crashes. */
static void storm(void **state)
{
	unsigned int i, w, h;

	(void)state;
	srand(1);
	for (i = 0; i < 20000; i++) {
		int k = rand() % 4 ? rand() % 128 : TOP_KEY_UP + rand() % 20;

		if (i % 50 == 0) {
			struct cow_table t = table_of(i % 100 ? FIRST : SECOND);

			top_take(&top, &t);
		}
		if (k == 'G' || k == 'c') /* they look at this machine */
			continue;
		top_key(&top, k);
		if (rand() % 8 == 0)
			top_mouse(&top, rand() % 30, rand() % 90, rand() % 3);
		w = 1 + rand() % 220;
		h = 1 + rand() % 60;
		draw(w, h);
	}
	for (w = 1; w < 120; w++)
		for (h = 1; h < 30; h++)
			draw(w, h);
}

static char dir[] = "/tmp/cowstat-top.XXXXXX";

static void write_rc(const char *text)
{
	FILE *f = fopen(top.rc, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void settings(void **state)
{
	static const char *const bad[] = {
		"sort=nothing\n",
		"columns=copied,copied\n",
		"columns=comm\n",
		"interval=0\n",
		"interval=1x\n",
		"reverse=perhaps\n",
		"tree=yes\ngroup=uid\n",
		"group=all\n",
		"\033[2J\n",
		"color=yes\n",
	};
	char why[200], link[64], other[64];
	struct top_settings set;
	struct stat st;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("XDG_CONFIG_HOME", dir, 1);
	assert_true(top_rc_path(top.rc, sizeof(top.rc)));
	set = top.set;
	assert_int_equal(top_rc_read(top.rc, &set, why, sizeof(why)), 0);
	take(FIRST);
	keys("RFegd0.5\n\nW");
	expect("saved in /tmp/cowstat-top.");
	key(TOP_KEY_F2);
	keys(" \n");
	assert_int_equal(stat(top.rc, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(top_rc_read(top.rc, &set, why, sizeof(why)), 0);
	assert_memory_equal(&set.by, &top.set.by, sizeof(set.by));
	assert_true(set.reverse && set.human && set.pane);
	assert_int_equal(set.interval_ns, 500000000);
	assert_int_equal(set.columns.sort, COWSTAT_COL_FORKS);
	assert_int_equal(set.columns.nr, 1);
	assert_int_equal(set.columns.chosen[0], COWSTAT_COL_PPID);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_rc(bad[i]);
		set = top.set;
		assert_int_not_equal(top_rc_read(top.rc, &set, why, sizeof(why)), 0);
		assert_true(*why);
		assert_memory_equal(&set, &top.set, sizeof(set));
	}
	/* too long, and bytes that are no text */
	write_rc("#");
	assert_int_equal(truncate(top.rc, 20000), 0);
	assert_int_equal(top_rc_read(top.rc, &set, why, sizeof(why)), -EINVAL);
	/* links are not followed, and a new file replaces them */
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(rename(top.rc, other), 0);
	assert_int_equal(symlink(other, top.rc), 0);
	assert_int_equal(top_rc_read(top.rc, &set, why, sizeof(why)), -ELOOP);
	keys("W");
	expect("saved in");
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 20000);
	assert_int_equal(lstat(top.rc, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	/* nor is a link instead of the directory */
	unlink(top.rc);
	snprintf(link, sizeof(link), "%s/cowstat", dir);
	assert_int_equal(rmdir(link), 0);
	assert_int_equal(symlink("/tmp", link), 0);
	keys("W");
	expect("not saved: cannot open");
	unlink(link);
	unlink(other);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_then_rates, begin, end),
		cmocka_unit_test_setup_teardown(sorting, begin, end),
		cmocka_unit_test_setup_teardown(filters, begin, end),
		cmocka_unit_test_setup_teardown(tree_and_groups, begin, end),
		cmocka_unit_test_setup_teardown(selection, begin, end),
		cmocka_unit_test_setup_teardown(the_pane, begin, end),
		cmocka_unit_test_setup_teardown(the_mouse, begin, end),
		cmocka_unit_test_setup_teardown(other_keys, begin, end),
		cmocka_unit_test_setup_teardown(choosing_columns, begin, end),
		cmocka_unit_test_setup_teardown(what_to_do, begin, end),
		cmocka_unit_test_setup_teardown(storm, begin, end),
		cmocka_unit_test_setup_teardown(settings, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
