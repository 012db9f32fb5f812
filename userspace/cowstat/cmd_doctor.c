// SPDX-License-Identifier: GPL-2.0
/*
 * The doctor checks which hooks are armed by the table, and from which functions ftrace calls the
 * module. Then a child writes a known number of pages, and the doctor compares the counts.
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
#include "procfs.h"
#include "source.h"
#include "view.h"

#define TEST_PAGES		23
#define ENABLED_FUNCTIONS	"/sys/kernel/tracing/enabled_functions"
#define KPROBES			"/sys/kernel/debug/kprobes/list"

#define HOOK_ENTRY(ID, name)	[COWSTAT_HOOK_##ID] = #name,
static const char *const hook_names[COWSTAT_NR_HOOKS] = { COWSTAT_HOOKS(HOOK_ENTRY) };

/* By hook: a file of the kernel's; a machine without this file does not need the hook. */
static const char *const needed_by[COWSTAT_NR_HOOKS] = {
	[COWSTAT_HOOK_HUGETLB] = "/sys/kernel/mm/hugepages",
	[COWSTAT_HOOK_THP] = "/sys/kernel/mm/transparent_hugepage",
};

/* Print a line of the report. Return: @good. */
__attribute__((format(printf, 3, 4))) static bool report(bool good, const char *what,
							 const char *format, ...)
{
	va_list args;

	printf("  %-9s %-5s ", what, good ? "ok" : "BAD");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return good;
}

/* Is a name in a comma-separated list of the header? */
static bool is_in(const char *names, const char *name)
{
	char list[COW_NAMES_MAX], *rest = list, *word;

	snprintf(list, sizeof(list), "%s", names);
	while ((word = strsep(&rest, ",")))
		if (!strcmp(word, name))
			return true;
	return false;
}

static bool report_hook(const struct cow_table *t, enum cowstat_hook hook)
{
	const char *name = hook_names[hook];

	if (is_in(t->hooks, name))
		return report(true, name, "armed");
	if (hook == COWSTAT_HOOK_TIME && !t->timing.value)
		return report(true, name, "not armed: timing is off");
	if (needed_by[hook] && access(needed_by[hook], F_OK))
		return report(true, name, "not armed: this kernel has no %s", needed_by[hook]);
	return report(false, name, "not armed: its columns print \"-\". The kernel log says why");
}

/* Is this address in a function where the module may have a kprobe? */
static bool may_be_ours(const char *place)
{
	static const char *const functions[] = {
		"set_pte_range+",   "do_set_pte+",   "__replace_page+",
		"copy_page_range+", "kernel_clone+",
	};
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (!strncmp(place, functions[i], strlen(functions[i])))
			return true;
	return false;
}

/* Report whether the kprobes named in the header exist, and whether the kernel optimised them. */
static bool report_kprobes(const struct cow_table *t)
{
	bool module = *t->kprobes;
	char line[1024], place[256];
	size_t nr = 0;
	FILE *f;

	if (procfs_kprobes_are_off())
		return report(false, "kprobes",
			      "switched off by " PROCFS_KPROBES_ENABLED ": %s are not counted",
			      module ?
				      "file, pinned and failed" :
				      "forks, and other events that the BPF programs see by kprobes,");
	if (!module)
		return true;
	if (!is_in(t->kprobes, hook_names[COWSTAT_HOOK_FILE]))
		return report(true, "kprobes", "none: new anonymous pages pay for file and pinned");
	f = fopen(KPROBES, "re");
	if (!f)
		return report(true, "kprobes", "%s", t->kprobes);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*x %*s %255s", place) == 1 && may_be_ours(place))
			report(true, nr++ ? "" : "kprobes", "%s, %s", place,
			       strstr(line, "[OPTIMIZED]") ?
				       "a jump" :
				       "a breakpoint: slow, see sysctl debug.kprobes-optimization");
	fclose(f);
	return nr || report(true, "kprobes", "%s", t->kprobes);
}

/* Report the kernel functions from which ftrace calls the module, as ftrace lists them. */
static bool report_functions(void)
{
	FILE *f = fopen(ENABLED_FUNCTIONS, "re");
	char line[1024], symbol[256];
	size_t nr = 0;

	if (!f)
		return report(true, "ftrace", "tells root only which functions are hooked");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[cowstat]") && sscanf(line, "%255s", symbol) == 1)
			report(true, nr++ ? "" : "ftrace", "%s", symbol);
	fclose(f);
	/* Where several tracers share a function, ftrace does not list which they are. */
	return nr || report(true, "ftrace", "other tracers hide which functions are hooked");
}

/**
 * struct child_counts - what a child found in its own row
 * @found: it has a row
 * @wp_faults: faults that its writes took
 * @copied: pages that they copied
 */
struct child_counts {
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
 * Reading the table itself writes to pages that are shared with the parent. So read it twice
 * before the first reading that counts: this copies these pages.
 */
static struct child_counts write_pages_and_count(const char *path, volatile char *pages)
{
	struct child_counts e = {};
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
	struct child_counts e = {};
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
		e = write_pages_and_count(path, pages);
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
		return report(true, "losses", "only root is told of them");
	good = report(!t->missed.value, "missed", "%" PRIu64 " events not counted",
		      t->missed.value);
	return report(!t->lost.value, "lost", "%" PRIu64 " faults without a row%s", t->lost.value,
		      t->lost.value ? ": load the module with a larger max_rows=" : "") &&
	       good;
}

/**
 * doctor() - check whether counting works, and print what was found
 * @table: path of the table
 *
 * Return: true when all is well.
 */
bool doctor(const char *table)
{
	bool good = true;
	struct cow_table t;
	int hook;

	source_read(table, &t);
	printf("%s, Linux %s\n", table, format_printable(t.kernel).s);
	good &= report(true, "table", "format %" PRIu64 ", room for %" PRIu64 " processes",
		       t.version, t.max_rows.value);
	good &= report(t.counting.value, "counting", "%s",
		       t.counting.value ?
			       "on" :
			       "off. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	for (hook = 0; hook < COWSTAT_NR_HOOKS; hook++)
		good &= report_hook(&t, hook);
	if (!strcmp(table, COWSTAT_PROC_PATH) && t.counting.value)
		good &= report_functions();
	good &= report_kprobes(&t);
	good &= report_losses(&t);
	good &= report_child(table);
	puts(good ? "All is well." : "Something is not well: see the lines that say BAD.");
	cow_table_free(&t);
	return good;
}
