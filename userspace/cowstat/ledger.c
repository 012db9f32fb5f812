// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "utf8.h"

#define LEDGER_COLUMN(COLUMN, name, unit, help)	[LEDGER_##COLUMN] = COWSTAT_COL_##COLUMN,
static const enum cowstat_column columns[LEDGER_NR] = { LEDGER_FIGURES(LEDGER_COLUMN) };

#define LEDGER_METRIC(COLUMN, name, unit, help)	{ #name, unit, help },
static const struct {
	const char *name, *unit, *help;
} metrics[LEDGER_NR] = { LEDGER_FIGURES(LEDGER_METRIC) };

/**
 * ledger_init() - begin with empty accounts
 * @ledger: to be freed with ledger_free()
 * @by: GROUP_CGROUP or GROUP_COMM
 *
 * Return: 0 or -ENOMEM.
 */
int ledger_init(struct ledger *ledger, enum grouping by)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->by = by;
	ledger->account[0].name = strdup(LEDGER_OTHER);
	if (!ledger->account[0].name)
		return -ENOMEM;
	ledger->nr = 1;
	return 0;
}

/**
 * ledger_free() - give the memory back
 * @ledger: one that was begun
 */
void ledger_free(struct ledger *ledger)
{
	while (ledger->nr)
		free(ledger->account[--ledger->nr].name);
}

/* The name of the account that a row belongs to; NULL for LEDGER_OTHER. */
static const char *name_of(const struct ledger *ledger, const struct cow_row *row,
			   const struct cgroups *cgroups)
{
	if (ledger->by == GROUP_COMM)
		return row->known[COWSTAT_COL_COMM] ? row->comm : NULL;
	if (!row->known[COWSTAT_COL_CGROUP])
		return NULL;
	return cgroups_path(cgroups, row->value[COWSTAT_COL_CGROUP]);
}

/*
 * Find or make the account of a name. Names are stored as they will be printed: two names that
 * look the same in print must not become two series with one label.
 */
static struct account *account_of(struct ledger *ledger, const char *name)
{
	char clean[4096];
	size_t i;

	if (!name)
		return &ledger->account[0];
	utf8_clean(clean, sizeof(clean), name);
	for (i = 0; i < ledger->nr; i++)
		if (!strcmp(ledger->account[i].name, clean))
			return &ledger->account[i];
	if (ledger->nr > LEDGER_MAX)
		return &ledger->account[0];
	ledger->account[i].name = strdup(clean);
	if (!ledger->account[i].name)
		return NULL;
	ledger->nr++;
	return &ledger->account[i];
}

/**
 * ledger_add() - add what happened between two readings
 * @ledger: the accounts
 * @delta: what happened
 * @cgroups: those there are
 *
 * Rows without changes open no account. Counts whose cgroup or name is not known go to
 * LEDGER_OTHER.
 *
 * Return: 0 or -ENOMEM.
 */
int ledger_add(struct ledger *ledger, const struct cow_delta *delta, const struct cgroups *cgroups)
{
	size_t i, f;

	for (i = 0; i < delta->nr; i++) {
		const struct cow_row *row = &delta->row[i];
		struct account *account;
		uint64_t any = 0;

		for (f = 0; f < LEDGER_NR; f++)
			any |= row->value[columns[f]];
		if (!any || row->kind == COW_ROW_TOTAL)
			continue;
		account = account_of(ledger, name_of(ledger, row, cgroups));
		if (!account)
			return -ENOMEM;
		for (f = 0; f < LEDGER_NR; f++)
			account->sum[f] += row->value[columns[f]];
	}
	return 0;
}

/* The names of containers, as a family to join with the others. */
static void print_containers(const struct ledger *ledger, const struct metrics *m)
{
	const char *name;
	bool any = false;
	size_t i;

	for (i = 0; i < ledger->nr; i++) {
		const struct metrics_label label[] = {
			{ "cgroup", ledger->account[i].name },
			{ "container", name = cgroups_container(ledger->account[i].name) },
		};

		if (!name)
			continue;
		if (!any)
			metrics_family(m, "container_info", "gauge", "",
				       "1 for each cgroup of a container whose name is known.");
		any = true;
		metrics_labels(m, "container_info", "gauge", label, 2, "1");
	}
}

/**
 * ledger_print() - print the accounts as counters
 * @ledger: the accounts
 * @m: where
 */
void ledger_print(const struct ledger *ledger, const struct metrics *m)
{
	const char *label = ledger->by == GROUP_COMM ? "comm" : "cgroup";
	char name[64], help[160];
	size_t i, f;

	for (f = 0; f < LEDGER_NR; f++) {
		snprintf(name, sizeof(name), "%s_%s", label, metrics[f].name);
		snprintf(help, sizeof(help), "%s, by %s, since this cowstat began.",
			 metrics[f].help, label);
		metrics_family(m, name, "counter", metrics[f].unit, help);
		for (i = 0; i < ledger->nr; i++)
			metrics_count(m, name, label, ledger->account[i].name,
				      ledger->account[i].sum[f]);
	}
	if (ledger->by == GROUP_CGROUP)
		print_containers(ledger, m);
}
