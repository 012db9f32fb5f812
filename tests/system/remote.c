// SPDX-License-Identifier: GPL-2.0
/*
 * A page copied because somebody else wrote into the process: it stands in the owner's
 * row, marked remote, and not in the writer's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define N 61

static char *pages;

static void sleep_forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void by_vm_writev(pid_t pid, size_t n)
{
	char byte = 1;
	struct iovec mine = { &byte, 1 }, theirs = { pages, 1 };

	for (size_t i = 0; i < n; i++) {
		theirs.iov_base = pages + i * PAGE;
		if (process_vm_writev(pid, &mine, 1, &theirs, 1, 0) != 1)
			bail("process_vm_writev: errno %d", errno);
	}
}

static void by_ptrace(pid_t pid, size_t n)
{
	int status;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
		bail("PTRACE_ATTACH: errno %d", errno);
	for (size_t i = 0; i < n; i++)
		if (ptrace(PTRACE_POKEDATA, pid, pages + i * PAGE, 1L))
			bail("PTRACE_POKEDATA: errno %d", errno);
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void by_proc_mem(pid_t pid, size_t n)
{
	char path[64], byte = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd < 0)
		bail("%s: errno %d", path, errno);
	for (size_t i = 0; i < n; i++)
		if (pwrite(fd, &byte, 1, (off_t)(uintptr_t)(pages + i * PAGE)) != 1)
			bail("%s: errno %d", path, errno);
	close(fd);
}

static void try_by(const char *name, void (*write_in)(pid_t, size_t))
{
	struct cow_row child, child_after, me, me_after;
	pid_t pid = start_child(sleep_forever, NULL);

	usleep(50000);
	write_in(pid, 0);
	usleep(50000);
	child = row_of(pid);
	me = row_of(getpid());
	write_in(pid, N);
	usleep(50000);
	child_after = row_of(pid);
	me_after = row_of(getpid());
	is(GREW(child, child_after, COPIED), N, "%s: copied, in the owner's row", name);
	is(GREW(child, child_after, ANON_COPIED), N, "%s: anon_copied", name);
	is(GREW(child, child_after, REMOTE), N, "%s: remote", name);
	ok(GREW(me, me_after, COPIED) < N, "%s: not in the writer's row", name);
	is(GREW(me, me_after, REMOTE), 0, "%s: nothing remote about the writer", name);
	kill_child(pid);
}

int main(void)
{
	struct cow_table t;
	uint64_t lost;

	pages = map_pages(N);
	try_by("process_vm_writev", by_vm_writev);
	try_by("ptrace", by_ptrace);
	try_by("/proc/PID/mem", by_proc_mem);
	t = table_now();
	lost = t.lost.value;
	cow_table_free(&t);
	is(lost, 0, "no fault was without an owner");
	return done();
}
