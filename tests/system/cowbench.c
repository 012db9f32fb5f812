// SPDX-License-Identifier: GPL-2.0
/* kernels: one */
/* Every scenario of cowbench: its JSON is valid, and its counts are those that were requested. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define MIB	(1ULL << 20)

/* Run cowbench with -o json. */
static json_t *bench(const char *args)
{
	char command[512];
	json_error_t why;
	json_t *json;
	FILE *f;

	snprintf(command, sizeof(command), "%s/cowbench %s -o json --cpu 0 --warmup 0",
		 getenv("COWSTAT_BUILD"), args);
	f = popen(command, "r");
	json = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &why) : NULL;
	if (!json || pclose(f))
		bail("%s: %s", command, json ? "it failed" : why.text);
	return json;
}

/* The median of a figure or column in the last result. */
static uint64_t median(json_t *json, const char *subject, const char *name)
{
	json_t *results = json_object_get(json, "results"), *p50;

	p50 = json_object_get(json_array_get(results, json_array_size(results) - 1), "subjects");
	p50 = json_object_get(json_object_get(json_object_get(p50, subject), name), "p50");
	if (!json_is_integer(p50))
		bail("no %s of %s", name, subject);
	return json_integer_value(p50);
}

static uint64_t one(const char *args, const char *subject, const char *name)
{
	json_t *json = bench(args);
	uint64_t value = median(json, subject, name);

	json_decref(json);
	return value;
}

/*
 * It is a race whether parent or child copies their few pages of stack and libc: each process may
 * have a few pages more or less. The number of requested pages is in the hundreds.
 */
static void near(uint64_t got, uint64_t want, uint64_t few, const char *what)
{
	ok(got + few >= want && got <= want + few, "%s: %lu, requested were %lu", what, got, want);
}

/* Old spellings work; --output writes the same to a file. */
static void check_output(void)
{
	int status;
	char *text =
		shell(&status,
		      "cowbench fork-exit --size 1M --count 1 --json --output /tmp/bench.json && grep -q '\"tool\": \"cowbench\"' /tmp/bench.json");

	ok(!status && !*text, "--json --output FILE: JSON in the file, nothing on stdout");
	free(text);
	text = shell(&status,
		     "cowbench fork-exit --size 1M,2M --count 1 --output /tmp/bench.text && grep -q 'time until fork returned' /tmp/bench.text");
	ok(!status && !*text, "--output FILE: text in the file, nothing on stdout");
	free(text);
}

static void check_starting(void)
{
	json_t *json = bench("fork-exec --size 1M,4M --count 3");

	is(json_array_size(json_object_get(json, "results")), 2, "a sweep has a result per size");
	is(median(json, "vfork", "pre_exec_copied"), 0, "vfork copies nothing");
	is(median(json, "posix_spawn", "pre_exec_copied"), 0, "posix_spawn copies nothing");
	ok(median(json, "fork", "pre_exec_copied") < 32, "fork + exec copies a few pages");
	ok(median(json, "fork", "birth_anon_pages") >= 1024, "fork + exec shares the rest");
	json_decref(json);
	ok(one("eager --size 4M --count 1", "eager", "pre_exec_copied") >= 1024,
	   "eager copies every page");
	ok(one("fork-exit --size 4M --count 1", "fork-exit", "birth_pgtables_bytes") >= 8192,
	   "fork-exit: page tables have 8 bytes for each page");
}

/* A kernel without huge pages: cowbench refuses, and does not measure small pages instead. */
static void refuses_thp(void)
{
	int status;
	char *said = shell(&status, "cowbench fork-write --size 8M --count 1 --page-size thp 2>&1");

	ok(status == 1 && strstr(said, "no transparent huge pages"),
	   "--page-size thp is refused where there are none: %s", said);
	free(said);
}

static void check_writing(void)
{
	near(one("fork-write --size 8M --count 1 --share 100", "child", "anon_copied") -
		     one("fork-write --size 8M --count 1 --share 50", "child", "anon_copied"),
	     1024, 8, "fork-write: half of 8 MiB more, in pages");
	if (has_thp())
		is(one("fork-write --size 8M --count 1 --page-size thp", "child", "thp_split"), 1,
		   "thp: a tenth of 8 MiB is within one huge page, which is split");
	else
		refuses_thp();
	is(one("fork-write --size 8M --count 1 --page-size hugetlb --share 100", "child",
	       "hugetlb_copied"),
	   4, "hugetlb: 4 pages of 2 MiB are copied");
	is(one("fork-write --size 8M --count 1 --page-size hugetlb --share 100", "child",
	       "copied_bytes") /
		   (2 * MIB),
	   4, "hugetlb: their bytes");
}

static void check_prefork(void)
{
	near(one("prefork --size 4M --count 1 --workers 3 --share 100", "workers", "anon_copied") -
		     one("prefork --size 4M --count 1 --workers 3 --share 50", "workers",
			 "anon_copied"),
	     3 * 512, 3 * 8, "prefork: 3 workers, 512 pages more each");
}

static void check_snapshot(void)
{
	json_t *json = bench("snapshot --size 4M --duration 3 --rate 700");
	uint64_t written = median(json, "parent", "pages_written"), none;

	ok(written > 100 && written <= 1024, "snapshot: %lu pages were written", written);
	ok(json_array_size(json_object_get(json_array_get(json_object_get(json, "results"), 0),
					   "timeline")) > 2,
	   "snapshot: there are samples, more than the first and the last");
	none = one("snapshot --size 4M --duration 3 --rate 0", "child", "parent_copied");
	note("parent_copied %lu, of nothing written %lu", median(json, "child", "parent_copied"),
	     none);
	ok(median(json, "child", "parent_copied") >= written &&
		   median(json, "child", "parent_copied") <= written + none + 8,
	   "parent_copied is the number of written pages, and a few more");
	json_decref(json);
}

int main(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!f || fprintf(f, "16") < 0 || fclose(f))
		bail("no pool of huge pages");
	start_row();
	check_output();
	check_starting();
	check_writing();
	check_prefork();
	check_snapshot();
	return done();
}
