// SPDX-License-Identifier: GPL-2.0
/* Every control word, and every malformed one. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static char *pages;

static void write_all(void *arg)
{
	write_pages(pages, (size_t)arg);
}

static void is_refused(const void *bytes, size_t n)
{
	struct cow_table before = table_now(), after;
	int err = control_bytes(bytes, n);

	after = table_now();
	ok(err == EINVAL && before.epoch.value == after.epoch.value &&
		   before.counting.value == after.counting.value &&
		   before.timing.value == after.timing.value && after.nr >= before.nr,
	   "refused, and nothing changed: \"%.*s\" (%zu bytes, errno %d)",
	   n < 30 && !memchr(bytes, '\n', n) ? (int)n : 0, (const char *)bytes, n, err);
	cow_table_free(&before);
	cow_table_free(&after);
}

int main(void)
{
	static const char *const bad[] = {
		"x",
		"res",
		"resett",
		" reset",
		"reset ",
		"RESET",
		"reset\n\n",
		"counting",
		"counting ",
		"counting  on",
		"counting on off",
		"counting yes",
		"counting 1",
		"on",
		"off",
		"timing",
		"timing maybe",
		"\n",
		"reset counting on",
		"counting\ton",
		"counting onn",
		"max_rows=64",
	};
	struct cow_row row;
	struct cow_table t;
	uint64_t epoch, since;
	char large[5000];
	pid_t pid;

	pages = map_pages(MANY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		is_refused(bad[i], strlen(bad[i]));
	is_refused("reset\0", 6);
	is_refused("reset\0counting off", 18);
	is_refused("\0", 1);
	memset(large, 'r', sizeof(large));
	is_refused(large, sizeof(large));
	is_refused(large, 24);

	row = child_row(write_all, (void *)101);
	ok(VALUE(row, COPIED) >= 101, "counting");
	t = table_now();
	epoch = t.epoch.value;
	since = t.since_ns.value;
	ok(strstr(t.hooks, "wp,copy,reuse"), "hooks listed: %s", t.hooks);
	cow_table_free(&t);

	is(control("reset"), 0, "reset");
	t = table_now();
	is(t.epoch.value, epoch + 1, "a new epoch");
	ok(t.since_ns.value > since, "since now");
	ok(t.counting.value, "still counting");
	is(t.folded.value, 0, "nothing folded");
	is(VALUE(*cow_table_total(&t), FORKS), 0, "no forks yet");
	cow_table_free(&t);
	ok(!has_row(row.pid), "the old rows are gone");
	row = child_row(write_all, (void *)MANY);
	ok(VALUE(row, COPIED) >= MANY, "and counting goes on");
	is(control("reset\n"), 0, "reset with a newline");

	is(control("counting off"), 0, "counting off");
	is(control("counting off"), 0, "counting off, again");
	t = table_now();
	ok(!t.counting.value, "the header says so");
	ok(!strcmp(t.hooks, "-"), "no hook is listed: %s", t.hooks);
	cow_table_free(&t);
	pid = start_child(write_all, (void *)MANY);
	wait_child(pid);
	ok(!has_row(pid), "nothing is counted");

	pid = start_child(write_all, NULL);
	is(control("counting on"), 0, "counting on");
	is(control("counting on"), 0, "counting on, again");
	wait_child(pid);
	row = child_row(write_all, (void *)MANY);
	ok(VALUE(row, COPIED) >= MANY, "counted again");

	/* A process that goes while nobody counts is marked when counting begins. */
	struct gate gate = gate_make();

	pid = fork();
	if (!pid) {
		gate_wait(&gate);
		_exit(0);
	}
	ok(has_row(pid), "a live child has a row");
	is(control("counting off"), 0, "counting off");
	gate_open(&gate);
	wait_child(pid);
	row = row_of(pid);
	ok(row.state == 'L', "its exit was not seen");
	is(control("counting on"), 0, "counting on");
	row = row_of(pid);
	ok(row.state == 'X', "counting on marks it X");
	return done();
}
