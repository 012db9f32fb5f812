// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/*
 * cowstat never shows an empty table without a reason, and never ignores an option: what is
 * missing gives exit status 1 and is named, what does not go together gives 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define CGROUP	"/sys/fs/cgroup/refusals.slice"
#define NOBODY	"setpriv --reuid=65534 --clear-groups "

static void refused(int want, const char *command, const char *said)
{
	char *out;
	int status;

	out = shell(&status, "(%s) 2>&1", command);
	is(status, want, "%s: exit status %d", command, want);
	ok(strstr(out, said), "it says \"%s\"", said);
	if (want == 2)
		ok(strstr(out, "Try: cowstat --help"), "and where to read on");
	if (status != want || !strstr(out, said))
		note("%s", out);
	free(out);
}

static void nothing_to_show(void)
{
	refused(1, "cowstat -G /nonesuch", "-G /nonesuch: there is no cgroup /nonesuch");
	refused(1, "cowstat -C nomatch", "there are no processes whose name matches nomatch");
	refused(1, "cowstat --forks -C nomatch",
		"there are no children whose name matches nomatch");
	refused(1, "cowstat -p SELF -C nomatch", "of the processes of -p, there are no processes");
	refused(1, "cowstat -p 4194304", "no row of pid 4194304");
	refused(1, "cowstat --forks -p 4194304", "no row of pid 4194304");
	refused(1, NOBODY "$(which cowstat) -t", "shows the total to root only");
	refused(1, "cowstat --source /no/such", "cannot open /no/such: No such file or directory");
	refused(1, "cowstat --source bpf", "sudo cowstat bpf load");
	refused(1, "unshare -m sh -c 'umount -l /sys/fs/cgroup; cowstat --by cgroup'",
		"no cgroup2 hierarchy is mounted");
	refused(1, "unshare -m sh -c 'umount -l /sys/fs/cgroup; cowstat -G /a'",
		"no cgroup2 hierarchy is mounted");
	refused(1, "cowstat -o json -C nomatch >/tmp/empty.json", "nomatch");
	refused(0,
		"python3 -c 'import json; print(json.load(open(\"/tmp/empty.json\"))[\"rows\"])'",
		"[]\n");
	refused(0, "cowstat -C nomatch 0.1 1",
		"(there are no processes whose name matches nomatch");
	refused(1, "cowstat --time",
		"no fault was timed: timing is off. To time faults: echo timing on");
	refused(1, "cowstat --time -p SELF", "no fault was timed: timing is off");
	refused(0, "cowstat --time 0.1 1", "(no fault was timed: timing is off");
	refused(1, "cowstat --time -o json >/tmp/empty.json", "no fault was timed: timing is off");
	refused(1, "cowstat top </dev/null", "top needs a terminal");
	refused(1, "cowstat top -G /nonesuch", "-G /nonesuch: there is no cgroup /nonesuch");
	refused(1, "cowstat --output /nonesuch/file", "cannot write /nonesuch/file");
	refused(1, "cowstat workers -p 4194304", "there is no process 4194304");
	refused(1, "cowstat workers -p $(pgrep -n kswapd)", "has no workers");
	refused(1, "cowstat workers -p 1 --source /no/such", "cannot open /no/such");
}

static void what_does_not_go_together(void)
{
	/* clang-format off */
	static const char *const wrong[][2] = {
		{ "cowstat -p 1 --openmetrics",		"-p has no meaning with --openmetrics" },
		{ "cowstat -p 1 --textfile /tmp",	"-p has no meaning with --textfile" },
		{ "cowstat -p 1 -- true",		"-p has no meaning with a command" },
		{ "cowstat -C a -- true",		"-C has no meaning with a command" },
		{ "cowstat --forks --by comm",		"--forks and --by cannot be shown together" },
		{ "cowstat --by comm --by uid",		"give one" },
		{ "cowstat --forks -t",			"--forks and -t cannot be shown together" },
		{ "cowstat -t -p 1",			"-p has no meaning with -t" },
		{ "cowstat -t -n 3",			"-n has no meaning with -t" },
		{ "cowstat -l -o json",			"-l has no meaning with -o json" },
		{ "cowstat --human -o json",		"--human has no meaning with -o json" },
		{ "cowstat --by comm -l",		"-l has no meaning with --by" },
		{ "cowstat --time --forks",		"--time and --forks cannot be shown together" },
		{ "cowstat --time --human",		"--human has no meaning with --time" },
		{ "cowstat --time --columns copied",	"--columns has no meaning with --time" },
		{ "cowstat -H --time",			"-H needs an interval" },
		{ "cowstat --forks --columns copied",	"--columns has no meaning with --forks" },
		{ "cowstat --columns copied,nothing",	"there is no such column" },
		{ "cowstat -H --forks 1",		"-H has no meaning with --forks" },
		{ "cowstat top -n 3",			"-n has no meaning with top" },
		{ "cowstat top -o json",		"-o has no meaning with top" },
		{ "cowstat top --forks",		"--forks and top cannot be shown together" },
		{ "cowstat top 1 2 3",			"unexpected argument \"3\"" },
		{ "cowstat top 0",			"\"0\" is no interval in seconds" },
		{ "cowstat -o json doctor",		"-o has no meaning with doctor" },
		{ "cowstat --load",			"--load has no meaning with the table" },
		{ "cowstat doctor now",			"doctor takes no \"now\"" },
		{ "cowstat --forks doctor",		"--forks and doctor cannot be shown together" },
		{ "cowstat --openmetrics 1",		"an interval has no meaning with --openmetrics" },
		{ "cowstat 1 -- true",			"unexpected argument \"1\" before --" },
		{ "cowstat --textfile /tmp -- true",	"cannot be shown together" },
		{ "cowstat -o xml",			"there is no such format" },
		{ "cowstat workers",			"workers needs the server's first process" },
		{ "cowstat workers -p 1 0",		"is no interval" },
		{ "cowstat workers -p 1 1 2 3",		"unexpected argument" },
		{ "cowstat workers -p 1 --picture /tmp/a 1", "give INTERVAL and COUNT" },
		{ "cowstat --forks workers -p 1",	"workers is the first word" },
		{ "cowstat --",				"there is no command after --" },
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(2, wrong[i][0], wrong[i][1]);
}

static void names_of_a_cgroup(void)
{
	static const char *const name[] = { "refusals.slice", "/refusals.slice", CGROUP,
					    CGROUP "/" };
	char command[128];
	int fd;

	if (mkdir(CGROUP, 0755) || (fd = open(CGROUP "/cgroup.procs", O_WRONLY)) < 0 ||
	    dprintf(fd, "%d\n", getpid()) < 0)
		bail("no cgroup: errno %d", errno);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		snprintf(command, sizeof(command), "cowstat -G %s", name[i]);
		refused(0, command, " cowstat_refusal\n");
	}
	close(fd);
	fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY);
	if (fd < 0 || dprintf(fd, "%d\n", getpid()) < 0)
		bail("cannot leave the cgroup: errno %d", errno);
	close(fd);
	rmdir(CGROUP);
}

static void output(void)
{
	refused(0, "cowstat -a --output /tmp/table && cat /tmp/table", " COMMAND\n");
	refused(0, "cowstat --openmetrics --output /tmp/metrics && cat /tmp/metrics", "# EOF\n");
	refused(0, "cowstat -o json --output /tmp/a.json && python3 -m json.tool /tmp/a.json",
		"\"schema\": 1");
	refused(0, "cowstat --columns thp,ppid -s forks",
		"THP_OTHER  COPIED    PPID   FORKS COMMAND\n");
	refused(0, "cowstat --by comm -n 1 | wc -l", "3\n");
}

int main(void)
{
	volatile char *pages = map_pages(4);

	/* so that this process has a row */
	write_pages((char *)pages, 4);
	run("true");
	nothing_to_show();
	what_does_not_go_together();
	names_of_a_cgroup();
	output();
	return done();
}
