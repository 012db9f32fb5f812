// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/*
 * cowstat --amplification -- COMMAND: each child is compared with its parent at its end, whichever
 * way it ends, and only those that can be. The command is this program: `amplified family`.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"
#include "procfs.h"

#define N		64
#define STATUS		3	/* the family's exit status */
#define REPORT		"/tmp/amplified.json"

/* Pages of which a child overwrites every byte, each child its own. */
#define OF_FIRST	10
#define OF_THREAD	20
#define OF_PARENT	5
#define OF_KILLED	7
#define OF_GRANDCHILD	3

static char *pages;
static size_t next_page;

static void overwrite(size_t n)
{
	memset(pages + next_page * PAGE, 2, n * PAGE);
}

static void *overwrite_in_thread(void *arg)
{
	char path[32], state[32];

	(void)arg;
	snprintf(path, sizeof(path), "/proc/%d/status", getpid());
	/* until the first thread is gone: a zombie, whose memory is seen by its threads only */
	while (!procfs_line(path, "State", state, sizeof(state)) && *state != 'Z')
		usleep(1000);
	overwrite(OF_THREAD);
	exit(0);
}

/* The thread that writes is the last one, and not the one that gave the process its id. */
static void end_in_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, overwrite_in_thread, NULL))
		_exit(1);
	pthread_exit(NULL);
}

static void run_true(void)
{
	execlp("true", "true", NULL);
	_exit(1);
}

static void wait_all(void)
{
	while (wait(NULL) > 0)
		;
}

static void outlive_parent(void)
{
	pid_t parent = getpid();

	if (fork())
		return;
	while (getppid() == parent)
		usleep(1000);
	_exit(0);
}

/* Its child ends while it runs another program. */
static void run_beside_child(void)
{
	char path[32], name[16];
	pid_t parent = getpid();

	if (fork()) {
		execlp("sleep", "sleep", "1", NULL);
		_exit(1);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", parent);
	do {
		usleep(1000);
	} while (procfs_line(path, NULL, name, sizeof(name)) || strcmp(name, "sleep"));
	_exit(0);
}

static void end_before_child(void)
{
	if (!fork()) {
		overwrite(OF_GRANDCHILD);
		_exit(0);
	}
	wait_all();
}

/* @child: what it does; then it exits. */
static void fork_and_wait(void (*child)(void))
{
	pid_t pid = fork();

	if (!pid) {
		child();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void first(void)
{
	overwrite(OF_FIRST);
}

static void killed(void)
{
	overwrite(OF_KILLED);
	raise(SIGKILL);
}

/* The parent writes while the child lives. */
static void parent_writes(void)
{
	int pipes[2];
	char c;

	if (pipe(pipes))
		exit(1);
	if (!fork()) {
		close(pipes[1]);
		_exit(read(pipes[0], &c, 1) != 0);
	}
	overwrite(OF_PARENT);
	close(pipes[0]);
	close(pipes[1]);
	wait_all();
}

static void vfork_children(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execlp("true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static int family(void)
{
	pages = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		exit(1);
	memset(pages, 1, N * PAGE);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fork_and_wait(first);
	next_page += OF_FIRST;
	fork_and_wait(end_in_thread);
	next_page += OF_THREAD;
	parent_writes();
	next_page += OF_PARENT;
	fork_and_wait(killed);
	next_page += OF_KILLED;
	fork_and_wait(run_true);
	vfork_children();
	fork_and_wait(run_beside_child);
	fork_and_wait(outlive_parent);
	wait_all(); /* the orphans */
	fork_and_wait(end_before_child);
	if (!fork()) {
		sleep(5);
		_exit(0);
	}
	return STATUS;
}

/* Pages of which all bytes differ. */
static uint64_t whole_pages(const json_t *o)
{
	json_t *bucket;
	size_t i;

	json_array_foreach(json_object_get(o, "changed_bytes_per_page"), i, bucket)
		if (json_number(bucket, "from") == PAGE)
			return json_number(bucket, "pages");
	bail("no histogram");
}

static void check_family(void)
{
	const uint64_t whole = OF_FIRST + OF_THREAD + OF_PARENT + OF_KILLED + OF_GRANDCHILD;
	json_t *json, *o, *others;
	char *out, command[128];
	int status;

	snprintf(command, sizeof(command), "$COWSTAT_BUILD/tests/amplified family");
	out = shell(&status, "cowstat --amplification -o json --output " REPORT " -- %s", command);
	is(status, STATUS, "the command's exit status");
	free(out);
	json = json_load_file(REPORT, JSON_REJECT_DUPLICATES, NULL);
	o = json_object_get(json, "amplification");
	others = json_object_get(o, "not_compared_children");
	/* seven of its own are compared, and one that harness.c forks in each program */
	is(json_number(o, "children"), 15, "children");
	is(json_number(o, "compared_children"), 8, "compared");
	is(json_number(others, "ran_program"), 3, "ran another program");
	is(json_number(others, "same_memory"), 1, "used its parent's memory");
	is(json_number(others, "parent_gone"), 2, "outlived its parent, or its program");
	is(json_number(others, "running"), 1, "still runs");
	is(json_number(others, "unreadable"), 0, "not readable");
	is(whole_pages(o), whole, "pages that were overwritten");
	ok(json_number(o, "changed_bytes") >= whole * PAGE &&
		   json_number(o, "changed_bytes") < (whole + 10) * PAGE,
	   "%lu bytes differ", json_number(o, "changed_bytes"));
	ok(json_number(json_object_get(json, "bill"), "processes") == 16,
	   "16 processes in the bill");
	json_decref(json);

	out = shell(&status, "cowstat --amplification -- %s 2>&1", command);
	ok(strstr(out, "Amplification: 8 children, compared with their parents at the end, in "),
	   "the screen");
	ok(strstr(out, "used its parent's memory, as vfork does"), "and why others were not");
	free(out);
}

static void says(int want, const char *text, const char *command)
{
	int status;
	char *out = shell(&status, "(%s) 2>&1", command);

	ok(status == want && strstr(out, text), "%s: status %d, \"%s\"", command, want, text);
	if (status != want || !strstr(out, text))
		note("status %d: %s", status, out);
	free(out);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "family"))
		return family();
	start_row();
	check_family();
	says(0, "no child was compared", "cowstat --amplification -- true");
	says(127, "cannot run nonesuch", "cowstat --amplification -- nonesuch");
	says(128 + SIGTERM, "bill", "cowstat --amplification -- sh -c 'kill $$'");
	/* stopped as Ctrl-Z does it, and continued */
	says(4, "bill",
	     "cowstat --amplification -- sh -c '"
	     "(kill -STOP $$; sleep 0.5; read a b s c </proc/$$/stat; kill -CONT $$; "
	     "test $s = t && exit 4) & wait $!'");
	says(125, "hides page frames",
	     "setpriv --reuid=65534 --clear-groups $(which cowstat) --amplification -- true");
	says(2, "has no meaning with the table", "cowstat --amplification");
	return done();
}
