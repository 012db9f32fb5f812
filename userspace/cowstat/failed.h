/* SPDX-License-Identifier: GPL-2.0 */
/* Forks that failed: how many, and why. */
#ifndef COWSTAT_FAILED_H
#define COWSTAT_FAILED_H

#include "format.h"
#include "table_reader.h"

/**
 * struct failed - forks that failed
 * @forks: how many; 0 where it is not known
 * @eagain: of these, because of a limit on processes: pids.max, ulimit -u
 * @enomem: of these, because of too little memory, or a limit on overcommitting it
 */
struct failed {
	uint64_t forks;
	uint64_t eagain;
	uint64_t enomem;
};

struct failed failed_of(const struct cow_row *row);
void failed_add(struct failed *to, const struct cow_row *row);
struct text failed_text(const struct failed *failed);

#endif /* COWSTAT_FAILED_H */
