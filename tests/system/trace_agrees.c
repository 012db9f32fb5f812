// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own witnesses against the table, over the other tests' workloads: a function
 * trace of the places where an outcome is decided, with their callers by name; pgreuse and
 * cow_ksm of /proc/vmstat. Our own faults are left out on both sides.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define TRACING	"/sys/kernel/tracing/"

static const char *const workloads[] = {
	"child_writes", "parent_writes", "zero_page",	 "shared_file", "private_file", "exec",
	"vfork_spawn",	"gup",		 "remote",	 "thp",		"hugetlb",	"pinned",
	"ksm",		"uffd_wp",	 "soft_dirty",	 "swap",	"breakpoint",	"uprobe",
	"memcg",	"threads",	 "madvise_race",
};

enum fact {
	WP,
	COPY,
	REUSE,
	HUGE,
	HUGE_COPY,
	HUGE_REUSE,
	THP,
	SPLIT,
	THP_REUSE,
	FILE_COPY,
	PINNED,
	NR_FACTS
};

static const char *const fact_name[NR_FACTS] = {
	"wp_faults",	  "copied + zero_filled", "reused + shared_wp", "hugetlb_faults",
	"hugetlb_copied", "hugetlb_reused",	  "thp_faults",		"thp_split",
	"thp_reused",	  "file_copied",	  "fork_copied",
};

/* A call, and what it is evidence of; no caller: any. */
static const struct {
	const char *function, *caller;
	enum fact fact;
} evidence[] = {
	{ "do_wp_page", NULL, WP },
	{ "ptep_clear_flush", "wp_page_copy", COPY },
	{ "ptep_clear_flush", "do_wp_page", COPY },
	{ "ptep_clear_flush", "hugetlb_wp", HUGE_COPY },
	{ "ptep_clear_flush", "hugetlb_cow", HUGE_COPY },
	{ "ptep_set_access_flags", "wp_page_reuse", REUSE },
	{ "ptep_set_access_flags", "do_wp_page", REUSE },
	{ "ptep_set_access_flags", "wp_page_shared", REUSE },
	{ "ptep_set_access_flags", "wp_pfn_shared", REUSE },
	{ "ptep_set_access_flags", "finish_mkwrite_fault", REUSE },
	{ "ptep_set_access_flags", "hugetlb_wp", HUGE_REUSE },
	{ "ptep_set_access_flags", "hugetlb_cow", HUGE_REUSE },
	{ "ptep_set_access_flags", "set_huge_ptep_writable", HUGE_REUSE },
	{ "hugetlb_wp", NULL, HUGE },
	{ "hugetlb_cow", NULL, HUGE },
	{ "do_huge_pmd_wp_page", NULL, THP },
	{ "__split_huge_pmd", "do_huge_pmd_wp_page", SPLIT },
	{ "pmdp_set_access_flags", "do_huge_pmd_wp_page", THP_REUSE },
	{ "folio_add_new_anon_rmap", "set_pte_range", FILE_COPY },
	{ "folio_add_new_anon_rmap", "__replace_page", FILE_COPY },
	{ "folio_add_new_anon_rmap", "uprobe_write_opcode", FILE_COPY },
	{ "folio_add_new_anon_rmap", "copy_page_range", PINNED },
	{ "page_add_new_anon_rmap", "do_set_pte", FILE_COPY },
	{ "page_add_new_anon_rmap", "alloc_set_pte", FILE_COPY },
	{ "page_add_new_anon_rmap", "__replace_page", FILE_COPY },
	{ "page_add_new_anon_rmap", "uprobe_write_opcode", FILE_COPY },
	{ "page_add_new_anon_rmap", "copy_page_range", PINNED },
};

#define NR_EVIDENCE	(sizeof(evidence) / sizeof(evidence[0]))

struct facts {
	uint64_t n[NR_FACTS];
	uint64_t pgreuse, cow_ksm, ksm_copied;
};

static struct facts table_facts(void)
{
	struct cow_table t = table_now();
	struct facts f = {};
	bool thp = has_thp();

	for (size_t i = 0; i < t.nr; i++) {
		const struct cow_row *row = &t.row[i];
		int sign = row->kind == COW_ROW_TOTAL				? 1 :
			   row->kind == COW_ROW_PROCESS && row->pid == getpid() ? -1 :
										  0;

		f.n[WP] += sign * VALUE(*row, WP_FAULTS);
		f.n[COPY] += sign * (VALUE(*row, COPIED) + VALUE(*row, ZERO_FILLED));
		f.n[REUSE] += sign * (VALUE(*row, REUSED) + VALUE(*row, SHARED_WP));
		f.n[HUGE] += sign * VALUE(*row, HUGETLB_FAULTS);
		f.n[HUGE_COPY] += sign * VALUE(*row, HUGETLB_COPIED);
		f.n[HUGE_REUSE] += sign * VALUE(*row, HUGETLB_REUSED);
		if (thp) {
			f.n[THP] += sign * VALUE(*row, THP_FAULTS);
			f.n[SPLIT] += sign * VALUE(*row, THP_SPLIT);
			f.n[THP_REUSE] += sign * VALUE(*row, THP_REUSED);
		}
		f.n[FILE_COPY] += sign * VALUE(*row, FILE_COPIED);
		f.n[PINNED] += sign * VALUE(*row, FORK_COPIED);
		f.ksm_copied += sign * VALUE(*row, KSM_COPIED);
		if (sign < 0) /* vmstat knows no processes: ours is put back */
			f.pgreuse += VALUE(*row, REUSED) + VALUE(*row, SHARED_WP);
	}
	cow_table_free(&t);
	/* before 5.19 the kernel does not count them */
	f.cow_ksm = kernel_before(5, 19) ? f.ksm_copied : vmstat("cow_ksm");
	f.pgreuse = vmstat("pgreuse") - f.pgreuse;
	return f;
}

/* A symbol without what the compiler appended to it, in place. */
static char *bare(char *symbol)
{
	symbol[strcspn(symbol, ".\n")] = 0;
	return symbol;
}

/* "   comm-pid   [cpu] flags  time: function <-caller" */
static struct facts trace_facts(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512], ours[32];
	struct facts facts = {};
	size_t i;

	snprintf(ours, sizeof(ours), "-%d ", getpid());
	while (f && fgets(line, sizeof(line), f)) {
		char *caller = strstr(line, " <-");
		char *function;

		if (line[0] == '#' || !caller || strstr(line, ours))
			continue;
		*caller = 0;
		function = strrchr(line, ' ') + 1;
		bare(function);
		caller = bare(caller + 3);
		for (i = 0; i < NR_EVIDENCE; i++)
			if (!strcmp(function, evidence[i].function) &&
			    (!evidence[i].caller || !strcmp(caller, evidence[i].caller)))
				facts.n[evidence[i].fact]++;
	}
	if (!f || ferror(f))
		bail("cannot read the trace");
	fclose(f);
	return facts;
}

static uint64_t trace_lost(void)
{
	uint64_t lost = 0, n;
	char path[80], line[80];

	for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		FILE *f;

		snprintf(path, sizeof(path), TRACING "per_cpu/cpu%ld/stats", cpu);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "overrun: %lu", &n) == 1)
				lost += n;
		if (!f)
			bail("no %s", path);
		fclose(f);
	}
	return lost;
}

static void start_tracer(void)
{
	char command[256];

	set_file(TRACING "buffer_size_kb", "16384");
	for (size_t i = 0; i < NR_EVIDENCE; i++) {
		snprintf(command, sizeof(command),
			 "grep -q '^%s' " TRACING "available_filter_functions && echo %s >>" TRACING
			 "set_ftrace_filter; true",
			 evidence[i].function, evidence[i].function);
		if (!i || strcmp(evidence[i].function, evidence[i - 1].function))
			run(command);
	}
	set_file(TRACING "current_tracer", "function");
}

static void workload(const char *name)
{
	char path[200];
	pid_t pid;
	int status;

	snprintf(path, sizeof(path), "%s/tests/%s", getenv("COWSTAT_BUILD"), name);
	pid = fork();
	if (!pid) {
		int out = open("/tmp/workload", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(out, 1);
		execl(path, path, NULL);
		_exit(127);
	}
	/* whether its own counts are exact is its own business, not whether it ran */
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		bail("%s: status 0x%x", path, status);
	run("grep -q '^1\\.\\.[1-9]' /tmp/workload");
}

/* A reading whose own faults are spent by one before it. */
static struct facts settled_facts(void)
{
	table_facts();
	return table_facts();
}

static void compare(const char *name)
{
	struct facts before, after, traced;
	size_t i, bad = 0;

	set_file(TRACING "trace", "");
	before = settled_facts();
	workload(name);
	after = settled_facts();
	traced = trace_facts();
	for (i = 0; i < NR_FACTS; i++) {
		uint64_t counted = after.n[i] - before.n[i];

		if (counted || traced.n[i])
			note("%-14s %-22s table %7lu   trace %7lu", name, fact_name[i], counted,
			     traced.n[i]);
		bad += counted != traced.n[i];
	}
	is(bad, 0, "%s: the trace tells the same", name);
	is(trace_lost(), 0, "%s: the trace is whole", name);
	note("%-14s %-22s table %7lu   vmstat %6lu", name, "pgreuse",
	     after.n[REUSE] - before.n[REUSE], after.pgreuse - before.pgreuse);
	is(after.pgreuse - before.pgreuse, after.n[REUSE] - before.n[REUSE],
	   "%s: pgreuse of /proc/vmstat", name);
	ok(after.cow_ksm - before.cow_ksm >= after.ksm_copied - before.ksm_copied,
	   "%s: cow_ksm of /proc/vmstat %lu, ksm_copied %lu", name, after.cow_ksm - before.cow_ksm,
	   after.ksm_copied - before.ksm_copied);
}

int main(void)
{
	start_tracer();
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		compare(workloads[i]);
	set_file(TRACING "current_tracer", "nop");
	return done();
}
