/* SPDX-License-Identifier: GPL-2.0 */
/* How all tools refuse a wrong command line. */
#ifndef COWSTAT_USAGE_H
#define COWSTAT_USAGE_H

#define EXIT_USAGE	2

void point_to_help(void) __attribute__((noreturn));
void bad_usage(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif /* COWSTAT_USAGE_H */
