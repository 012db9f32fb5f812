// SPDX-License-Identifier: GPL-2.0
/* smaps.c: figures, or none. */
#include "fuzz.h"
#include "smaps.h"

static void try_input(const char *bytes, size_t n)
{
	FILE *f = file_of(bytes, n);
	struct smaps smaps;
	uint64_t shared;
	int i, err;

	err = smaps_parse(f, &smaps);
	for (i = 0; i < SMAPS_NR; i++)
		must(!err || !smaps.bytes[i]);
	fclose(f);
	f = file_of(bytes, n);
	err = smaps_parse_shared(f, &shared);
	must(!err || !shared);
	fclose(f);
}
