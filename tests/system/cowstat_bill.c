// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * cowstat -- COMMAND: exit status and signals as a shell has them; the bill of `make -j2`
 * the same with 64 rows as with 8192, and what the table itself says.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

#define BILL	"/tmp/bill.json"
#define NOBODY	65534

/* Start cowstat with these arguments, as root or as nobody. */
static pid_t start_cowstat(char *const *argv, uid_t uid)
{
	char path[256];
	pid_t pid = fork();

	snprintf(path, sizeof(path), "%s/cowstat", getenv("COWSTAT_BUILD"));
	if (pid)
		return pid;
	if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(99);
	execv(path, argv);
	_exit(99);
}

static int wait_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid: errno %d", errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int run_cowstat(char *const *argv, uid_t uid)
{
	return wait_status(start_cowstat(argv, uid));
}

#define RUN(...)	run_cowstat((char *[]){ "cowstat", "--output", "/tmp/bill", "--", __VA_ARGS__, NULL }, 0)

static json_t *read_bill(void)
{
	json_error_t error;
	json_t *json = json_load_file(BILL, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		bail("the bill is no JSON: %s", error.text);
	return json;
}

static uint64_t item(json_t *json, const char *name)
{
	json_t *value = json_object_get(json_object_get(json, "bill"), name);

	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	if (!json_is_integer(value))
		bail("no %s in the bill", name);
	return json_integer_value(value);
}

static bool is_complete(json_t *json)
{
	return json_is_true(json_object_get(json, "complete"));
}

static void exit_statuses(void)
{
	pid_t pid;

	is(RUN("true"), 0, "exit status 0");
	is(RUN("sh", "-c", "exit 3"), 3, "exit status 3");
	is(RUN("sh", "-c", "exit 130"), 130, "exit status 130");
	is(RUN("sh", "-c", "kill -TERM $$"), 143, "killed by SIGTERM: 143");
	is(RUN("sh", "-c", "kill -KILL $$"), 137, "killed by SIGKILL: 137");
	is(RUN("/no/such/command"), 127, "no such command: 127");
	is(RUN("/etc/passwd"), 126, "a file that is no program: 126");
	is(run_cowstat((char *[]){ "cowstat", "--source", "/no/such/table", "--", "true", NULL },
		       0),
	   125, "no table: 125");
	is(run_cowstat((char *[]){ "cowstat", "--output", "/no/such/dir/x", "--", "true", NULL },
		       0),
	   125, "nowhere to write the bill: 125");
	is(run_cowstat((char *[]){ "cowstat", "--", NULL }, 0), 2, "no command at all: 2");
	is(run_cowstat((char *[]){ "cowstat", "1", "--", "true", NULL }, 0), 2,
	   "an interval and a command: 2");

	pid = start_cowstat((char *[]){ "cowstat", "--output", "/tmp/bill", "--", "sh", "-c",
					"trap 'exit 9' TERM; echo >/tmp/ready; while :; do sleep 0.05; done",
					NULL },
			    0);
	while (access("/tmp/ready", F_OK))
		usleep(10000);
	kill(pid, SIGTERM);
	is(wait_status(pid), 9, "a SIGTERM to cowstat is passed on to the command");
}

static void streams(void)
{
	int status;
	char *out;

	out = shell(&status, "cowstat -- echo hello 2>/tmp/stderr");
	ok(!strcmp(out, "hello\n") && !status, "stdout is the command's alone");
	free(out);
	out = shell(&status, "cat /tmp/stderr");
	ok(strstr(out, "Memory copy-on-write bill: echo hello (exit 0, "), "the bill is on stderr");
	ok(strstr(out, "Complete: lost 0, missed 0.\n"), "and says that it is complete");
	free(out);
}

/* Two C files, and targets whose shells fork again and again. */
static void make_project(void)
{
	char path[64];
	FILE *f;

	run("mkdir -p /tmp/project");
	for (int i = 1; i <= 2; i++) {
		snprintf(path, sizeof(path), "/tmp/project/f%d.c", i);
		f = fopen(path, "w");
		fprintf(f, "int f%d(int x) { return x + %d; }\n", i, i);
		fclose(f);
	}
	f = fopen("/tmp/project/Makefile", "w");
	fputs("all: f1.o f2.o", f);
	for (int i = 1; i <= 30; i++)
		fprintf(f, " t%d", i);
	fputs("\n%.o: %.c\n\t@gcc -c -o $@.$$PPID $< && rm $@.$$PPID\n"
	      "t%:\n\t@(true; (true)); echo $@ | cat >/dev/null\n",
	      f);
	fclose(f);
}

/* Is that row the command's, which cowstat started, or one of its descendants'? */
static bool in_tree(const struct cow_table *t, const struct cow_row *row, pid_t cowstat)
{
	while (row && row->known[COWSTAT_COL_PPID]) {
		if (row->value[COWSTAT_COL_PPID] == (uint64_t)cowstat)
			return true;
		row = cow_table_find(t, row->value[COWSTAT_COL_PPID]);
	}
	return false;
}

/* Rows that are not of the tree: how much they grew. */
static uint64_t others_grew(const struct cow_table *before, const struct cow_table *after,
			    pid_t cowstat, enum cowstat_column column)
{
	uint64_t grew = 0;

	for (size_t i = 0; i < after->nr; i++) {
		const struct cow_row *row = &after->row[i], *old;

		if (row->kind != COW_ROW_PROCESS || in_tree(after, row, cowstat))
			continue;
		old = cow_table_find(before, row->pid);
		grew += row->value[column] - (old ? old->value[column] : 0);
	}
	return grew;
}

static void sum_tree(const struct cow_table *t, pid_t cowstat, uint64_t *sum)
{
	for (size_t i = 0; i < t->nr; i++) {
		if (t->row[i].kind != COW_ROW_PROCESS || !in_tree(t, &t->row[i], cowstat))
			continue;
		for (int c = 0; c < COWSTAT_NR_COLUMNS; c++)
			sum[c] += t->row[i].value[c];
	}
}

/* What a bill says, and the column that it must agree with, whatever rows are left. */
static const struct {
	const char *item;
	enum cowstat_column column;
} parts[] = {
	{ "forks", COWSTAT_COL_FORKS },
	{ "vforks", COWSTAT_COL_VFORKS },
	{ "shared_pages", COWSTAT_COL_BIRTH_ANON_PAGES },
	{ "copied_pages", COWSTAT_COL_ANON_COPIED },
	{ "copied_by_children_pages", COWSTAT_COL_PRE_EXEC_COPIED },
	{ "pgtables_bytes", COWSTAT_COL_BIRTH_PGTABLES_BYTES },
	{ "reused_pages", COWSTAT_COL_REUSED },
	{ "ksm_copied_pages", COWSTAT_COL_KSM_COPIED },
	{ "fork_copied_pages", COWSTAT_COL_FORK_COPIED },
	{ "copied_bytes", COWSTAT_COL_COPIED_BYTES },
};

/*
 * After a fork parent and child race for who is first to write a page, and so copies it; the
 * bill tells who did. So that two runs can be compared, make has the first CPU for itself,
 * nobody there is preempted (SCHED_FIFO), and addresses are not random: then everything
 * happens in the same order again. cowstat reads from the other CPU.
 */
#define IN_ORDER	"taskset", "1", "chrt", "-f", "1", "setarch", "-R"
#define MAKE		"make", "-s", "-j2", "-C", "/tmp/project"

static void use_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		bail("no CPU %d: errno %d", cpu, errno);
}

/* Run make under cowstat; hold each part of its bill against the table's growth. */
static json_t *bill_of_make(struct cow_table *after, pid_t *pid)
{
	struct cow_table before = table_now();
	const struct cow_row *total;
	json_t *bill;

	*pid = start_cowstat((char *[]){ "cowstat", "-o", "json", "--output", BILL, "--", IN_ORDER,
					 MAKE, NULL },
			     0);
	is(wait_status(*pid), 0, "make -j2 under cowstat");
	*after = table_now();
	bill = read_bill();
	ok(is_complete(bill), "its bill is complete");
	total = cow_table_total(after);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		enum cowstat_column c = parts[i].column;

		is(item(bill, parts[i].item) + others_grew(&before, after, *pid, c),
		   value_of(total, c) - value_of(cow_table_total(&before), c),
		   "%s: the bill and everybody else are the total", parts[i].item);
	}
	is(item(bill, "copied_by_children_pages") + item(bill, "copied_by_parents_pages"),
	   item(bill, "copied_pages"), "children and parents have copied it all");
	cow_table_free(&before);
	return bill;
}

static void bills(void)
{
	static const char *const same[] = {
		"processes",
		"forks",
		"vforks",
		"exec_forks",
		"shared_pages",
		"copied_pages",
		"copied_by_children_pages",
		"copied_before_exec_pages",
		"copied_by_parents_pages",
		"never_copied_pages",
		"pgtables_bytes",
		"reused_pages",
		"file_copied_pages",
		"copied_bytes",
	};
	uint64_t sum[COWSTAT_NR_COLUMNS] = {};
	json_t *few, *many;
	struct cow_table t;
	pid_t pid;

	make_project();
	use_cpu(1);
	/* what it reads is in memory then, and nobody waits for the disk */
	run("taskset 1 make -s -j2 -C /tmp/project");
	load_module("max_rows=8192");
	many = bill_of_make(&t, &pid);
	sum_tree(&t, pid, sum);
	is(item(many, "forks"), sum[COWSTAT_COL_FORKS], "forks are those of the rows");
	is(item(many, "vforks"), sum[COWSTAT_COL_VFORKS], "vforks are those of the rows");
	is(item(many, "shared_pages"), sum[COWSTAT_COL_BIRTH_ANON_PAGES],
	   "shared pages are those of the rows");
	is(item(many, "copied_pages"), sum[COWSTAT_COL_ANON_COPIED],
	   "copied pages are those of the rows");
	is(item(many, "reused_pages"), sum[COWSTAT_COL_REUSED],
	   "reused pages are those of the rows");
	is(item(many, "file_copied_pages"),
	   sum[COWSTAT_COL_FILE_COPIED] + sum[COWSTAT_COL_COPIED] - sum[COWSTAT_COL_ANON_COPIED],
	   "file pages are those of the rows");
	is(item(many, "pgtables_bytes"), sum[COWSTAT_COL_BIRTH_PGTABLES_BYTES],
	   "page tables are those of the rows");
	is(t.folded.value, 0, "no row was recycled");
	cow_table_free(&t);

	load_module("max_rows=64");
	few = bill_of_make(&t, &pid);
	ok(t.folded.value > 50, "%lu rows were recycled", t.folded.value);
	cow_table_free(&t);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		is(item(few, same[i]), item(many, same[i]), "%s: with 64 rows as with 8192",
		   same[i]);
	json_decref(few);
	json_decref(many);
}

static void unprivileged(void)
{
	json_t *bill;

	unlink(BILL);
	is(run_cowstat((char *[]){ "cowstat", "-o", "json", "--output", BILL, "--", "sh", "-c",
				   "(true); ls / >/dev/null; exit 5", NULL },
		       NOBODY),
	   5, "nobody has a bill, too");
	bill = read_bill();
	ok(is_complete(bill), "it is complete");
	is(item(bill, "forks"), 1, "a subshell is a fork");
	is(item(bill, "forks") + item(bill, "vforks"), 2, "ls is a child, too");
	ok(json_is_null(json_object_get(json_object_get(bill, "bill"), "lost")),
	   "what was lost is not for nobody to know");
	json_decref(bill);
}

int main(void)
{
	exit_statuses();
	streams();
	unprivileged();
	bills();
	return done();
}
