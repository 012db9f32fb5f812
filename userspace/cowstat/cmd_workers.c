// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "cmd_workers.h"
#include "command_options.h"
#include "interval.h"
#include "json.h"
#include "options.h"
#include "picture.h"
#include "procfs.h"
#include "smaps.h"
#include "source.h"
#include "usage.h"
#include "view_workers.h"

/**
 * struct options - what was asked for
 * @master: the server's first process
 * @interval_ns: between two readings; 0 for one reading
 * @count: how many reports; 0 for no end
 * @common: with its defaults
 */
struct options {
	pid_t master;
	uint64_t interval_ns, count;
	struct command_options common;
};

static void usage(void)
{
	fputs("usage: cowstat workers -p MASTER [OPTION...] [INTERVAL [COUNT]]\n"
	      "Show what each worker of a prefork server shared at its birth and still shares,\n"
	      "who copied the rest, and what sharing saves. With an interval in seconds: also\n"
	      "what is copied now, and the trend.\n"
	      "  -p, --pid MASTER       the process that forks the workers\n"
	      "  -o, --format json      JSON; with an interval one line for each report\n"
	      "      --output FILE      write to FILE, not to standard output\n"
	      "      --picture FILE     with INTERVAL and COUNT: also draw copies and savings\n"
	      "                         over time as SVG; needs gnuplot\n"
	      "      --source WHICH     the table: proc, bpf, auto, or a path\n"
	      "      --help\n",
	      stdout);
}

static void parse_words(int nr, char **word, struct options *o)
{
	if (nr > 2)
		bad_usage("unexpected argument \"%s\": an interval and a count are the last",
			  word[2]);
	if (nr)
		o->interval_ns = options_interval(word[0]);
	if (nr > 1)
		o->count = options_number("COUNT", word[1], 1, INT_MAX);
}

static void parse(int argc, char **argv, struct options *o)
{
	/* clang-format off */
	static const struct option longs[] = {
		{ "pid",	required_argument,	NULL, 'p' },
		COMMAND_OPTIONS,
		{}
	};
	/* clang-format on */
	int c;

	o->common.table = source_path("auto");
	while ((c = getopt_long(argc, argv, "p:o:", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->master = options_number("-p", optarg, 1, INT_MAX);
			break;
		default:
			command_option(&o->common, c, optarg, usage);
		}
	}
	parse_words(argc - optind, argv + optind, o);
	if (!o->master)
		bad_usage("workers needs the server's first process: cowstat workers -p MASTER");
	if (o->common.picture && !o->count)
		bad_usage("--picture shows figures over time: give INTERVAL and COUNT");
}

/**
 * struct children_of - the children of a process
 * @parent: the process
 * @child: they
 * @nr: how many
 */
struct children_of {
	pid_t parent;
	struct worker_process *child;
	size_t nr;
};

static void add_child(pid_t pid, const struct procfs_stat *stat, void *arg)
{
	struct children_of *c = arg;

	if (stat->ppid != c->parent)
		return;
	c->child = reallocarray(c->child, c->nr + 1, sizeof(*c->child));
	if (!c->child)
		err(EXIT_FAILURE, NULL);
	c->child[c->nr++] = (struct worker_process){ pid, stat->start_ns };
}

static struct resident resident_of(pid_t pid)
{
	struct resident r = {};
	struct smaps smaps;

	if (smaps_read(pid, &smaps) || smaps_read_shared(pid, &r.shared))
		return (struct resident){};
	r.known = true;
	r.anonymous = smaps.bytes[SMAPS_ANONYMOUS];
	r.pss = smaps.bytes[SMAPS_PSS_ANON];
	r.swap = smaps.bytes[SMAPS_SWAP];
	return r;
}

/* A process that has exited, but was not waited for, is no worker. */
static bool is_zombie(pid_t pid)
{
	char path[64], state[8];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return procfs_line(path, "State", state, sizeof(state)) || *state == 'Z' || *state == 'X';
}

/* Take a reading. @last_ns: when the last one was taken, or 0; set to now. */
static void take_reading(const struct options *o, struct workers *w, uint64_t *last_ns)
{
	uint64_t at = now_ns();
	struct children_of c = { .parent = o->master };
	struct cow_table t;
	size_t i, nr = 0;

	source_read(o->common.table, &t);
	procfs_each(add_child, &c);
	for (i = 0; i < c.nr; i++)
		if (!is_zombie(c.child[i].pid))
			c.child[nr++] = c.child[i];
	if (workers_update(w, &t, c.child, nr, *last_ns ? at - *last_ns : 0))
		err(EXIT_FAILURE, NULL);
	*last_ns = at;
	w->resident = resident_of(o->master);
	for (i = 0; i < w->nr; i++)
		w->worker[i].resident = resident_of(w->worker[i].pid);
	cow_table_free(&t);
	free(c.child);
}

/**
 * struct drawing - a picture that grows with each report
 * @p: the picture
 * @copies: pages that all workers copied, by second
 * @saved: part of the memory that sharing saves, in percent
 * @begin_ns: time of the first reading
 */
struct drawing {
	struct picture p;
	struct curve *copies, *saved;
	uint64_t begin_ns;
};

static void draw_begin(struct drawing *d, const char *title, const char *path)
{
	d->p = (struct picture){
		.file = path,
		.title = title,
		.x_label = "seconds",
		.y_label = "pages copied per second, all workers",
		.right_label = "memory saved, %",
	};
	d->copies = picture_curve(&d->p, "copied per second", NULL);
	d->saved = picture_curve(&d->p, "memory saved (right)", NULL);
	d->saved->right = true;
}

static void draw_add(struct drawing *d, const struct workers *w, uint64_t at_ns)
{
	double x = (at_ns - d->begin_ns) / (double)NS_PER_S;
	struct workers_sum sum;

	workers_sum(w, &sum);
	if (w->span_ns)
		curve_add(d->copies, x, sum.grew * (double)NS_PER_S / w->span_ns);
	if (sum.separate)
		curve_add(d->saved, x, 100.0 - 100.0 * sum.used / sum.separate);
}

static void print(const struct options *o, FILE *to, const struct workers *w)
{
	if (o->common.json) {
		if (json_write(to, json_workers(w), o->interval_ns))
			err(EXIT_FAILURE, "cannot write the document");
	} else if (w->nr) {
		view_workers(to, w);
	} else {
		fprintf(to, "(%d %s has no workers%s)\n", w->master, w->comm,
			w->others ? ": its children run other programs" : "");
	}
	options_written(to, o->common.output);
}

static void print_time(FILE *to)
{
	time_t now = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	fprintf(to, "\n%s\n", clock);
}

static void watch(const struct options *o, FILE *to, struct workers *w, uint64_t last_ns,
		  struct drawing *d)
{
	struct timespec next;
	uint64_t i;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (i = 0; !o->count || i < o->count; i++) {
		sleep_until(&next, o->interval_ns);
		take_reading(o, w, &last_ns);
		if (!o->common.json)
			print_time(to);
		print(o, to, w);
		if (o->common.picture)
			draw_add(d, w, last_ns);
	}
}

static void read_master(struct workers *w)
{
	char path[64], comm[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", w->master);
	if (procfs_line(path, NULL, comm, sizeof(comm)))
		errx(EXIT_FAILURE, "there is no process %d", w->master);
	snprintf(w->comm, sizeof(w->comm), "%s", format_printable(comm).s);
}

/**
 * cmd_workers() - `cowstat workers`
 * @argc: number of arguments, the word workers included
 * @argv: the arguments
 *
 * Return: the exit status of the program.
 */
int cmd_workers(int argc, char **argv)
{
	struct drawing d = {};
	struct options o = {};
	struct workers w = {};
	uint64_t last_ns = 0;
	char title[128];
	bool any;
	FILE *to;

	argv[0] = program_invocation_short_name; /* for messages of getopt_long() */
	parse(argc, argv, &o);
	if (o.common.picture && !can_draw())
		return EXIT_FAILURE;
	w.master = o.master;
	read_master(&w);
	take_reading(&o, &w, &last_ns);
	if (!w.nr && !o.interval_ns && !o.common.json)
		errx(EXIT_FAILURE, "%d %s has no workers%s", w.master, w.comm,
		     w.others ? ": its children run other programs" :
				"; -p takes the process that forks them");
	to = options_output(o.common.output);
	if (o.common.picture) {
		snprintf(title, sizeof(title), "Workers of %d %s", w.master, w.comm);
		draw_begin(&d, title, o.common.picture);
		d.begin_ns = last_ns;
		draw_add(&d, &w, last_ns);
	}
	if (o.interval_ns)
		watch(&o, to, &w, last_ns, &d);
	else
		print(&o, to, &w);
	if (o.common.picture)
		picture_save(&d.p, o.common.picture);
	any = w.nr;
	workers_free(&w);
	return any ? EXIT_SUCCESS : EXIT_FAILURE;
}
