/* SPDX-License-Identifier: GPL-2.0 */
/* The table counted by BPF: `cowstat bpf load` and `cowstat bpf unload`. */
#ifndef COWSTAT_BPF_TABLE_H
#define COWSTAT_BPF_TABLE_H

int bpf_table_main(int argc, char **argv);

#endif /* COWSTAT_BPF_TABLE_H */
