/* SPDX-License-Identifier: GPL-2.0 */
/* Options that mean the same in diff, forecast and workers, which have a syntax of their own. */
#ifndef COWSTAT_COMMAND_OPTIONS_H
#define COWSTAT_COMMAND_OPTIONS_H

#include <stdbool.h>

/**
 * struct command_options - what was asked for
 * @json: print JSON, not text
 * @output: the file to write to; NULL for stdout
 * @picture: an SVG file to draw; NULL for none
 * @table: path of the table; NULL if none was named
 */
struct command_options {
	bool json;
	const char *output;
	const char *picture;
	const char *table;
};

/* For getopt_long(): numbers beyond any character. Those of one command begin at OPT_OWN. */
enum { OPT_OUTPUT = 256, OPT_PICTURE, OPT_SOURCE, OPT_HELP, OPT_OWN };

/* clang-format off */
#define COMMAND_OPTIONS								\
	{ "format",	required_argument,	NULL, 'o' },			\
	{ "output",	required_argument,	NULL, OPT_OUTPUT },		\
	{ "picture",	required_argument,	NULL, OPT_PICTURE },		\
	{ "source",	required_argument,	NULL, OPT_SOURCE },		\
	{ "help",	no_argument,		NULL, OPT_HELP }
/* clang-format on */

void command_option(struct command_options *o, int c, const char *argument, void (*usage)(void));

#endif /* COWSTAT_COMMAND_OPTIONS_H */
