// SPDX-License-Identifier: GPL-2.0
/*
 * Where cowstat cannot count it does not load, and says why; and while it counts,
 * ftrace is not switched off under it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define FTRACE_ENABLED "/proc/sys/kernel/ftrace_enabled"

static int ftrace_enabled(const char *value)
{
	int fd = open(FTRACE_ENABLED, O_WRONLY), err;

	if (fd < 0)
		bail("cannot open " FTRACE_ENABLED);
	err = write(fd, value, strlen(value)) < 0 ? errno : 0;
	close(fd);
	return err;
}

/* Newer kernels (7.3) let nobody switch ftrace off: the sysctl refuses 0 with EOPNOTSUPP. */
static void without_ftrace(bool can_be_off)
{
	if (!can_be_off) {
		is(ftrace_enabled("0"), EOPNOTSUPP,
		   "ftrace cannot be switched off without us either");
		return;
	}
	is(ftrace_enabled("0"), 0, "ftrace switched off");
	is(try_load_module("", NULL, NULL), EBUSY, "not loaded then");
	ok(log_has("is kernel.ftrace_enabled 0? Set it to 1"), "the log says what to do");
	is(ftrace_enabled("1"), 0, "ftrace switched on");
}

static void nothing(void *arg)
{
	(void)arg;
}

int main(void)
{
	static const char *const bad_rows[] = {
		"max_rows=0", "max_rows=63", "max_rows=1048577", "max_rows=-1", "max_rows=many",
	};
	/* a function that calls none of those that are hooked; as long as those that it replaces */
	const char *other = kernel_before(5, 16) ? "vm_normal_page" : "vm_normal_folio";
	char *pages = map_pages(1);
	struct cow_row row;
	int err;

	write_pages(pages, 1);
	err = ftrace_enabled("0");
	ok(err == EBUSY || err == EOPNOTSUPP,
	   "ftrace cannot be switched off while we count: errno %d", err);
	unload_module();

	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(*bad_rows); i++)
		ok(try_load_module(bad_rows[i], NULL, NULL), "not loaded with %s", bad_rows[i]);
	ok(log_has("max_rows=63: must be from 64 to 1048576"), "the log says what is allowed");

	without_ftrace(err != EOPNOTSUPP);

	is(try_load_module("", "do_wp_page", "do_wp_pagX"), ENOENT,
	   "not loaded where a required function is missing");
	ok(log_has("this kernel has no do_wp_pagX() to hook"), "the log names it");
	is(try_load_module("", "ptep_clear_flush", "ptep_clear_flusX"), ENOENT,
	   "not loaded where a commit point is missing");
	is(try_load_module("", "sched_process_exec", "sched_process_exeX"), ENOENT,
	   "not loaded where a tracepoint is missing");
	ok(log_has("no tracepoint sched_process_exeX"), "the log names it");

	/* this replaces it in __handle_mm_fault, too */
	is(try_load_module("", "handle_mm_fault", other), ENOENT,
	   "not loaded where the compiler has inlined do_wp_page() into its callers");
	ok(log_has(" vm_normal_") && log_has("() does not call do_wp_page()"), "the log says so");

	/* nothing in the kernel's lib/ can be traced */
	is(try_load_module("", "copy_process", "__bitmap_and"), 0,
	   "loaded where an optional function cannot be traced");
	ok(log_has("__bitmap_and() cannot be traced"), "the log says what is missing");
	row = child_row(nothing, NULL);
	ok(!row.known[COWSTAT_COL_FORK_NS], "its column is unknown");
	ok(row.known[COWSTAT_COL_BIRTH_ANON_PAGES], "others are known");
	unload_module();

	is(try_load_module("", "copy_process", "copy_procesX"), 0,
	   "loaded where an optional function is missing");
	ok(log_has("this kernel has no copy_procesX() to hook"), "the log says what is missing");
	unload_module();

	/* a function that is there, but does not make the call */
	is(try_load_module("", "copy_page_range", other), 0,
	   "loaded where a caller does not make the call that is counted");
	ok(log_has("for \"pinned\": the columns that need it print"), "the log names the hook");
	ok(!total_now().known[COWSTAT_COL_FORK_COPIED], "its column is unknown, and not 0");
	ok(total_now().known[COWSTAT_COL_FILE_COPIED], "others are known");
	unload_module();

	ok(access(COWSTAT_PROC_PATH, F_OK), "nothing is left behind");
	is(try_load_module("max_rows=64", NULL, NULL), 0, "and it loads again");
	return done();
}
