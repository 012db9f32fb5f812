// SPDX-License-Identifier: GPL-2.0
/* format.c: figures as people read and type them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"

#define expect(text, wanted)	assert_string_equal((text).s, wanted)

static void sizes(void **state)
{
	(void)state;
	expect(format_size(0), "0 B");
	expect(format_size(1), "1 B");
	expect(format_size(1023), "1023 B");
	expect(format_size(1024), "1.0 KiB");
	expect(format_size(44 * 1024), "44.0 KiB");
	expect(format_size(500ULL << 20), "500.0 MiB");
	expect(format_size((3ULL << 30) / 2), "1.5 GiB");
	expect(format_size((1ULL << 20) - 1), "1023.9 KiB");
	expect(format_size(UINT64_MAX), "15.9 EiB");
}

static void short_sizes(void **state)
{
	(void)state;
	expect(format_size_short(0), "0 B");
	expect(format_size_short(44 * 1024), "44 KiB");
	expect(format_size_short(500ULL << 20), "500 MiB");
	expect(format_size_short((3ULL << 30) / 2), "1.5 GiB");
	expect(format_size_short(10 << 10), "10 KiB");
}

static void numbers_in_groups(void **state)
{
	(void)state;
	expect(format_number(0), "0");
	expect(format_number(999), "999");
	expect(format_number(1000), "1 000");
	expect(format_number(128000), "128 000");
	expect(format_number(1234567), "1 234 567");
	expect(format_number(UINT64_MAX), "18 446 744 073 709 551 615");
}

static void numbers_that_fit(void **state)
{
	(void)state;
	expect(format_fit(0, 5), "0");
	expect(format_fit(12345, 5), "12345");
	expect(format_fit(123456, 5), "123k");
	expect(format_fit(1234567, 5), "1234k");
	expect(format_fit(12345678, 5), "12M");
	expect(format_fit(UINT64_MAX, 4), "18E");
	expect(format_fit(UINT64_MAX, 20), "18446744073709551615");
}

static void durations(void **state)
{
	(void)state;
	expect(format_duration(0), "0 ns");
	expect(format_duration(999), "999 ns");
	expect(format_duration(1000), "1 us");
	expect(format_duration(210999), "210 us");
	expect(format_duration(9100000), "9.1 ms");
	expect(format_duration(999999999), "999.9 ms");
	expect(format_duration(2500000000), "2.50 s");
	expect(format_duration(59999999999), "59.99 s");
	expect(format_duration(200000000000), "3 min 20 s");
	expect(format_duration(7500000000000), "2 h 5 min");
	expect(format_duration(273600000000000), "3 d 4 h");
	expect(format_duration(UINT64_MAX), "213503 d 23 h");
}

static void tight_sizes(void **state)
{
	(void)state;
	expect(format_size_tight(0), "0");
	expect(format_size_tight(1023), "1023");
	expect(format_size_tight(1536), "1.5K");
	expect(format_size_tight(500ULL << 20), "500M");
	expect(format_size_tight((1ULL << 30) - 1), "1023M");
	expect(format_size_tight(UINT64_MAX), "15.9E");
}

static void rates(void **state)
{
	(void)state;
	expect(format_rate(0, 1000000000, 5), "0.00");
	expect(format_rate(1, 4000000000, 5), "0.25");
	expect(format_rate(999, 100000000000, 5), "9.99");
	/* one in what a second's sleep really takes */
	expect(format_rate(1, 1000400000, 5), "1.00");
	expect(format_rate(25, 2000000000, 5), "12.5");
	expect(format_rate(12345, 10000000, 5), "1234k");
	expect(format_rate(UINT64_MAX, 1, 4), "18E");
}

static void milliseconds(void **state)
{
	(void)state;
	expect(format_ms(0, 8), "0.000");
	expect(format_ms(4999, 8), "0.004");
	expect(format_ms(9999999999, 8), "9999.999");
	expect(format_ms(10000000000, 8), "10000.00");
	expect(format_ms(999999999999, 8), "999999.9");
	expect(format_ms(12345678 * 1000000ULL, 8), "12345678");
	expect(format_ms(12345678912 * 1000000ULL, 8), "12345M");
}

static void ages(void **state)
{
	(void)state;
	expect(format_age(0), "0.0s");
	expect(format_age(9999999999), "9.9s");
	expect(format_age(99000000000), "99s");
	expect(format_age(100000000000), "1m");
	expect(format_age(7200000000000), "2h");
	expect(format_age(360000000000000), "4d");
	expect(format_age(UINT64_MAX), "213503d");
}

static void seconds(void **state)
{
	(void)state;
	expect(format_seconds(0), "0.000000000");
	expect(format_seconds(12000000345), "12.000000345");
	expect(format_seconds(UINT64_MAX), "18446744073.709551615");
}

static void percents(void **state)
{
	(void)state;
	expect(format_percent(1, 0), "-");
	expect(format_percent(0, 5), "0.00 %");
	expect(format_percent(1, 3), "33.33 %");
	expect(format_percent(5, 5), "100.00 %");
	/* a single copied page must show */
	expect(format_percent(128000 - 1, 128000), "99.99 %");
	expect(format_percent(INT64_MAX - 1, INT64_MAX), "99.99 %");
	expect(format_percent(-1, 4), "-25.00 %");
	expect(format_percent(-1, 200), "-0.50 %");
}

static void bars(void **state)
{
	char full[64];

	(void)state;
	expect(format_bar(0, 100, 10), "");
	expect(format_bar(1, 100, 10), ".");
	expect(format_bar(10, 100, 10), "#");
	expect(format_bar(45, 100, 10), "####.");
	expect(format_bar(99, 100, 10), "#########.");
	expect(format_bar(100, 100, 10), "##########");
	expect(format_bar(200, 100, 10), "##########");
	expect(format_bar(1, 0, 10), "");
	expect(format_bar(1, 1, 0), "");
	expect(format_bar(UINT64_MAX, UINT64_MAX, 3), "###");
	expect(format_bar(UINT64_MAX - 1, UINT64_MAX, 3), "##.");
	/* a bar longer than its buffer is cut */
	memset(full, '#', sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	expect(format_bar(1, 1, 1000), full);
}

static void printable_names(void **state)
{
	char name[200], cut[64];

	(void)state;
	expect(format_printable(""), "");
	expect(format_printable("kworker/0:1"), "kworker/0:1");
	expect(format_printable("a\033[2Jb\n\177\377 c"), "a?[2Jb??? c");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(cut, 'x', sizeof(cut) - 1);
	cut[sizeof(cut) - 1] = '\0';
	expect(format_printable(name), cut);
}

static void sizes_typed(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "4096", 4096 },
		{ "64k", 65536 },
		{ "64K", 65536 },
		{ "500M", 500ULL << 20 },
		{ "1G", 1ULL << 30 },
		{ "2T", 2ULL << 40 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16777215T", 16777215ULL << 40 },
		{ "007", 7 },
	};
	static const char *const bad[] = {
		"",    " ",   "k",  "M",    "-1",   "-1M", "+1",    " 1",     "1 ",   "1m",  "1g",
		"1MM", "1kM", "M1", "1.5G", "0x10", "1e3", "500MB", "500MiB", "five", "1\n", "\377",
	};
	static const char *const huge[] = {
		"18446744073709551616",
		"16777216T",
		"17179869184G",
		"99999999999999999999999k",
	};
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	bytes = 77;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_size(bad[i], &bytes), -EINVAL);
	for (i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		assert_int_equal(parse_size(huge[i], &bytes), -ERANGE);
	assert_true(bytes == 77);
}

static void numbers_typed(void **state)
{
	uint64_t n = 77;

	(void)state;
	assert_int_equal(parse_number("", 0, 9, &n), -EINVAL);
	assert_int_equal(parse_number("-3", 0, 9, &n), -EINVAL);
	assert_int_equal(parse_number("3x", 0, 9, &n), -EINVAL);
	assert_int_equal(parse_number("0", 1, 9, &n), -ERANGE);
	assert_int_equal(parse_number("10", 1, 9, &n), -ERANGE);
	assert_int_equal(parse_number("18446744073709551616", 0, UINT64_MAX, &n), -ERANGE);
	assert_true(n == 77);
	assert_int_equal(parse_number("1", 1, 9, &n), 0);
	assert_true(n == 1);
	assert_int_equal(parse_number("9", 1, 9, &n), 0);
	assert_true(n == 9);
	/* only as far as it is told */
	assert_int_equal(parse_digits("123x", 3, &n), 0);
	assert_true(n == 123);
	assert_int_equal(parse_digits("123", 0, &n), -EINVAL);
}

static void seconds_typed(void **state)
{
	static const char *const bad[] = { "", "x", "1x", "1 ", "0,5" };
	static const char *const far[] = { "0", "0.009", "-1", "86401", "nan", "inf" };
	uint64_t ns = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_seconds(bad[i], &ns), -EINVAL);
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		assert_int_equal(parse_seconds(far[i], &ns), -ERANGE);
	assert_int_equal(ns, 7);
	assert_int_equal(parse_seconds("0.25", &ns), 0);
	assert_int_equal(ns, 250000000);
	assert_int_equal(parse_seconds("86400", &ns), 0);
	assert_int_equal(ns, 86400000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(short_sizes),
		cmocka_unit_test(numbers_in_groups),
		cmocka_unit_test(numbers_that_fit),
		cmocka_unit_test(durations),
		cmocka_unit_test(tight_sizes),
		cmocka_unit_test(rates),
		cmocka_unit_test(milliseconds),
		cmocka_unit_test(ages),
		cmocka_unit_test(seconds),
		cmocka_unit_test(percents),
		cmocka_unit_test(bars),
		cmocka_unit_test(printable_names),
		cmocka_unit_test(sizes_typed),
		cmocka_unit_test(seconds_typed),
		cmocka_unit_test(numbers_typed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
