// SPDX-License-Identifier: GPL-2.0
/* workers.c, view_workers.c, smaps.c: what workers share, and whether preloading paid. */
#include "tables.h"

#include <locale.h>

#include "json.h"
#include "smaps.h"
#include "view_workers.h"

#define COLUMNS	"# pid ppid uid state start_ns parent_start_ns execs birth_anon_pages "		\
		"birth_swap_entries anon_copied inherited_copied parent_copied comm\n"
#define MASTER	100
#define SECOND	1000000000ULL

static struct workers w;

static void begin(void)
{
	workers_free(&w);
	w = (struct workers){ .master = MASTER, .comm = "gunicorn" };
}

/* Take a reading with these rows; the master's children are 101, 102 and so on. */
static void take(const char *text, size_t nr, uint64_t span_ns)
{
	struct cow_table t = table_of(text);
	struct worker_process process[8];
	size_t i;

	for (i = 0; i < nr; i++)
		process[i] = (struct worker_process){ 101 + i, (i + 1) * SECOND };
	assert_int_equal(workers_update(&w, &t, process, nr, span_ns), 0);
	cow_table_free(&t);
}

#define ROW(pid, start, execs, born, copied, by_master)					\
	#pid " 100 0 L " #start "001234567 5 " #execs " " #born " 0 " #copied " " #copied	\
	" " #by_master " gunicorn\n"

static void readings(void **state)
{
	(void)state;
	begin();
	/* 103 runs another program, 104 was forked before counting began, 105 has no row */
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 1000, 100, 7) ROW(102, 2, 0, 1000, 300, 8)
		     ROW(103, 3, 1, 1000, 5, 9) "104 - 0 L 4000000000 - 0 - - 3 3 - gunicorn\n"
						"90 100 0 X 500 5 0 1000 0 44 44 3 gunicorn\n"
						"91 100 0 X 500 5 1 1000 0 44 44 3 date\n"
						"92 7 0 X 500 5 0 1000 0 44 44 3 other\n",
	     5, 0);
	assert_int_equal(w.nr, 4);
	assert_int_equal(w.others, 1);
	assert_int_equal(w.exited, 1);
	assert_int_equal(w.exited_copied, 44);
	assert_int_equal(w.worker[0].pid, 101);
	assert_int_equal(w.worker[0].born.pages, 1000);
	assert_int_equal(w.worker[0].copied.pages, 100);
	assert_int_equal(w.worker[0].by_master.pages, 7);
	assert_true(w.worker[0].age_ns == 8 * SECOND);
	assert_false(w.worker[0].grew.known || w.worker[0].late);
	assert_int_equal(w.worker[2].pid, 104);
	assert_true(w.worker[2].late && !w.worker[2].born.known && w.worker[2].copied.known);
	assert_int_equal(w.worker[3].pid, 105);
	assert_true(w.worker[3].late && !w.worker[3].copied.known);

	/* 101 copies 50 more; the pid 102 is another process now; 104 has gone */
	take(AT(1, 1, 11000000000) COLUMNS ROW(101, 1, 0, 1000, 150, 7)
		     ROW(102, 9, 0, 1000, 300, 8),
	     2, 2 * SECOND);
	assert_int_equal(w.nr, 2);
	assert_true(w.worker[0].grew.known);
	assert_int_equal(w.worker[0].grew.pages, 50);
	assert_int_equal(w.worker[0].nr_trend, 1);
	assert_int_equal(w.worker[0].first_copied, 100);
	assert_false(w.worker[1].born.known);

	/* counting began anew */
	take(AT(2, 1, 13000000000) COLUMNS ROW(101, 1, 0, 1000, 3, 0), 1, 2 * SECOND);
	assert_int_equal(w.worker[0].grew.pages, 0);
	workers_free(&w);
}

/* It has ended since the list of children was made: its counts are not those of a live worker. */
static void ended(void **state)
{
	(void)state;
	begin();
	take(AT(1, 1, 9000000000) COLUMNS "101 100 0 X 1001234567 5 0 1000 0 100 100 7 gunicorn\n",
	     1, 0);
	assert_int_equal(w.nr, 1);
	assert_true(w.worker[0].late && !w.worker[0].born.known);
	assert_int_equal(w.exited, 1);
	workers_free(&w);
}

static void trend(void **state)
{
	char text[1024];
	int i;

	(void)state;
	begin();
	for (i = 0; i < 40; i++) {
		snprintf(text, sizeof(text),
			 AT(1, 1, 9000000000) COLUMNS
			 "101 100 0 L 1000000000 5 0 100000 0 %d %d 0 gunicorn\n",
			 i * i, i * i);
		take(text, 1, i ? SECOND : 0);
	}
	assert_int_equal(w.worker[0].nr_trend, WORKERS_TREND);
	for (i = 0; i < WORKERS_TREND; i++)
		assert_int_equal(w.worker[0].trend[i], 2 * (24 + i) - 1);
	workers_free(&w);
}

static void spark(void **state)
{
	static const uint64_t value[] = { 0, 1, 50, 100, UINT64_MAX };

	(void)state;
	assert_string_equal(sparkline(value, 5, 100, false).s, "_.=##");
	assert_string_equal(sparkline(value, 5, 100, true).s, "▁▂▅██");
	assert_string_equal(sparkline(value, 0, 100, true).s, "");
	assert_string_equal(sparkline(value, 1, 0, false).s, "_");
	assert_int_equal(strlen(sparkline((uint64_t[99]){}, 99, 1, true).s), 3 * WORKERS_TREND);
}

static void resident(struct resident *r, uint64_t shared, uint64_t anonymous, uint64_t pss)
{
	*r = (struct resident){ true, shared, anonymous, pss, 0 };
}

static void payment(void **state)
{
	struct workers_sum sum;

	(void)state;
	begin();
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 1000, 100, 7) ROW(102, 2, 0, 1000, 300, 8),
	     2, 0);
	workers_sum(&w, &sum);
	assert_int_equal(workers_paid(&sum), PAID_UNKNOWN);
	resident(&w.resident, 100, 100, 34);
	resident(&w.worker[0].resident, 100, 100, 33);
	resident(&w.worker[1].resident, 100, 100, 33);
	workers_sum(&w, &sum);
	assert_int_equal(sum.separate, 300);
	assert_int_equal(sum.used, 100);
	assert_int_equal(sum.born, 2000);
	assert_int_equal(sum.copied, 400);
	assert_int_equal(workers_paid(&sum), PAID_YES);
	resident(&w.worker[1].resident, 0, 200, 194);
	workers_sum(&w, &sum);
	assert_int_equal(workers_paid(&sum), PAID_PARTLY);
	resident(&w.worker[1].resident, 0, 1000, 980);
	workers_sum(&w, &sum);
	assert_int_equal(workers_paid(&sum), PAID_HARDLY);
	workers_free(&w);
}

static void advice(void **state)
{
	(void)state;
	begin();
	assert_null(workers_typical(&w));
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 10000, 1, 0)
		     ROW(102, 2, 0, 10000, 500, 999) ROW(103, 3, 0, 10000, 9000, 0),
	     3, 0);
	assert_int_equal(workers_typical(&w)->pid, 102);
	assert_true(workers_advise(&w, ADVICE_YOUNG));
	assert_false(workers_advise(&w, ADVICE_STEADY));
	assert_false(workers_advise(&w, ADVICE_OWN));
	assert_false(workers_advise(&w, ADVICE_MASTER));
	resident(&w.worker[1].resident, 40960000, 40960000 + 2 * 40960000 + 1, 1);
	assert_true(workers_advise(&w, ADVICE_OWN));
	take(AT(1, 1, 19000000000) COLUMNS ROW(101, 1, 0, 10000, 1, 0)
		     ROW(102, 2, 0, 10000, 517, 1000) ROW(103, 3, 0, 10000, 9000, 0),
	     3, 10 * SECOND);
	assert_true(workers_advise(&w, ADVICE_STEADY));
	assert_false(workers_advise(&w, ADVICE_YOUNG));
	assert_true(workers_advise(&w, ADVICE_MASTER));
	take(AT(1, 1, 29000000000) COLUMNS ROW(101, 1, 0, 10000, 1, 0)
		     ROW(102, 2, 0, 10000, 533, 1000) ROW(103, 3, 0, 10000, 9000, 0),
	     3, 10 * SECOND);
	assert_false(workers_advise(&w, ADVICE_STEADY));
	/* less than a MiB is not worth it */
	begin();
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 300, 255, 255), 1, 0);
	assert_false(workers_advise(&w, ADVICE_YOUNG) || workers_advise(&w, ADVICE_MASTER));
	workers_free(&w);
}

static void screen(void **state)
{
	const char *out, *line, *next;
	size_t i;
	FILE *f;

	(void)state;
	begin();
	w.master = 4194304;
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 4294967295, 429496729, 4294967295), 1, 0);
	take(AT(1, 1, 9000000000) COLUMNS ROW(101, 1, 0, 4294967295, 4294967294, 4294967295)
		     ROW(102, 2, 1, 1, 1, 1) "90 4194304 0 X 500 5 0 1000 0 44 44 3 gunicorn\n",
	     3, 1);
	resident(&w.worker[0].resident, 1, UINT64_MAX / 4, 1);
	w.worker[0].nr_trend = WORKERS_TREND;
	for (i = 0; i < 2; i++) {
		f = output_begin();
		view_workers(f, &w);
		out = output_end(f);
		for (line = out; (next = strchr(line, '\n')); line = next + 1)
			if (next - line > 80)
				fail_msg("%d columns: %.*s", (int)(next - line), (int)(next - line),
					 line);
		resident(&w.resident, 1, 2, 1);
		resident(&w.worker[1].resident, 1, 2, 1);
		w.worker[1].resident.swap = 5;
	}
	assert_non_null(strstr(out, "Did preloading pay? Yes: it saves 99.99 %."));
	assert_non_null(strstr(out, "still copies"));
	assert_non_null(strstr(out, "The master copied"));
	assert_non_null(strstr(out, "1 worker was forked before counting began"));
	assert_non_null(strstr(out, "1 child runs another program"));
	assert_non_null(strstr(out, "1 worker has exited"));
	assert_non_null(strstr(out, "are in swap"));
	f = output_begin();
	assert_int_equal(json_write(f, json_workers(&w), true), 0);
	out = output_end(f);
	assert_non_null(strstr(out, "\"preloading_paid\":\"yes\""));
	assert_non_null(strstr(out, "\"advice\":[\"copies_steadily\",\"own_memory\""));
	workers_free(&w);
}

static void shared_of_smaps(void **state)
{
	static char text[] =
		"5500-5600 rw-p 00000000 00:00 0  [heap]\n"
		"Shared_Clean:  4 kB\nShared_Dirty:  8 kB\nPrivate_Dirty: 100 kB\nAnonymous: 112 kB\n"
		"VmFlags: rd wr mr mw me ac sd\n"
		/* of a file: its own pages are clean */
		"a700-a800 r--p 00001000 fd:01 42  /usr/lib/Shared_Dirty: 7 kB\n"
		"Shared_Clean: 500 kB\nShared_Dirty:  8 kB\nAnonymous:  12 kB\n"
		/* shared memory is not private */
		"b700-b800 rw-s 00000000 00:01 7  /dev/zero (deleted)\n"
		"Shared_Clean: 1 kB\nShared_Dirty:  1000 kB\nAnonymous:  0 kB\n"
		"c700-c800 rw-p 00000000 00:00 0\n"
		"Shared_Clean:  0 kB\nShared_Dirty:  20 kB\nAnonymous: 24 kB\n";
	uint64_t bytes = 1;
	FILE *f;

	(void)state;
	f = fmemopen(text, strlen(text), "r");
	assert_non_null(f);
	assert_int_equal(smaps_parse_shared(f, &bytes), 0);
	fclose(f);
	assert_int_equal(bytes, (12 + 8 + 20) * 1024);
	f = fopen("/dev/null", "r");
	assert_non_null(f);
	assert_int_not_equal(smaps_parse_shared(f, &bytes), 0);
	fclose(f);
	assert_int_equal(bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readings), cmocka_unit_test(ended),
		cmocka_unit_test(trend),    cmocka_unit_test(spark),
		cmocka_unit_test(payment),  cmocka_unit_test(advice),
		cmocka_unit_test(screen),   cmocka_unit_test(shared_of_smaps),
	};

	setlocale(LC_CTYPE, "C");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
