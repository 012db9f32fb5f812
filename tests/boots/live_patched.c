// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel is live-patched while cowstat counts, and then before it begins. Columns that may
 * have become wrong are unknown until a reset; then all that a patch did not take away is counted
 * again. The kernel stays tainted until it reboots, so this needs a boot of its own.
 *
 * On such a kernel the function that maps new anonymous pages is hooked. The hook remembers where
 * it is called from: that the hottest call sites end up being remembered is tested here, too.
 */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN		509
#define HOOK_WORDS	256	/* more than struct hook has */
#define FILLED		1024
#define FILLS		80	/* so many calls are replaced with a chance of 5e-9 not to */
#define PATCH		"insmod $COWSTAT_BUILD/tests/livepatched.ko commit=%d && rmmod livepatched"

static int fd;

static void patch(bool commit)
{
	int status;

	free(shell(&status, PATCH, commit));
	if (status)
		bail("livepatched.ko: status %d", status);
}

static bool known(enum cowstat_column column)
{
	return total_now().known[column];
}

static bool is_hooked(const char *name)
{
	struct cow_table t = table_now();
	bool hooked = strstr(t.hooks, name);

	cow_table_free(&t);
	return hooked;
}

static void write_file_pages(void *arg)
{
	size_t n = *(size_t *)arg;
	char *pages = mmap(NULL, WRITTEN * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	write_pages(pages, n);
}

static void counts(const char *when)
{
	struct cow_row none, some;

	written_rows(WRITTEN, &none, &some);
	is(GREW(none, some, COPIED), WRITTEN, "%s: copied", when);
	is(GREW(none, some, OTHER), 0, "%s: no other", when);
	child_rows(write_file_pages, WRITTEN, &none, &some);
	is(GREW(none, some, FILE_COPIED), WRITTEN, "%s: file_copied", when);
}

/* The address of a symbol, or 0. */
static uint64_t symbol(const char *name, const char *module)
{
	char line[512], found[256], where[256];
	FILE *f = fopen("/proc/kallsyms", "r");
	uint64_t at, address = 0;

	if (!f)
		bail("no /proc/kallsyms");
	while (!address && fgets(line, sizeof(line), f)) {
		*where = '\0';
		if (sscanf(line, "%" SCNx64 " %*c %255s %255s", &at, found, where) >= 2 &&
		    !strcmp(found, name) && !strcmp(where, module))
			address = at;
	}
	fclose(f);
	return address;
}

/* Read kernel memory. */
static void read_kernel(uint64_t at, void *to, size_t n)
{
	int kcore = open("/proc/kcore", O_RDONLY);
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (kcore < 0 || pread(kcore, &head, sizeof(head), 0) != sizeof(head))
		bail("cannot read /proc/kcore");
	for (int i = 0; i < head.e_phnum; i++) {
		off_t where = head.e_phoff + i * sizeof(part);

		if (pread(kcore, &part, sizeof(part), where) != sizeof(part))
			bail("cannot read /proc/kcore");
		if (part.p_type != PT_LOAD || at - part.p_vaddr >= part.p_memsz)
			continue;
		if (pread(kcore, to, n, part.p_offset + at - part.p_vaddr) != (ssize_t)n)
			bail("cannot read /proc/kcore at 0x%" PRIx64, at);
		close(kcore);
		return;
	}
	bail("/proc/kcore does not have 0x%" PRIx64, at);
}

/* Is a call site in a function among those that the hook remembers? */
static bool is_remembered(const char *function)
{
	uint64_t hook = symbol("add_anon_rmap", "[cowstat]"), start = symbol(function, "");
	uint64_t word[HOOK_WORDS];

	if (!hook || !start)
		bail("no add_anon_rmap or no %s() in /proc/kallsyms", function);
	read_kernel(hook, word, sizeof(word));
	for (size_t i = 0; i < HOOK_WORDS; i++)
		if (word[i] > start && word[i] - start < PAGE / 2)
			return true;
	return false;
}

static void fill(int uffd, char *to, char *from)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = FILLED * PAGE,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		bail("UFFDIO_COPY");
	madvise(to, FILLED * PAGE, MADV_DONTNEED);
}

static void call_sites(void)
{
	static const char caller[] = "mfill_atomic_install_pte";
	char *from = map_pages(FILLED), *to = map_untouched(FILLED);
	int uffd = uffd_open(to, FILLED * PAGE, UFFDIO_REGISTER_MODE_MISSING, 0);
	size_t i;

	/* two others come first: first touches and copies */
	for (i = 0; i < 4; i++)
		written_rows(WRITTEN, &(struct cow_row){}, &(struct cow_row){});
	ok(!is_remembered(caller), "two call sites are remembered, and %s()'s is not", caller);
	for (i = 0; i < FILLS; i++)
		fill(uffd, to, from);
	ok(is_remembered(caller), "after %d calls from there it is", FILLS * FILLED);
	close(uffd);
}

int main(void)
{
	struct cow_table t;

	fd = open("/tmp/live_patched", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, WRITTEN * PAGE))
		bail("cannot make /tmp/live_patched");
	load_module("");
	counts("at first");

	patch(false);
	ok(!known(COWSTAT_COL_FILE_COPIED) && !known(COWSTAT_COL_FORK_COPIED),
	   "a live patch comes: what kprobes count is unknown");
	ok(known(COWSTAT_COL_COPIED) && known(COWSTAT_COL_OTHER), "the rest is known");
	ok(!is_hooked("file"), "hooks= says so");
	ok(log_has("live-patched"), "and so does the log");
	is(control("counting off") ?: control("counting on"), 0, "counting off and on");
	ok(!known(COWSTAT_COL_FILE_COPIED), "still unknown: the epoch lacks some");
	is(control("reset"), 0, "reset");
	t = table_now();
	ok(!strcmp(t.kprobes, "failed"), "the function is hooked instead: kprobes=%s", t.kprobes);
	cow_table_free(&t);
	counts("live-patched elsewhere");
	call_sites();

	patch(true);
	ok(!known(COWSTAT_COL_COPIED) && !known(COWSTAT_COL_ANON_COPIED) &&
		   !known(COWSTAT_COL_ZERO_FILLED) && !known(COWSTAT_COL_OTHER),
	   "a patch copies pages: copied and other are unknown");
	ok(known(COWSTAT_COL_WP_FAULTS) && known(COWSTAT_COL_REUSED) &&
		   known(COWSTAT_COL_FILE_COPIED),
	   "what it does not do is known");
	ok(!is_hooked("copy"), "hooks= says so");
	is(control("reset"), 0, "reset");
	counts("the patch is gone");

	unload_module();
	load_module("");
	counts("loaded into a live-patched kernel");
	ok(!log_complains(), "the kernel does not complain");
	return done();
}
