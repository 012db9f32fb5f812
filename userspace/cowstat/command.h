/* SPDX-License-Identifier: GPL-2.0 */
/* Run a command as a shell does: pass signals on to it, return its exit status. */
#ifndef COWSTAT_COMMAND_H
#define COWSTAT_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct follow;

#define EXIT_CANNOT_RUN		126
#define EXIT_NOT_FOUND		127

/**
 * struct command - a command that was started
 * @pid: its process
 * @waited_for: the signals that command_wait() waits for
 * @follow: how it is followed, to be freed; NULL if it is not
 * @status: its wait status, once it has ended
 * @usage: its resource usage and that of descendants that were waited for, once it has ended
 */
struct command {
	pid_t pid;
	sigset_t waited_for;
	struct follow *follow;
	int status;
	struct rusage usage;
};

int command_start(char *const *argv, bool follow, struct command *command);
bool command_wait(struct command *command, uint64_t timeout_ns);
int command_exit_status(const struct command *command);

#endif /* COWSTAT_COMMAND_H */
