// SPDX-License-Identifier: GPL-2.0
/* Are the flags within a page's mapping named after the folio? */
#include <linux/mm.h>

unsigned long probe(void);

unsigned long probe(void)
{
	return FOLIO_MAPPING_FLAGS | FOLIO_MAPPING_ANON;
}
