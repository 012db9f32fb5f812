// SPDX-License-Identifier: GPL-2.0
/*
 * The doctor checks which hooks are armed by the table, and from which functions ftrace calls the
 * module. Then the self-test writes known numbers of pages and compares the counts.
 */
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "cmd_doctor.h"
#include "format.h"
#include "procfs.h"
#include "selftest.h"
#include "source.h"
#include "view.h"

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
		"set_pte_range+",  "do_set_pte+",      "alloc_set_pte+",
		"__replace_page+", "copy_page_range+", "kernel_clone+",
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

/* Report what the self-test has found out. */
static bool report_selftest(const char *path)
{
	struct selftest_result r;
	bool good = true;
	size_t i;

	for (i = 0; selftest(path, i, &r); i++) {
		good &= report(r.good, r.name, "%s", r.said);
		if (*r.calls)
			report(false, "", "the kernel called %s", r.calls);
	}
	return good;
}

/* Others can write to the log, too: print nothing that a terminal would obey. */
static void print_plain(const char *line)
{
	for (; *line; line++)
		putchar(*line < ' ' || *line > '~' ? '?' : *line);
	putchar('\n');
}

/* Print what the module has said in the kernel's log, its last lines. Only root may read it. */
static void print_log(void)
{
	enum { READ_ALL = 3, SIZE = 1 << 18, LINES = 8 };
	char *log = malloc(SIZE), *rest, *line, *said[LINES];
	size_t nr = 0, first, i;
	int n;

	n = log ? klogctl(READ_ALL, log, SIZE - 1) : -1;
	if (n > 0) {
		log[n] = '\0';
		rest = log;
		while ((line = strsep(&rest, "\n")))
			if ((line = strstr(line, "] cowstat: ")))
				said[nr++ % LINES] = line + 2;
		for (i = first = nr > LINES ? nr - LINES : 0; i < nr; i++) {
			printf("  %-9s       ", i == first ? "log" : "");
			print_plain(said[i % LINES]);
		}
	}
	free(log);
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
	bool good = true, armed = true, module = !strcmp(table, COWSTAT_PROC_PATH);
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
		armed &= report_hook(&t, hook);
	if (module && !armed && t.counting.value)
		print_log();
	good &= armed;
	if (module && t.counting.value)
		good &= report_functions();
	good &= report_kprobes(&t);
	good &= report_losses(&t);
	good &= report_selftest(table);
	puts(good ? "All is well." : "Something is not well: see the lines that say BAD.");
	cow_table_free(&t);
	return good;
}

/**
 * doctor_load() - check, right after the module was loaded, that nothing is counted wrongly
 * @table: path of the table
 *
 * Prints only errors. A column that prints "-" is not wrong: doctor() tells of it.
 *
 * Return: true when all is well.
 */
bool doctor_load(const char *table)
{
	struct selftest_result r;
	struct cow_table t;
	bool good = true;
	size_t i;

	source_read(table, &t);
	if (!t.counting.value) {
		warnx("counting is off, so nothing was checked");
		good = false;
	}
	for (i = 0; t.counting.value && selftest(table, i, &r); i++) {
		if (r.good)
			continue;
		good = false;
		warnx("%s counts wrongly on Linux %s: %s%s%s", table, format_printable(t.kernel).s,
		      r.said, *r.calls ? "; the kernel called " : "", r.calls);
	}
	if (t.counting.value && !good)
		warnx("unload it: its figures are wrong. Please report these lines");
	cow_table_free(&t);
	return good;
}
