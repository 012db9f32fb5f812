// SPDX-License-Identifier: GPL-2.0
/* Takes the place of cowtrace in a build without BPF. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "without_bpf.h"

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version"))
		options_version("cowtrace");
	errx(EXIT_FAILURE, "this cowtrace " WITHOUT_BPF
			   ": the module's table and tracepoints do without (cowstat, perf)");
}
