/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_FORK_H
#define COWSTAT_FORK_H

#include <linux/types.h>

struct hook;

extern struct hook fork_entry;

int fork_resolve(void);
int fork_arm(void);
void fork_disarm(void);
unsigned long fork_mask(void);
unsigned long fork_probed(void);
u64 fork_missed(void);
void fork_copied(void);

#endif /* COWSTAT_FORK_H */
