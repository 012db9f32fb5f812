// SPDX-License-Identifier: GPL-2.0
/* cowstat: /proc/cowstat as a table for people, the most expensive process first. */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf_table.h"
#include "cow.h"
#include "format.h"
#include "table_reader.h"

#define EXIT_USAGE	2

/**
 * struct options - what was asked for
 * @all: show rows of which nothing was counted, too
 * @limit: show at most that many rows
 * @pid: show only these; NULL for all
 * @nr_pids: how many
 * @path: of the table to read
 */
struct options {
	bool all;
	size_t limit;
	pid_t *pid;
	size_t nr_pids;
	const char *path;
};

static void usage(FILE *to)
{
	fputs("usage: cowstat [-a] [-n N] [-p PID[,PID...]] [--source proc|bpf|auto]\n"
	      "       cowstat bpf load|unload\n"
	      "Show, by process, what copy-on-write did, the most bytes copied first.\n"
	      "  -a, --all       also processes of which nothing was counted\n"
	      "  -n, --top N     only the first N processes\n"
	      "  -p, --pid PID   only these processes, exited ones included\n"
	      "      --source SRC  proc: the module's table; bpf: that of cowstat bpf load;\n"
	      "                  auto: the module's where it is loaded, else that of BPF\n"
	      "      --help\n"
	      "      --version\n"
	      "S is L for a live process, X for an exited one. FORKS are forks that shared\n"
	      "memory copy-on-write. WPFAULTS are writes that met a read-only page; they were\n"
	      "COPIED, REUSED (the only owner), ZERO-filled, or OTHER (shared mappings, retries).\n"
	      "SIZE is all that was copied: also file pages at their first write, pinned pages\n"
	      "at fork, and huge pages. All columns: cat " COWSTAT_PROC_PATH "\n", to);
}

static bool parse_pids(char *list, struct options *o)
{
	uint64_t pid;
	char *word;

	while ((word = strsep(&list, ","))) {
		if (parse_number(word, 1, INT_MAX, &pid)) {
			warnx("-p %s: not a pid; give numbers, like -p 1,42", word);
			return false;
		}
		o->pid = reallocarray(o->pid, o->nr_pids + 1, sizeof(*o->pid));
		if (!o->pid)
			err(EXIT_FAILURE, NULL);
		o->pid[o->nr_pids++] = pid;
	}
	return true;
}

/* Where the table is that a source has, or ends the program. */
static const char *path_of(const char *source)
{
	if (!strcmp(source, "proc"))
		return COWSTAT_PROC_PATH;
	if (!strcmp(source, "bpf"))
		return COWSTAT_BPF_TABLE;
	if (strcmp(source, "auto"))
		errx(EXIT_USAGE, "--source %s: give proc, bpf or auto", source);
	return !access(COWSTAT_PROC_PATH, F_OK) || access(COWSTAT_BPF_TABLE, F_OK) ?
	       COWSTAT_PROC_PATH : COWSTAT_BPF_TABLE;
}

/* Fills in @o, or ends the program. */
static void parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_HELP = 256, OPT_VERSION, OPT_SOURCE };
	static const struct option longs[] = {
		{ "all",	no_argument,		NULL, 'a' },
		{ "top",	required_argument,	NULL, 'n' },
		{ "pid",	required_argument,	NULL, 'p' },
		{ "source",	required_argument,	NULL, OPT_SOURCE },
		{ "help",	no_argument,		NULL, OPT_HELP },
		{ "version",	no_argument,		NULL, OPT_VERSION },
		{}
	};
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "an:p:", longs, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->all = true;
			break;
		case 'n':
			if (parse_number(optarg, 1, INT_MAX, &n))
				errx(EXIT_USAGE, "-n %s: not a number of processes; give 1 or more",
				     optarg);
			o->limit = n;
			break;
		case 'p':
			if (!parse_pids(optarg, o))
				exit(EXIT_USAGE);
			break;
		case OPT_SOURCE:
			o->path = path_of(optarg);
			break;
		case OPT_HELP:
			usage(stdout);
			exit(EXIT_SUCCESS);
		case OPT_VERSION:
			puts("cowstat " COWSTAT_RELEASE);
			exit(EXIT_SUCCESS);
		default:
			usage(stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		warnx("what is \"%s\"? There are only options", argv[optind]);
		usage(stderr);
		exit(EXIT_USAGE);
	}
}

static uint64_t get(const struct cow_row *row, enum cowstat_column column)
{
	return row->value[column];
}

static int by_copied_bytes(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row *const *)a;
	const struct cow_row *y = *(const struct cow_row *const *)b;
	static const enum cowstat_column keys[] = {
		COWSTAT_COL_COPIED_BYTES, COWSTAT_COL_WP_FAULTS, COWSTAT_COL_START_NS,
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (get(x, keys[i]) != get(y, keys[i]))
			return get(x, keys[i]) < get(y, keys[i]) ? 1 : -1;
	return 0;
}

static bool wanted(const struct cow_row *row, const struct options *o)
{
	size_t i;

	if (row->kind == COW_ROW_TOTAL)
		return false;
	for (i = 0; i < o->nr_pids; i++)
		if (row->kind == COW_ROW_PROCESS && row->pid == o->pid[i])
			return true;
	if (o->nr_pids)
		return false;
	return o->all || get(row, COWSTAT_COL_FORKS) || get(row, COWSTAT_COL_VFORKS) ||
	       get(row, COWSTAT_COL_WP_FAULTS) || get(row, COWSTAT_COL_THP_FAULTS) ||
	       get(row, COWSTAT_COL_HUGETLB_FAULTS) || get(row, COWSTAT_COL_COPIED_BYTES);
}

static void print_header(const struct cow_table *t)
{
	printf("Linux %s, counting %s", t->kernel, t->counting.value ? "for" : "is OFF");
	if (t->counting.value && t->now_ns.value >= t->since_ns.value)
		printf(" %s", format_duration(t->now_ns.value - t->since_ns.value).s);
	if (t->epoch.value > 1)
		printf(" (since reset; epoch %" PRIu64 ")", t->epoch.value);
	putchar('\n');
	if (!t->counting.value)
		puts("These figures are of the past. To count: echo counting on | sudo tee "
		     COWSTAT_PROC_PATH);
	if (t->lost.value)
		printf("lost %" PRIu64 ": faults whose process got no row; they are in the total\n",
		       t->lost.value);
	if (t->missed.value)
		printf("missed %" PRIu64 ": events that were not counted\n", t->missed.value);
}

static void print_count(const struct cow_row *row, enum cowstat_column column, uint64_t n,
			int width)
{
	printf(" %*s", width, row->known[column] ? format_fit(n, width).s : COWSTAT_UNKNOWN);
}

static void print_row(const struct cow_row *row)
{
	static const struct {
		enum cowstat_column column;
		int width;
	} counts[] = {
		{ COWSTAT_COL_FORKS,		5 },
		{ COWSTAT_COL_WP_FAULTS,	8 },
		{ COWSTAT_COL_COPIED,		8 },
		{ COWSTAT_COL_REUSED,		7 },
		{ COWSTAT_COL_ZERO_FILLED,	5 },
	};
	size_t i;

	if (row->kind == COW_ROW_PROCESS)
		printf("%7d %c", row->pid, row->state);
	else
		printf("%7s  ", row->kind == COW_ROW_TOTAL ? "total" : "gone");
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		print_count(row, counts[i].column, get(row, counts[i].column), counts[i].width);
	/* With shared_wp, so that the outcomes on the screen add up to WPFAULTS. */
	print_count(row, COWSTAT_COL_OTHER,
		    get(row, COWSTAT_COL_OTHER) + get(row, COWSTAT_COL_SHARED_WP), 5);
	printf(" %10s", row->known[COWSTAT_COL_COPIED_BYTES] ?
	       format_size(get(row, COWSTAT_COL_COPIED_BYTES)).s : COWSTAT_UNKNOWN);
	if (row->kind == COW_ROW_PROCESS)
		printf(" %.15s", row->known[COWSTAT_COL_COMM] ?
		       format_printable(row->comm).s : COWSTAT_UNKNOWN);
	putchar('\n');
}

/* Say which of the pids asked for have no row. */
static int report_absent(const struct cow_table *t, const struct options *o)
{
	int status = EXIT_SUCCESS;
	size_t i;

	for (i = 0; i < o->nr_pids; i++) {
		if (cow_table_find(t, o->pid[i]))
			continue;
		warnx("no row of pid %d: it did not fork or fault since counting began, or is not yours to see",
		      o->pid[i]);
		status = EXIT_FAILURE;
	}
	return status;
}

static void print_table(const struct cow_table *t, const struct options *o)
{
	const struct cow_row *total = cow_table_total(t);
	const struct cow_row **row = calloc(t->nr + 1, sizeof(*row));
	size_t i, nr = 0;

	if (!row)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < t->nr; i++)
		if (wanted(&t->row[i], o))
			row[nr++] = &t->row[i];
	qsort(row, nr, sizeof(*row), by_copied_bytes);

	print_header(t);
	printf("%7s S %5s %8s %8s %7s %5s %5s %10s COMMAND\n", "PID", "FORKS", "WPFAULTS",
	       "COPIED", "REUSED", "ZERO", "OTHER", "SIZE");
	for (i = 0; i < nr && i < o->limit; i++)
		print_row(row[i]);
	if (total && !o->nr_pids)
		print_row(total);
	free(row);
}

int main(int argc, char **argv)
{
	struct options o = { .limit = SIZE_MAX };
	struct cow_table t;
	char why[256];
	int status;

	if (argc > 1 && !strcmp(argv[1], "bpf"))
		return bpf_table_main(argc - 1, argv + 1);
	o.path = path_of("auto");
	parse_options(argc, argv, &o);
	if (cow_table_read(o.path, &t, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
	print_table(&t, &o);
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write the table");
	status = report_absent(&t, &o);
	cow_table_free(&t);
	free(o.pid);
	return status;
}
