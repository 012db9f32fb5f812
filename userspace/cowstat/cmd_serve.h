/* SPDX-License-Identifier: GPL-2.0 */
/* `cowstat serve`: metrics, the table and a live page over HTTP. */
#ifndef COWSTAT_CMD_SERVE_H
#define COWSTAT_CMD_SERVE_H

int cmd_serve(int argc, char **argv);

#endif /* COWSTAT_CMD_SERVE_H */
