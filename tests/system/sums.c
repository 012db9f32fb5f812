// SPDX-License-Identifier: GPL-2.0
/*
 * Sums outlive rows. In four control groups, 1 370 processes live and exit (50 002 in the long
 * form) while the table has 256 rows (1 024). Each does a known number of things. Afterwards
 * every one of them is in a row or sum of its cgroup, user and name, in the module's table and in
 * that of BPF; `cowstat --by` has nothing unknown. Then names outnumber the sums there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

#define CGROUPS		4
#define NAMES		3
#define MANY_NAMES	151
#define ROOT		"/sys/fs/cgroup"

/* A control group, and what is done in it. */
static struct work {
	char path[64];
	uint64_t id;
	size_t processes; /* a prime number; short form */
	size_t processes_long;
	size_t zero_pages; /* that each of them reads and then writes */
	pid_t forker;
} work[CGROUPS] = {
	{ .processes = 307, .processes_long = 12491, .zero_pages = 2 },
	{ .processes = 331, .processes_long = 12497, .zero_pages = 3 },
	{ .processes = 353, .processes_long = 12503, .zero_pages = 5 },
	{ .processes = 379, .processes_long = 12511, .zero_pages = 7 },
};

static char *pages;

static void make_cgroup(struct work *w, size_t i)
{
	struct stat st;

	snprintf(w->path, sizeof(w->path), ROOT "/sum-%zu", i);
	if ((mkdir(w->path, 0755) && errno != EEXIST) || stat(w->path, &st))
		bail("mkdir %s: errno %d", w->path, errno);
	w->id = st.st_ino; /* as cgroup_id() has it */
	if (long_run())
		w->processes = w->processes_long;
}

/* In a cgroup: fork all its processes, one after the other. */
static void fork_all(void *arg)
{
	const struct work *w = arg;
	char name[16], procs[80];
	size_t i;
	pid_t pid;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", w->path);
	set_file(procs, "0");
	prctl(PR_SET_NAME, "sum-forker");
	for (i = 0; i < w->processes; i++) {
		pid = fork();
		if (pid < 0)
			bail("fork: errno %d", errno);
		if (!pid) {
			snprintf(name, sizeof(name), "sum-%zu", i % NAMES);
			prctl(PR_SET_NAME, name);
			read_pages(pages, w->zero_pages);
			write_pages(pages, w->zero_pages);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* What rows and sums say of a cgroup, or of a name. */
static struct cow_row sum_by(const struct cow_table *t, const struct work *w, const char *name)
{
	struct cow_row sum = {};
	size_t i, c;

	for (i = 0; i < t->nr; i++) {
		const struct cow_row *row = &t->row[i];

		if (row->kind != COW_ROW_PROCESS && row->kind != COW_ROW_SUM)
			continue;
		if ((w && row->value[COWSTAT_COL_CGROUP] != w->id) ||
		    (name && strcmp(row->comm, name)))
			continue;
		for (c = COWSTAT_COL_FORKS; c < COWSTAT_COL_CGROUP; c++) {
			sum.value[c] += row->value[c];
			sum.known[c] |= row->known[c];
		}
	}
	return sum;
}

static struct cow_row folded_of(const struct cow_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->row[i].kind == COW_ROW_FOLDED)
			return t->row[i];
	bail("no - row");
}

static void check_table(const char *source, const struct cow_table *t, uint64_t max_rows)
{
	size_t i, processes = 0, sums = 0;
	struct cow_row folded = folded_of(t), sum;
	char name[16];

	is(t->max_rows.value, max_rows, "%s: max_rows", source);
	is(t->max_sums.value, 2 * (max_rows < 1024 ? max_rows : 1024), "%s: max_sums", source);
	for (i = 0; i < CGROUPS; i++) {
		sum = sum_by(t, &work[i], NULL);
		processes += work[i].processes;
		is(VALUE(sum, PROCESSES), work[i].processes + 1, "%s: processes in cgroup %zu",
		   source, i);
		is(VALUE(sum, FORKS), work[i].processes, "%s: forks in cgroup %zu", source, i);
		is(VALUE(sum, ZERO_FILLED), work[i].processes * work[i].zero_pages,
		   "%s: zero_filled in cgroup %zu", source, i);
		ok(VALUE(sum, COPIED) >= work[i].processes, "%s: copied in cgroup %zu: %lu", source,
		   i, VALUE(sum, COPIED));
	}
	for (i = 0; i < NAMES; i++) {
		size_t j, want = 0;

		for (j = 0; j < CGROUPS; j++)
			want += (work[j].processes + NAMES - 1 - i) / NAMES;
		snprintf(name, sizeof(name), "sum-%zu", i);
		sum = sum_by(t, NULL, name);
		is(VALUE(sum, PROCESSES), want, "%s: processes of name %zu", source, i);
	}
	for (i = 0; i < t->nr; i++)
		sums += t->row[i].kind == COW_ROW_SUM;
	is(t->sums.value, sums, "%s: the header counts the sums", source);
	is(t->merged.value, 0, "%s: no sum was merged", source);
	is(t->lost.value, 0, "%s: no fault without a row", source);
	is(VALUE(folded, PROCESSES), 0, "%s: no process is in no sum", source);
	is(VALUE(folded, WP_FAULTS), 0, "%s: and no fault", source);
	ok(t->folded.value >= processes - max_rows, "%s: %lu rows were recycled", source,
	   t->folded.value);
	check_conservation(t);
}

/* cowstat --by WHAT has no group without a name, and its groups add up to the total. */
static void check_groups(const char *source, const char *what)
{
	uint64_t copied = 0, processes = 0, unknown = 0;
	json_t *doc, *group, *total;
	json_error_t error;
	char *out;
	size_t i;
	int status;

	out = shell(&status, "cowstat --source %s -a --by %s -o json", source, what);
	doc = json_loads(out, 0, &error);
	if (status || !doc)
		bail("cowstat --by %s: exit status %d, %s", what, status, error.text);
	json_array_foreach(json_object_get(doc, "groups"), i, group) {
		uint64_t n = json_integer_value(json_object_get(group, "processes"));

		copied += json_integer_value(json_object_get(group, "copied"));
		processes += n;
		if (json_is_null(json_object_get(group, what)))
			unknown += n + json_integer_value(json_object_get(group, "wp_faults"));
	}
	total = json_object_get(doc, "total");
	is(unknown, 0, "%s: --by %s: nothing is unknown", source, what);
	is(copied, json_integer_value(json_object_get(total, "copied")),
	   "%s: --by %s: copied adds up to the total", source, what);
	is(processes, json_integer_value(json_object_get(total, "processes")),
	   "%s: --by %s: processes add up to the total", source, what);
	json_decref(doc);
	free(out);
}

static void name_and_exit(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "name-%zu", (size_t)arg);
	prctl(PR_SET_NAME, name);
	write_pages(pages, 1);
}

static void many_names(void *arg)
{
	char procs[80];
	size_t i;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", ((struct work *)arg)->path);
	set_file(procs, "0");
	for (i = 0; i < MANY_NAMES; i++)
		wait_child(start_child(name_and_exit, (void *)i));
}

/* More names than sums: names are forgotten, their cgroup is not. Another reset forgets all. */
static void try_many_names(void)
{
	struct cow_row sum, folded;
	struct cow_table t;
	size_t i, named = 0;

	load_module("max_rows=64");
	wait_child(start_child(many_names, &work[0]));
	t = table_now();
	sum = sum_by(&t, &work[0], NULL);
	folded = folded_of(&t);
	for (i = 0; i < t.nr; i++)
		named += t.row[i].kind == COW_ROW_SUM && t.row[i].known[COWSTAT_COL_COMM];
	is(VALUE(sum, PROCESSES), MANY_NAMES + 1, "as many names: all are in their cgroup");
	ok(VALUE(sum, COPIED) >= MANY_NAMES, "with what they copied: %lu", VALUE(sum, COPIED));
	is(VALUE(folded, PROCESSES), 0, "none is in no sum");
	is(named, 64, "sums that have a name");
	ok(t.merged.value > MANY_NAMES - 64 - 64 - 2, "%lu names were forgotten", t.merged.value);
	check_conservation(&t);
	cow_table_free(&t);

	is(control("reset"), 0, "reset");
	t = table_now();
	is(t.sums.value, 0, "no sums after a reset");
	is(t.merged.value, 0, "and none merged");
	for (i = 0; i < t.nr; i++)
		named += t.row[i].kind == COW_ROW_SUM;
	is(named, 64, "the table shows none");
	cow_table_free(&t);
}

int main(void)
{
	uint64_t max_rows = long_run() ? 1024 : 256;
	struct cow_table t;
	char params[32];
	int status;
	size_t i;

	pages = map_untouched(8);
	for (i = 0; i < CGROUPS; i++)
		make_cgroup(&work[i], i);
	snprintf(params, sizeof(params), "max_rows=%lu", max_rows);
	load_module(params);
	if (has_bpf()) {
		free(shell(&status, "cowstat bpf load -m %lu", max_rows));
		is(status, 0, "BPF counts too");
		is(control("reset"), 0, "the module begins anew");
	}
	for (i = 0; i < CGROUPS; i++)
		work[i].forker = start_child(fork_all, &work[i]);
	for (i = 0; i < CGROUPS; i++)
		wait_child(work[i].forker);

	t = table_now();
	check_table("proc", &t, max_rows);
	cow_table_free(&t);
	check_groups("proc", "cgroup");
	check_groups("proc", "comm");
	if (has_bpf()) {
		t = bpf_table_now();
		check_table("bpf", &t, max_rows);
		cow_table_free(&t);
		check_groups("bpf", "cgroup");
		check_groups("bpf", "comm");
		free(shell(&status, "cowstat bpf unload"));
	}
	try_many_names();
	for (i = 0; i < CGROUPS; i++)
		rmdir(work[i].path);
	return done();
}
