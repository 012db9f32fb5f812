// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spent.h"

#define NS_PER_S	1000000000ULL

/**
 * spent_on_cow() - time that a process spent on copies and on reusing pages
 * @row: of a process, or a sum; counts, or a difference
 *
 * Return: the time; not known if timing was never on.
 */
struct spent spent_on_cow(const struct cow_row *row)
{
	struct spent s = { row->known[COWSTAT_COL_COPY_NS], 0 };

	if (s.known)
		s.ns = row->value[COWSTAT_COL_COPY_NS] + row->value[COWSTAT_COL_SHOOTDOWN_NS] +
		       row->value[COWSTAT_COL_REUSE_NS];
	return s;
}

/**
 * spent_was_timed() - was timing ever on since counting began?
 * @t: the table
 *
 * Return: true if so; it may be off now.
 */
bool spent_was_timed(const struct cow_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (spent_on_cow(&t->row[i]).known)
			return true;
	return false;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_spent(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;
	int order = compare(spent_on_cow(y).ns, spent_on_cow(x).ns);

	return order ? order : compare(x->pid, y->pid);
}

/**
 * spent_sort() - sort rows by the time that was spent, the most first
 * @row: the rows
 * @nr: how many
 */
void spent_sort(const struct cow_row **row, size_t nr)
{
	qsort(row, nr, sizeof(*row), by_spent);
}

static int by_process(const void *a, const void *b)
{
	const struct run_time *x = a, *y = b;
	int order = compare(x->pid, y->pid);

	return order ? order : compare(x->start_ns, y->start_ns);
}

static const struct run_time *find(const struct run_times *times, pid_t pid, uint64_t start_ns)
{
	const struct run_time key = { .pid = pid, .start_ns = start_ns };

	if (!times->nr)
		return NULL;
	return bsearch(&key, times->of, times->nr, sizeof(key), by_process);
}

static bool read_run_time(pid_t pid, uint64_t *ns)
{
	struct timespec spec;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &spec))
		return false;
	*ns = spec.tv_sec * NS_PER_S + spec.tv_nsec;
	return true;
}

/**
 * run_times_read() - ask the kernel how long live processes ran
 * @t: the table of this machine, read a moment ago
 * @times: to be freed with run_times_free(); empty on error
 *
 * Return: 0 or -ENOMEM.
 */
int run_times_read(const struct cow_table *t, struct run_times *times)
{
	size_t i;

	times->nr = 0;
	times->of = calloc(t->nr + 1, sizeof(*times->of));
	if (!times->of)
		return -ENOMEM;
	for (i = 0; i < t->nr; i++) {
		const struct cow_row *row = &t->row[i];
		struct run_time *to = &times->of[times->nr];

		if (row->kind != COW_ROW_PROCESS || row->state != 'L' ||
		    !read_run_time(row->pid, &to->ns))
			continue;
		to->pid = row->pid;
		to->start_ns = row->value[COWSTAT_COL_START_NS];
		times->nr++;
	}
	qsort(times->of, times->nr, sizeof(*times->of), by_process);
	return 0;
}

/**
 * run_times_since() - how long processes ran since an earlier reading
 * @before: the earlier
 * @since_ns: when that was, on the clock of start_ns
 * @now: the later
 * @difference: to be freed with run_times_free(). A process that lived then but is not in @before
 *	is left out
 *
 * Return: 0 or -ENOMEM.
 */
int run_times_since(const struct run_times *before, uint64_t since_ns, const struct run_times *now,
		    struct run_times *difference)
{
	size_t i;

	difference->nr = 0;
	difference->of = calloc(now->nr + 1, sizeof(*difference->of));
	if (!difference->of)
		return -ENOMEM;
	for (i = 0; i < now->nr; i++) {
		const struct run_time *run = &now->of[i];
		const struct run_time *old = find(before, run->pid, run->start_ns);

		if (!old && run->start_ns < since_ns)
			continue;
		difference->of[difference->nr] = *run;
		difference->of[difference->nr++].ns -= old ? old->ns : 0;
	}
	return 0;
}

/**
 * run_times_free() - give the memory back
 * @times: run times that were read, or all zero; empty afterwards
 */
void run_times_free(struct run_times *times)
{
	free(times->of);
	memset(times, 0, sizeof(*times));
}

/**
 * run_time_of() - how long a process ran
 * @times: where to look; NULL for nowhere
 * @row: the process, or a sum
 *
 * Return: its run time; not known of sums and of processes that have exited.
 */
struct spent run_time_of(const struct run_times *times, const struct cow_row *row)
{
	const struct run_time *found = NULL;

	if (times && row->kind == COW_ROW_PROCESS)
		found = find(times, row->pid, row->value[COWSTAT_COL_START_NS]);
	return (struct spent){ found, found ? found->ns : 0 };
}
