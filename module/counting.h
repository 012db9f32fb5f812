/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_COUNTING_H
#define COWSTAT_COUNTING_H

#include <linux/jump_label.h>
#include <linux/types.h>

DECLARE_STATIC_KEY_FALSE(counting_key);

/**
 * counting_is_steady() - is counting on, and not being switched on or off?
 *
 * While this is true every event counts. Otherwise the slow half of a callback asks
 * counting_entry(), counting_commit() or counting_event(). The test is a NOP while counting
 * is on.
 *
 * Context: any.
 * Return: true if it is.
 */
static __always_inline bool counting_is_steady(void)
{
	return static_branch_likely(&counting_key);
}

bool counting_entry(void);
bool counting_commit(void);
bool counting_event(void);

void counting_start(void);
void counting_stop(void);

#endif /* COWSTAT_COUNTING_H */
