/* SPDX-License-Identifier: GPL-2.0 */
/* Run all scenarios at several sizes, and make one page with pictures. */
#ifndef COWSTAT_REPORT_H
#define COWSTAT_REPORT_H

#include "result.h"

/**
 * struct report_output - files that a report is written to
 * @page: the HTML file
 * @pictures: folder for the pictures as SVG files, or NULL
 */
struct report_output {
	const char *page;
	const char *pictures;
};

int report_make(const struct report_output *to, const struct bench_options *o, const uint64_t *size,
		size_t nr_sizes, const struct machine *m);

#endif /* COWSTAT_REPORT_H */
