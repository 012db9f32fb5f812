// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "script_line.h"

/* The rest of a line behind a word and blanks; NULL if it does not begin with that word. */
static const char *behind_word(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - at) <= len || memcmp(at, word, len) ||
	    (at[len] != ' ' && at[len] != '\t'))
		return NULL;
	for (at += len; at < end && (*at == ' ' || *at == '\t');)
		at++;
	return at;
}

/* Does this line define a function or class with this name? */
static bool defines(const char *at, const char *end, const char *name, size_t len)
{
	const char *rest;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	at = behind_word(at, end, "async") ?: at;
	rest = behind_word(at, end, "def") ?: behind_word(at, end, "class");
	return rest && (size_t)(end - rest) >= len && !memcmp(rest, name, len) &&
	       (rest + len == end || !(isalnum((unsigned char)rest[len]) || rest[len] == '_'));
}

/**
 * script_line() - where a function of a Python program is defined
 * @text: the program's source
 * @len: its length
 * @function: the function's name as Python qualifies it: Class.method, outer.<locals>.inner
 *
 * Python's perf map has names of functions and files, but no lines. A part of the name in angle
 * brackets, such as <lambda>, has no line of its own: then it is that of the function around it.
 *
 * Return: number of the line, from 1; 0 if it is not found.
 */
int script_line(const char *text, size_t len, const char *function)
{
	const char *at = text, *end = text + len, *newline, *part = function;
	int number = 1, found = !strncmp(function, "<module>", 8);
	size_t n;

	while (*part) {
		n = strcspn(part, ".");
		if (*part != '<') {
			for (found = 0; at < end && !found; number++) {
				newline = memchr(at, '\n', end - at) ?: end;
				if (defines(at, newline, part, n))
					found = number;
				at = newline < end ? newline + 1 : end;
			}
			if (!found)
				return 0;
		}
		part += n + (part[n] == '.');
	}
	return found;
}
