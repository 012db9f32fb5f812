// SPDX-License-Identifier: GPL-2.0
/*
 * A memory cgroup too small for the copies: the writer is killed, its row stays true, and
 * no more is counted as copied than there was room for.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define ROOM	(8UL << 20)
#define PAGES	(4 * ROOM / PAGE)
#define CGROUP	"/sys/fs/cgroup"
#define SMALL	CGROUP "/cowstat-small"

static char *pages;

static void write_in_small_cgroup(void *arg)
{
	(void)arg;
	set_file(SMALL "/cgroup.procs", "0");
	write_pages(pages, PAGES);
}

int main(void)
{
	char room[32];
	struct cow_row row;
	int status;
	pid_t pid;

	set_file(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(SMALL, 0755))
		bail("mkdir " SMALL ": errno %d", errno);
	snprintf(room, sizeof(room), "%lu", ROOM);
	set_file(SMALL "/memory.max", room);

	pages = map_pages(PAGES);
	pid = start_child(write_in_small_cgroup, NULL);
	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid: errno %d", errno);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed for want of memory: 0x%x",
	   status);
	row = row_of(pid);
	ok(row.state == 'X', "its row is that of an exited process");
	ok(VALUE(row, COPIED) > 100 && VALUE(row, COPIED) <= ROOM / PAGE + 256,
	   "%lu pages copied, no more than the %lu there was room for", VALUE(row, COPIED),
	   ROOM / PAGE);
	ok(VALUE(row, OTHER) > 0, "what failed is in other: %lu", VALUE(row, OTHER));
	ok(row.value[COWSTAT_COL_CGROUP] > 1, "in a cgroup of its own: %lu",
	   row.value[COWSTAT_COL_CGROUP]);
	ok(log_has("Memory cgroup out of memory: Killed process"), "the kernel says so too");
	log_clear(); /* its report has a call trace, which is no complaint about us */
	rmdir(SMALL);
	return done();
}
