// SPDX-License-Identifier: GPL-2.0
/* Has the kernel folios (5.16, commit 7b230db3b8d3)? */
#include <linux/mm.h>

struct folio *probe(struct page *page);

struct folio *probe(struct page *page)
{
	return page_folio(page);
}
