// SPDX-License-Identifier: GPL-2.0
/* vfork and posix_spawn share the mm: nothing is copied between fork and exec. */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

extern char **environ;

static char *const argv[] = { "true", NULL };

static pid_t by_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		execv("/bin/true", argv);
		_exit(127);
	}
	return pid;
}

static pid_t by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execv("/bin/true", argv);
		_exit(127);
	}
	return pid;
}

static pid_t by_spawn(void)
{
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) ? -1 : pid;
}

static struct cow_row spawn(pid_t (*how)(void))
{
	pid_t pid = how();

	if (pid < 0)
		bail("no child");
	wait_child(pid);
	return row_of(pid);
}

int main(void)
{
	struct cow_row me, me_after, child;

	map_pages(MANY);
	me = row_of(getpid());
	child = spawn(by_vfork);
	me_after = row_of(getpid());
	is(VALUE(child, PRE_EXEC_COPIED), 0, "vfork: nothing copied before exec");
	is(VALUE(child, EXECS), 1, "vfork: one exec");
	ok(!child.known[COWSTAT_COL_BIRTH_ANON_PAGES], "vfork: no page tables of its own at birth");
	ok(!child.known[COWSTAT_COL_PARENT_COPIED], "vfork: no parent_copied");
	is(GREW(me, me_after, VFORKS), 1, "vfork: the parent's vforks");
	is(GREW(me, me_after, FORKS), 0, "vfork: not the parent's forks");

	me = row_of(getpid());
	child = spawn(by_spawn);
	me_after = row_of(getpid());
	is(VALUE(child, PRE_EXEC_COPIED), 0, "posix_spawn: nothing copied before exec");
	is(VALUE(child, EXECS), 1, "posix_spawn: one exec");
	is(GREW(me, me_after, VFORKS), 1, "posix_spawn: the parent's vforks");
	is(VALUE(child, PPID), getpid(), "posix_spawn: its parent");

	me = row_of(getpid());
	child = spawn(by_fork);
	me_after = row_of(getpid());
	ok(VALUE(child, PRE_EXEC_COPIED) > 0 && VALUE(child, PRE_EXEC_COPIED) < 64,
	   "fork: a handful of pages before exec: %lu", VALUE(child, PRE_EXEC_COPIED));
	is(GREW(me, me_after, FORKS), 1, "fork: the parent's forks");
	return done();
}
