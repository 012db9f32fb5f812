// SPDX-License-Identifier: GPL-2.0
/* Is test_taint() declared in linux/panic.h (5.14)? It was in linux/kernel.h. */
#include <linux/panic.h>

int probe(void);

int probe(void)
{
	return test_taint(TAINT_LIVEPATCH);
}
