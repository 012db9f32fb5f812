// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/* kernels: one */
/*
 * The blocks of README.md and docs/ebpf.md that need BPF: each runs as it stands there.
 * tests/system/pages runs all other blocks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

/* Copies the block that follows the mark @name in @page to @script. */
static void block(const char *page, const char *name, char *script, size_t size)
{
	char line[512], mark[64];
	FILE *f = fopen(page, "r");
	bool found = false, inside = false;
	size_t n = 0;

	if (!f)
		bail("no %s here", page);
	snprintf(mark, sizeof(mark), "<!-- test: %s -->\n", name);
	while (fgets(line, sizeof(line), f)) {
		if (!strcmp(line, mark))
			found = true;
		else if (found && !strncmp(line, "```", 3)) {
			if (inside)
				break;
			inside = true;
		} else if (inside && n + strlen(line) < size) {
			n += snprintf(script + n, size - n, "%s", line);
		}
	}
	fclose(f);
	if (!n)
		bail("%s has no block \"%s\"", page, name);
}

/* @check looks at what the block printed, in the file block.out. */
static void try(const char *page, const char *name, const char *check)
{
	char script[4096], command[6144];

	block(page, name, script, sizeof(script));
	snprintf(command, sizeof(command),
		 "cd /tmp; (while :; do sh -c 'echo a | cat' >/dev/null; sleep 0.5; done) & busy=$!;\n"
		 "(set -e; timeout() { command timeout \"$@\" || [ $? = 124 ]; }\n%s) >/tmp/block.out 2>&1\n"
		 "status=$?; kill $busy; [ $status = 0 ] && { %s; } || { sed 's/^/# /' block.out; exit 1; }",
		 script, check);
	ok(!system(command), "%s: the block \"%s\" does what it says", page, name);
}

int main(void)
{
	const char *build = getenv("COWSTAT_BUILD");
	char path[4096];

	if (!build)
		bail("COWSTAT_BUILD does not name the build");
	snprintf(path, sizeof(path), "%s/%s:%s", getcwd((char[512]){}, 512), build, getenv("PATH"));
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "cp %s/cowtrace.bpf.o /tmp", build);
	run(path);

	try("README.md", "table",
	    "grep -q '^# cowstat 1 ' block.out && grep -q 'WPFAULTS' block.out && [ ! -e /sys/fs/bpf/cowstat ]");
	try("docs/ebpf.md", "trace",
	    "grep -q ' cat .* copied ' block.out && grep -q ', 0 lost' block.out && grep -q '^copied: ' block.out");
	try("docs/ebpf.md", "pin",
	    "grep -q 'cow_fault copied' block.out && grep -q '\"faults\"' block.out && [ ! -e /sys/fs/bpf/cowtrace ]");
	/* bpftool's autoattach came after Debian 12. */
	if (system("bpftool prog help 2>&1 | grep -q autoattach"))
		ok(kernel_before(6, 12), "only Debian 12's bpftool has no autoattach");
	else
		try("docs/ebpf.md", "autoattach",
		    "grep -q 'cow_fault copied' block.out && [ ! -e /sys/fs/bpf/cow ]");
	return done();
}
