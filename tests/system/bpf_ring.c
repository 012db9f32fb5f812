// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * No fault disappears: the faults that cowtrace prints and those that it reports as lost are
 * together those that the module counted. With 100 003 faults on two CPUs (1 000 003 in the long
 * form), and with a reader that is stopped so that many are lost.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define NR_WORKERS	2
#define NR_PAGES	2003UL

/*
 * A worker runs on a CPU of its own. It forks a child that writes its pages, waits for its exit,
 * and writes the pages itself, again and again until it has taken its share of the faults.
 */
struct worker {
	size_t faults;
	int cpu;
	struct gate born, go, worked, end;
	pid_t pid;
};

/* The number of pages that one process writes at a time. */
static size_t some(size_t left)
{
	return left < NR_PAGES ? left : NR_PAGES;
}

static void work(struct worker *w)
{
	char *pages = map_pages(NR_PAGES);
	size_t left = w->faults;
	cpu_set_t one;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(w->cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		bail("no CPU %d", w->cpu);
	gate_open(&w->born);
	gate_wait(&w->go);
	while (left) {
		pid = fork();
		if (!pid) {
			write_pages(pages, some(left));
			_exit(0);
		}
		if (pid < 0)
			bail("no child");
		wait_child(pid);
		left -= some(left);
		write_pages(pages, some(left));
		left -= some(left);
	}
	gate_open(&w->worked);
	gate_wait(&w->end);
	_exit(0);
}

static void start(struct worker *w, int cpu, size_t faults)
{
	*w = (struct worker){ faults, cpu, gate_make(), gate_make(), gate_make(), gate_make(), 0 };
	w->pid = fork();
	if (!w->pid)
		work(w);
	if (w->pid < 0)
		bail("no worker");
	gate_wait(&w->born);
}

/* The value that the module counted for the workers and their children. */
static uint64_t counted(const struct worker *w, enum cowstat_column c)
{
	struct cow_table t = table_now();
	uint64_t sum = 0;

	for (size_t i = 0; i < t.nr; i++)
		for (size_t n = 0; n < NR_WORKERS; n++)
			if (t.row[i].kind == COW_ROW_PROCESS &&
			    (t.row[i].pid == w[n].pid ||
			     t.row[i].value[COWSTAT_COL_PPID] == (uint64_t)w[n].pid))
				sum += value_of(&t.row[i], c);
	cow_table_free(&t);
	return sum;
}

/* Read all that cowtrace prints. Return: number of lines. */
static uint64_t count_lines(int fd)
{
	static char buffer[1 << 16];
	uint64_t lines = 0;
	ssize_t n, i;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (i = 0; i < n; i++)
			lines += buffer[i] == '\n';
	if (n < 0)
		bail("cannot read what cowtrace prints");
	return lines;
}

/* Start cowtrace on the workers. Its lines can be read from *out, its messages from @log. */
static pid_t start_cowtrace(const struct worker *w, const char *log, int *out)
{
	int pipes[2];
	char path[256], list[64], c;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/cowtrace", getenv("COWSTAT_BUILD"));
	snprintf(list, sizeof(list), "%d,%d", w[0].pid, w[1].pid);
	if (pipe(pipes))
		bail("no pipe");
	pid = fork();
	if (!pid) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		if (!freopen(log, "w", stderr))
			_exit(1);
		execl(path, path, "-p", list, "--children", "--outcome",
		      "copied,zero_filled,reused,shared_wp,other", NULL);
		_exit(127);
	}
	if (pid < 0)
		bail("no cowtrace");
	close(pipes[1]);
	*out = pipes[0];
	/* It prints the head line when everything is attached. */
	do {
		if (read(*out, &c, 1) != 1)
			bail("cowtrace did not start; see %s", log);
	} while (c != '\n');
	return pid;
}

/* Count lines in another process, so that this one can wait for the workers meanwhile. */
static pid_t start_counting(int fd, struct gate *result)
{
	pid_t pid = fork();
	uint64_t lines;

	if (pid)
		return pid;
	lines = count_lines(fd);
	_exit(write(result->fd[1], &lines, sizeof(lines)) != sizeof(lines));
}

static void account(size_t faults, bool stop, const char *what)
{
	const char *log = "/tmp/bpf_ring.log";
	uint64_t reported = 0, lost = 0, lines = 0, wp, copied;
	struct gate result = gate_make();
	struct worker w[NR_WORKERS];
	pid_t tracer, counter;
	int out, status, found = 0;
	char line[256];
	FILE *f;

	start(&w[0], 0, faults - faults / 2);
	start(&w[1], 1, faults / 2);
	tracer = start_cowtrace(w, log, &out);
	counter = start_counting(out, &result);
	close(out);
	wp = counted(w, COWSTAT_COL_WP_FAULTS);
	copied = counted(w, COWSTAT_COL_COPIED);
	if (stop)
		kill(tracer, SIGSTOP);
	gate_open(&w[0].go);
	gate_open(&w[1].go);
	gate_wait(&w[0].worked);
	gate_wait(&w[1].worked);
	wp = counted(w, COWSTAT_COL_WP_FAULTS) - wp;
	copied = counted(w, COWSTAT_COL_COPIED) - copied;
	if (stop)
		kill(tracer, SIGCONT);
	kill(tracer, SIGINT);
	if (waitpid(tracer, &status, 0) != tracer ||
	    read(result.fd[0], &lines, sizeof(lines)) != sizeof(lines))
		bail("cannot wait for cowtrace");
	wait_child(counter);
	for (size_t i = 0; i < NR_WORKERS; i++) {
		gate_open(&w[i].end);
		wait_child(w[i].pid);
	}
	f = fopen(log, "r");
	while (f && fgets(line, sizeof(line), f))
		found += sscanf(line, "cowtrace: %" SCNu64 " faults, %" SCNu64 " lost", &reported,
				&lost) == 2;
	if (found != 1)
		bail("cowtrace does not report its faults; see %s", log);
	fclose(f);
	ok(wp >= faults, "%s: %zu faults were requested, %" PRIu64 " counted (%" PRIu64 " copied)",
	   what, faults, wp, copied);
	is(lines, reported, "%s: a line for each reported fault", what);
	is(reported + lost, wp,
	   "%s: %" PRIu64 " reported and %" PRIu64 " lost are what the module counted", what,
	   reported, lost);
	is(WEXITSTATUS(status), lost ? 3 : 0, "%s: the exit status tells whether some were lost",
	   what);
	if (stop)
		ok(lost > 0 && reported > 0, "%s: some were lost, and some were not", what);
}

int main(void)
{
	size_t many = long_run() ? 1000003 : 100003;

	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	use_all_cpus();
	if (sysconf(_SC_NPROCESSORS_ONLN) < NR_WORKERS)
		bail("this wants two CPUs");
	account(many, false, "two CPUs");
	account(100003, true, "a reader that is stopped");
	return done();
}
