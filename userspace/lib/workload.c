// SPDX-License-Identifier: GPL-2.0
/* What cowbench does to a kernel. Children do next to nothing between fork and exec. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"
#include "uapi/cowstat.h"
#include "workload.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

#define EXIT_NO_COPY		126	/* a child that could not copy its memory */
#define EXIT_NO_EXEC		127	/* a child that could not exec, as in a shell */

#define NS_PER_S		1000000000ULL

#define THP			"/sys/kernel/mm/transparent_hugepage/"

#define PROGRESS_AFTER_NS	500000000ULL	/* no progress shown for less */
#define PROGRESS_PAGES		4096		/* looks at the clock that often */

/**
 * now_ns() - what all times here are measured with
 *
 * Return: CLOCK_MONOTONIC in nanoseconds.
 */
uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/**
 * region_bytes() - size of a region
 * @r: the region
 *
 * Return: bytes.
 */
uint64_t region_bytes(const struct region *r)
{
	return r->pages * COWSTAT_PAGE_BYTES;
}

/**
 * page_kind_bytes() - how large a page of a kind is on this machine
 * @kind: the kind
 *
 * Return: bytes; 0 if the kernel has no such pages.
 */
uint64_t page_kind_bytes(enum page_kind kind)
{
	uint64_t bytes = 0;

	switch (kind) {
	case PAGES_THP:
		procfs_figure(THP "hpage_pmd_size", NULL, &bytes);
		return bytes;
	case PAGES_HUGETLB:
		return procfs_meminfo("Hugepagesize");
	default:
		return COWSTAT_PAGE_BYTES;
	}
}

/**
 * thp_refused() - why a region cannot have transparent huge pages
 *
 * Return: a sentence; NULL if it can when it asks.
 */
const char *thp_refused(void)
{
	char choice[16];

	if (procfs_choice(THP "enabled", choice, sizeof(choice)))
		return "this kernel has no transparent huge pages";
	return strcmp(choice, "never") ? NULL :
		"transparent huge pages are switched off. Try: echo madvise | sudo tee " THP "enabled";
}

/* Its huge pages, if it is to have any, are switched on before it is touched. */
static int advise(const struct region *r)
{
	const char *why;

	if (r->kind == PAGES_HUGETLB)
		return 0;
	if (r->kind == PAGES_THP) {
		why = thp_refused();
		if (!why && !madvise(r->start, region_bytes(r), MADV_HUGEPAGE))
			return 0;
		warnx("%s", why ? why : "the kernel refuses huge pages here");
		return -1;
	}
	/* Fails only on kernels without huge pages, which need no telling. */
	madvise(r->start, region_bytes(r), MADV_NOHUGEPAGE);
	return 0;
}

/**
 * region_map() - map private anonymous memory, without touching it
 * @r: the region, to be unmapped with region_unmap()
 * @bytes: its size; a part of a page counts as a page
 * @kind: the pages it is made of
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int region_map(struct region *r, uint64_t bytes, enum page_kind kind)
{
	uint64_t page = page_kind_bytes(kind), start;

	if (!page) {
		warnx("this kernel has no such huge pages; use --page-size 4k");
		return -1;
	}
	bytes = (bytes / page + !!(bytes % page)) * page;
	r->kind = kind;
	r->pages = bytes / COWSTAT_PAGE_BYTES;
	/* hugetlb is aligned by itself; for THP there is room to align. */
	r->mapping_bytes = bytes + (kind == PAGES_THP ? page : 0);
	r->mapping = mmap(NULL, r->mapping_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			  (kind == PAGES_HUGETLB ? MAP_HUGETLB : 0), -1, 0);
	if (r->mapping == MAP_FAILED) {
		warn("cannot map %" PRIu64 " bytes; try a smaller --size", bytes);
		return -1;
	}
	start = (uint64_t)(uintptr_t)r->mapping;
	r->start = (unsigned char *)r->mapping + (kind == PAGES_THP ? -start % page : 0);
	if (advise(r)) {
		region_unmap(r);
		return -1;
	}
	return 0;
}

/**
 * region_huge_bytes() - how much of a region is in huge pages, now that it is filled
 * @r: the region
 *
 * Return: bytes; 0 if the kernel does not say.
 */
uint64_t region_huge_bytes(const struct region *r)
{
	uint64_t kib, bytes = 0;
	uintptr_t from, to, start = (uintptr_t)r->start;
	bool within = false;
	char line[512];
	FILE *f;

	if (r->kind == PAGES_HUGETLB)
		return region_bytes(r);		/* there is no other way */
	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			within = from < start + region_bytes(r) && to > start;
		else if (within && sscanf(line, "AnonHugePages: %" SCNu64 " kB", &kib) == 1)
			bytes += kib * 1024;
	}
	fclose(f);
	return bytes;
}

/**
 * region_unmap() - give a region's memory back
 * @r: the region
 */
void region_unmap(struct region *r)
{
	munmap(r->mapping, r->mapping_bytes);
}

/* On a terminal one line, gone when done; elsewhere a line every quarter. */
static void show_progress(size_t done, size_t all, unsigned int *quarter)
{
	unsigned int percent = done * 100 / all;

	if (isatty(STDERR_FILENO) && done == all)
		fprintf(stderr, "\r%*s\r", (int)sizeof("filling memory: 100 %"), "");
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rfilling memory: %3u %%", percent);
	else if (percent / 25 > *quarter)
		fprintf(stderr, "filling memory: %u %%\n", percent);
	*quarter = percent / 25;
}

/**
 * region_fill() - write to every page of a region
 * @r: the region
 *
 * Shows progress on stderr when it takes long.
 */
void region_fill(const struct region *r)
{
	uint64_t begin = now_ns();
	unsigned int quarter = 0;
	size_t i;

	for (i = 0; i < r->pages; i++) {
		r->start[i * COWSTAT_PAGE_BYTES] = 1;
		if (((i + 1) % PROGRESS_PAGES == 0 || i + 1 == r->pages) &&
		    now_ns() - begin > PROGRESS_AFTER_NS)
			show_progress(i + 1, r->pages, &quarter);
	}
}

static pid_t start_fork(const char *path, char *const *argv, const struct region *copy)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!path)
		_exit(EXIT_SUCCESS);
	if (copy && madvise(copy->start, region_bytes(copy), MADV_POPULATE_WRITE))
		_exit(EXIT_NO_COPY);
	execv(path, argv);
	_exit(EXIT_NO_EXEC);
}

/* A function of its own, with no variable that both returns of vfork() would use. */
__attribute__((noinline))
static pid_t start_vfork(const char *path, char *const *argv)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	execv(path, argv);
	_exit(EXIT_NO_EXEC);
}

static pid_t start_spawn(const char *path, char *const *argv)
{
	pid_t pid;
	int error = posix_spawn(&pid, path, NULL, NULL, argv, environ);

	if (!error)
		return pid;
	errno = error;
	return -1;
}

/* Wait for a child. Return: its wait status, or -1 after saying why. */
static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			warn("cannot wait for child %d", pid);
			return -1;
		}
	}
	if (WIFSIGNALED(status)) {
		warnx("child %d was killed by signal %d (%s)%s", pid, WTERMSIG(status),
		      strsignal(WTERMSIG(status)), WTERMSIG(status) == SIGKILL ?
		      ": perhaps memory ran out; try a smaller --size" : "");
		return -1;
	}
	return status;
}

/**
 * launch() - have a child and wait until it has exited
 * @way: how to have it
 * @r: memory that LAUNCH_EAGER copies in the child, before its exec
 * @path: the program, run without arguments; its exit status does not matter
 * @out: the child and its times; set on success
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int launch(enum launch way, const struct region *r, const char *path, struct launched *out)
{
	char *const argv[] = { (char *)path, NULL };
	uint64_t begin = now_ns();
	int status;

	switch (way) {
	case LAUNCH_FORK:
		out->pid = start_fork(path, argv, NULL);
		break;
	case LAUNCH_VFORK:
		out->pid = start_vfork(path, argv);
		break;
	case LAUNCH_SPAWN:
		out->pid = start_spawn(path, argv);
		break;
	case LAUNCH_EAGER:
		out->pid = start_fork(path, argv, r);
		break;
	case LAUNCH_EXIT:
		out->pid = start_fork(NULL, NULL, NULL);
		break;
	}
	out->call_ns = now_ns() - begin;
	if (out->pid < 0) {
		warn("cannot fork, or start %s", path);
		return -1;
	}
	status = await(out->pid);
	out->exit_ns = now_ns() - begin;
	if (status < 0)
		return -1;
	if (WEXITSTATUS(status) == EXIT_NO_EXEC) {
		warnx("the child could not run %s (exit 127): is that a program, and may you run it?",
		      path);
		return -1;
	}
	if (way == LAUNCH_EAGER && WEXITSTATUS(status) == EXIT_NO_COPY) {
		warnx("the child could not copy its memory with MADV_POPULATE_WRITE: that needs Linux 5.14 and enough free memory; try a smaller --size");
		return -1;
	}
	return 0;
}

/* One byte to each of the pages. Return: nanoseconds for all of them. */
static uint64_t write_pages(const struct region *r, const uint32_t *page, size_t nr)
{
	uint64_t begin = now_ns();
	size_t i;

	for (i = 0; i < nr; i++)
		((volatile unsigned char *)r->start)[page[i] * COWSTAT_PAGE_BYTES] = 2;
	return now_ns() - begin;
}

/**
 * struct line - two pipes between a parent and its children
 * @done: the children tell the parent
 * @go: the children wait until the parent hangs up
 */
struct line {
	int done[2];
	int go[2];
};

/* What a child tells: which one it is, and what its writes took. */
struct told {
	uint64_t child;
	uint64_t ns;
};

static int line_open(struct line *l)
{
	if (pipe2(l->done, O_CLOEXEC)) {
		warn("cannot make a pipe");
		return -1;
	}
	if (pipe2(l->go, O_CLOEXEC)) {
		warn("cannot make a pipe");
		close(l->done[0]);
		close(l->done[1]);
		return -1;
	}
	return 0;
}

static void hang_up(struct line *l)
{
	close(l->done[0]);
	close(l->go[1]);
}

/* In the parent, once all children are there: keep its own ends only. */
static void keep_parents_ends(struct line *l)
{
	close(l->done[1]);
	close(l->go[0]);
}

/* In a child: wait until the parent hangs up. */
static void wait_for_parent(struct line *l)
{
	char end;

	close(l->go[1]);
	if (read(l->go[0], &end, 1))
		_exit(EXIT_FAILURE);
}

/* In a child; it closes its end, so that the parent sees it when nobody is left to tell. */
static void tell(struct line *l, uint64_t child, uint64_t ns)
{
	struct told told = { child, ns };

	if (write(l->done[1], &told, sizeof(told)) != sizeof(told))
		_exit(EXIT_FAILURE);
	close(l->done[1]);
}

/* In the parent. False when no child is left to tell anything. */
static bool hear(struct line *l, struct told *told)
{
	return read(l->done[0], told, sizeof(*told)) == sizeof(*told);
}

/* A child that is to end by itself, and well. Return: 0, or -1 after saying why. */
static int await_good(pid_t pid)
{
	int status = await(pid);

	if (status > 0)
		warnx("child %d did not do its work: status 0x%x", pid, status);
	return status ? -1 : 0;
}

/**
 * fork_write() - fork, and write to pages that both sides share
 * @r: the memory
 * @page: numbers of the pages to write to, in this order
 * @nr: how many
 * @writers: set of enum writer; the child writes first, and lives until all has been written
 * @out: the child, which has exited, and the times; set on success
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int fork_write(const struct region *r, const uint32_t *page, size_t nr, unsigned int writers,
	       struct written *out)
{
	struct told told = {};
	struct line line;

	if (line_open(&line))
		return -1;
	out->pid = fork();
	if (!out->pid) {
		tell(&line, 0, write_pages(r, page, writers & WRITER_CHILD ? nr : 0));
		wait_for_parent(&line);
		_exit(EXIT_SUCCESS);
	}
	if (out->pid < 0)
		warn("cannot fork");
	keep_parents_ends(&line);
	out->parent_ns = 0;
	if (hear(&line, &told) && writers & WRITER_PARENT)
		out->parent_ns = write_pages(r, page, nr);
	out->child_ns = told.ns;
	hang_up(&line);
	return out->pid < 0 ? -1 : await_good(out->pid);
}

__attribute__((noreturn))
static void work(const struct region *r, const uint32_t *page, size_t nr, size_t number,
		 struct line *start, struct line *line)
{
	wait_for_parent(start);
	tell(line, number, write_pages(r, page, nr));
	wait_for_parent(line);
	_exit(EXIT_SUCCESS);
}

/**
 * prefork() - have several children that live together, and each writes
 * @r: the memory
 * @page: numbers of the pages that each of them writes to, in this order
 * @nr: how many
 * @worker: the children, which have exited, and the times; set on success
 * @workers: how many
 *
 * The first writes after the last has been forked; all live until all have written, and
 * the parent writes nothing: so every write is to a page that is shared.
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int prefork(const struct region *r, const uint32_t *page, size_t nr, struct worker *worker,
	    size_t workers)
{
	struct line start, line;
	size_t i, forked, heard;
	struct told told;
	uint64_t begin;
	int ret = 0;

	if (line_open(&start))
		return -1;
	if (line_open(&line)) {
		keep_parents_ends(&start);
		hang_up(&start);
		return -1;
	}
	for (forked = 0; forked < workers; forked++) {
		begin = now_ns();
		worker[forked].pid = fork();
		worker[forked].call_ns = now_ns() - begin;
		if (!worker[forked].pid)
			work(r, page, nr, forked, &start, &line);
		if (worker[forked].pid < 0) {
			warn("cannot fork worker %zu", forked + 1);
			ret = -1;
			break;
		}
	}
	keep_parents_ends(&start);
	keep_parents_ends(&line);
	hang_up(&start);
	for (heard = 0; heard < forked && hear(&line, &told); heard++)
		worker[told.child].write_ns = told.ns;
	hang_up(&line);
	for (i = 0; i < forked; i++)
		ret |= await_good(worker[i].pid);
	return ret;
}

#define TICK_NS		1000000		/* both sides of a snapshot look at the clock that often */

static void sleep_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TICK_NS }, NULL);
}

/* How much of @all is due after @elapsed of @duration; all of it at the end. */
static uint64_t due(uint64_t all, uint64_t elapsed, uint64_t duration)
{
	return elapsed >= duration ? all : (unsigned __int128)all * elapsed / duration;
}

/* The snapshot's child: read every page, at an even pace. */
static void read_slowly(const struct region *r, uint64_t duration)
{
	uint64_t begin = now_ns(), until, done = 0;

	for (;;) {
		until = due(r->pages, now_ns() - begin, duration);
		for (; done < until; done++)
			(void)((volatile unsigned char *)r->start)[done * COWSTAT_PAGE_BYTES];
		if (done == r->pages)
			return;
		sleep_a_tick();
	}
}

/**
 * next_random() - numbers that look random, and are the same in every run
 * @state: where in the sequence we are; anything to begin with
 * @below: the result is less than that
 *
 * Return: the next number.
 */
uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}

/* Is there something to be heard, or nobody left to tell it? */
static bool has_word(struct line *l)
{
	struct pollfd poll_fd = { .fd = l->done[0], .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

static void write_one(const struct region *r, struct snapshot *s, uint64_t *state,
		      unsigned char *seen)
{
	uint32_t page = next_random(state, r->pages);
	uint64_t begin = now_ns(), ns;

	((volatile unsigned char *)r->start)[page * COWSTAT_PAGE_BYTES] = 3;
	ns = now_ns() - begin;
	if (s->write_ns && s->writes < s->max_writes)
		s->write_ns[s->writes] = ns < UINT32_MAX ? ns : UINT32_MAX;
	s->writes++;
	if (!(seen[page / 8] & 1 << page % 8)) {
		seen[page / 8] |= 1 << page % 8;
		s->distinct++;
	}
}

/* The snapshot's parent: write at the rate until the child has read all. */
static void write_at_rate(const struct region *r, struct snapshot *s, unsigned char *seen,
			  struct line *line)
{
	uint64_t begin = now_ns(), next_sample = 0, state = 1;

	while (!has_word(line)) {
		s->elapsed_ns = now_ns() - begin;
		/* A sample first, so that the first one is of nothing written. */
		if (s->elapsed_ns >= next_sample) {
			s->sample(s, s->arg);
			next_sample += s->sample_ns;
		}
		while (s->writes < (unsigned __int128)s->rate * s->elapsed_ns / NS_PER_S)
			write_one(r, s, &state, seen);
		sleep_a_tick();
	}
	s->elapsed_ns = now_ns() - begin;
	s->sample(s, s->arg);
}

/**
 * snapshot() - fork; the child reads all memory slowly while the parent writes to it
 * @r: the memory
 * @s: how, and what came of it
 *
 * The child lives until the last write has been made, so every first write to a page is
 * one to a page that is shared.
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int snapshot(const struct region *r, struct snapshot *s)
{
	size_t bytes = r->pages / 8 + 1;
	struct line line;
	unsigned char *seen;
	uint64_t begin;

	s->writes = 0;
	s->distinct = 0;
	/* Shared, so that keeping books copies nothing. */
	seen = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED) {
		warn("cannot map %zu bytes", bytes);
		return -1;
	}
	if (line_open(&line)) {
		munmap(seen, bytes);
		return -1;
	}
	begin = now_ns();
	s->pid = fork();
	s->call_ns = now_ns() - begin;
	if (!s->pid) {
		read_slowly(r, s->duration_ns);
		tell(&line, 0, 0);
		wait_for_parent(&line);
		_exit(EXIT_SUCCESS);
	}
	if (s->pid < 0)
		warn("cannot fork");
	keep_parents_ends(&line);
	if (s->pid > 0)
		write_at_rate(r, s, seen, &line);
	hang_up(&line);
	munmap(seen, bytes);
	return s->pid < 0 ? -1 : await_good(s->pid);
}
