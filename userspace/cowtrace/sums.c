// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cow.h"
#include "faults.h"
#include "format.h"
#include "sums.h"

#define BAR_WIDTH	40

static void print_hist(FILE *to, const struct cow_hist_key *key, const struct cow_hist *hist,
		       bool by_pid)
{
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
	if (by_pid)
		fprintf(to, "\n%u %s", key->pid, format_printable(hist->comm).s);
	else
		fprintf(to, "\n%s", outcome_name(key->ending));
	fprintf(to, ": %s faults", format_number(hist->faults).s);
	if (timed)
		fprintf(to, ", on average %s", format_duration(hist->took_ns / timed).s);
	if (hist->untimed)
		fprintf(to, ", %s of unknown duration", format_number(hist->untimed).s);
	fputc('\n', to);
	if (!timed)
		return;
	fprintf(to, "%12s %12s %10s\n", "from", "to", "faults");
	for (i = first; i <= last && first < COW_BUCKETS; i++)
		fprintf(to, "%12s %12s %10llu %s\n", format_duration(i ? 1ULL << i : 0).s,
		       format_duration(1ULL << (i + 1)).s, hist->bucket[i],
		       hist->bucket[i] ? format_bar(hist->bucket[i], most, BAR_WIDTH).s : "");
}

/**
 * print_hists() - print all histograms
 * @to: the stream
 * @hists_map: the map
 * @by_pid: they are by process, not by outcome
 */
void print_hists(FILE *to, int hists_map, bool by_pid)
{
	struct cow_hist_key key, *previous = NULL;
	struct cow_hist hist;

	while (!bpf_map_get_next_key(hists_map, previous, &key)) {
		if (!bpf_map_lookup_elem(hists_map, &key, &hist))
			print_hist(to, &key, &hist, by_pid);
		previous = &key;
	}
}

struct vma_line {
	struct cow_vma_key key;
	struct cow_vma vma;
};

static uint64_t all_faults(const struct cow_vma *vma)
{
	uint64_t n = 0;

	for (unsigned int e = 0; e < COW_NR_ENDINGS; e++)
		n += vma->faults[e];
	return n;
}

static int by_bytes(const void *a, const void *b)
{
	const struct cow_vma *x = &((const struct vma_line *)a)->vma;
	const struct cow_vma *y = &((const struct vma_line *)b)->vma;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return all_faults(x) < all_faults(y) ? 1 : -1;
}

/**
 * print_vmas() - print the sums by mapping, the one with the most bytes first
 * @to: the stream
 * @vmas_map: the map
 */
void print_vmas(FILE *to, int vmas_map)
{
	struct cow_vma_key key, *previous = NULL;
	struct vma_line *line = NULL;
	size_t nr = 0, i;

	while (!bpf_map_get_next_key(vmas_map, previous, &key)) {
		line = reallocarray(line, nr + 1, sizeof(*line));
		if (!line)
			err(EXIT_FAILURE, NULL);
		line[nr].key = key;
		if (!bpf_map_lookup_elem(vmas_map, &key, &line[nr].vma))
			nr++;
		previous = &key;
	}
	if (nr)
		qsort(line, nr, sizeof(*line), by_bytes);
	fprintf(to, "%7s %-15s %7s %7s %7s %9s %8s MAPPING\n", "PID", "COMMAND", "FAULTS", "COPIED",
	       "REUSED", "SIZE", "TIME");
	for (i = 0; i < nr; i++) {
		const struct cow_vma *vma = &line[i].vma;

		fprintf(to, "%7u %-15s %7" PRIu64 " %7llu %7llu %9s %8s %s\n", line[i].key.pid,
		       format_printable(vma->comm).s, all_faults(vma),
		       vma->faults[COW_COPIED] + vma->faults[COW_FILE_COPIED],
		       vma->faults[COW_REUSED], format_size(vma->bytes).s,
		       format_duration(vma->took_ns).s,
		       line[i].key.mapping == COW_MAPPING_FILE ?
				format_printable(line[i].key.file).s :
				mapping_kind_name(line[i].key.mapping));
	}
	free(line);
}

/**
 * load_stack_symbols() - read the symbols of all processes that have stacks in the map
 * @symbols: to be completed
 * @counts_map: the map of counts by stack
 *
 * To be called often: it must read a process's mappings while the process lives.
 */
void load_stack_symbols(struct symbols *symbols, int counts_map)
{
	struct cow_stack_key key, *previous = NULL;

	while (!bpf_map_get_next_key(counts_map, previous, &key)) {
		symbols_load(symbols, key.pid);
		previous = &key;
	}
}

static bool read_stack(int stacks_map, int id, uint64_t *frame)
{
	__u32 key = id;

	return id >= 0 && !bpf_map_lookup_elem(stacks_map, &key, frame);
}

/* Print the user frames of a stack, the outermost first. */
static void print_user_frames(FILE *to, int stacks_map, struct symbols *symbols, int id, pid_t pid)
{
	uint64_t frame[COW_STACK_DEPTH] = {};
	char name[256];
	int i;

	if (!read_stack(stacks_map, id, frame))
		return;
	for (i = COW_STACK_DEPTH - 1; i >= 0; i--) {
		if (!frame[i])
			continue;
		symbols_user(symbols, pid, frame[i], name, sizeof(name));
		fprintf(to, ";%s", name);
	}
}

/*
 * Print the kernel frames of a stack, the outermost first. The innermost frames are left out:
 * they are our BPF program and the trampoline that called it. On kernels that jump to the
 * trampoline, the function that the program watches is not on the stack, so it is added.
 */
static void print_kernel_frames(FILE *to, int stacks_map, struct symbols *symbols, int id,
				unsigned int function)
{
	static const char *const functions[COW_NR_FUNCTIONS] = {
		[COW_DO_WP_PAGE] = "do_wp_page",
		[COW_FINISH_FAULT] = "finish_fault",
		[COW_DO_HUGE_PMD_WP_PAGE] = "do_huge_pmd_wp_page",
		[COW_HUGETLB_WP] = "hugetlb_wp",
	};
	const char *watched = functions[function % COW_NR_FUNCTIONS], *name = "";
	uint64_t frame[COW_STACK_DEPTH] = {};
	int i, first = 0;

	if (!read_stack(stacks_map, id, frame))
		return;
	while (first < COW_STACK_DEPTH && symbols_beyond(symbols, frame[first]))
		first++;
	for (i = COW_STACK_DEPTH - 1; i >= first; i--) {
		if (!frame[i])
			continue;
		name = symbols_kernel(symbols, frame[i]);
		fprintf(to, ";%s_[k]", name);
	}
	if (strcmp(name, watched))
		fprintf(to, ";%s_[k]", watched);
}

/**
 * print_stacks() - print the counts by stack, folded as flame graphs need them
 * @to: the stream
 * @counts_map: the map of counts by stack
 * @stacks_map: the map of stacks
 * @symbols: names of functions
 */
void print_stacks(FILE *to, int counts_map, int stacks_map, struct symbols *symbols)
{
	struct cow_stack_key key, *previous = NULL;
	uint64_t n;

	while (!bpf_map_get_next_key(counts_map, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(counts_map, &key, &n))
			continue;
		fprintf(to, "%s", format_printable(key.comm).s);
		print_user_frames(to, stacks_map, symbols, key.user, key.pid);
		print_kernel_frames(to, stacks_map, symbols, key.kernel, key.function);
		fprintf(to, " %" PRIu64 "\n", n);
	}
}
