/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_PROC_H
#define COWSTAT_PROC_H

#include <linux/types.h>

int proc_init(void);
void proc_exit(void);

#endif /* COWSTAT_PROC_H */
