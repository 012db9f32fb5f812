// SPDX-License-Identifier: GPL-2.0
/*
 * A shared page that somebody pins only to read is unshared first: copied for its owner,
 * without a write. process_vm_readv() is enough. Before 5.19 (FAULT_FLAG_UNSHARE) nothing is
 * copied, and a write in between goes to another page than the one that is read.
 */
#include <errno.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define N 127

static char *pages;

static void wait_for_gate(void *arg)
{
	gate_wait(arg);
}

static void read_from(pid_t pid, size_t n)
{
	char byte;
	struct iovec mine = { &byte, 1 }, theirs = { pages, 1 };

	for (size_t i = 0; i < n; i++) {
		theirs.iov_base = pages + i * PAGE;
		if (process_vm_readv(pid, &mine, 1, &theirs, 1, 0) != 1)
			bail("process_vm_readv: errno %d", errno);
	}
}

int main(void)
{
	struct gate gate = gate_make();
	size_t n = kernel_before(5, 19) ? 0 : N;
	struct cow_row before, after;
	pid_t pid;

	pages = map_pages(N);
	pid = start_child(wait_for_gate, &gate);
	usleep(100000);
	read_from(pid, 0);
	before = row_of(pid);
	read_from(pid, N);
	after = row_of(pid);
	is(GREW(before, after, UNSHARED), n, "unshared");
	is(GREW(before, after, COPIED), n, "each with a copy");
	is(GREW(before, after, REMOTE), n, "caused from outside");
	is(GREW(before, after, WP_FAULTS), n, "write-protect faults");
	before = after;
	read_from(pid, N);
	after = row_of(pid);
	is(GREW(before, after, WP_FAULTS), 0, "read again: nothing");
	gate_open(&gate);
	wait_child(pid);
	return done();
}
