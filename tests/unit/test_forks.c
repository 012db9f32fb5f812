// SPDX-License-Identifier: GPL-2.0
/* userspace/cowtrace/forks.c: what is printed of reports of forks. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cow.h"
#include "forks.h"

#define MS	1000000ULL
#define PAGES	128000

static char *text;
static size_t text_size;
static struct forks *forks;
static FILE *stream;

static void begin(struct forks_options o)
{
	char columns[] = FORK_COLUMNS;
	const char *bad;

	stream = open_memstream(&text, &text_size);
	o.to = stream;
	o.count = o.count ?: UINT64_MAX;
	assert_true(columns_parse(columns, fork_column_name, &o.columns, &bad));
	forks = forks_new(&o);
	forks_header(forks);
}

/* What was printed, which the caller frees. */
static char *printed(void)
{
	forks_sums(forks);
	forks_free(forks);
	fclose(stream);
	return text;
}

static struct cow_fork_ended ended(uint64_t fork, const char *comm)
{
	struct cow_fork_ended e = {
		.head = { .fork = fork, .what = COW_FORK_ENDED, .pid = 100 },
		.now_ns = 7000 * MS,
		.took_ns = 100 * MS,
		.pages = { .anon = PAGES, .file = 3, .swap = 5, .pgtables_bytes = 1 << 20 },
		.mappings = 50,
		.tid = 101,
		.child = 102,
	};

	strncpy(e.comm, comm, sizeof(e.comm) - 1);
	return e;
}

static void end(struct cow_fork_ended e)
{
	assert_int_equal(forks_event(forks, &e, sizeof(e)), 0);
}

static void mapping(uint64_t fork, uint64_t start, uint64_t pages, uint64_t took_ns)
{
	struct cow_fork_mapping m = {
		.head = { .fork = fork, .what = COW_FORK_MAPPING, .pid = 100 },
		.took_ns = took_ns,
		.start = start,
		.end = start + pages * COWSTAT_PAGE_BYTES,
		.pages = { .anon = pages },
	};

	assert_int_equal(forks_event(forks, &m, sizeof(m)), 0);
}

/* Return the line that begins with these characters. */
static const char *line_of(const char *all, const char *line)
{
	const char *at = strstr(all, line);

	if (!at)
		fail_msg("no \"%s\" in:\n%s", line, all);
	return at;
}

static void assert_fits(const char *all)
{
	for (; *all; all += strcspn(all, "\n") + 1)
		if (strcspn(all, "\n") > LINE_WIDTH)
			fail_msg("wide: %s", all);
}

/* 50 mappings, one of which has nine tenths. The reports of another fork come between. */
static void nine_tenths(void **state)
{
	const char *big, *other, *rest;
	struct cow_fork_ended e = ended(1, "server");
	size_t i;
	char *all;

	(void)state;
	begin((struct forks_options){ .by_vma = true });
	for (i = 1; i < 50; i++) {
		mapping(1, i << 20, 256, 200000 + i);
		mapping(2, i << 20, 1, 1000);
	}
	mapping(1, 50 << 20, 115200, 85 * MS);
	mapping(1, 49 << 20, 1, COW_UNTIMED);
	end(e);
	all = printed();
	line_of(all,
		"    100 server              102 fork  100.0 ms  128003      5  1.0M      0 -\n");
	big = line_of(all,
		      "   85.0 ms  85.00 %  115200      0     0      0      3200000  450M anon\n");
	other = line_of(all,
			"    200 us   0.20 %     256      0     0      0      3100000  1.0M anon\n");
	assert_true(big < other);
	rest = line_of(all, "    8.0 ms   8.00 % 41 other mappings\n");
	assert_true(other < rest);
	assert_true(rest < line_of(all, "    5.1 ms   5.19 % all else that fork does\n"));
	assert_null(strstr(all, "    1 us"));
	assert_fits(all);
	free(all);
}

static void failures_and_vforks(void **state)
{
	struct cow_fork_ended e = ended(1, "full");
	struct forks_counts n;
	char *all;

	(void)state;
	begin((struct forks_options){ .by_vma = true });
	e.child = 0;
	e.error = EAGAIN;
	end(e);
	e.error = 513; /* ERESTARTNOINTR */
	end(e);
	e = ended(2, "spawner");
	e.flags = CLONE_VM | CLONE_VFORK;
	end(e);
	e.flags = CLONE_VM;
	end(e);
	e = ended(3, "pinned");
	e.pages.pinned = PAGES - 7;
	end(e);
	n = forks_counts(forks);
	assert_int_equal(n.printed, 5);
	assert_int_equal(n.without_stack, 5);
	all = printed();
	line_of(all,
		"    100 full             EAGAIN fork  100.0 ms  128003      5  1.0M      0 -\n");
	line_of(all, "    100 full            RESTART fork  100.0 ms  ");
	line_of(all,
		"    100 spawner             102 vfork 100.0 ms       -      -     -      - -\n");
	line_of(all,
		"    100 spawner             102 clone 100.0 ms       -      -     -      - -\n");
	line_of(all,
		"    100 pinned              102 fork  100.0 ms      10      5  1.0M 127993 -\n");
	free(all);
}

/* The largest figures, and a name with a control sequence. */
static void lines_fit(void **state)
{
	struct cow_fork_ended e = ended(1, "a\033[2J;bcdefghij");
	struct cow_fork_mapping m = {
		.head = { .fork = 1, .what = COW_FORK_MAPPING },
		.took_ns = 3000000 * MS,
		.start = 0x7fffffff0000,
		.end = UINT64_MAX,
		.mapping = COW_MAPPING_HUGETLB,
		.file = "memfd:\033[2J-a-name-of-39-bytes-12345678",
	};
	char *all;

	(void)state;
	for (int by_caller = 0; by_caller < 2; by_caller++) {
		begin((struct forks_options){ .by_vma = !by_caller, .by_caller = by_caller });
		memset(&m.pages, 0x7f, sizeof(m.pages));
		memset(&e.pages, 0x7f, sizeof(e.pages));
		e.took_ns = 4000000 * MS;
		e.head.pid = e.child = 4194303;
		forks_event(forks, &m, sizeof(m));
		end(e);
		all = printed();
		assert_fits(all);
		assert_null(strchr(all, '\033'));
		line_of(all, by_caller ? "      1       0      0   4000 s   4000 s " :
					 " 4194303 fork    4000 s ");
		free(all);
	}
}

static void json(void **state)
{
	struct cow_fork_ended e = ended(1, "server");
	json_t *o, *vma;
	char *all;

	(void)state;
	begin((struct forks_options){ .by_vma = true, .json = true });
	mapping(1, 1 << 20, 256, COW_UNTIMED);
	mapping(1, 2 << 20, 115200, 85 * MS);
	e.pages.pinned = 1000;
	end(e);
	all = printed();
	o = json_loads(all, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "anon_pages")), PAGES - 1000);
	assert_int_equal(json_integer_value(json_object_get(o, "fork_copied")), 1000);
	assert_int_equal(json_integer_value(json_object_get(o, "child")), 102);
	assert_true(json_is_null(json_object_get(o, "error")));
	vma = json_array_get(json_object_get(o, "vmas"), 0);
	assert_int_equal(json_integer_value(json_object_get(vma, "took_ns")), 85 * MS);
	vma = json_array_get(json_object_get(o, "vmas"), 1);
	assert_true(json_is_null(json_object_get(vma, "took_ns")));
	assert_int_equal(json_array_size(json_object_get(o, "stack")), 0);
	json_decref(o);
	free(all);
}

static void filters_and_sums(void **state)
{
	struct cow_fork_ended e = ended(1, "one");
	regex_t regex;
	char *all;

	(void)state;
	assert_int_equal(regcomp(&regex, "^t", REG_EXTENDED), 0);
	begin((struct forks_options){ .by_caller = true, .regex = &regex, .count = 4 });
	end(e);
	e = ended(2, "two");
	end(e);
	e.took_ns = 200 * MS;
	end(e);
	e.flags = CLONE_VM | CLONE_VFORK;
	end(e);
	e.flags = 0;
	e.error = ENOMEM;
	end(e);
	end(e); /* one more than wanted */
	assert_int_equal(forks_counts(forks).printed, 4);
	all = printed();
	line_of(all, "      2       1      1 700.0 ms 200.0 ms ");
	assert_null(strstr(all, "one"));
	free(all);
	regfree(&regex);
}

/* Reports that are too short, of no kind, or whose end never comes. */
static void odd_reports(void **state)
{
	struct cow_fork_ended e = ended(1, "odd");
	uint64_t i;
	char *all;

	(void)state;
	begin((struct forks_options){ .by_vma = true });
	for (i = 0; i < sizeof(e); i++)
		assert_int_equal(forks_event(forks, &e, i), 0);
	e.head.what = 77;
	end(e);
	for (i = 0; i < 20000; i++)
		mapping(i, 1 << 20, 1, 1);
	assert_int_equal(forks_counts(forks).printed, 0);
	e.head.what = COW_FORK_ENDED;
	e.head.fork = 19999;
	end(e);
	assert_int_equal(forks_counts(forks).printed, 1);
	all = printed();
	line_of(all, "    100 odd ");
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nine_tenths),	    cmocka_unit_test(failures_and_vforks),
		cmocka_unit_test(lines_fit),	    cmocka_unit_test(json),
		cmocka_unit_test(filters_and_sums), cmocka_unit_test(odd_reports),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
