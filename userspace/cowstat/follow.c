// SPDX-License-Identifier: GPL-2.0
/*
 * With PTRACE_O_TRACEEXIT, a thread stops when it is about to exit and still has its memory. The
 * last thread of a process that stops there is the time to compare it with its parent. With
 * PTRACE_O_TRACEFORK and its like, new processes and threads are followed from their first
 * instruction on. See ptrace(2).
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "diff_read.h"
#include "follow.h"
#include "procfs.h"

#define OPTIONS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)

/**
 * struct process - a process that is followed
 * @pid: its pid
 * @serial: a number that no other process has or gets, from 1 on
 * @parent: the serial number of its parent; 0 for the command itself
 * @execs: how often it has run another program
 * @parent_execs: how often its parent had, when it was forked
 * @is_done: it was compared, or the reason why not is counted
 * @next: the next one of the list
 */
struct process {
	pid_t pid;
	uint64_t serial, parent;
	uint64_t execs, parent_execs;
	bool is_done;
	struct process *next;
};

/**
 * struct thread - a thread that is followed
 * @tid: its thread id
 * @process: its process
 * @is_exiting: it has stopped at its exit
 * @next: the next one of the list
 */
struct thread {
	pid_t tid;
	struct process *process;
	bool is_exiting;
	struct thread *next;
};

struct follow {
	pid_t root;
	struct process *processes;
	struct thread *threads;
	uint64_t serials;
	struct followed found;
};

static struct thread *find_thread(const struct follow *f, pid_t tid)
{
	struct thread *t = f->threads;

	while (t && t->tid != tid)
		t = t->next;
	return t;
}

static struct process *find_process(const struct follow *f, uint64_t serial)
{
	struct process *p = f->processes;

	while (p && p->serial != serial)
		p = p->next;
	return p;
}

/* A thread of a process: one that is not exiting, if there is one. */
static struct thread *thread_of(const struct follow *f, const struct process *p)
{
	struct thread *t, *found = NULL;

	for (t = f->threads; t; t = t->next)
		if (t->process == p && (!found || !t->is_exiting))
			found = t;
	return found;
}

static struct thread *add_thread(struct follow *f, pid_t tid)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->tid = tid;
	t->next = f->threads;
	f->threads = t;
	return t;
}

static struct process *add_process(struct follow *f, pid_t pid, const struct process *parent)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->pid = pid;
	p->serial = ++f->serials;
	if (parent) {
		p->parent = parent->serial;
		p->parent_execs = parent->execs;
		f->found.children++;
	}
	p->next = f->processes;
	f->processes = p;
	return p;
}

static void not_compared(struct follow *f, struct process *p, enum follow_reason reason)
{
	if (!p->parent || p->is_done)
		return;
	p->is_done = true;
	f->found.not_compared[reason]++;
}

static void remove_process(struct follow *f, struct process *p)
{
	struct process **at = &f->processes;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	not_compared(f, p, FOLLOW_FAILED);
	free(p);
}

static void remove_thread(struct follow *f, pid_t tid)
{
	struct thread **at = &f->threads, *t;
	struct process *p;

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	t = *at;
	if (!t)
		return;
	*at = t->next;
	p = t->process;
	free(t);
	if (p && !thread_of(f, p))
		remove_process(f, p);
}

/* --- comparing --- */

static bool have_same_memory(pid_t a, pid_t b)
{
	return !syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);
}

/* Return: FOLLOW_NR, or the reason why they were not compared. */
static enum follow_reason compare_pair(struct follow *f, pid_t child, pid_t parent)
{
	static struct amplification found; /* too large for the stack */
	struct diff_pair pair = { .child = { .mem = -1, .pagemap = -1 },
				  .parent = { .mem = -1, .pagemap = -1 } };
	char why[256];
	int err;

	err = process_memory_open(child, &pair.child, why, sizeof(why));
	if (!err)
		err = process_memory_open(parent, &pair.parent, why, sizeof(why));
	if (!err)
		err = diff_read(&pair, &found);
	process_memory_close(&pair.child);
	process_memory_close(&pair.parent);
	if (err)
		return FOLLOW_FAILED;
	/* The parent is at its exec, and has new memory already. */
	if (amplification_unrelated(&found))
		return FOLLOW_PARENT;
	amplification_add_up(&f->found.sum, &found);
	return FOLLOW_NR;
}

/* Has it stopped behind an exec that has not been handled so far? */
static bool waits_behind_exec(const struct thread *t)
{
	siginfo_t info = {};

	return !waitid(P_PID, t->tid, &info, WSTOPPED | WNOHANG | WNOWAIT | __WALL) &&
	       info.si_pid && info.si_status >> 8 == PTRACE_EVENT_EXEC;
}

/* Does a parent still have the memory that the child was forked from? */
static bool has_memory(const struct process *parent, const struct thread *of_parent,
		       const struct process *child)
{
	return of_parent && !of_parent->is_exiting && parent->execs == child->parent_execs &&
	       !waits_behind_exec(of_parent);
}

/* @t is the last thread of its process that still has the memory. */
static void compare(struct follow *f, const struct thread *t)
{
	struct process *p = t->process, *parent = find_process(f, p->parent);
	const struct thread *of_parent = parent ? thread_of(f, parent) : NULL;
	enum follow_reason reason;
	uint64_t begin = now_ns();

	if (!p->parent)
		return;
	if (p->execs)
		reason = FOLLOW_PROGRAM;
	else if (!has_memory(parent, of_parent, p))
		reason = FOLLOW_PARENT;
	else if (have_same_memory(t->tid, of_parent->tid))
		reason = FOLLOW_MEMORY;
	else
		reason = compare_pair(f, t->tid, of_parent->tid);
	if (reason != FOLLOW_NR) {
		not_compared(f, p, reason);
		return;
	}
	p->is_done = true;
	f->found.compared++;
	f->found.read_ns += now_ns() - begin;
}

/* --- stops --- */

static void go_on(pid_t tid, int signal)
{
	/* Fails with ESRCH if it was killed meanwhile; then its end is reported. */
	ptrace(PTRACE_CONT, tid, NULL, signal);
}

static struct process *process_with(const struct follow *f, uint64_t pid)
{
	struct process *p = f->processes;

	while (p && (uint64_t)p->pid != pid)
		p = p->next;
	return p;
}

/*
 * Add a task that was made. Its own first stop and that of its creator come in any order, and the
 * creator's not at all if it is killed. Return: NULL without memory.
 */
static struct thread *add_task(struct follow *f, pid_t tid)
{
	struct thread *t = add_thread(f, tid);
	uint64_t tgid = tid, ppid = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	procfs_figure(path, "Tgid", &tgid);
	procfs_figure(path, "PPid", &ppid);
	if (t && tgid != (uint64_t)tid)
		t->process = process_with(f, tgid);
	if (t && !t->process)
		t->process = add_process(f, tid, process_with(f, ppid));
	if (t && !t->process) {
		remove_thread(f, tid);
		return NULL;
	}
	return t;
}

/* All other threads are gone, and the one that called exec has the leader's id now. */
static void handle_exec(struct follow *f, struct thread *leader, pid_t former)
{
	leader->process->execs++;
	leader->is_exiting = false;
	if (former != leader->tid)
		remove_thread(f, former);
}

static void handle_exit(struct follow *f, struct thread *t)
{
	t->is_exiting = true;
	if (thread_of(f, t->process)->is_exiting)
		compare(f, t);
}

static bool stops_group(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void handle_stop(struct follow *f, pid_t tid, int status)
{
	struct thread *t = find_thread(f, tid);
	int event = status >> 16, signal = WSTOPSIG(status);
	unsigned long message = 0;

	if (!t)
		t = add_task(f, tid);
	if (!t) {
		/* Without memory, it is not followed. */
		ptrace(PTRACE_DETACH, tid, NULL, 0);
		return;
	}
	ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message);
	switch (event) {
	case 0:
		go_on(tid, signal);
		return;
	case PTRACE_EVENT_STOP:
		if (stops_group(signal)) {
			ptrace(PTRACE_LISTEN, tid, NULL, NULL);
			return;
		}
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (!find_thread(f, message))
			add_task(f, message);
		break;
	case PTRACE_EVENT_EXEC:
		handle_exec(f, t, message);
		break;
	case PTRACE_EVENT_EXIT:
		handle_exit(f, t);
		break;
	}
	go_on(tid, 0);
}

/**
 * follow_events() - handle all stops and ends that there are
 * @f: the followed command
 * @status: its wait status, once it has ended
 * @usage: its resource usage, once it has ended
 *
 * Does not wait; SIGCHLD tells when there is something.
 *
 * Return: true when the command has ended.
 */
bool follow_events(struct follow *f, int *status, struct rusage *usage)
{
	struct rusage used;
	pid_t tid;
	int how;

	while ((tid = wait4(-1, &how, WNOHANG | __WALL, &used)) > 0) {
		if (WIFSTOPPED(how)) {
			handle_stop(f, tid, how);
			continue;
		}
		remove_thread(f, tid);
		if (tid != f->root)
			continue;
		*status = how;
		*usage = used;
		return true;
	}
	return false;
}

/* --- begin and end --- */

/* Start the command. It stops behind its exec, still without options. Return: 0 or -errno. */
static int start_stopped(char *const *argv, const sigset_t *mask, pid_t *pid)
{
	volatile int error = 0;
	int status;

	/* Not fork(): that would share and copy memory of this process. */
	*pid = vfork();
	if (*pid < 0)
		return -errno;
	if (!*pid) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			execvp(argv[0], argv);
		error = errno;
		_exit(EXIT_FAILURE);
	}
	if (waitpid(*pid, &status, 0) != *pid)
		return -errno;
	if (error)
		return -error;
	return WIFSTOPPED(status) ? 0 : -ECHILD;
}

/*
 * PTRACE_TRACEME cannot tell a stop of the whole process, as Ctrl-Z makes it, from other ones. So
 * let it go, stopped by a signal, and seize it.
 */
static int seize(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_DETACH, pid, NULL, SIGSTOP) || waitpid(pid, &status, WUNTRACED) != pid ||
	    !WIFSTOPPED(status) || ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) || kill(pid, SIGCONT))
		return -errno;
	return 0;
}

/**
 * follow_start() - start a command, searched in $PATH, and follow it
 * @argv: the command and its arguments, then NULL
 * @mask: signals that are blocked in it
 * @pid: its process
 * @error: a negative errno on error
 *
 * From its start on, it and all that it starts stop when they fork, run a program, or end; and so
 * follow_events() has to be called. If this process ends, they go on unfollowed.
 *
 * Return: the followed command, to be freed with follow_free(); NULL on error.
 */
struct follow *follow_start(char *const *argv, const sigset_t *mask, pid_t *pid, int *error)
{
	struct follow *f = calloc(1, sizeof(*f));
	struct thread *t = f ? add_thread(f, 0) : NULL;

	if (t)
		t->process = add_process(f, 0, NULL);
	if (!t || !t->process) {
		follow_free(f);
		*error = -ENOMEM;
		return NULL;
	}
	amplification_init(&f->found.sum);
	*error = start_stopped(argv, mask, pid);
	if (!*error) {
		*error = seize(*pid);
		if (*error)
			kill(*pid, SIGKILL);
	}
	if (*error) {
		follow_free(f);
		return NULL;
	}
	f->root = t->tid = t->process->pid = *pid;
	return f;
}

/**
 * follow_finish() - get what was found
 * @f: the command has ended
 *
 * Return: the sums, until follow_free().
 */
const struct followed *follow_finish(struct follow *f)
{
	struct process *p;

	for (p = f->processes; p; p = p->next)
		not_compared(f, p, FOLLOW_RUNNING);
	return &f->found;
}

/**
 * follow_free() - give the memory back
 * @f: the followed command, or NULL
 */
void follow_free(struct follow *f)
{
	while (f && f->threads) {
		struct thread *t = f->threads;

		f->threads = t->next;
		free(t);
	}
	while (f && f->processes) {
		struct process *p = f->processes;

		f->processes = p->next;
		free(p);
	}
	free(f);
}
