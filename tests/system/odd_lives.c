// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that live strangely: one that runs many programs, one whose leader is
 * the first to go, one whose name is not text, one of 1 009 mappings, some that live while
 * the clock is set.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define MAPPINGS	1009

static char *pages;
static struct gate told, did;

static void exec_again(void *arg)
{
	char left[16];

	snprintf(left, sizeof(left), "%zu", *(size_t *)arg);
	execl("/proc/self/exe", "odd_lives", left, NULL);
	_exit(127);
}

static void many_execs(void)
{
	size_t execs = long_run() ? 10000 : 53;
	struct cow_row row = child_row(exec_again, &execs);

	is(VALUE(row, EXECS), execs, "a process that executes %zu programs", execs);
	ok(!strcmp(row.comm, "odd_lives") || !strcmp(row.comm, "exe"), "is one row, of comm %s",
	   row.comm);
}

static void *write_when_told(void *arg)
{
	gate_wait(&told);
	write_pages(pages, *(size_t *)arg);
	gate_open(&did);
	gate_wait(&told);
	_exit(0);
}

static void leader_goes_first(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_when_told, arg))
		_exit(1);
	pthread_exit(NULL);
}

static struct cow_row leaderless(size_t n)
{
	pid_t pid = start_child(leader_goes_first, &n);
	struct cow_row row;
	char path[64], stat[64] = "";
	int fd;

	/*
	 * A leader that has gone is a zombie until its threads have gone too. No stdio: what we
	 * copy away, the child need not.
	 */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		usleep(1000);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
			bail("cannot read %s", path);
		close(fd);
	} while (!strstr(stat, ") Z "));
	gate_open(&told);
	gate_wait(&did);
	row = row_of(pid);
	ok(row.state == 'L', "the leader has gone, a thread writes %zu pages: L", n);
	gate_open(&told);
	wait_child(pid);
	row = row_of(pid);
	ok(row.state == 'X', "the thread has gone: X");
	return row;
}

static void leader_first(void)
{
	struct cow_row none, some;

	leaderless(0); /* what a first time costs */
	none = leaderless(0);
	some = leaderless(509);
	is(GREW(none, some, COPIED), 509, "what it copied is the process's");
}

static void take_name(void *arg)
{
	prctl(PR_SET_NAME, arg);
	write_pages(map_pages(1), 1);
}

static bool is_named(const struct cow_row *row, const char *name)
{
	return row->known[COWSTAT_COL_COMM] && !strcmp(row->comm, name);
}

static const char *const odd_name[] = {
	"",
	"-",
	"--",
	"*",
	" ",
	"a b\n",
	"\n# pid",
	"\\055",
	"\377\200",
	"fifteen letters",
	"a b\tc\nd\\e",
	"\x01\x02\x1b[31m\x7f",
	"\xff\xfe\xc3(",
	"* 1 2 3",
	"# cowstat 9",
};

#define NR_NAMES	(sizeof(odd_name) / sizeof(*odd_name))

/* A name is read as it was given, one that looks like no name too. */
static void odd_names(void)
{
	for (size_t i = 0; i < NR_NAMES; i++) {
		struct cow_row row = child_row(take_name, (void *)odd_name[i]);

		ok(is_named(&row, odd_name[i]), "name %zu", i);
	}
}

static void odd_names_by_bpf(void)
{
	int status;

	free(shell(&status, "cowstat bpf load"));
	is(status, 0, "the BPF table is there");
	for (size_t i = 0; i < NR_NAMES; i++) {
		struct cow_row row = child_row(take_name, (void *)odd_name[i]);
		struct cow_table t = bpf_table_now();
		const struct cow_row *by_bpf = cow_table_find(&t, row.pid);

		ok(by_bpf && is_named(by_bpf, odd_name[i]), "name %zu, by BPF", i);
		cow_table_free(&t);
	}
	free(shell(&status, "cowstat bpf unload"));
	is(status, 0, "and gone");
}

static void write_each(void *arg)
{
	for (size_t i = 0; i < *(size_t *)arg; i++)
		write_pages(pages + 2 * i * PAGE, 1);
}

/* Every second page cannot be written, so that each of the others is a mapping of its own. */
static void many_mappings(void)
{
	char *before = pages;
	struct cow_row none, some;

	pages = map_pages(2 * MAPPINGS);
	for (size_t i = 0; i < MAPPINGS; i++)
		if (mprotect(pages + (2 * i + 1) * PAGE, PAGE, PROT_READ))
			bail("mprotect: errno %d", errno);
	child_rows(write_each, MAPPINGS, &none, &some);
	is(GREW(none, some, COPIED), MAPPINGS, "a page in each of %d mappings", MAPPINGS);
	ok(VALUE(some, BIRTH_ANON_PAGES) >= 2 * MAPPINGS, "shared at birth: %lu pages",
	   VALUE(some, BIRTH_ANON_PAGES));
	munmap(pages, 2 * MAPPINGS * PAGE);
	pages = before;
}

static void set_clock(void *arg)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += *(long *)arg;
	if (clock_settime(CLOCK_REALTIME, &now))
		_exit(1);
	write_pages(pages, 101);
}

/* Years forth and back: our times are since boot, and no duration is absurd. */
static void clock_steps(void)
{
	long steps[] = { 5 * 365 * 86400L, -5 * 365 * 86400L, -40, 40 };
	struct cow_table before, after;
	struct cow_row row;
	uint64_t born = 0;
	char *text;
	int status;

	is(control("timing on"), 0, "timing on");
	before = table_now();
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		row = child_row(set_clock, &steps[i]);
		ok(VALUE(row, START_NS) > born, "after a step of %ld s the next is born later",
		   steps[i]);
		ok(VALUE(row, FORK_NS) < 60 * 1000000000UL, "and its fork took %lu ns",
		   VALUE(row, FORK_NS));
		born = VALUE(row, START_NS);
	}
	after = table_now();
	ok(after.now_ns.value > before.now_ns.value &&
		   after.now_ns.value - before.now_ns.value < 600 * 1000000000UL &&
		   after.since_ns.value == before.since_ns.value,
	   "the table's own clock went on: %lu ns", after.now_ns.value - before.now_ns.value);
	cow_table_free(&before);
	cow_table_free(&after);
	text = shell(&status, "awk '!/^#/ { if ($1 > 60e9) late += $3; n += $3 } "
			      "END { print (n >= 404), late + 0 }' /proc/cowstat_latency");
	ok(!status && !strcmp(text, "1 0\n"), "copies were timed, and none took a minute");
	free(text);
	is(control("timing off"), 0, "timing off");
}

int main(int argc, char **argv)
{
	size_t left = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	if (argc > 1 && !--left)
		return 0;
	if (argc > 1)
		exec_again(&left);

	pages = map_pages(MANY);
	told = gate_make();
	did = gate_make();
	many_execs();
	leader_first();
	odd_names();
	if (has_bpf())
		odd_names_by_bpf();
	many_mappings();
	clock_steps();
	return done();
}
