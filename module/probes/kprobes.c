// SPDX-License-Identifier: GPL-2.0
/* Has the kernel kprobes (CONFIG_KPROBES)? The headers declare them in any case. */
#include <linux/kprobes.h>

#ifndef CONFIG_KPROBES
#error "no"
#endif
