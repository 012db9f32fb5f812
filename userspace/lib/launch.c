// SPDX-License-Identifier: GPL-2.0
/* Start a child process in one of several ways. It does almost nothing before its exec. */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"

#define EXIT_NO_COPY		126	/* a child that could not copy its memory */
#define EXIT_NO_EXEC		127	/* a child that could not exec, as in a shell */

static pid_t start_fork(const char *path, char *const *argv, const struct region *copy)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!path)
		_exit(EXIT_SUCCESS);
	if (copy && region_populate(copy))
		_exit(EXIT_NO_COPY);
	execv(path, argv);
	_exit(EXIT_NO_EXEC);
}

/* A separate function: it has no variable that is used after both returns of vfork(). */
__attribute__((noinline)) static pid_t start_vfork(const char *path, char *const *argv)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	execv(path, argv);
	_exit(EXIT_NO_EXEC);
}

static pid_t start_spawn(const char *path, char *const *argv)
{
	pid_t pid;
	int error = posix_spawn(&pid, path, NULL, NULL, argv, environ);

	if (!error)
		return pid;
	errno = error;
	return -1;
}

/**
 * wait_exit() - wait until a child has exited
 * @pid: the child
 *
 * Return: its wait status, or -1 after printing the reason on stderr.
 */
int wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			warn("cannot wait for child %d", pid);
			return -1;
		}
	}
	if (WIFSIGNALED(status)) {
		warnx("child %d was killed by signal %d (%s)%s", pid, WTERMSIG(status),
		      strsignal(WTERMSIG(status)),
		      WTERMSIG(status) == SIGKILL ?
			      ": perhaps the machine ran out of memory; try a smaller --size" :
			      "");
		return -1;
	}
	return status;
}

/**
 * launch() - start a child and wait until it has exited
 * @way: how to start it
 * @r: memory that LAUNCH_EAGER copies in the child, before its exec
 * @path: the program, run without arguments; its exit status is ignored
 * @out: the child and its times; valid on success
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int launch(enum launch way, const struct region *r, const char *path, struct launched *out)
{
	char *const argv[] = { (char *)path, NULL };
	uint64_t begin = now_ns();
	int status;

	switch (way) {
	case LAUNCH_FORK:
		out->pid = start_fork(path, argv, NULL);
		break;
	case LAUNCH_VFORK:
		out->pid = start_vfork(path, argv);
		break;
	case LAUNCH_SPAWN:
		out->pid = start_spawn(path, argv);
		break;
	case LAUNCH_EAGER:
		out->pid = start_fork(path, argv, r);
		break;
	case LAUNCH_EXIT:
		out->pid = start_fork(NULL, NULL, NULL);
		break;
	}
	out->call_ns = now_ns() - begin;
	if (out->pid < 0) {
		warn("cannot fork or start %s", path);
		return -1;
	}
	status = wait_exit(out->pid);
	out->exit_ns = now_ns() - begin;
	if (status < 0)
		return -1;
	if (WEXITSTATUS(status) == EXIT_NO_EXEC) {
		warnx("the child could not run %s (exit 127): check that it is a program and that you may run it",
		      path);
		return -1;
	}
	if (way == LAUNCH_EAGER && WEXITSTATUS(status) == EXIT_NO_COPY) {
		warnx("the child could not copy its memory: this needs enough free memory; try a smaller --size");
		return -1;
	}
	return 0;
}
