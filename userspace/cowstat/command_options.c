// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "command_options.h"
#include "options.h"
#include "source.h"
#include "usage.h"

/**
 * command_option() - take one of COMMAND_OPTIONS
 * @o: what was asked for so far
 * @c: what getopt_long() returned; if it is none of these options, the program ends with a hint
 * @argument: the option's argument
 * @usage: prints the help of the command
 */
void command_option(struct command_options *o, int c, const char *argument, void (*usage)(void))
{
	switch (c) {
	case 'o':
		options_format(argument);
		o->json = true;
		break;
	case OPT_OUTPUT:
		o->output = argument;
		break;
	case OPT_PICTURE:
		o->picture = argument;
		break;
	case OPT_SOURCE:
		o->table = source_option(argument);
		break;
	case OPT_HELP:
		usage();
		options_written(stdout, NULL);
		exit(EXIT_SUCCESS);
	default:
		point_to_help(); /* getopt_long() has said why */
	}
}
