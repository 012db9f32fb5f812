/* SPDX-License-Identifier: GPL-2.0 */
/* The table counted by BPF: `cowstat bpf load` and `cowstat bpf unload`. */
#ifndef COWSTAT_CMD_BPF_H
#define COWSTAT_CMD_BPF_H

int cmd_bpf(int argc, char **argv);

#endif /* COWSTAT_CMD_BPF_H */
