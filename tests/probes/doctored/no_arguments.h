/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel whose ftrace saves no arguments. */
#undef CONFIG_HAVE_DYNAMIC_FTRACE_WITH_ARGS
