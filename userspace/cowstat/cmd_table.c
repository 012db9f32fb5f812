// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd_table.h"
#include "cow.h"
#include "delta.h"
#include "format.h"
#include "interval.h"
#include "json.h"
#include "late.h"
#include "options.h"
#include "smaps.h"
#include "source.h"
#include "spent.h"
#include "sums.h"
#include "table_json.h"

/**
 * struct reader - what stays the same from one report to the next
 * @a: what was asked for
 * @to: where the reports go
 * @screen: how, unless they are JSON
 * @place: the cgroup that was asked for
 */
struct reader {
	const struct arguments *a;
	FILE *to;
	struct screen screen;
	struct cgroup_place place;
};

static void flush(struct reader *r)
{
	options_written(r->to, r->a->output);
}

static void init_screen(struct reader *r)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool terminal = isatty(fileno(r->to));
	struct winsize size;

	r->screen = (struct screen){
		.to = r->to,
		.human = r->a->human,
		.command_line = r->a->command_line,
		.colour = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb"),
	};
	if (terminal)
		r->screen.width = ioctl(fileno(r->to), TIOCGWINSZ, &size) || !size.ws_col ?
					  80 :
					  size.ws_col;
}

static bool shows_forks(const struct arguments *a)
{
	return a->report == REPORT_FORKS || a->report == REPORT_TREE;
}

/* Is it the table of this machine? Only then can /proc and the clocks complete it. */
static bool is_of_this_machine(const struct arguments *a)
{
	return !strcmp(a->table, COWSTAT_PROC_PATH) || !strcmp(a->table, COWSTAT_BPF_TABLE);
}

/* The table now. */
static void read_table(const struct arguments *a, struct cow_table *t)
{
	source_read(a->table, t);
	if (shows_forks(a) && is_of_this_machine(a))
		late_find_parents(t);
}

/* Is the process, or one of its ancestors, in the list of -p? */
static bool descends(const struct arguments *a, const struct cow_row *row,
		     const struct cow_index *index)
{
	const struct cow_row *at;

	for (at = row; at; at = cow_index_parent(index, at))
		if (pid_list_has(&a->filter.pids, at->pid) ||
		    (at->known[COWSTAT_COL_PPID] &&
		     pid_list_has(&a->filter.pids, at->value[COWSTAT_COL_PPID])))
			return true;
	return false;
}

/*
 * --forks shows children whose fork was counted, and also children that were forked before
 * counting began, if they have copied a page of an ancestor since. With -a it also shows children
 * that use their parent's memory (vfork), and all children forked before counting began.
 */
static bool is_child(const struct arguments *a, const struct cow_row *row)
{
	if (row->known[COWSTAT_COL_BIRTH_ANON_PAGES])
		return true;
	if (a->filter.idle && row->known[COWSTAT_COL_FORK_NS])
		return true;
	if (!view_is_late(row) || pid_list_has(&a->filter.pids, row->pid))
		return false;
	return a->filter.idle || a->filter.pids.nr || row->value[COWSTAT_COL_INHERITED_COPIED];
}

/* Does a child pass -p? The pid may be its own or that of an ancestor. */
static bool is_of_family(const struct arguments *a, const struct cow_row *row,
			 const struct cgroups *cgroups, const struct cow_index *index)
{
	struct filter filter = a->filter;

	if (filter.pids.nr && !descends(a, row, index))
		return false;
	filter.pids.nr = 0;
	filter.idle = true;
	return filter_passes(&filter, row, cgroups);
}

static bool fork_passes(const struct arguments *a, const struct cow_row *row,
			const struct cgroups *cgroups, const struct cow_index *index)
{
	return row->kind == COW_ROW_PROCESS && (a->report != REPORT_FORKS || is_child(a, row)) &&
	       is_of_family(a, row, cgroups, index);
}

/* --time leaves out processes that spent no time, unless -p names them. */
static bool time_passes(const struct arguments *a, const struct cow_row *row,
			const struct cgroups *cgroups)
{
	struct spent spent = spent_on_cow(row);

	return spent.known && (spent.ns || a->filter.idle || a->filter.pids.nr) &&
	       filter_passes(&a->filter, row, cgroups);
}

/* By the rules of rows, or of times. */
static bool passes(const struct arguments *a, const struct cow_row *row,
		   const struct cgroups *cgroups)
{
	return a->report == REPORT_TIME ? time_passes(a, row, cgroups) :
					  filter_passes(&a->filter, row, cgroups);
}

/* Does a row pass? Sums of recycled rows pass only if the report is of groups. */
static bool row_passes(const struct arguments *a, const struct cow_row *row,
		       const struct cgroups *cgroups, const struct cow_index *index)
{
	if (shows_forks(a))
		return fork_passes(a, row, cgroups, index);
	if (a->report != REPORT_GROUPS && row->kind != COW_ROW_PROCESS)
		return false;
	return passes(a, row, cgroups);
}

/* Choose and sort; @rows->row is to be freed. */
static void choose(const struct arguments *a, const struct cow_row *row, size_t nr,
		   const struct cow_row *folded, const struct cgroups *cgroups, struct rows *rows)
{
	struct cow_index index = {};
	size_t i;

	rows->nr = 0;
	rows->row = calloc(nr + 1, sizeof(*rows->row));
	if (!rows->row || (shows_forks(a) && cow_index_make(row, nr, &index)))
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < nr && a->report != REPORT_TOTAL; i++)
		if (row_passes(a, &row[i], cgroups, &index))
			rows->row[rows->nr++] = &row[i];
	if (folded && !shows_forks(a) && a->report != REPORT_TOTAL && a->report != REPORT_GROUPS &&
	    passes(a, folded, cgroups))
		rows->row[rows->nr++] = folded;
	cow_index_free(&index);
	if (a->report == REPORT_TIME && !a->columns.sort_given)
		spent_sort(rows->row, rows->nr);
	else
		sort_rows(rows->row, rows->nr, a->columns.sort);
	/* The limit of groups applies later, when the groups have been made. */
	if (rows->nr > a->limit && a->report != REPORT_GROUPS)
		rows->nr = a->limit;
	if (!filter_narrows(&a->filter))
		rows->total = sums_find(row, nr, COW_ROW_TOTAL);
}

/* Notes on rows and on failed forks are printed for children, and for processes of -p. */
static bool has_notes(const struct arguments *a)
{
	return a->report == REPORT_FORKS || (a->report == REPORT_ROWS && a->filter.pids.nr);
}

/* Choose processes whose forks failed; they may have no child. Caller frees @failed->row. */
static void choose_failed(const struct arguments *a, const struct cow_row *row, size_t nr,
			  const struct cgroups *cgroups, struct rows *failed)
{
	struct cow_index index = {};
	size_t i;

	failed->row = calloc(nr + 1, sizeof(*failed->row));
	if (!failed->row || cow_index_make(row, nr, &index))
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < nr && has_notes(a); i++)
		if (row[i].kind == COW_ROW_PROCESS && row[i].value[COWSTAT_COL_FORKS_FAILED] &&
		    (shows_forks(a) ? is_of_family(a, &row[i], cgroups, &index) :
				      filter_passes(&a->filter, &row[i], cgroups)))
			failed->row[failed->nr++] = &row[i];
	cow_index_free(&index);
}

static bool has_total(const struct arguments *a, const struct rows *rows)
{
	if (!rows->total)
		return false;
	return a->report == REPORT_ROWS || a->report == REPORT_TOTAL ||
	       (a->report == REPORT_TIME && spent_on_cow(rows->total).ns);
}

/* What -C and -G select: "processes whose name matches x in cgroup /y". */
static const char *whom(const struct arguments *a, char *to, size_t size)
{
	size_t n = snprintf(to, size, "%s", shows_forks(a) ? "children" : "processes");

	if (a->comm && n < size)
		n += snprintf(to + n, size - n, " whose name matches %s", a->comm);
	if (a->cgroup && n < size)
		snprintf(to + n, size - n, " in cgroup %s", a->filter.cgroup);
	return to;
}

/* Does --time have nothing to show because no fault was timed? */
static bool lacks_times(const struct arguments *a, const struct cow_table *t)
{
	return a->report == REPORT_TIME && !spent_was_timed(t);
}

static void explain_time(const struct arguments *a, const struct cow_table *t, char *to,
			 size_t size)
{
	if (!lacks_times(a, t))
		snprintf(to, size, "no process that is yours to see spent time on copy-on-write%s",
			 t->timing.value ? "" : "; timing is off now");
	else if (!strcmp(a->table, COWSTAT_BPF_TABLE))
		snprintf(to, size,
			 "the BPF programs of this table time no faults. Load the module, or try: sudo cowtrace --hist");
	else if (t->timing.value)
		snprintf(to, size, "no fault was timed yet");
	else
		snprintf(to, size,
			 "no fault was timed: timing is off. To time faults: echo timing on | sudo tee " COWSTAT_PROC_PATH);
}

/* Say why there is nothing to show. */
static void explain(const struct arguments *a, const struct cow_table *t, char *to, size_t size)
{
	bool narrowed = a->comm || a->cgroup;
	char who[512];

	if (lacks_times(a, t))
		explain_time(a, t, to, size);
	else if (a->report == REPORT_TOTAL)
		snprintf(to, size,
			 "%s shows the total to root only (CAP_PERFMON or CAP_SYS_PTRACE)",
			 a->table);
	else if (narrowed && a->filter.pids.nr)
		snprintf(to, size, "of the processes of -p, there are no %s",
			 whom(a, who, sizeof(who)));
	else if (narrowed)
		snprintf(to, size, "there are no %s that forked or faulted since counting began%s",
			 whom(a, who, sizeof(who)),
			 a->filter.idle ? "" : "; -a shows those too of which nothing was counted");
	else if (a->filter.pids.nr && shows_forks(a))
		snprintf(to, size,
			 "no process of -p has a child that forked or faulted since counting began");
	else if (shows_forks(a))
		snprintf(to, size, "no child was forked since counting began");
	else if (!t->counting.value)
		snprintf(to, size,
			 "nothing was counted, and counting is off. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH);
	else if (a->report == REPORT_TIME)
		explain_time(a, t, to, size);
	else
		snprintf(to, size, "nothing was counted yet of processes that are yours to see");
}

static void set_smaps(json_t *report, const struct rows *rows)
{
	struct smaps smaps;
	size_t i;

	/* -p lets only rows of processes pass, so that these are the document's rows. */
	for (i = 0; i < rows->nr; i++)
		json_set_smaps(report, i,
			       rows->row[i]->state != 'X' &&
					       !smaps_read(rows->row[i]->pid, &smaps) ?
				       &smaps :
				       NULL);
}

static void print_json(struct reader *r, const struct cow_table *t, const struct rows *rows,
		       const struct cow_row *folded, const struct cow_row *total,
		       const struct cgroups *cgroups, bool gap)
{
	const struct arguments *a = r->a;
	json_t *report = json_report(t);
	struct group *group;
	size_t nr_groups;

	json_set_span(report, rows->span_ns, gap);
	if (a->report == REPORT_GROUPS) {
		if (groups_make(rows, a->by, cgroups, a->columns.sort, &group, &nr_groups))
			err(EXIT_FAILURE, NULL);
		json_set_groups(report, a->by, group, nr_groups < a->limit ? nr_groups : a->limit);
		groups_free(group, nr_groups);
	} else {
		json_set_rows(report, rows);
	}
	if (a->report == REPORT_SMAPS)
		set_smaps(report, rows);
	if (a->report == REPORT_TIME)
		json_set_run_times(report, rows);
	json_set_sum(report, "folded", folded);
	json_set_sum(report, "total", total);
	if (json_write(r->to, report, a->interval_ns))
		err(EXIT_FAILURE, "cannot write the table");
}

static void print_view(struct reader *r, const struct rows *rows, const struct cgroups *cgroups)
{
	const struct arguments *a = r->a;
	int error = 0;

	switch (a->report) {
	case REPORT_FORKS:
		view_forks(&r->screen, rows, &a->columns);
		break;
	case REPORT_TREE:
		error = view_tree(&r->screen, rows, &a->columns);
		break;
	case REPORT_GROUPS:
		error = view_groups(&r->screen, rows, a->by, cgroups, &a->columns, a->limit);
		break;
	case REPORT_SMAPS:
		view_smaps(&r->screen, rows);
		break;
	case REPORT_TIME:
		view_time(&r->screen, rows, &a->columns);
		break;
	default:
		view_rows(&r->screen, rows, &a->columns);
		break;
	}
	if (error)
		errx(EXIT_FAILURE, "%s", strerror(-error));
}

/* Say how many live children of the shown processes were forked before counting began. */
static void print_late(struct reader *r, const struct cow_table *t, const struct rows *rows)
{
	const struct arguments *a = r->a;
	size_t i, nr = 0;

	if (a->filter.pids.nr)
		nr = late_count_children(&a->filter.pids, t->since_ns.value);
	else
		for (i = 0; i < rows->nr; i++)
			nr += view_is_late(rows->row[i]);
	if (nr)
		fprintf(r->to, "%s live %s forked before counting began: SHARED is not known.\n",
			format_number(nr).s, nr == 1 ? "child was" : "children were");
}

/*
 * Print one report: of counts, or with @delta of the changes since the last report. @run has run
 * times for the same span.
 * Return: false when there was nothing to show.
 */
static bool print_report(struct reader *r, const struct cow_table *t, const struct cow_delta *delta,
			 const struct run_times *run)
{
	const struct arguments *a = r->a;
	const struct cow_row *row = delta ? delta->row : t->row;
	size_t nr = delta ? delta->nr : t->nr;
	struct rows rows = {
		.now_ns = t->now_ns.value,
		.span_ns = delta ? delta->span_ns : 0,
		.run = run,
	};
	struct cow_row all_folded;
	const struct cow_row *folded = sums_add_up_folded(row, nr, &all_folded) ? &all_folded :
										  NULL;
	struct cgroups cgroups = {};
	struct rows failed = {};
	char why[512];
	bool any;

	if ((a->filter.cgroup || a->by == GROUP_CGROUP) && cgroups_read(NULL, &cgroups))
		err(EXIT_FAILURE, NULL);
	choose(a, row, nr, folded, &cgroups, &rows);
	choose_failed(a, row, delta || a->json ? 0 : nr, &cgroups, &failed);
	any = rows.nr || has_total(a, &rows) || failed.nr;
	if (a->json)
		print_json(r, t, &rows, folded, sums_find(row, nr, COW_ROW_TOTAL), &cgroups,
			   delta && delta->gap);
	else if (delta && delta->gap)
		fprintf(r->to,
			"gap: counting began anew (epoch %" PRIu64 "); rates from here on\n\n",
			t->epoch.value);
	else if (any && (rows.nr || !shows_forks(a)))
		print_view(r, &rows, &cgroups);
	if (any && !a->json && shows_forks(a))
		print_late(r, t, &rows);
	if (any && !a->json && !delta && has_notes(a) &&
	    view_notes(&r->screen, &rows, &failed, row, nr))
		err(EXIT_FAILURE, NULL);
	explain(a, t, why, sizeof(why));
	if (!any && !a->interval_ns &&
	    (lacks_times(a, t) || !(a->filter.pids.nr && !a->comm && !a->cgroup)))
		warnx("%s", why);
	else if (!any && !a->json && a->interval_ns)
		fprintf(r->to, "(%s)\n", why);
	free(rows.row);
	free(failed.row);
	cgroups_free(&cgroups);
	return any;
}

/* Say which of the pids asked for have no row. Return: true when all have. */
static bool report_absent(const struct cow_table *t, const struct arguments *a, bool any)
{
	bool all = true;
	size_t i;

	for (i = 0; i < a->filter.pids.nr; i++) {
		if (cow_table_find(t, a->filter.pids.pid[i]) || (shows_forks(a) && any))
			continue;
		warnx("no row of pid %d: it did not fork or fault since counting began, or is not yours to see",
		      a->filter.pids.pid[i]);
		all = false;
	}
	if (all && !any && a->filter.pids.nr && shows_forks(a))
		warnx("no process of -p has a child that forked or faulted since counting began");
	return all;
}

/* Read run times of live processes; only for the table of this machine, not for a recorded one. */
static void read_run_times(const struct arguments *a, const struct cow_table *t,
			   struct run_times *run)
{
	*run = (struct run_times){};
	if (a->report == REPORT_TIME && is_of_this_machine(a) && run_times_read(t, run))
		err(EXIT_FAILURE, NULL);
}

static void print_header(struct reader *r, const struct cow_table *t)
{
	view_header(&r->screen, t);
	if (r->a->report == REPORT_TIME && !t->timing.value && spent_was_timed(t))
		fputs("Timing is off: the times are of when it was on.\n", r->to);
}

static int show_once(struct reader *r)
{
	const struct arguments *a = r->a;
	struct run_times run;
	struct cow_table t;
	bool any, all;

	read_table(a, &t);
	read_run_times(a, &t, &run);
	if (a->report == REPORT_SMAPS)
		warnx("smaps makes the kernel walk all page tables of a process: slow");
	if (!a->json)
		print_header(r, &t);
	any = print_report(r, &t, NULL, &run);
	run_times_free(&run);
	flush(r);
	all = report_absent(&t, a, any);
	cow_table_free(&t);
	return any && all ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* "12:34:56  per second, over 1.00 s" */
static void print_time(struct reader *r, const struct cow_delta *delta)
{
	time_t now = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	if (delta && delta->span_ns)
		fprintf(r->to, "%s  per second, over %s\n", clock,
			format_duration(delta->span_ns).s);
	else
		fprintf(r->to, "%s%s\n", clock, r->a->absolute ? "  since counting began" : "");
}

/* Forks and resident memory are printed as they are now: they have no rates. */
static bool has_rates(const struct arguments *a)
{
	return !a->absolute && !shows_forks(a) && a->report != REPORT_SMAPS;
}

static int show_intervals(struct reader *r)
{
	const struct arguments *a = r->a;
	struct run_times run_before, run_now, run = {};
	struct cow_table before, now;
	struct cow_delta delta = {};
	struct timespec next;
	uint64_t i;

	clock_gettime(CLOCK_MONOTONIC, &next);
	read_table(a, &before);
	read_run_times(a, &before, &run_before);
	if (!a->json)
		print_header(r, &before);
	for (i = 0; !a->count || i < a->count; i++) {
		flush(r);
		sleep_until(&next, a->interval_ns);
		read_table(a, &now);
		read_run_times(a, &now, &run_now);
		if (has_rates(a) &&
		    (cow_delta_make(&before, &now, &delta) ||
		     run_times_since(&run_before, before.now_ns.value, &run_now, &run)))
			err(EXIT_FAILURE, NULL);
		if (!a->json) {
			fputc('\n', r->to);
			print_time(r, has_rates(a) ? &delta : NULL);
		}
		print_report(r, &now, has_rates(a) ? &delta : NULL, has_rates(a) ? &run : &run_now);
		cow_delta_free(&delta);
		cow_table_free(&before);
		run_times_free(&run);
		run_times_free(&run_before);
		before = now;
		run_before = run_now;
	}
	flush(r);
	cow_table_free(&before);
	run_times_free(&run_before);
	return EXIT_SUCCESS;
}

/**
 * cmd_table() - show the table
 * @a: what was asked for
 *
 * Return: the exit status.
 */
int cmd_table(struct arguments *a)
{
	struct reader r = { .a = a };
	char why[PATH_MAX + 128], mount[PATH_MAX];

	if (a->cgroup) {
		if (cgroups_locate(a->cgroup, NULL, &r.place, why, sizeof(why)))
			errx(EXIT_FAILURE, "-G %s: %s", a->cgroup, why);
		a->filter.cgroup = r.place.path;
	}
	if (a->by == GROUP_CGROUP && !cgroups_mount(mount, sizeof(mount)))
		errx(EXIT_FAILURE,
		     "--by cgroup: no cgroup2 hierarchy is mounted here, so that cgroups have no names. Try: sudo mount -t cgroup2 none /sys/fs/cgroup");
	r.to = options_output(a->output);
	init_screen(&r);
	return a->interval_ns ? show_intervals(&r) : show_once(&r);
}
