/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_FAULT_H
#define COWSTAT_FAULT_H

struct hook;

extern struct hook *const fault_hooks[];

unsigned long fault_init(void);
unsigned long fault_entry(void);

#endif /* COWSTAT_FAULT_H */
