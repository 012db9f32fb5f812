// SPDX-License-Identifier: GPL-2.0
/*
 * One-shot containers of one user, three times as many as the user may have at a time: rows of
 * processes that have exited hold no namespace. And a new pid namespace that is given the inode
 * number of an earlier one shows none of the rows of that one.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define NOBODY		65534
#define CONTAINERS	120
#define QUOTA		"40"
#define PATIENCE_MS	10000	/* for what the kernel frees in the background */

/* What the init of a container reports. */
struct report {
	uint64_t rows;	  /* of processes, as seen from inside */
	uint64_t strange; /* neither the init's nor its child's */
	uint64_t own;	  /* the init's pid is 1, its ppid is 0; the child's ppid is 1 */
	uint64_t inode;	  /* of the pid namespace */
};

static char *pages;

static void look_around(struct report *report)
{
	struct cow_table t;
	struct stat ns;
	pid_t child = fork();

	if (!child) {
		write_pages(pages, 3);
		_exit(0);
	}
	write_pages(pages, 5);
	waitpid(child, NULL, 0);
	if (stat("/proc/thread-self/ns/pid", &ns) == 0)
		report->inode = ns.st_ino;
	t = table_now();
	for (size_t i = 0; i < t.nr; i++) {
		struct cow_row *row = &t.row[i];

		if (row->kind != COW_ROW_PROCESS)
			continue;
		report->rows++;
		if (row->pid == 1)
			report->own += row->value[COWSTAT_COL_PPID] == 0;
		else if (row->pid == child)
			report->own += row->value[COWSTAT_COL_PPID] == 1;
		else
			report->strange++;
	}
	cow_table_free(&t);
}

/* A container is made, runs, and is gone. Its pid, or -1 if it was not to be had. */
static pid_t container(struct report *report)
{
	int fd[2], ms;
	pid_t pid;

	if (pipe(fd))
		bail("pipe: errno %d", errno);
	for (ms = 0;; ms++) {
		pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL,
			      NULL);
		if (pid >= 0 || errno != ENOSPC || ms == PATIENCE_MS)
			break;
		usleep(1000);
	}
	if (!pid) {
		*report = (struct report){};
		look_around(report);
		_exit(write(fd[1], report, sizeof(*report)) != sizeof(*report));
	}
	close(fd[1]);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		if (read(fd[0], report, sizeof(*report)) != sizeof(*report))
			bail("a container did not report");
	} else {
		note("clone: errno %d", errno);
	}
	close(fd[0]);
	return pid;
}

/* As a user: containers until one is refused. The exit status is 0 if all was well. */
static int run_all(int to)
{
	struct report report, sum = {};
	uint64_t first = 0, again = 0;
	int made = 0;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	while (made < CONTAINERS && container(&report) > 0) {
		made++;
		sum.rows += report.rows;
		sum.strange += report.strange;
		sum.own += report.own;
		first = first ?: report.inode;
		again += report.inode == first;
	}
	return write(to, &(uint64_t[]){ made, sum.rows, sum.strange, sum.own, again },
		     5 * sizeof(uint64_t)) != 5 * sizeof(uint64_t);
}

int main(void)
{
	uint64_t told[5];
	struct cow_table t;
	size_t i, inits = 0;
	int fd[2], status;
	pid_t pid;

	pages = map_pages(8);
	set_file("/proc/sys/user/max_pid_namespaces", QUOTA);
	set_file("/proc/sys/user/max_user_namespaces", QUOTA);
	if (pipe(fd))
		bail("pipe: errno %d", errno);
	pid = fork();
	if (!pid)
		_exit(run_all(fd[1]));
	close(fd[1]);
	if (waitpid(pid, &status, 0) != pid || status ||
	    read(fd[0], told, sizeof(told)) != sizeof(told))
		bail("the user's process failed");
	is(told[0], CONTAINERS, "containers, one after the other, under a quota of " QUOTA);
	is(told[1], 2 * told[0], "rows seen from inside: an init's and its child's");
	is(told[2], 0, "rows of others seen from inside");
	is(told[3], 2 * told[0], "by the pids and ppids of the inside");
	ok(told[4] > 1, "%lu of the namespaces had the first one's inode number", told[4]);

	t = table_now();
	for (i = 0; i < t.nr; i++)
		inits += t.row[i].kind == COW_ROW_PROCESS && t.row[i].known[COWSTAT_COL_PPID] &&
			 t.row[i].value[COWSTAT_COL_PPID] == (uint64_t)pid;
	is(inits, told[0], "root sees the row of each container's init");
	cow_table_free(&t);
	return done();
}
