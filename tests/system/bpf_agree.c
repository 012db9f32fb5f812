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
	"ksm", "child_writes", "parent_writes", "threads", "zero_page", "private_file", "shared_file",
	"thp", "hugetlb", "gup", "uffd_wp", "pinned", "remote", "memcg", "exec",
	"vfork_spawn", "swap", "uprobe", "breakpoint", "soft_dirty", "madvise_race",
};

#define HUGE	(2UL << 20)
#define NR_WORK	(sizeof(work) / sizeof(work[0]))

/*
 * The one column that cannot agree: module and BPF read the clock at different moments.
 * start_ns and pid are what rows are matched by.
 */
static bool comparable(enum cowstat_column c)
{
	return c != COWSTAT_COL_FORK_NS;
}

/* What the BPF table says it has missed, where it may: so many rows can disagree. */
static uint64_t missed;

/* BPF does not see a uprobe's copies where the compiler inlined the function that makes them. */
static bool can_be_seen(const char *name)
{
	return strcmp(name, "uprobe") || !kernel_before(6, 16) ||
	       !system("grep -q ' __replace_page$' /proc/kallsyms");
}

static bool is_thp(enum cowstat_column c)
{
	return c >= COWSTAT_COL_THP_FAULTS && c <= COWSTAT_COL_THP_OTHER;
}

/*
 * How far apart two values may be: a parent that copies on another CPU while its child ends
 * may do so between the moments at which the one and the other look what it has copied.
 */
static uint64_t slack(enum cowstat_column c)
{
	return c == COWSTAT_COL_PARENT_COPIED ? 2 : 0;
}

static bool agrees(enum cowstat_column c, const struct cow_row *a, const struct cow_row *b)
{
	uint64_t low = a->value[c] < b->value[c] ? a->value[c] : b->value[c];

	/* BPF does not look who made a page */
	if (c == COWSTAT_COL_INHERITED_COPIED)
		return !b->known[c];
	return a->known[c] == b->known[c] && a->value[c] + b->value[c] - 2 * low <= slack(c);
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

static const struct cow_row *same_row(const struct cow_table *t, const struct cow_row *row)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->row[i].kind == COW_ROW_PROCESS && t->row[i].pid == row->pid &&
		    t->row[i].value[COWSTAT_COL_START_NS] == row->value[COWSTAT_COL_START_NS])
			return &t->row[i];
	return NULL;
}

/* Born and gone while both counted. */
static bool is_whole(const struct cow_row *row, const struct cow_table *bpf)
{
	return row->kind == COW_ROW_PROCESS && row->state == 'X' &&
	       row->value[COWSTAT_COL_START_NS] > bpf->since_ns.value;
}

int main(void)
{
	uint64_t bad[COWSTAT_NR_COLUMNS] = {}, sum[COWSTAT_NR_COLUMNS] = {};
	const char *build = getenv("COWSTAT_BUILD");
	struct cow_table module, bpf;
	size_t rows = 0, absent = 0, i, c;
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
		if (can_be_seen(work[i]))
			is(execute(test, NULL, NULL), 0, "%s passes, both counting", work[i]);
	}
	no_huge_page_left();
	module = table_now();
	bpf = bpf_table_now();

	/* A kernel that is not preempted skips none. */
	missed = preemptible() ? bpf.missed.value : 0;
	note("report: bpf_agree: BPF missed %" PRIu64, bpf.missed.value);
	for (i = 0; i < bpf.nr; i++) {
		const struct cow_row *b = &bpf.row[i], *m;

		if (!is_whole(b, &bpf))
			continue;
		m = same_row(&module, b);
		if (!m) {
			note("the module has no row of pid %d (%s)", b->pid, b->comm);
			absent++;
			continue;
		}
		rows++;
		for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
			sum[c] += m->value[c];
			if (!comparable(c) || agrees(c, m, b))
				continue;
			if (bad[c]++ < 5)
				note("%s of pid %d (%s): module %" PRIu64 "%s, BPF %" PRIu64 "%s",
				     cow_column_name(c), m->pid, m->comm,
				     m->value[c], m->known[c] ? "" : " (unknown)",
				     b->value[c], b->known[c] ? "" : " (unknown)");
		}
		if (strcmp(m->comm, b->comm) && bad[COWSTAT_COL_COMM]++ < 5)
			note("comm of pid %d: module %s, BPF %s", m->pid, m->comm, b->comm);
	}
	for (i = 0; i < module.nr; i++)
		if (is_whole(&module.row[i], &bpf) && !same_row(&bpf, &module.row[i])) {
			note("BPF has no row of pid %d (%s)", module.row[i].pid,
			     module.row[i].comm);
			absent++;
		}
	ok(rows > 40, "%zu processes to compare", rows);
	ok(absent <= missed, "each has a row in both tables, but for %zu", absent);
	for (c = COWSTAT_COL_FORKS; c < COWSTAT_COL_CGROUP; c++)
		if (comparable(c))
			ok(bad[c] <= missed, "%s agrees in every row but %zu; in all %" PRIu64,
			   cow_column_name(c), bad[c], sum[c]);
	for (c = 0; c < COWSTAT_COL_FORKS; c++)
		ok(bad[c] <= missed, "%s agrees in every row but %zu", cow_column_name(c), bad[c]);
	ok(bad[COWSTAT_COL_CGROUP] + bad[COWSTAT_COL_COMM] <= missed, "cgroup and comm agree");
	ok(bpf.missed.value <= missed, "BPF missed %" PRIu64 ", and no more than it may",
	   bpf.missed.value);
	is(bpf.lost.value, module.lost.value, "both lost as much");
	check_conservation(&bpf);
	/*
	 * A column that was never counted was never compared. Only thp_other, a race that is
	 * lost, does not come when called.
	 */
	for (c = COWSTAT_COL_FORKS; c <= COWSTAT_COL_COPIED_BYTES; c++)
		ok(sum[c] || c == COWSTAT_COL_THP_OTHER || (is_thp(c) && !has_thp()),
		   "there was something to count in %s", cow_column_name(c));
	cow_table_free(&module);
	cow_table_free(&bpf);
	is(execute(path, "bpf", "unload"), 0, "unloads");
	ok(access(COWSTAT_BPF_DIR, F_OK), "and leaves nothing behind");
	return done();
}
