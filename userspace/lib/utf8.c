// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include "utf8.h"

#define REPLACEMENT	"\xef\xbf\xbd"		/* U+FFFD */

/*
 * Bytes of the well-formed sequence that @s begins with, 0 for none: Unicode's table 3-7,
 * so no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
static size_t sequence(const unsigned char *s)
{
	static const struct {
		unsigned char first, last;	/* of the first byte */
		unsigned char low, high;	/* of the second */
		size_t len;
	} row[] = {
		{ 0x01, 0x7f, 0x00, 0xff, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
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
 * utf8_clean() - a name as valid UTF-8
 * @to: the name, with U+FFFD for each byte that is no part of a character
 * @size: its room; what does not fit is cut between characters
 * @from: any bytes, NUL-terminated
 *
 * Return: true when nothing had to be replaced or cut.
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
