/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The HTTP server of `cowstat serve`. One thread does it all, so that nothing is locked, except
 * what takes long: other threads compute passwords (guard.h) and print tables (maker.h). A reply is a buffer in memory that is made once and
 * shared by all who ask for it within a second: a slow reader holds a buffer, and nobody up.
 */
#ifndef COWSTAT_SERVER_H
#define COWSTAT_SERVER_H

#include "guard.h"
#include "listening.h"
#include "readings.h"
#include "web_config.h"

struct server;

struct server *server_start(const struct listening *listening, const struct web_config *config,
			    struct readings *readings, char *why, size_t len);
void server_run(struct server *server, int stop_fd);
void server_free(struct server *server);

#endif /* COWSTAT_SERVER_H */
