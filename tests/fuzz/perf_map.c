// SPDX-License-Identifier: GPL-2.0
/* perf_map.c: functions that a stranger's program names. */
#include "fuzz.h"
#include "perf_map.h"

static void try_input(const char *bytes, size_t n)
{
	struct perf_budget budget = { .bytes = 1 << 20, .symbols = 100 };
	struct perf_map map = {};
	uint64_t address;
	const char *name;

	must(perf_map_parse(&map, bytes, n, &budget) <= n);
	must(map.nr + budget.symbols == 100);
	for (address = 0; address < 0x4000; address += 0x10) {
		name = perf_map_find(&map, address);
		must(!name || strlen(name) < PERF_MAP_NAME);
		for (; name && *name; name++)
			must(*name >= ' ' && *name <= '~' && *name != ';');
	}
	perf_map_free(&map);
}
