/* SPDX-License-Identifier: GPL-2.0 */
/* How an experiment's pages and counts are shown. */
#ifndef COWSTAT_PRINT_H
#define COWSTAT_PRINT_H

#include "measure.h"

void print_header(size_t page);
void print_side(const struct experiment *e, enum side side, const void *address,
		const struct page_state *page, bool is_new);
void print_page(const struct experiment *e, size_t page);
void print_grid(const struct experiment *e, size_t reused);

#endif /* COWSTAT_PRINT_H */
