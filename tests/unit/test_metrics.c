// SPDX-License-Identifier: GPL-2.0
/* openmetrics.c, ledger.c, textfile.c: what Prometheus is told, and that it never falls. */
#include "tables.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "textfile.h"

#define COLUMNS	"# pid state start_ns forks execs wp_faults copied fork_ns birth_anon_pages " \
		"pre_exec_copied parent_copied copied_bytes cgroup comm\n"

static void expect_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *at;

	for (at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return;
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void expect_no(const char *text, const char *words)
{
	if (strstr(text, words))
		fail_msg("\"%s\" in:\n%s", words, text);
}

static const char *openmetrics(const char *table)
{
	struct cow_table t = table_of(table);
	FILE *f = output_begin();
	const struct metrics m = { .to = f, .format = METRICS_OPENMETRICS };

	metrics_table(&m, &t, NULL);
	metrics_end(&m);
	cow_table_free(&t);
	return output_end(f);
}

static void openmetrics_of_a_table(void **state)
{
	const char *text;

	(void)state;
	text = openmetrics(AT(1, 5, 9) COLUMNS
			   "7 L 1 9 9 9 9 9 9 9 9 9 1 sh\n"
			   "* - - 2 3 50 45 12000000345 7 5 4 18446744073709551615 - -\n");
	expect_line(text, "# TYPE cowstat_copied_bytes counter");
	expect_line(text, "# UNIT cowstat_copied_bytes bytes");
	expect_line(text, "cowstat_copied_bytes_total 18446744073709551615");
	expect_line(text, "cowstat_fork_seconds_total 12.000000345");
	expect_line(text, "# UNIT cowstat_fork_seconds seconds");
	expect_line(text, "cowstat_birth_anon_bytes_total 28672");
	expect_line(text, "# TYPE cowstat_wp_faults counter");
	expect_line(text, "cowstat_wp_faults_total 50");
	expect_line(text, "cowstat_hook_armed{hook=\"wp\"} 1");
	expect_line(text, "cowstat_hook_armed{hook=\"exit\"} 0");
	expect_line(text, "cowstat_counting 1");
	expect_line(text, "cowstat_lost_total 0");
	expect_line(text, "cowstat_folded_rows_total 1");
	/* a column that the table has not is left out, not 0 */
	expect_no(text, "cowstat_reused");
	assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void failed_forks(void **state)
{
	const char *text;

	(void)state;
	text = openmetrics(AT(1, 5, 9) "# pid state forks_failed fork_eagain fork_enomem comm\n"
				       "* - 9 3 2 -\n");
	expect_line(text, "# TYPE cowstat_forks_failed counter");
	expect_line(text, "cowstat_forks_failed_total{errno=\"EAGAIN\"} 3");
	expect_line(text, "cowstat_forks_failed_total{errno=\"ENOMEM\"} 2");
	expect_line(text, "cowstat_forks_failed_total{errno=\"other\"} 4");
	expect_no(openmetrics(AT(1, 5, 9) "# pid state forks_failed comm\n* - - -\n"),
		  "cowstat_forks_failed");
}

/* A phase's buckets are those of all shorter times, too; there are as many, however few are used. */
static void a_histogram(void **state)
{
	/* clang-format off */
	struct cow_table t = table_of(AT(1, 5, 9) "# pid copied copy_ns shootdown_ns reuse_ns comm\n"
				      "* 4 5000000700 70 80 -\n");
	/* clang-format on */
	struct latency latency;
	struct metrics m = { .format = METRICS_OPENMETRICS };
	const char *text, *at;
	size_t buckets = 0;

	(void)state;
	assert_int_equal(latency_parse("# cowstat_latency 1 timing=on epoch=1\n"
				       "# from_ns to_ns copied reused newer copy shootdown\n"
				       "0 1 0 5 x 0 1\n"
				       "1024 2047 9 1 x 2 0\n"
				       "4294967296 8589934591 1 0 x 1 0\n",
				       &latency),
			 0);
	m.to = output_begin();
	metrics_table(&m, &t, &latency);
	metrics_end(&m);
	text = output_end(m.to);
	expect_line(text, "# TYPE cowstat_fault_phase_seconds histogram");
	expect_line(text, "# UNIT cowstat_fault_phase_seconds seconds");
	expect_line(text,
		    "cowstat_fault_phase_seconds_bucket{phase=\"copy\",le=\"0.000001023\"} 0");
	expect_line(text,
		    "cowstat_fault_phase_seconds_bucket{phase=\"copy\",le=\"0.000002047\"} 2");
	expect_line(text,
		    "cowstat_fault_phase_seconds_bucket{phase=\"copy\",le=\"2.147483647\"} 2");
	expect_line(text, "cowstat_fault_phase_seconds_bucket{phase=\"copy\",le=\"+Inf\"} 3");
	expect_line(text, "cowstat_fault_phase_seconds_sum{phase=\"copy\"} 5.000000700");
	expect_line(text, "cowstat_fault_phase_seconds_count{phase=\"copy\"} 3");
	expect_line(text,
		    "cowstat_fault_phase_seconds_bucket{phase=\"shootdown\",le=\"0.000000127\"} 1");
	expect_line(text,
		    "cowstat_fault_phase_seconds_bucket{phase=\"reuse\",le=\"0.000000127\"} 5");
	expect_line(text, "cowstat_fault_phase_seconds_count{phase=\"reuse\"} 6");
	expect_line(text, "cowstat_copy_seconds_total 5.000000700");
	for (at = text; (at = strstr(at, "_bucket{")); at++)
		buckets++;
	assert_int_equal(buckets, 3 * 26);
	cow_table_free(&t);

	/* what was never timed is left out */
	expect_no(openmetrics(AT(1, 5, 9) COLUMNS "* - - 1 1 1 1 1 1 1 1 1 - -\n"), "phase");
	assert_int_equal(latency_parse("", &latency), -EINVAL);
	assert_int_equal(latency_parse("# cowstat_latency 2 \n# from_ns to_ns reused copy shootdown\n",
				       &latency),
			 -EINVAL);
	assert_int_equal(latency_parse("# cowstat_latency 1 x\n# from_ns to_ns reused copy\n",
				       &latency),
			 -EINVAL);
	assert_int_equal(latency_parse("# cowstat_latency 1 x\n# from_ns to_ns reused copy shootdown\n"
				       "0 1 2 -3x 4\n",
				       &latency),
			 -EINVAL);
	assert_int_equal(latency_read("/no/such/file", &latency), -ENOENT);
}

/* HELP and TYPE stand before the samples of every family, once, and families do not mix. */
static void families_are_whole(void **state)
{
	const char *text = openmetrics(AT(1, 5, 9) COLUMNS "* - - 1 1 1 1 1 1 1 1 1 - -\n");
	char family[128] = "", name[128], *copy = strdup(text), *rest = copy, *line;
	size_t families = 0;

	(void)state;
	while ((line = strsep(&rest, "\n")) && strcmp(line, "# EOF")) {
		if (sscanf(line, "# HELP %127s", name) == 1) {
			strcpy(family, name);
			families++;
		} else if (sscanf(line, "# TYPE %127s", name) == 1 ||
			   sscanf(line, "# UNIT %127s", name) == 1) {
			assert_string_equal(name, family);
		} else {
			assert_int_equal(sscanf(line, "%127[a-z_]", name), 1);
			assert_memory_equal(name, family, strlen(family));
		}
	}
	assert_true(families > 10);
	free(copy);
}

static void without_a_total(void **state)
{
	const char *text;

	(void)state;
	text = openmetrics("# cowstat 1 counting=on rows=- lost=- missed=- hooks=-\n" COLUMNS
			   "7 L 1 9 9 9 9 9 9 9 9 9 1 sh\n");
	expect_no(text, "cowstat_copied");
	expect_no(text, "cowstat_lost");
	expect_line(text, "cowstat_hook_armed{hook=\"wp\"} 0");
}

static struct textfile text;
static struct cgroups cgroups;

static int begin(void **state)
{
	struct cow_table t =
		table_of(AT(1, 5, 1000) COLUMNS
			 "1 L 1 5 1 100 100 7 - 0 0 409600 1 init\n"
			 "- - - 0 0 0 0 0 0 0 0 0 - -\n* - - 5 1 100 100 7 0 0 0 409600 - -\n");
	static struct cgroup entry[] = { { 1, "/" }, { 44, "/a \"b\"\\\n\xff.slice" } };

	(void)state;
	cgroups = (struct cgroups){ .entry = entry, .nr = 2 };
	assert_int_equal(textfile_init(&text, &t, &cgroups), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	textfile_free(&text);
	return 0;
}

static const char *add(const char *table)
{
	struct cow_table t = table_of(table);
	struct cow_delta delta;
	FILE *f;

	assert_int_equal(textfile_add(&text, &t, &cgroups, &delta), 0);
	cow_delta_free(&delta);
	f = output_begin();
	textfile_print(&text, &(struct metrics){ f, METRICS_TEXT });
	return output_end(f);
}

static void books_by_name(void **state)
{
	const char *out;

	(void)state;
	out = add(AT(1, 5, 2000) COLUMNS "1 L 1 6 1 110 110 7 - 0 0 450560 1 init\n"
					 "7 X 9 0 1 20 20 5 9 0 0 81920 44 cc\\0401\n"
					 "8 X 9 0 1 1 1 5 9 0 0 4096 1 a\"\\134\\012\\377\n"
					 "9 X 9 0 1 2 2 5 9 0 0 8192 1 a\"\\134\\012\\376\n"
					 "10 X 9 0 1 0 0 5 9 0 0 0 1 idle\n"
					 "- - - 0 0 0 0 0 0 0 0 0 - -\n"
					 "* - - 6 5 133 133 22 27 0 0 544768 - -\n");
	/* only what came since the first reading */
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"init\"} 10");
	expect_line(out, "cowstat_comm_forks_total{comm=\"init\"} 1");
	expect_line(out, "cowstat_comm_copied_bytes_total{comm=\"cc 1\"} 81920");
	/* two names that print alike are one series */
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"a\\\"\\\\\\n\uFFFD\"} 3");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"(other)\"} 0");
	expect_line(out, "cowstat_cgroup_wp_faults_total{cgroup=\"/\"} 13");
	expect_line(out,
		    "cowstat_cgroup_wp_faults_total{cgroup=\"/a \\\"b\\\"\\\\\\n\uFFFD.slice\"} 20");
	expect_no(out, "comm=\"idle\"");
	/* the kernel's own sum is since counting began */
	expect_line(out, "cowstat_wp_faults_total 133");
	/* this format's families are called as their samples, and nothing follows */
	expect_line(out, "# TYPE cowstat_wp_faults_total counter");
	expect_no(out, "# UNIT");
	expect_no(out, "# EOF");
}

/* 7 is read with 20, does 3 more, and goes; 8 comes and goes unread, with 4. */
static void books_never_fall(void **state)
{
	const char *out;

	(void)state;
	add(AT(1, 5, 2000) COLUMNS
	    "1 L 1 5 1 100 100 7 - 0 0 409600 1 init\n"
	    "7 X 9 0 1 20 20 5 9 0 0 81920 44 cc1\n"
	    "- - - 0 0 0 0 0 0 0 0 0 - -\n* - - 5 2 120 120 12 9 0 0 491520 - -\n");
	out = add(AT(1, 5, 3000) COLUMNS
		  "1 L 1 5 1 100 100 7 - 0 0 409600 1 init\n"
		  "- - - 0 2 27 27 9 9 0 0 110592 - -\n* - - 5 3 127 127 16 9 0 0 520192 - -\n");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"cc1\"} 20");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"(other)\"} 7");
	/* counting begun anew: the kernel's sum falls, the books do not */
	out = add(AT(2, 3500, 4000) COLUMNS
		  "1 L 1 5 1 2 2 7 - 0 0 8192 1 init\n"
		  "- - - 0 0 0 0 0 0 0 0 0 - -\n* - - 5 1 2 2 7 0 0 0 8192 - -\n");
	expect_line(out, "cowstat_wp_faults_total 2");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"cc1\"} 20");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"init\"} 2");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"(other)\"} 7");
}

static void books_are_bounded(void **state)
{
	char *table = malloc(100000), *to = table;
	const char *out, *at;
	size_t i, series = 0;

	(void)state;
	to += sprintf(to, AT(1, 5, 2000) COLUMNS);
	for (i = 0; i < LEDGER_MAX + 50; i++)
		to += sprintf(to, "%zu L 9 0 0 1 1 0 - 0 0 4096 1 name%zu\n", i + 10, i);
	out = add(table);
	for (at = out; (at = strstr(at, "cowstat_comm_wp_faults_total{")); at++)
		series++;
	assert_int_equal(series, LEDGER_MAX + 1);
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"name99\"} 1");
	expect_line(out, "cowstat_comm_wp_faults_total{comm=\"(other)\"} 50");
	free(table);
}

#define FORK_COLUMNS	"# pid ppid state start_ns parent_start_ns forks vforks execs fork_ns birth_anon_pages " \
			"birth_swap_entries parent_copied inherited_copied cgroup comm\n"
#define SERVER	"5 1 L 3 1 4 0 0 - 100 0 700 600 1 server\n"	/* a daemon: its parent has gone */

static void slowest_fork_and_snapshot(void **state)
{
	const char *out;

	(void)state;
	out = add(AT(1, 5, 2000) FORK_COLUMNS SERVER
		  "7 5 L 9 3 0 0 0 250000000 900 100 30 20 1 snapshot\n"
		  "8 5 L 9 3 0 0 1 900 900 0 500 500 1 exec\n"
		  "9 5 X 9 3 0 0 0 800 900 0 700 700 1 gone\n"
		  "10 5 L 9 3 1 0 0 800 900 0 700 700 1 forker\n"
		  "11 5 L 9 3 0 0 0 800 900 0 20 0 44 worker\n"
		  "12 6 L 9 3 0 0 0 800 900 0 900 0 44 orphan\n");
	expect_line(out, "cowstat_slowest_fork_seconds 0.250000000");
	expect_line(out, "cowstat_snapshot_copied_bytes 204800");
	expect_line(out,
		    "cowstat_child_shared_bytes{pid=\"7\",comm=\"snapshot\",cgroup=\"/\"} 4096000");
	expect_line(out,
		    "cowstat_child_copied_bytes{pid=\"7\",comm=\"snapshot\",cgroup=\"/\"} 204800");
	expect_line(out,
		    "cowstat_child_kept_bytes{pid=\"7\",comm=\"snapshot\",cgroup=\"/\"} 4014080");
	expect_line(out, "cowstat_child_copied_bytes{pid=\"11\",comm=\"worker\","
			 "cgroup=\"/a \\\"b\\\"\\\\\\n\uFFFD.slice\"} 81920");
	expect_no(out, "comm=\"exec\",cgroup");
	expect_no(out, "comm=\"gone\",cgroup");
	expect_no(out, "comm=\"forker\",cgroup");
	expect_no(out, "comm=\"orphan\",cgroup");
	expect_no(out, "comm=\"server\",cgroup");
	/* of the last interval only; a daemon without a child is no snapshot */
	out = add(AT(1, 5, 3000) FORK_COLUMNS SERVER "8 5 L 9 3 0 0 1 900 900 0 500 500 1 exec\n"
						     "13 5 L 9 3 0 0 1 1000 900 0 30 20 1 exec\n");
	expect_line(out, "cowstat_slowest_fork_seconds 0.000001000");
	expect_line(out, "cowstat_snapshot_copied_bytes 0");
}

/* A child that lives when the first table is read is in the first file. */
static void a_snapshot_at_the_first_reading(void **state)
{
	struct cow_table t = table_of(AT(1, 5, 1000) FORK_COLUMNS SERVER
				      "7 5 L 9 3 0 0 0 250000000 900 100 0 1 1 snapshot\n");
	struct textfile first;
	FILE *f;

	(void)state;
	assert_int_equal(textfile_init(&first, &t, &cgroups), 0);
	f = output_begin();
	textfile_print(&first, &(struct metrics){ f, METRICS_TEXT });
	expect_line(output_end(f), "cowstat_snapshot_copied_bytes 4096");
	textfile_free(&first);
}

static void only_the_largest_children(void **state)
{
	char *table = malloc(100000), *to = table;
	size_t i, series = 0;
	const char *out, *at;

	(void)state;
	to += sprintf(to, AT(1, 5, 2000) FORK_COLUMNS SERVER);
	for (i = 0; i < CHILDREN_MAX + 9; i++)
		to += sprintf(to, "%zu 5 L 9 3 0 0 0 5 900 0 0 %zu 1 w\n", i + 10, i * 7 % 41);
	out = add(table);
	for (at = out; (at = strstr(at, "cowstat_child_copied_bytes{")); at++)
		series++;
	assert_int_equal(series, CHILDREN_MAX);
	expect_line(out, "cowstat_snapshot_copied_bytes 163840");
	expect_no(out, "w\",cgroup=\"/\"} 32768\n"); /* 8 pages, the 33rd */
	expect_no(out, "cowstat_child_copied_bytes{pid=\"10\"");
	free(table);
}

static void the_file_is_whole_and_alone(void **state)
{
	char dir[] = "/tmp/test_metrics.XXXXXX", path[64], line[256] = "";
	struct dirent *entry;
	struct stat st;
	size_t files = 0;
	DIR *d;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(textfile_write(&text, dir), 0);
	assert_int_equal(textfile_write(&text, dir), 0);
	snprintf(path, sizeof(path), "%s/cowstat.prom", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_memory_equal(line, "# HELP cowstat_", 15);
	fclose(f);
	d = opendir(dir);
	while ((entry = readdir(d)))
		files += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(d);
	assert_int_equal(files, 1);
	unlink(path);
	rmdir(dir);
	assert_int_equal(textfile_write(&text, dir), -ENOENT);
}

#define books(test)	cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openmetrics_of_a_table),
		cmocka_unit_test(failed_forks),
		cmocka_unit_test(a_histogram),
		cmocka_unit_test(families_are_whole),
		cmocka_unit_test(without_a_total),
		books(books_by_name),
		books(books_never_fall),
		books(books_are_bounded),
		books(slowest_fork_and_snapshot),
		books(a_snapshot_at_the_first_reading),
		books(only_the_largest_children),
		books(the_file_is_whole_and_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
