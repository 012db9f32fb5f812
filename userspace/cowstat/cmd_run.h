/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat -- COMMAND: run it and tell what its whole process tree cost. */
#ifndef COWSTAT_CMD_RUN_H
#define COWSTAT_CMD_RUN_H

#include <stdbool.h>

#define EXIT_NOT_RUN	125	/* cowstat itself failed, before the command ran */

int cmd_run(const char *table, char *const *argv, const char *output, bool json,
	    bool amplification);

#endif /* COWSTAT_CMD_RUN_H */
