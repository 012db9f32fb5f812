/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat top: a live screen. */
#ifndef COWSTAT_CMD_TOP_H
#define COWSTAT_CMD_TOP_H

#include "arguments.h"

int cmd_top(struct arguments *a);

#endif /* COWSTAT_CMD_TOP_H */
