// SPDX-License-Identifier: GPL-2.0
/* Is test_taint() declared in linux/panic.h (5.14, commit f39650de687e), not in linux/kernel.h? */
#include <linux/panic.h>

int probe(void);

int probe(void)
{
	return test_taint(TAINT_LIVEPATCH);
}
