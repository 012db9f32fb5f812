// SPDX-License-Identifier: GPL-2.0
/*
 * Real work of many kinds at once for an hour (COWSTAT_LONG=yes; else two minutes), while
 * module and BPF count it. Each minute nothing may have been lost; the kernel's memory may not
 * grow; and when all is over the two agree. A line of progress each minute goes to the file
 * that the shell calls 3.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "procfs.h"

#define PROGRESS	3
#define CGROUP		"/sys/fs/cgroup/"
#define SWAPPED		CGROUP "soak/"
#define MAX_SAMPLES	240

/* --- the work -------------------------------------------------------------------- */

static const char compile[] =
	"while :; do for f in userspace/lib/format.c userspace/lib/table_reader.c userspace/lib/smaps.c userspace/cowstat/delta.c userspace/cowstat/filter.c userspace/cowstat/view.c; do"
	" cc -std=gnu11 -D_GNU_SOURCE -O2 -Imodule -Iuserspace/lib -c $f -o /tmp/soak/out.o || exit 1;"
	" echo >>/tmp/soak/compiled; done; done";

/* Each transaction is a new connection, and so a fork of a server with shared buffers. */
static const char database[] =
	"cd /tmp/soak; bin=$(echo /usr/lib/postgresql/*/bin);"
	"as() { setpriv --reuid=postgres --regid=postgres --clear-groups \"$@\"; };"
	"install -d -o postgres pg && as $bin/initdb -D pg/data -A trust --no-sync >pg.log 2>&1 || exit 1;"
	"as $bin/postgres -D pg/data -k /tmp/soak/pg -h '' >>pg.log 2>&1 &"
	"until as psql -h /tmp/soak/pg -Atqc 'create table t(n int, s text)' postgres >/dev/null 2>&1; do sleep 1; done;"
	"while :; do as psql -h /tmp/soak/pg -Atqc"
	" 'insert into t select n, md5(n::text) from generate_series(1, 500) n; update t set n = n + 1 where n % 7 = 0; delete from t where n > 400; checkpoint;"
	" select count(*), sum(n) from t' postgres >/dev/null || exit 1; echo >>queried; done";

/* Workers that serve twenty requests each. */
static const char web[] =
	"cd /tmp/soak; mkdir -p www; printf hello >www/index.html; m=/usr/lib/apache2/modules;"
	"printf '%s\\n' 'ServerRoot /tmp/soak' 'ServerName localhost' 'Listen 127.0.0.1:8080'"
	" 'PidFile /tmp/soak/httpd.pid' 'ErrorLog /tmp/soak/httpd.log' 'User nobody' 'Group nogroup'"
	" \"LoadModule mpm_prefork_module $m/mod_mpm_prefork.so\""
	" \"LoadModule authz_core_module $m/mod_authz_core.so\" \"LoadModule dir_module $m/mod_dir.so\""
	" 'DocumentRoot /tmp/soak/www' 'StartServers 4' 'MaxConnectionsPerChild 20' >httpd.conf;"
	"apache2 -f /tmp/soak/httpd.conf -DFOREGROUND &"
	"until (: <>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 1; done;"
	"while :; do exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 || exit 1;"
	" while read -r answer <&3; do :; done; [ \"$answer\" = hello ] || exit 1; echo >>served;"
	" sleep 0.2; done";

static const char prefork[] =
	"cd /tmp/soak; while :; do python3 -c 'import multiprocessing as m\n"
	"data = [[i] for i in range(50000)]\n"
	"def work(i): return sum(x[0] for x in data[i::4])\n"
	"assert sum(m.get_context(\"fork\").Pool(4).map(work, range(4))) == 1249975000' || exit 1;"
	" echo >>forked; done";

static void merged(void)
{
	share_and_write(509, MADV_MERGEABLE, 2000000);
}

static void swapped(void)
{
	set_file(SWAPPED "cgroup.procs", "0");
	share_and_write((14UL << 20) / PAGE, MADV_NOHUGEPAGE, 2000000);
}

static void huge(void)
{
	share_and_write((8UL << 20) / PAGE, MADV_HUGEPAGE, 2000000);
}

/* What it counts its rounds in, if it is a program of others. */
static const struct work {
	const char *name, *command, *rounds;
	void (*work)(void);
} works[] = {
	{ "gcc", compile, "/tmp/soak/compiled", NULL },
	{ "PostgreSQL", database, "/tmp/soak/queried", NULL },
	{ "Apache", web, "/tmp/soak/served", NULL },
	{ "Python", prefork, "/tmp/soak/forked", NULL },
	{ "KSM", NULL, NULL, merged },
	{ "swap", NULL, NULL, swapped },
	{ "huge pages", NULL, NULL, huge },
};

#define NR_WORKS	(sizeof(works) / sizeof(works[0]))

static pid_t group[NR_WORKS];

static void start_work(size_t i)
{
	group[i] = fork();
	if (group[i])
		return;
	setpgid(0, 0);
	if (works[i].work)
		works[i].work();
	execl("/bin/bash", "bash", "-c", works[i].command, NULL);
	_exit(127);
}

/* We are the parent of what the works leave behind: none of it stays. */
static void end_work(void)
{
	for (size_t i = 0; i < NR_WORKS; i++)
		kill(-group[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* Each wrote a byte. */
static uint64_t rounds_of(const struct work *work)
{
	struct stat st;

	return stat(work->rounds, &st) ? 0 : st.st_size;
}

static void wait_till_all_work(void)
{
	for (size_t i = 0; i < NR_WORKS; i++)
		for (int tries = 0; works[i].rounds && !rounds_of(&works[i]); tries++) {
			if (tries == 900)
				bail("%s has not done anything in %d s", works[i].name, tries);
			sleep(1);
		}
}

/* --- the kernel's memory ---------------------------------------------------------- */

/* KiB that nobody could reclaim: what leaks is in here. */
static uint64_t kernel_memory(void)
{
	static const char *const keys[] = { "SUnreclaim", "VmallocUsed", "Percpu" };
	uint64_t sum = 0, bytes;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bytes = procfs_meminfo(keys[i]);
		if (!bytes)
			bail("no %s in /proc/meminfo", keys[i]);
		sum += bytes;
	}
	return sum / 1024;
}

static int by_value(const void *a, const void *b)
{
	return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1;
}

static uint64_t median(const uint64_t *from, size_t n)
{
	uint64_t sorted[MAX_SAMPLES];

	memcpy(sorted, from, n * sizeof(*from));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return sorted[n / 2];
}

/* --- the tables ------------------------------------------------------------------- */

/* Both totals, when nobody but us lives, and reading has cost what it costs the first time. */
static void read_totals(struct cow_row *module, struct cow_row *bpf)
{
	for (int i = 0; i < 3; i++) {
		struct cow_table m = table_now(), b = bpf_table_now();

		*module = *cow_table_total(&m);
		*bpf = *cow_table_total(&b);
		cow_table_free(&m);
		cow_table_free(&b);
	}
}

/* Nothing lost and nothing missed so far. */
static bool all_counted(void)
{
	struct cow_table m = table_now(), b = bpf_table_now();
	bool good = !m.lost.value && !m.missed.value && !b.lost.value && !b.missed.value;

	if (!good)
		note("module: lost %" PRIu64 ", missed %" PRIu64 "; BPF: lost %" PRIu64
		     ", missed %" PRIu64,
		     m.lost.value, m.missed.value, b.lost.value, b.missed.value);
	cow_table_free(&m);
	cow_table_free(&b);
	return good;
}

/*
 * fork_ns and parent_copied are measured at two moments, and desc_* go by who was folded first.
 * All else is the same to the last page.
 */
static bool comparable(enum cowstat_column c)
{
	return c != COWSTAT_COL_FORK_NS && c != COWSTAT_COL_PARENT_COPIED &&
	       !(c >= COWSTAT_COL_DESC_FORKS && c <= COWSTAT_COL_DESC_COPIED_BYTES);
}

static void compare(const struct cow_row *m0, const struct cow_row *b0)
{
	struct cow_table t = bpf_table_now();
	struct cow_row m, b;

	check_conservation(&t);
	cow_table_free(&t);
	ok(all_counted(), "nothing lost, nothing missed");
	read_totals(&m, &b);
	for (int c = COWSTAT_COL_FORKS; c < COWSTAT_COL_CGROUP; c++) {
		uint64_t by_module = m.value[c] - m0->value[c], by_bpf = b.value[c] - b0->value[c];

		if (by_module || by_bpf)
			note("report: soak: %-22s module %12" PRIu64 ", BPF %12" PRIu64,
			     cow_column_name(c), by_module, by_bpf);
		if (comparable(c))
			is(by_bpf, by_module, "%s: module and BPF agree", cow_column_name(c));
	}
}

int main(void)
{
	const unsigned int minutes = long_run() ? 60 : 2, step = long_run() ? 60 : 10;
	const size_t samples = minutes * 60 / step;
	uint64_t memory[MAX_SAMPLES], before, early, late;
	size_t i, n, lost = 0, ended = 0, third;
	struct cow_row m0, b0;
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	use_all_cpus();
	run("mkdir /tmp/soak && chmod 755 /tmp/soak");
	swap_on();
	set_file(CGROUP "cgroup.subtree_control", "+memory");
	run("mkdir " SWAPPED);
	set_file(SWAPPED "memory.high", "8M");
	set_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	set_file("/sys/kernel/mm/ksm/run", "1");
	free(shell(&status, "cowstat bpf load"));
	is(status, 0, "BPF counts too");
	before = kernel_memory();
	read_totals(&m0, &b0);

	for (i = 0; i < NR_WORKS; i++)
		start_work(i);
	wait_till_all_work();
	for (n = 0; n < samples; n++) {
		sleep(step);
		memory[n] = kernel_memory();
		lost += !all_counted();
		for (i = 0; i < NR_WORKS; i++)
			if (waitpid(group[i], NULL, WNOHANG) == group[i]) {
				note("%s has ended", works[i].name);
				ended++;
			}
		dprintf(PROGRESS, "# soak: %zu of %u s, kernel memory %" PRIu64 " KiB",
			(n + 1) * step, minutes * 60, memory[n]);
		for (i = 0; i < NR_WORKS; i++)
			if (works[i].rounds)
				dprintf(PROGRESS, ", %s %" PRIu64, works[i].name,
					rounds_of(&works[i]));
		dprintf(PROGRESS, "\n");
	}
	for (i = 0; i < NR_WORKS; i++) {
		if (!works[i].rounds)
			continue;
		note("report: soak: %s: %" PRIu64 " rounds", works[i].name, rounds_of(&works[i]));
		ok(rounds_of(&works[i]) > minutes / 4, "%s got its work done", works[i].name);
	}
	end_work();
	is(ended, 0, "all worked to the end");
	is(lost, 0, "nothing lost, nothing missed, in %zu looks", samples);
	ok(vmstat("pswpout") && vmstat("cow_ksm"),
	   "pages were swapped and merged: %" PRIu64 " and %" PRIu64, vmstat("pswpout"),
	   vmstat("cow_ksm"));

	compare(&m0, &b0);

	/* The first third is for what grows until it is large enough. */
	third = samples / 3;
	early = median(memory + third, third);
	late = median(memory + samples - third, third);
	note("report: soak: kernel memory before %" PRIu64 " KiB, in the second third %" PRIu64
	     ", in the last %" PRIu64 ", after %" PRIu64,
	     before, early, late, kernel_memory());
	ok(late <= early + early / 50, "the kernel's memory did not grow by more than 2 %%");

	free(shell(&status, "cowstat bpf unload"));
	is(status, 0, "BPF is gone");
	set_file("/sys/kernel/mm/ksm/run", "2");
	swap_off();
	return done();
}
