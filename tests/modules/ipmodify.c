// SPDX-License-Identifier: GPL-2.0
/*
 * What livepatch is to ftrace: a user who may change where the functions that cowstat hooks
 * go on. This one counts the calls, and lets them go on as they were.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

#include "compat.h"

static char *const functions[] = { "do_wp_page", "ptep_clear_flush", "ptep_set_access_flags" };

static ulong calls;
module_param(calls, ulong, 0444);
MODULE_PARM_DESC(calls, "How many there were, about");

static void notrace on_call(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			    struct ftrace_regs *fregs)
{
	WRITE_ONCE(calls, READ_ONCE(calls) + 1);
}

static struct ftrace_ops ops = {
	.func = on_call,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static int __init ipmodify_init(void)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(functions) && !err; i++)
		err = ftrace_set_filter(&ops, functions[i], strlen(functions[i]), 0);
	if (!err)
		err = register_ftrace_function(&ops);
	if (err)
		ftrace_set_filter(&ops, NULL, 0, 1);
	return err;
}

static void __exit ipmodify_exit(void)
{
	unregister_ftrace_function(&ops);
	ftrace_set_filter(&ops, NULL, 0, 1);
}

module_init(ipmodify_init);
module_exit(ipmodify_exit);

MODULE_DESCRIPTION("For tests: FTRACE_OPS_FL_IPMODIFY on what cowstat hooks");
MODULE_AUTHOR("The cowstat authors");
MODULE_LICENSE("GPL");
