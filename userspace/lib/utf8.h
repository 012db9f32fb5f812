/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names of processes and files may hold any bytes. JSON and OpenMetrics must be UTF-8; a
 * terminal must not be given control characters.
 */
#ifndef COWSTAT_UTF8_H
#define COWSTAT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* What to keep of a text that is too long. */
enum utf8_keep {
	UTF8_KEEP_BEGIN,
	UTF8_KEEP_END,
};

unsigned int utf8_fit(char *to, size_t size, const char *from, unsigned int width,
		      enum utf8_keep keep);
bool utf8_clean(char *to, size_t size, const char *from);

#endif /* COWSTAT_UTF8_H */
