/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fits a family of programs to a curve, and says what they write in another time. Only growth.c
 * uses it.
 */
#ifndef COWSTAT_GROWTH_FIT_H
#define COWSTAT_GROWTH_FIT_H

#include "growth.h"

struct growth_fit *growth_fit_make(const struct growth *g);
struct estimate growth_fit_at(const struct growth_fit *fit, double seconds, double *deviation);

#endif /* COWSTAT_GROWTH_FIT_H */
