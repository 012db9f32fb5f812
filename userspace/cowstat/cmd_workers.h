/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat workers: what the workers of a prefork server still share with their master. */
#ifndef COWSTAT_CMD_WORKERS_H
#define COWSTAT_CMD_WORKERS_H

int cmd_workers(int argc, char **argv);

#endif /* COWSTAT_CMD_WORKERS_H */
