/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SCRIPT_LINE_H
#define COWSTAT_SCRIPT_LINE_H

#include <stddef.h>

int script_line(const char *text, size_t len, const char *function);

#endif /* COWSTAT_SCRIPT_LINE_H */
