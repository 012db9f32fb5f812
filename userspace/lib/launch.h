/* SPDX-License-Identifier: GPL-2.0 */
/* Start a child process in one of several ways. Errors are printed on stderr. */
#ifndef COWSTAT_LAUNCH_H
#define COWSTAT_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

#include "region.h"

/* Ways to start a child. */
enum launch {
	LAUNCH_FORK,  /* fork(), exec() */
	LAUNCH_VFORK, /* vfork(), exec() */
	LAUNCH_SPAWN, /* posix_spawn() */
	LAUNCH_EAGER, /* fork(), copy every page of the region, exec() */
	LAUNCH_EXIT,  /* fork(), exit: no program at all */
};

/**
 * struct launched - a child that was started and has exited
 * @pid: its pid
 * @call_ns: time until the call returned in the parent; with vfork() and posix_spawn()
 *	that is after the child's exec
 * @exit_ns: time until the parent knew that the child had exited
 */
struct launched {
	pid_t pid;
	uint64_t call_ns;
	uint64_t exit_ns;
};

int launch(enum launch way, const struct region *r, const char *path, struct launched *out);
int wait_exit(pid_t pid);

#endif /* COWSTAT_LAUNCH_H */
