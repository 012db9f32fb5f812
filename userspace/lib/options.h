/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options that mean the same in all tools:
 *
 *	-p, --pid PID[,PID...]	only these processes; SELF is the tool itself, ALL is all
 *	-C, --comm REGEX	only those whose name matches
 *	-o, --format json	JSON
 *	    --output FILE	write there, not to standard output
 *	    --version
 *
 * Each function here takes one option's argument. On a wrong one it says what is wrong and
 * ends the program.
 */
#ifndef COWSTAT_OPTIONS_H
#define COWSTAT_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct pid_list - processes that were asked for
 * @pid: their pids; to be freed
 * @nr: how many
 * @all: ALL was given
 */
struct pid_list {
	pid_t *pid;
	size_t nr;
	bool all;
};

void options_pids(char *list, struct pid_list *pids);
bool pid_list_has(const struct pid_list *pids, pid_t pid);
uint64_t options_number(const char *option, const char *text, uint64_t min, uint64_t max);
uint64_t options_interval(const char *text);
void options_comm(const char *regex, regex_t *comm);
void options_format(const char *name);
FILE *options_output(const char *path);
void options_written(FILE *to, const char *path);
void options_version(const char *tool) __attribute__((noreturn));

#endif /* COWSTAT_OPTIONS_H */
