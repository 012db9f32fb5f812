// SPDX-License-Identifier: GPL-2.0
/*
 * Who sees what: an unprivileged user, one whose uids differ, a root of a user
 * namespace, a pid namespace, and a privileged process handed somebody else's open file. Sums of
 * recycled rows tell of cgroups and programs: only root outside of pid namespaces sees them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define NOBODY	65534
#define SOMEBODY 4242
#define RECYCLED 100

static char *pages;

static void as_nobody(void *arg)
{
	(void)arg;
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	write_pages(pages, 3);
}

/* Does something hold in a child of ours? Its exit status says. */
static bool in_child(bool (*holds)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(holds() ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid)
		bail("lost a child");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static struct seen seen_by_me(uint64_t uid)
{
	int fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	struct seen seen;

	if (fd < 0)
		bail("cannot open " COWSTAT_PROC_PATH);
	seen = seen_through(fd, uid);
	close(fd);
	return seen;
}

static bool nobody_sees_own(void)
{
	as_nobody(NULL);
	return only_own(seen_by_me(NOBODY));
}

static bool nobody_may_not_write(void)
{
	int fd;

	as_nobody(NULL);
	fd = open(COWSTAT_PROC_PATH, O_WRONLY);
	return fd < 0 && errno == EACCES;
}

/* A process between two identities is nobody's to look at. */
static bool mixed_uids_hidden(void)
{
	pid_t pid = fork();
	bool hidden;

	if (!pid) {
		if (setresuid(SOMEBODY, NOBODY, NOBODY))
			_exit(1);
		write_pages(pages, 3);
		for (;;)
			pause();
	}
	usleep(100000);
	as_nobody(NULL);
	hidden = !has_row(pid);
	return hidden;
}

static bool userns_root_sees_own(void)
{
	as_nobody(NULL);
	if (unshare(CLONE_NEWUSER))
		bail("unshare(CLONE_NEWUSER): errno %d", errno);
	write_pages(pages, 5);
	/* all capabilities, but in a namespace of its own; uids unmapped read as 65534 */
	return only_own(seen_by_me(NOBODY)) && control("reset") == EACCES;
}

/* A privileged process that holds a file which an unprivileged one opened. */
static bool opener_counts(void)
{
	struct seen seen;
	int fd, err;

	if (setresuid(0, NOBODY, 0))
		return false;
	fd = open(COWSTAT_PROC_PATH, O_RDWR);
	if (fd < 0 || setresuid(0, 0, 0))
		return false;
	seen = seen_through(fd, NOBODY);
	err = write(fd, "reset", 5) < 0 ? errno : 0;
	return !seen.others && !seen.sums && !seen.header_whole && err == EPERM;
}

static bool pidns_init(void)
{
	struct cow_table t;
	bool good = getpid() == 1, me = false;
	pid_t pid = fork();

	if (!pid) {
		write_pages(pages, 3);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	t = table_now();
	for (size_t i = 0; i < t.nr; i++) {
		struct cow_row *row = &t.row[i];

		if (row->kind == COW_ROW_SUM) {
			note("a sum of cgroup %lu should not be seen",
			     row->value[COWSTAT_COL_CGROUP]);
			good = false;
		}
		if (row->kind != COW_ROW_PROCESS)
			continue;
		if (row->pid != 1 && row->pid != pid) {
			note("pid %ld should not be seen", (long)row->pid);
			good = false;
		}
		if (row->pid == 1)
			me = row->value[COWSTAT_COL_PPID] == 0;
		if (row->pid == pid && row->value[COWSTAT_COL_PPID] != 1)
			good = false;
	}
	cow_table_free(&t);
	return good && me;
}

static bool pid_namespace(void)
{
	if (unshare(CLONE_NEWPID))
		bail("unshare(CLONE_NEWPID): errno %d", errno);
	return in_child(pidns_init);
}

int main(void)
{
	struct seen root;
	size_t i;

	pages = map_pages(8);
	load_module("max_rows=64");
	for (i = 0; i < RECYCLED; i++)
		wait_child(start_child(as_nobody, NULL));
	root = seen_by_me(0);
	ok(root.mine && root.others && root.header_whole, "root sees all rows and the header");
	ok(root.sums > 2, "and sums of recycled rows: %zu, with - and *", root.sums);
	ok(in_child(nobody_sees_own), "nobody sees its own rows, no sums, no system-wide figures");
	ok(in_child(nobody_may_not_write), "nobody may not open it for writing");
	ok(in_child(mixed_uids_hidden), "a process whose uids differ is hidden from either");
	ok(in_child(userns_root_sees_own), "root of a user namespace is an ordinary user");
	ok(in_child(pid_namespace), "a pid namespace sees its own processes, by its own pids");

	if (chmod(COWSTAT_PROC_PATH, 0666))
		bail("chmod: errno %d", errno);
	ok(in_child(opener_counts), "a file opened by nobody gives root no more than nobody");
	return done();
}
