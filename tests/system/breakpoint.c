// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger's breakpoint: a write through ptrace into program text that the program itself
 * may not write (FOLL_FORCE). The page is copied in the program's name, marked remote, and
 * none of it is fork's doing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define N	13
#define RET	0xc3
#define INT3	0xcc

static char *text;
static struct gate ran, go;

static void call(size_t i)
{
	((void (*)(void))(text + i * PAGE))();
}

static void run_text(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < N; i++)
		call(i);
	gate_open(&ran);
	gate_wait(&go);
	call(N - 1);
}

static char *map_text(void)
{
	int fd = open("/tmp/text", O_RDWR | O_CREAT | O_TRUNC, 0700);
	char page[PAGE];
	char *map;

	memset(page, RET, sizeof(page));
	for (size_t i = 0; i < N; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			bail("cannot write /tmp/text: errno %d", errno);
	map = mmap(NULL, N * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		bail("cannot map /tmp/text: errno %d", errno);
	close(fd);
	return map;
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
	int status;
	pid_t pid;

	text = map_text();
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
	before = after;
	set_breakpoints(pid, 64);
	after = row_of(pid);
	is(GREW(before, after, WP_FAULTS), 0, "a second one in each page: nothing");
	ptrace(PTRACE_DETACH, pid, 0, 0);
	gate_open(&go);
	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid: errno %d", errno);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "and it was hit: status 0x%x", status);
	return done();
}
