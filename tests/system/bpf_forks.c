// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * cowtrace --forks, over forks of each kind: which mapping the time goes to, what was shared,
 * swapped out, pinned, who called, and forks that fail. The table of the module has the same forks.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

#ifndef MADV_POPULATE_WRITE /* it is not run where the kernel has none: it needs BPF */
#define MADV_POPULATE_WRITE 23
#endif

#define GROUP		"/sys/fs/cgroup/cowtrace-forks"
#define OVERCOMMIT	"/proc/sys/vm/overcommit_"
#define OUT		"/tmp/forks.out"
#define LARGE		(512UL << 20)
#define SLACK		(64UL << 20)
#define SWAPPED		307
#define PINNED		211
#define HUGE		3	/* pages of 2 MiB */
#define MAPPINGS	50
#define PART		256UL	/* pages of each but the large one: 50 MiB in all */
#define BIG		115200	/* 450 MiB: nine tenths of 500 MiB */
#define FEW		5003

static pid_t *child_of; /* by step; shared */
static size_t step;	/* that runs */

/* --- the forks ------------------------------------------------------------------------------ */

static void forked(pid_t pid)
{
	child_of[step] = pid;
	wait_child(pid);
}

/* Each step has a fork of its own, so that the step is its caller. */
#define FORK()	({			\
	pid_t forked_pid = fork();	\
	if (!forked_pid)		\
		_exit(0);		\
	forked_pid;			\
})

static void populate(char *pages, size_t n)
{
	if (madvise(pages, n * PAGE, MADV_POPULATE_WRITE))
		bail("MADV_POPULATE_WRITE: errno %d", errno);
}

/* Fork with MAPPINGS mappings of which the first has @big pages. */
static void fork_mappings(size_t big, size_t times)
{
	char *pages[MAPPINGS];
	size_t i;

	for (i = 0; i < MAPPINGS; i++) {
		pages[i] = map_untouched(i ? PART : big);
		populate(pages[i], i ? PART : big);
	}
	/* The shortest of several: the machine may have other work to do. */
	for (i = 0; i < times; i++)
		forked(FORK());
	for (i = 0; i < MAPPINGS; i++)
		munmap(pages[i], (i ? PART : big) * PAGE);
}

static void many(void)
{
	fork_mappings(BIG, 3);
}

static void few(void)
{
	fork_mappings(FEW, 1);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	forked(pid);
}

static void by_spawn(void)
{
	char *const argv[] = { "true", NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL))
		bail("posix_spawn: errno %d", errno);
	forked(pid);
}

static void *in_thread(void *arg)
{
	forked(FORK());
	return arg;
}

static void by_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, NULL))
		bail("no thread");
	pthread_join(thread, NULL);
}

static void swapped(void)
{
	char *pages = map_pages(SWAPPED);
	size_t out = 0, i;

	for (int tries = 0; tries < 100 && out < SWAPPED; tries++) {
		if (madvise(pages, SWAPPED * PAGE, MADV_PAGEOUT))
			bail("MADV_PAGEOUT: errno %d", errno);
		for (i = 0, out = 0; i < SWAPPED; i++)
			out += !!(pagemap_of(getpid(), pages + i * PAGE) & PAGEMAP_SWAPPED);
	}
	forked(FORK());
	munmap(pages, SWAPPED * PAGE);
}

static void pinned(void)
{
	struct iovec iov = { map_pages(PINNED), PINNED * PAGE };
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		bail("io_uring: errno %d", errno);
	forked(FORK());
	close(ring);
	munmap(iov.iov_base, PINNED * PAGE);
}

static void hugetlb(void)
{
	size_t len = HUGE * (2UL << 20);
	char *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (pages == MAP_FAILED)
		bail("no hugetlb pages: errno %d", errno);
	memset(pages, 1, len);
	forked(FORK());
	munmap(pages, len);
}

static void shmem(void)
{
	int fd = memfd_create("some-shmem", 0);
	char *pages;

	if (fd < 0 || ftruncate(fd, FEW * PAGE))
		bail("no memfd: errno %d", errno);
	pages = mmap(NULL, FEW * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	write_pages(pages, FEW);
	forked(FORK());
	munmap(pages, FEW * PAGE);
	close(fd);
}

static __attribute__((noinline)) void fails(int error)
{
	if (FORK() >= 0 || errno != error)
		bail("fork did not fail with errno %d", error);
}

static void eagain(void)
{
	set_file(GROUP "/cgroup.procs", "0");
	fails(EAGAIN);
	set_file("/sys/fs/cgroup/cgroup.procs", "0");
}

static void enomem(void)
{
	void *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	set_file(OVERCOMMIT "memory", "2");
	fails(ENOMEM);
	set_file(OVERCOMMIT "memory", "1");
	munmap(large, LARGE);
}

static const struct step {
	const char *name;
	void (*run)(void);
	const char *kind;
	const char *error;
	const char *caller;
} steps[] = {
	{ "vfork", by_vfork, "vfork", NULL, "by_vfork" },
	{ "spawn", by_spawn, "vfork", NULL, "by_spawn" },
	{ "thread", by_thread, "fork", NULL, "in_thread" },
	{ "swapped", swapped, "fork", NULL, "swapped" },
	{ "pinned", pinned, "fork", NULL, "pinned" },
	{ "hugetlb", hugetlb, "fork", NULL, "hugetlb" },
	{ "shmem", shmem, "fork", NULL, "shmem" },
	{ "eagain", eagain, "fork", "EAGAIN", "fails" },
	{ "enomem", enomem, "fork", "ENOMEM", "fails" },
	{ "many", many, "fork", NULL, "fork_mappings" },
	{ "few", few, "fork", NULL, "fork_mappings" }, /* from here on: only as a command */
};

#define NR_STEPS	(sizeof(steps) / sizeof(steps[0]))
#define NR_FIRST_STEPS	(NR_STEPS - 1)

static void run_step(const char *name)
{
	for (step = 0; step < NR_STEPS; step++) {
		if (strcmp(name, steps[step].name))
			continue;
		prctl(PR_SET_NAME, name);
		steps[step].run();
		return;
	}
	bail("no step %s", name);
}

/* --- what cowtrace says of them ------------------------------------------------------------------ */

static struct gate go, over;

static void do_steps(void *arg)
{
	(void)arg;
	gate_wait(&go);
	for (size_t i = 0; i < NR_FIRST_STEPS; i++)
		run_step(steps[i].name);
	gate_open(&over);
	pause();
}

static void let_it_fork(void)
{
	gate_open(&go);
	gate_wait(&over);
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static json_t *reports;

static void read_reports(void)
{
	char *text = file_text(OUT), *line, *rest = text;
	json_t *o;

	reports = json_array();
	while ((line = strsep(&rest, "\n")) && *line) {
		o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		if (json_array_append_new(reports, o))
			bail("no JSON: %s", line);
	}
	free(text);
}

/* The report of a step. If it has forked several times, that of the shortest fork. */
static const json_t *report_of(const char *name)
{
	const json_t *found = NULL, *o;
	size_t i;

	for (i = 0; i < json_array_size(reports); i++) {
		o = json_array_get(reports, i);
		if (!strcmp(string(o, "comm"), name) &&
		    (!found || json_number(o, "took_ns") < json_number(found, "took_ns")))
			found = o;
	}
	if (!found)
		bail("no fork of %s", name);
	return found;
}

/* The mapping of this kind that has the most pages. */
static const json_t *largest(const json_t *report, const char *kind, const char *pages)
{
	const json_t *vmas = json_object_get(report, "vmas"), *vma, *found = NULL;
	size_t i;

	for (i = 0; i < json_array_size(vmas); i++) {
		vma = json_array_get(vmas, i);
		if (!strcmp(string(vma, "mapping"), kind) &&
		    (!found || json_number(vma, pages) > json_number(found, pages)))
			found = vma;
	}
	if (!found)
		bail("no mapping %s", kind);
	return found;
}

static uint64_t sum_of(const json_t *report, const char *key)
{
	const json_t *vmas = json_object_get(report, "vmas");
	uint64_t sum = 0;
	size_t i;

	/* null: the exit of copy_page_range() was skipped */
	for (i = 0; i < json_array_size(vmas); i++)
		sum += json_integer_value(json_object_get(json_array_get(vmas, i), key));
	return sum;
}

/* Is this function among the callers? Between them is the C library, without frame pointers. */
static bool has_frame(const json_t *report, const char *function)
{
	const json_t *frames = json_object_get(report, "stack"), *frame;
	size_t i;

	for (i = 0; i < json_array_size(frames); i++) {
		frame = json_array_get(frames, i);
		if (!strcmp(string(frame, "function"), function) &&
		    !strcmp(string(frame, "object"), "bpf_forks"))
			return true;
	}
	return false;
}

/*
 * Debian 12's C library has no symbol for the function in which posix_spawn() calls the kernel, nor
 * unwind tables behind it: the caller is then not known, and the stack says so.
 */
static bool ends_in_libc(const json_t *report)
{
	const json_t *frames = json_object_get(report, "stack");

	return json_is_null(json_object_get(json_array_get(frames, 0), "function")) &&
	       json_is_null(json_object_get(json_array_get(frames, 1), "object"));
}

static void note_stack(const json_t *report)
{
	char *text = json_dumps(json_object_get(report, "stack"), JSON_COMPACT);

	note("its stack: %s", text);
	free(text);
}

static void check_step(size_t i, pid_t pid)
{
	const struct step *s = &steps[i];
	const json_t *report = report_of(s->name);
	bool own_mm = !strcmp(s->kind, "fork");

	is(json_number(report, "pid"), pid, "%s: the forker", s->name);
	is(json_number(report, "tid") != (uint64_t)pid, !strcmp(s->name, "thread"),
	   "%s: its thread", s->name);
	if (strcmp(s->name, "many"))
		is(json_integer_value(json_object_get(report, "child")), s->error ? 0 : child_of[i],
		   "%s: the child", s->name);
	ok(!strcmp(string(report, "kind"), s->kind), "%s: it is a %s", s->name, s->kind);
	ok(!strcmp(string(report, "error"), s->error ?: ""), "%s: error %s", s->name,
	   s->error ?: "none");
	ok((has_frame(report, s->caller) &&
	    has_frame(report, "do_steps") == !!strcmp(s->name, "thread")) ||
		   (!strcmp(s->name, "spawn") && ends_in_libc(report)),
	   "%s: called by %s()", s->name, s->caller);
	if (!has_frame(report, s->caller))
		note_stack(report);
	ok(own_mm == !!json_object_get(report, "anon_pages"), "%s: pages are known", s->name);
	if (own_mm)
		is(sum_of(report, "anon_pages"), json_number(report, "anon_pages"),
		   "%s: its mappings have all its pages", s->name);
}

/* The figures of the table, for the same fork. */
static void check_table(const char *name)
{
	const json_t *report = report_of(name);
	struct cow_row row = row_of(json_number(report, "child"));
	uint64_t took = json_number(report, "took_ns"), fork_ns = VALUE(row, FORK_NS);

	is(json_number(report, "anon_pages"), VALUE(row, BIRTH_ANON_PAGES), "%s: anon_pages", name);
	is(json_number(report, "file_pages"), VALUE(row, BIRTH_FILE_PAGES), "%s: file_pages", name);
	is(json_number(report, "shmem_pages"), VALUE(row, BIRTH_SHMEM_PAGES), "%s: shmem_pages",
	   name);
	is(json_number(report, "swap_entries"), VALUE(row, BIRTH_SWAP_ENTRIES), "%s: swap_entries",
	   name);
	is(json_number(report, "hugetlb_bytes"), VALUE(row, BIRTH_HUGETLB_BYTES),
	   "%s: hugetlb_bytes", name);
	is(json_number(report, "pgtables_bytes"), VALUE(row, BIRTH_PGTABLES_BYTES),
	   "%s: pgtables_bytes", name);
	is(sum_of(report, "pgtables_bytes"), VALUE(row, BIRTH_PGTABLES_BYTES),
	   "%s: its mappings have all page tables", name);
	if (!strcmp(name, "many")) /* of short forks, the tools' own time is a large part */
		ok(took * 100 >= fork_ns * 95 && took * 100 <= fork_ns * 105,
		   "%s: took %" PRIu64 " ns, fork_ns %" PRIu64 ": within 5 %%", name, took,
		   fork_ns);
}

/* 500 MiB in 50 mappings, one of them nine tenths. */
static void check_many(void)
{
	const json_t *report = report_of("many"), *big = largest(report, "anon", "anon_pages");
	const json_t *first = json_array_get(json_object_get(report, "vmas"), 0);
	uint64_t took = json_number(report, "took_ns"), most = json_number(big, "took_ns");
	uint64_t mappings = sum_of(report, "took_ns");

	is(json_number(big, "anon_pages"), BIG, "many: the pages of the large mapping");
	is(json_number(big, "end") - json_number(big, "start"), BIG * PAGE, "many: its size");
	ok(big == first, "many: it took the most time");
	/* The pages are exact; of the time, an emulated CPU may lose a part at any moment. */
	ok(most * 2 > mappings,
	   "many: %" PRIu64 " of %" PRIu64 " ns that the mappings took, most of it", most,
	   mappings);
	ok(mappings <= took && mappings * 4 > took * 3,
	   "many: that is most of a fork of %" PRIu64 " ns", took);
}

static void check_kinds(pid_t pid)
{
	const json_t *report = report_of("swapped"), *vma = largest(report, "anon", "swap_entries");
	struct cow_row row = row_of(pid);

	is(json_number(vma, "swap_entries"), SWAPPED, "swapped: the entries of the mapping");
	report = report_of("pinned");
	vma = largest(report, "anon", "fork_copied");
	is(json_number(vma, "fork_copied"), PINNED, "pinned: the pages that fork copied");
	is(json_number(vma, "anon_pages"), 0, "pinned: the mapping shares none");
	is(json_number(report, "fork_copied"), VALUE(row, FORK_COPIED), "pinned: fork_copied");
	report = report_of("hugetlb");
	vma = largest(report, "hugetlb", "hugetlb_bytes");
	is(json_number(vma, "hugetlb_bytes"), HUGE * (2UL << 20), "hugetlb: its bytes");
	report = report_of("shmem");
	vma = largest(report, "shmem", "anon_pages");
	is(json_number(vma, "anon_pages"), FEW, "shmem: the private pages");
	ok(!strncmp(string(vma, "file"), "memfd:some-shmem", 16), "shmem: its name");
	report = report_of("eagain");
	ok(json_number(report, "anon_pages") > 10, "eagain: it failed when all was copied");
}

static void watched_steps(void)
{
	pid_t pid;

	go = gate_make();
	over = gate_make();
	pid = start_child(do_steps, NULL);
	is(cowtrace_while(let_it_fork, OUT, "--forks --by-vma -o json -p %d", pid), 0,
	   "nothing lost");
	read_reports();
	for (size_t i = 0; i < NR_FIRST_STEPS; i++)
		check_step(i, pid);
	for (size_t i = 0; i < NR_FIRST_STEPS; i++)
		if (!strcmp(steps[i].kind, "fork") && !steps[i].error)
			check_table(steps[i].name);
	check_many();
	check_kinds(pid);
	kill_child(pid);
}

/* Run a command line, and return what it prints. */
static char *output_of(const char *command)
{
	int status;
	char *text = shell(&status, "%s", command);

	is(status, 0, "%s", command);
	return text;
}

static size_t widest_line(const char *text)
{
	size_t widest = 0;

	for (; *text; text += strcspn(text, "\n") + 1)
		widest = strcspn(text, "\n") > widest ? strcspn(text, "\n") : widest;
	return widest;
}

/* Lines of text; this program is the command that is watched. */
static void texts(void)
{
	char *text, *line, function[64], unit[8], mapping[32];
	unsigned int pages, n = 0;

	text = output_of("cowtrace --forks --by-vma --output " OUT
			 " -- $COWSTAT_BUILD/tests/bpf_forks few vfork 2>&1 && cat " OUT);
	line = strstr(text, " few ");
	ok(line &&
		   sscanf(line, " few %*d fork %*s %7s %u %*u %*s 0 %63s <", unit, &pages,
			  function) == 3 &&
		   pages > FEW + (MAPPINGS - 1) * PART && !strcmp(function, "fork_mappings"),
	   "a line for a fork");
	snprintf(mapping, sizeof(mapping), " %% %7d      0 ", FEW);
	line = line ? strstr(line, mapping) : NULL;
	ok(line && strstr(line, " 19.5M anon\n"), "below it, the largest mapping");
	ok(strstr(text, " all else that fork does\n"), "and the rest");
	ok(strstr(text, " vfork           ") &&
		   strstr(text, "       -      -     -      - by_vfork"),
	   "a line for a vfork, whose pages are not known");
	is(widest_line(text) > 100, 0, "none has more than 100 columns");
	if (!line)
		note("it says: %s", text);
	free(text);

	text = output_of("cowtrace --forks --by-caller -C '^(few|vfork)$'"
			 " -- $COWSTAT_BUILD/tests/bpf_forks few vfork spawn 2>&1");
	ok(strstr(text, "\n      1       0      0 ") &&
		   strstr(text, " bpf_forks              fork_m"),
	   "--by-caller: the fork");
	ok(strstr(text, "\n      0       1      0 ") &&
		   strstr(text, " bpf_forks              by_v"),
	   "--by-caller: the vfork");
	ok(!strstr(text, "by_spawn"), "-C: no other name");
	ok(strstr(text, "cowtrace: 2 forks, 0 lost\n"), "two forks");
	is(widest_line(text) > 100, 0, "none has more than 100 columns");
	free(text);

	set_file(GROUP "/pids.max", "max");
	text = output_of("cowtrace --forks --columns kind,child,caller,time --count 1 -G " GROUP
			 " -- sh -c '(true); echo 0 >" GROUP "/cgroup.procs; (true); (true)' 2>&1");
	for (line = text; *line; line += strcspn(line, "\n") + 1)
		n += !strncmp(line, "fork ", 5);
	ok(!strncmp(text, "KIND    CHILD CALLER                         SECONDS\n", 51),
	   "--columns: these");
	is(n, 1, "-G, --count: one of the two forks in the cgroup");
	if (n != 1)
		note("it says: %s", text);
	free(text);
}

static void refused(const char *command, const char *says)
{
	int status;
	char *text = shell(&status, "%s 2>&1", command);

	is(status, 2, "%s", command);
	ok(strstr(text, says), "it says \"%s\"", says);
	free(text);
}

int main(int argc, char **argv)
{
	child_of = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc > 1) {
		while (*++argv)
			run_step(*argv);
		return 0;
	}
	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	let_forks_fail(GROUP, LARGE + SLACK);
	set_huge_pool(2 * HUGE);
	swap_on();
	watched_steps();
	texts();
	refused("cowtrace --by-caller", "--by-caller needs --forks");
	refused("cowtrace --forks --hist", "give only one of --forks, --hist, --stacks");
	refused("cowtrace --forks --outcome copied", "--outcome is for faults");
	refused("cowtrace --forks --columns outcome", "there are time, pid, tid, comm, child,");
	swap_off();
	set_huge_pool(0);
	set_file(OVERCOMMIT "kbytes", "0");
	set_file(OVERCOMMIT "ratio", "50");
	set_file(OVERCOMMIT "memory", "0");
	rmdir(GROUP);
	return done();
}
