// SPDX-License-Identifier: GPL-2.0
/*
 * cowbench: fork as programs do, and show from /proc/cowstat what the kernel copied and what
 * it did not. This file has the command line; scenario.c measures, result_text.c and
 * result_json.c print, report.c makes a page with pictures.
 */
#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "options.h"
#include "report.h"
#include "scenario.h"
#include "usage.h"
#include "workload.h"

#define MAX_COUNT	100000
#define MAX_WORKERS	4096
#define MAX_DURATION	3600		/* seconds */
#define MAX_RATE	100000000
#define MAX_SIZES	64

enum option_id {
	OPT_SIZE = 256, /* beyond any character, for getopt_long() */
	OPT_PAGE_SIZE,
	OPT_COUNT,
	OPT_WARMUP,
	OPT_CPU,
	OPT_FORMAT,
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
 * @o: parameters of the measurement
 * @size: sizes to be measured, one after the other
 * @nr_sizes: their number; 0 if none was given
 * @json: print JSON
 * @emulated: label times as emulated
 * @output: print to this file, or NULL
 * @pictures: write a report's pictures to this folder, or NULL
 * @given: OPTION_BIT() of each option that was given
 */
struct command {
	struct bench_options o;
	uint64_t size[MAX_SIZES];
	size_t nr_sizes;
	bool json;
	bool emulated;
	const char *output;
	const char *pictures;
	unsigned int given;
};

/* clang-format off */
static const struct option longs[] = {
	{ "size",	required_argument,	NULL, OPT_SIZE },
	{ "page-size",	required_argument,	NULL, OPT_PAGE_SIZE },
	{ "count",	required_argument,	NULL, OPT_COUNT },
	{ "warmup",	required_argument,	NULL, OPT_WARMUP },
	{ "cpu",	required_argument,	NULL, OPT_CPU },
	{ "format",	required_argument,	NULL, OPT_FORMAT },
	{ "json",	no_argument,		NULL, OPT_JSON },	/* old spelling */
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
/* clang-format on */

/* Options of all scenarios, of the report, and of some scenarios. */
#define COMMON_OPTIONS	(OPTION_BIT(OPT_SIZE) | OPTION_BIT(OPT_PAGE_SIZE) |	\
			 OPTION_BIT(OPT_COUNT) | OPTION_BIT(OPT_WARMUP) |	\
			 OPTION_BIT(OPT_CPU) | OPTION_BIT(OPT_FORMAT) |	\
			 OPTION_BIT(OPT_JSON) | OPTION_BIT(OPT_OUTPUT) |	\
			 OPTION_BIT(OPT_EMULATED))
#define REPORT_OPTIONS	(OPTION_BIT(OPT_SIZE) | OPTION_BIT(OPT_COUNT) |		\
			 OPTION_BIT(OPT_WARMUP) | OPTION_BIT(OPT_CPU) |		\
			 OPTION_BIT(OPT_EMULATED) | OPTION_BIT(OPT_OUTPUT) |	\
			 OPTION_BIT(OPT_DURATION) | OPTION_BIT(OPT_PICTURES))
static const struct {
	enum takes takes;
	unsigned int options;
} some_options[] = {
	{ TAKES_EXEC, OPTION_BIT(OPT_EXEC) },
	{ TAKES_WRITER, OPTION_BIT(OPT_WRITER) },
	{ TAKES_SHARE, OPTION_BIT(OPT_SHARE) | OPTION_BIT(OPT_ORDER) },
	{ TAKES_WORKERS, OPTION_BIT(OPT_WORKERS) },
	{ TAKES_SNAPSHOT, OPTION_BIT(OPT_DURATION) | OPTION_BIT(OPT_RATE) },
};

static void usage(FILE *to)
{
	size_t i;

	fputs("usage: cowbench SCENARIO [OPTION...]\n"
	      "Fork a large process, and show from " COWSTAT_PROC_PATH " what was copied.\n"
	      "Scenarios:\n",
	      to);
	for (i = 0; i < nr_scenarios; i++)
		fprintf(to, "  %-12s %s\n", scenarios[i].name, scenarios[i].help);
	fputs("  report       all of these at several sizes, as one HTML page with pictures\n"
	      "Options:\n"
	      "  --size SIZE       memory of the process that forks (default 500M; k, M, G);\n"
	      "                    several: 1M,64M,1G, or 1M..1G to double from 1M to 1G\n"
	      "  --page-size KIND  4k, thp or hugetlb (default 4k)\n"
	      "  --count N         measured runs (default: see the man page)\n"
	      "  --warmup N        unmeasured runs before (default 1; summary, snapshot: 0)\n"
	      "  --cpu LIST        run on these CPUs only, like 0 or 2,4-7\n"
	      "  -o, --format json percentiles and all values as JSON\n"
	      "  --output FILE     write to FILE; report: the page (default cowbench.html)\n"
	      "  --emulated        label times as emulated, even if this is not detected\n"
	      "summary, fork-exec, eager:\n"
	      "  --exec PATH       program that the child runs (default /bin/true)\n"
	      "fork-write, prefork:\n"
	      "  --writer WHO      child, parent or both (default child; not in prefork)\n"
	      "  --share PERCENT   share of the pages that is written (default 10)\n"
	      "  --order ORDER     seq or random (default seq)\n"
	      "  --workers N       prefork: number of workers (default 4)\n"
	      "snapshot (and report: --duration):\n"
	      "  --duration SECS   time in which the child reads all memory (default 5)\n"
	      "  --rate N          writes per second by the parent (default 10000)\n"
	      "report:\n"
	      "  --pictures DIR    write the pictures to DIR too, as SVG files\n"
	      "Others:\n"
	      "  --help\n"
	      "  --version\n"
	      "\"call\" is the time until the call returned in the parent; \"to exit\", and the times\n"
	      "of summary, are until the child had exited. p50 is the median.\n"
	      "Exit status: 0 success, 1 error, 2 wrong command line.\n",
	      to);
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

/* SIZE, SIZE,SIZE... or FIRST..LAST: double the first one, and end with the last one. */
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
			bad_usage("--size %s..%s: give the smaller one first", text, to + 2);
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
		bad_usage("--page-size %s: give 4k, thp or hugetlb", text);
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
		bad_usage("--writer %s: give child, parent or both", text);
}

static void set_order(struct command *c, const char *text)
{
	if (strcmp(text, "seq") && strcmp(text, "random"))
		bad_usage("--order %s: give seq or random", text);
	c->o.random = !strcmp(text, "random");
}

/* "0", "2,4-7": run on these CPUs from now on, children included. */
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
		from = options_number("--cpu", word, 0, CPU_SETSIZE - 1);
		to = dash ? options_number("--cpu", dash + 1, from, CPU_SETSIZE - 1) : from;
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
		c->o.count = options_number("--count", text, 1, MAX_COUNT);
		break;
	case OPT_WARMUP:
		c->o.warmup = options_number("--warmup", text, 0, MAX_COUNT);
		break;
	case OPT_CPU:
		set_cpus(c, text);
		break;
	case OPT_FORMAT:
		options_format(text);
		c->json = true;
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
		c->o.share = options_number("--share", text, 1, 100);
		break;
	case OPT_ORDER:
		set_order(c, text);
		break;
	case OPT_WORKERS:
		c->o.workers = options_number("--workers", text, 1, MAX_WORKERS);
		break;
	case OPT_DURATION:
		c->o.duration_ms = 1000 * options_number("--duration", text, 1, MAX_DURATION);
		break;
	case OPT_RATE:
		c->o.rate = options_number("--rate", text, 0, MAX_RATE);
		break;
	case OPT_EMULATED:
		c->emulated = true;
		break;
	case OPT_OUTPUT:
		c->output = text;
		break;
	case OPT_PICTURES:
		c->pictures = text;
		break;
	case OPT_HELP:
		usage(stdout);
		exit(EXIT_SUCCESS);
	case OPT_VERSION:
		options_version("cowbench");
	}
	c->given |= OPTION_BIT(id);
}

/* Refuse options that were given but have no meaning here. */
static void reject_options(const struct command *c, const char *name, unsigned int taken)
{
	size_t i;

	for (i = 0; longs[i].name; i++)
		if (c->given & ~taken & OPTION_BIT(longs[i].val))
			bad_usage("--%s is not an option of %s", longs[i].name, name);
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
	size_t i;

	if (!result)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < c->nr_sizes; i++) {
		o.size = c->size[i];
		scenario_run(s, &o, &result[i]);
	}
	if (c->json) {
		if (json_write(stdout, results_json(result, c->nr_sizes, m), false))
			errx(EXIT_FAILURE, "cannot write the result");
	} else if (c->nr_sizes > 1) {
		results_print(result, c->nr_sizes, m);
	} else {
		s->print(result, m);
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
	};
	struct report_output report;
	struct machine m;
	int id;

	while ((id = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (id == '?')
			point_to_help(); /* getopt_long() has printed the reason */
		if (id == 'o')
			id = OPT_FORMAT;
		set_option(&c, id, optarg);
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (optind + 1 < argc)
		bad_usage("give only one scenario; \"%s\" is one too many", argv[optind + 1]);
	machine_read(&m);
	m.emulated |= c.emulated;
	if (!strcmp(argv[optind], "report")) {
		reject_options(&c, "report", REPORT_OPTIONS);
		if (!(c.given & OPTION_BIT(OPT_WARMUP)))
			c.o.warmup = 1;
		report.page = c.output ?: "cowbench.html";
		report.pictures = c.pictures;
		return report_make(&report, &c.o, c.size, c.nr_sizes, &m);
	}
	if (c.output && !freopen(c.output, "w", stdout))
		err(EXIT_FAILURE, "cannot write %s", c.output);
	if (!c.nr_sizes)
		add_size(&c, 500ULL << 20);
	run(&c, which_scenario(argv[optind], &c), &m);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write the result");
	return EXIT_SUCCESS;
}
