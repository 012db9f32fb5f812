// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "perf_map.h"

#define READ_BYTES	65536
#define MOST_OVERLAPS	1024	/* how far back a search goes */

struct perf_symbol {
	uint64_t start;
	uint64_t end;
	uint64_t reaches; /* the largest end of this and all symbols before it */
	size_t order;	  /* of its line */
	char *name;
};

/* A hexadecimal number of at most 64 bits, as in the file, with or without 0x. */
static bool parse_hex(const char **at, const char *end, uint64_t *n)
{
	const char *c = *at;
	int digit, digits = 0;

	if (end - c > 2 && c[0] == '0' && (c[1] == 'x' || c[1] == 'X'))
		c += 2;
	for (*n = 0; c < end; c++, digits++) {
		if (*c >= '0' && *c <= '9')
			digit = *c - '0';
		else if ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'f')
			digit = (*c | 0x20) - 'a' + 10;
		else
			break;
		if (*n >> 60)
			return false;
		*n = *n << 4 | digit;
	}
	*at = c;
	return digits > 0;
}

static bool skip_blanks(const char **at, const char *end)
{
	const char *begin = *at;

	while (*at < end && (**at == ' ' || **at == '\t'))
		++*at;
	return *at > begin;
}

/* A line without a number, without a name or without a size is ignored. */
static void parse_line(struct perf_map *map, const char *at, const char *end,
		       struct perf_budget *budget)
{
	struct perf_symbol *symbol;
	uint64_t start, size;
	size_t room;
	char *name;

	if (!parse_hex(&at, end, &start) || !skip_blanks(&at, end) || !parse_hex(&at, end, &size) ||
	    !skip_blanks(&at, end) || at == end)
		return;
	if (!size || size > UINT64_MAX - start || !budget->symbols)
		return;
	if (map->nr == map->room) {
		room = map->room ? 2 * map->room : 64;
		symbol = reallocarray(map->symbol, room, sizeof(*symbol));
		if (!symbol)
			return;
		map->symbol = symbol;
		map->room = room;
	}
	name = strndup(at, end - at < PERF_MAP_NAME ? end - at : PERF_MAP_NAME - 1);
	if (!name)
		return;
	name_clean(name);
	budget->symbols--;
	map->symbol[map->nr] = (struct perf_symbol){
		.start = start, .end = start + size, .order = map->nr, .name = name
	};
	map->nr++;
}

/**
 * perf_map_parse() - add the functions of some lines
 * @map: the map
 * @text: any bytes
 * @len: how many
 * @budget: reduced by the functions that are kept; when it is used up, the rest is ignored
 *
 * Return: how many bytes were complete lines; the rest is the beginning of a line.
 */
size_t perf_map_parse(struct perf_map *map, const char *text, size_t len,
		      struct perf_budget *budget)
{
	const char *at = text, *end = text + len, *newline;

	while (at < end && (newline = memchr(at, '\n', end - at))) {
		parse_line(map, at, newline, budget);
		at = newline + 1;
	}
	return at - text;
}

/**
 * perf_map_read() - read what was appended to the file since the last call
 * @map: the map
 * @fd: the file
 * @budget: reduced by what is read
 *
 * A file that has become shorter is another one, and is read from its beginning. A line that is
 * longer than 64 KiB is ignored.
 */
void perf_map_read(struct perf_map *map, int fd, struct perf_budget *budget)
{
	char *text = NULL;
	struct stat st;
	ssize_t got;
	size_t used;

	if (fstat(fd, &st))
		return;
	if (st.st_size < map->offset) {
		budget->symbols += map->nr;
		perf_map_free(map);
	}
	if (st.st_size > map->offset)
		text = malloc(READ_BYTES);
	while (text && budget->bytes && budget->symbols) {
		got = pread(fd, text, READ_BYTES < budget->bytes ? READ_BYTES : budget->bytes,
			    map->offset);
		if (got <= 0)
			break;
		used = perf_map_parse(map, text, got, budget);
		if (!used) {
			if (got < READ_BYTES)
				break; /* the line is not complete */
			used = got;
		}
		budget->bytes -= used;
		map->offset += used;
	}
	free(text);
}

static int by_start(const void *a, const void *b)
{
	const struct perf_symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void sort(struct perf_map *map)
{
	uint64_t reaches = 0;
	size_t i;

	if (map->sorted == map->nr)
		return;
	qsort(map->symbol, map->nr, sizeof(*map->symbol), by_start);
	for (i = 0; i < map->nr; i++) {
		if (map->symbol[i].end > reaches)
			reaches = map->symbol[i].end;
		map->symbol[i].reaches = reaches;
	}
	map->sorted = map->nr;
}

/**
 * perf_map_find() - the function at an address
 * @map: the map
 * @address: the address
 *
 * Memory for code is used again when a function is discarded. So of several functions with this
 * address, it is the one that was named last.
 *
 * Return: its name, printable, valid until the map is read again; NULL if there is none.
 */
const char *perf_map_find(struct perf_map *map, uint64_t address)
{
	const struct perf_symbol *found = NULL, *symbol;
	size_t low = 0, high, middle, i;

	sort(map);
	for (high = map->nr; low < high;) {
		middle = low + (high - low) / 2;
		if (map->symbol[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (i = 0; i < MOST_OVERLAPS && low; i++) {
		symbol = &map->symbol[--low];
		if (symbol->reaches <= address)
			break;
		if (symbol->end > address && (!found || symbol->order > found->order))
			found = symbol;
	}
	return found ? found->name : NULL;
}

/**
 * perf_map_free() - forget all functions
 * @map: the map; it can be read again
 */
void perf_map_free(struct perf_map *map)
{
	for (size_t i = 0; i < map->nr; i++)
		free(map->symbol[i].name);
	free(map->symbol);
	*map = (struct perf_map){};
}
