// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what the table says of its hooks, asks ftrace which of the kernel's symbols really
 * call into the module, and then lets a child write a known number of pages.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd_doctor.h"
#include "format.h"
#include "source.h"
#include "view.h"

#define TEST_PAGES		23
#define ENABLED_FUNCTIONS	"/sys/kernel/tracing/enabled_functions"
#define MAX_FUNCTIONS		4

#define HOOK_ENTRY(ID, name)	[COWSTAT_HOOK_##ID] = #name,
static const char *const hook_names[COWSTAT_NR_HOOKS] = { COWSTAT_HOOKS(HOOK_ENTRY) };

/*
 * What the module hooks for each: the functions of module/fault.c and fork.c, by any of
 * their names; and what only machines have that have something to hook.
 */
static const struct {
	const char *function[MAX_FUNCTIONS];
	const char *tracepoint;
	const char *where;
} hooks[COWSTAT_NR_HOOKS] = {
	[COWSTAT_HOOK_WP]	= { { "do_wp_page" }, NULL, NULL },
	[COWSTAT_HOOK_COPY]	= { { "ptep_clear_flush" }, NULL, NULL },
	[COWSTAT_HOOK_REUSE]	= { { "ptep_set_access_flags" }, NULL, NULL },
	[COWSTAT_HOOK_HUGETLB]	= { { "hugetlb_wp" }, NULL, "/sys/kernel/mm/hugepages" },
	[COWSTAT_HOOK_THP]	= { { "do_huge_pmd_wp_page", "__split_huge_pmd",
				      "pmdp_set_access_flags" }, NULL,
				    "/sys/kernel/mm/transparent_hugepage" },
	[COWSTAT_HOOK_FILE]	= { { "folio_add_new_anon_rmap", "page_add_new_anon_rmap" }, NULL, NULL },
	[COWSTAT_HOOK_PINNED]	= { { "folio_add_new_anon_rmap", "page_add_new_anon_rmap" }, NULL, NULL },
	[COWSTAT_HOOK_FORK]	= { { "copy_process" }, "sched_process_fork", NULL },
	[COWSTAT_HOOK_EXEC]	= { { NULL }, "sched_process_exec", NULL },
	[COWSTAT_HOOK_EXIT]	= { { NULL }, "sched_process_exit", NULL },
};

/* A line of the report; returns whether it was good, so that the doctor can tell. */
__attribute__((format(printf, 3, 4)))
static bool report(bool good, const char *what, const char *format, ...)
{
	va_list args;

	printf("  %-9s %-5s ", what, good ? "ok" : "BAD");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return good;
}

static bool is_symbol_of(const char *symbol, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(symbol, function, len) && (!symbol[len] || symbol[len] == '.');
}

/*
 * How ftrace calls us from a function: writes the symbol and by what means. False when it
 * does not.
 */
static bool find_symbol(const char *function, char *to, size_t size)
{
	FILE *f = fopen(ENABLED_FUNCTIONS, "re");
	char line[1024], symbol[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%255s", symbol) != 1 || !is_symbol_of(symbol, function))
			continue;
		found = true;
		if (strstr(line, "[cowstat]"))
			snprintf(to, size, "%s (ftrace)", symbol);
		else if (strstr(line, "bpf_trampoline") || strstr(line, "direct"))
			snprintf(to, size, "%s (BPF trampoline)", symbol);
		else
			snprintf(to, size, "%s (ftrace, with other tracers)", symbol);
	}
	if (f)
		fclose(f);
	return found;
}

static bool is_armed(const struct cow_table *t, const char *name)
{
	char list[sizeof(t->hooks)], *rest = list, *word;

	snprintf(list, sizeof(list), "%s", t->hooks);
	while ((word = strsep(&rest, ",")))
		if (!strcmp(word, name))
			return true;
	return false;
}

static bool report_hook(const struct cow_table *t, enum cowstat_hook hook, bool symbols)
{
	const char *name = hook_names[hook];
	bool any = false;
	char how[300];
	size_t i;

	if (!is_armed(t, name)) {
		if (hooks[hook].where && access(hooks[hook].where, F_OK))
			return report(true, name, "none here: no %s", hooks[hook].where);
		return report(false, name,
			      "not armed: its columns print \"-\". The kernel log says why");
	}
	if (!symbols)
		return report(true, name, "armed");
	for (i = 0; i < MAX_FUNCTIONS && hooks[hook].function[i]; i++) {
		if (!find_symbol(hooks[hook].function[i], how, sizeof(how)))
			continue;	/* by another name on this kernel */
		report(true, any ? "" : name, "%s", how);
		any = true;
	}
	if (hooks[hook].tracepoint)
		return report(true, any ? "" : name, "%s (tracepoint)", hooks[hook].tracepoint);
	return any || report(false, name, "armed, but ftrace does not list its function; see "
			     ENABLED_FUNCTIONS);
}

/**
 * struct experience - what a child saw of itself
 * @found: it has a row
 * @wp_faults: faults that its writes took
 * @copied: pages that they copied
 */
struct experience {
	bool found;
	uint64_t wp_faults;
	uint64_t copied;
};

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

/*
 * Reading the table itself writes pages that are shared with the parent: those are copied
 * before the reading that matters, by two readings nobody looks at.
 */
static struct experience live(const char *path, volatile char *pages)
{
	struct experience e = {};
	struct cow_row before, after;
	size_t i;

	own_row(path, &after);
	own_row(path, &before);
	if (!own_row(path, &before))
		return e;
	for (i = 0; i < TEST_PAGES; i++)
		pages[i * COWSTAT_PAGE_BYTES] = 2;
	if (!own_row(path, &after))
		return e;
	e.found = true;
	e.wp_faults = after.value[COWSTAT_COL_WP_FAULTS] - before.value[COWSTAT_COL_WP_FAULTS];
	e.copied = after.value[COWSTAT_COL_ANON_COPIED] - before.value[COWSTAT_COL_ANON_COPIED];
	return e;
}

static char *shared_pages(void)
{
	size_t i, bytes = TEST_PAGES * COWSTAT_PAGE_BYTES;
	char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		err(EXIT_FAILURE, "memory for the test");
	/* Fails only on kernels without huge pages. */
	madvise(pages, bytes, MADV_NOHUGEPAGE);
	for (i = 0; i < bytes; i += COWSTAT_PAGE_BYTES)
		pages[i] = 1;
	return pages;
}

static bool report_child(const char *path)
{
	struct experience e = {};
	char *pages = shared_pages();
	int result[2];
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	if (pipe(result))
		err(EXIT_FAILURE, "pipe");
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid) {
		e = live(path, pages);
		_exit(write(result[1], &e, sizeof(e)) != sizeof(e));
	}
	close(result[1]);
	n = read(result[0], &e, sizeof(e));
	close(result[0]);
	waitpid(pid, NULL, 0);
	munmap(pages, TEST_PAGES * COWSTAT_PAGE_BYTES);
	if (n != sizeof(e) || !e.found)
		return report(false, "test", "a child that wrote to shared pages got no row");
	return report(e.copied == TEST_PAGES && e.wp_faults == TEST_PAGES, "test",
		      "a child wrote to %d shared pages: %" PRIu64 " faults, %" PRIu64 " copied",
		      TEST_PAGES, e.wp_faults, e.copied);
}

static bool report_losses(const struct cow_table *t)
{
	bool good;

	if (!t->missed.known || !t->lost.known)
		return report(true, "losses", "not told to an unprivileged reader");
	good = report(!t->missed.value, "missed", "%" PRIu64 " events not counted",
		      t->missed.value);
	return report(!t->lost.value, "lost", "%" PRIu64 " faults without a row%s", t->lost.value,
		      t->lost.value ? ": load the module with a larger max_rows=" : "") && good;
}

/**
 * doctor() - examine the counting, and say what was found
 * @table: path of the table
 *
 * Return: true when all is well.
 */
bool doctor(const char *table)
{
	bool good = true, symbols = !access(ENABLED_FUNCTIONS, R_OK);
	struct cow_table t;
	int hook;

	source_read(table, &t);
	printf("%s, Linux %s\n", table, format_printable(t.kernel).s);
	good &= report(true, "table", "format %" PRIu64 ", room for %" PRIu64 " processes",
		       t.version, t.max_rows.value);
	good &= report(t.counting.value, "counting", "%s", t.counting.value ? "on" :
		       "off. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	for (hook = 0; hook < COWSTAT_NR_HOOKS; hook++)
		good &= report_hook(&t, hook, symbols);
	if (!symbols)
		puts("                  (by which functions of the kernel is told to root only)");
	good &= report_losses(&t);
	good &= report_child(table);
	puts(good ? "All is well." : "Something is not well: see the lines that say BAD.");
	cow_table_free(&t);
	return good;
}
