/* SPDX-License-Identifier: GPL-2.0 */
/* A process's name may hold any bytes; JSON and OpenMetrics must be UTF-8. */
#ifndef COWSTAT_UTF8_H
#define COWSTAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Room for any name of a row, each byte of it replaced. */
#define UTF8_NAME_BYTES	(3 * 64)

bool utf8_clean(char *to, size_t size, const char *from);

#endif /* COWSTAT_UTF8_H */
