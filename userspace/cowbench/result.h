/* SPDX-License-Identifier: GPL-2.0 */
/* What cowbench was asked to measure, and what it measured; as text and as JSON. */
#ifndef COWSTAT_RESULT_H
#define COWSTAT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "machine.h"
#include "region.h"
#include "series.h"
#include "table_reader.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct bench_options - what was asked for
 * @size: bytes of memory the parent fills
 * @pages: what that memory is made of
 * @count: runs that are measured; 0 for the scenario's own number
 * @warmup: runs before those, which are not
 * @exec: the program that children run
 * @writers: set of enum writer
 * @share: percent of the pages that are written
 * @random: in random order
 * @workers: children that live together
 * @duration_ms: that a snapshot takes to read everything
 * @rate: writes per second meanwhile
 * @cpus: the CPUs it all runs on, as given; NULL for any
 */
struct bench_options {
	uint64_t size;
	enum page_kind pages;
	uint64_t count;
	uint64_t warmup;
	const char *exec;
	unsigned int writers;
	uint64_t share;
	bool random;
	uint64_t workers;
	uint64_t duration_ms;
	uint64_t rate;
	const char *cpus;
};

/*
 * What is measured besides the columns of /proc/cowstat:
 *	F(ID, name)
 * call_ns	until the call returned in the parent
 * exit_ns	until the parent knew that the child had exited
 * write_ns	of one write, mostly the mean of a run
 * copy_ns	of one plain memcpy() of all the memory
 * writes	that were made
 * pages_written	that those writes went to
 */
#define FIGURES(F)			\
	F(CALL_NS,	call_ns)	\
	F(EXIT_NS,	exit_ns)	\
	F(WRITE_NS,	write_ns)	\
	F(COPY_NS,	copy_ns)	\
	F(WRITES,	writes)		\
	F(PAGES_WRITTEN, pages_written)

#define ENUM_FIGURE(ID, name)	FIGURE_##ID,
enum figure {
	FIGURES(ENUM_FIGURE)
	NR_FIGURES
};

/**
 * struct subject - one of the things that a scenario compares
 * @key: its name in JSON
 * @name: its name for people
 * @figure: by figure: a value per run, or none
 * @column: by column of /proc/cowstat, where known: of a child's row the value, of a
 *	parent's how much it grew
 * @last: the row of the last run
 */
struct subject {
	const char *key;
	const char *name;
	struct series figure[NR_FIGURES];
	struct series column[COWSTAT_NR_COLUMNS];
	struct cow_row last;
};

/**
 * struct point - how things stood during a snapshot
 * @ns: since the child was there
 * @writes: by the parent
 * @pages_written: that they went to
 * @faults: write-protect faults of the parent, on pages of any size
 * @reused: of these, on pages that were its own already
 * @copied_bytes: by the parent
 */
struct point {
	uint64_t ns;
	uint64_t writes;
	uint64_t pages_written;
	uint64_t faults;
	uint64_t reused;
	uint64_t copied_bytes;
};

#define MAX_SUBJECTS	4

/**
 * struct result - what a scenario measured
 * @scenario: its name
 * @o: what was asked for
 * @bytes: of memory that the parent had
 * @huge_bytes: of these in huge pages
 * @subject: what was compared
 * @nr: how many
 * @point: how the last run went, where that is interesting
 * @nr_points: how many
 */
struct result {
	const char *scenario;
	struct bench_options o;
	uint64_t bytes;
	uint64_t huge_bytes;
	struct subject subject[MAX_SUBJECTS];
	size_t nr;
	struct point *point;
	size_t nr_points;
};

void result_free(struct result *r);
const struct subject *result_subject(const struct result *r, const char *key);
const struct series *subject_series(const struct subject *s, const char *name);
const char *figure_name(enum figure figure);
const char *page_kind_name(enum page_kind kind);

void result_print(const struct result *r, const struct machine *m);
void results_print(const struct result *r, size_t nr, const struct machine *m);
json_t *results_json(const struct result *r, size_t nr, const struct machine *m);

#endif /* COWSTAT_RESULT_H */
