// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_diff.h"
#include "command_options.h"
#include "json.h"
#include "options.h"
#include "picture.h"
#include "procfs.h"
#include "source.h"
#include "usage.h"
#include "view_diff.h"

/**
 * struct options - what was asked for
 * @child: a process
 * @parent: the process to compare it with; 0 for its parent
 * @common: a table that is named must be there; otherwise one is used if there is one
 */
struct options {
	pid_t child, parent;
	struct command_options common;
};

static void usage(void)
{
	fputs("usage: cowstat diff -p CHILD [--against PARENT] [-o json] [--output FILE]\n"
	      "                    [--picture FILE.svg] [--source WHICH]\n"
	      "Compare the pages that a child and its parent shared at the fork and that either\n"
	      "has copied since: how many bytes differ, and where. Needs root.\n"
	      "  -p, --pid CHILD        the child\n"
	      "      --against PARENT   compare it with this process, not with its parent\n"
	      "  -o, --format json      JSON\n"
	      "      --output FILE      write to FILE, not to standard output\n"
	      "      --picture FILE     also draw the histogram as SVG; needs gnuplot\n"
	      "      --source WHICH     the table: proc, bpf, auto, or a path. Without one, only\n"
	      "                         the last line is missing\n"
	      "      --help\n",
	      stdout);
}

static pid_t parse_pid(const char *option, const char *text)
{
	return options_number(option, text, 1, INT_MAX);
}

static void parse(int argc, char **argv, struct options *o)
{
	enum { OPT_AGAINST = OPT_OWN };
	/* clang-format off */
	static const struct option longs[] = {
		{ "pid",	required_argument,	NULL, 'p' },
		{ "against",	required_argument,	NULL, OPT_AGAINST },
		COMMAND_OPTIONS,
		{}
	};
	/* clang-format on */
	int c;

	while ((c = getopt_long(argc, argv, "p:o:", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->child = parse_pid("-p", optarg);
			break;
		case OPT_AGAINST:
			o->parent = parse_pid("--against", optarg);
			break;
		default:
			command_option(&o->common, c, optarg, usage);
		}
	}
	if (optind < argc)
		bad_usage("diff takes no \"%s\"; to run the program diff: cowstat -- diff ...",
			  argv[optind]);
	if (!o->child)
		bad_usage("diff needs a process: cowstat diff -p CHILD");
	if (o->child == o->parent)
		bad_usage("--against %d: that is the process itself", o->parent);
}

/* The parent of a process now. Ends the program if it has none. */
static pid_t parent_of(pid_t child)
{
	struct procfs_stat stat;

	if (procfs_stat(child, &stat))
		errx(EXIT_FAILURE, "there is no process %d", child);
	if (!stat.ppid)
		errx(EXIT_FAILURE, "process %d has no parent here; give one: --against PARENT",
		     child);
	return stat.ppid;
}

static void open_pair(const struct options *o, struct diff_pair *pair)
{
	char why[256];

	if (process_memory_open(o->child, &pair->child, why, sizeof(why)) ||
	    process_memory_open(o->parent ? o->parent : parent_of(o->child), &pair->parent, why,
				sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
}

/* Read both processes, or end the program with the reason. */
static void read_pair(struct diff_pair *pair, struct amplification *found)
{
	int error = diff_read(pair, found);

	if (error == -EPERM)
		errx(EXIT_FAILURE,
		     "the kernel hides page frames from this user, so that nobody can tell which pages are shared. Run as root (CAP_SYS_ADMIN in the initial user namespace)");
	if (error == -ESRCH)
		errx(EXIT_FAILURE,
		     "the memory of process %d is gone: it exited, ran another program, or is a kernel thread",
		     pair->gone);
	if (error)
		errx(EXIT_FAILURE, "%s", strerror(-error));
}

/* What the table, if there is one, has counted of the child. */
static struct diff_counted read_counted(const struct options *o, const struct diff_pair *pair)
{
	struct diff_counted counted = {};
	const struct cow_row *row;
	struct cow_table t;
	char why[256];

	if (o->common.table)
		source_read(o->common.table, &t);
	else if (cow_table_read(source_path("auto"), &t, why, sizeof(why)))
		return counted;
	row = cow_table_find(&t, pair->child.pid);
	if (row && row->known[COWSTAT_COL_PPID] &&
	    row->value[COWSTAT_COL_PPID] == (uint64_t)pair->parent.pid) {
		counted.by_child = share_copied_by_child(row);
		counted.by_parent = share_copied_by_parent(row);
	}
	cow_table_free(&t);
	return counted;
}

/**
 * cmd_diff() - `cowstat diff`
 * @argc: number of arguments, the word diff included
 * @argv: the arguments
 *
 * Return: the exit status of the program.
 */
int cmd_diff(int argc, char **argv)
{
	static struct amplification found; /* too large for the stack */
	struct diff_pair pair = {};
	struct diff_report report = { .pair = &pair, .found = &found };
	struct options o = {};
	FILE *to;

	argv[0] = program_invocation_short_name; /* for messages of getopt_long() */
	parse(argc, argv, &o);
	if (o.common.picture && !can_draw())
		return EXIT_FAILURE;
	open_pair(&o, &pair);
	read_pair(&pair, &found);
	if (amplification_unrelated(&found))
		errx(EXIT_FAILURE,
		     "%d %s and %d %s have no page in common: one has run another program, or no fork made them of one process. To compare with another process: --against PARENT",
		     pair.child.pid, pair.child.comm, pair.parent.pid, pair.parent.comm);
	report.counted = read_counted(&o, &pair);
	to = options_output(o.common.output);
	if (o.common.json && json_write(to, json_diff(&report), false))
		err(EXIT_FAILURE, "cannot write the document");
	if (!o.common.json)
		view_diff(to, &report);
	options_written(to, o.common.output);
	if (o.common.picture)
		picture_diff(&report, o.common.picture);
	process_memory_close(&pair.child);
	process_memory_close(&pair.parent);
	return EXIT_SUCCESS;
}
