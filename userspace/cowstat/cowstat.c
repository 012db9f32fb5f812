// SPDX-License-Identifier: GPL-2.0
/* cowstat: show what copy-on-write did, by process, on a screen or for other programs. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "cmd_bpf.h"
#include "cmd_diff.h"
#include "cmd_doctor.h"
#include "cmd_forecast.h"
#include "cmd_metrics.h"
#include "cmd_run.h"
#include "cmd_serve.h"
#include "cmd_table.h"
#include "cmd_top.h"
#include "cmd_workers.h"

#define COMMAND(name)	{ #name, cmd_##name },
static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} commands[] = { COWSTAT_COMMANDS(COMMAND) };

static int run(struct arguments *a)
{
	switch (a->report) {
	case REPORT_COMMAND:
		return cmd_run(a->table, a->command, a->output, a->json, a->amplification);
	case REPORT_DOCTOR:
		return (a->load ? doctor_load : doctor)(a->table) ? EXIT_SUCCESS : EXIT_FAILURE;
	case REPORT_OPENMETRICS:
		return cmd_openmetrics(a);
	case REPORT_TEXTFILE:
		return cmd_textfile(a);
	case REPORT_TOP:
		return cmd_top(a);
	default:
		return cmd_table(a);
	}
}

int main(int argc, char **argv)
{
	struct arguments a;
	size_t i;
	int status;

	/* Which characters a terminal can show. Figures keep their form in every locale. */
	setlocale(LC_CTYPE, "");
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].word))
			return commands[i].run(argc - 1, argv + 1);
	arguments_parse(argc, argv, &a);
	status = run(&a);
	arguments_free(&a);
	return status;
}
