/* SPDX-License-Identifier: GPL-2.0 */
/* Show the table: once, or again and again. */
#ifndef COWSTAT_CMD_TABLE_H
#define COWSTAT_CMD_TABLE_H

#include "arguments.h"

int cmd_table(struct arguments *a);

#endif /* COWSTAT_CMD_TABLE_H */
