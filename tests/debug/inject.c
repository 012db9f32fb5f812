// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of what a caller can ask of the module fails in turn: loading it, every
 * control word, opening and reading its files (/proc/thread-self/fail-nth). What was asked
 * then fails cleanly, or works whole; nothing is left behind, and nothing leaks. For kernels
 * with fault injection and kmemleak.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN		509
#define DEBUG		"/sys/kernel/debug/"
#define KO		"/tmp/inject.ko"
#define MARGIN		64

static int fail_nth;

static bool counts_exactly(void)
{
	struct cow_row none, some;

	written_rows(WRITTEN, &none, &some);
	return GREW(none, some, COPIED) == WRITTEN;
}

/* What else in the kernel knows of us. */
static struct trace {
	char *hooked, *probed;
} clean;

static struct trace traces(void)
{
	return (struct trace){
		.hooked = file_text("/sys/kernel/tracing/enabled_functions"),
		.probed = file_text(DEBUG "kprobes/list"),
	};
}

static bool is_clean(void)
{
	struct trace now = traces();
	bool same = !strcmp(now.hooked, clean.hooked) && !strcmp(now.probed, clean.probed);

	if (!same)
		note("hooked: %s\n# probed: %s", now.hooked, now.probed);
	free(now.hooked);
	free(now.probed);
	return same;
}

static bool is_gone(void)
{
	return access(COWSTAT_PROC_PATH, F_OK) && access(COWSTAT_LATENCY_PATH, F_OK) &&
	       access("/sys/module/cowstat", F_OK) &&
	       access("/sys/kernel/tracing/events/cowstat", F_OK) && is_clean();
}

/* All hooks that this kernel lets us have, when there was memory. */
static char all_hooks[256];

static bool counts_all(void)
{
	struct cow_table t = table_now();
	char *time = strstr(t.hooks, ",time"); /* while timing is on */
	bool all = t.counting.value && !time == !t.timing.value;

	if (time)
		memmove(time, time + 5, strlen(time + 5) + 1);
	all = all && !strcmp(t.hooks, all_hooks);
	if (!all)
		note("counting %lu, hooks %s", t.counting.value, t.hooks);
	cow_table_free(&t);
	return all;
}

static bool counts_nothing(void)
{
	struct cow_table t = table_now();
	bool none = !t.counting.value && !strcmp(t.hooks, "-");

	cow_table_free(&t);
	return none && is_clean();
}

static bool timing_is(bool on)
{
	struct cow_table t = table_now();
	bool is_on = t.timing.value;

	cow_table_free(&t);
	return is_on == on && counts_all();
}

static void must(int err, const char *what)
{
	if (err)
		bail("%s: errno %d", what, err);
}

static void *image;
static size_t image_size;

static int load(void)
{
	return syscall(SYS_init_module, image, image_size, "max_rows=64") ? errno : 0;
}

static int load_badly(void)
{
	return syscall(SYS_init_module, image, image_size, "max_rows=0") ? errno : 0;
}

static bool loaded_after(int err)
{
	bool good = err ? is_gone() : counts_all() && counts_exactly();

	if (!err)
		unload_module();
	return good && is_gone();
}

/* A control word, to a file that was open before anything fails. */
static int control_fd;
static const char *word;

static int say_word(void)
{
	return write(control_fd, word, strlen(word)) < 0 ? errno : 0;
}

static bool counting_after(int err)
{
	bool good = err ? counts_nothing() : counts_all();

	must(control("counting on"), "counting on");
	good = good && counts_all() && counts_exactly();
	must(control("counting off"), "counting off");
	return good && counts_nothing();
}

static bool timing_after(int err)
{
	bool good = timing_is(!err) && counts_exactly();

	must(control("timing off"), "timing off");
	return good && timing_is(false);
}

static bool timed_after(int err)
{
	bool good = !err && timing_is(false);

	must(control("timing on"), "timing on");
	return good && timing_is(true);
}

static bool counted_after(int err)
{
	bool good = !err && counts_nothing();

	must(control("counting on"), "counting on");
	return good && counts_all();
}

static bool reset_after(int err)
{
	bool good = err ? counts_nothing() : counts_all();

	must(control("counting on"), "counting on");
	return good && counts_all() && counts_exactly();
}

static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY), err = 0;
	char byte;

	if (fd < 0 || read(fd, &byte, 1) != 1)
		err = errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static int read_table(void)
{
	return read_file(COWSTAT_PROC_PATH);
}

static int read_latency(void)
{
	return read_file(COWSTAT_LATENCY_PATH);
}

static bool read_after(int err)
{
	(void)err;
	return !read_file(COWSTAT_PROC_PATH) && !read_file(COWSTAT_LATENCY_PATH) && counts_all();
}

/* Do it, with its nth allocation failing; how many were still to come after it. */
static int fail(int (*act)(void), unsigned long nth, unsigned long *left)
{
	char text[24];
	ssize_t n;
	int err;

	n = snprintf(text, sizeof(text), "%lu", nth);
	if (pwrite(fail_nth, text, n, 0) != n)
		bail("fail-nth: errno %d", errno);
	err = act();
	n = pread(fail_nth, text, sizeof(text) - 1, 0);
	if (n < 1 || pwrite(fail_nth, "0", 1, 0) != 1)
		bail("fail-nth: errno %d", errno);
	text[n] = '\0';
	*left = strtoul(text, NULL, 10);
	return err;
}

/* How many allocations it makes. */
static unsigned long allocations(int (*act)(void))
{
	unsigned long many = 1 << 30, left;

	fail(act, many, &left);
	return many - left;
}

/* Each of its allocations from one on fails in turn, until there is none left to fail. */
static void each_fails(const char *what, unsigned long from, int (*act)(void),
		       bool (*good_after)(int err))
{
	unsigned long nth, left = 0, failed = 0, wrong = 0, other = 0;
	int err = 0;

	for (nth = from; !left; nth++) {
		err = fail(act, nth, &left);
		failed += !!err;
		if (err && err != ENOMEM) {
			note("%s, allocation %lu: errno %d", what, nth, err);
			other++;
		}
		if (!good_after(err)) {
			note("%s, allocation %lu, errno %d: not clean after it", what, nth, err);
			wrong++;
		}
		if (log_complains()) {
			note("%s, allocation %lu, errno %d: the kernel complained", what, nth, err);
			run("dmesg | grep -v '^$' | sed 's/^/# /' | head -n 60");
			wrong++;
		}
		log_clear(); /* vmalloc() tells where it failed */
		if (nth % 25 == 0)
			note("%s: %lu allocations have failed", what, nth);
	}
	is(err, 0, "%s: works when nothing fails", what);
	is(wrong, 0, "%s: clean after each of %lu allocations that failed", what, nth - from - 1);
	note("report: %s: %lu allocations, %lu errors, %lu of them not ENOMEM", what,
	     nth - from - 1, failed, other);
}

static void each_fails_of(const char *control_word, bool (*good_after)(int err))
{
	word = control_word;
	each_fails(word, 1, say_word, good_after);
}

static void no_leaks(const char *when)
{
	char *leaks;

	for (int i = 0; i < 2; i++) {
		set_file(DEBUG "kmemleak", "scan");
		sleep(6); /* what is younger than five seconds is not told */
	}
	set_file(DEBUG "kmemleak", "scan");
	leaks = file_text(DEBUG "kmemleak");
	ok(!*leaks, "%s: nothing leaked", when);
	if (*leaks)
		note("%.4000s", leaks);
	free(leaks);
}

static void set_up(void)
{
	static const char *const settings[][2] = {
		{ DEBUG "failslab/ignore-gfp-wait", "N" },
		{ DEBUG "failslab/verbose", "0" },
		{ DEBUG "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUG "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUG "fail_page_alloc/min-order", "0" },
		{ DEBUG "fail_page_alloc/verbose", "0" },
		{ DEBUG "kmemleak", "scan" },
		{ DEBUG "kmemleak", "clear" },
	};
	struct cow_table t = table_now();
	struct stat st;
	size_t i;
	int fd;

	snprintf(all_hooks, sizeof(all_hooks), "%s", t.hooks);
	cow_table_free(&t);
	run("mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug");
	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	run("strip -g -o " KO " $COWSTAT_KO");
	if (setenv("COWSTAT_KO", KO, 1))
		bail("setenv: errno %d", errno);
	fd = open(KO, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		bail(KO ": errno %d", errno);
	image_size = st.st_size;
	image = malloc(image_size);
	if (!image || read(fd, image, image_size) != (ssize_t)image_size)
		bail("cannot read " KO);
	close(fd);
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		set_file(settings[i][0], settings[i][1]);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		bail("no fail-nth: errno %d", errno);
}

int main(void)
{
	unsigned long kernels, ours;

	counts_exactly();
	set_up();
	unload_module();
	/* what the kernel keeps from a first time is not ours */
	load_module("max_rows=64");
	unload_module();
	clean = traces();
	/* less those before our own first one, and a few: the kernel's, for any module */
	kernels = allocations(load_badly);
	ours = allocations(load);
	unload_module();
	note("report: loading: %lu allocations, %lu of them the kernel's for any module", ours,
	     kernels);
	each_fails("loading", kernels > MARGIN ? kernels - MARGIN : 1, load, loaded_after);
	no_leaks("after loads that failed");

	load_module("max_rows=64");
	control_fd = open(COWSTAT_PROC_PATH, O_WRONLY);
	if (control_fd < 0)
		bail(COWSTAT_PROC_PATH ": errno %d", errno);
	each_fails("reading", 1, read_table, read_after);
	each_fails("reading the histogram", 1, read_latency, read_after);
	each_fails_of("reset", reset_after);
	each_fails_of("timing on", timing_after);
	must(control("timing on"), "timing on");
	each_fails_of("timing off", timed_after);
	must(control("timing off"), "timing off");
	each_fails_of("counting off", counted_after);
	must(control("counting off"), "counting off");
	each_fails_of("counting on", counting_after);
	unload_module();
	ok(is_gone(), "nothing is left behind");
	no_leaks("after all of it");
	load_module("");
	ok(counts_exactly(), "and it loads, and counts exactly");
	return done();
}
