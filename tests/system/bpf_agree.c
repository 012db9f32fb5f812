// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * Module and BPF count the same things by different means. Both watch the other tests'
 * work, racing threads included; then every process's row is compared, column by column.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow.h"
#include "harness.h"

/* A path each; those that reset, unload or count for long are left out. */
static const char *const work[] = {
	"ksm",	       "child_writes", "parent_writes", "threads",	"zero_page", "private_file",
	"shared_file", "thp",	       "hugetlb",	"gup",		"uffd_wp",   "pinned",
	"remote",      "memcg",	       "exec",		"vfork_spawn",	"swap",	     "uprobe",
	"breakpoint",  "soft_dirty",   "madvise_race",	"failed_forks",
};

#define HUGE	(2UL << 20)
#define NR_WORK	(sizeof(work) / sizeof(work[0]))

static bool is_thp(enum cowstat_column c)
{
	return c >= COWSTAT_COL_THP_FAULTS && c <= COWSTAT_COL_THP_OTHER;
}

static int execute(const char *path, const char *arg1, const char *arg2)
{
	pid_t pid = fork();
	int status, null;

	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execl(path, path, arg1, arg2, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bail("cannot run %s", path);
	return status;
}

/*
 * hugetlb_other, which no other test brings about: a child writes a shared huge page, and
 * no free one is left to copy it to.
 */
static void no_huge_page_left(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");
	char *huge;
	pid_t pid;

	if (!f || fprintf(f, "1") < 0 || fclose(f))
		bail("cannot have a pool of one huge page");
	huge = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		    -1, 0);
	if (huge == MAP_FAILED)
		bail("no huge page");
	*huge = 1;
	pid = fork();
	if (!pid) {
		*(volatile char *)huge = 2;
		_exit(0);
	}
	wait_child_any(pid);
	munmap(huge, HUGE);
}

int main(void)
{
	const char *build = getenv("COWSTAT_BUILD");
	struct cow_table module, bpf;
	struct agreed agreed;
	size_t i, c;
	char path[256];

	if (!build)
		bail("COWSTAT_BUILD does not name the build");
	snprintf(path, sizeof(path), "%s/cowstat", build);
	if (execute(path, "bpf", "load"))
		bail("cowstat bpf load failed");
	/* The table of no row, or of one. */
	for (i = 0; i < 3; i++) {
		bpf = bpf_table_now();
		check_conservation(&bpf);
		cow_table_free(&bpf);
	}
	for (i = 0; i < NR_WORK; i++) {
		char test[256];

		snprintf(test, sizeof(test), "%s/tests/%s", build, work[i]);
		is(execute(test, NULL, NULL), 0, "%s passes, both counting", work[i]);
	}
	no_huge_page_left();
	module = table_now();
	bpf = bpf_table_now();

	agreed = tables_agree("bpf_agree", &module, &bpf);
	ok(agreed.rows > 40, "%zu processes to compare", agreed.rows);
	check_conservation(&bpf);
	/*
	 * A column that was never counted was never compared. Only thp_other, a race that is
	 * lost, does not come when called.
	 */
	for (c = COWSTAT_COL_FORKS; c <= COWSTAT_COL_COPIED_BYTES; c++)
		ok(agreed.sum[c] || c == COWSTAT_COL_THP_OTHER || (is_thp(c) && !has_thp()),
		   "there was something to count in %s", cow_column_name(c));
	for (c = COWSTAT_COL_INHERITED_COPIED; c <= COWSTAT_COL_FORK_ENOMEM; c++)
		ok(agreed.sum[c], "there was something to count in %s", cow_column_name(c));
	cow_table_free(&module);
	cow_table_free(&bpf);
	is(execute(path, "bpf", "unload"), 0, "unloads");
	ok(access(COWSTAT_BPF_DIR, F_OK), "and leaves nothing behind");
	return done();
}
