// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cow.h"
#include "source.h"
#include "usage.h"

/**
 * source_path() - find the table that a word names
 * @word: "proc"; "bpf"; "auto" for the first of these that exists; or the path of a recorded
 *	table
 *
 * Return: its path, or NULL when @word is none of these.
 */
const char *source_path(const char *word)
{
	if (!strcmp(word, "proc"))
		return COWSTAT_PROC_PATH;
	if (!strcmp(word, "bpf"))
		return COWSTAT_BPF_TABLE;
	if (!strcmp(word, "auto"))
		return access(COWSTAT_PROC_PATH, F_OK) && !access(COWSTAT_BPF_TABLE, F_OK) ?
			       COWSTAT_BPF_TABLE :
			       COWSTAT_PROC_PATH;
	return strchr(word, '/') ? word : NULL;
}

/**
 * source_option() - take the argument of --source
 * @word: as source_path() takes it; a wrong one ends the program
 *
 * Return: the table's path.
 */
const char *source_option(const char *word)
{
	const char *path = source_path(word);

	if (!path)
		bad_usage("--source %s: give proc, bpf, auto, or a path with a slash", word);
	return path;
}

/**
 * source_read() - read a table, or end the program with the reason
 * @path: where
 * @t: the table, to be freed with cow_table_free()
 */
void source_read(const char *path, struct cow_table *t)
{
	char why[256];

	if (cow_table_read(path, t, why, sizeof(why)))
		errx(EXIT_FAILURE, "%s", why);
}
