// SPDX-License-Identifier: GPL-2.0
/* Can a fault ask for a private copy without a write (5.19, commit c89357e27f20)? */
#include <linux/mm.h>

int probe(void);

int probe(void)
{
	return FAULT_FLAG_UNSHARE;
}
