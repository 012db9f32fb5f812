// SPDX-License-Identifier: GPL-2.0
/*
 * The self-test. A kernel may be compiled in a way that the module does not know: another function
 * commits an outcome, or calls the function that commits it. The fault is then counted as `other`.
 * So a child makes the kernel take each outcome a known number of times, and reads its own row.
 * When a count is wrong, the next child does the same while ftrace records who calls what.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftest.h"
#include "table_reader.h"

#define TEST_PAGES	23
#define TEST_BYTES	(TEST_PAGES * COWSTAT_PAGE_BYTES)
/* Reclaim, migration or KSM may take a page from the test. They do not do so each time. */
#define TRIES		3

#define TRACEFS		"/sys/kernel/tracing"

/* What a child found in its own row; it writes this to a pipe. */
struct findings {
	bool ready; /* it could make the pages */
	bool found; /* it has a row */
	bool known; /* the column does not print "-" */
	uint64_t wp_faults;
	uint64_t counted;
	uint64_t other;
	char calls[512];
};

/* Private memory without huge pages. */
static char *private_pages(void)
{
	char *pages = mmap(NULL, TEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (pages == MAP_FAILED)
		err(EXIT_FAILURE, "memory for the test");
	/* Fails only on kernels without huge pages. */
	madvise(pages, TEST_BYTES, MADV_NOHUGEPAGE);
	return pages;
}

static void touch(volatile char *pages, bool write)
{
	size_t i;

	for (i = 0; i < TEST_BYTES; i += COWSTAT_PAGE_BYTES) {
		if (write)
			pages[i] = 1;
		else
			(void)pages[i];
	}
}

/* The pages of each test, made in the child; @shared are the parent's. NULL: not on this machine. */
static char *pages_shared(char *shared)
{
	return shared;
}

static char *pages_of_zeros(char *shared)
{
	char *pages = private_pages();

	(void)shared;
	touch(pages, false);
	return pages;
}

/* Pages that were shared with a process that is gone. */
static char *pages_left(char *shared)
{
	char *pages = private_pages();
	pid_t pid;

	(void)shared;
	touch(pages, true);
	pid = fork();
	if (pid < 0)
		return NULL;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	/* Unmapping makes this CPU drop its references to new pages: else they would be copied. */
	munmap(private_pages(), TEST_BYTES);
	return pages;
}

static char *map_file(int fd, int flags)
{
	char *pages = mmap(NULL, TEST_BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	close(fd);
	return pages == MAP_FAILED ? NULL : pages;
}

static char *pages_of_program(char *shared)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	(void)shared;
	if (fd < 0 || fstat(fd, &st) || (size_t)st.st_size < TEST_BYTES)
		return NULL;
	return map_file(fd, MAP_PRIVATE);
}

static char *pages_of_shared_file(char *shared)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir && *dir ? dir : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *pages;

	(void)shared;
	if (fd < 0 || ftruncate(fd, TEST_BYTES))
		return NULL;
	pages = map_file(fd, MAP_SHARED);
	if (pages)
		touch(pages, false);
	return pages;
}

static const struct experiment {
	const char *name;
	enum cowstat_column column;
	const char *counts_as;
	const char *did; /* to what it writes */
	char *(*pages)(char *shared);
	bool needs_wp_fault; /* without any such fault there was nothing to count */
} experiments[] = {
	{ "copied", COWSTAT_COL_ANON_COPIED, "copied", "shared pages", pages_shared, false },
	{ "zero", COWSTAT_COL_ZERO_FILLED, "zero-filled", "pages of zeros", pages_of_zeros, false },
	{ "reused", COWSTAT_COL_REUSED, "reused", "pages that it shares no more", pages_left,
	  false },
	{ "file", COWSTAT_COL_FILE_COPIED, "copied", "pages of a program", pages_of_program,
	  false },
	/* tmpfs, for example, does not track dirty pages. */
	{ "shared", COWSTAT_COL_SHARED_WP, "made writable", "pages of a shared file",
	  pages_of_shared_file, true },
};

/* Write a value to a file of the trace instance. */
static bool put(const char *dir, const char *file, int flags, const char *value)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n >= 0;
}

/*
 * Add the functions that the module hooks to the filter. Where several tracers share a function,
 * ftrace does not tell which they are, so then take all that are traced.
 */
static size_t add_hooked(const char *dir, bool ours)
{
	FILE *f = fopen(TRACEFS "/enabled_functions", "re");
	char line[1024], symbol[256];
	size_t nr = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if ((!ours || strstr(line, "[cowstat]")) && sscanf(line, "%255s", symbol) == 1)
			nr += put(dir, "set_ftrace_filter", O_APPEND, symbol);
	fclose(f);
	return nr;
}

/* Trace this process in an instance of its own. An empty filter would trace every function. */
static bool trace_start(char *dir, size_t size)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(dir, size, TRACEFS "/instances/cowstat-doctor-%s", pid);
	if (mkdir(dir, 0700))
		return false;
	if (put(dir, "tracing_on", 0, "0") && (add_hooked(dir, true) || add_hooked(dir, false)) &&
	    put(dir, "set_ftrace_pid", 0, pid) && put(dir, "current_tracer", 0, "function"))
		return true;
	rmdir(dir);
	return false;
}

static void add_call(char *calls, size_t size, const char *function, const char *caller)
{
	char call[256];
	size_t len = strlen(calls);

	snprintf(call, sizeof(call), "%s() from %s()", function, caller);
	if (!strstr(calls, call))
		snprintf(calls + len, size - len, "%s%s", len ? ", " : "", call);
}

static void trace_stop(const char *dir, char *calls, size_t size)
{
	char path[256], line[1024], function[64], caller[64];
	const char *colon;
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", dir);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		colon = strstr(line, ": ");
		if (*line != '#' && colon && sscanf(colon, ": %63s <-%63s", function, caller) == 2)
			add_call(calls, size, function, caller);
	}
	if (f)
		fclose(f);
	put(dir, "current_tracer", 0, "nop");
	rmdir(dir);
}

static bool own_row(const char *path, struct cow_row *row)
{
	struct cow_table t;
	const struct cow_row *found;
	char why[256];

	if (cow_table_read(path, &t, why, sizeof(why)))
		return false;
	found = cow_table_find(&t, getpid());
	if (found)
		*row = *found;
	cow_table_free(&t);
	return found;
}

/* In the child: prepare the pages, write to them, and see how its own row has changed. */
static struct findings try_here(const char *path, const struct experiment *e, char *shared,
				bool trace)
{
	struct findings f = {};
	struct cow_row before = {}, after = {};
	char dir[128];
	cpu_set_t cpu;
	char *pages;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	pages = e->pages(shared);
	if (!pages)
		return f;
	f.ready = true;
	/*
	 * Reading the table itself writes to pages that are shared with the parent. So read it twice
	 * before the first reading that counts: this copies these pages.
	 */
	own_row(path, &after);
	own_row(path, &before);
	trace = trace && trace_start(dir, sizeof(dir));
	if (!own_row(path, &before))
		goto stop;
	if (trace)
		put(dir, "tracing_on", 0, "1");
	touch(pages, true);
	if (trace)
		put(dir, "tracing_on", 0, "0");
	if (!own_row(path, &after))
		goto stop;
	f.found = true;
	f.known = before.known[e->column] && after.known[e->column];
	f.wp_faults = after.value[COWSTAT_COL_WP_FAULTS] - before.value[COWSTAT_COL_WP_FAULTS];
	f.counted = after.value[e->column] - before.value[e->column];
	f.other = after.value[COWSTAT_COL_OTHER] - before.value[COWSTAT_COL_OTHER];
stop:
	if (trace)
		trace_stop(dir, f.calls, sizeof(f.calls));
	return f;
}

static struct findings try_in_child(const char *path, const struct experiment *e, bool trace)
{
	struct findings f = {};
	char *shared = private_pages();
	int result[2];
	pid_t pid;

	touch(shared, true);
	fflush(stdout);
	if (pipe(result))
		err(EXIT_FAILURE, "pipe");
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid) {
		f = try_here(path, e, shared, trace);
		_exit(write(result[1], &f, sizeof(f)) != sizeof(f));
	}
	close(result[1]);
	if (read(result[0], &f, sizeof(f)) != sizeof(f))
		f = (struct findings){ .ready = true };
	close(result[0]);
	waitpid(pid, NULL, 0);
	munmap(shared, TEST_BYTES);
	return f;
}

static bool is_tried(const struct experiment *e, const struct findings *f)
{
	return f->ready && !(f->found && (!f->known || (e->needs_wp_fault && !f->wp_faults)));
}

static bool is_good(const struct findings *f)
{
	return f->found && f->counted == TEST_PAGES && !f->other;
}

/**
 * selftest() - try one outcome
 * @table: path of the table
 * @n: which one, from 0 on
 * @result: what came out
 *
 * Return: false if there are no more; then @result is not set.
 */
bool selftest(const char *table, size_t n, struct selftest_result *result)
{
	const struct experiment *e = &experiments[n];
	struct findings f;
	int try;

	if (n >= sizeof(experiments) / sizeof(*experiments))
		return false;
	*result = (struct selftest_result){ .name = e->name };
	for (try = 1; try <= TRIES; try++) {
		f = try_in_child(table, e, try == TRIES && !strcmp(table, COWSTAT_PROC_PATH));
		result->tried = is_tried(e, &f);
		result->good = !result->tried || is_good(&f);
		if (result->good)
			break;
	}
	if (!f.ready)
		snprintf(result->said, sizeof(result->said), "not tried: no %s here", e->did);
	else if (!f.found)
		snprintf(result->said, sizeof(result->said), "a child that wrote to %s got no row",
			 e->did);
	else if (!result->tried)
		snprintf(result->said, sizeof(result->said), "not tried: writing to %s %s", e->did,
			 f.known ? "takes no such fault here" : "is not counted here");
	else if (e->column == COWSTAT_COL_FILE_COPIED)
		snprintf(result->said, sizeof(result->said),
			 "a child wrote to %d %s: %" PRIu64 " copied", TEST_PAGES, e->did,
			 f.counted);
	else
		snprintf(result->said, sizeof(result->said),
			 "a child wrote to %d %s: %" PRIu64 " faults, %" PRIu64 " %s", TEST_PAGES,
			 e->did, f.wp_faults, f.counted, e->counts_as);
	if (!result->good && f.other)
		snprintf(result->said + strlen(result->said),
			 sizeof(result->said) - strlen(result->said), ", %" PRIu64 " other",
			 f.other);
	snprintf(result->calls, sizeof(result->calls), "%s", f.calls);
	return true;
}
