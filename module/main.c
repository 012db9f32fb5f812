// SPDX-License-Identifier: GPL-2.0
/*
 * cowstat: see what copy-on-write really does. This file has the module parameter, and calls
 * the init and exit functions of the other files in order. Start reading at fault.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "control.h"
#include "event.h"
#include "proc.h"
#include "table.h"

static unsigned int max_rows = 8192;
module_param(max_rows, uint, 0444);
/* clang-format off */
MODULE_PARM_DESC(max_rows, "How many processes can have a row at the same time, "
		 __stringify(COWSTAT_MAX_ROWS_MIN) " to " __stringify(COWSTAT_MAX_ROWS_MAX)
		 "; each takes about half a KiB from load to unload (default 8192)");
/* clang-format on */

static int __init cowstat_init(void)
{
	int err;

	event_init();
	if (max_rows < COWSTAT_MAX_ROWS_MIN || max_rows > COWSTAT_MAX_ROWS_MAX) {
		pr_err("max_rows=%u: must be from %u to %u\n", max_rows, COWSTAT_MAX_ROWS_MIN,
		       COWSTAT_MAX_ROWS_MAX);
		err = -EINVAL;
		goto exit_event;
	}
	err = table_init(max_rows);
	if (err) {
		pr_err("no memory for max_rows=%u\n", max_rows);
		goto exit_event;
	}
	err = control_init();
	if (err)
		goto free_table;
	err = proc_init();
	if (err)
		goto stop_counting;
	return 0;

stop_counting:
	control_exit();
free_table:
	table_exit();
exit_event:
	event_exit();
	return err;
}

static void __exit cowstat_exit(void)
{
	proc_exit();
	event_exit();
	control_exit();
	table_exit();
}

module_init(cowstat_init);
module_exit(cowstat_exit);

MODULE_DESCRIPTION("Copy-on-write faults and forks, counted per process in " COWSTAT_PROC_PATH);
MODULE_AUTHOR("The cowstat authors");
MODULE_VERSION(COWSTAT_RELEASE);
MODULE_LICENSE("GPL");
