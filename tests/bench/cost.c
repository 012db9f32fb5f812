// SPDX-License-Identifier: GPL-2.0
/*
 * What a fault, a fork or an exec costs as things are now, so that two runs tell what it is
 * that stands between them. Each event is measured by itself and the median taken, so that
 * a timer's interrupt, or a page list that had to be filled again, falls out.
 *
 * In a VM whose clock counts instructions (scripts/vm/run -i) the time stamp counter is the
 * number of instructions executed so far: a difference of two is exact. Elsewhere the
 * figures are nanoseconds.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "clock.h"
#include "region.h"
#include "uapi/cowstat.h"

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof(*(a)))

#define WARM_UPS		2	/* runs that are not told */
#define FAULTS			1000	/* of a kind in each run */
#define FAULT_AROUND		16	/* pages that a fault in the page cache maps */
#define FORKS			15	/* of a small process in each run */

static bool in_instructions;

/*
 * Measurements of one thing. They stand in shared memory: noting one never faults. A child
 * leaves their number behind the last.
 */
static struct {
	uint64_t *at;
	size_t nr;
} figures;

static uint64_t now(void)
{
	return in_instructions ? __rdtsc() : now_ns();
}

static void note_since(uint64_t begin)
{
	uint64_t end = now();

	figures.at[figures.nr++] = end - begin;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median and mean of what was noted. */
static void print_figures(const char *what, int run)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < figures.nr; i++)
		sum += figures.at[i];
	qsort(figures.at, figures.nr, sizeof(*figures.at), compare);
	printf("%s %d %llu %llu\n", what, run, (unsigned long long)figures.at[figures.nr / 2],
	       (unsigned long long)(sum / figures.nr));
	fflush(stdout);
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		errx(EXIT_FAILURE, "a child failed");
}

/* Write to each page, each write measured. */
static void write_each(const struct region *r)
{
	size_t i;

	for (i = 0; i < r->pages; i++) {
		volatile unsigned char *page = r->start + i * COWSTAT_PAGE_BYTES;
		uint64_t begin = now();

		*page = 3;
		note_since(begin);
	}
}

static void map(struct region *r, size_t pages)
{
	if (region_map(r, pages * COWSTAT_PAGE_BYTES, PAGES_4K))
		exit(EXIT_FAILURE);
}

/* A child shares the pages for as long as they are written. */
static void copying_fault(void)
{
	struct region r;
	int gate[2];
	char byte;
	pid_t pid;

	map(&r, FAULTS);
	region_fill(&r);
	if (pipe(gate))
		err(EXIT_FAILURE, "pipe");
	pid = fork();
	if (!pid) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) ? 1 : 0);
	}
	write_each(&r);
	close(gate[0]);
	close(gate[1]);
	wait_for(pid);
	region_unmap(&r);
}

/*
 * The same, each the first on this CPU after another process has faulted there: the child that
 * shares the pages copies one of its own in between.
 */
static void copying_after_another(void)
{
	struct region ours, others;
	int go[2], done[2];
	char byte = 0;
	size_t i;
	pid_t pid;

	map(&ours, FAULTS);
	map(&others, FAULTS);
	region_fill(&ours);
	region_fill(&others);
	if (pipe(go) || pipe(done))
		err(EXIT_FAILURE, "pipe");
	pid = fork();
	if (!pid) {
		close(go[1]);
		for (i = 0; read(go[0], &byte, 1) == 1; i++) {
			((volatile unsigned char *)others.start)[i * COWSTAT_PAGE_BYTES] = 3;
			if (write(done[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(go[0]);
	for (i = 0; i < ours.pages; i++) {
		volatile unsigned char *page = ours.start + i * COWSTAT_PAGE_BYTES;
		uint64_t begin;

		if (write(go[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
			err(EXIT_FAILURE, "the other process");
		begin = now();
		*page = 3;
		note_since(begin);
	}
	close(go[1]);
	close(done[0]);
	close(done[1]);
	wait_for(pid);
	region_unmap(&ours);
	region_unmap(&others);
}

/* A child writes the pages of its parent, which still has them. */
static void inherited_fault(void)
{
	struct region r;
	pid_t pid;

	map(&r, FAULTS);
	region_fill(&r);
	pid = fork();
	if (!pid) {
		struct sched_param param = { .sched_priority = 1 };

		if (sched_setscheduler(0, SCHED_FIFO, &param))
			_exit(1);
		write_each(&r);
		figures.at[FAULTS] = figures.nr;
		_exit(0);
	}
	wait_for(pid);
	figures.nr = figures.at[FAULTS];
	region_unmap(&r);
}

/* The child that shared the pages is gone: their only owner writes them. */
static void reusing_fault(void)
{
	struct region r;
	pid_t pid;

	map(&r, FAULTS);
	region_fill(&r);
	pid = fork();
	if (!pid)
		_exit(0);
	wait_for(pid);
	write_each(&r);
	region_unmap(&r);
}

static void first_touch(void)
{
	struct region r;

	map(&r, FAULTS);
	write_each(&r);
	region_unmap(&r);
}

/* A private mapping of a file in the page cache. The file is made once and kept in @fd. */
static void *map_private_file(int *fd, size_t bytes)
{
	void *file;

	if (*fd < 0) {
		*fd = memfd_create("file", MFD_CLOEXEC);
		if (*fd < 0 || posix_fallocate(*fd, 0, bytes))
			err(EXIT_FAILURE, "a file of %zu bytes in memory", bytes);
	}
	file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, *fd, 0);
	if (file == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	return file;
}

/* Pages of a file in the page cache, read through a private mapping: no copy is made. */
static void file_fault(void)
{
	static int fd = -1;
	size_t i, bytes = FAULTS * FAULT_AROUND * COWSTAT_PAGE_BYTES;
	const volatile char *file = map_private_file(&fd, bytes);

	for (i = 0; i < FAULTS; i++) {
		uint64_t begin = now();

		(void)file[i * FAULT_AROUND * COWSTAT_PAGE_BYTES];
		note_since(begin);
	}
	munmap((void *)file, bytes);
}

/* The first write to a page of a private file mapping: a copy straight from the page cache. */
static void private_fault(void)
{
	static int fd = -1;
	size_t i, bytes = FAULTS * COWSTAT_PAGE_BYTES;
	volatile char *file = map_private_file(&fd, bytes);

	for (i = 0; i < FAULTS; i++) {
		uint64_t begin = now();

		file[i * COWSTAT_PAGE_BYTES] = 3;
		note_since(begin);
	}
	munmap((void *)file, bytes);
}

/* The call, in the parent; a real-time parent is not preempted by its child. */
static void forks_of(size_t mib, int times)
{
	static struct region r;

	if (r.pages != mib * 256) { /* filled once for all runs */
		if (r.pages)
			region_unmap(&r);
		map(&r, mib * 256);
		if (region_populate(&r))
			err(EXIT_FAILURE, "no %zu MB of memory", mib);
	}
	while (times--) {
		uint64_t begin = now();
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		note_since(begin);
		wait_for(pid);
	}
}

static void fork_1(void)
{
	forks_of(1, FORKS);
}

static void fork_64(void)
{
	forks_of(64, FORKS);
}

static void fork_500(void)
{
	forks_of(500, 1);
}

/* From the fork until the program has run and is gone. */
static void fork_exec(void)
{
	int i;

	for (i = 0; i < FORKS; i++) {
		uint64_t begin = now();
		pid_t pid = fork();

		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		wait_for(pid);
		note_since(begin);
	}
}

/* Processes that begin and end, each of which leaves a row. */
static void beget(unsigned long nr)
{
	pid_t pid;

	while (nr--) {
		pid = vfork();
		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

/* A whole file, from open() to its end. */
static void read_file(const char *path)
{
	static char buffer[1 << 17];
	uint64_t begin;
	ssize_t n;
	int fd;

	memset(buffer, 0, sizeof(buffer)); /* reading into it does not fault */
	begin = now();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(EXIT_FAILURE, "%s", path);
	do {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			err(EXIT_FAILURE, "%s", path);
	} while (n);
	close(fd);
	note_since(begin);
}

static const struct {
	const char *name;
	void (*measure)(void);
} cases[] = {
	{ "copying", copying_fault },
	{ "switched", copying_after_another },
	{ "inherited", inherited_fault },
	{ "reusing", reusing_fault },
	{ "first_touch", first_touch },
	{ "file", file_fault },
	{ "private", private_fault },
	{ "fork_exec", fork_exec },
	{ "fork_1M", fork_1 },
	{ "fork_64M", fork_64 },
	{ "fork_500M", fork_500 },
};

static void usage(void)
{
	size_t i;

	fprintf(stderr,
		"usage: cost [-i] [-r RUNS] [CASE...]\n"
		"       cost [-i] [-r RUNS] -f FILE\n"
		"       cost -p PROCESSES\n"
		"Measure and print, a line a run: CASE RUN MEDIAN MEAN, in nanoseconds, or with\n"
		"-i in instructions, where the time stamp counter counts them (scripts/vm/run -i).\n"
		"With -f, what it costs to read FILE; with -p, let so many processes begin and end.\n"
		"Cases:");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		fprintf(stderr, " %s", cases[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

static bool is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct sched_param param = { .sched_priority = 1 };
	cpu_set_t cpus;
	const char *file = NULL;
	int opt, run, runs = 5;
	size_t i;

	while ((opt = getopt(argc, argv, "f:ip:r:")) != -1) {
		switch (opt) {
		case 'f':
			file = optarg;
			break;
		case 'p':
			beget(strtoul(optarg, NULL, 10));
			return 0;
		case 'i':
			in_instructions = true;
			break;
		case 'r':
			runs = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	/* One CPU, and nobody else on it while we measure; children are ordinary tasks. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		err(EXIT_FAILURE, "cannot become a real-time task of CPU 0 (be root)");
	figures.at = mmap(NULL, (FAULTS + 1) * sizeof(*figures.at), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (figures.at == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");

	for (run = 1; file && run <= runs; run++) {
		read_file(file);
		print_figures("read", run);
		figures.nr = 0;
	}
	for (i = 0; !file && i < ARRAY_SIZE(cases); i++) {
		if (!is_wanted(cases[i].name, argv + optind))
			continue;
		for (run = 1 - WARM_UPS; run <= runs; run++) {
			cases[i].measure();
			if (run > 0)
				print_figures(cases[i].name, run);
			figures.nr = 0;
		}
	}
	return 0;
}
