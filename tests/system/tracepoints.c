// SPDX-License-Identifier: GPL-2.0
/*
 * The module's tracepoints, through tracefs, perf and bpftrace: every outcome in a child's row
 * is an event, with the frames that its page tables had; and nothing comes while they are off.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define INSTANCE	"/sys/kernel/tracing/instances/cowstat/"
#define LAST_KB		"512"	/* of a storm: enough for its end. As text it is ten times as much */
#define PAGES		509
#define ZEROED		17
#define SHARED		23
#define FILED		29
#define MAX_EVENTS	65536
/* perf looks at each file below /lib/modules: half a minute over 9p without KVM. */
#define PERF		"unshare -m sh -c 'mount -t tmpfs none /lib/modules && exec perf \"$@\"' perf "

struct event {
	int pid;
	char outcome[32];
	unsigned long address, old_pfn, new_pfn, bytes;
};

static struct event event[MAX_EVENTS];
static size_t nr;

static struct memory {
	char *written, *zeroed, *shared, *filed;
} memory;

/* Every kind of fault that a plain process has. */
static void every_kind(void *arg)
{
	struct memory *m = arg;

	write_pages(m->written, PAGES);
	read_pages(m->zeroed, ZEROED);
	write_pages(m->zeroed, ZEROED);
	read_pages(m->shared, SHARED);
	write_pages(m->shared, SHARED);
	write_pages(m->filed, FILED);
}

static char *map_file(const char *path, size_t n, int how)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	char *pages;

	if (fd < 0 || ftruncate(fd, n * PAGE))
		bail("cannot make %s", path);
	pages = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, how, fd, 0);
	if (pages == MAP_FAILED)
		bail("cannot map %s", path);
	close(fd);
	return pages;
}

/* What a process's events were, since the last time. */
static void read_events(const char *text, int pid)
{
	const char *at = text;

	for (nr = 0; nr < MAX_EVENTS && (at = strstr(at, "cow_fault: pid=")); at++) {
		struct event *e = &event[nr];

		if (sscanf(at, "cow_fault: pid=%d", &e->pid) != 1 || e->pid != pid)
			continue;
		at = strstr(at, " address=");
		if (!at ||
		    sscanf(at, " address=0x%lx outcome=%31s old_pfn=0x%lx new_pfn=0x%lx bytes=%lu",
			   &e->address, e->outcome, &e->old_pfn, &e->new_pfn, &e->bytes) != 5)
			bail("what is this event: %.120s", at ? at : "");
		nr++;
	}
}

static size_t events_of(const char *outcome, unsigned long *bytes)
{
	size_t i, n = 0;

	for (i = 0; i < nr; i++) {
		if (strcmp(event[i].outcome, outcome))
			continue;
		n++;
		*bytes += event[i].bytes;
	}
	return n;
}

/* A row and the events of its process say the same. */
static void agree(const struct cow_row *row, const char *listener)
{
	unsigned long bytes = 0, nothing = 0;

	is(events_of("copied", &bytes), VALUE(*row, COPIED), "%s: copied", listener);
	is(events_of("file_copied", &bytes), VALUE(*row, FILE_COPIED), "%s: file_copied", listener);
	is(bytes, VALUE(*row, COPIED_BYTES), "%s: copied_bytes", listener);
	is(events_of("zero_filled", &nothing), VALUE(*row, ZERO_FILLED), "%s: zero_filled",
	   listener);
	is(events_of("reused", &nothing), VALUE(*row, REUSED), "%s: reused", listener);
	is(events_of("shared_wp", &nothing), VALUE(*row, SHARED_WP), "%s: shared_wp", listener);
	is(nothing, 0, "%s: these copied nothing", listener);
}

static void tracefs(void)
{
	static uint64_t before[PAGES], after[PAGES];
	struct puppet child = { .work = every_kind, .arg = &memory };
	size_t i, page, wrong = 0, seen = 0;
	char *text, want[64];
	struct cow_row row;
	int status;

	set_file(INSTANCE "events/cowstat/enable", "1");
	for (i = 0; i < PAGES; i++)
		before[i] = pagemap_of(getpid(), memory.written + i * PAGE) & PAGEMAP_PFN;
	puppet_start(&child);
	puppet_work(&child);
	for (i = 0; i < PAGES; i++)
		after[i] = pagemap_of(child.pid, memory.written + i * PAGE) & PAGEMAP_PFN;
	puppet_end(&child);
	set_file(INSTANCE "events/cowstat/enable", "0");
	row = row_of(child.pid);
	text = shell(&status, "cat " INSTANCE "trace");
	read_events(text, child.pid);
	agree(&row, "tracefs");
	for (i = 0; i < nr; i++) {
		page = (event[i].address - (unsigned long)memory.written) / PAGE;
		if (page >= PAGES)
			continue;
		seen++;
		wrong += event[i].old_pfn != before[page] || event[i].new_pfn != after[page];
	}
	is(seen, PAGES, "an event for each page that was written");
	is(wrong, 0, "with the frame that its parent has, and its own");
	snprintf(want, sizeof(want), "child_pid=%d vfork=0 fork_ns=%" PRIu64 " ", child.pid,
		 VALUE(row, FORK_NS));
	ok(strstr(text, want), "and one of its birth: %s", want);
	free(text);

	run("echo >" INSTANCE "trace");
	row = child_row(every_kind, &memory);
	text = shell(&status, "cat " INSTANCE "trace");
	ok(VALUE(row, COPIED) >= PAGES && !strstr(text, "cow_f"), "none while they are off");
	free(text);
}

static volatile bool *stop;

/* Copies without end, and then first touches. */
static void copy_and_touch(void *arg)
{
	pid_t sharer;

	while (!*stop) {
		sharer = fork();
		if (!sharer) {
			pause();
			_exit(0);
		}
		write_pages(memory.written, PAGES);
		kill_child(sharer);
	}
	write_pages(arg, PAGES);
}

/* Counting goes and comes while faults are listened to: no first touch is taken for a copy. */
static void switched(void)
{
	char *untouched = map_untouched(PAGES), *text;
	size_t i, touched = 0;
	struct cow_row row;
	pid_t pid;
	int status;

	stop = (void *)map_file("/dev/shm/stop", 1, MAP_SHARED);
	set_file(INSTANCE "buffer_size_kb", LAST_KB);
	set_file(INSTANCE "events/cowstat/cow_fault/enable", "1");
	pid = start_child(copy_and_touch, untouched);
	for (i = 0; i < 3; i++)
		is(control("reset"), 0, "reset while faults are listened to");
	*stop = true;
	wait_child(pid);
	text = shell(&status, "cat " INSTANCE "trace");
	read_events(text, pid);
	for (i = 0; i < nr; i++)
		touched += event[i].address - (unsigned long)untouched < PAGES * PAGE;
	ok(nr, "the child's faults were told");
	is(touched, 0, "its first touches were not");
	free(text);

	run("echo >" INSTANCE "trace");
	row = child_row(every_kind, &memory);
	set_file(INSTANCE "events/cowstat/cow_fault/enable", "0");
	text = shell(&status, "cat " INSTANCE "trace");
	read_events(text, row.pid);
	agree(&row, "after a reset");
	free(text);
}

/* The one process of a listener's that has one row and lives within a shell. */
static struct cow_row row_named(const char *comm)
{
	struct cow_table t = table_now();
	struct cow_row row = {};
	size_t i, found = 0;

	for (i = 0; i < t.nr; i++) {
		if (t.row[i].kind != COW_ROW_PROCESS || strcmp(t.row[i].comm, comm))
			continue;
		row = t.row[i];
		found++;
	}
	cow_table_free(&t);
	if (found != 1)
		bail("%zu processes are called %s", found, comm);
	return row;
}

static void perf(void)
{
	struct cow_row row;
	char *text;
	int status;

	/* a child of the command: perf begins at the command's exec, after its first faults */
	free(shell(&status,
		   "ln -sf /bin/true /tmp/perfed; " PERF "record -q -B "
		   "--no-bpf-event -e cowstat:cow_fault -e cowstat:cow_fork -o /tmp/perf.data "
		   "-- sh -c '/tmp/perfed; exit 7'"));
	is(status, 7, "perf record works");
	text = shell(&status, "perf script -i /tmp/perf.data");
	is(status, 0, "and perf script");
	row = row_named("perfed");
	read_events(text, row.pid);
	agree(&row, "perf");
	ok(strstr(text, "cow_fork: "), "perf: a fork");
	free(text);
}

static void bpftrace(void)
{
	char *text, want[64];
	struct cow_row row;
	int status;

	text = shell(&status,
		     "ln -sf /bin/true /tmp/bpftraced; "
		     "echo '/tmp/bpftraced; exit' >/tmp/run; bpftrace -e "
		     "'tracepoint:cowstat:cow_fault { @[args->pid, args->outcome] = count(); }' "
		     "-c '/bin/sh /tmp/run' 2>&1");
	is(status, 0, "bpftrace works");
	row = row_named("bpftraced");
	snprintf(want, sizeof(want), "@[%d, copied]: %" PRIu64 "\n", row.pid, VALUE(row, COPIED));
	ok(strstr(text, want), "bpftrace: %s", want);
	free(text);
}

/* A listener of tracefs goes with the module; one of perf keeps it. */
static void unloading(void)
{
	int status;

	free(shell(&status,
		   PERF "record -q -B --no-bpf-event -a -e cowstat:cow_fault -o /tmp/p "
			"-- sh -c 'rmmod cowstat 2>/tmp/why; grep -q \"in use\" /tmp/why'"));
	is(status, 0, "the module is in use while perf listens");
	set_file(INSTANCE "events/cowstat/enable", "1");
	unload_module();
	ok(access(INSTANCE "events/cowstat", F_OK), "it can go while tracefs listens");
	load_module("");
}

int main(void)
{
	start_row();
	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	run("mkdir " INSTANCE " && echo 8192 >" INSTANCE "buffer_size_kb");
	memory = (struct memory){
		.written = map_pages(PAGES),
		.zeroed = map_untouched(ZEROED),
		.shared = map_file("/mnt/ext4/tracepoints", SHARED, MAP_SHARED),
		.filed = map_file("/tmp/filed", FILED, MAP_PRIVATE),
	};
	tracefs();
	switched();
	perf();
	if (has_bpf())
		bpftrace();
	unloading();
	return done();
}
