/* SPDX-License-Identifier: GPL-2.0 */
/* The live page: page.html, as it is in the source. It is one file and loads nothing else. */
#ifndef COWSTAT_PAGE_H
#define COWSTAT_PAGE_H

extern const char page_html[], page_html_end[];

#endif /* COWSTAT_PAGE_H */
