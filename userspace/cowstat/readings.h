/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What cowstat serves: the last reading of the table, sums and points of earlier ones. However
 * many ask for it, the table is read once a second at most.
 */
#ifndef COWSTAT_READINGS_H
#define COWSTAT_READINGS_H

#include "textfile.h"

#define READING_MIN_NS		1000000000ULL	/* no reading is made when the last is younger */
#define READING_MAX_NS		10000000000ULL	/* one is made when nobody asks for so long */
#define READINGS_POINTS		1024		/* at one a second: 17 minutes */
#define READINGS_TOP		10

/* What a point has, in the order of /live.json: the totals then. */
#define POINT_FIGURES(P)			\
	P(COPIED_BYTES) P(WP_FAULTS)		\
	P(FORKS) P(VFORKS) P(FORK_NS)		\
	P(COPY_NS) P(SHOOTDOWN_NS) P(REUSE_NS)	\
	P(BIRTH_PGTABLES_BYTES)

#define POINT_ENUM(COLUMN)	POINT_##COLUMN,
enum point_figure { POINT_FIGURES(POINT_ENUM) POINT_NR };

/**
 * struct point - the totals at a time
 * @at_ns: when, CLOCK_MONOTONIC
 * @gap: counting began anew since the point before it
 * @known: by figure
 * @value: by figure
 * @slowest_ns: the slowest fork since the point before it
 */
struct point {
	uint64_t at_ns;
	bool gap;
	bool known[POINT_NR];
	uint64_t value[POINT_NR];
	uint64_t slowest_ns;
};

/**
 * struct busy - a process that copied much between the last two readings
 * @row: its differences
 * @total: its counts
 * @cgroup: path of its cgroup, for people; "" when not known
 */
struct busy {
	struct cow_row row;
	struct cow_row total;
	char cgroup[128];
};

/**
 * struct readings - what is kept from one reading to the next
 * @source: the word of --source
 * @table: path of the table
 * @text: the last reading, and sums; valid once @begun
 * @latency: memory of @text.latency
 * @begun: the table was read once
 * @at_ns: when it was last read, or could not be read, CLOCK_MONOTONIC
 * @took_ns: how long that took
 * @why: why it could not be read; "" when it could
 * @point: a ring
 * @nr_points: how many there have been
 * @busy: those that copied most come first
 * @nr_busy: how many
 * @span_ns: their differences are over that long
 * @generation: grows with every reading
 */
struct readings {
	const char *source;
	const char *table;
	struct textfile text;
	struct latency latency;
	bool begun;
	uint64_t at_ns;
	uint64_t took_ns;
	char why[512];
	struct point point[READINGS_POINTS];
	uint64_t nr_points;
	struct busy busy[READINGS_TOP];
	size_t nr_busy;
	uint64_t span_ns;
	uint64_t generation;
};

void readings_init(struct readings *r, const char *source);
void readings_free(struct readings *r);
bool readings_refresh(struct readings *r, uint64_t now, uint64_t max_age_ns);
void readings_metrics(struct readings *r, const struct metrics *m);
int readings_live(const struct readings *r, uint64_t since_ns, FILE *to);

#endif /* COWSTAT_READINGS_H */
