// SPDX-License-Identifier: GPL-2.0
#include "page.h"

/* The path begins at the top of the source, where the compiler is started. */
__asm__(".pushsection .rodata\n"
	".global page_html, page_html_end\n"
	"page_html:\n"
	".incbin \"userspace/cowstat/page.html\"\n"
	"page_html_end:\n"
	".byte 0\n"
	".popsection\n");
