// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "procfs.h"
#include "workers.h"

#define WORTH_PAGES	256	/* fewer than these, a MiB, are not worth a change of the server */

/* Is it the row of this process, and not of another one with the same pid? */
static bool is_row_of(const struct cow_row *row, const struct worker_process *process)
{
	return row && row->state == 'L' && row->known[COWSTAT_COL_START_NS] &&
	       row->value[COWSTAT_COL_START_NS] / PROCFS_START_STEP_NS ==
		       process->start_ns / PROCFS_START_STEP_NS;
}

static struct worker *find(struct workers *w, const struct worker_process *process)
{
	size_t i;

	for (i = 0; i < w->nr; i++)
		if (w->worker[i].pid == process->pid && w->worker[i].start_ns == process->start_ns)
			return &w->worker[i];
	return NULL;
}

static struct worker *add(struct workers *w, const struct worker_process *process)
{
	size_t room = w->room ? 2 * w->room : 16;
	struct worker *worker;

	if (w->nr == w->room) {
		worker = reallocarray(w->worker, room, sizeof(*worker));
		if (!worker)
			return NULL;
		w->worker = worker;
		w->room = room;
	}
	worker = &w->worker[w->nr++];
	*worker = (struct worker){ .pid = process->pid, .start_ns = process->start_ns };
	return worker;
}

static void add_to_trend(struct worker *worker, uint64_t pages)
{
	if (worker->nr_trend == WORKERS_TREND)
		memmove(worker->trend, worker->trend + 1,
			--worker->nr_trend * sizeof(*worker->trend));
	worker->trend[worker->nr_trend++] = pages;
}

/* Take the counts of a worker's row; NULL if it has none. @known: it was there before. */
static void take_row(struct worker *worker, const struct cow_row *row, bool known)
{
	struct share before = worker->copied;

	worker->born = worker->copied = worker->by_master = worker->grew = (struct share){};
	worker->late = !row || !row->known[COWSTAT_COL_BIRTH_ANON_PAGES];
	if (!row)
		return;
	worker->born = share_at_birth(row);
	worker->copied = share_copied_by_child(row);
	worker->by_master = share_copied_by_parent(row);
	if (!known) {
		worker->first_age_ns = worker->age_ns;
		worker->first_copied = worker->copied.pages;
		return;
	}
	worker->grew.known = before.known && worker->copied.known;
	/* counting may have begun anew */
	if (worker->grew.known && worker->copied.pages >= before.pages)
		worker->grew.pages = worker->copied.pages - before.pages;
	if (worker->grew.known)
		add_to_trend(worker, worker->grew.pages);
}

static int update_one(struct workers *w, const struct cow_table *t,
		      const struct worker_process *process)
{
	const struct cow_row *row = cow_table_find(t, process->pid);
	struct worker *worker;
	bool known;

	if (!is_row_of(row, process))
		row = NULL;
	if (row && row->known[COWSTAT_COL_EXECS] && row->value[COWSTAT_COL_EXECS]) {
		w->others++;
		return 0;
	}
	worker = find(w, process);
	known = worker;
	if (!worker)
		worker = add(w, process);
	if (!worker)
		return -ENOMEM;
	worker->seen = true;
	worker->age_ns = t->now_ns.value > process->start_ns ? t->now_ns.value - process->start_ns :
							       0;
	take_row(worker, row, known);
	return 0;
}

/* Forget the workers that are gone. */
static void drop_unseen(struct workers *w)
{
	size_t i, nr = 0;

	for (i = 0; i < w->nr; i++)
		if (w->worker[i].seen)
			w->worker[nr++] = w->worker[i];
	w->nr = nr;
}

static void count_exited(struct workers *w, const struct cow_table *t)
{
	size_t i;

	w->exited = w->exited_copied = 0;
	for (i = 0; i < t->nr; i++) {
		const struct cow_row *row = &t->row[i];

		if (row->kind != COW_ROW_PROCESS || row->state != 'X' ||
		    !row->known[COWSTAT_COL_PPID] ||
		    row->value[COWSTAT_COL_PPID] != (uint64_t)w->master ||
		    !row->known[COWSTAT_COL_BIRTH_ANON_PAGES] ||
		    (row->known[COWSTAT_COL_EXECS] && row->value[COWSTAT_COL_EXECS]))
			continue;
		w->exited++;
		w->exited_copied += share_copied_by_child(row).pages;
	}
}

static int older(const void *a, const void *b)
{
	const struct worker *one = a, *other = b;

	if (one->start_ns != other->start_ns)
		return one->start_ns < other->start_ns ? -1 : 1;
	return (one->pid > other->pid) - (one->pid < other->pid);
}

/**
 * workers_update() - take a reading
 * @w: the workers so far; at first only its master is set
 * @t: the table
 * @process: the live children of the master
 * @nr: how many
 * @span_ns: time since the last reading; 0 for the first one
 *
 * The caller then reads what each worker has resident.
 *
 * Return: 0 or -ENOMEM.
 */
int workers_update(struct workers *w, const struct cow_table *t,
		   const struct worker_process *process, size_t nr, uint64_t span_ns)
{
	size_t i;
	int err;

	w->others = 0;
	w->span_ns = span_ns;
	for (i = 0; i < w->nr; i++)
		w->worker[i].seen = false;
	for (i = 0; i < nr; i++) {
		err = update_one(w, t, &process[i]);
		if (err)
			return err;
	}
	drop_unseen(w);
	if (w->nr)
		qsort(w->worker, w->nr, sizeof(*w->worker), older);
	count_exited(w, t);
	return 0;
}

/**
 * workers_free() - give the memory back
 * @w: the workers
 */
void workers_free(struct workers *w)
{
	free(w->worker);
	w->worker = NULL;
	w->nr = w->room = 0;
}

static void add_resident(struct workers_sum *sum, const struct resident *r)
{
	sum->separate += r->anonymous;
	sum->used += r->pss;
	sum->swap += r->swap;
}

/**
 * workers_sum() - add up
 * @w: the workers
 * @sum: filled in
 */
void workers_sum(const struct workers *w, struct workers_sum *sum)
{
	size_t i;

	*sum = (struct workers_sum){};
	add_resident(sum, &w->resident);
	for (i = 0; i < w->nr; i++) {
		const struct worker *worker = &w->worker[i];

		sum->born += worker->born.pages;
		sum->copied += worker->copied.pages;
		sum->grew += worker->grew.pages;
		sum->shared += worker->resident.shared;
		sum->late += worker->late;
		sum->unread += !worker->resident.known;
		add_resident(sum, &worker->resident);
	}
}

/**
 * workers_paid() - did preloading pay?
 * @sum: of the workers
 *
 * Return: by the part of private memory that sharing saves.
 */
enum workers_paid workers_paid(const struct workers_sum *sum)
{
	uint64_t saved = sum->separate > sum->used ? sum->separate - sum->used : 0;

	if (!sum->separate || sum->unread)
		return PAID_UNKNOWN;
	if (saved < sum->separate / 5)
		return PAID_HARDLY;
	return saved < sum->separate / 2 ? PAID_PARTLY : PAID_YES;
}

static int copied_less(const void *a, const void *b)
{
	const struct worker *one = *(const struct worker *const *)a;
	const struct worker *other = *(const struct worker *const *)b;

	return (one->copied.pages > other->copied.pages) -
	       (one->copied.pages < other->copied.pages);
}

/**
 * workers_typical() - find a typical worker: of those whose birth was counted, the one that copied
 * more than one half of them, and less than the other half
 * @w: the workers
 *
 * Return: the worker; NULL if there is none, or no memory.
 */
const struct worker *workers_typical(const struct workers *w)
{
	const struct worker **list = calloc(w->nr + 1, sizeof(*list)), *typical = NULL;
	size_t i, nr = 0;

	for (i = 0; list && i < w->nr; i++)
		if (w->worker[i].born.known && w->worker[i].copied.known)
			list[nr++] = &w->worker[i];
	if (nr) {
		qsort(list, nr, sizeof(*list), copied_less);
		typical = list[nr / 2];
	}
	free(list);
	return typical;
}

/* Does a worker copy now at a rate that matters: a hundredth of what it shared, in a minute? */
static bool is_steady(const struct workers *w, const struct worker *worker)
{
	return w->span_ns && worker->grew.known &&
	       (unsigned __int128)worker->grew.pages * 60 * 1000000000 * 100 >=
		       (unsigned __int128)worker->born.pages * w->span_ns &&
	       worker->grew.pages;
}

/**
 * workers_advise() - would this help?
 * @w: the workers
 * @advice: what
 *
 * Return: true if the typical worker's figures say so.
 */
bool workers_advise(const struct workers *w, enum workers_advice advice)
{
	const struct worker *worker = workers_typical(w);

	if (!worker || !worker->born.pages)
		return false;
	switch (advice) {
	case ADVICE_YOUNG:
		return worker->copied.pages >= WORTH_PAGES &&
		       worker->copied.pages * 20 >= worker->born.pages && !is_steady(w, worker);
	case ADVICE_STEADY:
		return is_steady(w, worker);
	case ADVICE_OWN:
		return worker->resident.known &&
		       worker->resident.anonymous - worker->resident.shared >
			       2 * worker->born.pages * COWSTAT_PAGE_BYTES;
	case ADVICE_MASTER:
		return worker->by_master.known && worker->by_master.pages >= WORTH_PAGES &&
		       worker->by_master.pages * 10 >= worker->born.pages;
	default:
		return false;
	}
}
