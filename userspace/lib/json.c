// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

/**
 * json_put() - set a member of an object
 * @object: the object
 * @name: the member's name, ASCII
 * @value: its value; taken over. NULL, which jansson returns without memory, ends the
 *	program
 */
void json_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value))
		err(EXIT_FAILURE, "JSON");
}

/**
 * json_add() - append to an array
 * @array: the array
 * @value: taken over; NULL ends the program
 */
void json_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		err(EXIT_FAILURE, "JSON");
}

/**
 * json_uint() - a number
 * @n: the number
 *
 * Return: an integer, or a string of digits where @n is beyond the 63 bits that jansson and
 * many readers have for integers.
 */
json_t *json_uint(uint64_t n)
{
	return n <= INT64_MAX ? json_integer(n) : json_uint_string(n);
}

/**
 * json_uint_string() - a number as a string
 * @n: a number that may have all 64 bits, such as a time in nanoseconds; readers that hold
 *	numbers as doubles would round it
 *
 * Return: a string of digits.
 */
json_t *json_uint_string(uint64_t n)
{
	return json_sprintf("%" PRIu64, n);
}

/* @s as UTF-8, to be freed. @changed is set when bytes of it were replaced. */
static char *clean_copy(const char *s, bool *changed)
{
	size_t size = 3 * strlen(s) + 1; /* U+FFFD has three bytes */
	char *clean = malloc(size);

	if (!clean)
		err(EXIT_FAILURE, "JSON");
	*changed = !utf8_clean(clean, size, s);
	return clean;
}

/**
 * json_text() - a string
 * @s: any bytes
 *
 * Return: @s with U+FFFD for each byte that is no part of a UTF-8 character.
 */
json_t *json_text(const char *s)
{
	bool changed;
	char *clean = clean_copy(s, &changed);
	json_t *text = json_string(clean);

	free(clean);
	return text;
}

/**
 * json_put_name() - set a member whose bytes matter, such as a process's name
 * @object: the object
 * @name: the member's name, ASCII
 * @s: any bytes
 *
 * The member is json_text(@s). Where that had to replace bytes, a member NAME_bytes holds
 * all bytes of @s in hexadecimal.
 */
void json_put_name(json_t *object, const char *name, const char *s)
{
	char *clean, *hex, *hex_name;
	bool changed;
	size_t i;

	clean = clean_copy(s, &changed);
	json_put(object, name, json_string(clean));
	free(clean);
	if (!changed)
		return;
	hex = malloc(2 * strlen(s) + 1);
	if (!hex || asprintf(&hex_name, "%s_bytes", name) < 0)
		err(EXIT_FAILURE, "JSON");
	for (i = 0; s[i]; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)s[i]);
	json_put(object, hex_name, json_string(hex));
	free(hex_name);
	free(hex);
}

/**
 * json_write() - write a document and free it
 * @to: where
 * @json: the document
 * @line: on one line, as in NDJSON; else indented
 *
 * Return: 0, or -1 when it could not be written.
 */
int json_write(FILE *to, json_t *json, bool line)
{
	int ret = json_dumpf(json, to, line ? JSON_COMPACT : JSON_INDENT(1));

	if (!ret && fputc('\n', to) == EOF)
		ret = -1;
	json_decref(json);
	return ret;
}
