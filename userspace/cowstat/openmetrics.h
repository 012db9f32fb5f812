/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics for Prometheus, in either of its two text formats: OpenMetrics 1.0, which a
 * scrape may ask for, and the older one (0.0.4), which node_exporter's textfile collector
 * and promtool read. They differ in how a counter's family is called, and in an end mark.
 */
#ifndef COWSTAT_OPENMETRICS_H
#define COWSTAT_OPENMETRICS_H

#include <stdio.h>

#include "latency.h"
#include "table_reader.h"

enum metrics_format {
	METRICS_OPENMETRICS,
	METRICS_TEXT,
};

/**
 * struct metrics - where metrics are printed
 * @to: the stream
 * @format: in which format
 */
struct metrics {
	FILE *to;
	enum metrics_format format;
};

/**
 * struct metrics_label - a label of a sample
 * @name: ASCII
 * @value: may be any bytes
 */
struct metrics_label {
	const char *name;
	const char *value;
};

void metrics_family(const struct metrics *m, const char *name, const char *type, const char *unit,
		    const char *help);
void metrics_sample(const struct metrics *m, const char *name, const char *type, const char *label,
		    const char *label_value, const char *value);
void metrics_labels(const struct metrics *m, const char *name, const char *type,
		    const struct metrics_label *label, size_t nr, const char *value);
void metrics_count(const struct metrics *m, const char *name, const char *label,
		   const char *label_value, uint64_t value);
void metrics_table(const struct metrics *m, const struct cow_table *t,
		   const struct latency *latency);
bool metrics_armed(const struct cow_table *t, const char *hook);
void metrics_end(const struct metrics *m);

#endif /* COWSTAT_OPENMETRICS_H */
