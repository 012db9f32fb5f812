// SPDX-License-Identifier: GPL-2.0
/*
 * cowdemo: a demonstration of copy-on-write that measures each thing it says. All numbers are
 * read while it runs, from /proc/PID/pagemap, /proc/kpagecount, /proc/cowstat, /proc/PID/
 * smaps_rollup and /proc/meminfo. A number that cannot be read is shown as unknown. This file
 * has the script; steps.c has the steps, measure.c the measurements.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"
#include "procfs.h"
#include "steps.h"
#include "terminal.h"
#include "usage.h"

#define EXIT_REFUTED	3	/* a measurement contradicts what is taught */

/* Before the first step: say what cannot be measured here, and why. */
static void introduce(const struct lesson *l)
{
	printf("%sCopy-on-write, measured%s on Linux %s", ink(INK_TITLE), no_ink(),
	       l->machine.kernel);
	printf("%s\n", l->machine.emulated ? " (emulated)" : "");
	if (!l->e.sees_pfn)
		print_wrapped("  Reduced: ", "     ",
			      "frame numbers and map counts are visible to root only. Whether a page is shared is known from its exclusive flag (excl.).");
	if (!l->e.sees_table)
		print_wrapped("  Reduced: ", "     ", "faults are not counted: %s",
			      l->e.why_no_table);
	print_wrapped("  ", "  ",
		      "frame: the page's place in physical memory. excl.: no other process maps it. mapped: number of page table entries that map it. faults, copied, reused: what " COWSTAT_PROC_PATH
		      " counted in this step.");
}

static void pause_for_reader(bool wait)
{
	if (!wait)
		return;
	switch (wait_for_key("  [any key: continue; q: quit]")) {
	case 'q':
		exit(EXIT_SUCCESS);
	default:
		break;
	}
}

static void run_step(struct lesson *l, size_t number, bool wait)
{
	const struct step *step = &steps[number];

	printf("\n%sStep %zu of %zu: %s%s\n", ink(INK_TITLE), number + 1, nr_steps, step->title,
	       no_ink());
	fputs(ink(INK_QUESTION), stdout);
	print_wrapped("  ?  ", "     ", "%s", step->question);
	fputs(no_ink(), stdout);
	pause_for_reader(wait);
	putchar('\n');
	step->show(l);
	fflush(stdout);
}

static void ask(size_t number, const char *question, bool wait)
{
	char first[8];

	snprintf(first, sizeof(first), "  %zu. ", number);
	fputs(ink(INK_QUESTION), stdout);
	print_wrapped(first, "     ", "%s", question);
	fputs(no_ink(), stdout);
	pause_for_reader(wait);
}

static void print_answers(const struct lesson *l, bool wait)
{
	const struct answers *a = &l->answers;
	struct text size = format_size_short(region_bytes(&l->e.big));
	char question[128];

	printf("\n%sFive questions, with the answers just measured%s\n", ink(INK_TITLE), no_ink());
	ask(1, "What is copied at fork?", wait);
	print_wrapped("     ", "     ",
		      "No page of data: %s pages were shared. Page tables were built: %s.",
		      format_number(a->shared_pages).s, format_size(a->tables).s);
	ask(2, "Which process pays, parent or child?", wait);
	if (l->e.sees_table)
		print_wrapped("     ", "     ",
			      "The one that writes first: the child wrote 1 page first and copied %" PRIu64
			      "; the parent wrote %d first and copied %" PRIu64 ".",
			      a->child_copied, PARENT_PAGES, a->parent_copied);
	else
		print_wrapped("     ", "     ",
			      "The one that writes first: it got the new frame. (The copies were not counted, see above.)");
	ask(3, "What happens when the last owner of a page writes to it?", wait);
	if (l->e.sees_table)
		print_wrapped("     ", "     ",
			      "A fault, and no copy: of %" PRIu64 " such writes %" PRIu64
			      " reused the page, %" PRIu64 " copied it.",
			      a->last_reused + a->last_copied, a->last_reused, a->last_copied);
	else
		print_wrapped("     ", "     ",
			      "No copy: the frame stayed the same. (The faults were not counted, see above.)");
	ask(4, "Why does fork + exec copy a few pages, and not zero?", wait);
	print_wrapped("     ", "     ",
		      "The child runs until its exec, and writes to memory that every program writes to: %s. Here %" PRIu64
		      " pages%s.",
		      *a->where ? a->where : "stack and libc", a->exec_copied,
		      a->exec_known ? "" : ", at least");
	snprintf(question, sizeof(question), "What does a fork of %s really cost?", size.s);
	ask(5, question, wait);
	print_wrapped("     ", "     ",
		      "%s%s and %s of page tables, instead of copying %s. MemAvailable fell by %s.",
		      format_duration(a->fork_ns).s,
		      l->machine.emulated ? " (emulated: compare only)" : "",
		      format_size(a->tables).s, size.s, format_size(a->memory_fell).s);
	if (l->refuted)
		printf("\n%s%zu sentence%s not true here: see \"!!\" above.%s\n", ink(INK_BAD),
		       l->refuted, l->refuted == 1 ? " was" : "s were", no_ink());
}

/*
 * Stay on one CPU. A page in the LRU batch of another CPU looks shared, so the kernel would
 * copy it even for its last owner.
 */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		warn("cannot stay on one CPU; a page may then be copied although it has one owner");
}

static void usage(FILE *to)
{
	fputs("usage: cowdemo [--step] [--size SIZE]\n"
	      "Demonstrate copy-on-write step by step, and measure each step.\n"
	      "  --step        wait for a key after each question\n"
	      "  --size SIZE   memory of the large process (default 500M; k, M, G)\n"
	      "  --help\n"
	      "  --version\n"
	      "Full detail needs root and the cowstat module. Without them, cowdemo shows less and\n"
	      "says what is missing.\n"
	      "Exit status: 0 success, 1 error, 2 wrong command line, 3 a measurement contradicts\n"
	      "what is taught about copy-on-write.\n",
	      to);
}

static uint64_t size_option(const char *text)
{
	uint64_t size;

	if (parse_size(text, &size) || size < 1 << 20 || size > 1ULL << 40)
		bad_usage("--size %s: give one from 1M to 1T, like 500M", text);
	return size;
}

int main(int argc, char **argv)
{
	enum { OPT_STEP = 256, OPT_SIZE, OPT_HELP, OPT_VERSION };
	/* clang-format off */
	static const struct option longs[] = {
		{ "step",	no_argument,		NULL, OPT_STEP },
		{ "size",	required_argument,	NULL, OPT_SIZE },
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "version",	no_argument,		NULL, OPT_VERSION },
		{}
	};
	/* clang-format on */
	bool wait = false;
	struct lesson l = {};
	uint64_t size = 500ULL << 20, available;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case OPT_STEP:
			wait = true;
			break;
		case OPT_SIZE:
			size = size_option(optarg);
			break;
		case OPT_HELP:
			usage(stdout);
			return EXIT_SUCCESS;
		case OPT_VERSION:
			puts("cowdemo " COWSTAT_RELEASE);
			return EXIT_SUCCESS;
		default:
			point_to_help(); /* getopt_long() has said why */
		}
	}
	if (optind < argc)
		bad_usage("unexpected argument \"%s\"", argv[optind]);
	available = procfs_meminfo("MemAvailable");
	if (available && size > available / 5 * 4)
		errx(EXIT_FAILURE, "only %s of memory is available; try a smaller --size",
		     format_size(available).s);
	terminal_init();
	stay_on_one_cpu();
	machine_read(&l.machine);
	experiment_init(&l.e, size);
	introduce(&l);
	for (i = 0; i < nr_steps; i++)
		run_step(&l, i, wait);
	print_answers(&l, wait);
	experiment_free(&l.e);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write to stdout");
	return l.refuted ? EXIT_REFUTED : EXIT_SUCCESS;
}
