// SPDX-License-Identifier: GPL-2.0
#include <langinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "utf8.h"

#define REPLACEMENT	"\xef\xbf\xbd"		/* U+FFFD */

/*
 * Length of the well-formed sequence at the beginning of @s, 0 if there is none. By Unicode's
 * table 3-7: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
static size_t sequence(const unsigned char *s)
{
	static const struct {
		unsigned char first, last; /* of the first byte */
		unsigned char low, high;   /* of the second */
		size_t len;
	} row[] = {
		{ 0x01, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, n;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (s[0] < row[i].first || s[0] > row[i].last)
			continue;
		if (row[i].len > 1 && (s[1] < row[i].low || s[1] > row[i].high))
			return 0;
		for (n = 2; n < row[i].len; n++)
			if ((s[n] & 0xc0) != 0x80)
				return 0;
		return row[i].len;
	}
	return 0;
}

/**
 * utf8_clean() - make a name valid UTF-8
 * @to: the name, with U+FFFD for each byte that is no part of a character
 * @size: size of @to; a name that does not fit is cut between characters
 * @from: any bytes, NUL-terminated
 *
 * Return: true when nothing was replaced or cut.
 */
bool utf8_clean(char *to, size_t size, const char *from)
{
	const char *end = to + size - 1;
	bool clean = true;
	const char *what;
	size_t len, out;

	while (*from) {
		len = sequence((const unsigned char *)from);
		what = len ? from : REPLACEMENT;
		out = len ? len : strlen(REPLACEMENT);
		clean = clean && len;
		if (out > (size_t)(end - to)) {
			clean = false;
			break;
		}
		memcpy(to, what, out);
		to += out;
		from += len ? len : 1;
	}
	*to = '\0';
	return clean;
}

/* Characters that print nothing themselves, but change the order of those around them. */
static bool changes_direction(wchar_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/**
 * struct shown - a character as a terminal shows it
 * @from: its bytes
 * @len: how many of them; 1 for a byte that cannot be shown
 * @width: terminal columns
 * @question: "?" is shown for it
 */
struct shown {
	const char *from;
	size_t len;
	unsigned int width;
	bool question;
};

static struct shown next_shown(const char *from)
{
	struct shown s = { .from = from, .len = 1, .width = 1, .question = true };
	mbstate_t state = {};
	wchar_t c;
	size_t len = mbrtowc(&c, from, strlen(from), &state);

	if (!len || len > strlen(from))
		return s;
	s.len = len;
	if (wcwidth(c) < 0 || changes_direction(c))
		return s;
	s.width = wcwidth(c);
	s.question = false;
	return s;
}

/* What is cut off is marked; the mark takes that many columns. */
static const char *mark(unsigned int *width)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");

	*width = utf8 ? 1 : 2;
	return utf8 ? "\xe2\x80\xa6" : "..";
}

/**
 * utf8_fit() - make a text fit into a terminal's line
 * @to: the text, with "?" for all that a terminal cannot show in the current locale
 * @size: size of @to; a text that needs more is cut too
 * @from: any bytes
 * @width: columns it may take, at least 2; UINT_MAX for any number
 * @keep: where to cut a text that is too wide; the cut is marked
 *
 * The caller has called setlocale(); without that all but ASCII becomes "?".
 *
 * Return: columns that it takes.
 */
unsigned int utf8_fit(char *to, size_t size, const char *from, unsigned int width,
		      enum utf8_keep keep)
{
	unsigned int all = 0, used = 0, mark_width, skip = 0;
	const char *cut = mark(&mark_width), *at;
	size_t n = 0, bytes = 0;
	struct shown s;
	bool fits;

	for (at = from; *at; at += s.len) {
		s = next_shown(at);
		all += s.width;
		bytes += s.question ? 1 : s.len;
	}
	fits = all <= width && bytes < size;
	if (!fits && keep == UTF8_KEEP_END) {
		n = snprintf(to, size, "%s", cut);
		used = mark_width;
		skip = all + mark_width > width ? all + mark_width - width : 0;
	}
	for (at = from; *at; at += s.len) {
		s = next_shown(at);
		if (skip) {
			skip -= s.width < skip ? s.width : skip;
			continue;
		}
		if (!fits && keep == UTF8_KEEP_BEGIN &&
		    (used + s.width + mark_width > width || n + s.len + strlen(cut) >= size)) {
			n += snprintf(to + n, size - n, "%s", cut);
			return used + mark_width;
		}
		if (n + s.len >= size)
			break;
		if (s.question) {
			to[n++] = '?';
		} else {
			memcpy(to + n, s.from, s.len);
			n += s.len;
		}
		used += s.width;
	}
	to[n] = '\0';
	return used;
}
