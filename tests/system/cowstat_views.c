// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/* needs: bpf */
/*
 * What cowstat shows of a process whose doings are known: counts, differences, filters,
 * groups, hostile names, a doctor who tells good from bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

#define WRITES	101
#define NAME	"a \"b'\n\033[2J\377"
#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CGROUP	"/sys/fs/cgroup/docker-" ID ".scope"

static char *pages;
static struct gate go, written;

/* Writes pages each time it is told to; it is in a cgroup and has a name of its own. */
static void write_when_told(void *arg)
{
	size_t i;

	(void)arg;
	prctl(PR_SET_NAME, NAME);
	for (i = 0;; i++) {
		gate_wait(&go);
		write_pages(pages + i * WRITES * PAGE, WRITES);
		gate_open(&written);
	}
}

static void write_some(void)
{
	gate_open(&go);
	gate_wait(&written);
}

static json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);

	if (!json)
		bail("no JSON: %s: %s", error.text, text);
	return json;
}

static json_t *first(json_t *json, const char *list)
{
	json_t *array = json_object_get(json, list);

	if (json_array_size(array) != 1)
		bail("%zu %s, not one", json_array_size(array), list);
	return json_array_get(array, 0);
}

/* It writes after the first report and after the second; the third is spare time. */
static void intervals(pid_t child)
{
	char *out, *line;
	uint64_t copied = 0, reports = 0;
	sigset_t told;
	json_t *json;
	int status, signal;
	pid_t writer;

	sigemptyset(&told);
	sigaddset(&told, SIGUSR1);
	sigprocmask(SIG_BLOCK, &told, NULL);
	writer = fork();
	if (!writer) {
		for (int i = 0; i < 2; i++) {
			sigwait(&told, &signal);
			write_some();
		}
		_exit(0);
	}
	out = shell(&status,
		    "cowstat -p %d -o json 0.8 4 | while read -r report; do "
		    "printf '%%s\\n' \"$report\"; kill -USR1 %d 2>/dev/null; done; true",
		    child, writer);
	wait_child(writer);
	is(status, 0, "four reports");
	for (line = out; line && *line; line = strchr(line, '\n'), line += !!line) {
		json = json_of(line);
		copied += json_number(first(json, "rows"), "anon_copied");
		ok(json_is_string(json_object_get(json, "interval_ns")), "an interval is told");
		json_decref(json);
		reports++;
	}
	is(reports, 4, "a line for each");
	is(copied, 2 * WRITES, "their differences add up to what was written");
	free(out);

	out = shell(&status, "cowstat -H -p %d -o json 0.1 1", child);
	json = json_of(out);
	ok(json_number(first(json, "rows"), "anon_copied") >= 2 * WRITES,
	   "-H: counts since it began");
	json_decref(json);
	free(out);
}

static void a_gap(pid_t child)
{
	struct cow_row row;
	char *out;
	int status;

	out = shell(&status, "(sleep 0.5; echo reset >/proc/cowstat) & cowstat 1 3; wait");
	ok(strstr(out, "gap: counting began anew (epoch 2)"), "a reset is shown as a gap");
	free(out);
	out = shell(&status, "(sleep 0.5; echo reset >/proc/cowstat) & cowstat -o json 1 3; wait");
	ok(strstr(out, "\"gap\":true"), "and in JSON");
	free(out);
	/* it has a row again */
	write_some();
	row = row_of(child);
	is(VALUE(row, ANON_COPIED), WRITES, "counting goes on after it");
}

static void expect_rows(size_t want, const char *options)
{
	json_t *json;
	char *out;
	int status;

	out = shell(&status, "cowstat -o json %s", options);
	json = json_of(out);
	is(json_array_size(json_object_get(json, "rows")), want, "cowstat %s", options);
	json_decref(json);
	free(out);
}

static void filters(pid_t child)
{
	char options[200];
	char *out;
	int status;

	snprintf(options, sizeof(options), "-p %d", child);
	expect_rows(1, options);
	snprintf(options, sizeof(options), "-p %d -C nobody-is-called-so", child);
	expect_rows(0, options);
	snprintf(options, sizeof(options), "-p %d,%d", child, getpid());
	expect_rows(2, options);
	expect_rows(1, "-C '^a \"b'");
	expect_rows(1, "-G /docker-" ID ".scope");
	expect_rows(1, "-G docker-" ID ".scope");
	expect_rows(1, "-p SELF");
	expect_rows(1, "-a -n 1");
	expect_rows(0, "-t");

	out = shell(&status, "cowstat -p 4194304 2>&1");
	is(status, 1, "a pid without a row: exit status 1");
	ok(strstr(out, "no row of pid 4194304"), "and it is named");
	free(out);
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = {
			"-p x", "-s nothing", "--by colour", "0", "1 2 3", "--smaps",
		};

		out = shell(&status, "cowstat %s 2>&1", bad[i]);
		is(status, 2, "cowstat %s: exit status 2", bad[i]);
		ok(strstr(out, "Try: cowstat --help"), "and where to read on");
		free(out);
	}
	out = shell(&status, "cowstat --version >/dev/full");
	is(status, 1, "what cannot be written is an error");
	free(out);
}

/* Nothing but printable ASCII and newlines; 80 columns. */
static bool is_decent(const char *text)
{
	const char *c, *line = text;

	for (c = text; *c; c++) {
		if (*c == '\n' ? c - line > 80 : *c < ' ' || *c > '~')
			return false;
		if (*c == '\n')
			line = c + 1;
	}
	return true;
}

static void screens(pid_t child)
{
	static const char *const screen[] = {
		"-a",	     "--human",	 "--forks -a", "--forks --human", "-T",
		"--by comm", "--by uid", "-t",	       "0.1 1",		  "--help",
	};
	char *out;
	int status;

	for (size_t i = 0; i < sizeof(screen) / sizeof(screen[0]); i++) {
		out = shell(&status, "cowstat %s", screen[i]);
		ok(!status && *out && is_decent(out), "cowstat %s: decent at 80 columns",
		   screen[i]);
		free(out);
	}
	out = shell(&status, "cowstat --by cgroup");
	ok(strstr(out, " /docker-0123456789ab.scope\n"), "--by cgroup: a container's id is cut");
	free(out);
	out = shell(&status, "cowstat --forks -p %d", child);
	ok(strstr(out, " a \"b'??[2J?\n"), "--forks shows the child");
	free(out);
	out = shell(&status, "cowstat -T -p %d", getpid());
	ok(strstr(out, "`-a \"b'??[2J?\n") || strstr(out, "|-a \"b'??[2J?\n"),
	   "-T hangs it below its parent");
	free(out);
	out = shell(&status, "cowstat -l -p %d", getpid());
	ok(strstr(out, "/tests/cowstat_views\n"), "-l shows the command line");
	free(out);
	out = shell(&status, "cowstat -p %d --smaps 2>/tmp/warning", child);
	ok(strstr(out, "Private_Dirty"), "--smaps shows what is resident");
	free(out);
	out = shell(&status, "cat /tmp/warning");
	ok(strstr(out, "slow"), "and warns that it is slow");
	free(out);

	out = shell(&status,
		    "script -qec 'stty cols 80; TERM=xterm cowstat -a' /dev/null </dev/null");
	ok(strstr(out, "\033[1m    PID"), "in colour on a terminal");
	free(out);
	out = shell(&status, "script -qec 'NO_COLOR=1 TERM=xterm cowstat -a' /dev/null </dev/null");
	ok(strstr(out, "PID") && !strchr(out, '\033'), "not with NO_COLOR");
	free(out);
}

static void machines_read(pid_t child)
{
	json_t *json, *row;
	char *out;
	int status;

	out = shell(&status, "cowstat -o json -p %d", child);
	json = json_of(out);
	row = first(json, "rows");
	is(json_number(row, "anon_copied"), WRITES, "JSON has the very figure");
	ok(!strcmp(json_string_value(json_object_get(row, "comm")), "a \"b'\n\033[2J\uFFFD"),
	   "a hostile name survives in JSON");
	ok(!strcmp(json_string_value(json_object_get(row, "comm_bytes")), "612022622"
									  "70a1b5b324aff"),
	   "and byte for byte");
	json_decref(json);
	free(out);
	/* python's parser is stricter than most, and is somebody else's */
	free(shell(&status, "set -e; for view in -a '--by comm' -T -t; do"
			    " cowstat -o json $view | python3 -m json.tool >/dev/null; done"));
	is(status, 0, "cowstat -o json of every view: a strict parser takes it");
	out = shell(&status, "echo counting off >/proc/cowstat; cowstat --openmetrics; "
			     "awk '$1 == \"*\" { print \"told\", $30 }' /proc/cowstat; "
			     "echo counting on >/proc/cowstat");
	ok(strstr(out, "\n# EOF\n"), "OpenMetrics ends as it should");
	ok(strstr(out, "\ncowstat_counting 0\n"), "and says when counting is off");
	ok(strtoull(strstr(out, "cowstat_copied_bytes_total ") + 27, NULL, 10) ==
		   strtoull(strstr(out, "told ") + 5, NULL, 10),
	   "its copied bytes are the table's");
	free(out);
}

/* Takes its name away, or takes the hostile one, and writes once. */
static void write_nameless(void *name)
{
	prctl(PR_SET_NAME, name);
	write_pages(pages, WRITES);
	pause();
}

static void named(const char *command, const char *wanted)
{
	char *out;
	int status;

	out = shell(&status, "%s", command);
	ok(!status && strstr(out, wanted), "%s: the name survives", command);
	if (status || !strstr(out, wanted))
		note("%s", out);
	free(out);
}

static void names(void)
{
	pid_t child = start_child(write_nameless, "");
	char command[256];

	while (!has_row(child) || row_of(child).value[COWSTAT_COL_ANON_COPIED] < WRITES)
		usleep(10000);
	snprintf(command, sizeof(command), "cowstat -p %d", child);
	named(command, " (no name)\n");
	snprintf(command, sizeof(command), "cowstat --by comm -p %d", child);
	named(command, " (no name)\n");
	snprintf(command, sizeof(command), "cowstat -o json -p %d", child);
	named(command, "\"comm\": \"\"");
	kill_child(child);

	/* where the screens did not show the hostile one yet */
	named("cowstat -a --human -C '^a .b'", " a \"b'??[2J?\n");
	named("cowstat --by comm -C '^a .b'", " a \"b'??[2J?\n");
	named("cowstat --by comm -o json -C '^a .b' | python3 -c 'import json, sys; "
	      "print(ascii(json.load(sys.stdin)[\"groups\"][0]))'",
	      "'a \"b\\'\\n\\x1b[2J\\ufffd'");
	/* a command, and a program of cowbench's, of such a name */
	run("cp /bin/true \"$(printf '/tmp/a \"b\\047\\033\\377')\"");
	named("cowstat -- \"$(printf '/tmp/a \"b\\047\\033\\377')\" 2>&1",
	      "bill: /tmp/a \"b'?? (exit 0, ");
	named("cowstat -o json --output /tmp/b.json -- \"$(printf '/tmp/a \"b\\047\\033\\377')\" && "
	      "python3 -c 'import json; print(ascii(json.load(open(\"/tmp/b.json\"))[\"command\"][0]))'",
	      "'/tmp/a \"b\\'\\x1b\\ufffd'");
	named("cowbench summary --size 1M --count 1 --exec \"$(printf '/tmp/a \"b\\047\\033\\377')\"",
	      " a \"b'??\n");
}

/* A column of the line that begins with this pid. */
static double field(const char *out, pid_t pid, int n)
{
	char begin[16];
	const char *at;

	snprintf(begin, sizeof(begin), "\n%7d ", pid);
	at = strstr(out, begin);
	if (!at)
		bail("no line of %d in: %s", pid, out);
	for (at += strspn(at, " \n"); --n;)
		at += strcspn(at, " \n"), at += strspn(at, " ");
	return strtod(at, NULL);
}

static long whole_us(double ms)
{
	return 1000 * ms + 0.5;
}

/* Phases add up, the share is of the run time, and programs read the very sums of the table. */
static void times(pid_t child)
{
	double copy, shootdown, reuse, all, ran, share;
	long missing;
	struct cow_row row;
	pid_t other;
	json_t *json;
	char *out;
	int status;

	is(control("timing on"), 0, "timing on");
	write_some();
	out = shell(&status, "cowstat --time -p %d", child);
	copy = field(out, child, 3);
	shootdown = field(out, child, 4);
	reuse = field(out, child, 5);
	all = field(out, child, 6);
	ran = field(out, child, 7);
	share = field(out, child, 8);
	ok(copy > 0 && shootdown > 0, "--time: %.3f ms copied, %.3f ms shot down", copy, shootdown);
	/* Four figures, each cut to whole microseconds; binary fractions of them are not exact. */
	missing = whole_us(all) - whole_us(copy) - whole_us(shootdown) - whole_us(reuse);
	ok(missing >= 0 && missing <= 2, "their sum is %.3f ms", all);
	ok(ran > 0 && share >= 100 * all / ran - 0.02 && share <= 100 * all / ran + 0.02,
	   "%.2f %% of %.3f ms", share, ran);
	ok(is_decent(out), "decent at 80 columns");
	free(out);
	row = row_of(child);
	out = shell(&status, "cowstat --time -o json -p %d", child);
	json = json_of(out);
	ok(strtoull(json_string_value(json_object_get(first(json, "rows"), "copy_ns")), NULL, 10) ==
		   VALUE(row, COPY_NS),
	   "JSON has the very figure");
	ok(strtod(json_string_value(json_object_get(first(json, "rows"), "run_ns")), NULL) >=
		   1e6 * ran,
	   "and the run time");
	json_decref(json);
	free(out);
	out = shell(&status, "cowstat --time -n 1 -s copied -l -H 0.3 1");
	ok(!status && strstr(out, "    PID S  COPIED    COWMS     RUNMS   COW% COMMAND\n"),
	   "-s adds a column to --time");
	free(out);
	other = start_child(write_nameless, "timed");
	while (!has_row(other) || row_of(other).value[COWSTAT_COL_ANON_COPIED] < WRITES)
		usleep(10000);
	out = shell(&status, "cowstat --time -p %d", other);
	all = field(out, other, 6);
	free(out);
	out = shell(&status, "cowstat --forks -p %d", getpid());
	ok(strstr(out, "    PID S   COWMS    PPID ") && field(out, other, 3) == all,
	   "--forks has the same sum, once there are times");
	kill_child(other);
	free(out);

	out = shell(&status, "cowstat -- sh -c '(true); ls / >/dev/null' 2>&1");
	ok(strstr(out, "\n  time in copy-on-write faults: ") && is_decent(out), "so has the bill");
	free(out);
	out = shell(&status,
		    "cowstat -o json --output /tmp/b.json -- sh -c '(true); ls /' >/tmp/ls && "
		    "python3 -c 'import json; b = json.load(open(\"/tmp/b.json\"))[\"bill\"]; "
		    "print(0 < int(b[\"copy_ns\"]) < int(b[\"run_ns\"]) * 10)'");
	ok(strstr(out, "True"), "and its JSON");
	free(out);

	is(control("timing off"), 0, "timing off");
	out = shell(&status, "cowstat --time -p %d", child);
	ok(!status && strstr(out, "Timing is off: the times are of when it was on.\n") &&
		   field(out, child, 3) == copy,
	   "what was timed stays, and it is said that timing is off");
	free(out);
}

static void a_doctor(void)
{
	char *out;
	int status;

	out = shell(&status, "cowstat doctor");
	is(status, 0, "the doctor finds all well");
	ok(strstr(out, "  wp        ok    armed\n") && strstr(out, " do_wp_page\n"),
	   "and tells which hooks are armed and which functions are hooked");
	ok(strstr(out, "a child wrote to 23 shared pages: 23 faults, 23 copied"),
	   "and has seen exactly 23 pages");
	ok(!strstr(out, "BAD"), "and complains of nothing");
	if (status)
		note("%s", out);
	free(out);
	out = shell(&status, "setpriv --reuid=65534 --clear-groups $(which cowstat) doctor");
	is(status, 0, "so does one without privilege");
	ok(strstr(out, "23 faults, 23 copied"), "who sees as many pages");
	free(out);
	out = shell(&status, "echo counting off >/proc/cowstat; cowstat doctor; s=$?; "
			     "echo counting on >/proc/cowstat; exit $s");
	is(status, 1, "with counting off, the doctor does not");
	ok(strstr(out, "counting  BAD"), "and says so");
	free(out);
}

int main(void)
{
	pid_t child;
	int fd;

	pages = map_pages(9 * WRITES);
	go = gate_make();
	written = gate_make();
	child = start_child(write_when_told, NULL);
	if ((mkdir(CGROUP, 0755) && errno != EEXIST) ||
	    (fd = open(CGROUP "/cgroup.procs", O_WRONLY)) < 0 || dprintf(fd, "%d\n", child) < 0)
		bail("no cgroup: errno %d", errno);
	close(fd);

	intervals(child);
	filters(child);
	screens(child);
	a_gap(child);
	machines_read(child);
	names();
	times(child);
	a_doctor();
	kill_child(child);
	rmdir(CGROUP);
	return done();
}
