// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * All programs pass this kernel's verifier, far from the million instructions at which it
 * gives up; how many it looked at goes into the report of the tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define FAR_ENOUGH	200000

static void verified(const char *tool, const char *command, const char *const *needed)
{
	char report[2048] = "", name[32], *line, *rest;
	unsigned int insns, bytes;
	size_t programs = 0, bad = 0, missing = 0, n = 0;
	int status;
	char *text = shell(&status, "%s 2>&1", command);

	is(status, 0, "%s: all programs pass", tool);
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%31s %*s %u verified instructions, %u bytes of code", name,
			   &insns, &bytes) != 3)
			continue;
		programs++;
		bad += !insns || insns > FAR_ENOUGH || !bytes;
		n += snprintf(report + n, sizeof(report) - n, "%s%s %u", programs > 1 ? ", " : "",
			      name, insns);
		if (n >= sizeof(report))
			bail("more programs than was thought");
	}
	for (; *needed; needed++)
		missing += !strstr(report, *needed);
	is(missing, 0, "%s: the programs that nothing goes without are among the %zu", tool,
	   programs);
	is(bad, 0, "%s: each took the verifier less than %d instructions", tool, FAR_ENOUGH);
	note("report: %s, instructions verified: %s", tool, report);
	free(text);
}

int main(void)
{
	static const char *const counters[] = { "wp_entry", "cleared", "made_writable", "on_fork",
						"on_exec",  "on_exit", "table",		NULL };
	static const char *const tracers[] = { "wp_entry", "wp_exit", "made_writable",
					       "on_fork",  "on_exit", "sweep",
					       NULL };
	int status;

	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	verified("cowstat", "cowstat bpf load -v", counters);
	free(shell(&status, "cowstat bpf unload"));
	is(status, 0, "unloaded");
	verified("cowtrace", "cowtrace -v --outcome copied,file_copied --duration 1", tracers);
	return done();
}
