// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/*
 * cowstat diff against writers of which every byte is known: pages, bytes, places and neighbours
 * are exact, by mapping. What it looks at takes no fault and loses no shared page. What it cannot
 * compare, it says.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"
#include "procfs.h"
#include "smaps.h"

#define N	128
#define HUGE	(2UL << 20)
#define KSM	"/sys/kernel/mm/ksm/"
#define NOBODY	"setpriv --reuid=65534 --clear-groups "

/**
 * struct writer - writes to a mapping of N pages
 * @parent: the parent writes, not the child
 * @step: it writes to one page of so many
 * @offset: of the first write in a page
 * @stride: from one write to the next
 * @bytes: of each write
 * @place: where `cowstat diff` should see the bytes
 * @same: what is written is what stands there
 * @pages: the mapping
 */
struct writer {
	bool parent;
	size_t step, offset, stride, bytes;
	const char *place;
	bool same;
	char *pages;
};

static struct writer writers[] = {
	{ false, 1, 200, PAGE, 1, "word", false, NULL },
	{ false, 3, 200, PAGE, 8, "word", false, NULL },
	{ false, 16, 0, PAGE, 64, "header", false, NULL },
	{ false, 2, 0, PAGE, PAGE, "all", false, NULL },
	{ false, 1, 8, 16, 1, "spaced", false, NULL },
	{ false, 5, 8, 64, 8, "spaced", false, NULL },
	{ false, 1, 8, 128, 3, "scattered", false, NULL },
	{ false, 7, 0, PAGE, 8, "nowhere", true, NULL },
	{ true, 4, 4088, PAGE, 8, "word", false, NULL },
};
#define WRITERS	(sizeof(writers) / sizeof(*writers))

static void write_all(const struct writer *w)
{
	size_t page, at;

	for (page = 0; page < N; page += w->step)
		for (at = w->offset; at + w->bytes <= PAGE; at += w->stride)
			memset(w->pages + page * PAGE + at, w->same ? 0 : 0xa5, w->bytes);
}

static void child_writes(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < WRITERS; i++)
		if (!writers[i].parent)
			write_all(&writers[i]);
}

static void nothing(void *arg)
{
	(void)arg;
}

static json_t *diff(pid_t child, const char *more)
{
	json_t *json;
	char *out;
	int status;

	out = shell(&status, "cowstat diff -p %d %s -o json", child, more);
	if (status)
		bail("cowstat diff: status %d: %s", status, out);
	json = json_loads(out, 0, NULL);
	if (!json)
		bail("no JSON: %s", out);
	free(out);
	return json;
}

static json_t *mapping_of(const json_t *json, const void *pages)
{
	json_t *array = json_object_get(json, "mappings"), *o;
	char start[32];
	size_t i;

	snprintf(start, sizeof(start), "%lx", (unsigned long)pages);
	json_array_foreach(array, i, o)
		if (!strcmp(json_string_value(json_object_get(o, "start")), start))
			return o;
	bail("no mapping at %s", start);
}

static void check_writer(const json_t *json, const struct writer *w)
{
	size_t pages = (N + w->step - 1) / w->step, writes = 0, at, i, per_page;
	json_t *o = mapping_of(json, w->pages), *bucket;
	uint64_t in_bucket = 0;

	for (at = w->offset; at + w->bytes <= PAGE; at += w->stride)
		writes++;
	per_page = w->same ? 0 : writes * w->bytes;
	is(json_number(o, "copied_pages"), pages, "%zu bytes, each %zu, %s: copied", w->bytes,
	   w->stride, w->place);
	is(json_number(o, "shared_pages"), N - pages, "still shared");
	is(json_number(o, "changed_bytes"), pages * per_page, "bytes that differ");
	is(json_number(json_object_get(o, "place_pages"), w->place), pages, "all of them %s",
	   w->place);
	json_array_foreach(json_object_get(o, "changed_bytes_per_page"), i, bucket)
		if (json_number(bucket, "from") <= per_page &&
		    per_page <= json_number(bucket, "to"))
			in_bucket += json_number(bucket, "pages");
	is(in_bucket, pages, "all of them in the histogram at %zu bytes", per_page);
}

/* What a process pays when it is looked at. */
struct paid {
	uint64_t minflt, rss;
	struct cow_row row;
};

static struct paid paid_by(pid_t pid)
{
	struct paid paid = { .row = row_of(pid) };
	struct smaps smaps;
	char path[64], text[1024];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f) ||
	    sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %lu", &paid.minflt) != 1)
		bail("no %s", path);
	fclose(f);
	if (smaps_read(pid, &smaps))
		bail("no smaps of %d", pid);
	paid.rss = smaps.bytes[SMAPS_RSS] + smaps.bytes[SMAPS_SHARED_DIRTY];
	return paid;
}

static void check_unpaid(const struct paid *before, pid_t pid, const char *who)
{
	struct paid after = paid_by(pid);

	is(after.minflt, before->minflt, "%s: no fault more", who);
	is(after.rss, before->rss, "%s: not a page more or less, none unshared", who);
	is(GREW(before->row, after.row, WP_FAULTS), 0, "%s: no write-protect fault", who);
	is(GREW(before->row, after.row, UNSHARED), 0, "%s: nothing unshared", who);
	is(GREW(before->row, after.row, REMOTE), 0, "%s: nothing caused from outside", who);
}

static void known_writers(void)
{
	struct puppet child = { .work = child_writes }, sibling = { .work = nothing };
	struct paid paid, sibling_paid;
	struct cow_row row;
	char against[64];
	json_t *json;
	size_t i;

	for (i = 0; i < WRITERS; i++) {
		writers[i].pages = map_pages(N);
		memset(writers[i].pages, 0, N * PAGE);
	}
	puppet_start(&sibling);
	puppet_start(&child);
	puppet_work(&child);
	for (i = 0; i < WRITERS; i++)
		if (writers[i].parent)
			write_all(&writers[i]);
	json = diff(child.pid, "");
	for (i = 0; i < WRITERS; i++)
		check_writer(json, &writers[i]);
	row = row_of(child.pid);
	is(json_number(json, "counted_by_child_pages"), VALUE(row, INHERITED_COPIED),
	   "what the table counted");
	json_decref(json);

	/* two children that wait, so that any fault of theirs were the tool's doing */
	snprintf(against, sizeof(against), "--against %d", sibling.pid);
	json_decref(diff(child.pid, against));
	paid = paid_by(child.pid);
	sibling_paid = paid_by(sibling.pid);
	json = diff(child.pid, against);
	check_unpaid(&paid, child.pid, "child");
	check_unpaid(&sibling_paid, sibling.pid, "sibling");
	for (i = 0; i < WRITERS; i++)
		if (!writers[i].parent)
			check_writer(json, &writers[i]);
	json_decref(json);
	for (i = 0; i < WRITERS; i++)
		munmap(writers[i].pages, N * PAGE);
	puppet_end(&child);
	puppet_work(&sibling);
	puppet_end(&sibling);
}

/* --- what cannot be compared, and huge pages --- */

static char *swapped, *zero, *file, *merged, *hugetlb, *thp;
static char *sparse; /* three pages, far from each other */
static size_t far;

static void child_writes_odd(void *arg)
{
	size_t i;

	(void)arg;
	write_pages(swapped, 11);
	write_pages(zero, 13);
	write_pages(file, 17);
	write_pages(merged, 19);
	hugetlb[0] = 2;
	sparse[0] = sparse[2 * far] = 2;
	for (i = 0; thp && i < 23; i++)
		thp[i * 3 * PAGE + 1000] = 2;
}

static char *map_huge(int flags, int advice)
{
	char *at = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			-1, 0);
	char *huge = (char *)(((uintptr_t)at + HUGE - 1) & ~(HUGE - 1));

	if (at == MAP_FAILED || (advice && madvise(huge, HUGE, advice)))
		bail("no huge page: errno %d", errno);
	*huge = 1;
	return huge;
}

static void merge(char *pages, size_t n)
{
	size_t count = 0;
	int i;

	memset(pages, 0x5a, n * PAGE);
	if (madvise(pages, n * PAGE, MADV_MERGEABLE))
		bail("no KSM");
	set_file(KSM "pages_to_scan", "10000");
	set_file(KSM "sleep_millisecs", "10");
	set_file(KSM "run", "1");
	for (i = 0; i < 600 && count < n; i++) {
		usleep(20000);
		count = merged_pages(getpid(), pages, n);
	}
	set_file(KSM "run", "0");
	is(count, n, "KSM merged");
}

/* A mapping that would take hours to read page by page, where the kernel can skip its holes. */
static void map_sparse(void)
{
	int i;

	far = (kernel_before(6, 7) ? 1UL << 28 : 1UL << 40) + 3 * PAGE;
	sparse = mmap(NULL, 3 * far, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sparse == MAP_FAILED || (has_thp() && madvise(sparse, 3 * far, MADV_NOHUGEPAGE)))
		bail("no sparse mapping: errno %d", errno);
	for (i = 0; i < 3; i++)
		sparse[i * far] = 1;
}

static void odd_pages(void)
{
	struct puppet child = { .work = child_writes_odd };
	json_t *json, *before, *pages, *were;
	uint64_t unknown;
	size_t i;
	FILE *f;

	set_huge_pool(4);
	swap_on();
	swapped = map_pages(N);
	for (i = 0; i < N; i++)
		memset(swapped + i * PAGE, i + 1, PAGE / 2 + i);
	zero = map_untouched(N);
	read_pages(zero, N);
	merged = map_pages(N);
	merge(merged, N);
	f = fopen("/tmp/diff-file", "w+");
	if (!f || ftruncate(fileno(f), N * PAGE))
		bail("no file");
	file = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(f), 0);
	read_pages(file, N);
	hugetlb = map_huge(MAP_HUGETLB, 0);
	thp = has_thp() ? map_huge(0, MADV_HUGEPAGE) : NULL;
	map_sparse();
	for (i = 0; i < 20; i++)
		madvise(swapped, N * PAGE, MADV_PAGEOUT);
	puppet_start(&child);
	touch_stack();
	before = diff(child.pid, "");
	were = json_object_get(before, "pages");
	is(json_number(were, "shared_swap"), N, "shared pages in swap");
	is(json_number(were, "swapped"), 0, "none of them differs");
	puppet_work(&child);
	json = diff(child.pid, "");
	pages = json_object_get(json, "pages");
	is(json_number(pages, "swapped"), 11, "the child's copy of a page in swap");
	is(json_number(pages, "shared_swap"), N - 11, "the others are in swap and shared");
	is(json_number(pages, "zero") - json_number(were, "zero"), 13,
	   "zero page and a page of its own");
	is(json_number(pages, "file") - json_number(were, "file"), 17,
	   "page of a private file and a copy");
	unknown = json_number(json, "ksm_pages_not_told_apart");
	if (unknown)
		is(json_number(mapping_of(json, merged), "copied_pages"), 19,
		   "merged pages: copied");
	else
		is(json_number(pages, "ksm") - json_number(were, "ksm"), 19,
		   "merged page and a copy");
	ok(unknown == 0 || unknown >= N, "merged pages not told apart: %lu", unknown);
	is(json_number(pages, "hugetlb"), 512, "hugetlb page");
	is(json_number(mapping_of(json, sparse), "copied_pages"), 2, "sparse mapping: copied");
	is(json_number(mapping_of(json, sparse), "shared_pages"), 1, "sparse mapping: shared");
	is(json_number(pages, "unreadable"), 0, "all are readable");
	if (thp) {
		is(json_number(mapping_of(json, thp), "copied_pages"), 23,
		   "of a huge page: copied");
		is(json_number(mapping_of(json, thp), "changed_bytes"), 23,
		   "of a huge page: bytes");
		is(json_number(mapping_of(json, thp), "shared_pages") % 512, 512 - 23, "shared");
	}
	json_decref(before);
	json_decref(json);
	puppet_end(&child);
	munmap(sparse, 3 * far);
	swap_off();
	set_huge_pool(0);
}

/* --- what is refused, and what goes away while it is read --- */

static void says(int want, const char *text, const char *command, ...)
{
	char line[512], *out;
	va_list args;
	int status;

	va_start(args, command);
	vsnprintf(line, sizeof(line), command, args);
	va_end(args);
	out = shell(&status, "(%s) 2>&1", line);
	ok(status == want && strstr(out, text), "%s: status %d, \"%s\"", line, want, text);
	if (status != want || !strstr(out, text))
		note("status %d: %s", status, out);
	free(out);
}

static void run_sleep(void *arg)
{
	(void)arg;
	execlp("sleep", "sleep", "100", NULL);
}

static void refusals(void)
{
	struct gate leave = gate_make();
	pid_t program = start_child(run_sleep, NULL), idle = start_child(wait_at_gate, &leave);

	usleep(300000);
	says(2, "diff needs a process", "cowstat diff");
	says(2, "to run the program diff: cowstat -- diff", "cowstat diff a b");
	says(2, "that is the process itself", "cowstat diff -p 1 --against 1");
	says(2, "give a number", "cowstat diff -p SELF");
	says(2, "no such format", "cowstat diff -p 1 -o xml");
	says(2, "diff is the first word", "cowstat -C sh diff");
	says(1, "there is no process 4194304", "cowstat diff -p 4194304");
	says(1, "has no parent here", "cowstat diff -p 1");
	says(1, "have no page in common", "cowstat diff -p %d", program);
	says(1, "not yours to see", NOBODY "$(which cowstat) diff -p %d", idle);
	says(1, "hides page frames",
	     "setpriv --bounding-set -sys_admin --inh-caps -sys_admin $(which cowstat) diff -p %d",
	     idle);
	says(1, "cannot write /nonesuch/x", "cowstat diff -p %d --output /nonesuch/x", idle);
	says(1, "or is a kernel thread", "cowstat diff -p $(pgrep kswapd | head -n 1)");
	gate_open(&leave);
	wait_child(idle);
	kill_child(program);
}

/* Maps, writes and unmaps all the time, and then exits. */
static void restless(void *arg)
{
	char *pages;
	int i;

	(void)arg;
	for (i = 0; i < 150; i++) {
		pages = map_pages(100);
		writers[0].pages[i % N * PAGE] = i;
		munmap(pages, 100 * PAGE);
	}
}

static void races(void)
{
	int i, status, said = 0, crashed = 0, done_reading = 0;
	pid_t child;
	char *out;

	writers[0].pages = map_pages(N);
	for (i = 0; i < 3; i++) {
		child = start_child(restless, NULL);
		do {
			out = shell(&status, "cowstat diff -p %d 2>&1", child);
			crashed += status > 1;
			done_reading += !status;
			said += status == 1 && strstr(out, "process") != NULL;
			if (status > 1)
				note("status %d: %s", status, out);
			free(out);
		} while (!status);
		wait_child(child);
	}
	is(crashed, 0, "a process that changes and exits does no harm");
	is(said, 3, "its end is said");
	ok(done_reading > 0, "%d times it was read", done_reading);
}

int main(void)
{
	start_row();
	known_writers();
	odd_pages();
	refusals();
	races();
	return done();
}
