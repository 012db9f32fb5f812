/* SPDX-License-Identifier: GPL-2.0 */
/* Text, colours and a grid of pages on a terminal of 80 columns. */
#ifndef COWSTAT_TERMINAL_H
#define COWSTAT_TERMINAL_H

#include <stddef.h>

#define TERMINAL_COLUMNS	80

/* State of a page that fork may have shared. */
enum cell {
	CELL_UNTOUCHED,
	CELL_SHARED,
	CELL_COPIED_BY_CHILD,
	CELL_COPIED_BY_PARENT,
	CELL_REUSED,
	CELL_ALONE,
	NR_CELLS,
};

enum ink {
	INK_TITLE,
	INK_QUESTION,
	INK_GOOD,
	INK_BAD,
};

void terminal_init(void);
const char *ink(enum ink ink);
const char *no_ink(void);
void print_wrapped(const char *first, const char *rest, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void draw_grid(const enum cell *cell, size_t nr);
int wait_for_key(const char *prompt);

#endif /* COWSTAT_TERMINAL_H */
