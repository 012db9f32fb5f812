/* SPDX-License-Identifier: GPL-2.0 */
/* The terminal of the live screen. */
#ifndef COWSTAT_TOP_SCREEN_H
#define COWSTAT_TOP_SCREEN_H

#include <stddef.h>

#include "top.h"

int top_screen_open(char *why, size_t len);
void top_screen_close(void);
void top_screen_show(struct top *top);
bool top_screen_wait(struct top *top, int timeout_ms);

#endif /* COWSTAT_TOP_SCREEN_H */
