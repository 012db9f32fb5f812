// SPDX-License-Identifier: GPL-2.0
/*
 * KSM: writing a merged page undoes the merge with a copy that is not fork's doing; and
 * when KSM itself breaks its merges, the pages' owner is told apart from who caused it.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define N	251
#define CROWD	4096 /* pages */
#define KSM	"/sys/kernel/mm/ksm/"
#define CGROUP	"/sys/fs/cgroup/"

struct merged {
	size_t n;
	void (*then)(char *pages, size_t n);
	const char *cgroup;
	char *pages, *crowd;
	struct gate mapped, go;
};

static void merge_and_write(void *arg)
{
	struct merged *m = arg;
	char *pages = m->pages;

	set_file(m->cgroup, "0");
	if (m->crowd)
		write_pages(m->crowd, CROWD);
	memset(pages, 0x5a, N * PAGE);
	if (madvise(pages, N * PAGE, MADV_MERGEABLE))
		_exit(1);
	gate_open(&m->mapped);
	gate_wait(&m->go);
	m->then(pages, m->n);
}

static pid_t merged_child(struct merged *m)
{
	pid_t pid;

	m->mapped = gate_make();
	m->go = gate_make();
	m->pages = map_untouched(N);
	pid = start_child(merge_and_write, m);
	gate_wait(&m->mapped);
	for (int i = 0; merged_pages(pid, m->pages, N) < N; i++) {
		if (i == 600)
			bail("KSM merged only %zu pages", merged_pages(pid, m->pages, N));
		usleep(50000);
	}
	return pid;
}

static struct cow_row writes(size_t n)
{
	struct merged m = { .n = n, .then = write_pages, .cgroup = CGROUP "cgroup.procs" };
	pid_t pid = merged_child(&m);

	gate_open(&m.go);
	wait_child(pid);
	return row_of(pid);
}

static size_t *frames; /* of the pages that look_at() has read back: shared with its process */

static void look_at(char *pages, size_t n)
{
	read_pages(pages, n);
	*frames = count_frames(getpid(), pages, N);
}

/*
 * Before memory.reclaim, the kernel looks for pages to reclaim in the list of active pages only if
 * the counters of the cgroup say that it is longer than the list of inactive ones. These counters
 * are off by up to 32 pages for each CPU, and all merged pages are one page. So have more of them:
 * a page that another process reads twice is active.
 */
static void make_crowd_active(pid_t pid, char *crowd)
{
	struct iovec from[IOV_MAX], to;
	char bytes[IOV_MAX];

	for (size_t i = 0; i < 2 * CROWD; i += IOV_MAX) {
		for (size_t k = 0; k < IOV_MAX; k++)
			from[k] = (struct iovec){ crowd + (i + k) % CROWD * PAGE, 1 };
		to = (struct iovec){ bytes, sizeof(bytes) };
		if (process_vm_readv(pid, &to, 1, from, IOV_MAX, 0) != IOV_MAX)
			bail("process_vm_readv: errno %d", errno);
	}
}

/* Have merged pages swapped out and read back: how many KSM copied, and the reader's row. */
static uint64_t swap_in(struct cow_row *before, struct cow_row *after)
{
	struct merged m = { .n = N, .then = look_at, .cgroup = CGROUP "cowstat-ksm/cgroup.procs" };
	bool reclaim = !access(CGROUP "cowstat-ksm/memory.reclaim", F_OK);
	uint64_t copies;
	size_t out = 0;
	pid_t pid;

	m.crowd = reclaim ? NULL : map_untouched(CROWD);
	pid = merged_child(&m);
	for (int tries = 0; tries < 100 && out < N; tries++) {
		if (reclaim) {
			run("echo 4M 2>/dev/null >" CGROUP "cowstat-ksm/memory.reclaim; true");
		} else {
			make_crowd_active(pid, m.crowd);
			set_file(CGROUP "cowstat-ksm/memory.high", "0");
			set_file(CGROUP "cowstat-ksm/memory.high", "max");
		}
		out = 0;
		for (size_t i = 0; i < N; i++)
			out += !!(pagemap_of(pid, m.pages + i * PAGE) & PAGEMAP_SWAPPED);
	}
	if (out < N)
		bail("only %zu of %d merged pages were swapped out", out, N);
	/* A merge that KSM begins and gives up is a copy too: it must not begin any. */
	set_file(KSM "run", "0");
	*before = row_of(pid);
	copies = kernel_before(5, 19) ? 0 : vmstat("ksm_swpin_copy");
	gate_open(&m.go);
	wait_child(pid);
	*after = row_of(pid);
	if (m.crowd)
		munmap(m.crowd, CROWD * PAGE);
	/* before 5.19 the kernel does not tell, but each copy has a frame of its own */
	copies = kernel_before(5, 19) ? *frames - 1 : vmstat("ksm_swpin_copy") - copies;
	set_file(KSM "run", "1");
	return copies;
}

/*
 * Merged pages that come back from swap are pages of one process at one address; at every
 * other address KSM copies them (ksm_might_need_to_copy()), unless they are still in the
 * swap cache and known to be merged. No process wrote: not counted here, but by the kernel.
 */
static void swapped(void)
{
	struct cow_row before, after;
	uint64_t copies = 0;

	swap_on();
	run("echo +memory >" CGROUP "cgroup.subtree_control && mkdir -p " CGROUP "cowstat-ksm");
	for (int tries = 0; tries < 20 && copies <= N / 2; tries++)
		copies = swap_in(&before, &after);
	ok(copies > N / 2, "read back from swap: %lu pages copied by KSM", copies);
	ok(GREW(before, after, COPIED) < 10, "not in copied: %lu", GREW(before, after, COPIED));
	is(GREW(before, after, KSM_COPIED), 0, "not in ksm_copied");
	swap_off();
	run("rmdir " CGROUP "cowstat-ksm");
}

int main(void)
{
	struct merged m = { .n = 0, .then = write_pages, .cgroup = CGROUP "cgroup.procs" };
	struct cow_row none, some;
	pid_t pid;

	frames = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (frames == MAP_FAILED)
		bail("no shared memory");
	use_all_cpus();
	set_file(KSM "sleep_millisecs", "1");
	set_file(KSM "pages_to_scan", "1000");
	set_file(KSM "run", "1");

	none = writes(0);
	some = writes(N);
	is(GREW(none, some, KSM_COPIED), N, "merged pages written: ksm_copied");
	is(GREW(none, some, COPIED), N, "of the copied");
	is(GREW(none, some, ANON_COPIED), 0, "not anon_copied");

	pid = merged_child(&m);
	none = row_of(pid);
	set_file(KSM "run", "2");
	some = row_of(pid);
	is(GREW(none, some, KSM_COPIED), N, "KSM breaks its merges: ksm_copied");
	is(GREW(none, some, REMOTE), N, "by somebody else");
	ok(GREW(none, some, UNSHARED) == N || GREW(none, some, UNSHARED) == 0,
	   "%lu of them without a write, as this kernel does it", GREW(none, some, UNSHARED));
	gate_open(&m.go);
	wait_child(pid);
	set_file(KSM "run", "1");
	swapped();
	set_file(KSM "run", "0");
	return done();
}
