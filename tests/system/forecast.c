// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/*
 * `cowstat forecast`: what it says that a process will copy, and what the process copies then.
 * Writers with known loads are watched. Then each of them forks a child that lives as long as the
 * forecast was for. All writers run at the same time, and write at a steady rate.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "harness.h"
#include "pagemap_entry.h"
#include "procfs.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define N	  4000 /* pages of each writer */
#define HUGE_N	  8192 /* in 16 huge pages */
#define HUGE_BYTES (2UL << 20)
#define SOME_N	  (N - N % 512) /* of a writer with few huge pages */
#define WINDOW	  "2"
#define JOIN_NS	  (NS_PER_S * 6 / 5) /* beyond the middle of the window */
#define LIFE	  6 /* seconds: three times the window */
#define TICK_US	  10000
#define OWN_PAGES 24 /* of the writer itself: stack, libc */

enum load { UNIFORM, ZIPF, SEQUENTIAL, GROWING, READING, HUGE, SPLIT, JOINED, NR_LOADS };

static const struct {
	const char *name;
	unsigned int rate; /* writes a second */
} loads[NR_LOADS] = {
	[UNIFORM] = { "random writes", 700 },
	[ZIPF] = { "Zipf's law", 1500 },
	[SEQUENTIAL] = { "sequential writes", 300 },
	[GROWING] = { "random writes to a growing heap", 700 },
	[READING] = { "reads, and first touches", 700 },
	[HUGE] = { "random writes to huge pages", 300 },
	[SPLIT] = { "random writes to huge pages that are split", 700 },
	[JOINED] = { "random writes while huge pages are made", 700 },
};

/* How the test and a writer speak. */
struct orders {
	volatile bool ready, fork, done;
};

struct writer {
	enum load load;
	struct orders *orders;
	pid_t pid;
	char *pages, *fresh, *zero, *file;
	uint64_t watched_ns;
	bool joined;
	double sum[N]; /* of the weights, for Zipf's law */
};

static struct writer writer[NR_LOADS];
static int nr_loads = NR_LOADS;

static double random_share(void)
{
	return random() / 2147483648.0;
}

static size_t zipf(const struct writer *w)
{
	double at = random_share() * w->sum[N - 1];
	size_t low = 0, high = N - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (w->sum[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	/* the hot ones are not neighbours: 1009 is prime */
	return low * 1009 % N;
}

static void step(struct writer *w, uint64_t n)
{
	switch (w->load) {
	case UNIFORM:
	case GROWING:
		w->pages[(size_t)(random_share() * N) * PAGE]++;
		break;
	case HUGE:
		w->pages[(size_t)(random_share() * HUGE_N) * PAGE]++;
		break;
	case SPLIT:
	case JOINED:
		w->pages[(size_t)(random_share() * SOME_N) * PAGE]++;
		break;
	case ZIPF:
		w->pages[zipf(w) * PAGE]++;
		break;
	case SEQUENTIAL:
		w->pages[n % N * PAGE]++;
		break;
	default:
		(void)((volatile char *)w->pages)[n % N * PAGE];
		if (n < N)
			w->fresh[n * PAGE] = w->zero[n * PAGE] = w->file[n * PAGE] = 1;
	}
}

static char *map_for_huge(size_t n, int advice)
{
	char *pages = mmap(NULL, n * PAGE + HUGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		bail("mmap");
	pages += -(uintptr_t)pages % HUGE_BYTES;
	if (madvise(pages, n * PAGE, advice))
		bail("madvise");
	write_pages(pages, n);
	return pages;
}

/*
 * What khugepaged does at a time that nobody knows: here at the middle of the window. That it has
 * begun is seen by a page that is never written: its soft-dirty bit is cleared.
 */
static void join_half(struct writer *w, uint64_t now)
{
	if (!w->watched_ns && !(pagemap_of(getpid(), w->fresh) & PAGEMAP_SOFT_DIRTY))
		w->watched_ns = now;
	if (w->joined || !w->watched_ns || now < w->watched_ns + JOIN_NS)
		return;
	w->joined = true;
	if (madvise(w->pages, SOME_N * PAGE, MADV_HUGEPAGE) ||
	    madvise(w->pages, SOME_N / 2 * PAGE, MADV_COLLAPSE))
		bail("MADV_COLLAPSE");
}

/* Private pages of a file, read and not written. */
static char *map_file(size_t n)
{
	FILE *f = tmpfile();
	char *pages;

	if (!f || ftruncate(fileno(f), n * PAGE))
		bail("tmpfile");
	pages = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(f), 0);
	if (pages == MAP_FAILED)
		bail("mmap");
	read_pages(pages, n);
	return pages;
}

static void prepare(struct writer *w)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < N; i++) {
		sum += 1.0 / (i + 1);
		w->sum[i] = sum;
	}
	if (w->load == GROWING) {
		w->pages = sbrk(0);
		w->pages += -(uintptr_t)w->pages % PAGE;
		if (sbrk(w->pages - (char *)sbrk(0) + N * PAGE) == (void *)-1)
			bail("sbrk");
		madvise(w->pages, N * PAGE, MADV_NOHUGEPAGE);
		write_pages(w->pages, N);
	} else if (w->load == HUGE) {
		w->pages = map_for_huge(HUGE_N, MADV_HUGEPAGE);
	} else if (w->load == SPLIT) {
		w->pages = map_for_huge(SOME_N, MADV_HUGEPAGE);
	} else if (w->load == JOINED) {
		w->pages = map_for_huge(SOME_N, MADV_NOHUGEPAGE);
		w->fresh = map_pages(1);
	} else {
		w->pages = map_pages(N);
		w->fresh = map_untouched(N);
		w->zero = map_untouched(N);
		read_pages(w->zero, N);
		w->file = map_file(N);
		/* so that they have private pages at the beginning, and are watched */
		w->fresh[0] = w->zero[0] = w->file[0] = 1;
	}
}

static void work(void *arg)
{
	struct writer *w = arg;
	uint64_t begin, n = 0, now, grown = 0;
	pid_t child = 0;

	prepare(w);
	w->orders->ready = true;
	begin = now_ns();
	while (!w->orders->done) {
		now = now_ns() - begin;
		while (n < loads[w->load].rate * now / NS_PER_S)
			step(w, n++);
		if (w->load == GROWING && now / (NS_PER_S * 3 / 4) > grown) {
			grown++;
			sbrk(PAGE);
		}
		if (w->load == JOINED)
			join_half(w, now);
		if (w->orders->fork && !child) {
			child = fork();
			if (!child) {
				sleep(LIFE);
				_exit(0);
			}
		}
		if (child > 0 && waitpid(child, NULL, WNOHANG) == child)
			w->orders->done = true;
		usleep(TICK_US);
	}
}

/* Run `cowstat forecast` on all writers at once; one document each. */
static void forecast_all(json_t *json[NR_LOADS])
{
	char command[1024] = "", *out, path[64];
	int status, i;
	json_error_t e;

	for (i = 0; i < nr_loads; i++)
		snprintf(command + strlen(command), sizeof(command) - strlen(command),
			 "cowstat forecast -p %d --window " WINDOW
			 " --for %d %s -o json --output /tmp/forecast-%d.json & ",
			 writer[i].pid, LIFE, i == SPLIT ? "--split-huge" : "", i);
	strcat(command, "wait");
	out = shell(&status, "%s", command);
	free(out);
	for (i = 0; i < nr_loads; i++) {
		snprintf(path, sizeof(path), "/tmp/forecast-%d.json", i);
		json[i] = json_load_file(path, 0, &e);
		if (!json[i])
			bail("%s: %s", path, e.text);
	}
}

static uint64_t number(json_t *json, const char *name)
{
	json_t *n = json_object_get(json, name);

	if (json_is_string(n))
		return strtoull(json_string_value(n), NULL, 10);
	if (!json_is_integer(n))
		bail("the forecast has no number %s", name);
	return json_integer_value(n);
}

static json_t *first_of(json_t *json, const char *name)
{
	json_t *first = json_array_get(json_object_get(json, name), 0);

	if (!first)
		bail("the forecast has no %s", name);
	return first;
}

static void compare(enum load load, json_t *json)
{
	json_t *forecast = first_of(json, "forecast");
	uint64_t said = number(forecast, "pages"), low = number(forecast, "low_pages");
	struct cow_row child = row_of_child_of(writer[load].pid);
	uint64_t copied = VALUE(child, PARENT_COPIED), tables = number(json, "page_tables_bytes");
	const char *name = loads[load].name;

	note("%s: %lu pages forecast (%lu to %lu), %lu copied; cost %lu faults", name, said, low,
	     number(forecast, "high_pages"), copied,
	     number(json_object_get(json, "cost"), "faults"));
	if (load == READING) {
		ok(said <= OWN_PAGES, "%s: %lu pages, the writer's own", name, said);
		ok(copied <= OWN_PAGES, "%s: %lu copied", name, copied);
		return;
	}
	ok(copied > N / 4, "%s: %lu pages were copied", name, copied);
	if (load == HUGE) {
		is(number(json, "huge_pages"), HUGE_N * PAGE / HUGE_BYTES, "%s: seen as such",
		   name);
		ok(low <= copied && copied <= number(forecast, "high_pages"),
		   "%s: what was copied is between the bounds", name);
		return;
	}
	if (load == SPLIT)
		is(number(json, "huge_pages"), 0, "%s: none is left", name);
	if (load == JOINED) {
		ok(number(json, "joined_pages") > SOME_N / 8,
		   "%s: of %lu pages it is not known whether they are written", name,
		   number(json, "joined_pages"));
		ok(low <= copied && copied <= number(forecast, "high_pages"),
		   "%s: what was copied is between the bounds", name);
	}
	/* How near it comes is measured by tests/system/forecasts; on a busy CPU a load is not steady. */
	ok(said * 2 > copied && said < copied * 2,
	   "%s: the forecast of %lu pages is not off by a factor of two", name, said);
	ok(tables * 10 > VALUE(child, BIRTH_PGTABLES_BYTES) * 9 &&
		   tables * 10 < VALUE(child, BIRTH_PGTABLES_BYTES) * 11,
	   "%s: %lu bytes of page tables, fork built %lu", name, tables,
	   VALUE(child, BIRTH_PGTABLES_BYTES));
	note("%s: fork took %lu ns, forecast %lu", name, VALUE(child, FORK_NS),
	     number(json, "fork_ns"));
	ok(number(json_object_get(json, "cost"), "faults") <= N + 200 || load == GROWING,
	   "%s: watching cost at most a fault a page", name);
}

/* What becomes of a process: in a control group with a limit, and where little can be promised. */
static void verdict(pid_t pid, const char *expected, const char *sentence)
{
	int status;
	char *out = shell(&status, "cowstat forecast -p %d --window 0.5 --for %d -o json", pid,
			  LIFE);
	json_error_t e;
	json_t *json = json_loads(out, 0, &e);

	if (!json)
		bail("no forecast: %s", out);
	ok(!strcmp(json_string_value(json_object_get(first_of(json, "forecast"), "verdict")),
		   expected),
	   "verdict: %s", expected);
	ok(strstr(json_string_value(json_object_get(json, "sentence")), sentence), "%s",
	   json_string_value(json_object_get(json, "sentence")));
	json_decref(json);
	free(out);
}

static uint64_t meminfo(const char *key)
{
	uint64_t n;

	if (procfs_figure("/proc/meminfo", key, &n))
		bail("no %s", key);
	return n;
}

static void limits(pid_t pid)
{
	char number[32];
	uint64_t ratio;

	verdict(pid, "fits", "it fits.");
	run("mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup");
	run("echo +memory >/sys/fs/cgroup/cgroup.subtree_control");
	run("mkdir -p /sys/fs/cgroup/forecast/inner");
	set_file("/sys/fs/cgroup/forecast/memory.max", "2M");
	snprintf(number, sizeof(number), "%d", pid);
	set_file("/sys/fs/cgroup/forecast/inner/cgroup.procs", number);
	verdict(pid, "killed", "it would be killed.");
	set_file("/sys/fs/cgroup/cgroup.procs", number);
	run("rmdir /sys/fs/cgroup/forecast/inner /sys/fs/cgroup/forecast");

	if (procfs_figure("/proc/sys/vm/overcommit_ratio", NULL, &ratio))
		bail("no overcommit_ratio");
	snprintf(number, sizeof(number), "%lu", (meminfo("Committed_AS") + N * PAGE - 2048) / 1024);
	set_file("/proc/sys/vm/overcommit_kbytes", number);
	set_file("/proc/sys/vm/overcommit_memory", "2");
	verdict(pid, "no fork", "A save would fail: for fork, the kernel must promise");
	set_file("/proc/sys/vm/overcommit_memory", "0");
	snprintf(number, sizeof(number), "%lu", ratio);
	set_file("/proc/sys/vm/overcommit_ratio", number);
}

/* Without debugfs, huge pages cannot be split, and it says what to do. */
static void no_debugfs(pid_t pid)
{
	int status;
	char *out = shell(&status,
			  "unshare -m sh -c 'umount /sys/kernel/debug; "
			  "exec cowstat forecast -p %d --split-huge 2>&1'",
			  pid);

	ok(status == 1 && strstr(out, "mount -t debugfs"), "without debugfs: %s", out);
	free(out);
}

static void compare_all(void)
{
	json_t *json[NR_LOADS];
	int i;

	for (i = 0; i < nr_loads; i++) {
		writer[i].load = i;
		writer[i].orders = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (writer[i].orders == MAP_FAILED)
			bail("mmap");
		writer[i].pid = start_child(work, &writer[i]);
	}
	for (i = 0; i < nr_loads; i++)
		while (!writer[i].orders->ready)
			usleep(TICK_US);
	if (nr_loads > HUGE) {
		run("mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug");
		no_debugfs(writer[HUGE].pid);
	}
	forecast_all(json);
	limits(writer[UNIFORM].pid);
	for (i = 0; i < nr_loads; i++)
		writer[i].orders->fork = true;
	for (i = 0; i < nr_loads; i++)
		wait_child(writer[i].pid);
	for (i = 0; i < nr_loads; i++) {
		compare(i, json[i]);
		json_decref(json[i]);
	}
}

/* What is refused, with which status and which words. */
static void refusals(void)
{
	static const struct {
		const char *command, *says;
		int status;
	} cases[] = {
		{ "cowstat forecast", "give -p PID", 2 },
		{ "cowstat forecast -p 1,2", "give -p PID", 2 },
		{ "cowstat forecast -p SELF", "cowstat itself", 2 },
		{ "cowstat forecast -p 1 --for 0", "give seconds", 2 },
		{ "cowstat forecast -p 1 --window x", "give seconds", 2 },
		{ "cowstat forecast -p 1 -o json --openmetrics", "choose one", 2 },
		{ "cowstat forecast -p 1 2", "unexpected argument", 2 },
		{ "cowstat forecast -p 4194303", "there is no such process", 1 },
		{ "cowstat forecast -p 2", "has no memory", 1 },
		{ "setpriv --reuid=65534 --clear-groups cowstat forecast -p 1", "no permission",
		  1 },
		{ "sh -c 'mount --bind /dev/null /proc/$$/clear_refs; exec cowstat forecast -p 1'",
		  "CONFIG_MEM_SOFT_DIRTY", 1 },
		{ "sh -c 'sleep 1 & exec cowstat forecast -p $! --window 3'",
		  "exited while it was watched", 1 },
		{ "sh -c '(sleep 1; exec sleep 9) & exec cowstat forecast -p $! --window 2'",
		  "started another program", 1 },
	};
	size_t i;
	int status;
	char *out;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out = shell(&status, "%s 2>&1", cases[i].command);
		ok(strstr(out, cases[i].says) && status == cases[i].status,
		   "%s: \"%s\", status %d%s%s", cases[i].command, cases[i].says, status,
		   strstr(out, cases[i].says) ? "" : ", it says: ",
		   strstr(out, cases[i].says) ? "" : out);
		free(out);
	}
}

int main(void)
{
	seed_random();
	start_row();
	if (!has_thp())
		nr_loads = HUGE;
	else if (kernel_before(6, 1)) /* no MADV_COLLAPSE; before 5.13 it splits all or nothing */
		nr_loads = SPLIT;
	compare_all();
	refusals();
	return done();
}
