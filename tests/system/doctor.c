// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel whose functions have other callers than the module knows is found out: the module
 * refuses to load, or the doctor finds it and says which function is called from where. We change
 * a letter of the name of one caller in the module. It is then as if the kernel had named, or
 * inlined, this caller differently.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* ext4 tracks the dirty pages of shared mappings. */
#define DOCTOR	"TMPDIR=/mnt/ext4 cowstat doctor"

static void all_is_well(void)
{
	static const char *const lines[] = {
		"copied    ok    a child wrote to 23 shared pages: 23 faults, 23 copied",
		"zero      ok    a child wrote to 23 pages of zeros: 23 faults, 23 zero-filled",
		"reused    ok    a child wrote to 23 pages that it shares no more: 23 faults, 23 reused",
		"file      ok    a child wrote to 23 pages of a program: 23 copied",
		"shared    ok    a child wrote to 23 pages of a shared file: 23 faults, 23 made writable",
	};
	int status;
	char *out;

	out = shell(&status, DOCTOR);
	is(status, 0, "the doctor finds all well");
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		ok(strstr(out, lines[i]), "%s", lines[i]);
	if (status)
		note("%s", out);
	free(out);
	out = shell(&status, DOCTOR " --load 2>&1");
	is(status, 0, "so does the short one");
	ok(!*out, "which says nothing then: %s", out);
	free(out);
	out = shell(&status, "echo counting off >/proc/cowstat; " DOCTOR " --load 2>&1; s=$?; "
			     "echo counting on >/proc/cowstat; exit $s");
	is(status, 1, "with counting off it checks nothing, and fails");
	ok(strstr(out, "counting is off"), "and says so");
	free(out);
}

enum found {
	HARMLESS, /* this kernel has no such caller */
	BY_DOCTOR,
	BY_LOADING
};

static bool is_in_kernel(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "grep -qE ' %s(\\.|$)' /proc/kallsyms", name);
	return !system(command);
}

/* Load the module with the last letter of a caller's name changed. Who notices, and names it? */
static enum found misspelt(const char *name)
{
	enum found found = HARMLESS;
	char *other, *out;
	int err, status;

	if (!is_in_kernel(name))
		return HARMLESS;
	other = strdup(name);
	if (!other)
		bail("no memory");
	other[strlen(other) - 1] = 'X';
	log_clear();
	unload_module();
	err = try_load_module("", name, other);
	if (err) {
		is(err, ENOENT, "%s: does not load", other);
		ok(log_has(other), "and the log names it");
		free(other);
		load_module("");
		return BY_LOADING;
	}
	out = shell(&status, DOCTOR);
	if (status) {
		ok(strstr(out, other) || strstr(out, name),
		   "%s: loads, but the doctor exits with %d and names it", other, status);
		if (!strstr(out, other) && !strstr(out, name))
			note("%s", out);
		found = BY_DOCTOR;
	}
	free(out);
	free(other);
	return found;
}

/*
 * At least one of these is a caller on each kernel, and at least one that is misspelt is found.
 * Which of them are callers depends on what the compiler has inlined.
 */
static void one_of(const char *what, const char *const *names)
{
	size_t found = 0;

	for (; *names; names++)
		found += misspelt(*names) != HARMLESS;
	ok(found, "%s: callers that were misspelt and noticed: %zu", what, found);
}

#define ONE_OF(what, ...)	one_of(what, (const char *const[]){ __VA_ARGS__, NULL })

/* Who calls ptep_set_access_flags() for shared files depends on what the compiler has inlined. */
static bool is_called_from(const char *caller)
{
	int status;

	free(shell(&status,
		   "t=/sys/kernel/tracing/instances/callers; mkdir $t || exit 2; "
		   "echo ptep_set_access_flags >$t/set_ftrace_filter && "
		   "echo function >$t/current_tracer && " DOCTOR " --load || exit 2; "
		   "grep -q '<-%s' $t/trace; s=$?; rmdir $t || exit 2; exit $s",
		   caller));
	if (status > 1)
		bail("cannot trace the callers of ptep_set_access_flags()");
	return !status;
}

/*
 * The module finds a call in the text of a function that it takes for the caller, so it loads. But
 * that is another call: only the self-test can notice.
 */
static void only_the_selftest(void)
{
	bool of_a_part = is_called_from("finish_mkwrite_fault");
	bool of_all = is_in_kernel("wp_page_reuse");
	int status;
	char *out;

	ok(of_a_part || of_all, "this kernel has one of these callers");
	if (of_a_part) {
		is(misspelt("finish_mkwrite_fault"), BY_DOCTOR, "a caller of a part of the calls");
		out = shell(&status, DOCTOR " --load 2>&1");
		is(status, 1, "the short doctor finds it, too");
		ok(strstr(out, "counts wrongly") &&
			   strstr(out, "23 faults, 0 made writable, 23 other") &&
			   strstr(out, "ptep_set_access_flags() from finish_mkwrite_fault()"),
		   "and names function and caller: %s", out);
		free(out);
	}
	if (!of_all)
		return;
	unload_module();
	is(try_load_module("", "wp_page_reuse", "hugetlb_fault"), 0,
	   "loads with a function that makes other calls");
	out = shell(&status, DOCTOR " --load 2>&1");
	is(status, 1, "the doctor finds it");
	ok(strstr(out, "23 faults, 0 reused, 23 other") &&
		   strstr(out, "ptep_set_access_flags() from wp_page_reuse()"),
	   "and names function and caller: %s", out);
	free(out);
}

int main(void)
{
	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	all_is_well();
	ONE_OF("copied, reused", "wp_page_copy", "do_wp_page", "wp_page_reuse");
	ONE_OF("file", "set_pte_range", "do_set_pte", "alloc_set_pte");
	ONE_OF("fork", "copy_page_range", "copy_pte_range", "copy_present_page");
	ONE_OF("hugetlb", "hugetlb_wp", "hugetlb_cow");
	if (has_thp())
		ONE_OF("thp", "do_huge_pmd_wp_page");
	only_the_selftest();
	run("! ls -d /sys/kernel/tracing/instances/cowstat-* 2>/dev/null");
	load_module("");
	return done();
}
