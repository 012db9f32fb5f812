/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Against DNS rebinding: a page of a foreign name may make that name resolve to 127.0.0.1, so that
 * the browser on this machine takes our replies for those of the foreign server, and the page
 * reads them. The request tells: the browser writes the foreign name into Host.
 */
#ifndef COWSTAT_HOST_H
#define COWSTAT_HOST_H

#include <stdbool.h>

bool host_is_ours(const char *host, const char *where, const char *given);

#endif /* COWSTAT_HOST_H */
