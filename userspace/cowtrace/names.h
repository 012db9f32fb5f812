/* SPDX-License-Identifier: GPL-2.0 */
/* Names of functions and files that strangers chose, made safe; and arrays that grow. */
#ifndef COWSTAT_NAMES_H
#define COWSTAT_NAMES_H

#include <err.h>
#include <stddef.h>
#include <stdlib.h>

/**
 * name_clean() - make a name safe for a terminal and for folded stacks
 * @name: changed in place: "?" for each byte that is not printable ASCII, and ":" for ";", which
 *	separates frames. So no control character, of C1 neither, and no mark of direction is left
 */
static inline void name_clean(char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
		else if (*name == ';')
			*name = ':';
}

/**
 * try_grown() - an array with room for one more element
 * @array: allocated with this function or with grown(), or NULL
 * @nr: its number of elements; the room is always a power of two
 * @size: of an element
 *
 * Return: the array, perhaps at another address; NULL without memory, and @array stays.
 */
static inline void *try_grown(void *array, size_t nr, size_t size)
{
	if (nr && (nr & (nr - 1)))
		return array;
	return reallocarray(array, nr ? 2 * nr : 1, size);
}

/**
 * grown() - try_grown(), which ends the program if memory runs out
 * @array: allocated with one of the two, or NULL
 * @nr: its number of elements
 * @size: of an element
 *
 * Return: the array, perhaps at another address.
 */
static inline void *grown(void *array, size_t nr, size_t size)
{
	array = try_grown(array, nr, size);
	if (!array)
		err(EXIT_FAILURE, "symbols");
	return array;
}

#endif /* COWSTAT_NAMES_H */
