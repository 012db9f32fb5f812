// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "format.h"
#include "options.h"
#include "source.h"
#include "usage.h"

static void usage(void)
{
	fputs("usage: cowstat [OPTION...] [INTERVAL [COUNT]]\n"
	      "       cowstat [--amplification] [-o json] [--output FILE] -- COMMAND [ARG...]\n"
	      "       cowstat top [OPTION...] [INTERVAL [COUNT]]\n"
	      "       cowstat forecast -p PID [OPTION...]\n"
	      "       cowstat diff -p CHILD [OPTION...]\n"
	      "       cowstat workers -p MASTER [OPTION...] [INTERVAL [COUNT]]\n"
	      "       cowstat serve [OPTION...]\n"
	      "       cowstat doctor [--load]\n"
	      "       cowstat bpf load | unload\n"
	      "Show what copy-on-write did, by process; those that copied most come first. With\n"
	      "an interval in seconds: rates per second. With a command: what copy-on-write\n"
	      "cost its process tree. top is a screen with the keys of top(1); its key h helps.\n"
	      "Which processes:\n"
	      "  -a, --all              also processes without any counted event\n"
	      "  -p, --pid PID[,PID...] only these processes, also after they have exited;\n"
	      "                         SELF is cowstat, ALL is -a\n"
	      "  -C, --comm REGEX       only processes whose name matches\n"
	      "  -G, --cgroup PATH      only processes in this cgroup and those below it\n"
	      "  -n, --top N            only the first N lines\n"
	      "  -s, --sort COLUMN      sort by a column of " COWSTAT_PROC_PATH "\n"
	      "What to show:\n"
	      "      --columns LIST     these columns, or: thp, hugetlb, ksm, pinned, file\n"
	      "  -t, --totals           only the total of all processes\n"
	      "      --forks            for each child: what fork shared, what was copied\n"
	      "  -T, --tree             the same, as a tree of processes\n"
	      "      --by WHAT          sums by cgroup, comm or uid\n"
	      "      --smaps            with -p: resident memory beside the counts (slow)\n"
	      "      --time             time spent on copy-on-write, and part of the run time\n"
	      "  -H, --absolute         with an interval: counts since counting began, no rates\n"
	      "  -l, --command-line     whole command lines, not names\n"
	      "      --human            sizes with units\n"
	      "Output for programs:\n"
	      "  -o, --format json      JSON; with an interval one line for each report\n"
	      "      --openmetrics      the totals for Prometheus\n"
	      "      --textfile DIR     metrics for node_exporter, written every 15 seconds or\n"
	      "                         every INTERVAL\n"
	      "      --output FILE      write to FILE, not to standard output\n"
	      "Others:\n"
	      "      --amplification    with a command: for how many bytes pages were copied;\n"
	      "                         stops each process when it starts, forks and ends\n"
	      "      --load             with doctor: only check the counts, print only errors\n"
	      "      --source WHICH     proc (the module), bpf, auto, or the path of a table\n"
	      "      --help\n"
	      "      --version\n"
	      "Exit status: 0 success; 1 error, or nothing to show; 2 wrong command line. With\n"
	      "a command: its own status; 128+N if signal N killed it, 127 if it was not found,\n"
	      "126 if it could not be run, 125 if cowstat could not start it.\n"
	      "cowstat serve --help tells what it serves. cowstat(8) explains the columns.\n",
	      stdout);
	if (fflush(stdout))
		err(EXIT_FAILURE, "cannot write to stdout");
}

enum long_option {
	OPT_FORKS = 256, /* beyond any character, for getopt_long() */
	OPT_BY,
	OPT_SMAPS,
	OPT_TIME,
	OPT_COLUMNS,
	OPT_HUMAN,
	OPT_OPENMETRICS,
	OPT_TEXTFILE,
	OPT_OUTPUT,
	OPT_AMPLIFICATION,
	OPT_LOAD,
	OPT_SOURCE,
	OPT_HELP,
	OPT_VERSION,
};

/* clang-format off */
static const struct option longs[] = {
	{ "all",		no_argument,		NULL, 'a' },
	{ "pid",		required_argument,	NULL, 'p' },
	{ "comm",		required_argument,	NULL, 'C' },
	{ "cgroup",		required_argument,	NULL, 'G' },
	{ "top",		required_argument,	NULL, 'n' },
	{ "sort",		required_argument,	NULL, 's' },
	{ "columns",		required_argument,	NULL, OPT_COLUMNS },
	{ "totals",		no_argument,		NULL, 't' },
	{ "forks",		no_argument,		NULL, OPT_FORKS },
	{ "tree",		no_argument,		NULL, 'T' },
	{ "by",			required_argument,	NULL, OPT_BY },
	{ "smaps",		no_argument,		NULL, OPT_SMAPS },
	{ "time",		no_argument,		NULL, OPT_TIME },
	{ "absolute",		no_argument,		NULL, 'H' },
	{ "command-line",	no_argument,		NULL, 'l' },
	{ "human",		no_argument,		NULL, OPT_HUMAN },
	{ "format",		required_argument,	NULL, 'o' },
	{ "openmetrics",	no_argument,		NULL, OPT_OPENMETRICS },
	{ "textfile",		required_argument,	NULL, OPT_TEXTFILE },
	{ "output",		required_argument,	NULL, OPT_OUTPUT },
	{ "amplification",	no_argument,		NULL, OPT_AMPLIFICATION },
	{ "load",		no_argument,		NULL, OPT_LOAD },
	{ "source",		required_argument,	NULL, OPT_SOURCE },
	{ "help",		no_argument,		NULL, OPT_HELP },
	{ "version",		no_argument,		NULL, OPT_VERSION },
	{}
};
/* clang-format on */

/* The name of each report, for the message that an option does not fit it. */
static const char *const report_names[NR_REPORTS] = {
	[REPORT_ROWS] = "the table",	  [REPORT_TOTAL] = "-t",
	[REPORT_FORKS] = "--forks",	  [REPORT_TREE] = "-T",
	[REPORT_GROUPS] = "--by",	  [REPORT_SMAPS] = "--smaps",
	[REPORT_TIME] = "--time",	  [REPORT_COMMAND] = "a command",
	[REPORT_DOCTOR] = "doctor",	  [REPORT_OPENMETRICS] = "--openmetrics",
	[REPORT_TEXTFILE] = "--textfile", [REPORT_TOP] = "top",
};

#define R(NAME)		(1U << REPORT_##NAME)
#define FORKS		(R(FORKS) | R(TREE))
#define PROCESSES	(R(ROWS) | FORKS | R(GROUPS) | R(SMAPS) | R(TIME))
#define TABLES		(PROCESSES | R(TOTAL))

/* The reports with which an option has a meaning. With any other report it is refused. */
/* clang-format off */
static const struct {
	int option;
	const char *name;
	unsigned int reports;
	bool text;		/* has no meaning with -o json */
} rules[] = {
	{ 'a',		"-a",		R(ROWS) | FORKS | R(GROUPS) | R(TIME) | R(TOP), false },
	{ 'p',		"-p",		PROCESSES | R(TOP), false },
	{ 'C',		"-C",		PROCESSES | R(TOP), false },
	{ 'G',		"-G",		PROCESSES | R(TOP), false },
	{ 'n',		"-n",		PROCESSES, false },
	{ 's',		"-s",		PROCESSES | R(TOP), false },
	{ OPT_COLUMNS,	"--columns",	R(ROWS) | R(TOTAL) | R(TOP), true },
	{ 'H',		"-H",		R(ROWS) | R(TOTAL) | R(GROUPS) | R(TIME) | R(TOP), false },
	{ 'l',		"-l",		R(ROWS) | FORKS | R(TIME) | R(TOP), true },
	{ OPT_HUMAN,	"--human",	R(ROWS) | R(TOTAL) | FORKS | R(GROUPS) | R(TOP), true },
	{ 'o',		"-o",		TABLES | R(COMMAND), false },
	{ OPT_OUTPUT,	"--output",	TABLES | R(COMMAND) | R(OPENMETRICS), false },
	{ OPT_AMPLIFICATION, "--amplification", R(COMMAND), false },
	{ OPT_LOAD,	"--load",	R(DOCTOR), false },
};
/* clang-format on */
#define NR_RULES	(sizeof(rules) / sizeof(rules[0]))

/**
 * struct parser - state while the options are parsed
 * @a: the arguments so far
 * @given: a bit for each of rules[]: the option was given
 */
struct parser {
	struct arguments *a;
	unsigned int given;
};

static void note_given(struct parser *p, int option)
{
	size_t i;

	for (i = 0; i < NR_RULES; i++)
		if (rules[i].option == option)
			p->given |= 1U << i;
}

static void set_report(struct arguments *a, enum report report)
{
	if (a->report != REPORT_ROWS && a->report != report)
		bad_usage("%s and %s cannot be shown together; choose one", report_names[a->report],
			  report_names[report]);
	a->report = report;
}

static void set_comm(struct arguments *a, const char *regex)
{
	if (a->filter.has_comm)
		regfree(&a->filter.comm);
	options_comm(regex, &a->filter.comm);
	a->filter.has_comm = true;
	a->comm = regex;
}

static void set_by(struct arguments *a, const char *what)
{
	static const char *const names[] = {
		[GROUP_CGROUP] = "cgroup",
		[GROUP_COMM] = "comm",
		[GROUP_UID] = "uid",
	};
	int by;

	for (by = GROUP_CGROUP; by <= GROUP_UID; by++)
		if (!strcmp(what, names[by]))
			break;
	if (by > GROUP_UID)
		bad_usage("--by %s: there are no such sums; give cgroup, comm or uid", what);
	if (a->report == REPORT_GROUPS && a->by != (enum grouping)by)
		bad_usage("--by %s and --by %s: give one", names[a->by], what);
	set_report(a, REPORT_GROUPS);
	a->by = by;
}

static enum cowstat_column column_of(const char *option, const char *name)
{
	int column = cow_column_by_name(name);

	if (column < 0)
		bad_usage("%s %s: there is no such column; give one of line 2 of " COWSTAT_PROC_PATH,
			  option, name);
	return column;
}

/* Words of --columns that stand for several columns. */
static const struct {
	const char *word;
	const char *columns;
} column_sets[] = {
	{ "thp", "thp_faults,thp_split,thp_reused,thp_other,copied" },
	{ "hugetlb", "hugetlb_faults,hugetlb_copied,hugetlb_reused,hugetlb_other" },
	{ "ksm", "ksm_copied,copied,reused" },
	{ "pinned", "fork_copied,unshared,remote,copied" },
	{ "file", "file_copied,copied,copied_bytes" },
};

static void add_columns(struct columns *columns, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	size_t i;

	if (!copy)
		err(EXIT_FAILURE, NULL);
	while ((word = strsep(&rest, ","))) {
		for (i = 0; i < ARRAY_SIZE(column_sets); i++)
			if (!strcmp(word, column_sets[i].word))
				break;
		if (i < ARRAY_SIZE(column_sets)) {
			add_columns(columns, column_sets[i].columns);
			continue;
		}
		if (columns->nr == ARRAY_SIZE(columns->chosen))
			bad_usage("--columns: more columns than there are");
		columns->chosen[columns->nr++] = column_of("--columns", word);
	}
	free(copy);
}

/* Is this a command? Its options stand behind it. */
static bool comes_first(const char *word)
{
#define WORD(name)	#name,
	static const char *const words[] = { COWSTAT_COMMANDS(WORD) };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* Parse the words after the options: doctor, or top, an interval and a count. */
static void parse_words(int nr, char **word, struct arguments *a)
{
	if (nr && comes_first(word[0]))
		bad_usage("%s is the first word, before its options: cowstat %s ...", word[0],
			  word[0]);
	if (nr && !strcmp(word[0], "doctor")) {
		if (nr > 1)
			bad_usage("doctor takes no \"%s\"", word[1]);
		set_report(a, REPORT_DOCTOR);
		return;
	}
	if (nr && !strcmp(word[0], "top")) {
		set_report(a, REPORT_TOP);
		nr--;
		word++;
	}
	if (nr > 2)
		bad_usage("unexpected argument \"%s\": an interval and a count are the last",
			  word[2]);
	if (nr)
		a->interval_ns = options_interval(word[0]);
	if (nr > 1)
		a->count = options_number("COUNT", word[1], 1, INT_MAX);
}

static void set_option(struct parser *p, int option, char *text)
{
	struct arguments *a = p->a;

	switch (option) {
	case 'a':
		a->filter.idle = true;
		break;
	case 'p':
		options_pids(text, &a->filter.pids);
		a->filter.idle |= a->filter.pids.all;
		break;
	case 'C':
		set_comm(a, text);
		break;
	case 'G':
		a->cgroup = text;
		break;
	case 'n':
		a->limit = options_number("-n", text, 1, INT_MAX);
		break;
	case 's':
		a->columns.sort = column_of("-s", text);
		a->columns.sort_given = true;
		break;
	case OPT_COLUMNS:
		add_columns(&a->columns, text);
		break;
	case 't':
		set_report(a, REPORT_TOTAL);
		break;
	case OPT_FORKS:
		set_report(a, REPORT_FORKS);
		break;
	case 'T':
		set_report(a, REPORT_TREE);
		break;
	case OPT_BY:
		set_by(a, text);
		break;
	case OPT_SMAPS:
		set_report(a, REPORT_SMAPS);
		break;
	case OPT_TIME:
		set_report(a, REPORT_TIME);
		break;
	case 'H':
		a->absolute = true;
		break;
	case 'l':
		a->command_line = true;
		break;
	case OPT_HUMAN:
		a->human = true;
		break;
	case 'o':
		options_format(text);
		a->json = true;
		break;
	case OPT_OPENMETRICS:
		set_report(a, REPORT_OPENMETRICS);
		break;
	case OPT_TEXTFILE:
		set_report(a, REPORT_TEXTFILE);
		a->textfile = text;
		break;
	case OPT_OUTPUT:
		a->output = text;
		break;
	case OPT_AMPLIFICATION:
		a->amplification = true;
		break;
	case OPT_LOAD:
		a->load = true;
		break;
	case OPT_SOURCE:
		a->table = source_option(text);
		break;
	case OPT_HELP:
		usage();
		exit(EXIT_SUCCESS);
	case OPT_VERSION:
		options_version("cowstat");
	default:
		point_to_help(); /* getopt_long() has said why */
	}
	note_given(p, option);
}

static void check(const struct parser *p)
{
	const struct arguments *a = p->a;
	size_t i;

	for (i = 0; i < NR_RULES; i++) {
		if (!(p->given & 1U << i))
			continue;
		if (!(rules[i].reports & 1U << a->report))
			bad_usage("%s has no meaning with %s", rules[i].name,
				  report_names[a->report]);
		if (rules[i].text && a->json)
			bad_usage("%s has no meaning with -o json", rules[i].name);
	}
	if (a->interval_ns && !((TABLES | R(TEXTFILE) | R(TOP)) & 1U << a->report))
		bad_usage("an interval has no meaning with %s", report_names[a->report]);
	if (a->report == REPORT_SMAPS && !a->filter.pids.nr)
		bad_usage("--smaps is slow, so it asks which processes: give -p PID");
	if (a->absolute && !a->interval_ns && a->report != REPORT_TOP)
		bad_usage("-H needs an interval; without one, figures are counts already");
}

/**
 * arguments_parse() - read the command line
 * @argc: of main()
 * @argv: of main(); changed
 * @a: filled in; to be freed with arguments_free()
 *
 * If the command line is wrong, prints what is wrong and ends the program.
 */
void arguments_parse(int argc, char **argv, struct arguments *a)
{
	struct parser p = { .a = a };
	int i, c;

	*a = (struct arguments){
		.limit = SIZE_MAX,
		.columns.sort = COWSTAT_COL_COPIED_BYTES,
	};
	/* The words after "--" are the command and its arguments. */
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		if (i + 1 == argc)
			bad_usage("there is no command after --");
		a->command = argv + i + 1;
		argv[i] = NULL;
		argc = i;
	}
	while ((c = getopt_long(argc, argv, "ap:C:G:n:s:tTHlo:", longs, NULL)) != -1)
		set_option(&p, c, optarg);
	if (a->command)
		set_report(a, REPORT_COMMAND);
	if (a->command && optind < argc)
		bad_usage("unexpected argument \"%s\" before --", argv[optind]);
	if (!a->command)
		parse_words(argc - optind, argv + optind, a);
	check(&p);
	if (a->columns.nr && !a->columns.sort_given)
		a->columns.sort = a->columns.chosen[0];
	if (!a->table)
		a->table = source_path("auto");
}

/**
 * arguments_free() - give the memory back
 * @a: what was parsed
 */
void arguments_free(struct arguments *a)
{
	if (a->filter.has_comm)
		regfree(&a->filter.comm);
	free(a->filter.pids.pid);
}
