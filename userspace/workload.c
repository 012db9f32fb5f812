// SPDX-License-Identifier: GPL-2.0
/* What cowbench does to a kernel. Children do next to nothing between fork and exec. */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "uapi/cowstat.h"
#include "workload.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

#define EXIT_NO_COPY		126	/* a child that could not copy its memory */
#define EXIT_NO_EXEC		127	/* a child that could not exec, as in a shell */

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
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
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
 * region_map() - map private anonymous memory, without huge pages, without touching it
 * @r: the region, to be unmapped with region_unmap()
 * @bytes: its size; a part of a page counts as a page
 *
 * Return: 0, or -1 after saying why on stderr.
 */
int region_map(struct region *r, uint64_t bytes)
{
	void *start;

	r->pages = bytes / COWSTAT_PAGE_BYTES + !!(bytes % COWSTAT_PAGE_BYTES);
	start = mmap(NULL, region_bytes(r), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED) {
		warn("cannot map %llu bytes; try a smaller --size",
		     (unsigned long long)region_bytes(r));
		return -1;
	}
	/* Fails only on kernels without huge pages, which need no telling. */
	madvise(start, region_bytes(r), MADV_NOHUGEPAGE);
	r->start = start;
	return 0;
}

/**
 * region_unmap() - give a region's memory back
 * @r: the region
 */
void region_unmap(struct region *r)
{
	munmap(r->start, region_bytes(r));
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
 * launch() - start a program and wait until it has exited
 * @way: how to start it
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
	}
	out->call_ns = now_ns() - begin;
	if (out->pid < 0) {
		warn("cannot start %s", path);
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

/* The child: write, tell how long it took, live on until the parent closes its end. */
__attribute__((noreturn))
static void write_as_child(const struct region *r, const uint32_t *page, size_t nr, int done,
			   int go)
{
	uint64_t ns = write_pages(r, page, nr);
	char end;

	if (write(done, &ns, sizeof(ns)) != sizeof(ns) || read(go, &end, 1))
		_exit(1);
	_exit(0);
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
	int done[2], go[2], status;
	bool told;

	if (pipe(done)) {
		warn("cannot make a pipe");
		return -1;
	}
	if (pipe(go)) {
		warn("cannot make a pipe");
		close(done[0]);
		close(done[1]);
		return -1;
	}
	out->pid = fork();
	if (!out->pid) {
		close(go[1]);
		write_as_child(r, page, writers & WRITER_CHILD ? nr : 0, done[1], go[0]);
	}
	close(go[0]);
	close(done[1]);
	if (out->pid < 0) {
		warn("cannot fork");
		close(go[1]);
		close(done[0]);
		return -1;
	}
	told = read(done[0], &out->child_ns, sizeof(out->child_ns)) == sizeof(out->child_ns);
	out->parent_ns = told && writers & WRITER_PARENT ? write_pages(r, page, nr) : 0;
	close(go[1]);
	close(done[0]);
	status = await(out->pid);
	if (status < 0)
		return -1;
	if (status || !told) {
		warnx("child %d could not tell that it had written", out->pid);
		return -1;
	}
	return 0;
}
