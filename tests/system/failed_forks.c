// SPDX-License-Identifier: GPL-2.0
/*
 * Forks that fail, and why: the module's table, the table of BPF, and what cowstat says of them.
 * Threads that cannot be made are no forks, and a fork that a signal interrupts begins again.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow.h"
#include "harness.h"

#define GROUP		"/sys/fs/cgroup/cowstat-failed"
#define OVERCOMMIT	"/proc/sys/vm/overcommit_"
#define NOBODY		65534
#define LARGE		(512UL << 20)
#define SLACK		(64UL << 20)

/* fork_fails(): fork n times; each fails with this error. */
static void fork_fails(size_t n, int error)
{
	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0 || errno != error)
			_exit(1);
	}
}

/* Memory that is not committed twice: fork would have to promise a second time. */
static void overcommit(void *arg)
{
	void *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	if (large == MAP_FAILED)
		_exit(1);
	set_file(OVERCOMMIT "memory", "2");
	fork_fails(3, ENOMEM);
	set_file(OVERCOMMIT "memory", "1");
}

static void pids_max(void *arg)
{
	(void)arg;
	set_file(GROUP "/cgroup.procs", "0");
	fork_fails(5, EAGAIN);
}

static void *nothing(void *arg)
{
	return arg;
}

/*
 * There is no room for a thread, either: that is no fork. vfork and posix_spawn are. Older versions
 * of glibc return EPERM from posix_spawn, whatever the kernel said.
 */
static void pids_max_thread(void *arg)
{
	char *const argv[] = { "true", NULL };
	pthread_t thread;
	pid_t pid;

	(void)arg;
	set_file(GROUP "/cgroup.procs", "0");
	if (pthread_create(&thread, NULL, nothing, NULL) != EAGAIN ||
	    !posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL))
		_exit(1);
}

static void rlimit(void *arg)
{
	const struct rlimit none = { 1, 1 };

	(void)arg;
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
	    setrlimit(RLIMIT_NPROC, &none))
		_exit(1);
	fork_fails(7, EAGAIN);
}

static void refused_flags(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++)
		if (syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, NULL) >= 0 ||
		    errno != EINVAL)
			_exit(1);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/*
 * Signals come all the time, some just before the kernel forks. None of the forks fails. fork()
 * of libc would block signals.
 */
static void interrupted(void *arg)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	pid_t sender, pid, me = getpid();

	(void)arg;
	use_all_cpus();
	sigaction(SIGALRM, &action, NULL);
	sender = fork();
	while (!sender)
		kill(me, SIGALRM);
	for (int i = 0; i < 300; i++) {
		pid = syscall(SYS_fork);
		if (!pid)
			_exit(0);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (pid < 0)
			_exit(1);
	}
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
	if (!alarms)
		_exit(1);
}

static const struct {
	const char *name;
	work_fn *work;
	uint64_t failed, eagain, enomem;
} kinds[] = {
	{ "overcommit", overcommit, 3, 0, 3 },
	{ "pids.max", pids_max, 5, 5, 0 },
	{ "pids.max, and a thread", pids_max_thread, 1, 1, 0 },
	{ "RLIMIT_NPROC", rlimit, 7, 7, 0 },
	{ "flags that are refused", refused_flags, 2, 0, 0 },
	{ "interrupted by signals", interrupted, 0, 0, 0 },
};

#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static void check_row(const struct cow_row *row, size_t i, const char *whose)
{
	is(VALUE(*row, FORKS_FAILED), kinds[i].failed, "%s, %s: forks_failed", kinds[i].name,
	   whose);
	is(VALUE(*row, FORK_EAGAIN), kinds[i].eagain, "%s, %s: fork_eagain", kinds[i].name, whose);
	is(VALUE(*row, FORK_ENOMEM), kinds[i].enomem, "%s, %s: fork_enomem", kinds[i].name, whose);
}

/* What a report says. */
static void says(const char *command, pid_t pid, const char *text)
{
	char *out;
	int status;

	out = shell(&status, command, pid);
	ok(strstr(out, text), "%s says so", command);
	if (!strstr(out, text))
		note("no \"%s\" in: %s", text, out);
	free(out);
}

#define FULL	"setpriv --reuid=65534 --clear-groups prlimit --nproc=1 sh -c '(true); true'"
#define FIGURES	" | grep -o '\"fork[a-z_]*\": *[0-9]*' | tr -d ' \"' | sort | xargs"

static void reports(pid_t enomem, pid_t other)
{
	says("cowstat -p %d", enomem, " 3 forks failed: Cannot allocate memory");
	says("cowstat --forks -p %d", enomem, " 3 forks failed: Cannot allocate memory");
	says("cowstat --forks", enomem, " 3 forks failed: Cannot allocate memory");
	says("cowstat -p %d", other, " 2 forks failed: 2 other");
	says("cowstat -p %d --columns forks_failed,fork_eagain,fork_enomem", enomem,
	     "           3           0           3 failed_forks");
	says("cowstat -p %d -o json" FIGURES, enomem, "fork_enomem:3 ");
	says("cowstat --openmetrics", 0, "cowstat_forks_failed_total{errno=\"ENOMEM\"} 3");
	says("cowstat --openmetrics", 0, "cowstat_forks_failed_total{errno=\"EAGAIN\"} 13");
	says("cowstat --openmetrics", 0, "cowstat_forks_failed_total{errno=\"other\"} 2");
	/* a shell that cannot fork */
	says("cowstat -- " FULL " 2>&1", 0, "\n  1 fork failed: Resource temporarily unavailable");
	says("cowstat -o json -- " FULL " 2>&1" FIGURES, 0, "fork_eagain:1 ");
}

int main(void)
{
	bool load = has_bpf() && access(COWSTAT_BPF_TABLE, F_OK);
	struct cow_row row;
	struct cow_table t;
	pid_t pid[NR_KINDS];
	int status;

	setenv("LC_ALL", "C", 1);
	let_forks_fail(GROUP, LARGE + SLACK);
	if (load) {
		free(shell(&status, "cowstat bpf load"));
		is(status, 0, "BPF counts, too");
	}
	for (size_t i = 0; i < NR_KINDS; i++) {
		row = child_row(kinds[i].work, NULL);
		pid[i] = row.pid;
		check_row(&row, i, "module");
		if (!has_bpf())
			continue;
		t = bpf_table_now();
		row = *cow_table_find(&t, pid[i]);
		check_row(&row, i, "BPF");
		cow_table_free(&t);
	}
	if (load) {
		reports(pid[0], pid[4]);
		free(shell(&status, "cowstat bpf unload"));
		is(status, 0, "BPF counts no more");
	}
	set_file(OVERCOMMIT "kbytes", "0");
	set_file(OVERCOMMIT "ratio", "50");
	set_file(OVERCOMMIT "memory", "0");
	rmdir(GROUP);
	return done();
}
