// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "options.h"
#include "uapi/cowstat.h"
#include "usage.h"

/**
 * options_pids() - take the argument of -p
 * @list: pids with commas between them; changed
 * @pids: they are appended to it
 */
void options_pids(char *list, struct pid_list *pids)
{
	uint64_t pid;
	char *word;

	while ((word = strsep(&list, ","))) {
		if (!strcmp(word, "ALL")) {
			pids->all = true;
			continue;
		}
		if (!strcmp(word, "SELF"))
			pid = getpid();
		else if (parse_number(word, 1, INT_MAX, &pid))
			bad_usage("-p %s: not a pid; give numbers, like -p 1,42, or SELF or ALL",
				  word);
		pids->pid = reallocarray(pids->pid, pids->nr + 1, sizeof(*pids->pid));
		if (!pids->pid)
			err(EXIT_FAILURE, NULL);
		pids->pid[pids->nr++] = pid;
	}
}

/**
 * pid_list_has() - is a process in a list?
 * @pids: the list
 * @pid: the process
 *
 * Return: true if so. ALL is not looked at.
 */
bool pid_list_has(const struct pid_list *pids, pid_t pid)
{
	size_t i;

	for (i = 0; i < pids->nr; i++)
		if (pids->pid[i] == pid)
			return true;
	return false;
}

/**
 * options_number() - take a number
 * @option: as it is typed, such as "-n" or "--count"
 * @text: its argument
 * @min: the smallest number allowed
 * @max: the largest
 *
 * Return: the number.
 */
uint64_t options_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t n;

	if (!parse_number(text, min, max, &n))
		return n;
	if (max == INT_MAX || max == UINT64_MAX)
		bad_usage("%s %s: give a number, %" PRIu64 " or more", option, text, min);
	bad_usage("%s %s: give a number from %" PRIu64 " to %" PRIu64, option, text, min, max);
}

/**
 * options_interval() - take the time between two reports
 * @text: seconds, with or without decimals
 *
 * Return: nanoseconds.
 */
uint64_t options_interval(const char *text)
{
	uint64_t ns;

	if (parse_seconds(text, &ns))
		bad_usage("\"%s\" is no interval in seconds; give 0.01 to 86400", text);
	return ns;
}

/**
 * options_comm() - take the argument of -C
 * @regex: an extended regular expression
 * @comm: it, compiled; to be freed with regfree()
 */
void options_comm(const char *regex, regex_t *comm)
{
	char why[128];
	int error = regcomp(comm, regex, REG_EXTENDED | REG_NOSUB);

	if (!error)
		return;
	regerror(error, comm, why, sizeof(why));
	bad_usage("-C %s: %s", regex, why);
}

/**
 * options_format() - take the argument of -o: there is one format
 * @name: the argument
 */
void options_format(const char *name)
{
	if (strcmp(name, "json"))
		bad_usage("-o %s: there is no such format; give json", name);
}

/**
 * options_output() - open what --output names
 * @path: the file; NULL for standard output
 *
 * Ends the program with status 1 when the file cannot be opened.
 *
 * Return: the stream.
 */
FILE *options_output(const char *path)
{
	FILE *f = path ? fopen(path, "we") : stdout;

	if (!f)
		err(EXIT_FAILURE, "cannot write %s", path);
	return f;
}

/**
 * options_written() - make sure that a report was written
 * @to: from options_output(); stays open
 * @path: the file; NULL for standard output
 *
 * Ends the program with status 1 when something could not be written.
 */
void options_written(FILE *to, const char *path)
{
	if (fflush(to) || ferror(to))
		err(EXIT_FAILURE, "cannot write %s", path ? path : "to stdout");
}

/**
 * options_version() - print the tool's version and end the program
 * @tool: its name
 */
void options_version(const char *tool)
{
	printf("%s " COWSTAT_RELEASE "\n", tool);
	options_written(stdout, NULL);
	exit(EXIT_SUCCESS);
}
