/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sums per control group and per name that never fall: rows are recycled, but the ledger keeps
 * their counts.
 */
#ifndef COWSTAT_LEDGER_H
#define COWSTAT_LEDGER_H

#include "cgroups.h"
#include "delta.h"
#include "openmetrics.h"
#include "view.h"

/* What is kept:	L(column, metric, unit, help) */
#define LEDGER_FIGURES(L)							\
	L(COPIED_BYTES,	copied_bytes,	"bytes", "Bytes physically copied")	\
	L(WP_FAULTS,	wp_faults,	"",	 "Write-protect faults")		\
	L(FORKS,	forks,		"",	 "Children forked with memory of their own")

#define LEDGER_ENUM(COLUMN, name, unit, help)	LEDGER_##COLUMN,
enum ledger_figure { LEDGER_FIGURES(LEDGER_ENUM) LEDGER_NR };

/* More names than these share one account: Prometheus keeps a series for each. */
#define LEDGER_MAX	100
#define LEDGER_OTHER	VIEW_OTHER

/**
 * struct account - sums over the processes of one name, or of one cgroup
 * @name: the name; LEDGER_OTHER for processes without an account of their own
 * @sum: by figure
 */
struct account {
	char *name;
	uint64_t sum[LEDGER_NR];
};

/**
 * struct ledger - accounts by cgroup or by name
 * @by: by which
 * @account: the first is LEDGER_OTHER
 * @nr: how many; at least 1 once begun
 */
struct ledger {
	enum grouping by;
	struct account account[LEDGER_MAX + 1];
	size_t nr;
};

int ledger_init(struct ledger *ledger, enum grouping by);
void ledger_free(struct ledger *ledger);
int ledger_add(struct ledger *ledger, const struct cow_delta *delta, const struct cgroups *cgroups);
void ledger_print(const struct ledger *ledger, const struct metrics *m);

#endif /* COWSTAT_LEDGER_H */
