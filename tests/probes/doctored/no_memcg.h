/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel without CONFIG_MEMCG: an mm does not know its owner. */
#undef CONFIG_MEMCG
