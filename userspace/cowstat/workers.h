/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The workers of a prefork server: what each still shares with its master, and who copied the
 * rest. Nothing here does I/O: cmd_workers.c reads the table and /proc.
 */
#ifndef COWSTAT_WORKERS_H
#define COWSTAT_WORKERS_H

#include "share.h"

#define WORKERS_TREND	16	/* intervals of a trend */

/**
 * struct resident - private memory that a process has in memory now
 * @known: it could be read
 * @shared: bytes that other processes map, too
 * @anonymous: all bytes
 * @pss: bytes, those of a shared page divided by the number of processes that map it
 * @swap: bytes in swap, which are not in the others
 */
struct resident {
	bool known;
	uint64_t shared, anonymous, pss, swap;
};

/**
 * struct worker - a live child of the master
 * @pid: the process
 * @start_ns: when it was started, CLOCK_BOOTTIME, in steps of PROCFS_START_STEP_NS
 * @age_ns: how long it has lived
 * @late: it was forked before counting began
 * @born: pages that it shared at birth
 * @copied: of these, pages that it copied since; without @born only since counting began
 * @by_master: pages that its master copied in that time
 * @resident: its memory now
 * @grew: pages that it copied in the last interval
 * @trend: the same for the last intervals, the latest is the last
 * @nr_trend: how many
 * @first_age_ns: its age when it was seen for the first time
 * @first_copied: pages that it had copied then
 * @seen: it is alive in this reading
 */
struct worker {
	pid_t pid;
	uint64_t start_ns, age_ns;
	bool late;
	struct share born, copied, by_master;
	struct resident resident;
	struct share grew;
	uint64_t trend[WORKERS_TREND];
	unsigned int nr_trend;
	uint64_t first_age_ns, first_copied;
	bool seen;
};

/**
 * struct workers - the workers of a master
 * @master: its pid
 * @comm: its name, safe for a terminal
 * @resident: the master's own memory
 * @worker: the live workers, the oldest first
 * @nr: how many
 * @room: for how many there is memory
 * @others: children that run another program
 * @exited: workers that have exited, as far as the table has their rows
 * @exited_copied: pages that these copied
 * @span_ns: length of the last interval; 0 in the first reading
 */
struct workers {
	pid_t master;
	char comm[64];
	struct resident resident;
	struct worker *worker;
	size_t nr, room;
	size_t others;
	uint64_t exited, exited_copied;
	uint64_t span_ns;
};

/**
 * struct workers_sum - all workers, and the master
 * @born: pages shared at birth, of workers of which that is known
 * @shared: bytes of workers that other processes map, too
 * @copied: pages that workers copied of what they shared
 * @grew: the same in the last interval
 * @separate: bytes of private memory that master and workers would have as separate processes
 * @used: bytes that they have
 * @swap: bytes of master and workers in swap
 * @late: workers that were forked before counting began
 * @unread: workers whose memory is not readable
 */
struct workers_sum {
	uint64_t born, shared, copied, grew;
	uint64_t separate, used, swap;
	size_t late, unread;
};

/* Did preloading the program in the master pay? By the part of memory that sharing saves. */
enum workers_paid {
	PAID_UNKNOWN,
	PAID_HARDLY, /* less than a fifth */
	PAID_PARTLY,
	PAID_YES, /* half or more */
};

/* What would help:	A(ID, name in JSON) */
#define WORKERS_ADVICE(A)							\
	A(YOUNG,	"copied_when_young")					\
	A(STEADY,	"copies_steadily")					\
	A(OWN,		"own_memory")						\
	A(MASTER,	"copied_by_master")

#define WORKERS_ADVICE_ENUM(ID, name)	ADVICE_##ID,
enum workers_advice { WORKERS_ADVICE(WORKERS_ADVICE_ENUM) ADVICE_NR };

/**
 * struct worker_process - a child of the master, as /proc shows it
 * @pid: the process
 * @start_ns: as in struct worker
 */
struct worker_process {
	pid_t pid;
	uint64_t start_ns;
};

int workers_update(struct workers *w, const struct cow_table *t,
		   const struct worker_process *process, size_t nr, uint64_t span_ns);
void workers_free(struct workers *w);
void workers_sum(const struct workers *w, struct workers_sum *sum);
enum workers_paid workers_paid(const struct workers_sum *sum);
const struct worker *workers_typical(const struct workers *w);
bool workers_advise(const struct workers *w, enum workers_advice advice);

#endif /* COWSTAT_WORKERS_H */
