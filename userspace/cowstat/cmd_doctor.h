/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat doctor: is what is counted there, armed, and right? */
#ifndef COWSTAT_CMD_DOCTOR_H
#define COWSTAT_CMD_DOCTOR_H

#include <stdbool.h>

bool doctor(const char *table);
bool doctor_load(const char *table);

#endif /* COWSTAT_CMD_DOCTOR_H */
