/* SPDX-License-Identifier: GPL-2.0 */
/* Names of users. */
#ifndef COWSTAT_USER_H
#define COWSTAT_USER_H

#include <stdint.h>

#include "format.h"

struct text user_name(uint64_t uid);
int user_find(const char *name, uint64_t *uid);

#endif /* COWSTAT_USER_H */
