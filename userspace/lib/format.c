// SPDX-License-Identifier: GPL-2.0
/* Figures as people read them, and figures as people type them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

#define NS_PER_US	UINT64_C(1000)
#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_S	UINT64_C(1000000000)

/*
 * Divide by 1024 until less than 1024 is left. Return the number of divisions. The result is
 * truncated, not rounded: 1023.99 KiB must not become 1024.0 KiB.
 */
static unsigned int scale_down(uint64_t bytes, uint64_t *whole, unsigned int *tenths)
{
	unsigned int u = 0;
	uint64_t rest = 0;

	for (*whole = bytes; *whole >= 1024; u++) {
		rest = *whole % 1024;
		*whole /= 1024;
	}
	*tenths = rest * 10 / 1024;
	return u;
}

/**
 * format_size() - bytes in the unit that fits, with one decimal
 * @bytes: how many
 *
 * Return: "500.0 MiB", or "512 B" below 1 KiB; at most 10 characters.
 */
struct text format_size(uint64_t bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned int tenths, u;
	uint64_t whole;
	struct text t;

	u = scale_down(bytes, &whole, &tenths);
	if (u)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%u %s", whole, tenths, unit[u]);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " B", whole);
	return t;
}

/**
 * format_size_short() - like format_size(), without ".0"
 * @bytes: how many
 *
 * Return: "500 MiB", "1.5 KiB".
 */
struct text format_size_short(uint64_t bytes)
{
	struct text t = format_size(bytes);
	char *zero = strstr(t.s, ".0 ");

	if (zero)
		memmove(zero, zero + 2, strlen(zero + 2) + 1);
	return t;
}

/**
 * format_size_tight() - bytes in five characters, for narrow columns
 * @bytes: how many
 *
 * Return: "512", "1.5K", "999M", "1023K"; powers of 1024, as pidstat and ls -h have them.
 */
struct text format_size_tight(uint64_t bytes)
{
	static const char unit[] = " KMGTPE";
	unsigned int tenths, u;
	uint64_t whole;
	struct text t;

	u = scale_down(bytes, &whole, &tenths);
	if (!u)
		snprintf(t.s, sizeof(t.s), "%" PRIu64, whole);
	else if (whole < 100)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%u%c", whole, tenths, unit[u]);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "%c", whole, unit[u]);
	return t;
}

/**
 * format_number() - a number with digits in groups of three
 * @n: the number
 *
 * Return: "128 000".
 */
struct text format_number(uint64_t n)
{
	char digits[24];
	int i, len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	struct text t;
	char *to = t.s;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ' ';
		*to++ = digits[i];
	}
	*to = '\0';
	return t;
}

/**
 * format_count() - a number of things
 * @n: how many
 * @one: what one of them is called, at most 36 bytes
 * @more: what several are called
 *
 * Return: "1 fork", "1 200 forks".
 */
struct text format_count(uint64_t n, const char *one, const char *more)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%.26s %.36s", format_number(n).s, n == 1 ? one : more);
	return t;
}

/**
 * format_fit() - a number in a column, in thousands (k), millions (M) and so on if it is too wide
 * @n: the number
 * @width: of the column, at least 4
 *
 * Return: "1234567", or for width 5 "1234k".
 */
struct text format_fit(uint64_t n, unsigned int width)
{
	static const char unit[] = " kMGTPE";
	struct text t;
	int u = 0;

	snprintf(t.s, sizeof(t.s), "%" PRIu64, n);
	while (strlen(t.s) > width && unit[u + 1]) {
		n /= 1000;
		u++;
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "%c", n, unit[u]);
	}
	return t;
}

/**
 * format_duration() - a time span with two or three significant digits
 * @ns: nanoseconds
 *
 * Return: "850 ns", "210 us", "9.1 ms", "2.50 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
 */
struct text format_duration(uint64_t ns)
{
	uint64_t s = ns / NS_PER_S;
	struct text t;

	if (ns < NS_PER_US)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " ns", ns);
	else if (ns < NS_PER_MS)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " us", ns / NS_PER_US);
	else if (ns < NS_PER_S)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%u ms", ns / NS_PER_MS,
			 (unsigned int)(ns % NS_PER_MS / (NS_PER_MS / 10)));
	else if (s < 60)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%02u s", s,
			 (unsigned int)(ns % NS_PER_S / (NS_PER_S / 100)));
	else if (s < 3600)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			 s % 3600 / 60);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			 s % 86400 / 3600);
	return t;
}

/**
 * format_age() - a time span in five characters
 * @ns: nanoseconds
 *
 * Return: "0.4s", "59s", "12m", "47h", "213503d" at most.
 */
struct text format_age(uint64_t ns)
{
	uint64_t s = ns / NS_PER_S;
	struct text t;

	if (s < 10)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%us", s,
			 (unsigned int)(ns % NS_PER_S / (NS_PER_S / 10)));
	else if (s < 100)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "s", s);
	else if (s < 6000)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "m", s / 60);
	else if (s < 100 * 3600)
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "h", s / 3600);
	else
		snprintf(t.s, sizeof(t.s), "%" PRIu64 "d", s / 86400);
	return t;
}

/**
 * format_percent() - a share, never rounded up: only the whole is 100.00 %
 * @part: the share; may be negative
 * @whole: the whole
 *
 * Return: "99.99 %", or "-" when @whole is 0.
 */
struct text format_percent(int64_t part, uint64_t whole)
{
	int64_t hundredths;
	uint64_t digits;
	struct text t;

	if (!whole) {
		snprintf(t.s, sizeof(t.s), "-");
		return t;
	}
	/* Exact in 128 bits; a share that leaves 64 bits is not a share anybody reads. */
	hundredths = (__int128)part * 10000 / whole;
	digits = hundredths < 0 ? -(uint64_t)hundredths : (uint64_t)hundredths;
	snprintf(t.s, sizeof(t.s), "%s%" PRIu64 ".%02u %%", hundredths < 0 ? "-" : "", digits / 100,
		 (unsigned int)(digits % 100));
	return t;
}

/**
 * format_bar() - a bar whose full width stands for @whole
 * @part: the length to draw; at most @whole
 * @whole: the value of a bar of full @width
 * @width: in characters, below sizeof(struct text)
 *
 * Return: "####."; the dot stands for a rest that is too small for a "#". Only 0 is empty.
 */
struct text format_bar(uint64_t part, uint64_t whole, unsigned int width)
{
	struct text t = { "" };
	unsigned __int128 scaled;
	unsigned int full;

	if (width >= sizeof(t.s))
		width = sizeof(t.s) - 1;
	if (!whole || !width)
		return t;
	if (part > whole)
		part = whole;
	scaled = (unsigned __int128)part * width;
	full = scaled / whole;
	memset(t.s, '#', full);
	if (scaled % whole)
		t.s[full++] = '.';
	t.s[full] = '\0';
	return t;
}

/**
 * format_rate() - events per second
 * @n: number of events
 * @span_ns: the time span in nanoseconds, at least 1
 * @width: of the column, at least 4
 *
 * Return: "0.25", "12.5", "1234", or as format_fit() has it.
 */
struct text format_rate(uint64_t n, uint64_t span_ns, unsigned int width)
{
	/* In hundredths, rounded: a second is never exactly one. Cannot overflow 128 bits. */
	unsigned __int128 rate = ((unsigned __int128)n * 100 * NS_PER_S + span_ns / 2) / span_ns;
	struct text t;

	if (rate >= 10000)
		return format_fit(rate / 100 > UINT64_MAX ? UINT64_MAX : rate / 100, width);
	if (rate >= 1000)
		snprintf(t.s, sizeof(t.s), "%u.%u", (unsigned int)rate / 100,
			 (unsigned int)rate / 10 % 10);
	else
		snprintf(t.s, sizeof(t.s), "%u.%02u", (unsigned int)rate / 100,
			 (unsigned int)rate % 100);
	return t;
}

/**
 * format_ms() - nanoseconds as milliseconds in a column, with as many decimals as fit, up to three
 * @ns: how many
 * @width: of the column, at least 5
 *
 * Return: "0.004", "12345.67", "1234567", or as format_fit() has it; truncated, not rounded.
 */
struct text format_ms(uint64_t ns, unsigned int width)
{
	struct text t = format_fit(ns / NS_PER_MS, width);
	size_t len = strlen(t.s);
	int room = (int)width - (int)len;
	char rest[8];

	snprintf(rest, sizeof(rest), ".%03u", (unsigned int)(ns % NS_PER_MS / NS_PER_US));
	if (room > 1 && t.s[len - 1] <= '9') /* not in thousands */
		snprintf(t.s + len, sizeof(t.s) - len, "%.*s", room, rest);
	return t;
}

/**
 * format_seconds() - nanoseconds as seconds, exactly, for programs
 * @ns: how many
 *
 * Return: "12.000000345".
 */
struct text format_seconds(uint64_t ns)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
	return t;
}

/**
 * format_printable() - make a process's name safe for a terminal
 * @name: may hold anything
 *
 * Return: @name with "?" for every byte that is not printable ASCII.
 */
struct text format_printable(const char *name)
{
	struct text t;
	size_t i;

	for (i = 0; name[i] && i < sizeof(t.s) - 1; i++)
		t.s[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	t.s[i] = '\0';
	return t;
}

/**
 * parse_digits() - parse a decimal number and nothing else
 * @digits: need not be NUL-terminated
 * @len: length in bytes
 * @n: the number; untouched on error
 *
 * Return: 0, -EINVAL if there is anything but digits, -ERANGE beyond 64 bits.
 */
int parse_digits(const char *digits, size_t len, uint64_t *n)
{
	uint64_t sum = 0;
	size_t i;

	if (!len)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return -EINVAL;
	for (i = 0; i < len; i++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, digits[i] - '0', &sum))
			return -ERANGE;
	*n = sum;
	return 0;
}

/**
 * parse_number() - parse a decimal number within bounds
 * @text: as typed
 * @min: smallest allowed
 * @max: largest allowed
 * @n: the number; untouched on error
 *
 * Return: 0, -EINVAL if it is no number, -ERANGE if out of bounds.
 */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
	uint64_t value;
	int err = parse_digits(text, strlen(text), &value);

	if (err)
		return err;
	if (value < min || value > max)
		return -ERANGE;
	*n = value;
	return 0;
}

/**
 * parse_seconds() - parse the interval between two readings
 * @text: as typed, in seconds: "1", "0.5"
 * @ns: the interval in nanoseconds; untouched on error
 *
 * Return: 0, -EINVAL if it is no number, -ERANGE if it is not between 0.01 and 86400.
 */
int parse_seconds(const char *text, uint64_t *ns)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end)
		return -EINVAL;
	if (!(s >= 0.01 && s <= 86400))
		return -ERANGE;
	*ns = s * NS_PER_S;
	return 0;
}

/**
 * parse_size() - parse a size, with k, M, G or T for powers of 1024
 * @text: as typed: "500M", "1G", "64k", "4096"
 * @bytes: the size; untouched on error
 *
 * Return: 0, -EINVAL if it is no size, -ERANGE beyond 64 bits.
 */
int parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kMGT";
	size_t len = strlen(text);
	const char *unit = NULL;
	uint64_t value;
	int err, shift;

	if (len)
		unit = strchr(units, text[len - 1] == 'K' ? 'k' : text[len - 1]);
	shift = unit ? 10 * (int)(unit - units + 1) : 0;
	err = parse_digits(text, unit ? len - 1 : len, &value);
	if (err)
		return err;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}
