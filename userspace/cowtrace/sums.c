// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cow.h"
#include "faults.h"
#include "format.h"
#include "json.h"
#include "sums.h"

#define BAR_WIDTH	40
#define NAME_COLUMNS	18	/* of a mapping's name, so that a line has at most 100 columns */

/**
 * struct entries - all keys and values of a map
 * @entry: the entries, each with its key first and the value behind it
 * @nr: number of entries
 * @size: size of an entry
 */
struct entries {
	char *entry;
	size_t nr;
	size_t size;
};

static struct entries read_map(int map, size_t key_size, size_t value_size)
{
	struct entries e = { .size = key_size + value_size };
	char *previous = NULL, *at;

	for (;;) {
		e.entry = reallocarray(e.entry, e.nr + 1, e.size);
		if (!e.entry)
			err(EXIT_FAILURE, NULL);
		at = e.entry + e.nr * e.size;
		previous = e.nr ? at - e.size : NULL;
		if (bpf_map_get_next_key(map, previous, at))
			return e;
		if (bpf_map_lookup_elem(map, at, at + key_size))
			memset(at + key_size, 0, value_size);
		e.nr++;
	}
}

static bool comm_matches(const struct sums_options *o, const char *comm)
{
	return !o->comm || !regexec(o->comm, comm, 0, NULL, 0);
}

/* --- histograms -------------------------------------------------------------------- */

/* An entry of the map. */
struct hist_line {
	struct cow_hist_key key;
	struct cow_hist hist;
};
_Static_assert(sizeof(struct hist_line) == sizeof(struct cow_hist_key) + sizeof(struct cow_hist),
	       "an entry has no gap between key and value");

static int compare_hists(const void *a, const void *b)
{
	const struct cow_hist_key *x = &((const struct hist_line *)a)->key;
	const struct cow_hist_key *y = &((const struct hist_line *)b)->key;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->ending < y->ending ? -1 : x->ending > y->ending;
}

static void add_hist(struct cow_hist *to, const struct cow_hist *from)
{
	size_t i;

	for (i = 0; i < COW_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->faults += from->faults;
	to->untimed += from->untimed;
	to->took_ns += from->took_ns;
}

static void print_hist(const struct sums_options *o, const struct hist_line *line)
{
	const struct cow_hist *hist = &line->hist;
	unsigned int i, first = COW_BUCKETS, last = 0;
	uint64_t most = 0, timed = hist->faults - hist->untimed;

	for (i = 0; i < COW_BUCKETS; i++) {
		if (!hist->bucket[i])
			continue;
		if (first == COW_BUCKETS)
			first = i;
		last = i;
		if (hist->bucket[i] > most)
			most = hist->bucket[i];
	}
	if (o->by_pid)
		fprintf(o->to, "\n%u %s", line->key.pid, format_printable(hist->comm).s);
	else
		fprintf(o->to, "\n%s", outcome_name(line->key.ending));
	fprintf(o->to, ": %s faults", format_number(hist->faults).s);
	if (timed)
		fprintf(o->to, ", on average %s", format_duration(hist->took_ns / timed).s);
	if (hist->untimed)
		fprintf(o->to, ", %s of unknown duration", format_number(hist->untimed).s);
	fputc('\n', o->to);
	if (!timed)
		return;
	fprintf(o->to, "%12s %12s %10s\n", "from", "to", "faults");
	for (i = first; i <= last && first < COW_BUCKETS; i++)
		fprintf(o->to, "%12s %12s %10llu %s\n", format_duration(i ? 1ULL << i : 0).s,
			format_duration(1ULL << (i + 1)).s, hist->bucket[i],
			hist->bucket[i] ? format_bar(hist->bucket[i], most, BAR_WIDTH).s : "");
}

static void print_hist_json(const struct sums_options *o, const struct hist_line *line)
{
	json_t *json = json_object(), *buckets = json_array(), *bucket;
	unsigned int i;

	if (o->by_pid) {
		json_put(json, "pid", json_uint(line->key.pid));
		json_put_name(json, "comm", line->hist.comm);
	} else {
		json_put(json, "outcome", json_string(outcome_name(line->key.ending)));
	}
	json_put(json, "faults", json_uint(line->hist.faults));
	json_put(json, "untimed", json_uint(line->hist.untimed));
	json_put(json, "took_ns", json_uint(line->hist.took_ns));
	for (i = 0; i < COW_BUCKETS; i++) {
		if (!line->hist.bucket[i])
			continue;
		bucket = json_object();
		json_put(bucket, "from_ns", json_uint(i ? 1ULL << i : 0));
		json_put(bucket, "to_ns", json_uint(1ULL << (i + 1)));
		json_put(bucket, "faults", json_uint(line->hist.bucket[i]));
		json_add(buckets, bucket);
	}
	json_put(json, "buckets", buckets);
	json_write(o->to, json, true);
}

/**
 * print_hists() - print all histograms
 * @o: options; the caller checks the stream for errors
 * @hists_map: the map
 *
 * Return: number of faults in them.
 */
uint64_t print_hists(const struct sums_options *o, int hists_map)
{
	struct entries e = read_map(hists_map, sizeof(struct cow_hist_key),
				    sizeof(struct cow_hist));
	struct hist_line *line = (void *)e.entry;
	size_t i, nr = 0;
	uint64_t faults = 0;

	if (e.nr)
		qsort(line, e.nr, sizeof(*line), compare_hists);
	for (i = 0; i < e.nr; i++) {
		if (!comm_matches(o, line[i].key.comm))
			continue;
		faults += line[i].hist.faults;
		/* Threads of one process, or of one outcome, are one histogram. */
		if (nr && !compare_hists(&line[nr - 1], &line[i]))
			add_hist(&line[nr - 1].hist, &line[i].hist);
		else
			line[nr++] = line[i];
	}
	for (i = 0; i < nr; i++) {
		if (o->json)
			print_hist_json(o, &line[i]);
		else
			print_hist(o, &line[i]);
	}
	free(line);
	return faults;
}

/* --- mappings ----------------------------------------------------------------------- */

/**
 * struct vma_line - a mapping of a process, or, merged, of all processes of a name
 * @key: from the map
 * @vma: from the map, or the sum of several
 * @processes: number of processes
 */
struct vma_line {
	struct cow_vma_key key;
	struct cow_vma vma;
	uint64_t processes;
};

static uint64_t all_faults(const struct cow_vma *vma)
{
	uint64_t n = 0;

	for (unsigned int e = 0; e < COW_NR_ENDINGS; e++)
		n += vma->faults[e];
	return n;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Mappings of the same process that are equal here are one line. */
static int compare_vmas(const void *a, const void *b)
{
	const struct cow_vma_key *x = &((const struct vma_line *)a)->key;
	const struct cow_vma_key *y = &((const struct vma_line *)b)->key;

	/* clang-format off */
	return compare_numbers(x->pid, y->pid) ?: compare_numbers(x->mapping, y->mapping) ?:
	       strcmp(x->file, y->file) ?: compare_numbers(x->start, y->start);
	/* clang-format on */
}

/*
 * Mappings of several processes that are equal here are one line. The same file is mapped at
 * other addresses in each program run, so there the offset tells which mapping it is.
 * Anonymous memory has the same address in processes that were forked from one another.
 */
static int compare_merged(const void *a, const void *b)
{
	const struct vma_line *x = a, *y = b;
	const struct cow_vma_key *k = &x->key, *l = &y->key;
	/* clang-format off */
	int order = strcmp(x->vma.comm, y->vma.comm) ?:
		    compare_numbers(k->mapping, l->mapping) ?: strcmp(k->file, l->file);
	/* clang-format on */

	if (!order && k->mapping == COW_MAPPING_FILE)
		order = compare_numbers(k->offset, l->offset);
	if (!order && k->mapping == COW_MAPPING_ANON)
		order = compare_numbers(k->start, l->start);
	return order;
}

/* For printing: the most bytes first, then the most faults. */
static int compare_cost(const void *a, const void *b)
{
	const struct cow_vma *x = &((const struct vma_line *)a)->vma;
	const struct cow_vma *y = &((const struct vma_line *)b)->vma;

	/* clang-format off */
	return compare_numbers(y->bytes, x->bytes) ?:
	       compare_numbers(all_faults(y), all_faults(x)) ?: compare_vmas(a, b);
	/* clang-format on */
}

static void add_vma(struct vma_line *to, const struct vma_line *from)
{
	unsigned int e;

	for (e = 0; e < COW_NR_ENDINGS; e++)
		to->vma.faults[e] += from->vma.faults[e];
	to->vma.untimed += from->vma.untimed;
	to->vma.bytes += from->vma.bytes;
	to->vma.took_ns += from->vma.took_ns;
	to->processes += to->key.pid != from->key.pid;
	to->key.pid = from->key.pid;
	/* Addresses that differ are not shown. */
	if (to->vma.start != from->vma.start || to->vma.end != from->vma.end)
		to->vma.start = to->vma.end = 0;
}

/* Of the lines that compare equal, those of one process are neighbours. */
static int compare_merged_pid(const void *a, const void *b)
{
	return compare_merged(a, b) ?: compare_vmas(a, b);
}

/*
 * Sort the lines, and add up those that are equal for @compare, which is a prefix of the order.
 * Return: how many are left.
 */
static size_t add_up(struct vma_line *line, size_t nr, int (*order)(const void *a, const void *b),
		     int (*compare)(const void *a, const void *b))
{
	size_t i, left = 0;

	if (nr)
		qsort(line, nr, sizeof(*line), order);
	for (i = 0; i < nr; i++) {
		if (left && !compare(&line[left - 1], &line[i]))
			add_vma(&line[left - 1], &line[i]);
		else
			line[left++] = line[i];
	}
	return left;
}

static void print_vma(const struct sums_options *o, const struct vma_line *line)
{
	const struct cow_vma *vma = &line->vma;
	struct text took = { COWSTAT_UNKNOWN }, start = { COWSTAT_UNKNOWN };
	struct text size = { COWSTAT_UNKNOWN };

	if (vma->untimed < all_faults(vma))
		took = format_duration(vma->took_ns);
	if (vma->end) {
		snprintf(start.s, sizeof(start.s), "%llx", vma->start);
		size = format_size_tight(vma->end - vma->start);
	}
	fprintf(o->to, "%7" PRIu64 " %-15s %7s %7s %7s %5s %8s %12s %5s %.*s\n",
		o->merge ? line->processes : line->key.pid, format_printable(vma->comm).s,
		format_fit(all_faults(vma), 7).s,
		format_fit(vma->faults[COW_COPIED] + vma->faults[COW_FILE_COPIED], 7).s,
		format_fit(vma->faults[COW_REUSED], 7).s, format_size_tight(vma->bytes).s, took.s,
		start.s, size.s, NAME_COLUMNS,
		line->key.mapping == COW_MAPPING_FILE ? format_printable(line->key.file).s :
							mapping_kind_name(line->key.mapping));
}

static void print_vma_json(const struct sums_options *o, const struct vma_line *line)
{
	const struct cow_vma *vma = &line->vma;
	json_t *json = json_object();
	unsigned int e;

	if (o->merge)
		json_put(json, "processes", json_uint(line->processes));
	else
		json_put(json, "pid", json_uint(line->key.pid));
	json_put_name(json, "comm", vma->comm);
	json_put(json, "mapping", json_string(mapping_kind_name(line->key.mapping)));
	if (line->key.mapping == COW_MAPPING_FILE) {
		json_put_name(json, "file", line->key.file);
		json_put(json, "offset", json_uint(line->key.offset));
	}
	json_put(json, "start", vma->end ? json_uint(vma->start) : json_null());
	json_put(json, "end", vma->end ? json_uint(vma->end) : json_null());
	json_put(json, "faults", json_uint(all_faults(vma)));
	for (e = 0; e < COW_NR_ENDINGS; e++)
		json_put(json, outcome_name(e), json_uint(vma->faults[e]));
	json_put(json, "bytes", json_uint(vma->bytes));
	json_put(json, "untimed", json_uint(vma->untimed));
	json_put(json, "took_ns",
		 vma->untimed < all_faults(vma) ? json_uint(vma->took_ns) : json_null());
	json_write(o->to, json, true);
}

/**
 * print_vmas() - print the sums by mapping, the one with the most bytes first
 * @o: options; the caller checks the stream for errors
 * @vmas_map: the map
 *
 * Return: number of faults in them.
 */
uint64_t print_vmas(const struct sums_options *o, int vmas_map)
{
	const size_t key = sizeof(struct cow_vma_key), value = sizeof(struct cow_vma);
	struct entries e = read_map(vmas_map, key, value);
	struct vma_line *line = calloc(e.nr + 1, sizeof(*line));
	size_t i, nr = 0;
	uint64_t faults = 0;

	if (!line)
		err(EXIT_FAILURE, NULL);
	for (i = 0; i < e.nr; i++) {
		memcpy(&line[nr].key, e.entry + i * e.size, key);
		memcpy(&line[nr].vma, e.entry + i * e.size + key, value);
		line[nr].processes = 1;
		if (!comm_matches(o, line[nr].key.comm))
			continue;
		faults += all_faults(&line[nr].vma);
		nr++;
	}
	free(e.entry);
	/* With -C the threads of a process have entries of their own in the map. */
	if (o->comm)
		nr = add_up(line, nr, compare_vmas, compare_vmas);
	if (o->merge)
		nr = add_up(line, nr, compare_merged_pid, compare_merged);
	if (nr)
		qsort(line, nr, sizeof(*line), compare_cost);
	if (!o->json)
		fprintf(o->to, "%7s %-15s %7s %7s %7s %5s %8s %12s %5s MAPPING\n",
			o->merge ? "PROCS" : "PID", "COMMAND", "FAULTS", "COPIED", "REUSED",
			"BYTES", "TIME", "ADDRESS", "SIZE");
	for (i = 0; i < nr; i++) {
		if (o->json)
			print_vma_json(o, &line[i]);
		else
			print_vma(o, &line[i]);
	}
	free(line);
	return faults;
}
