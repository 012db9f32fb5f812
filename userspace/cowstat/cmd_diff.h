/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat diff: how many bytes differ in the pages that were copied since a fork. */
#ifndef COWSTAT_CMD_DIFF_H
#define COWSTAT_CMD_DIFF_H

int cmd_diff(int argc, char **argv);

#endif /* COWSTAT_CMD_DIFF_H */
