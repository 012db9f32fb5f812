// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * Module and BPF both count a storm of stress-ng: more runnable tasks than CPUs fork, fault, are
 * killed and are traced, so that tasks are preempted wherever the kernel lets them be. Then each
 * process's row is the same in both tables, and BPF has missed nothing. Meanwhile cowtrace tells
 * every fault of a command of its own.
 *
 * Ten minutes in the long checks, else a quarter of a minute.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow.h"
#include "harness.h"

#define STORM	"stress-ng --temp-path /tmp --quiet --timeout %us --fork 2 --vfork 1 --mmapfork 1" \
		" --clone 1 --vm 1 --vm-bytes 64m --vm-madvise mergeable --userfaultfd 1 --madvise 1 --ptrace 1 --kill 1" \
		" --exec 1"
#define TRACED	"/tmp/traced"
#define WRITTEN	101UL

/* What cowtrace watches: this program as its command. Children share pages and write them. */
static int be_traced(void)
{
	char *pages = map_pages(WRITTEN), *zero = map_untouched(WRITTEN);
	pid_t pid;

	for (int i = 0; i < 8; i++) {
		pid = fork();
		if (!pid) {
			write_pages(pages, WRITTEN);
			read_pages(zero, WRITTEN);
			write_pages(zero, WRITTEN);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
		write_pages(pages, WRITTEN);
	}
	return 0;
}

/* How many lines of a file have one text, and not the other. */
static uint64_t lines_with(const char *path, const char *text, const char *but)
{
	FILE *f = fopen(path, "r");
	uint64_t lines = 0;
	char line[1024];

	if (!f)
		bail("no %s", path);
	while (fgets(line, sizeof(line), f))
		lines += strstr(line, text) && !strstr(line, but);
	fclose(f);
	return lines;
}

/* What the module counted for the command's children: it was forked before it was watched. */
static uint64_t counted(pid_t pid, enum cowstat_column c)
{
	struct cow_table t = table_now();
	uint64_t sum = 0;

	for (size_t i = 0; i < t.nr; i++)
		if (t.row[i].kind == COW_ROW_PROCESS &&
		    t.row[i].value[COWSTAT_COL_PPID] == (uint64_t)pid)
			sum += t.row[i].value[c];
	cow_table_free(&t);
	return sum;
}

static void trace_a_command(const char *self)
{
	static const struct {
		const char *text;
		enum cowstat_column column;
	} outcomes[] = {
		{ "\"copied\"", COWSTAT_COL_COPIED },
		{ "\"zero_filled\"", COWSTAT_COL_ZERO_FILLED },
		{ "\"reused\"", COWSTAT_COL_REUSED },
	};
	char *said, itself[32];
	pid_t pid;
	int status;

	said = shell(&status,
		     "cowtrace -o json --outcome copied,zero_filled,reused -- sh -c"
		     " 'echo $$ >" TRACED ".pid; exec %s traced' 2>&1 >" TRACED,
		     self);
	is(status, 0, "cowtrace runs its command in the storm");
	ok(strstr(said, " 0 lost"), "and has lost nothing: %s", said);
	free(said);
	said = shell(&status, "cat " TRACED ".pid");
	pid = atoi(said);
	free(said);
	snprintf(itself, sizeof(itself), "\"pid\":%d,", pid);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		is(lines_with(TRACED, outcomes[i].text, itself), counted(pid, outcomes[i].column),
		   "each %s of the command's children is told", outcomes[i].text);
	ok(lines_with(TRACED, "\"copied\"", itself) >= 8 * WRITTEN, "there was something to tell");
}

int main(int argc, char **argv)
{
	const unsigned int seconds = long_run() ? 600 : 15;
	struct cow_table module, bpf;
	struct agreed agreed;
	char command[512];
	int status;
	pid_t pid;

	if (argc > 1)
		return be_traced();
	use_all_cpus();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_file("/sys/kernel/mm/ksm/run", "1");
	load_module(long_run() ? "max_rows=131072" : "max_rows=16384");
	free(shell(&status, "cowstat bpf load -m %s", long_run() ? "131072" : "16384"));
	is(status, 0, "BPF counts too");
	pid = fork();
	if (!pid) {
		snprintf(command, sizeof(command), STORM, seconds);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	sleep(2);
	trace_a_command(argv[0]);
	if (waitpid(pid, &status, 0) != pid || WIFSIGNALED(status) || WEXITSTATUS(status) == 127)
		bail("stress-ng did not run");
	/* what it left behind has become ours */
	while (wait(NULL) > 0)
		;
	module = table_now();
	bpf = bpf_table_now();
	note("report: bpf_storm: %u s", seconds);
	agreed = tables_agree("bpf_storm", &module, &bpf);
	is(module.folded.value + bpf.folded.value, 0, "no row was recycled");
	ok(agreed.rows > 2 * seconds, "%zu processes to compare", agreed.rows);
	ok(agreed.sum[COWSTAT_COL_COPIED] && agreed.sum[COWSTAT_COL_VFORKS] &&
		   agreed.sum[COWSTAT_COL_BIRTH_ANON_PAGES],
	   "of all kinds: %" PRIu64 " copied, %" PRIu64 " of KSM", agreed.sum[COWSTAT_COL_COPIED],
	   agreed.sum[COWSTAT_COL_KSM_COPIED]);
	check_conservation(&bpf);
	cow_table_free(&module);
	cow_table_free(&bpf);
	free(shell(&status, "cowstat bpf unload"));
	is(status, 0, "BPF is gone");
	set_file("/sys/kernel/mm/ksm/run", "2");
	return done();
}
