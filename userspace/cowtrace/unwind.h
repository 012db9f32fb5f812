/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds callers in a copy of a thread's registers and stack by the unwind tables of the code
 * (DWARF's call frame information), as debuggers do. Needs no frame pointers.
 */
#ifndef COWSTAT_UNWIND_H
#define COWSTAT_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "cow.h"
#include "spaces.h"

#define UNWIND_DEPTH	256

struct unwinder;

struct unwinder *unwinder_new(struct spaces *spaces);
void unwinder_free(struct unwinder *unwinder);
size_t unwind(struct unwinder *unwinder, const struct space_id *id, const struct cow_sample *sample,
	      uint64_t *address, bool *complete);

#endif /* COWSTAT_UNWIND_H */
