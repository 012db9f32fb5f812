// SPDX-License-Identifier: GPL-2.0
/* Workloads that fork and then write to memory that parent and children share. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"
#include "uapi/cowstat.h"
#include "workload.h"

/* Write one byte to each of the pages. Return: nanoseconds for all of them. */
static uint64_t write_pages(const struct region *r, const uint32_t *page, size_t nr)
{
	uint64_t begin = now_ns();
	size_t i;

	for (i = 0; i < nr; i++)
		((volatile unsigned char *)r->start)[page[i] * COWSTAT_PAGE_BYTES] = 2;
	return now_ns() - begin;
}

/**
 * struct sync_pipes - two pipes between a parent and its children
 * @reports: each child writes a report when it has done its work
 * @release: the children wait until the parent closes its end
 */
struct sync_pipes {
	int reports[2];
	int release[2];
};

/* What a child reports: its number, and the time that its writes took. */
struct report {
	uint64_t child;
	uint64_t ns;
};

static int sync_open(struct sync_pipes *p)
{
	if (pipe2(p->reports, O_CLOEXEC)) {
		warn("cannot make a pipe");
		return -1;
	}
	if (pipe2(p->release, O_CLOEXEC)) {
		warn("cannot make a pipe");
		close(p->reports[0]);
		close(p->reports[1]);
		return -1;
	}
	return 0;
}

/* In the parent: let all children go on. */
static void sync_release(struct sync_pipes *p)
{
	close(p->reports[0]);
	close(p->release[1]);
}

/* In the parent, when all children have been forked: close the children's ends. */
static void sync_close_child_ends(struct sync_pipes *p)
{
	close(p->reports[1]);
	close(p->release[0]);
}

/* In a child: wait until the parent calls sync_release(). */
static void sync_wait_release(struct sync_pipes *p)
{
	char end;

	close(p->release[1]);
	if (read(p->release[0], &end, 1))
		_exit(EXIT_FAILURE);
}

/* In a child. Closing its end lets the parent read an end of file after the last report. */
static void sync_report(struct sync_pipes *p, uint64_t child, uint64_t ns)
{
	struct report report = { child, ns };

	if (write(p->reports[1], &report, sizeof(report)) != sizeof(report))
		_exit(EXIT_FAILURE);
	close(p->reports[1]);
}

/* In the parent: read the next report. False when no child is left that could write one. */
static bool sync_read_report(struct sync_pipes *p, struct report *report)
{
	return read(p->reports[0], report, sizeof(*report)) == sizeof(*report);
}

/* Wait for a child that should exit with status 0. Return: 0, or -1 after an error message. */
static int wait_success(pid_t pid)
{
	int status = wait_exit(pid);

	if (status > 0)
		warnx("child %d failed: wait status 0x%x", pid, status);
	return status ? -1 : 0;
}

/**
 * fork_write() - fork, then write to pages that both processes share
 * @r: the memory
 * @page: numbers of the pages to write to, in this order
 * @nr: how many
 * @writers: set of enum writer; the child writes first, and exits after all writes
 * @out: the child, which has exited, and the times; valid on success
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int fork_write(const struct region *r, const uint32_t *page, size_t nr, unsigned int writers,
	       struct written *out)
{
	struct report report = {};
	struct sync_pipes pipes;

	if (sync_open(&pipes))
		return -1;
	out->pid = fork();
	if (!out->pid) {
		sync_report(&pipes, 0, write_pages(r, page, writers & WRITER_CHILD ? nr : 0));
		sync_wait_release(&pipes);
		_exit(EXIT_SUCCESS);
	}
	if (out->pid < 0)
		warn("cannot fork");
	sync_close_child_ends(&pipes);
	out->parent_ns = 0;
	if (sync_read_report(&pipes, &report) && writers & WRITER_PARENT)
		out->parent_ns = write_pages(r, page, nr);
	out->child_ns = report.ns;
	sync_release(&pipes);
	return out->pid < 0 ? -1 : wait_success(out->pid);
}

__attribute__((noreturn)) static void run_worker(const struct region *r, const uint32_t *page,
						 size_t nr, size_t number, struct sync_pipes *start,
						 struct sync_pipes *pipes)
{
	sync_wait_release(start);
	sync_report(pipes, number, write_pages(r, page, nr));
	sync_wait_release(pipes);
	_exit(EXIT_SUCCESS);
}

/**
 * prefork() - fork several children that live at the same time and all write
 * @r: the memory
 * @page: numbers of the pages that each of them writes to, in this order
 * @nr: how many
 * @worker: the children, which have exited, and the times; valid on success
 * @workers: how many
 *
 * The first child writes after the last one has been forked. All live until all have
 * written, and the parent writes nothing. So every write is to a shared page.
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int prefork(const struct region *r, const uint32_t *page, size_t nr, struct worker *worker,
	    size_t workers)
{
	struct sync_pipes start, pipes;
	size_t i, forked, reports;
	struct report report;
	uint64_t begin;
	int ret = 0;

	if (sync_open(&start))
		return -1;
	if (sync_open(&pipes)) {
		sync_close_child_ends(&start);
		sync_release(&start);
		return -1;
	}
	for (forked = 0; forked < workers; forked++) {
		begin = now_ns();
		worker[forked].pid = fork();
		worker[forked].call_ns = now_ns() - begin;
		if (!worker[forked].pid)
			run_worker(r, page, nr, forked, &start, &pipes);
		if (worker[forked].pid < 0) {
			warn("cannot fork worker %zu", forked + 1);
			ret = -1;
			break;
		}
	}
	sync_close_child_ends(&start);
	sync_close_child_ends(&pipes);
	sync_release(&start);
	for (reports = 0; reports < forked && sync_read_report(&pipes, &report); reports++)
		worker[report.child].write_ns = report.ns;
	sync_release(&pipes);
	for (i = 0; i < forked; i++)
		ret |= wait_success(worker[i].pid);
	return ret;
}

#define TICK_NS		1000000		/* how often both sides of a snapshot read the clock */

static void sleep_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TICK_NS }, NULL);
}

/* The part of @all that must be done after @elapsed of @duration; all of it at the end. */
static uint64_t due(uint64_t all, uint64_t elapsed, uint64_t duration)
{
	return elapsed >= duration ? all : (unsigned __int128)all * elapsed / duration;
}

/* The snapshot's child: read all pages, at an even pace. */
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
 * next_random() - a pseudo-random number; the sequence is the same in every run
 * @state: position in the sequence; any value to begin with
 * @below: the result is less than this
 *
 * Return: the next number.
 */
uint32_t next_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}

/* True when sync_read_report() would not wait: there is a report, or an end of file. */
static bool sync_has_report(struct sync_pipes *p)
{
	struct pollfd poll_fd = { .fd = p->reports[0], .events = POLLIN };

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

/* The snapshot's parent: write at the given rate until the child has read all pages. */
static void write_at_rate(const struct region *r, struct snapshot *s, unsigned char *seen,
			  struct sync_pipes *pipes)
{
	uint64_t begin = now_ns(), next_sample = 0, state = 1;

	while (!sync_has_report(pipes)) {
		s->elapsed_ns = now_ns() - begin;
		/* Sample before writing, so that the first sample shows no writes. */
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
 * @s: parameters and results
 *
 * The child lives until the parent has made its last write. So every first write to a page
 * is a write to a shared page.
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int snapshot(const struct region *r, struct snapshot *s)
{
	size_t bytes = r->pages / 8 + 1;
	struct sync_pipes pipes;
	unsigned char *seen;
	uint64_t begin;

	s->writes = 0;
	s->distinct = 0;
	/* MAP_SHARED: our own records must not cause copies. */
	seen = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED) {
		warn("cannot map %zu bytes", bytes);
		return -1;
	}
	if (sync_open(&pipes)) {
		munmap(seen, bytes);
		return -1;
	}
	begin = now_ns();
	s->pid = fork();
	s->call_ns = now_ns() - begin;
	if (!s->pid) {
		read_slowly(r, s->duration_ns);
		sync_report(&pipes, 0, 0);
		sync_wait_release(&pipes);
		_exit(EXIT_SUCCESS);
	}
	if (s->pid < 0)
		warn("cannot fork");
	sync_close_child_ends(&pipes);
	if (s->pid > 0)
		write_at_rate(r, s, seen, &pipes);
	sync_release(&pipes);
	munmap(seen, bytes);
	return s->pid < 0 ? -1 : wait_success(s->pid);
}
