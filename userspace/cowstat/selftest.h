/* SPDX-License-Identifier: GPL-2.0 */
/* Short-lived children write pages, and each finds out whether its own row has counted them. */
#ifndef COWSTAT_SELFTEST_H
#define COWSTAT_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct selftest_result - one outcome of a fault, tried
 * @name: the column that has to count it
 * @tried: false if it cannot be tried on this machine, or if its column prints "-"
 * @good: it was counted exactly; true if it was not tried
 * @said: what was done and counted, one line
 * @calls: not @good: which functions that the module hooks were called, and by which functions;
 *	empty if only root may know, and without the module
 */
struct selftest_result {
	const char *name;
	bool tried;
	bool good;
	char said[256];
	char calls[512];
};

bool selftest(const char *table, size_t n, struct selftest_result *result);

#endif /* COWSTAT_SELFTEST_H */
