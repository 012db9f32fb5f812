/* SPDX-License-Identifier: GPL-2.0 */
/* Names of the functions that code addresses belong to. */
#ifndef COWSTAT_SYMBOLS_H
#define COWSTAT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

struct symbols *symbols_new(void);
void symbols_free(struct symbols *s);
const char *symbols_kernel(struct symbols *s, uint64_t address);
bool symbols_beyond(const struct symbols *s, uint64_t address);

#endif /* COWSTAT_SYMBOLS_H */
