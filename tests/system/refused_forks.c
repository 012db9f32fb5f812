// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that enter the kernel's fork and do not come out of it with a child that it tells of: a
 * clone that is refused, one that finds pids.max reached, a thread of io_uring's. However many
 * such tasks there are, the time of everybody else's forks is known. Few of them are in the
 * kernel's fork at the same time: on a slow kernel, all of them together would need more slots
 * than there are.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define NOBODY		65534
#define TASKS		1500	/* half as many again as there are slots; a multiple of AT_A_TIME */
#define AT_A_TIME	100
#define FORKS		100
#define GROUP		"/sys/fs/cgroup/cowstat-refused"

enum kind { REFUSED, TOO_MANY, IO_THREAD, NR_KINDS };

static const char *const kind_name[NR_KINDS] = {
	[REFUSED] = "a clone with flags that are refused",
	[TOO_MANY] = "a fork that reaches pids.max",
	[IO_THREAD] = "a thread of io_uring's",
};

static struct gate go[NR_KINDS];
static atomic_uint *done_tasks, *wrong;

static bool do_kind(enum kind kind)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	pid_t pid;

	switch (kind) {
	case REFUSED:
		return syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, NULL) < 0 &&
		       errno == EINVAL;
	case TOO_MANY:
		pid = fork();
		if (!pid)
			_exit(0);
		return pid < 0 && errno == EAGAIN;
	default:
		return syscall(SYS_io_uring_setup, 1, &params) >= 0;
	}
}

static void task(void)
{
	char c;

	for (enum kind kind = 0; kind < NR_KINDS; kind++) {
		if (read(go[kind].fd[0], &c, 1) != 1)
			_exit(1);
		if (!do_kind(kind))
			atomic_fetch_add(wrong, 1);
		atomic_fetch_add(done_tasks, 1);
	}
	for (;;)
		pause();
}

/* As a user, in a group of its own: the tasks. */
static void start_tasks(void *arg)
{
	(void)arg;
	set_file(GROUP "/cgroup.procs", "0");
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	for (size_t i = 0; i < TASKS; i++) {
		pid_t pid = fork();

		if (!pid)
			task();
		if (pid < 0)
			_exit(1);
	}
	atomic_fetch_add(done_tasks, TASKS);
	for (;;)
		pause();
}

static void await_tasks(size_t n, const char *what)
{
	for (int ms = 0; atomic_load(done_tasks) < n; ms++) {
		if (ms == 120000)
			bail("%s: only %u tasks", what, atomic_load(done_tasks));
		usleep(1000);
	}
}

static void start_kind(enum kind kind)
{
	static const char bytes[AT_A_TIME];

	atomic_store(done_tasks, 0);
	for (size_t n = AT_A_TIME; n <= TASKS; n += AT_A_TIME) {
		if (write(go[kind].fd[1], bytes, AT_A_TIME) != AT_A_TIME)
			bail("cannot start the tasks");
		await_tasks(n, kind_name[kind]);
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The forks of ours whose time is known, of FORKS. */
static size_t timed_forks(void)
{
	struct cow_table t;
	pid_t pid[FORKS];
	size_t i, known = 0;

	for (i = 0; i < FORKS; i++) {
		pid[i] = start_child(nothing, NULL);
		wait_child(pid[i]);
	}
	t = table_now();
	for (i = 0; i < FORKS; i++) {
		const struct cow_row *row = cow_table_find(&t, pid[i]);

		known += row && row->known[COWSTAT_COL_FORK_NS];
	}
	cow_table_free(&t);
	return known;
}

int main(void)
{
	struct cow_table t;
	char text[32];
	pid_t pid;

	if (mkdir(GROUP, 0755) && errno != EEXIST)
		bail("mkdir " GROUP ": errno %d", errno);
	set_file("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
	done_tasks = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done_tasks == MAP_FAILED)
		bail("mmap: errno %d", errno);
	wrong = done_tasks + 1;
	for (enum kind kind = 0; kind < NR_KINDS; kind++)
		go[kind] = gate_make();
	pid = start_child(start_tasks, NULL);
	await_tasks(TASKS, "start");
	is(timed_forks(), FORKS, "forks are timed");

	for (enum kind kind = 0; kind < NR_KINDS; kind++) {
		/* All slots are free again. */
		if (control("counting off") || control("counting on"))
			bail("cannot switch counting");
		snprintf(text, sizeof(text), "%d", TASKS + 1);
		set_file(GROUP "/pids.max", kind == TOO_MANY ? text : "max");
		start_kind(kind);
		is(atomic_load(wrong), 0, "%d tasks have had %s", TASKS, kind_name[kind]);
		is(timed_forks(), FORKS, "and all of %d forks of others are timed", FORKS);
	}
	t = table_now();
	is(t.missed.value, 0, "none was missed");
	cow_table_free(&t);

	kill_group(GROUP);
	wait_child_any(pid);
	for (int ms = 0; rmdir(GROUP) && ms < 60000; ms++)
		usleep(1000);
	return done();
}
