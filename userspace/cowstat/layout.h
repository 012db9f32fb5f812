/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of the usual view: which there are, their heads, widths and figures. */
#ifndef COWSTAT_LAYOUT_H
#define COWSTAT_LAYOUT_H

#include "view.h"

/* Columns of a line that the pid, the state and the spaces behind them take. */
#define LAYOUT_LEFT	10

/**
 * struct shown - a column on the screen
 * @column: the table's
 * @width: on the screen
 * @head: its name on the screen; NULL for the column's own name in capitals
 */
struct shown {
	enum cowstat_column column;
	unsigned int width;
	const char *head;
};

/**
 * struct layout - the columns between the state and the command
 * @shown: in order
 * @nr: how many
 * @used: columns of a line before the command
 * @whole: the outcomes shown are all there are, so they add up to WPFAULTS
 */
struct layout {
	struct shown shown[COWSTAT_NR_COLUMNS];
	size_t nr;
	unsigned int used;
	bool whole;
};

bool layout_has_always(enum cowstat_column column);
void layout_make(const struct columns *columns, unsigned int width, struct layout *l);
struct text layout_head(const struct layout *l, size_t i, bool human);
struct text layout_figure(const struct screen *screen, const struct layout *l, size_t i,
			  const struct cow_row *row, uint64_t span_ns);

#endif /* COWSTAT_LAYOUT_H */
