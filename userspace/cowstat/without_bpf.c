// SPDX-License-Identifier: GPL-2.0
/* Takes the place of cmd_bpf.c in a program that is built without BPF. */
#include <err.h>
#include <stdlib.h>

#include "cmd_bpf.h"
#include "without_bpf.h"

int cmd_bpf(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	warnx("this cowstat " WITHOUT_BPF ": load the module instead (modprobe cowstat)");
	return EXIT_FAILURE;
}
