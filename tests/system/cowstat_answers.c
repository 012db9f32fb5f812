// SPDX-License-Identifier: GPL-2.0
/*
 * The answers that cowstat draws from counts: who paid, how much a child kept, whether a
 * snapshot lives, what children did that were forked before counting began. smaps is the
 * witness: what a child still shares is its Shared_Dirty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"
#include "smaps.h"

#define N	4096
#define HUGE	(2UL << 20)

static char *pages;
static pid_t *worker; /* of a server: shared with it */

/* A line of cowstat --forks. */
struct line {
	pid_t pid;
	char ppid[16];
	char shared[16];
	uint64_t child, parent;
	double kept;
};

/* The line of a child in what cowstat printed. Return: false when it has none. */
static bool line_of(const char *out, pid_t pid, struct line *line)
{
	char kept[16], parent[16], child[16];
	const char *at = out;

	for (; at && *at; at = strchr(at, '\n'), at += !!at) {
		if (sscanf(at, "%d %*c %*s %15s %*s %*s %15s %15s %15s %15s", &line->pid,
			   line->ppid, line->shared, child, parent, kept) != 6 ||
		    line->pid != pid)
			continue;
		line->child = strtoull(child, NULL, 10);
		line->parent = strtoull(parent, NULL, 10);
		line->kept = strcmp(kept, "-") ? strtod(kept, NULL) : -1;
		return true;
	}
	return false;
}

static struct line fork_line(pid_t pid)
{
	struct line line;
	char *out;
	int status;

	out = shell(&status, "cowstat --forks -p %d", pid);
	if (!line_of(out, pid, &line))
		bail("no line of %d in: %s", pid, out);
	free(out);
	return line;
}

static uint64_t still_shared(pid_t pid)
{
	struct smaps smaps;

	if (smaps_read(pid, &smaps))
		bail("no smaps of %d", pid);
	return smaps.bytes[SMAPS_SHARED_DIRTY] / PAGE;
}

/* Both sides note the pid: the child may be asked about before fork() returns to its parent. */
static pid_t fork_worker(int i)
{
	pid_t pid = fork();

	worker[i] = pid ? pid : getpid();
	return pid;
}

/* @got is within 2 % of @want, and of a few pages that looking costs. */
static void about(uint64_t got, uint64_t want, const char *what)
{
	uint64_t off = got > want ? got - want : want - got;

	ok(off <= want / 50 + 4, "%s: %" PRIu64 ", %" PRIu64 " wanted", what, got, want);
}

/* --- a worker that forks helpers: what it copies for their sake is not its parent's bill --- */

static struct gate ready, leave;

static void refork_worker(void)
{
	struct gate go;
	pid_t helper;
	int round, i;

	prctl(PR_SET_NAME, "re:worker");
	for (round = 0; round < 10; round++) {
		go = gate_make();
		helper = fork();
		if (!helper) {
			gate_wait(&go);
			_exit(0);
		}
		for (i = 0; i < 2000; i++)
			pages[i * PAGE] = round;
		gate_open(&go);
		waitpid(helper, NULL, 0);
	}
	gate_open(&ready);
	gate_wait(&leave);
	_exit(0);
}

static void refork_server(void *arg)
{
	(void)arg;
	pages = map_pages(N);
	if (!fork_worker(0))
		refork_worker();
	waitpid(*worker, NULL, 0);
}

static void refork(void)
{
	struct cow_row row;
	struct line line;
	uint64_t shared;
	pid_t server;

	ready = gate_make();
	leave = gate_make();
	server = start_child(refork_server, NULL);
	gate_wait(&ready);
	line = fork_line(*worker);
	shared = strtoull(line.shared, NULL, 10);
	about(line.child + line.parent, shared - still_shared(*worker),
	      "refork: CHILD and PARENT are what smaps says it lost");
	ok(line.kept > 45 && line.kept < 55, "refork: KEPT%% %.2f", line.kept);
	row = row_of(*worker);
	ok(VALUE(row, ANON_COPIED) > 15000, "though it copied far more in all");
	gate_open(&leave);
	wait_child(server);
}

/* --- siblings: what the parent copies once is not subtracted from each of them --- */

#define SIBLINGS	8

static void siblings_server(void *arg)
{
	int i;

	(void)arg;
	pages = map_pages(N);
	for (i = 0; i < SIBLINGS; i++) {
		if (!fork_worker(i)) {
			prctl(PR_SET_NAME, "sib:worker");
			gate_wait(&leave);
			_exit(0);
		}
	}
	for (i = 0; i < N; i++)
		pages[i * PAGE] = 2;
	gate_open(&ready);
	while (wait(NULL) > 0)
		;
}

static void siblings(void)
{
	uint64_t shared;
	struct line line;
	pid_t server;
	int i;

	ready = gate_make();
	leave = gate_make();
	server = start_child(siblings_server, NULL);
	gate_wait(&ready);
	for (i = 0; i < SIBLINGS; i++) {
		line = fork_line(worker[i]);
		shared = strtoull(line.shared, NULL, 10);
		ok(line.kept > 98 && line.kept <= 100, "sibling %d: KEPT%% %.2f", i, line.kept);
		ok(line.parent >= N, "its parent copied %" PRIu64, line.parent);
		about(shared - line.child, still_shared(worker[i]), "smaps says so too");
	}
	for (i = 0; i < SIBLINGS; i++)
		gate_open(&leave);
	wait_child(server);
}

/* --- swapped out pages are shared, too --- */

static void swap_program(void)
{
	int i, tries;

	pages = map_pages(2003);
	/* not the same byte everywhere, which zram would not store */
	for (i = 0; i < 2003; i++)
		memset(pages + i * PAGE, i % 251 + 1, PAGE / 2 + i);
	for (tries = 0; tries < 20; tries++)
		madvise(pages, 2003 * PAGE, MADV_PAGEOUT);
	if (!fork_worker(0)) {
		for (i = 0; i < 2003; i++)
			pages[i * PAGE] = 2;
		gate_open(&ready);
		gate_wait(&leave);
		_exit(0);
	}
	waitpid(*worker, NULL, 0);
}

static void swap_server(void *arg)
{
	(void)arg;
	swap_program();
}

static void swapfork(void)
{
	struct cow_row row;
	struct line line;
	uint64_t shared;
	pid_t server;

	swap_on();
	ready = gate_make();
	leave = gate_make();
	server = start_child(swap_server, NULL);
	gate_wait(&ready);
	line = fork_line(*worker);
	shared = strtoull(line.shared, NULL, 10);
	row = row_of(*worker);
	ok(VALUE(row, BIRTH_SWAP_ENTRIES) > 1000, "pages were swapped out at the fork");
	ok(shared >= 2003, "swapfork: SHARED %" PRIu64 " has them", shared);
	ok(line.child >= 2003 && line.child <= shared, "swapfork: CHILD %" PRIu64, line.child);
	/* of libc and of our own data */
	ok(line.kept >= 0 && line.kept < 8, "swapfork: KEPT%% %.2f", line.kept);
	gate_open(&leave);
	wait_child(server);
	swap_off();
}

/* --- what a forker copies when its children have gone has a place of its own --- */

static void thp_server(void *arg)
{
	size_t bytes = 32 << 20, i;
	char *p = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	(void)arg;
	p = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 1, bytes);
	if (!fork_worker(0)) {
		gate_wait(&leave);
		_exit(0);
	}
	for (i = 0; i < bytes; i += HUGE)
		p[i] = 2;
	gate_open(&leave);
	waitpid(*worker, NULL, 0);
	for (i = 0; i < bytes; i += PAGE)
		p[i + 8] = 3;
	gate_open(&ready);
	pause();
}

static void thpafter(void)
{
	uint64_t own, after, told = 0;
	struct cow_row row, child;
	char *out, *at, *end;
	pid_t server;
	int status;

	ready = gate_make();
	leave = gate_make();
	server = start_child(thp_server, NULL);
	gate_wait(&ready);
	row = row_of(server);
	child = row_of(*worker);
	own = VALUE(row, ANON_COPIED) - VALUE(row, INHERITED_COPIED);
	after = own > VALUE(child, PARENT_COPIED) ? own - VALUE(child, PARENT_COPIED) : 0;
	out = shell(&status, "cowstat --forks -p %d", server);
	at = strstr(out, "at least ");
	for (end = at ? at + 9 : out; at && (*end == ' ' || (*end >= '0' && *end <= '9')); end++)
		if (*end != ' ')
			told = 10 * told + (*end - '0');
	/* a few are not worth a line */
	is(told, after > 16 ? after : 0, "thpafter: copies with no child left are told");
	free(out);
	if (!kernel_before(6, 12) && kernel_before(6, 13))
		ok(after > 8000, "6.12 copies the pieces of a split huge page: %" PRIu64, after);
	if (!kernel_before(7, 2))
		ok(after < 100, "7.2 reuses them: %" PRIu64, after);
	kill_child(server);
}

/* --- the gauge of snapshots: a daemon is none, its child is one at once --- */

#define DAEMON_WRITES	1009

static void daemon_work(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "ans:daemon");
	if (fork())
		_exit(0); /* as a daemon's parent does */
	pages = map_pages(N);
	/* pages that it inherited, as a server that loads its data after it became a daemon */
	worker[1] = getpid();
	gate_open(&ready);
	gate_wait(&leave);
	if (!fork_worker(0)) {
		gate_wait(&leave);
		_exit(0);
	}
	write_pages(pages, DAEMON_WRITES);
	gate_open(&ready);
	waitpid(*worker, NULL, 0);
	gate_open(&ready);
	pause();
}

static uint64_t gauge(void)
{
	uint64_t bytes;
	char *out;
	int status;

	out = shell(&status, "cowstat --textfile /tmp 0.1 1 && "
			     "sed -n 's/^cowstat_snapshot_copied_bytes //p' /tmp/cowstat.prom");
	if (status || sscanf(out, "%" SCNu64, &bytes) != 1)
		bail("no gauge: %s", out);
	free(out);
	return bytes;
}

static void snapshot_gauge(void)
{
	struct cow_row row;
	char *out;
	int status;

	ready = gate_make();
	leave = gate_make();
	wait_child_any(start_child(daemon_work, NULL));
	gate_wait(&ready);
	is(gauge(), 0, "gauge: a daemon without a child is no snapshot");
	gate_open(&leave);
	gate_wait(&ready);
	row = row_of(*worker);
	ok(VALUE(row, PARENT_COPIED) >= DAEMON_WRITES, "its parent has written");
	about(gauge() / PAGE, VALUE(row, INHERITED_COPIED) + VALUE(row, PARENT_COPIED),
	      "gauge: what child and parent copied, from the first file on");
	out = shell(&status,
		    "grep 'cowstat_child_kept_bytes{pid=\"%d\",comm=\"ans:daemon\"' "
		    "/tmp/cowstat.prom",
		    *worker);
	is(status, 0, "and the child has series of its own");
	free(out);
	gate_open(&leave);
	gate_wait(&ready);
	is(gauge(), 0, "gauge: 0 when the child has gone");
	kill(worker[1], SIGKILL);
}

/* --- children that were forked before counting began --- */

static void late_server(void *arg)
{
	int i;

	(void)arg;
	pages = map_pages(N);
	for (i = 0; i < 2; i++) {
		if (!fork_worker(i)) {
			prctl(PR_SET_NAME, "late:worker");
			gate_wait(&leave);
			write_pages(pages, N);
			gate_open(&ready);
			pause();
		}
	}
	gate_open(&ready);
	pause();
}

static void late(void)
{
	static const char *const views[] = { "--forks -p %d", "--forks", "-T -p %d" };
	char command[64], ppid[16];
	struct line line = {};
	pid_t server;
	char *out;
	int i, status;

	ready = gate_make();
	leave = gate_make();
	server = start_child(late_server, NULL);
	gate_wait(&ready);
	if (control("reset"))
		bail("no reset");
	for (i = 0; i < 2; i++) {
		gate_open(&leave);
		gate_wait(&ready);
	}
	snprintf(ppid, sizeof(ppid), "~%d", server);
	for (i = 0; i < 3; i++) {
		snprintf(command, sizeof(command), views[i], server);
		out = shell(&status, "cowstat %s", command);
		is(status, 0, "late: cowstat %s", command);
		ok(strstr(out, "live children were forked before counting began"), "it says so");
		if (i < 2) {
			ok(line_of(out, worker[0], &line) && line_of(out, worker[1], &line),
			   "both are shown");
			ok(!strcmp(line.ppid, ppid) && !strcmp(line.shared, "-"),
			   "their parent is known, what they shared is not: %s, %s", line.ppid,
			   line.shared);
			about(line.child, N, "and what they copied since");
		} else {
			ok(strstr(out, "late:worker\n"), "the tree has them");
		}
		if (i == 0)
			ok(strstr(out, "\n2 live children were"), "both are counted");
		free(out);
	}
	kill(worker[0], SIGKILL);
	kill(worker[1], SIGKILL);
	kill_child(server);
}

/* --- bills --- */

static void bills(void)
{
	char *out, *line, *next;
	int status;

	out = shell(&status, "cowstat -- python3 -c 'import os; "
			     "os.waitpid(os.posix_spawnp(\"true\", [\"true\"], {}), 0)' 2>&1");
	ok(strstr(out, "1 child was started, all by vfork"), "a bill of vfork says so");
	ok(!strstr(out, "NEVER COPIED"), "and has no page of zeros");
	ok(strstr(out, "not copy-on-write: ") && strstr(out, " other minor faults"),
	   "what is not copy-on-write is told");
	free(out);
	out = shell(&status, "cowstat -- sh -c '(true); : %s' 2>&1",
		    "a long command that does not fit into a line of eighty columns, however hard it tries");
	ok(strstr(out, "\n  1 fork, 0 vfork/posix_spawn"), "one fork is one fork");
	ok(strstr(out, ".. (exit 0, "), "a cut command is marked");
	for (line = out; (next = strchr(line, '\n')); line = next + 1)
		ok(next - line <= 80, "the line fits: %.*s", (int)(next - line), line);
	free(out);
}

int main(void)
{
	worker = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker == MAP_FAILED)
		bail("no shared memory");
	setenv("LC_ALL", "C", 1);
	refork();
	siblings();
	swapfork();
	if (has_thp())
		thpafter();
	snapshot_gauge();
	late();
	bills();
	return done();
}
