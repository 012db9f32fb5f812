// SPDX-License-Identifier: GPL-2.0
/* series.c, result_json.c, scenario.c: statistics, their JSON, the table of scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "result.h"
#include "scenario.h"
#include "workload.h"

static struct series series_of(const uint64_t *value, size_t nr)
{
	struct series s = {};

	for (size_t i = 0; i < nr; i++)
		series_add(&s, value[i]);
	return s;
}

static void percentiles(void **state)
{
	static const uint64_t five[] = { 50, 20, 40, 15, 35 };
	struct series s = series_of(five, ARRAY_SIZE(five));

	(void)state;
	assert_true(series_at(&s, 0) == 15);
	assert_true(series_at(&s, 5) == 15);
	assert_true(series_at(&s, 30) == 20);
	assert_true(series_at(&s, 40) == 20);
	assert_true(series_at(&s, 50) == 35);
	assert_true(series_at(&s, 100) == 50);
	/* the order in which they were measured stays */
	assert_true(s.value[0] == 50 && s.value[4] == 35);
	series_free(&s);
	assert_true(series_at(&s, 50) == 0);
	for (uint64_t i = 100; i; i--)
		series_add(&s, i);
	assert_true(series_at(&s, 99) == 99 && series_at(&s, 50) == 50 && series_at(&s, 1) == 1);
	series_free(&s);
}

static void moments(void **state)
{
	static const uint64_t eight[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	static const uint64_t large[] = { UINT64_C(1) << 50, (UINT64_C(1) << 50) + 2 };
	struct series s = series_of(eight, ARRAY_SIZE(eight));

	(void)state;
	assert_true(series_sum(&s) == 40);
	assert_true(series_mean(&s) == 5);
	assert_true(series_deviation(&s) > 2.138 && series_deviation(&s) < 2.139);
	series_free(&s);
	assert_true(series_mean(&s) == 0 && series_deviation(&s) == 0);
	s = series_of(large, 2);
	assert_true(series_deviation(&s) > 1.414 && series_deviation(&s) < 1.415);
	series_free(&s);
}

static void document(void **state)
{
	struct machine m = { .kernel = "6.12", .emulated = true };
	struct result r = {
		.scenario = find_scenario("prefork"),
		.bytes = 8192,
		.nr = 1,
		.o = { .size = 8192,
		       .exec = "/bin/\xff\"x",
		       .writers = WRITER_CHILD,
		       .workers = 3 },
		.subject[0] = { .key = "worker", .name = "each worker" },
	};
	json_t *json, *worker, *copied;
	char *text;

	(void)state;
	series_add(&r.subject[0].column[COWSTAT_COL_COPIED], 7);
	series_add(&r.subject[0].column[COWSTAT_COL_COPIED], 9);
	json = results_json(&r, 1, &m);
	text = json_dumps(json, 0);
	json_decref(json);
	assert_non_null(text);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
	assert_true(json_is_true(json_object_get(json_object_get(json, "machine"), "emulated")));
	assert_true(json_is_null(json_object_get(json_object_get(json, "machine"), "cpu")));
	json_t *result = json_array_get(json_object_get(json, "results"), 0);
	json_t *options = json_object_get(result, "options");

	/* A byte that is not UTF-8 is replaced; all bytes are there in hexadecimal. */
	assert_string_equal(json_string_value(json_object_get(options, "exec")),
			    "/bin/\xef\xbf\xbd\"x");
	assert_string_equal(json_string_value(json_object_get(options, "exec_bytes")),
			    "2f62696e2fff2278");
	assert_int_equal(json_integer_value(json_object_get(options, "workers")), 3);
	worker = json_object_get(json_object_get(result, "subjects"), "worker");
	copied = json_object_get(worker, "copied");
	assert_int_equal(json_integer_value(json_object_get(copied, "sum")), 16);
	assert_int_equal(json_integer_value(json_object_get(copied, "p50")), 7);
	assert_int_equal(json_array_size(json_object_get(copied, "values")), 2);
	/* Figures that were not measured are left out. */
	assert_null(json_object_get(worker, "reused"));
	assert_null(json_object_get(result, "timeline"));
	json_decref(json);
	result_free(&r);
}

static void complete_scenarios(void **state)
{
	static const struct subject s;
	const struct scenario *scenario;

	(void)state;
	assert_true(nr_scenarios > 0);
	for (scenario = scenarios; scenario < scenarios + nr_scenarios; scenario++) {
		assert_ptr_equal(find_scenario(scenario->name), scenario);
		assert_non_null(scenario->help);
		assert_true(scenario->count > 0 && scenario->copies > 0);
		assert_non_null(scenario->run);
		assert_non_null(scenario->print);
		assert_non_null(scenario->sweep.time_label);
		assert_non_null(subject_series(&s, scenario->sweep.time));
		assert_non_null(scenario->sweep.copied_label);
		assert_non_null(subject_series(&s, scenario->sweep.copied));
		assert_non_null(scenario->sweep.format);
	}
	assert_null(find_scenario("none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles),
		cmocka_unit_test(moments),
		cmocka_unit_test(document),
		cmocka_unit_test(complete_scenarios),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
