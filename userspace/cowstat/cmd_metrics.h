/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics for Prometheus: print them once, or keep a file of them. */
#ifndef COWSTAT_CMD_METRICS_H
#define COWSTAT_CMD_METRICS_H

#include "arguments.h"

int cmd_openmetrics(const struct arguments *a);
int cmd_textfile(const struct arguments *a);

#endif /* COWSTAT_CMD_METRICS_H */
