/* SPDX-License-Identifier: GPL-2.0 */
/* The workers of a server, as a screen or a document. */
#ifndef COWSTAT_VIEW_WORKERS_H
#define COWSTAT_VIEW_WORKERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "format.h"
#include "workers.h"

void view_workers(FILE *to, const struct workers *w);
json_t *json_workers(const struct workers *w);
struct text sparkline(const uint64_t *value, unsigned int nr, uint64_t most, bool utf8);

#endif /* COWSTAT_VIEW_WORKERS_H */
