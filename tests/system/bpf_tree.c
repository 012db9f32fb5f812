// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * cowtrace -- COMMAND tells every fault of the command and of all it begets, from the first
 * one on: as many as the module counted for each process.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

int main(void)
{
	const char *build = getenv("COWSTAT_BUILD");
	static size_t told[1 << 16];
	size_t i, processes = 0, wrong = 0;
	uint64_t since;
	unsigned int pid;
	int root = 0;
	char command[512], line[512];
	struct cow_table t;
	FILE *f;

	if (!build)
		bail("COWSTAT_BUILD does not name the build");
	t = table_now();
	since = t.now_ns.value;
	cow_table_free(&t);
	snprintf(command, sizeof(command),
		 "%s/cowtrace --outcome copied,zero_filled,reused,shared_wp,other -- sh -c '(true; echo a | cat); sh -c \"sh -c true; true\"; true'",
		 build);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u.%*u %u", &pid) == 1 && pid < 1 << 16)
			told[pid]++;
	ok(f && !pclose(f), "cowtrace lost nothing");
	for (i = 0; i < 1 << 16 && !root; i++)
		root = told[i] ? i : 0;
	t = table_now();
	for (i = 0; i < t.nr; i++) {
		const struct cow_row *row = &t.row[i];

		if (row->kind != COW_ROW_PROCESS || row->value[COWSTAT_COL_START_NS] < since ||
		    row->pid >= 1 << 16 || !told[row->pid])
			continue;
		processes++;
		/* the first process was cowtrace's own until it became the command */
		if (row->pid == root && told[root] <= row->value[COWSTAT_COL_WP_FAULTS])
			continue;
		if (told[row->pid] == row->value[COWSTAT_COL_WP_FAULTS])
			continue;
		wrong++;
		note("pid %d (%s): told %zu, counted %lu", row->pid, row->comm, told[row->pid],
		     row->value[COWSTAT_COL_WP_FAULTS]);
	}
	cow_table_free(&t);
	ok(processes >= 4, "%zu processes of the tree were seen", processes);
	is(wrong, 0, "each one's faults were told, from the first to the last");
	return done();
}
