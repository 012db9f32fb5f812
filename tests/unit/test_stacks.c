// SPDX-License-Identifier: GPL-2.0
/* What cowtrace makes of stacks: code of the program, of JIT compilers, and the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "calls.h"
#include "flamegraph.h"
#include "perf_map.h"
#include "script_line.h"

#define PLENTY	((struct perf_budget){ .bytes = 1 << 20, .symbols = 1000 })

/* --- perf maps --------------------------------------------------------------------------- */

static void map_lines(void **state)
{
	static const char text[] =
		"nonsense\n1000 20 py::inner;\033\302\233x:/a b.py\n0x1100 0x10 outer\n"
		"1200 0 empty\n1300 20\n 1400 20 blank\nfffffffffffffff0 20 beyond\n"
		"10000000000000000 20 too long\n1500 20 half";
	struct perf_budget budget = PLENTY;
	struct perf_map map = {};

	(void)state;
	assert_int_equal(perf_map_parse(&map, text, strlen(text), &budget),
			 strlen(text) - strlen("1500 20 half"));
	assert_int_equal(map.nr, 2);
	assert_int_equal(budget.symbols, 998);
	assert_string_equal(perf_map_find(&map, 0x1000), "py::inner:???x:/a b.py");
	assert_string_equal(perf_map_find(&map, 0x101f), "py::inner:???x:/a b.py");
	assert_null(perf_map_find(&map, 0x1020));
	assert_null(perf_map_find(&map, 0xfff));
	assert_string_equal(perf_map_find(&map, 0x110f), "outer");
	assert_null(perf_map_find(&map, 0x1200));
	assert_null(perf_map_find(&map, 0x1500));
	perf_map_free(&map);
}

/* Memory of code is used again: the later line is the true one, wherever it begins. */
static void map_used_again(void **state)
{
	static const char text[] =
		"1000 100 large\n1040 10 inside\n1000 10 first\n2000 8 a\n2000 8 b\n";
	struct perf_budget budget = PLENTY;
	struct perf_map map = {};

	(void)state;
	perf_map_parse(&map, text, strlen(text), &budget);
	assert_string_equal(perf_map_find(&map, 0x1000), "first");
	assert_string_equal(perf_map_find(&map, 0x1010), "large");
	assert_string_equal(perf_map_find(&map, 0x1045), "inside");
	assert_string_equal(perf_map_find(&map, 0x10ff), "large");
	assert_string_equal(perf_map_find(&map, 0x2000), "b");
	perf_map_parse(&map, "1000 100 anew\n", 14, &budget);
	assert_string_equal(perf_map_find(&map, 0x1045), "anew");
	perf_map_free(&map);
}

static void map_appended(void **state)
{
	struct perf_budget budget = PLENTY;
	struct perf_map map = {};
	char path[] = "/tmp/test_stacks.XXXXXX", *line;
	int fd = mkstemp(path);
	size_t i;

	(void)state;
	assert_true(fd >= 0 && !unlink(path));
	assert_int_equal(write(fd, "1000 10 a\n2000 10 b", 19), 19);
	perf_map_read(&map, fd, &budget);
	assert_int_equal(map.nr, 1);
	assert_int_equal(write(fd, "b\n", 2), 2);
	perf_map_read(&map, fd, &budget);
	assert_string_equal(perf_map_find(&map, 0x2000), "bb");
	assert_int_equal(budget.bytes, PLENTY.bytes - 21);

	/* another file, shorter; then a line that has no end */
	assert_false(ftruncate(fd, 0));
	assert_int_equal(pwrite(fd, "3000 10 c\n", 10, 0), 10);
	perf_map_read(&map, fd, &budget);
	assert_int_equal(map.nr, 1);
	assert_null(perf_map_find(&map, 0x1000));
	assert_string_equal(perf_map_find(&map, 0x3000), "c");
	line = malloc(200000);
	memset(line, 'x', 200000);
	assert_int_equal(pwrite(fd, line, 200000, 10), 200000);
	free(line);
	assert_int_equal(pwrite(fd, "\n4000 10 d\n", 11, 200010), 11);
	perf_map_read(&map, fd, &budget);
	assert_string_equal(perf_map_find(&map, 0x4000), "d");

	/* no more than the budget, of bytes and of functions */
	perf_map_free(&map);
	budget = (struct perf_budget){ .bytes = 1000000, .symbols = 1 };
	perf_map_read(&map, fd, &budget);
	assert_int_equal(map.nr, 1);
	perf_map_free(&map);
	budget = (struct perf_budget){ .bytes = 9, .symbols = 100 };
	perf_map_read(&map, fd, &budget);
	assert_int_equal(map.nr, 0);
	for (i = 0; i < 2; i++) {
		budget = (struct perf_budget){ .bytes = 50000, .symbols = 100 };
		perf_map_free(&map);
		perf_map_read(&map, fd, &budget);
		assert_true(budget.bytes <= 50000);
	}
	perf_map_free(&map);
	close(fd);
}

/* --- return addresses -------------------------------------------------------------------- */

static bool follows(const char *before, size_t len)
{
	return returns_here((const unsigned char *)before, len, 0);
}

static void calls(void **state)
{
	(void)state;
	assert_true(follows("\xe8\x01\x02\x03\x04", 5));	  /* call rel32 */
	assert_true(follows("\xff\xd0", 2));			  /* call *%rax */
	assert_true(follows("\x41\xff\xd4", 3));		  /* call *%r12 */
	assert_true(follows("\xff\x15\x01\x02\x03\x04", 6));	  /* call *(%rip) */
	assert_true(follows("\xff\x50\x08", 3));		  /* call *8(%rax) */
	assert_true(follows("\xff\x54\x24\x08", 4));		  /* call *8(%rsp) */
	assert_true(follows("\xff\x14\xc5\x01\x02\x03\x04", 7));  /* call *x(,%rax,8) */
	assert_true(follows("\xff\x94\xc5\x01\x02\x03\x04", 7));  /* call *x(%rbp,%rax,8) */
	assert_false(follows("\x90\x90\x90\x90\x90\x90\x90", 7)); /* nop */
	assert_false(follows("\xe9\x01\x02\x03\x04", 5));	  /* jmp rel32 */
	assert_false(follows("\xff\xe0", 2));			  /* jmp *%rax */
	assert_false(follows("\xff\xd0\x90", 3));		  /* a byte later */
	assert_false(follows("", 0));
	/* where a signal handler returns to, and Go's goexit */
	assert_true(returns_here((const unsigned char *)"\x90\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 1,
				 9));
	assert_true(returns_here((const unsigned char *)"\x90\xe8\x01\x02\x03\x04", 1, 5));
}

/* --- lines of Python ---------------------------------------------------------------------- */

static void lines(void **state)
{
	static const char text[] = "import os\n"
				   "class A:\n"
				   "    def inner(self): pass\n"
				   "    async def method(self):\n"
				   "        pass\n"
				   "def outer():\n"
				   "    def inner2(): pass\n"
				   "    def inner(): pass\n"
				   "default = 1";
	const size_t len = strlen(text);

	(void)state;
	assert_int_equal(script_line(text, len, "<module>"), 1);
	assert_int_equal(script_line(text, len, "A.inner"), 3);
	assert_int_equal(script_line(text, len, "A.method"), 4);
	assert_int_equal(script_line(text, len, "outer"), 6);
	assert_int_equal(script_line(text, len, "outer.<locals>.inner"), 8);
	assert_int_equal(script_line(text, len, "outer.<locals>.<lambda>"), 6);
	assert_int_equal(script_line(text, len, "ault"), 0);
	assert_int_equal(script_line(text, len, "gone.inner"), 0);
	assert_int_equal(script_line("", 0, "outer"), 0);
}

/* --- the picture -------------------------------------------------------------------------- */

static void picture(void **state)
{
	const struct flame_frame a[] = { { "main", FLAME_USER },
					 { "<b> & \"c\"\033", FLAME_MADE } };
	const struct flame_frame b[] = { { "main", FLAME_USER }, { "narrow", FLAME_USER } };
	struct flamegraph *graph = flamegraph_new();
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	flamegraph_add(graph, a, 2, 9000);
	flamegraph_add(graph, b, 2, 1);
	flamegraph_add(graph, a, 2, 999);
	flamegraph_add(graph, b, 2, 0);
	assert_int_equal(flamegraph_write(graph, f, "a < b", "pages"), 0);
	fclose(f);
	assert_non_null(strstr(text, "<title>main: 10 000 pages, 100.00 %</title>"));
	assert_non_null(strstr(text,
			       "<title>&lt;b&gt; &amp; &quot;c&quot;?: 9 999 pages, 99.99 %"));
	assert_null(strstr(text, "narrow"));
	/* the legend: only colours that there are */
	assert_non_null(strstr(text, ">made at run time: JIT, interpreter</text>"));
	assert_null(strstr(text, ">kernel</text>"));
	assert_non_null(strstr(text, ">a &lt; b</text>"));
	assert_string_equal(text + size - 7, "</svg>\n");
	free(text);
	flamegraph_free(graph);
}

static void empty_picture(void **state)
{
	struct flamegraph *graph = flamegraph_new();
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(flamegraph_write(graph, f, "nothing", "pages"), 0);
	fclose(f);
	assert_non_null(strstr(text, ">0 pages"));
	free(text);
	flamegraph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_lines),	 cmocka_unit_test(map_used_again),
		cmocka_unit_test(map_appended),	 cmocka_unit_test(calls),
		cmocka_unit_test(lines),	 cmocka_unit_test(picture),
		cmocka_unit_test(empty_picture),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
