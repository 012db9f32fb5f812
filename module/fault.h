/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_FAULT_H
#define COWSTAT_FAULT_H

struct hook;

/* The hooks of fault.c and fork.c, in the order of arming. Most share clear_flush's ops. */
extern struct hook *const fault_hooks[];
extern struct hook clear_flush;

unsigned long fault_init(void);
unsigned long fault_entry(void);

#endif /* COWSTAT_FAULT_H */
