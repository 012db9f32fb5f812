// SPDX-License-Identifier: GPL-2.0
/*
 * cowbench: do to a kernel what programs do to it that fork, and tell from /proc/cowstat
 * what it copied and what it did not. Here is the command line; scenario.c measures,
 * result_text.c and result_json.c show, report.c makes a page with pictures of it.
 */
#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "report.h"
#include "scenario.h"
#include "usage.h"
#include "workload.h"

#define MAX_COUNT	100000
#define MAX_WORKERS	4096
#define MAX_DURATION	3600		/* seconds */
#define MAX_RATE	100000000
#define MAX_SIZES	64		/* of a sweep */

enum option_id {
	OPT_SIZE = 256,		/* beyond any character, for getopt_long() */
	OPT_PAGE_SIZE,
	OPT_COUNT,
	OPT_WARMUP,
	OPT_CPU,
	OPT_JSON,
	OPT_EXEC,
	OPT_WRITER,
	OPT_SHARE,
	OPT_ORDER,
	OPT_WORKERS,
	OPT_DURATION,
	OPT_RATE,
	OPT_EMULATED,
	OPT_OUTPUT,
	OPT_PICTURES,
	OPT_HELP,
	OPT_VERSION,
};

#define OPTION_BIT(id)	(1U << ((id) - OPT_SIZE))

/**
 * struct command - the command line
 * @o: what to measure
 * @size: at which sizes, one after the other
 * @nr_sizes: how many; 0 unless told
 * @json: print JSON
 * @emulated: the caller says so
 * @report: where a report's page and pictures go
 * @given: OPTION_BIT() of each option that was given
 */
struct command {
	struct bench_options o;
	uint64_t size[MAX_SIZES];
	size_t nr_sizes;
	bool json;
	bool emulated;
	struct report_output report;
	unsigned int given;
};

static const struct option longs[] = {
	{ "size",	required_argument,	NULL, OPT_SIZE },
	{ "page-size",	required_argument,	NULL, OPT_PAGE_SIZE },
	{ "count",	required_argument,	NULL, OPT_COUNT },
	{ "warmup",	required_argument,	NULL, OPT_WARMUP },
	{ "cpu",	required_argument,	NULL, OPT_CPU },
	{ "json",	no_argument,		NULL, OPT_JSON },
	{ "exec",	required_argument,	NULL, OPT_EXEC },
	{ "writer",	required_argument,	NULL, OPT_WRITER },
	{ "share",	required_argument,	NULL, OPT_SHARE },
	{ "order",	required_argument,	NULL, OPT_ORDER },
	{ "workers",	required_argument,	NULL, OPT_WORKERS },
	{ "duration",	required_argument,	NULL, OPT_DURATION },
	{ "rate",	required_argument,	NULL, OPT_RATE },
	{ "emulated",	no_argument,		NULL, OPT_EMULATED },
	{ "output",	required_argument,	NULL, OPT_OUTPUT },
	{ "pictures",	required_argument,	NULL, OPT_PICTURES },
	{ "help",	no_argument,		NULL, OPT_HELP },
	{ "version",	no_argument,		NULL, OPT_VERSION },
	{}
};

/* Options that all scenarios take, and those that some take. */
#define COMMON_OPTIONS	(OPTION_BIT(OPT_SIZE) | OPTION_BIT(OPT_PAGE_SIZE) |	\
			 OPTION_BIT(OPT_COUNT) | OPTION_BIT(OPT_WARMUP) |	\
			 OPTION_BIT(OPT_CPU) | OPTION_BIT(OPT_JSON) | OPTION_BIT(OPT_EMULATED))
#define REPORT_OPTIONS	(OPTION_BIT(OPT_SIZE) | OPTION_BIT(OPT_COUNT) |		\
			 OPTION_BIT(OPT_WARMUP) | OPTION_BIT(OPT_CPU) |		\
			 OPTION_BIT(OPT_EMULATED) | OPTION_BIT(OPT_OUTPUT) |	\
			 OPTION_BIT(OPT_DURATION) | OPTION_BIT(OPT_PICTURES))
static const struct {
	enum takes takes;
	unsigned int options;
} some_options[] = {
	{ TAKES_EXEC,		OPTION_BIT(OPT_EXEC) },
	{ TAKES_WRITER,		OPTION_BIT(OPT_WRITER) },
	{ TAKES_SHARE,		OPTION_BIT(OPT_SHARE) | OPTION_BIT(OPT_ORDER) },
	{ TAKES_WORKERS,	OPTION_BIT(OPT_WORKERS) },
	{ TAKES_SNAPSHOT,	OPTION_BIT(OPT_DURATION) | OPTION_BIT(OPT_RATE) },
};

static void usage(FILE *to)
{
	size_t i;

	fputs("usage: cowbench SCENARIO [OPTION...]\n"
	      "Fork a large process; tell from " COWSTAT_PROC_PATH " what was copied.\n"
	      "Scenarios:\n", to);
	for (i = 0; i < nr_scenarios; i++)
		fprintf(to, "  %-12s %s\n", scenarios[i].name, scenarios[i].help);
	fputs("  report       a sweep over all of that, as one HTML page with pictures\n"
	      "Options:\n"
	      "  --size SIZE       memory of the process that forks (default 500M; k, M, G);\n"
	      "                    a sweep: 1M,64M,1G, or 1M..1G, doubling\n"
	      "  --page-size KIND  4k, thp or hugetlb (default 4k)\n"
	      "  --count N         runs that are measured (default: see the man page)\n"
	      "  --warmup N        runs before those (default 1; summary and snapshot 0)\n"
	      "  --cpu LIST        run on these CPUs only, like 0 or 2,4-7\n"
	      "  --json            percentiles and all values as JSON\n"
	      "  --emulated        label times as emulated, even where that cannot be detected\n"
	      "summary, fork-exec, eager:\n"
	      "  --exec PATH       program the child runs (default /bin/true)\n"
	      "fork-write, prefork:\n"
	      "  --writer WHO      child, parent or both (default child; not prefork)\n"
	      "  --share PERCENT   of the pages that are written (default 10)\n"
	      "  --order ORDER     seq or random (default seq)\n"
	      "  --workers N       prefork: how many (default 4)\n"
	      "snapshot (and report: --duration):\n"
	      "  --duration SECS   in which the child reads everything (default 5)\n"
	      "  --rate N          writes a second by the parent (default 10000)\n"
	      "report:\n"
	      "  --output FILE     the page (default cowbench.html)\n"
	      "  --pictures DIR    the pictures too, as SVG files\n"
	      "Others:\n"
	      "  --help\n"
	      "  --version\n"
	      "\"call\" is until the call returned in the parent, \"to exit\" and the times of\n"
	      "summary are until the child had exited; p50 is the median.\n"
	      "Exit status: 0 good, 1 an error, 2 a wrong command line.\n", to);
}

static uint64_t one_size(const char *text)
{
	uint64_t size;

	if (parse_size(text, &size) || size > INT64_MAX)
		bad_usage("--size %s: not a size; give one like 500M, 1G or 64k", text);
	if (size < COWSTAT_PAGE_BYTES)
		bad_usage("--size %s: smaller than a page; give 4k or more", text);
	/* Pages are numbered in 32 bits. */
	if (size / COWSTAT_PAGE_BYTES >= UINT32_MAX)
		bad_usage("--size %s: larger than 16 TiB", text);
	return size;
}

static void add_size(struct command *c, uint64_t size)
{
	if (c->nr_sizes == MAX_SIZES)
		bad_usage("--size: more than %d sizes", MAX_SIZES);
	c->size[c->nr_sizes++] = size;
}

/* SIZE, SIZE,SIZE... or SIZE..SIZE: doubling, and the last one in any case. */
static void set_size(struct command *c, char *text)
{
	char *to, *word;
	uint64_t size, last;

	c->nr_sizes = 0;
	to = strstr(text, "..");
	if (to) {
		*to = '\0';
		size = one_size(text);
		last = one_size(to + 2);
		if (size > last)
			bad_usage("--size %s..%s: the smaller one first, please", text, to + 2);
		for (; size < last; size *= 2)
			add_size(c, size);
		add_size(c, last);
		return;
	}
	while ((word = strsep(&text, ",")))
		add_size(c, one_size(word));
}

static void set_page_size(struct command *c, const char *text)
{
	enum page_kind kind;

	for (kind = 0; kind < NR_PAGE_KINDS; kind++)
		if (!strcmp(page_kind_name(kind), text))
			break;
	if (kind == NR_PAGE_KINDS)
		bad_usage("--page-size %s: no such pages; give 4k, thp or hugetlb", text);
	c->o.pages = kind;
}

static void set_writer(struct command *c, const char *text)
{
	if (!strcmp(text, "child"))
		c->o.writers = WRITER_CHILD;
	else if (!strcmp(text, "parent"))
		c->o.writers = WRITER_PARENT;
	else if (!strcmp(text, "both"))
		c->o.writers = WRITER_CHILD | WRITER_PARENT;
	else
		bad_usage("--writer %s: who is that? Give child, parent or both", text);
}

static void set_order(struct command *c, const char *text)
{
	if (strcmp(text, "seq") && strcmp(text, "random"))
		bad_usage("--order %s: no such order; give seq or random", text);
	c->o.random = !strcmp(text, "random");
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t n;

	if (parse_number(text, min, max, &n))
		bad_usage("--%s %s: give a number from %llu to %llu", option, text,
			  (unsigned long long)min, (unsigned long long)max);
	return n;
}

/* "0", "2,4-7": from here on we run there, and so do our children. */
static void set_cpus(struct command *c, const char *text)
{
	char *copy = strdup(text), *list = copy, *word, *dash;
	uint64_t from, to;
	cpu_set_t set;

	if (!copy)
		err(EXIT_FAILURE, NULL);
	CPU_ZERO(&set);
	while ((word = strsep(&list, ","))) {
		dash = strchr(word, '-');
		if (dash)
			*dash = '\0';
		from = number("cpu", word, 0, CPU_SETSIZE - 1);
		to = dash ? number("cpu", dash + 1, from, CPU_SETSIZE - 1) : from;
		for (; from <= to; from++)
			CPU_SET(from, &set);
	}
	free(copy);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(EXIT_FAILURE, "--cpu %s: cannot run there", text);
	c->o.cpus = text;
}

static void set_option(struct command *c, enum option_id id, char *text)
{
	switch (id) {
	case OPT_SIZE:
		set_size(c, text);
		break;
	case OPT_PAGE_SIZE:
		set_page_size(c, text);
		break;
	case OPT_COUNT:
		c->o.count = number("count", text, 1, MAX_COUNT);
		break;
	case OPT_WARMUP:
		c->o.warmup = number("warmup", text, 0, MAX_COUNT);
		break;
	case OPT_CPU:
		set_cpus(c, text);
		break;
	case OPT_JSON:
		c->json = true;
		break;
	case OPT_EXEC:
		c->o.exec = text;
		break;
	case OPT_WRITER:
		set_writer(c, text);
		break;
	case OPT_SHARE:
		c->o.share = number("share", text, 1, 100);
		break;
	case OPT_ORDER:
		set_order(c, text);
		break;
	case OPT_WORKERS:
		c->o.workers = number("workers", text, 1, MAX_WORKERS);
		break;
	case OPT_DURATION:
		c->o.duration_ms = 1000 * number("duration", text, 1, MAX_DURATION);
		break;
	case OPT_RATE:
		c->o.rate = number("rate", text, 0, MAX_RATE);
		break;
	case OPT_EMULATED:
		c->emulated = true;
		break;
	case OPT_OUTPUT:
		c->report.page = text;
		break;
	case OPT_PICTURES:
		c->report.pictures = text;
		break;
	case OPT_HELP:
		usage(stdout);
		exit(EXIT_SUCCESS);
	case OPT_VERSION:
		puts("cowbench " COWSTAT_RELEASE);
		exit(EXIT_SUCCESS);
	}
	c->given |= OPTION_BIT(id);
}

/* Options that were given and that make no sense here. */
static void reject_options(const struct command *c, const char *name, unsigned int taken)
{
	size_t i;

	for (i = 0; longs[i].name; i++)
		if (c->given & ~taken & OPTION_BIT(longs[i].val))
			bad_usage("--%s is no option of %s", longs[i].name, name);
}

static const struct scenario *which_scenario(const char *name, struct command *c)
{
	const struct scenario *s = find_scenario(name);
	unsigned int taken = COMMON_OPTIONS;
	size_t i;

	if (!s)
		bad_usage("there is no scenario \"%s\"", name);
	for (i = 0; i < ARRAY_SIZE(some_options); i++)
		if (s->takes & some_options[i].takes)
			taken |= some_options[i].options;
	reject_options(c, name, taken);
	if (!c->o.count)
		c->o.count = s->count;
	if (!(c->given & OPTION_BIT(OPT_WARMUP)))
		c->o.warmup = s->warmup;
	return s;
}

static void run(const struct command *c, const struct scenario *s, const struct machine *m)
{
	struct result *result = calloc(c->nr_sizes, sizeof(*result));
	struct bench_options o = c->o;
	json_t *json;
	size_t i;

	if (!result)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < c->nr_sizes; i++) {
		o.size = c->size[i];
		scenario_run(s, &o, &result[i]);
	}
	if (c->json) {
		json = results_json(result, c->nr_sizes, m);
		if (json_dumpf(json, stdout, JSON_INDENT(1)) || putchar('\n') == EOF)
			errx(EXIT_FAILURE, "cannot write the result");
		json_decref(json);
	} else if (c->nr_sizes > 1) {
		results_print(result, c->nr_sizes, m);
	} else {
		result_print(result, m);
	}
	for (i = 0; i < c->nr_sizes; i++)
		result_free(&result[i]);
	free(result);
}

int main(int argc, char **argv)
{
	struct command c = {
		.o = {
			.exec = "/bin/true",
			.writers = WRITER_CHILD,
			.share = 10,
			.workers = 4,
			.duration_ms = 5000,
			.rate = 10000,
		},
		.report.page = "cowbench.html",
	};
	struct machine m;
	int id;

	while ((id = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (id == '?')
			point_to_help();	/* getopt_long() has said why */
		set_option(&c, id, optarg);
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (optind + 1 < argc)
		bad_usage("one scenario at a time, please: \"%s\" is one too many",
			  argv[optind + 1]);
	machine_read(&m);
	m.emulated |= c.emulated;
	if (!strcmp(argv[optind], "report")) {
		reject_options(&c, "report", REPORT_OPTIONS);
		if (!(c.given & OPTION_BIT(OPT_WARMUP)))
			c.o.warmup = 1;
		return report_make(&c.report, &c.o, c.size, c.nr_sizes, &m);
	}
	if (!c.nr_sizes)
		add_size(&c, 500ULL << 20);
	run(&c, which_scenario(argv[optind], &c), &m);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write the result");
	return EXIT_SUCCESS;
}
