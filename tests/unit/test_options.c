// SPDX-License-Identifier: GPL-2.0
/* options.c: options that mean the same in all tools. A wrong one ends a child with 2. */
#include "tables.h"

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"

static struct pid_list pids;

static void take_pids(const char *list)
{
	char *copy = strdup(list);

	free(pids.pid);
	pids = (struct pid_list){};
	assert_non_null(copy);
	options_pids(copy, &pids);
	free(copy);
}

/* How a child ends that does it; its stderr is not shown. */
static int status_of(void (*what)(const char *text), const char *text)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		what(text);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What a child writes to its stderr that does it, and how it ends. */
static int said_by(void (*what)(const char *text), const char *text, char *said, size_t size)
{
	int to[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(to), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(to[1], STDERR_FILENO);
		close(to[1]);
		what(text);
		_exit(0);
	}
	close(to[1]);
	while (n < size - 1 && (got = read(to[0], said + n, size - 1 - n)) > 0)
		n += got;
	said[n] = '\0';
	close(to[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void lists_of_pids(void **state)
{
	(void)state;
	take_pids("1,42,SELF");
	assert_int_equal(pids.nr, 3);
	assert_true(pid_list_has(&pids, 42) && pid_list_has(&pids, getpid()));
	assert_false(pid_list_has(&pids, 2));
	assert_false(pids.all);
	take_pids("ALL");
	assert_true(pids.all && !pids.nr);
	assert_int_equal(status_of(take_pids, "1,x"), 2);
	assert_int_equal(status_of(take_pids, "0"), 2);
	assert_int_equal(status_of(take_pids, ""), 2);
	assert_int_equal(status_of(take_pids, "4294967297"), 2);
}

static void open_output(const char *path)
{
	if (!options_output(path))
		_exit(99);
}

static void take_number(const char *text)
{
	if (options_number("-n", text, 1, 10) != 10)
		_exit(99);
}

static void take_positive_int(const char *text)
{
	options_number("-n", text, 1, INT_MAX);
}

static void take_any_number(const char *text)
{
	options_number("-n", text, 0, UINT64_MAX);
}

/* The largest number is told unless it is that of the type. */
static void numbers(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(said_by(take_number, "11", said, sizeof(said)), 2);
	assert_non_null(strstr(said, "-n 11: give a number from 1 to 10"));
	assert_int_equal(said_by(take_positive_int, "0", said, sizeof(said)), 2);
	assert_non_null(strstr(said, "-n 0: give a number, 1 or more"));
	assert_int_equal(said_by(take_any_number, "x", said, sizeof(said)), 2);
	assert_non_null(strstr(said, "-n x: give a number, 0 or more"));
}

static void others(void **state)
{
	(void)state;
	assert_int_equal(status_of(options_format, "json"), 0);
	assert_int_equal(status_of(options_format, "xml"), 2);
	assert_int_equal(status_of(take_number, "10"), 0);
	assert_int_equal(status_of(take_number, "11"), 2);
	assert_int_equal(status_of(open_output, "/dev/null"), 0);
	assert_int_equal(status_of(open_output, "/nonesuch/file"), 1);
	assert_ptr_equal(options_output(NULL), stdout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_pids),
		cmocka_unit_test(numbers),
		cmocka_unit_test(others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
