/* SPDX-License-Identifier: GPL-2.0 */
/* In which of the two formats a scrape wants its metrics. */
#ifndef COWSTAT_ACCEPT_H
#define COWSTAT_ACCEPT_H

#include "openmetrics.h"

enum metrics_format accept_format(const char *accept);
const char *accept_content_type(enum metrics_format format);

#endif /* COWSTAT_ACCEPT_H */
