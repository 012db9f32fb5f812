/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel without kprobes. */
#undef CONFIG_KPROBES
