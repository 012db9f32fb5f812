// SPDX-License-Identifier: GPL-2.0
/*
 * A page copied because somebody else wrote into the process: it stands in the owner's
 * row, marked remote, and not in the writer's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

#define FROZEN	"/mnt/ext4/remote"

static struct gate mapped;

/* A page of a shared file, read but not written. */
static void map_and_sleep(void *arg)
{
	read_pages(pages, 1);
	gate_open(&mapped);
	sleep_forever(arg);
}

static void write_into(void *pid)
{
	by_proc_mem(*(pid_t *)pid, 1);
}

static char state_of(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		bail("%s: errno %d", path, errno);
	fclose(f);
	return state;
}

/* The `-` row. */
static struct cow_row folded_now(void)
{
	struct cow_table t = table_now();
	struct cow_row row;
	size_t i;

	for (i = 0; i < t.nr && t.row[i].kind != COW_ROW_FOLDED; i++)
		;
	if (i == t.nr)
		bail("no row of nobody");
	row = t.row[i];
	cow_table_free(&t);
	return row;
}

/*
 * The owner of the memory dies while the writer is inside the fault: the file system is frozen,
 * so page_mkwrite() waits. The fault is the owner's all the same, and counted once.
 */
static void try_dying_owner(void)
{
	struct cow_row owner, owner_after, folded, folded_after;
	pid_t pid, writer;
	int fd, tries;

	run("head -c 4096 /dev/zero >" FROZEN);
	fd = open(FROZEN, O_RDWR);
	pages = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		bail("cannot map " FROZEN ": errno %d", errno);
	mapped = gate_make();
	pid = start_child(map_and_sleep, NULL);
	gate_wait(&mapped);
	start_row();
	owner = row_of(pid);
	folded = folded_now();
	if (ioctl(fd, FIFREEZE, 0))
		bail("FIFREEZE: errno %d", errno);
	writer = start_child(write_into, &pid);
	for (tries = 200; state_of(writer) != 'D' && tries; tries--)
		usleep(50000);
	ok(tries, "the writer waits inside the fault");
	kill_child(pid);
	if (ioctl(fd, FITHAW, 0))
		bail("FITHAW: errno %d", errno);
	wait_child(writer);
	owner_after = row_of(pid);
	folded_after = folded_now();
	is(GREW(owner, owner_after, WP_FAULTS), 1, "owner dies: one fault, in its row");
	is(GREW(owner, owner_after, SHARED_WP), 1, "owner dies: its outcome is in its row");
	is(GREW(owner, owner_after, OTHER), 0, "owner dies: no other");
	is(GREW(folded, folded_after, WP_FAULTS), 0, "owner dies: not in the row of nobody");
	close(fd);
}

int main(void)
{
	struct cow_table t;
	uint64_t lost;

	pages = map_pages(N);
	try_by("process_vm_writev", by_vm_writev);
	try_by("ptrace", by_ptrace);
	try_by("/proc/PID/mem", by_proc_mem);
	try_dying_owner();
	t = table_now();
	lost = t.lost.value;
	cow_table_free(&t);
	is(lost, 0, "no fault was without an owner");
	return done();
}
