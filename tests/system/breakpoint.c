// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger's breakpoint: a write through ptrace into program text that the program itself
 * may not write (FOLL_FORCE). The page is copied in the program's name, marked remote, and
 * none of it is fork's doing.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define N	13
#define RET	0xc3
#define INT3	0xcc

static char *text;
static struct gate ran, go;

static void run_text(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < N; i++)
		run_page(text, i);
	gate_open(&ran);
	gate_wait(&go);
	run_page(text, N - 1);
}

static void set_breakpoints(pid_t pid, size_t offset)
{
	long code;

	for (size_t i = 0; i < N; i++) {
		memset(&code, RET, sizeof(code));
		*(unsigned char *)&code = INT3;
		if (ptrace(PTRACE_POKETEXT, pid, text + i * PAGE + offset, code))
			bail("PTRACE_POKETEXT: errno %d", errno);
	}
}

int main(void)
{
	struct cow_row before, after;
	char code[PAGE];
	int status;
	pid_t pid;

	memset(code, RET, sizeof(code));
	text = map_text("/tmp/text", code, sizeof(code), N);
	ran = gate_make();
	go = gate_make();
	pid = start_child(run_text, NULL);
	gate_wait(&ran);
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
		bail("PTRACE_ATTACH: errno %d", errno);
	start_row();
	before = row_of(pid);
	set_breakpoints(pid, 0);
	after = row_of(pid);
	is(GREW(before, after, COPIED), N, "a breakpoint in each of %d pages: copied", N);
	is(GREW(before, after, ANON_COPIED), 0, "not anon_copied");
	is(GREW(before, after, REMOTE), N, "remote");
	drain_lru();
	before = after;
	set_breakpoints(pid, 64);
	after = row_of(pid);
	/* before 6.0 (commit 5535be309971) each such write begins with a fault */
	is(GREW(before, after, WP_FAULTS), kernel_before(6, 0) ? N : 0,
	   "a second one in each page: wp_faults");
	is(GREW(before, after, COPIED), 0, "and nothing copied");
	ptrace(PTRACE_DETACH, pid, 0, 0);
	gate_open(&go);
	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid: errno %d", errno);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "and it was hit: status 0x%x",
	   status);
	return done();
}
