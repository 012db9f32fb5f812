// SPDX-License-Identifier: GPL-2.0
/*
 * Does ftrace pass a pt_regs to those callbacks that ask for all registers (up to 5.10; a
 * struct ftrace_regs since commit d19ad0775dcd)?
 */
#include <linux/ftrace.h>

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_REGS
#error "no"
#endif

static void callback(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		     struct pt_regs *regs)
{
	ops->private = (void *)regs_get_kernel_argument(regs, 0);
}

ftrace_func_t probe(void);

ftrace_func_t probe(void)
{
	return callback;
}
