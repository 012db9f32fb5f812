// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "usage.h"

/**
 * point_to_help() - end the program after a message about the command line
 */
void point_to_help(void)
{
	fprintf(stderr, "Try: %s --help\n", program_invocation_short_name);
	exit(EXIT_USAGE);
}

/**
 * bad_usage() - print what is wrong with the command line, and end the program
 * @format: what is wrong, and what to give instead
 */
void bad_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
	point_to_help();
}
