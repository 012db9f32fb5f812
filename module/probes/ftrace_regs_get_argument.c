// SPDX-License-Identifier: GPL-2.0
/* Does ftrace have a function that reads an argument (6.2, commit 94d095ffa0e1)? */
#include <linux/ftrace.h>

unsigned long probe(struct ftrace_regs *fregs);

unsigned long probe(struct ftrace_regs *fregs)
{
	return ftrace_regs_get_argument(fregs, 0);
}
