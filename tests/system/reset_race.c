// SPDX-License-Identifier: GPL-2.0
/* Tables read while somebody resets: within one epoch no count goes back. */
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define RESETS	12

static void reset_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < RESETS; i++) {
		usleep(50000);
		if (control("reset"))
			_exit(1);
	}
}

int main(void)
{
	uint64_t first_epoch, epoch = 0, copied = 0, backwards = 0, tables = 0;
	pid_t storm, resetter;
	struct cow_table t;

	use_all_cpus();
	t = table_now();
	first_epoch = t.epoch.value;
	cow_table_free(&t);
	storm = start_storm();
	resetter = start_child(reset_often, NULL);
	while (!waitpid(resetter, NULL, WNOHANG)) {
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
	is(backwards, 0, "no count went back in %lu tables", tables);
	t = table_now();
	is(t.epoch.value, first_epoch + RESETS, "%d epochs later", RESETS);
	cow_table_free(&t);
	return done();
}
