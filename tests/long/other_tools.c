// SPDX-License-Identifier: GPL-2.0
/*
 * Other users of ftrace and kprobes on the functions that we hook, there before us and come
 * after us: what is counted stays exact, and so do they.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN	509
#define TRACING	"cd /sys/kernel/tracing && "
#define HOOKED	"'do_wp_page ptep_clear_flush ptep_set_access_flags'"

/*
 * Shell commands: @seen succeeds when the tool has noticed our faults. There is one current
 * tracer at a time: the last does not go with the one before it. And BPF comes before IPMODIFY:
 * the other way round the kernel registers BPF's ops twice, with no func in between, which who
 * walks the list of ops then may warn of (bpf_trampoline_update(), ftrace_startup()).
 */
static const struct tool {
	const char *name, *start, *seen, *stop;
} tools[] = {
	{
		"fentry and fexit",
		"cowstat bpf load",
		"grep -q ^[1-9] /sys/fs/bpf/cowstat/table",
		"cowstat bpf unload",
	},
	{
		"IPMODIFY",
		"insmod $COWSTAT_BUILD/tests/ipmodify.ko",
		"test $(cat /sys/module/ipmodify/parameters/calls) -gt 1000",
		"rmmod ipmodify",
	},
	{
		"kprobe and kretprobe",
		TRACING "for f in do_wp_page ptep_clear_flush ptep_set_access_flags; do "
			"echo p:others/p_$f $f; echo r:others/r_$f $f; done >kprobe_events && "
			"echo 1 >events/others/enable",
		TRACING "grep -q p_ptep_clear_flush trace && grep -q r_ptep_clear_flush trace && "
			"grep -q r_do_wp_page trace",
		TRACING "echo 0 >events/others/enable && echo >kprobe_events",
	},
	{
		"perf record",
		"rm -f /tmp/others.data; perf record -q -B --no-bpf-event -a -e page-faults "
		"-o /tmp/others.data >/dev/null 2>&1 & echo $! >/tmp/others.pid; "
		"for i in $(seq 300); do test -s /tmp/others.data && exit; sleep 0.1; done; false",
		"kill -0 $(cat /tmp/others.pid)",
		"kill -INT $(cat /tmp/others.pid); while kill -0 $(cat /tmp/others.pid) 2>/dev/null; "
		"do sleep 0.1; done; test -s /tmp/others.data",
	},
	{
		"function tracer",
		TRACING "echo " HOOKED " >set_ftrace_filter && echo function >current_tracer",
		TRACING "grep -q 'ptep_clear_flush <-' trace",
		TRACING "echo nop >current_tracer && echo >set_ftrace_filter",
	},
	{
		"function_graph",
		TRACING "echo " HOOKED " >set_ftrace_filter && echo function_graph >current_tracer",
		TRACING "grep -q 'ptep_clear_flush' trace",
		TRACING "echo nop >current_tracer && echo >set_ftrace_filter",
	},
};

#define NR_TOOLS	(sizeof(tools) / sizeof(*tools))

static void counts(const char *name, const char *when)
{
	struct cow_row none, some;

	written_rows(WRITTEN, &none, &some);
	is(GREW(none, some, COPIED), WRITTEN, "%s, %s: copied", name, when);
	is(GREW(none, some, WP_FAULTS), WRITTEN, "%s, %s: and no other fault", name, when);
}

static void succeeds(const char *name, const char *what, const char *command)
{
	int status;

	free(shell(&status, "%s", command));
	is(status, 0, "%s: %s", name, what);
}

static void start(const struct tool *tool)
{
	succeeds(tool->name, "starts", tool->start);
}

static void stop(const struct tool *tool)
{
	succeeds(tool->name, "saw it", tool->seen);
	succeeds(tool->name, "stops", tool->stop);
}

static void beside(const struct tool *tool)
{
	unload_module();
	start(tool);
	load_module("");
	counts(tool->name, "there before us");
	is(control("timing on"), 0, "timing on");
	counts(tool->name, "timed");
	stop(tool);
	counts(tool->name, "gone, timed");
	is(control("timing off"), 0, "timing off");

	start(tool);
	counts(tool->name, "come after us");
	is(control("timing on"), 0, "timing on");
	counts(tool->name, "timed later");
	load_module("");
	counts(tool->name, "we come again");
	stop(tool);
	counts(tool->name, "gone");
}

/* All at once, but for the last. */
static void beside_all(void)
{
	size_t i;

	for (i = 0; i < NR_TOOLS - 1; i++) {
		start(&tools[i]);
		counts(tools[i].name, "one more");
	}
	is(control("timing on"), 0, "timing on");
	counts("all of them", "timed");
	load_module("");
	counts("all of them", "there before us");
	for (i = 0; i < NR_TOOLS - 1; i++) {
		stop(&tools[i]);
		counts(tools[i].name, "one less");
	}
}

int main(void)
{
	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	run("mountpoint -q /sys/fs/bpf || mount -t bpf b /sys/fs/bpf");
	for (size_t i = 0; i < NR_TOOLS; i++)
		beside(&tools[i]);
	beside_all();
	return done();
}
