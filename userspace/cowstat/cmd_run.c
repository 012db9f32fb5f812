// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bill.h"
#include "clock.h"
#include "cmd_run.h"
#include "command.h"
#include "diff_read.h"
#include "follow.h"
#include "format.h"
#include "json.h"
#include "table_json.h"
#include "utf8.h"
#include "view_diff.h"

/* The table is read so often that few new rows appear between two readings. */
#define FIRST_PERIOD_NS		10000000ULL
#define MIN_PERIOD_NS		2000000ULL
#define MAX_PERIOD_NS		1000000000ULL
#define FRESH_SHARE		8	/* at most an eighth of all rows */
#define READING_SHARE		4	/* at most a fourth of the time is spent reading */

#define TITLE_WIDTH		53	/* columns right of "Memory copy-on-write bill: " */

/* Rows of processes that were started after @since_ns. */
static uint64_t fresh_rows(const struct cow_table *t, uint64_t since_ns)
{
	uint64_t fresh = 0;
	size_t i;

	for (i = 0; i < t->nr; i++)
		fresh += t->row[i].kind == COW_ROW_PROCESS &&
			 t->row[i].value[COWSTAT_COL_START_NS] > since_ns;
	return fresh;
}

static uint64_t next_period(uint64_t period, uint64_t fresh, uint64_t max_rows, uint64_t took)
{
	uint64_t allowed = max_rows / FRESH_SHARE;

	if (fresh * 2 > allowed)
		period = period * allowed / (fresh * 2);
	else
		period = period * 3 / 2;
	if (period > MAX_PERIOD_NS)
		period = MAX_PERIOD_NS;
	if (period < MIN_PERIOD_NS)
		period = MIN_PERIOD_NS;
	if (period < took * READING_SHARE)
		period = took * READING_SHARE;
	return period;
}

/* Read the table into the tree. Return: false after saying why. */
static bool take_reading(const char *path, struct tree *tree, uint64_t *fresh)
{
	uint64_t since = tree->last.now_ns.value;
	struct cow_table t;
	char why[256];
	int err;

	if (cow_table_read(path, &t, why, sizeof(why))) {
		warnx("%s", why);
		return false;
	}
	err = tree_add(tree, &t);
	*fresh = fresh_rows(&t, since);
	cow_table_free(&t);
	if (err)
		warnx("the bill: %s", strerror(-err));
	return !err;
}

static bool watch(const char *path, struct command *command, struct tree *tree)
{
	uint64_t period = FIRST_PERIOD_NS, fresh = 0, begin, took;
	bool good = true, ended;

	do {
		ended = command_wait(command, period);
		/* After an error the sums are wrong anyway: only wait. */
		if (!good)
			continue;
		begin = now_ns();
		good = take_reading(path, tree, &fresh);
		took = now_ns() - begin;
		period = next_period(period, fresh, tree->last.max_rows.value, took);
	} while (!ended);
	return good;
}

/* Print as many words of the command as fit into @width columns; mark where they are cut. */
static void put_command(char *to, size_t size, char *const *argv, unsigned int width)
{
	char line[4096];
	size_t n = 0;

	for (*line = '\0'; *argv && n < sizeof(line); argv++)
		n += snprintf(line + n, sizeof(line) - n, "%s%s", n ? " " : "", *argv);
	utf8_fit(to, size, line, width, UTF8_KEEP_BEGIN);
}

/* Make "make -j2 (exit 0, 12.41 s)", short enough for a line of at most 80 columns. */
static void make_title(char *to, size_t size, char *const *argv, const struct command *command,
		       uint64_t elapsed_ns)
{
	bool killed = WIFSIGNALED(command->status);
	char how[64];
	int n;

	n = snprintf(how, sizeof(how), " (%s %d, %s)", killed ? "signal" : "exit",
		     killed ? WTERMSIG(command->status) : WEXITSTATUS(command->status),
		     format_duration(elapsed_ns).s);
	put_command(to, size - n, argv, TITLE_WIDTH - n);
	strcat(to, how);
}

static uint64_t ns_of(const struct timeval *time)
{
	return time->tv_sec * 1000000000ULL + time->tv_usec * 1000ULL;
}

static int print_bill(FILE *to, struct tree *tree, char *const *argv, const struct command *command,
		      uint64_t elapsed_ns, bool json)
{
	const struct followed *followed = command->follow ? follow_finish(command->follow) : NULL;
	char title[4 * TITLE_WIDTH];
	struct bill bill;

	bill_make(tree, &bill);
	bill.minor_faults = command->usage.ru_minflt;
	bill.run_ns = ns_of(&command->usage.ru_utime) + ns_of(&command->usage.ru_stime);
	if (json) {
		json_t *o = json_bill(&bill, argv, command_exit_status(command), elapsed_ns);

		if (followed)
			json_put(o, "amplification", json_followed(followed));
		return json_write(to, o, false);
	}
	make_title(title, sizeof(title), argv, command, elapsed_ns);
	bill_print(to, &bill, title);
	if (followed)
		view_followed(to, followed);
	return ferror(to) ? -1 : 0;
}

/**
 * cmd_run() - run a command and print its bill
 * @table: path of the table
 * @argv: the command and its arguments, then NULL
 * @output: the file for the bill; NULL for stderr
 * @json: as JSON
 * @amplification: follow it, and tell how many bytes of the copied pages changed
 *
 * Return: the exit status: the command's own, 128 and the number of the signal
 * that killed it, EXIT_NOT_FOUND, EXIT_CANNOT_RUN, or EXIT_NOT_RUN.
 */
int cmd_run(const char *table, char *const *argv, const char *output, bool json, bool amplification)
{
	struct command command;
	FILE *to = stderr;
	struct cow_table t;
	struct tree tree;
	uint64_t begin;
	char why[256];
	bool good;
	int err;

	if (amplification && !diff_sees_frames()) {
		warnx("--amplification: the kernel hides page frames from this user. Run as root (CAP_SYS_ADMIN in the initial user namespace)");
		return EXIT_NOT_RUN;
	}
	if (cow_table_read(table, &t, why, sizeof(why))) {
		warnx("%s", why);
		return EXIT_NOT_RUN;
	}
	tree_init(&tree, &t, getpid());
	tree.off = !t.counting.value;
	cow_table_free(&t);
	if (output) {
		to = fopen(output, "we");
		if (!to) {
			warn("cannot write %s", output);
			return EXIT_NOT_RUN;
		}
	}
	begin = now_ns();
	err = command_start(argv, amplification, &command);
	if (err) {
		warnx("cannot run %s: %s", argv[0], strerror(-err));
		if (output)
			fclose(to);
		return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	tree.root = command.pid;
	good = watch(table, &command, &tree);
	if (good)
		good = !print_bill(to, &tree, argv, &command, now_ns() - begin, json);
	if (output && fclose(to))
		good = false;
	if (!good)
		warnx("there is no whole bill");
	tree_free(&tree);
	follow_free(command.follow);
	return command_exit_status(&command);
}
