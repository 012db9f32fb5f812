// SPDX-License-Identifier: GPL-2.0
/*
 * Does ftrace guard each callback against recursion unless it says that it needs no guard (up to
 * 5.10)? Since 5.11 callbacks that need one say so (commit a25d036d939a).
 */
#include <linux/ftrace.h>

int probe(void);

int probe(void)
{
	return FTRACE_OPS_FL_RECURSION_SAFE;
}
