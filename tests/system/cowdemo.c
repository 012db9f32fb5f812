// SPDX-License-Identifier: GPL-2.0
/* cowdemo: its conclusions agree with its measurements, as root and as an ordinary user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"

static char output[1 << 17];

/* Run cowdemo, with its output to output[]. Return: its exit status. */
static int demo(const char *before)
{
	char command[256];
	int status;
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "%s %s/cowdemo --size 100M 2>&1 </dev/null", before,
		 getenv("COWSTAT_BUILD"));
	f = popen(command, "r");
	if (!f)
		bail("cannot run %s", command);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Parse the first line about a side within a step. */
static void side(int step, const char *name, char *frame, unsigned long *faults,
		 unsigned long *copied, unsigned long *reused)
{
	char title[32], word[32], *at;

	snprintf(title, sizeof(title), "Step %d of ", step);
	snprintf(word, sizeof(word), "    %s ", name);
	at = strstr(output, title);
	at = at ? strstr(at, word) : NULL;

	if (!at || (sscanf(at, " %*s %*s %31s new %*s %*s +%lu +%lu +%lu", frame, faults, copied,
			   reused) != 4 &&
		    sscanf(at, " %*s %*s %31s %*s %*s +%lu +%lu +%lu", frame, faults, copied,
			   reused) != 4))
		bail("no line about the %s in step %d", name, step);
}

static void check_step(int step, const char *name, unsigned long want_faults,
		       unsigned long want_copied, unsigned long want_reused)
{
	unsigned long faults, copied, reused;
	char frame[32];

	side(step, name, frame, &faults, &copied, &reused);
	is(faults, want_faults, "step %d, %s: faults", step, name);
	is(copied, want_copied, "step %d, %s: copied", step, name);
	is(reused, want_reused, "step %d, %s: reused", step, name);
}

static void check_lines(void)
{
	size_t longest = 0, length = 0;
	char *c;

	for (c = output; *c; c++) {
		length = *c == '\n' ? 0 : length + 1;
		longest = length > longest ? length : longest;
	}
	ok(longest <= 80, "lines fit 80 columns: the longest is %zu", longest);
}

int main(void)
{
	start_row();
	is(demo("LC_ALL=C"), 0,
	   "as root, with the module: no measurement contradicts a conclusion");
	ok(!strstr(output, "!!") && !strchr(output, '\033') && !strstr(output, "Reduced"),
	   "nothing marked as contradicted, no colour in a pipe, nothing missing");
	check_lines();
	check_step(2, "child", 0, 0, 0);
	check_step(3, "child", 1, 1, 0);
	check_step(3, "parent", 0, 0, 0);
	check_step(4, "parent", 1, 0, 1);
	check_step(5, "parent", 8, 8, 0);
	check_step(5, "child", 0, 0, 0);
	check_step(7, "child", 0, 0, 0);
	ok(strstr(output, "= = = = = C = ="), "the grid shows that the child copied page 5");
	ok(strstr(output, "P P P P P P P P ="), "the grid shows that the parent copied 8 pages");
	ok(strstr(output, "of 2 such writes 2 reused the page, 0 copied it"), "the third answer");

	is(demo("setpriv --reuid 1000 --regid 1000 --clear-groups env LC_ALL=C"), 0,
	   "as an ordinary user: it works");
	ok(strstr(output, "Reduced: frame numbers"), "it says what is missing");
	unload_module();
	is(demo("LC_ALL=C"), 0, "without the module: it works");
	ok(strstr(output, "Reduced: faults are not counted"), "it says what is missing");
	load_module("");
	return done();
}
