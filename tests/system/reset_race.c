// SPDX-License-Identifier: GPL-2.0
/*
 * Tables read while another process resets: within one epoch no count goes back, and each epoch
 * counts.
 */
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define RESETS	4
#define LONG_RESETS	12

static uint64_t copied_so_far(void)
{
	struct cow_table t = table_now();
	const struct cow_row *total = cow_table_total(&t);
	uint64_t copied = total->known[COWSTAT_COL_COPIED] ? total->value[COWSTAT_COL_COPIED] : 0;

	cow_table_free(&t);
	return copied;
}

/* The storm copies pages all the time: five seconds are enough, without KVM too. */
static bool this_epoch_counts(void)
{
	for (int i = 0; i < 100; i++) {
		usleep(50000);
		if (copied_so_far())
			return true;
	}
	return false;
}

/* Exits with the number of epochs that counted nothing, or 255. */
static void reset_often(void *arg)
{
	int resets = *(int *)arg, empty = 0;

	for (int i = 0; i < resets; i++) {
		empty += !this_epoch_counts();
		if (control("reset"))
			_exit(255);
	}
	_exit(empty + !this_epoch_counts());
}

int main(void)
{
	uint64_t first_epoch, epoch = 0, copied = 0, backwards = 0, tables = 0;
	int status, resets = long_run() ? LONG_RESETS : RESETS;
	pid_t storm, resetter;
	struct cow_table t;

	use_all_cpus();
	t = table_now();
	first_epoch = t.epoch.value;
	cow_table_free(&t);
	storm = start_storm();
	resetter = start_child(reset_often, &resets);
	while (!waitpid(resetter, &status, WNOHANG)) {
		const struct cow_row *total;
		uint64_t now;

		t = table_now();
		total = cow_table_total(&t);
		now = total->value[COWSTAT_COL_COPIED];
		/* between reset and the hooks' return no column is known */
		if (total->known[COWSTAT_COL_COPIED]) {
			backwards += t.epoch.value == epoch && now < copied;
			epoch = t.epoch.value;
			copied = now;
		}
		tables++;
		cow_table_free(&t);
	}
	kill_child(storm);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "each epoch counted: wait status %#x",
	   status);
	is(backwards, 0, "no count went back in %lu tables", tables);
	t = table_now();
	is(t.epoch.value, first_epoch + resets, "%d epochs later", resets);
	cow_table_free(&t);
	return done();
}
