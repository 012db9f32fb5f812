// SPDX-License-Identifier: GPL-2.0
/*
 * Only totals. A sum over rows would fall when rows are recycled. The `*` row falls only when
 * counting begins anew, which is allowed for a counter.
 */
#include <inttypes.h>
#include <string.h>

#include "failed.h"
#include "format.h"
#include "openmetrics.h"
#include "utf8.h"

/* How a column's unit becomes a base unit. */
enum scale {
	AS_IT_IS,
	SECONDS, /* of nanoseconds */
	PAGES,	 /* to bytes */
};

/*
 * The columns of the total as counters: all of COWSTAT_COLUMNS except identities and memos, of
 * which there are no sums.
 */
static const struct {
	enum cowstat_column column;
	const char *name;
	const char *unit;
	enum scale scale;
	const char *help;
} counters[] = {
	{ COWSTAT_COL_PROCESSES, "processes", "", AS_IT_IS,
	  "Processes that forked, were forked or faulted." },
	{ COWSTAT_COL_FORKS, "forks", "", AS_IT_IS, "Children forked with memory of their own." },
	{ COWSTAT_COL_VFORKS, "vforks", "", AS_IT_IS,
	  "Children that borrowed their parent's memory (vfork, posix_spawn)." },
	{ COWSTAT_COL_EXECS, "execs", "", AS_IT_IS, "Programs begun." },
	{ COWSTAT_COL_WP_FAULTS, "wp_faults", "", AS_IT_IS,
	  "Write-protect faults on 4 KiB pages." },
	{ COWSTAT_COL_COPIED, "copied", "", AS_IT_IS,
	  "Write-protect faults that copied the page." },
	{ COWSTAT_COL_ANON_COPIED, "anon_copied", "", AS_IT_IS,
	  "Of these, copies of anonymous pages: what fork made necessary." },
	{ COWSTAT_COL_INHERITED_COPIED, "inherited_copied", "", AS_IT_IS,
	  "Of these, copies of pages that an ancestor of the process made." },
	{ COWSTAT_COL_ZERO_FILLED, "zero_filled", "", AS_IT_IS,
	  "Write-protect faults on the zero page: nothing was copied." },
	{ COWSTAT_COL_REUSED, "reused", "", AS_IT_IS,
	  "Write-protect faults by a page's only owner: nothing was copied." },
	{ COWSTAT_COL_SHARED_WP, "shared_wp", "", AS_IT_IS,
	  "Write-protect faults of shared mappings: dirty tracking." },
	{ COWSTAT_COL_KSM_COPIED, "ksm_copied", "", AS_IT_IS, "Copies of merged pages." },
	{ COWSTAT_COL_UNSHARED, "unshared", "", AS_IT_IS,
	  "Write-protect faults without a write, for a page to be pinned." },
	{ COWSTAT_COL_REMOTE, "remote", "", AS_IT_IS,
	  "Write-protect faults taken by somebody else than the memory's owner." },
	{ COWSTAT_COL_FILE_COPIED, "file_copied", "", AS_IT_IS,
	  "First writes to pages of private file mappings, copied from the page cache." },
	{ COWSTAT_COL_FORK_COPIED, "fork_copied", "", AS_IT_IS,
	  "Pinned pages that fork copied at once." },
	{ COWSTAT_COL_THP_FAULTS, "thp_faults", "", AS_IT_IS,
	  "Write-protect faults on transparent huge pages." },
	{ COWSTAT_COL_THP_SPLIT, "thp_split", "", AS_IT_IS, "Of these, split." },
	{ COWSTAT_COL_THP_REUSED, "thp_reused", "", AS_IT_IS, "Of these, reused whole." },
	{ COWSTAT_COL_HUGETLB_FAULTS, "hugetlb_faults", "", AS_IT_IS,
	  "Write-protect faults on hugetlb pages." },
	{ COWSTAT_COL_HUGETLB_COPIED, "hugetlb_copied", "", AS_IT_IS, "Of these, copied." },
	{ COWSTAT_COL_HUGETLB_REUSED, "hugetlb_reused", "", AS_IT_IS, "Of these, reused." },
	{ COWSTAT_COL_COPIED_BYTES, "copied_bytes", "bytes", AS_IT_IS,
	  "All bytes physically copied." },
	{ COWSTAT_COL_FORK_NS, "fork_seconds", "seconds", SECONDS,
	  "Time spent in fork, vfork and posix_spawn within the kernel." },
	{ COWSTAT_COL_COPY_NS, "copy_seconds", "seconds", SECONDS,
	  "Time in copying faults until the page is copied, while timing was on." },
	{ COWSTAT_COL_SHOOTDOWN_NS, "shootdown_seconds", "seconds", SECONDS,
	  "Time after that, while CPUs drop the old page from their TLBs." },
	{ COWSTAT_COL_REUSE_NS, "reuse_seconds", "seconds", SECONDS,
	  "Time in faults that reused the page, while timing was on." },
	{ COWSTAT_COL_BIRTH_ANON_PAGES, "birth_anon_bytes", "bytes", PAGES,
	  "Private memory that forks shared instead of copying it." },
	{ COWSTAT_COL_BIRTH_PGTABLES_BYTES, "birth_pgtables_bytes", "bytes", AS_IT_IS,
	  "Page tables that forks built." },
};

#define HOOK_ENTRY(ID, name)	#name,
static const char *const hooks[] = { COWSTAT_HOOKS(HOOK_ENTRY) };

static bool is_counter(const char *type)
{
	return !strcmp(type, "counter");
}

/**
 * metrics_family() - begin a family of samples
 * @m: where
 * @name: what is measured, ending in its unit, without "cowstat_" and "_total"
 * @type: "counter" or "gauge"
 * @unit: the base unit, or "" for a plain count
 * @help: a sentence; no newline, quote or backslash
 */
void metrics_family(const struct metrics *m, const char *name, const char *type, const char *unit,
		    const char *help)
{
	const char *total = m->format == METRICS_TEXT && is_counter(type) ? "_total" : "";

	fprintf(m->to, "# HELP cowstat_%s%s %s\n", name, total, help);
	fprintf(m->to, "# TYPE cowstat_%s%s %s\n", name, total, type);
	if (m->format == METRICS_OPENMETRICS && *unit)
		fprintf(m->to, "# UNIT cowstat_%s %s\n", name, unit);
}

/* A label's value may have any bytes. Both formats require UTF-8 and three escape sequences. */
static void print_label(FILE *to, const char *value)
{
	char clean[1024];
	const char *c;

	utf8_clean(clean, sizeof(clean), value);
	for (c = clean; *c; c++) {
		if (*c == '\n')
			fputs("\\n", to);
		else if (*c == '\\' || *c == '"')
			fprintf(to, "\\%c", *c);
		else
			fputc(*c, to);
	}
}

/**
 * metrics_labels() - print a sample with several labels, of the family that was begun last
 * @m: where
 * @name: as the family's
 * @type: as the family's
 * @label: the labels
 * @nr: how many
 * @value: a number
 */
void metrics_labels(const struct metrics *m, const char *name, const char *type,
		    const struct metrics_label *label, size_t nr, const char *value)
{
	size_t i;

	fprintf(m->to, "cowstat_%s%s", name, is_counter(type) ? "_total" : "");
	for (i = 0; i < nr; i++) {
		fprintf(m->to, "%s%s=\"", i ? "," : "{", label[i].name);
		print_label(m->to, label[i].value);
		fputc('"', m->to);
	}
	fprintf(m->to, "%s %s\n", nr ? "}" : "", value);
}

/**
 * metrics_sample() - print a sample of the family that was begun last
 * @m: where
 * @name: as the family's
 * @type: as the family's
 * @label: name of its label, or NULL for none
 * @label_value: may be any bytes
 * @value: a number
 */
void metrics_sample(const struct metrics *m, const char *name, const char *type, const char *label,
		    const char *label_value, const char *value)
{
	const struct metrics_label one = { label, label_value };

	metrics_labels(m, name, type, &one, label ? 1 : 0, value);
}

/**
 * metrics_count() - a sample of a counter whose value is a whole number
 * @m: where
 * @name: as the family's
 * @label: name of its label, or NULL for none
 * @label_value: may be any bytes
 * @value: the number
 */
void metrics_count(const struct metrics *m, const char *name, const char *label,
		   const char *label_value, uint64_t value)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, value);
	metrics_sample(m, name, "counter", label, label_value, number);
}

static void print_counters(const struct metrics *m, const struct cow_row *total)
{
	size_t i;

	for (i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t value = total->value[counters[i].column];

		if (!total->known[counters[i].column])
			continue;
		metrics_family(m, counters[i].name, "counter", counters[i].unit, counters[i].help);
		if (counters[i].scale == SECONDS)
			metrics_sample(m, counters[i].name, "counter", NULL, NULL,
				       format_seconds(value).s);
		else
			metrics_count(m, counters[i].name, NULL, NULL,
				      value * (counters[i].scale == PAGES ? COWSTAT_PAGE_BYTES :
									    1));
	}
}

/* Forks that failed, by errno. */
static void print_failed(const struct metrics *m, const struct cow_row *total)
{
	static const char name[] = "forks_failed";
	struct failed failed = failed_of(total);

	if (!total->known[COWSTAT_COL_FORKS_FAILED])
		return;
	metrics_family(m, name, "counter", "", "Forks that failed, vfork and posix_spawn too.");
	metrics_count(m, name, "errno", "EAGAIN", failed.eagain);
	metrics_count(m, name, "errno", "ENOMEM", failed.enomem);
	metrics_count(m, name, "errno", "other", failed.forks - failed.eagain - failed.enomem);
}

#define HISTOGRAM	"fault_phase_seconds"
#define FIRST_BUCKET	6	/* up to 127 ns */
#define LAST_BUCKET	30	/* up to 2.1 s; longer faults are only in +Inf */

/* Always print all buckets, also empty ones: histogram_quantile() over rates needs them. */
static void print_phase(const struct metrics *m, const char *phase, const uint64_t *count,
			uint64_t sum_ns)
{
	struct metrics_label label[] = { { "phase", phase }, { "le", "+Inf" } };
	uint64_t below = 0;
	struct text bound;
	char number[24];
	int b;

	for (b = 0; b < LATENCY_BUCKETS; b++) {
		below += count[b];
		snprintf(number, sizeof(number), "%" PRIu64, below);
		if (b < FIRST_BUCKET || b > LAST_BUCKET)
			continue;
		bound = format_seconds((2ULL << b) - 1);
		label[1].value = bound.s;
		metrics_labels(m, HISTOGRAM "_bucket", "histogram", label, 2, number);
	}
	label[1].value = "+Inf";
	metrics_labels(m, HISTOGRAM "_bucket", "histogram", label, 2, number);
	metrics_labels(m, HISTOGRAM "_sum", "histogram", label, 1, format_seconds(sum_ns).s);
	metrics_labels(m, HISTOGRAM "_count", "histogram", label, 1, number);
}

static void print_latency(const struct metrics *m, const struct cow_row *total,
			  const struct latency *latency)
{
	static const struct {
		const char *name;
		enum cowstat_column sum;
	} phase[LATENCY_NR_PHASES] = {
		[LATENCY_COPY] = { "copy", COWSTAT_COL_COPY_NS },
		[LATENCY_SHOOTDOWN] = { "shootdown", COWSTAT_COL_SHOOTDOWN_NS },
		[LATENCY_REUSE] = { "reuse", COWSTAT_COL_REUSE_NS },
	};
	int p;

	metrics_family(m, HISTOGRAM, "histogram", "seconds",
		       "How long the phases of write-protect faults took, while timing was on.");
	for (p = 0; p < LATENCY_NR_PHASES; p++)
		print_phase(m, phase[p].name, latency->count[p], total->value[phase[p].sum]);
}

static void print_figure(const struct metrics *m, const struct cow_figure *figure, const char *name,
			 const char *type, const char *help)
{
	char number[24];

	if (!figure->known)
		return;
	snprintf(number, sizeof(number), "%" PRIu64, figure->value);
	metrics_family(m, name, type, "", help);
	metrics_sample(m, name, type, NULL, NULL, number);
}

/**
 * metrics_armed() - is a hook armed?
 * @t: the table, whose header tells
 * @hook: its name
 *
 * Return: true if it is.
 */
bool metrics_armed(const struct cow_table *t, const char *hook)
{
	size_t len = strlen(hook);
	const char *at = t->hooks;

	while (at) {
		if (!strncmp(at, hook, len) && (!at[len] || at[len] == ','))
			return true;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return false;
}

/**
 * metrics_table() - print what the table knows about the whole system
 * @m: where
 * @t: the table; without a total, for a reader who may not see it, only its header
 * @latency: its histogram; NULL where there is none
 */
void metrics_table(const struct metrics *m, const struct cow_table *t,
		   const struct latency *latency)
{
	const struct cow_row *total = cow_table_total(t);
	size_t i;

	if (total) {
		print_counters(m, total);
		print_failed(m, total);
	}
	if (total && latency && total->known[COWSTAT_COL_COPY_NS])
		print_latency(m, total, latency);
	print_figure(m, &t->counting, "counting", "gauge", "1 while events are being counted.");
	print_figure(m, &t->rows, "rows", "gauge", "Rows of the table in use.");
	print_figure(m, &t->max_rows, "max_rows", "gauge", "Rows the table can have.");
	print_figure(m, &t->folded, "folded_rows", "counter", "Rows recycled for new processes.");
	print_figure(m, &t->sums, "sums", "gauge",
		     "Sums of recycled rows, by cgroup, user and name, and by cgroup and user.");
	print_figure(m, &t->max_sums, "max_sums", "gauge", "Such sums the table can have.");
	print_figure(m, &t->merged, "merged_sums", "counter",
		     "Such sums merged: a name, or also the cgroup and user, are forgotten.");
	print_figure(m, &t->lost, "lost", "counter",
		     "Faults that could not be given a row; they are in the totals.");
	print_figure(m, &t->missed, "missed", "counter", "Events that were not counted.");
	metrics_family(m, "hook_armed", "gauge", "", "1 where the hook is armed.");
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		/* The hook that times is not missing while nothing is timed. */
		if (i != COWSTAT_HOOK_TIME || t->timing.value)
			metrics_sample(m, "hook_armed", "gauge", "hook", hooks[i],
				       metrics_armed(t, hooks[i]) ? "1" : "0");
}

/**
 * metrics_end() - end the metrics; nothing may follow
 * @m: where
 */
void metrics_end(const struct metrics *m)
{
	if (m->format == METRICS_OPENMETRICS)
		fputs("# EOF\n", m->to);
}
