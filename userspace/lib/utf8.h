/* SPDX-License-Identifier: GPL-2.0 */
/* A process's name may hold any bytes; JSON and OpenMetrics must be UTF-8. */
#ifndef COWSTAT_UTF8_H
#define COWSTAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_clean(char *to, size_t size, const char *from);

#endif /* COWSTAT_UTF8_H */
