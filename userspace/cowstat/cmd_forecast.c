// SPDX-License-Identifier: GPL-2.0
/*
 * The process is watched from outside for a while, and what it writes is extended to the life of a
 * child. Nothing is forked but, to measure it, cowstat itself.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_forecast.h"
#include "command_options.h"
#include "forecast.h"
#include "format.h"
#include "options.h"
#include "picture.h"
#include "procfs.h"
#include "source.h"
#include "usage.h"

#define DEFAULT_WINDOW	10
#define MAX_SECONDS	86400
#define MAIN_SECONDS	60

struct options {
	struct pid_list pids;
	uint64_t window_ns;
	double seconds[FORECAST_MAX_TIMES];
	size_t nr;
	bool openmetrics, split;
	struct command_options common;
};

static void usage(void)
{
	fputs("usage: cowstat forecast -p PID [OPTION...]\n"
	      "If the process forked now and its child lived for some time: how much would the\n"
	      "process copy, how long would fork take, and is there memory for it? Watches which\n"
	      "pages the process writes: that costs it a short fault for each of them, and clears\n"
	      "its soft-dirty bits, which others, such as CRIU, may be using.\n"
	      "  -p, --pid PID         the process\n"
	      "      --for SECONDS,... lives of the child; 1,10,60,300 by default\n"
	      "      --window SECONDS  how long to watch, 10 by default\n"
	      "      --split-huge      have the kernel split its huge pages first: only then can the\n"
	      "                        4 KiB pages in them be watched\n"
	      "      --picture FILE    also draw the curve as FILE, an SVG document (gnuplot)\n"
	      "  -o, --format json     JSON\n"
	      "      --openmetrics     gauges for Prometheus\n"
	      "      --output FILE     write to FILE, not to standard output\n"
	      "      --source WHICH    proc (the module), bpf, auto, or the path of a table\n"
	      "      --help\n",
	      stdout);
}

static double seconds_option(const char *option, const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.1 && s <= MAX_SECONDS))
		bad_usage("%s %s: give seconds, 0.1 to %d", option, text, MAX_SECONDS);
	return s;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void set_times(struct options *o, char *list)
{
	char *word;

	o->nr = 0;
	while ((word = strsep(&list, ","))) {
		if (o->nr == FORECAST_MAX_TIMES)
			bad_usage("--for: give at most %d times", FORECAST_MAX_TIMES);
		o->seconds[o->nr++] = seconds_option("--for", word);
	}
	qsort(o->seconds, o->nr, sizeof(*o->seconds), by_value);
}

static void parse(int argc, char **argv, struct options *o)
{
	enum { OPT_FOR = OPT_OWN, OPT_WINDOW, OPT_SPLIT, OPT_OPENMETRICS };
	/* clang-format off */
	static const struct option longs[] = {
		{ "pid",		required_argument,	NULL, 'p' },
		{ "for",		required_argument,	NULL, OPT_FOR },
		{ "window",		required_argument,	NULL, OPT_WINDOW },
		{ "split-huge",		no_argument,		NULL, OPT_SPLIT },
		{ "openmetrics",	no_argument,		NULL, OPT_OPENMETRICS },
		COMMAND_OPTIONS,
		{}
	};
	/* clang-format on */
	int c;

	*o = (struct options){
		.window_ns = DEFAULT_WINDOW * NS_PER_S,
		.seconds = { 1, 10, MAIN_SECONDS, 300 },
		.nr = 4,
	};
	while ((c = getopt_long(argc, argv, "p:o:", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			options_pids(optarg, &o->pids);
			break;
		case OPT_FOR:
			set_times(o, optarg);
			break;
		case OPT_WINDOW:
			o->window_ns = seconds_option("--window", optarg) * NS_PER_S;
			break;
		case OPT_SPLIT:
			o->split = true;
			break;
		case OPT_OPENMETRICS:
			o->openmetrics = true;
			break;
		default:
			command_option(&o->common, c, optarg, usage);
		}
	}
	if (optind < argc)
		bad_usage("forecast: unexpected argument \"%s\"", argv[optind]);
	if (o->pids.nr != 1 || o->pids.all)
		bad_usage("forecast is about one process: give -p PID");
	if (o->pids.pid[0] == getpid())
		bad_usage("forecast cannot watch cowstat itself; give the pid of another process");
	if (o->common.json && o->openmetrics)
		bad_usage("-o json and --openmetrics cannot be printed together; choose one");
	if (!o->common.table)
		o->common.table = source_path("auto");
}

/* The faults by which a process pays for being watched: it wrote a page that it need not copy. */
static bool count_faults(const struct cow_table *t, pid_t pid, uint64_t *n)
{
	static const enum cowstat_column columns[] = {
		COWSTAT_COL_REUSED,
		COWSTAT_COL_SHARED_WP,
		COWSTAT_COL_THP_REUSED,
	};
	const struct cow_row *row = cow_table_find(t, pid);
	size_t i;

	*n = 0;
	if (!row || row->state != 'L')
		return false;
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (!row->known[columns[i]])
			return false;
		*n += row->value[columns[i]];
	}
	return true;
}

/* Its last fork that is in the table: how long it took for each page that it shared. */
static bool past_fork(const struct cow_table *t, const struct working_set *set, uint64_t *ns)
{
	const struct cow_row *last = NULL;
	uint64_t pages;
	size_t i;

	for (i = 0; i < t->nr; i++) {
		const struct cow_row *row = &t->row[i];

		if (row->kind != COW_ROW_PROCESS ||
		    row->value[COWSTAT_COL_PPID] != (uint64_t)set->pid ||
		    row->value[COWSTAT_COL_START_NS] < set->start_ns ||
		    !row->known[COWSTAT_COL_FORK_NS] || !row->known[COWSTAT_COL_BIRTH_ANON_PAGES])
			continue;
		if (!last || row->value[COWSTAT_COL_START_NS] > last->value[COWSTAT_COL_START_NS])
			last = row;
	}
	if (!last)
		return false;
	pages = last->value[COWSTAT_COL_BIRTH_ANON_PAGES] +
		last->value[COWSTAT_COL_BIRTH_SWAP_ENTRIES];
	/* A process of quite another size than now says little. */
	if (!pages || pages > 2 * set->pages || set->pages > 2 * pages)
		return false;
	*ns = (double)last->value[COWSTAT_COL_FORK_NS] * set->pages / pages;
	return true;
}

static bool read_table(const char *path, struct cow_table *t)
{
	char why[256];

	return !cow_table_read(path, t, why, sizeof(why));
}

/* Say what it will cost, before it does. Not where a program reads. */
static void announce(const struct options *o, const struct working_set *set)
{
	if (o->common.json || o->openmetrics)
		return;
	fprintf(stderr,
		"cowstat: watching process %d for %s. It takes one short fault for each page that it\n"
		"writes, %s at most; its soft-dirty bits are cleared.\n",
		set->pid, forecast_seconds((double)o->window_ns / NS_PER_S).s,
		format_number(set->pages).s);
}

/* List the pages. If asked to, have its huge pages split, and list them again. */
static void open_set(const struct options *o, struct forecast *f)
{
	char why[256];

	if (working_set_open(&f->set, o->pids.pid[0], why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	if (!o->split || !f->set.huge)
		return;
	if (working_set_split(&f->set, why, sizeof(why)))
		errx(EXIT_FAILURE, "cannot split huge pages: %s", why);
	working_set_free(&f->set);
	f->split = true;
	if (working_set_open(&f->set, o->pids.pid[0], why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
}

static void watch(const struct options *o, struct forecast *f)
{
	uint64_t before = 0, after = 0;
	char why[256], path[32];
	struct cow_table t;
	bool known;

	open_set(o, f);
	snprintf(path, sizeof(path), "/proc/%d/comm", f->set.pid);
	procfs_line(path, NULL, f->comm, sizeof(f->comm));
	announce(o, &f->set);
	known = read_table(o->common.table, &t);
	if (known) {
		count_faults(&t, f->set.pid, &before); /* without a row: 0 until now */
		cow_table_free(&t);
	}
	if (working_set_watch(&f->set, o->window_ns, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	f->window_ns = o->window_ns;
	f->fork_how = FORK_MEASURED;
	if (known && read_table(o->common.table, &t)) {
		f->faults_known = t.counting.value && count_faults(&t, f->set.pid, &after);
		f->faults = after > before ? after - before : 0;
		if (past_fork(&t, &f->set, &f->fork_ns))
			f->fork_how = FORK_PAST;
		cow_table_free(&t);
	}
	/* That fails where the kernel promises no more memory, and is no reason to say nothing. */
	if (f->fork_how == FORK_MEASURED && forecast_measure_fork(f->set.entries, &f->fork_ns))
		f->fork_how = FORK_UNKNOWN;
}

/**
 * cmd_forecast() - say what a fork of a process would cost
 * @argc: of the words from "forecast" on
 * @argv: those words
 *
 * Return: the exit status.
 */
int cmd_forecast(int argc, char **argv)
{
	struct metrics metrics = { .format = METRICS_OPENMETRICS };
	static struct forecast f;
	struct options o;
	FILE *to;
	size_t i;

	parse(argc, argv, &o);
	if (o.common.picture && !can_draw())
		return EXIT_FAILURE;
	to = options_output(o.common.output);
	watch(&o, &f);
	for (i = 0; i < o.nr; i++) {
		f.at[i].seconds = o.seconds[i];
		if (!i || o.seconds[i] <= MAIN_SECONDS)
			f.main = i;
	}
	f.nr = o.nr;
	headroom_read(f.set.pid, &f.headroom);
	forecast_make(&f);
	if (o.common.json) {
		if (forecast_json(&f, to))
			err(EXIT_FAILURE, "cannot write the forecast");
	} else if (o.openmetrics) {
		metrics.to = to;
		forecast_metrics(&f, &metrics);
	} else {
		forecast_print(&f, to);
	}
	options_written(to, o.common.output);
	if (o.common.output && fclose(to))
		err(EXIT_FAILURE, "cannot write %s", o.common.output);
	if (o.common.picture)
		forecast_picture(&f, o.common.picture);
	forecast_free(&f);
	free(o.pids.pid);
	return EXIT_SUCCESS;
}
