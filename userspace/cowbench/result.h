/* SPDX-License-Identifier: GPL-2.0 */
/* What cowbench is to measure, and what it has measured; printed as text and as JSON. */
#ifndef COWSTAT_RESULT_H
#define COWSTAT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format.h"
#include "machine.h"
#include "region.h"
#include "series.h"
#include "table_reader.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct bench_options - parameters of a measurement
 * @size: bytes of memory that the parent fills
 * @pages: the kind of its pages
 * @count: number of runs that are measured; 0 for the scenario's default
 * @warmup: number of runs before those, which are not measured
 * @exec: the program that children run
 * @writers: set of enum writer
 * @share: percent of the pages that are written
 * @random: write them in random order
 * @workers: number of children that live at the same time
 * @duration_ms: time that a snapshot takes to read everything
 * @rate: writes per second during a snapshot
 * @cpus: the CPUs that everything runs on, as given; NULL for any
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
 * Figures that are measured besides the columns of /proc/cowstat:
 *	F(ID, name)
 * call_ns	time until the call returned in the parent
 * exit_ns	time until the parent knew that the child had exited
 * write_ns	time of one write; in most scenarios the mean of a run
 * copy_ns	time of one plain memcpy() of all the memory
 * writes	number of writes
 * pages_written	number of pages that they went to
 */
#define FIGURES(F)			\
	F(CALL_NS,	call_ns)	\
	F(EXIT_NS,	exit_ns)	\
	F(WRITE_NS,	write_ns)	\
	F(COPY_NS,	copy_ns)	\
	F(WRITES,	writes)		\
	F(PAGES_WRITTEN, pages_written)

#define ENUM_FIGURE(ID, name)	FIGURE_##ID,
enum figure { FIGURES(ENUM_FIGURE) NR_FIGURES };

/**
 * struct subject - one of the things that a scenario compares
 * @key: its name in JSON
 * @name: its name in text
 * @figure: by figure: a value per run, or none
 * @column: by column of /proc/cowstat, where known: the value of a child's row, or how much
 *	a parent's row grew
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
 * struct point - a sample taken during a snapshot; all counts are of the parent
 * @ns: time since the fork returned
 * @writes: number of writes
 * @pages_written: number of pages that they went to
 * @faults: write-protect faults, on pages of any size
 * @reused: those that reused the page
 * @copied_bytes: bytes copied
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

struct scenario;

/**
 * struct result - what a scenario measured
 * @scenario: the scenario
 * @o: its parameters
 * @bytes: size of the parent's memory
 * @huge_bytes: the part of it that is in huge pages
 * @subject: the things that were compared
 * @nr: their number
 * @point: samples of the last run, if the scenario takes them
 * @nr_points: their number
 */
struct result {
	const struct scenario *scenario;
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

/**
 * struct sweep - the columns that are printed of results at several sizes
 * @time: figure of the time, shown by its median
 * @time_label: its label
 * @copied: column that tells what was copied
 * @copied_label: its label
 * @format: formats a value of @copied
 */
struct sweep {
	const char *time, *time_label;
	const char *copied, *copied_label;
	struct text (*format)(uint64_t n);
};

void print_summary(const struct result *r, const struct machine *m);
void print_fork_exec(const struct result *r, const struct machine *m);
void print_fork_exit(const struct result *r, const struct machine *m);
void print_fork_write(const struct result *r, const struct machine *m);
void print_eager(const struct result *r, const struct machine *m);
void print_prefork(const struct result *r, const struct machine *m);
void print_snapshot(const struct result *r, const struct machine *m);
void results_print(const struct result *r, size_t nr, const struct machine *m);
json_t *results_json(const struct result *r, size_t nr, const struct machine *m);

#endif /* COWSTAT_RESULT_H */
