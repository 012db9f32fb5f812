// SPDX-License-Identifier: GPL-2.0
/* The blocks of README.md that are marked as tests: each runs, as it stands there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

/* The block behind a mark, as a script. */
static void block(const char *name, char *script, size_t size)
{
	char line[512], mark[64];
	FILE *f = fopen("README.md", "r");
	bool found = false, inside = false;
	size_t n = 0;

	if (!f)
		bail("no README.md here");
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
		bail("README.md has no block \"%s\"", name);
}

/* @check looks at what the block printed, in the file block.out. */
static void try(const char *name, const char *check)
{
	char script[4096], command[6144];

	block(name, script, sizeof(script));
	snprintf(command, sizeof(command),
		 "cd /tmp; (while :; do sh -c 'echo a | cat' >/dev/null; sleep 0.5; done) & busy=$!;\n"
		 "(set -e; timeout() { command timeout \"$@\" || [ $? = 124 ]; }\n%s) >/tmp/block.out 2>&1\n"
		 "status=$?; kill $busy; [ $status = 0 ] && { %s; } || { sed 's/^/# /' block.out; exit 1; }",
		 script, check);
	ok(!system(command), "the block \"%s\" does what it says", name);
}

int main(void)
{
	const char *build = getenv("COWSTAT_BUILD");
	char path[4096];

	if (!build)
		bail("COWSTAT_BUILD does not name the build");
	snprintf(path, sizeof(path), "%s/%s:%s", getcwd((char[512]){}, 512), build,
		 getenv("PATH"));
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "cp %s/cowtrace.bpf.o /tmp", build);
	run(path);

	try("table", "grep -q '^# cowstat 1 ' block.out && grep -q 'WPFAULTS' block.out && [ ! -e /sys/fs/bpf/cowstat ]");
	try("trace", "grep -q ' cat .* copied ' block.out && grep -q ', 0 lost' block.out && grep -q '^copied: ' block.out");
	try("pin", "grep -q 'cow_fault copied' block.out && grep -q '\"faults\"' block.out && [ ! -e /sys/fs/bpf/cowtrace ]");
	/* bpftool's autoattach came after Debian 12. */
	if (system("bpftool prog help 2>&1 | grep -q autoattach"))
		ok(kernel_before(6, 12), "only Debian 12's bpftool has no autoattach");
	else
		try("autoattach", "grep -q 'cow_fault copied' block.out && [ ! -e /sys/fs/bpf/cow ]");
	return done();
}
