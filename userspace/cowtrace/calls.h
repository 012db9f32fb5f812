/* SPDX-License-Identifier: GPL-2.0 */
/* Machine code of x86-64: can an address in it be a return address? */
#ifndef COWSTAT_CALLS_H
#define COWSTAT_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#define CALL_BYTES	8	/* longest call instruction that is looked for */
#define RETURN_BYTES	9	/* bytes behind the address that are looked at */

bool returns_here(const unsigned char *text, size_t before, size_t after);

#endif /* COWSTAT_CALLS_H */
