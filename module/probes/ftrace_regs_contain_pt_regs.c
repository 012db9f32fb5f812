// SPDX-License-Identifier: GPL-2.0
/*
 * Does ftrace save the arguments for each callback, in a struct ftrace_regs that contains a
 * pt_regs (5.11, commit 02a474ca266a)?
 */
#include <linux/ftrace.h>

#ifndef CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS
#error "no"
#endif

static void callback(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		     struct ftrace_regs *fregs)
{
	ops->private = (void *)regs_get_kernel_argument(&fregs->regs, 0);
}

ftrace_func_t probe(void);

ftrace_func_t probe(void)
{
	return callback;
}
