/* SPDX-License-Identifier: GPL-2.0 */
/* --forks: a line for each fork, the mappings that it copied, and sums by caller. */
#ifndef COWSTAT_FORKS_H
#define COWSTAT_FORKS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "columns.h"

/**
 * struct forks_options - what is printed, and how
 * @to: the stream
 * @json: one JSON object per line, not text
 * @by_vma: under each fork, the mappings that it copied
 * @by_caller: at the end, sums by caller, and no lines
 * @comm: only threads with this name, or NULL for all
 * @regex: only threads whose name matches, or NULL for all
 * @columns: columns of a line
 * @count: print no more forks than that
 */
struct forks_options {
	FILE *to;
	bool json;
	bool by_vma;
	bool by_caller;
	const char *comm;
	const regex_t *regex;
	struct columns columns;
	uint64_t count;
};

/**
 * struct forks_counts - forks so far
 * @printed: printed, or added to sums
 * @without_stack: of these, forks whose stack is not known
 * @dropped: reports that could not be kept
 */
struct forks_counts {
	uint64_t printed;
	uint64_t without_stack;
	uint64_t dropped;
};

#define FORK_COLUMNS	"pid,comm,child,kind,took,shared,swap,pgtables,pinned,caller"

struct forks;

const char *fork_column_name(size_t i);
struct forks *forks_new(const struct forks_options *o);
void forks_free(struct forks *f);
void forks_header(const struct forks *f);
int forks_event(void *forks, void *data, size_t size);
void forks_load_again(struct forks *f);
void forks_sums(struct forks *f);
struct forks_counts forks_counts(const struct forks *f);

#endif /* COWSTAT_FORKS_H */
