// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * Every option of cowtrace, over processes whose faults are known: each round copies and
 * zero-fills a known number of pages of each of two processes.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

#define NR	101UL
#define ROUNDS	20
#define NAME	"a \"b'\n\033[2J\377"	/* the last byte is not UTF-8 */
#define NAME_JSON	"a \"b'\n\033[2J\ufffd"
#define NAME_HEX	"61202262270a1b5b324aff"
#define CGROUP	"/sys/fs/cgroup/cowtrace-test"
#define OUT	"/tmp/cowtrace.out"
#define WP	"copied,zero_filled,reused,shared_wp,other"

static char *shared, *zero;
static struct cow_worker {
	const char *name;
	struct gate go, worked;
	pid_t pid;
} worker[2] = { { .name = NAME }, { .name = "cow-plain" } };

/* Each round: write the next pages, then let a child write the same number of pages. */
static void work(struct cow_worker *w)
{
	size_t i;

	prctl(PR_SET_NAME, w->name);
	for (i = 0;; i++) {
		char *old = shared + i * 2 * NR * PAGE, *new = zero + i *NR *PAGE;
		pid_t child;

		gate_wait(&w->go);
		write_pages(old, NR);
		read_pages(new, NR);
		write_pages(new, NR);
		child = fork();
		if (!child) {
			write_pages(old + NR * PAGE, NR);
			_exit(0);
		}
		wait_child(child);
		gate_open(&w->worked);
	}
}

/* What happens while cowtrace watches: both workers work for a round. */
static void one_round(void)
{
	for (size_t i = 0; i < 2; i++) {
		gate_open(&worker[i].go);
		gate_wait(&worker[i].worked);
	}
}

static void (*watched)(void) = one_round;

/* Run cowtrace over watched(); its output is in OUT. */
#define traced(...)	cowtrace_while(watched, OUT, __VA_ARGS__)

/* The events in OUT, counted. */
struct events {
	size_t all, of[2], others, copied, zeroed, remote, odd;
};

static bool is_number(json_t *event, const char *key)
{
	return json_is_integer(json_object_get(event, key));
}

/* Count the events. Each line must be an object with exactly these members. */
static struct events events_in(const char *path)
{
	static const char *const numbers[] = {
		"time_ns", "pid", "tid", "address", "old_pfn", "new_pfn", "bytes",
	};
	struct events n = {};
	FILE *f = fopen(path, "r");
	json_error_t error;
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, &error), *took;
		const char *outcome, *mapping, *comm, *bytes;
		uint64_t address;
		pid_t pid;
		size_t i, members = 7 + 5;

		if (!event)
			bail("no JSON: %s: %s", error.text, line);
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			n.odd += !is_number(event, numbers[i]);
		outcome = json_string_value(json_object_get(event, "outcome"));
		mapping = json_string_value(json_object_get(event, "mapping"));
		comm = json_string_value(json_object_get(event, "comm"));
		took = json_object_get(event, "took_ns");
		if (!outcome || !mapping || !comm ||
		    !(json_is_integer(took) || json_is_null(took)) ||
		    !json_is_boolean(json_object_get(event, "remote")))
			bail("a member is missing: %s", line);
		if (!strcmp(mapping, "file")) {
			members += 2;
			n.odd += !is_number(event, "offset") ||
				 !json_is_string(json_object_get(event, "file"));
		}
		pid = json_integer_value(json_object_get(event, "pid"));
		address = json_integer_value(json_object_get(event, "address"));
		n.all++;
		for (i = 0; i < 2 && worker[i].pid != pid; i++)
			;
		if (i < 2) {
			n.of[i]++;
			n.odd += strcmp(comm, i ? "cow-plain" : NAME_JSON) != 0;
		} else {
			n.others++;
		}
		bytes = json_string_value(json_object_get(event, "comm_bytes"));
		if (bytes) {
			members++;
			n.odd += strcmp(bytes, NAME_HEX) != 0;
		}
		n.odd += !bytes != !strstr(comm, "\ufffd");
		if (json_is_true(json_object_get(event, "remote"))) {
			members += 2;
			n.remote += json_integer_value(json_object_get(event, "by_pid")) ==
					    getpid() &&
				    !strcmp(json_string_value(json_object_get(event, "by_comm")),
					    "bpf_trace") &&
				    !strcmp(outcome, "copied");
		}
		n.odd += json_object_size(event) != members;
		if (address - (uint64_t)shared < ROUNDS * 2 * NR * PAGE)
			n.copied += !strcmp(outcome, "copied");
		if (address - (uint64_t)zero < ROUNDS * NR * PAGE)
			n.zeroed += !strcmp(outcome, "zero_filled");
		json_decref(event);
	}
	if (!f || !n.all)
		bail("no events");
	fclose(f);
	return n;
}

/* Check the exit status of a command line, and that its output contains two texts. */
static void ends_with_both(int want, const char *says, const char *also, const char *command)
{
	int status;
	char *text = shell(&status, "{ %s; } 2>&1", command);

	is(status, want, "%s: exit status %d", command, want);
	ok(strstr(text, says), "it prints \"%s\"", says);
	ok(strstr(text, also), "it prints \"%s\"", also);
	if (!strstr(text, says) || !strstr(text, also))
		note("it prints: %s", text);
	free(text);
}

static void ends(int want, const char *says, const char *command)
{
	ends_with_both(want, says, "", command);
}

static void filters(void)
{
	struct events n;
	int status;

	is(traced("-o json --outcome " WP " -p %d", worker[0].pid), 0, "-p: nothing lost");
	n = events_in(OUT);
	is(n.odd, 0, "-o json: each line has exactly the expected members");
	is(n.of[1] + n.others, 0, "-p: no other process");
	is(n.copied, NR, "-p: all copies");
	is(n.zeroed, NR, "-p: all zeroed pages");

	is(traced("-o json -p %d --children", worker[0].pid), 0, "--children: nothing lost");
	n = events_in(OUT);
	is(n.of[1], 0, "--children: no other process");
	is(n.copied, 2 * NR, "--children: the copies of children too");

	is(traced("-o json -p %d,%d --outcome zero_filled", worker[0].pid, worker[1].pid), 0,
	   "two pids: nothing lost");
	n = events_in(OUT);
	is(n.zeroed, 2 * NR, "--outcome: all faults with this outcome");
	is(n.all - n.zeroed, 0, "--outcome: no others");

	is(traced("-o json -C '^cow-(plain|fancy)$' --outcome copied"), 0, "-C: nothing lost");
	n = events_in(OUT);
	is(n.of[0], 0, "-C: no other name");
	is(n.copied, 2 * NR, "-C: all faults of that name, those of children included");

	/* what it prints to standard output is what the command prints there */
	ends_with_both(0, "\na\n{\"time_ns\":", "\"took_ns\":null",
		       "cowtrace --format json --output /tmp/cowtrace.file --outcome file_copied"
		       " -- echo a >/tmp/cowtrace.out && echo && cat /tmp/cowtrace.out"
		       " /tmp/cowtrace.file");

	if (mkdir(CGROUP, 0755) && access(CGROUP, F_OK))
		bail("no cgroup");
	free(shell(&status, "echo %d >" CGROUP "/cgroup.procs", worker[0].pid));
	is(status, 0, "one worker is in a cgroup of its own");
	for (size_t i = 0; i < 3; i++) {
		static const char *const name[] = { CGROUP, "cowtrace-test", "/cowtrace-test" };

		is(traced("-o json --cgroup %s --outcome copied", name[i]), 0,
		   "--cgroup %s: nothing lost", name[i]);
		n = events_in(OUT);
		is(n.of[1], 0, "no other cgroup");
		is(n.copied, 2 * NR, "all processes in it");
	}
}

/* A process, its child and its grandchild, all there before cowtrace. */
static struct gate family_go, family_worked;

static void write_part(int part)
{
	write_pages(shared + part * NR * PAGE, NR);
	gate_open(&family_worked);
}

static void family(void *arg)
{
	(void)arg;
	if (fork()) {
		pause();
	} else if (fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		gate_open(&family_worked);
		gate_wait(&family_go);
		write_part(0);
		if (!fork()) {
			write_part(1);
			_exit(0);
		}
		pause();
	} else {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		gate_open(&family_worked);
		gate_wait(&family_go);
		write_part(2);
		pause();
	}
}

static void family_writes(void)
{
	gate_open(&family_go);
	gate_open(&family_go);
	for (int i = 0; i < 3; i++)
		gate_wait(&family_worked);
}

static void descendants(void)
{
	struct events n;
	pid_t pid;

	family_go = gate_make();
	family_worked = gate_make();
	pid = start_child(family, NULL);
	gate_wait(&family_worked);
	gate_wait(&family_worked);
	watched = family_writes;
	is(traced("-o json -p %d --children --outcome copied", pid), 0,
	   "--children that are there already: nothing lost");
	watched = one_round;
	n = events_in(OUT);
	is(n.copied, 3 * NR, "the copies of a child, of its child, and of one that came later");
	is(n.of[0] + n.of[1], 0, "no other process");
	kill_child(pid);
}

static void lines(void)
{
	char *text, *line, *next, outcome[32], comm[32], unit[8];
	size_t n = 0, wide = 0, wrong = 0;
	unsigned long long address;
	unsigned int pid, bytes;

	is(traced("-p %d --outcome copied", worker[1].pid), 0, "lines: nothing lost");
	text = file_text(OUT);
	ok(!strncmp(text,
		    "     SECONDS    PID    TID COMMAND         OUTCOME          ADDRESS     TIME MAPPING\n",
		    83),
	   "lines: a head line");
	for (line = strchr(text, '\n') + 1; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (sscanf(line, "%*u.%*u %u %*u %31s %31s %llx %*f %7s", &pid, comm, outcome,
			   &address, unit) != 5 ||
		    pid != (unsigned int)worker[1].pid || strcmp(comm, "cow-plain") ||
		    strcmp(outcome, "copied") || !strstr(" ns us ms s ", unit))
			wrong++;
		n += address - (uint64_t)shared < ROUNDS * 2 * NR * PAGE;
		wide += next - line > 101;
	}
	is(wrong, 0, "lines: each has all columns");
	is(n, NR, "lines: one for each copy");
	is(wide, 0, "lines: none has more than 100 columns");
	free(text);

	is(traced("-p %d --outcome copied --columns bytes,address,pid", worker[1].pid), 0,
	   "--columns: nothing lost");
	text = file_text(OUT);
	for (n = 0, line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1)
		n += sscanf(line, "%u %llx %u\n", &bytes, &address, &pid) == 3 && bytes == 4096 &&
		     address - (uint64_t)shared < ROUNDS * 2 * NR * PAGE &&
		     pid == (unsigned int)worker[1].pid;
	is(n, NR, "--columns: these columns in this order");
	free(text);
	ends(2, "there are time, pid, tid,", "cowtrace --columns pid,nonsense");
}

/* The first line of OUT is the mapping that the worker and its child share. */
static void check_merged(void)
{
	char *text = file_text(OUT);
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
	uint64_t start, end;

	if (!line)
		bail("no JSON: %s", text);
	start = json_integer_value(json_object_get(line, "start"));
	end = json_integer_value(json_object_get(line, "end"));
	is(json_integer_value(json_object_get(line, "processes")), 2, "--merge: two processes");
	is(json_integer_value(json_object_get(line, "copied")), 2 * NR, "--merge: their copies");
	ok(start == (uint64_t)shared && end == start + ROUNDS * 2 * NR * PAGE,
	   "--merge: the range is that of the mapping");
	ok(strstr(text, "\"cow-plain\"") && !strstr(text, "\"a \\\""), "-C: no other name");
	json_decref(line);
	free(text);
}

/* The sums of a process, of all its mappings. */
struct process_sums {
	pid_t pid;
	const char *comm;
	uint64_t faults, copied, zero_filled, reused, bytes;
};

static uint64_t member(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* What makes a mapping of a process. */
static bool same_mapping(json_t *a, json_t *b)
{
	static const char *const keys[] = { "pid", "mapping", "file", "offset", "start" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])) &&
		    json_object_get(a, keys[i]) != json_object_get(b, keys[i]))
			return false;
	return true;
}

/* Two processes that a shell starts: no mapping repeats, and the sums are those of the table. */
static void pipeline(void)
{
	struct process_sums sums[2] = { { .comm = "ls" }, { .comm = "wc" } };
	json_t *lines = json_array(), *line;
	size_t i, j, repeated = 0, n;
	char *text, *rest, *word;
	struct cow_row row;
	int status;

	text = rest = shell(&status, "cowtrace --by-vma -o json -- sh -c 'ls | wc >/dev/null'");
	is(status, 0, "a pipeline: nothing lost");
	while ((word = strsep(&rest, "\n")) && *word)
		if (json_array_append_new(lines, json_loads(word, 0, NULL)))
			bail("no JSON: %s", word);
	n = json_array_size(lines);
	for (i = 0; i < n; i++) {
		line = json_array_get(lines, i);
		for (j = i + 1; j < n; j++)
			repeated += same_mapping(line, json_array_get(lines, j));
		/* a process has two names: it begins as a shell */
		for (j = 0; j < 2; j++)
			if (!strcmp(json_string_value(json_object_get(line, "comm")), sums[j].comm))
				sums[j].pid = member(line, "pid");
	}
	ok(n > 10, "a pipeline: %zu mappings", n);
	is(repeated, 0, "no pair of process and mapping repeats");
	for (i = 0; i < n; i++) {
		line = json_array_get(lines, i);
		for (j = 0; j < 2; j++) {
			if ((uint64_t)sums[j].pid != member(line, "pid"))
				continue;
			sums[j].faults += member(line, "faults");
			sums[j].copied += member(line, "copied");
			sums[j].zero_filled += member(line, "zero_filled");
			sums[j].reused += member(line, "reused");
			sums[j].bytes += member(line, "bytes");
		}
	}
	for (j = 0; j < 2; j++) {
		row = row_of(sums[j].pid);
		is(sums[j].faults, VALUE(row, WP_FAULTS), "%s: faults as in the table",
		   sums[j].comm);
		is(sums[j].copied, VALUE(row, COPIED), "%s: copied", sums[j].comm);
		is(sums[j].zero_filled, VALUE(row, ZERO_FILLED), "%s: zero_filled", sums[j].comm);
		is(sums[j].reused, VALUE(row, REUSED), "%s: reused", sums[j].comm);
		is(sums[j].bytes, VALUE(row, COPIED) * PAGE, "%s: bytes", sums[j].comm);
	}
	json_decref(lines);
	free(text);
}

static char *idle; /* pages that the workers share and never touch */
static size_t nr_read;

/* Read pages of an idle worker: the kernel copies them for it, since they are shared. */
static void read_worker(void)
{
	static char buffer[NR * PAGE];
	struct iovec to = { buffer, sizeof(buffer) };
	struct iovec from = { idle + nr_read++ * NR * PAGE, sizeof(buffer) };

	if (process_vm_readv(worker[1].pid, &to, 1, &from, 1, 0) != sizeof(buffer))
		bail("process_vm_readv: errno %d", errno);
}

/* Faults in the memory of another process: who owns the memory, and who faulted. */
static void remote(void)
{
	struct events n;
	char *text, *at, want[64];
	size_t wide;

	watched = read_worker;
	is(traced("-o json -p %d", worker[1].pid), 0, "remote, -p OWNER: nothing lost");
	n = events_in(OUT);
	is(n.remote, NR, "remote: each page was copied, and the reader is named");
	is(n.of[1], NR, "remote: the memory is the worker's");
	is(n.odd, 0, "remote: each line has exactly the expected members");

	is(traced("--output json -p %d", getpid()), 0,
	   "remote, -p READER, an old spelling of -o: nothing lost");
	n = events_in(OUT);
	is(n.remote, NR, "remote: -p of the reader shows the same faults");
	is(n.of[1], NR, "remote: the memory is the worker's");

	is(traced("-p %d", worker[1].pid), 0, "remote, lines: nothing lost");
	text = file_text(OUT);
	snprintf(want, sizeof(want), " anon, by bpf_trace %d\n", getpid());
	ok(strstr(text, want), "remote: a line names the reader");
	snprintf(want, sizeof(want), " %d cow-plain  ", getpid());
	ok(strstr(text, want), "remote: and the owner");
	for (at = text, wide = 0; *at; at = strchr(at, '\n') + 1)
		wide += strcspn(at, "\n") > 100;
	is(wide, 0, "remote: no line has more than 100 columns");
	free(text);

	is(traced("--by-vma -p %d", worker[1].pid), 0, "remote, --by-vma: nothing lost");
	text = file_text(OUT);
	snprintf(want, sizeof(want), "\n%7d cow-plain       %7lu %7lu ", worker[1].pid, NR, NR);
	ok(strstr(text, want), "remote: --by-vma counts them for the owner");
	if (!strstr(text, want))
		note("it says: %s", text);
	free(text);
	watched = one_round;
}

static void sums(void)
{
	unsigned long long faults, in_buckets = 0, n, stacks = 0, size;
	char *text, *at, unit[8], want[64];
	int skip;

	is(traced("--hist -p %d --outcome copied,zero_filled", worker[1].pid), 0,
	   "--hist: nothing lost");
	text = file_text(OUT);
	at = strstr(text, "\ncopied: ");
	ok(at && sscanf(at, "\ncopied: %llu faults", &faults) == 1 && faults >= NR &&
		   strstr(text, "\nzero_filled: "),
	   "--hist: a histogram by outcome");
	at = at ? strstr(at, "faults\n") : NULL; /* the end of the head line */
	for (at = at ? at + 7 : "";
	     sscanf(at, " %llu %7s %llu %7s %llu %n", &size, unit, &size, unit, &n, &skip) == 5;
	     at = strchr(at, '\n') + 1)
		in_buckets += n;
	ok(in_buckets <= faults && in_buckets + 50 > faults,
	   "--hist: %llu faults, %llu of them timed", faults, in_buckets);
	free(text);

	is(traced("--hist=process -c cow-plain"), 0,
	   "--hist=process, an old spelling of -C: nothing lost");
	text = file_text(OUT);
	snprintf(want, sizeof(want), "\n%d cow-plain: ", worker[1].pid);
	ok(strstr(text, want), "--hist=process: the process has one");
	snprintf(want, sizeof(want), "\n%d ", worker[0].pid);
	ok(!strstr(text, want), "old spelling of -C: no other process has one");
	free(text);

	is(traced("--stacks -p %d --outcome copied", worker[1].pid), 0, "--stacks: nothing lost");
	text = file_text(OUT);
	for (at = text; *at; at = strchr(at, '\n') + 1) {
		char *end = strchr(at, '\n');

		while (end > at && end[-1] != ' ')
			end--;
		if (sscanf(end, "%llu", &n) != 1 || strncmp(at, "cow-plain;", 10))
			bail("no folded stack: %s", at);
		end[-1] = '\0';
		if (strstr(at, ";write_pages;") && strstr(at, "do_wp_page_[k]"))
			stacks += n;
		at = end;
	}
	is(stacks, NR, "--stacks: the copies, from write_pages() down to do_wp_page()");
	free(text);

	is(traced("--stacks -C '^cow-plain$' --outcome copied"), 0, "--stacks -C: nothing lost");
	text = file_text(OUT);
	for (at = text, n = 0; *at; at = strchr(at, '\n') + 1)
		n += strncmp(at, "cow-plain;", 10) != 0;
	ok(*text && !n, "--stacks -C: no other name");
	free(text);

	is(traced("--by-vma -p %d --outcome copied", worker[1].pid), 0, "--by-vma: nothing lost");
	text = file_text(OUT);
	at = strchr(text, '\n');
	ok(at &&
		   sscanf(at, " %llu cow-plain %llu %llu %*u %7s", &n, &faults, &in_buckets,
			  unit) == 4 &&
		   n == (unsigned long long)worker[1].pid && faults >= NR && in_buckets == faults,
	   "--by-vma: the mapping with most bytes is first, all its %llu faults are copies",
	   faults);
	ok(strstr(text, " anon\n"), "--by-vma: it is an anonymous one");
	for (at = text, skip = 0; *at; at = strchr(at, '\n') + 1)
		skip = strcspn(at, "\n") > (size_t)skip ? (int)strcspn(at, "\n") : skip;
	ok(skip <= 100, "--by-vma: the longest line has %d columns", skip);
	free(text);
	ends(0, "        - ", "cowtrace --by-vma --outcome file_copied -- true");

	is(traced("--by-vma --merge -o json -C '^cow-plain$' --outcome copied"), 0,
	   "--merge: nothing lost");
	check_merged();
	pipeline();

	ends_with_both(7, "\"buckets\":[{\"from_ns\":", "0 lost",
		       "cowtrace --hist -o json -- sh -c 'exit 7'");
	ends_with_both(137, "\"do_wp_page_[k]\"],\"faults\":", "0 lost",
		       "cowtrace --stacks -o json -- sh -c 'kill -9 $$'");
}

int main(void)
{
	size_t i;

	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	shared = map_pages(ROUNDS * 2 * NR);
	zero = map_untouched(ROUNDS * NR);
	idle = map_pages(4 * NR);
	for (i = 0; i < 2; i++) {
		worker[i].go = gate_make();
		worker[i].worked = gate_make();
		worker[i].pid = fork();
		if (!worker[i].pid)
			work(&worker[i]);
	}
	filters();
	descendants();
	lines();
	sums();
	remote();

	ends(127, "no-such-command: No such file", "cowtrace -- no-such-command");
	ends_with_both(0, "cowtrace: watching, attached in ", " faults, 0 lost",
		       "cowtrace --duration 1 -c nobody");
	ends(1, "-p 4194304: there is no such process", "cowtrace -p 4194304");
	ends(1, "is a thread of process",
	     "python3 -c 'import os, threading as t, subprocess as s; "
	     "w = t.Thread(target=lambda: s.run([\"cowtrace\", \"-p\", str(t.get_native_id())])); "
	     "w.start(); w.join()'; false");
	ends(1, "there is no cgroup /nonesuch", "cowtrace -G /nonesuch");
	ends(1, "no cgroup2 hierarchy is mounted here",
	     "unshare -m sh -c 'umount -l /sys/fs/cgroup; cowtrace -G /a'");
	ends(2, "--merge needs --by-vma", "cowtrace --merge --hist");
	ends(2, "no such outcome", "cowtrace --outcome copied,nonsense");
	ends(2, "write -- before a command", "cowtrace true");
	ends(1, "there is no cgroup /tmp", "cowtrace --cgroup /tmp");
	ends(1, "is not in a BPF file system", "cowtrace --pin /tmp/here");
	ends(0, "", "cowtrace --pin /sys/fs/bpf/cowtrace");
	ends(1, "is there already, and stays as it is: unpin it first",
	     "cowtrace --pin /sys/fs/bpf/cowtrace");
	ends(0, "wp_entry", "ls /sys/fs/bpf/cowtrace/links /sys/fs/bpf/cowtrace/progs");
	ends(0, "", "cowtrace --unpin /sys/fs/bpf/cowtrace && [ ! -e /sys/fs/bpf/cowtrace ]");
	ends(1, "nothing is pinned there", "cowtrace --unpin /sys/fs/bpf/cowtrace");
	for (i = 0; i < 2; i++)
		kill_child(worker[i].pid);
	rmdir(CGROUP);
	return done();
}
