// SPDX-License-Identifier: GPL-2.0
/*
 * cowstat: what copy-on-write did, by process, on a screen or for other programs. Options
 * and the main loop; each view and format has a file of its own.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd_run.h"
#include "cmd_bpf.h"
#include "delta.h"
#include "cmd_doctor.h"
#include "filter.h"
#include "format.h"
#include "json.h"
#include "openmetrics.h"
#include "options.h"
#include "smaps.h"
#include "source.h"
#include "table_json.h"
#include "textfile.h"
#include "usage.h"
#include "view.h"

#define NS_PER_S		1000000000ULL
#define TEXTFILE_INTERVAL_NS	(15 * NS_PER_S)

enum view {
	VIEW_ROWS,
	VIEW_FORKS,
	VIEW_TREE,
	VIEW_GROUPS,
	VIEW_SMAPS,
};

enum mode {
	MODE_TABLE,
	MODE_COMMAND,
	MODE_DOCTOR,
	MODE_OPENMETRICS,
	MODE_TEXTFILE,
};

/**
 * struct options - what was asked for
 * @mode: what to do
 * @view: how to show the table
 * @by: what makes a group
 * @filter: which processes
 * @sort: by which column
 * @limit: show at most that many rows
 * @totals: only the sum
 * @absolute: with an interval: counts, not rates
 * @json: for programs
 * @human: figures in units that fit
 * @command_line: whole command lines
 * @interval_ns: between two readings; 0 for one reading
 * @count: how many reports; 0 for no end
 * @path: of the table
 * @textfile: the collector's directory
 * @output: the file for the bill
 * @command: what to run, then NULL
 */
struct options {
	enum mode mode;
	enum view view;
	enum grouping by;
	struct filter filter;
	enum cowstat_column sort;
	size_t limit;
	bool totals, absolute, json, human, command_line;
	uint64_t interval_ns;
	uint64_t count;
	const char *path;
	const char *textfile;
	const char *output;
	char **command;
};

static void flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write to stdout");
}

static void usage(FILE *to)
{
	fputs("usage: cowstat [OPTION...] [INTERVAL [COUNT]]\n"
	      "       cowstat [-o json] [--output FILE] -- COMMAND [ARG...]\n"
	      "       cowstat doctor\n"
	      "       cowstat bpf load | unload\n"
	      "Show, by process, what copy-on-write did, the most bytes copied first. With an\n"
	      "interval, in seconds: what it does, per second. With a command: its bill.\n"
	      "Which processes:\n"
	      "  -a, --all              also those of which nothing was counted\n"
	      "  -p, --pid PID[,PID...] only these, exited ones included; SELF; ALL is -a\n"
	      "  -C, --comm REGEX       whose name matches\n"
	      "  -G, --cgroup PATH      of that cgroup and those below it\n"
	      "  -n, --top N            only the first N\n"
	      "  -s, --sort COLUMN      sorted by a column of " COWSTAT_PROC_PATH "\n"
	      "  -t, --totals           only the total\n"
	      "What of them:\n"
	      "      --forks            by child: what fork shared, what was copied, what kept\n"
	      "  -T, --tree             the same, as a tree of processes\n"
	      "      --by WHAT          sums by cgroup, comm or uid\n"
	      "      --smaps            what is resident, beside the counts (with -p; slow)\n"
	      "  -H, --absolute         with an interval: counts from the beginning, not rates\n"
	      "  -l, --command-line     whole command lines\n"
	      "      --human            figures with units\n"
	      "For programs:\n"
	      "  -o, --format json      JSON; with an interval a line for each\n"
	      "      --openmetrics      the totals, for Prometheus\n"
	      "      --textfile DIR     the same and more, for node_exporter (every 15)\n"
	      "      --output FILE      the bill goes there, not to stderr\n"
	      "Others:\n"
	      "      --source WHICH     proc (the module), bpf, auto, or the path of a table\n"
	      "      --help\n"
	      "      --version\n"
	      "Exit status: 0, 1 for an error, 2 for a wrong command line; a command's own,\n"
	      "128+N when signal N killed it, 127 not found, 126 not runnable, 125 not tried.\n"
	      "Columns are explained in cowstat(8).\n", to);
}

static void parse_comm(const char *regex, struct filter *filter)
{
	char why[128];
	int error;

	if (filter->has_comm)
		regfree(&filter->comm);
	error = regcomp(&filter->comm, regex, REG_EXTENDED | REG_NOSUB);
	if (error) {
		regerror(error, &filter->comm, why, sizeof(why));
		bad_usage("-C %s: %s", regex, why);
	}
	filter->has_comm = true;
}

static void parse_by(const char *what, struct options *o)
{
	static const char *const names[] = {
		[GROUP_CGROUP] = "cgroup", [GROUP_COMM] = "comm", [GROUP_UID] = "uid",
	};
	int by;

	for (by = GROUP_CGROUP; by <= GROUP_UID; by++)
		if (!strcmp(what, names[by]))
			break;
	if (by > GROUP_UID)
		bad_usage("--by %s: by what? Give cgroup, comm or uid", what);
	o->view = VIEW_GROUPS;
	o->by = by;
}

static uint64_t parse_interval(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.01 && s <= 86400))
		bad_usage("\"%s\" is no interval in seconds; give 0.01 to 86400", text);
	return s * NS_PER_S;
}

/* What is left of the command line when options have been taken: doctor, or an interval. */
static void parse_words(int nr, char **word, struct options *o)
{
	if (nr && !strcmp(word[0], "doctor")) {
		if (nr > 1)
			bad_usage("doctor takes no \"%s\"", word[1]);
		o->mode = MODE_DOCTOR;
		return;
	}
	if (nr > 2)
		bad_usage("what is \"%s\"? After options come an interval and a count", word[2]);
	if (nr)
		o->interval_ns = parse_interval(word[0]);
	if (nr > 1 && parse_number(word[1], 1, INT_MAX, &o->count))
		bad_usage("\"%s\" is no count of reports; give 1 or more", word[1]);
}

enum long_option {
	OPT_FORKS = 256,	/* beyond any character, for getopt_long() */
	OPT_BY,
	OPT_SMAPS,
	OPT_HUMAN,
	OPT_OPENMETRICS,
	OPT_TEXTFILE,
	OPT_OUTPUT,
	OPT_SOURCE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option longs[] = {
	{ "all",		no_argument,		NULL, 'a' },
	{ "pid",		required_argument,	NULL, 'p' },
	{ "comm",		required_argument,	NULL, 'C' },
	{ "cgroup",		required_argument,	NULL, 'G' },
	{ "top",		required_argument,	NULL, 'n' },
	{ "sort",		required_argument,	NULL, 's' },
	{ "totals",		no_argument,		NULL, 't' },
	{ "forks",		no_argument,		NULL, OPT_FORKS },
	{ "tree",		no_argument,		NULL, 'T' },
	{ "by",			required_argument,	NULL, OPT_BY },
	{ "smaps",		no_argument,		NULL, OPT_SMAPS },
	{ "absolute",		no_argument,		NULL, 'H' },
	{ "command-line",	no_argument,		NULL, 'l' },
	{ "human",		no_argument,		NULL, OPT_HUMAN },
	{ "format",		required_argument,	NULL, 'o' },
	{ "openmetrics",	no_argument,		NULL, OPT_OPENMETRICS },
	{ "textfile",		required_argument,	NULL, OPT_TEXTFILE },
	{ "output",		required_argument,	NULL, OPT_OUTPUT },
	{ "source",		required_argument,	NULL, OPT_SOURCE },
	{ "help",		no_argument,		NULL, OPT_HELP },
	{ "version",		no_argument,		NULL, OPT_VERSION },
	{}
};

static void set_option(struct options *o, int option, char *text)
{
	uint64_t n;
	int column;

	switch (option) {
	case 'a':
		o->filter.idle = true;
		break;
	case 'p':
		options_pids(text, &o->filter.pids);
		o->filter.idle |= o->filter.pids.all;
		break;
	case 'C':
		parse_comm(text, &o->filter);
		break;
	case 'G':
		o->filter.cgroup = text;
		break;
	case 'n':
		if (parse_number(text, 1, INT_MAX, &n))
			bad_usage("-n %s: not a number of processes; give 1 or more", text);
		o->limit = n;
		break;
	case 's':
		column = cow_column_by_name(text);
		if (column < 0)
			bad_usage("-s %s: no such column; give one of line 2 of " COWSTAT_PROC_PATH,
				  text);
		o->sort = column;
		break;
	case 't':
		o->totals = true;
		break;
	case 'T':
		o->view = VIEW_TREE;
		break;
	case 'H':
		o->absolute = true;
		break;
	case 'l':
		o->command_line = true;
		break;
	case 'o':
		options_format(text);
		o->json = true;
		break;
	case OPT_FORKS:
		o->view = VIEW_FORKS;
		break;
	case OPT_BY:
		parse_by(text, o);
		break;
	case OPT_SMAPS:
		o->view = VIEW_SMAPS;
		break;
	case OPT_HUMAN:
		o->human = true;
		break;
	case OPT_OPENMETRICS:
		o->mode = MODE_OPENMETRICS;
		break;
	case OPT_TEXTFILE:
		o->mode = MODE_TEXTFILE;
		o->textfile = text;
		break;
	case OPT_OUTPUT:
		o->output = text;
		break;
	case OPT_SOURCE:
		o->path = source_path(text);
		if (!o->path)
			bad_usage("--source %s: give proc, bpf, auto, or a path with a slash", text);
		break;
	case OPT_HELP:
		usage(stdout);
		flush();
		exit(EXIT_SUCCESS);
	case OPT_VERSION:
		options_version("cowstat");
	default:
		point_to_help();	/* getopt_long() has said why */
	}
}

/* What was asked for must go together. */
static void check_options(const struct options *o)
{
	if (o->output && o->mode != MODE_COMMAND)
		bad_usage("--output is for the bill of a command; use the shell's > instead");
	if (o->view == VIEW_SMAPS && !o->filter.pids.nr)
		bad_usage("--smaps is slow, so say of which processes: -p PID");
	if (o->mode == MODE_OPENMETRICS && o->interval_ns)
		bad_usage("--openmetrics prints once; --textfile takes an interval");
	if (o->absolute && !o->interval_ns)
		bad_usage("-H goes with an interval; without one, figures are counts already");
}

/* Fills in @o, or ends the program. */
static void parse_options(int argc, char **argv, struct options *o)
{
	int i, c;

	/* What follows "--" is the command's. */
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		if (i + 1 == argc)
			bad_usage("which command? There is nothing after --");
		o->mode = MODE_COMMAND;
		o->command = argv + i + 1;
		argv[i] = NULL;
		argc = i;
	}
	while ((c = getopt_long(argc, argv, "ap:C:G:n:s:tTHlo:", longs, NULL)) != -1)
		set_option(o, c, optarg);
	if (o->command && o->mode != MODE_COMMAND)
		bad_usage("a command has a bill, and no metrics");
	if (o->command && optind < argc)
		bad_usage("a command has a bill, and no \"%s\"", argv[optind]);
	if (!o->command)
		parse_words(argc - optind, argv + optind, o);
	check_options(o);
	if (!o->path)
		o->path = source_path("auto");
}

static void init_screen(struct screen *screen, const struct options *o)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	*screen = (struct screen){
		.to = stdout,
		.human = o->human,
		.command_line = o->command_line,
		.colour = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb"),
	};
	if (terminal)
		screen->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 :
				size.ws_col;
}

/* Was that process, or one of its ancestors, asked for by its pid? */
static bool descends(const struct options *o, const struct cow_row *row,
		     const struct cow_index *index)
{
	uint64_t start = UINT64_MAX;

	while (row && row->value[COWSTAT_COL_START_NS] < start) {
		if (pid_list_has(&o->filter.pids, row->pid))
			return true;
		start = row->value[COWSTAT_COL_START_NS];
		row = cow_index_find(index, row->value[COWSTAT_COL_PPID],
				     row->value[COWSTAT_COL_PARENT_START_NS]);
	}
	return false;
}

/* Children are chosen by what their birth tells, and by ancestors as by themselves. */
static bool fork_wanted(const struct options *o, const struct cow_row *row,
			const struct cgroups *cgroups, const struct cow_index *index)
{
	struct filter filter = o->filter;

	if (row->kind != COW_ROW_PROCESS)
		return false;
	if (o->view == VIEW_FORKS && !row->known[COWSTAT_COL_BIRTH_ANON_PAGES] &&
	    !(o->filter.idle && row->known[COWSTAT_COL_FORK_NS]))
		return false;
	if (filter.pids.nr && !descends(o, row, index))
		return false;
	filter.pids.nr = 0;
	filter.idle = true;
	return filter_passes(&filter, row, cgroups);
}

static const struct cow_row *sum_of(const struct cow_row *row, size_t nr, enum cow_row_kind kind)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (row[i].kind == kind)
			return &row[i];
	return NULL;
}

/* Choose and sort; @rows->row is to be freed. */
static void choose(const struct options *o, const struct cow_row *row, size_t nr,
		   const struct cgroups *cgroups, struct rows *rows)
{
	bool forks = o->view == VIEW_FORKS || o->view == VIEW_TREE;
	struct cow_index index = {};
	size_t i;

	rows->nr = 0;
	rows->row = calloc(nr + 1, sizeof(*rows->row));
	if (!rows->row || (forks && cow_index_make(row, nr, &index)))
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < nr && !o->totals; i++)
		if (forks ? fork_wanted(o, &row[i], cgroups, &index) :
			    filter_passes(&o->filter, &row[i], cgroups))
			rows->row[rows->nr++] = &row[i];
	cow_index_free(&index);
	sort_rows(rows->row, rows->nr, o->sort);
	if (rows->nr > o->limit)
		rows->nr = o->limit;
	if (!filter_narrows(&o->filter))
		rows->total = sum_of(row, nr, COW_ROW_TOTAL);
}

static void set_smaps(json_t *report, const struct rows *rows)
{
	struct smaps smaps;
	size_t i;

	/* -p lets only rows of processes pass, so that these are the document's rows. */
	for (i = 0; i < rows->nr; i++)
		json_set_smaps(report, i, rows->row[i]->state != 'X' &&
			       !smaps_read(rows->row[i]->pid, &smaps) ? &smaps : NULL);
}

static void print_json(const struct options *o, const struct cow_table *t,
		       const struct rows *rows, const struct cow_row *row, size_t nr,
		       const struct cgroups *cgroups, bool gap)
{
	json_t *report = json_report(t);
	struct group *group;
	size_t nr_groups;

	json_set_span(report, rows->span_ns, gap);
	if (o->view == VIEW_GROUPS) {
		if (groups_make(rows, o->by, cgroups, o->sort, &group, &nr_groups))
			err(EXIT_FAILURE, NULL);
		json_set_groups(report, o->by, group, nr_groups);
		groups_free(group, nr_groups);
	} else {
		json_set_rows(report, rows);
	}
	if (o->view == VIEW_SMAPS)
		set_smaps(report, rows);
	json_set_sum(report, "folded", sum_of(row, nr, COW_ROW_FOLDED));
	json_set_sum(report, "total", sum_of(row, nr, COW_ROW_TOTAL));
	if (json_write(stdout, report, o->interval_ns))
		err(EXIT_FAILURE, "cannot write the table");
}

static void print_view(const struct options *o, const struct screen *screen,
		       const struct rows *rows, const struct cgroups *cgroups)
{
	int error = 0;

	switch (o->view) {
	case VIEW_ROWS:
		view_rows(screen, rows);
		break;
	case VIEW_FORKS:
		view_forks(screen, rows);
		break;
	case VIEW_TREE:
		error = view_tree(screen, rows);
		break;
	case VIEW_GROUPS:
		error = view_groups(screen, rows, o->by, cgroups, o->sort);
		break;
	case VIEW_SMAPS:
		view_smaps(screen, rows);
		break;
	}
	if (error)
		errx(EXIT_FAILURE, "%s", strerror(-error));
}

/* One report: of counts, or with @delta of what happened since the last. */
static void report(const struct options *o, const struct cow_table *t,
		   const struct cow_delta *delta)
{
	const struct cow_row *row = delta ? delta->row : t->row;
	size_t nr = delta ? delta->nr : t->nr;
	struct rows rows = { .now_ns = t->now_ns.value, .span_ns = delta ? delta->span_ns : 0 };
	struct cgroups cgroups = {};
	struct screen screen;

	init_screen(&screen, o);
	if ((o->filter.cgroup || o->by == GROUP_CGROUP) && cgroups_read(NULL, &cgroups))
		err(EXIT_FAILURE, NULL);
	choose(o, row, nr, &cgroups, &rows);
	if (o->json)
		print_json(o, t, &rows, row, nr, &cgroups, delta && delta->gap);
	else if (delta && delta->gap)
		printf("gap: counting began anew (epoch %" PRIu64 "); rates from here on\n\n",
		       t->epoch.value);
	else
		print_view(o, &screen, &rows, &cgroups);
	free(rows.row);
	cgroups_free(&cgroups);
}

/* Say which of the pids asked for have no row. */
static int report_absent(const struct cow_table *t, const struct options *o)
{
	int status = EXIT_SUCCESS;
	size_t i;

	for (i = 0; i < o->filter.pids.nr; i++) {
		if (cow_table_find(t, o->filter.pids.pid[i]))
			continue;
		warnx("no row of pid %d: it did not fork or fault since counting began, or is not yours to see",
		      o->filter.pids.pid[i]);
		status = EXIT_FAILURE;
	}
	return status;
}

static int show_once(const struct options *o)
{
	struct cow_table t;
	struct screen screen;
	int status;

	source_read(o->path, &t);
	if (o->view == VIEW_SMAPS)
		warnx("smaps makes the kernel walk all page tables of a process: slow");
	if (!o->json) {
		init_screen(&screen, o);
		view_header(&screen, &t);
	}
	report(o, &t, NULL);
	flush();
	status = report_absent(&t, o);
	cow_table_free(&t);
	return status;
}

static void sleep_until(struct timespec *next, uint64_t interval_ns)
{
	next->tv_sec += (next->tv_nsec + interval_ns) / NS_PER_S;
	next->tv_nsec = (next->tv_nsec + interval_ns) % NS_PER_S;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL))
		;
}

/* "12:34:56  per second, over 1.00 s" */
static void print_time(const struct options *o, const struct cow_delta *delta)
{
	time_t now = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	if (delta && delta->span_ns)
		printf("%s  per second, over %s\n", clock, format_duration(delta->span_ns).s);
	else
		printf("%s%s\n", clock, o->absolute ? "  since counting began" : "");
}

/* Forks and what is resident are told as they stand: they have no rates. */
static bool has_rates(const struct options *o)
{
	return !o->absolute && (o->view == VIEW_ROWS || o->view == VIEW_GROUPS);
}

static int show_intervals(const struct options *o)
{
	struct cow_table before, now;
	struct cow_delta delta = {};
	struct timespec next;
	struct screen screen;
	uint64_t i;

	clock_gettime(CLOCK_MONOTONIC, &next);
	source_read(o->path, &before);
	if (!o->json) {
		init_screen(&screen, o);
		view_header(&screen, &before);
	}
	for (i = 0; !o->count || i < o->count; i++) {
		flush();
		sleep_until(&next, o->interval_ns);
		source_read(o->path, &now);
		if (has_rates(o) && cow_delta_make(&before, &now, &delta))
			err(EXIT_FAILURE, NULL);
		if (!o->json) {
			putchar('\n');
			print_time(o, has_rates(o) ? &delta : NULL);
		}
		report(o, &now, has_rates(o) ? &delta : NULL);
		cow_delta_free(&delta);
		cow_table_free(&before);
		before = now;
	}
	flush();
	cow_table_free(&before);
	return EXIT_SUCCESS;
}

static int print_openmetrics(const struct options *o)
{
	const struct metrics m = { .to = stdout, .format = METRICS_OPENMETRICS };
	struct cow_table t;

	source_read(o->path, &t);
	if (!cow_table_total(&t))
		errx(EXIT_FAILURE, "%s shows totals to root only (CAP_PERFMON or CAP_SYS_PTRACE)",
		     o->path);
	metrics_table(&m, &t);
	metrics_end(&m);
	flush();
	cow_table_free(&t);
	return EXIT_SUCCESS;
}

static void write_textfile(const struct textfile *text, const char *dir)
{
	int error = textfile_write(text, dir);

	if (error)
		errx(EXIT_FAILURE, "cannot write metrics into %s: %s", dir, strerror(-error));
}

static int keep_textfile(const struct options *o)
{
	uint64_t interval = o->interval_ns ? o->interval_ns : TEXTFILE_INTERVAL_NS, i;
	struct cgroups cgroups;
	struct textfile text;
	struct timespec next;
	struct cow_table t;

	clock_gettime(CLOCK_MONOTONIC, &next);
	source_read(o->path, &t);
	if (!cow_table_total(&t))
		errx(EXIT_FAILURE, "%s shows totals to root only (CAP_PERFMON or CAP_SYS_PTRACE)",
		     o->path);
	if (textfile_init(&text, &t))
		err(EXIT_FAILURE, NULL);
	write_textfile(&text, o->textfile);
	for (i = 1; !o->count || i < o->count; i++) {
		sleep_until(&next, interval);
		source_read(o->path, &t);
		if (cgroups_read(NULL, &cgroups) || textfile_add(&text, &t, &cgroups))
			err(EXIT_FAILURE, NULL);
		cgroups_free(&cgroups);
		write_textfile(&text, o->textfile);
	}
	textfile_free(&text);
	return EXIT_SUCCESS;
}

static int run(const struct options *o)
{
	switch (o->mode) {
	case MODE_COMMAND:
		return cmd_run(o->path, o->command, o->output, o->json);
	case MODE_DOCTOR:
		return doctor(o->path) ? EXIT_SUCCESS : EXIT_FAILURE;
	case MODE_OPENMETRICS:
		return print_openmetrics(o);
	case MODE_TEXTFILE:
		return keep_textfile(o);
	case MODE_TABLE:
		break;
	}
	return o->interval_ns ? show_intervals(o) : show_once(o);
}

int main(int argc, char **argv)
{
	struct options o = { .limit = SIZE_MAX, .sort = COWSTAT_COL_COPIED_BYTES };
	int status;

	if (argc > 1 && !strcmp(argv[1], "bpf"))
		return cmd_bpf(argc - 1, argv + 1);
	parse_options(argc, argv, &o);
	status = run(&o);
	if (o.filter.has_comm)
		regfree(&o.filter.comm);
	free(o.filter.pids.pid);
	return status;
}
