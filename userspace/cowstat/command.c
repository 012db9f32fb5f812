// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "follow.h"

/* Signals that people send to a command by way of the process that runs it. */
static const int passed_on[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH,
};

static int spawn(char *const *argv, const sigset_t *mask, pid_t *pid)
{
	posix_spawnattr_t attr;
	int err;

	err = posix_spawnattr_init(&attr);
	if (err)
		return -err;
	posix_spawnattr_setsigmask(&attr, mask);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawnp(pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return -err;
}

/**
 * command_start() - start a command, searched in $PATH
 * @argv: the command and its arguments, then NULL
 * @follow: follow it and all that it starts
 * @command: the command, to be waited for until it has ended
 *
 * It uses posix_spawn(): a fork of this process would itself share and copy memory. The signals
 * that are passed on stay blocked in this process.
 *
 * Return: 0 or a negative errno.
 */
int command_start(char *const *argv, bool follow, struct command *command)
{
	sigset_t before;
	size_t i;
	int err;

	sigemptyset(&command->waited_for);
	sigaddset(&command->waited_for, SIGCHLD);
	for (i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&command->waited_for, passed_on[i]);
	sigprocmask(SIG_BLOCK, &command->waited_for, &before);

	command->follow = NULL;
	if (follow)
		command->follow = follow_start(argv, &before, &command->pid, &err);
	else
		err = spawn(argv, &before, &command->pid);
	if (err)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

static bool has_ended(struct command *command)
{
	if (command->follow)
		return follow_events(command->follow, &command->status, &command->usage);
	return wait4(command->pid, &command->status, WNOHANG, &command->usage) == command->pid;
}

/**
 * command_wait() - wait for the end of a command, with a timeout
 * @command: it was started and has not ended
 * @timeout_ns: the timeout
 *
 * A signal that was sent to this process is sent to the command. A signal from the terminal is
 * not: the command is in the same process group and got it too.
 *
 * Return: true when it has ended.
 */
bool command_wait(struct command *command, uint64_t timeout_ns)
{
	uint64_t now = now_ns(), end = now + timeout_ns;
	siginfo_t info;
	int signal;

	while (!has_ended(command)) {
		const struct timespec rest = {
			.tv_sec = (end - now) / NS_PER_S,
			.tv_nsec = (end - now) % NS_PER_S,
		};

		signal = sigtimedwait(&command->waited_for, &info, &rest);
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(command->pid, signal);
		now = now_ns();
		if (now >= end)
			return has_ended(command);
	}
	return true;
}

/**
 * command_exit_status() - get the exit status that a shell would show
 * @command: it has ended
 *
 * Return: its exit status, or 128 and the number of the signal that killed it.
 */
int command_exit_status(const struct command *command)
{
	if (WIFSIGNALED(command->status))
		return 128 + WTERMSIG(command->status);
	return WEXITSTATUS(command->status);
}
