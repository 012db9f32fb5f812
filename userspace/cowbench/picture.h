/* SPDX-License-Identifier: GPL-2.0 */
/* Pictures of measurements, drawn by gnuplot as SVG. */
#ifndef COWSTAT_PICTURE_H
#define COWSTAT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_CURVES	6

/**
 * struct curve - one line of a picture
 * @title: in the key
 * @style: gnuplot's, after "with"; NULL for lines and points
 * @right: belongs to the right axis
 * @at: the points: where, how much, and from where to where its bar goes
 * @bars: there are bars
 * @nr: points
 * @room: points there is room for
 */
struct curve {
	const char *title;
	const char *style;
	bool right;
	bool bars;
	struct place {
		double x, y, low, high;
	} *at;
	size_t nr;
	size_t room;
};

/* What stands at the tics of an axis. */
enum axis_kind {
	AXIS_LINEAR,		/* numbers */
	AXIS_LOG_TIME,		/* nanoseconds as "10 ms" */
	AXIS_LOG_SIZE,		/* bytes, at the places where there are points, as "64 MiB" */
};

/**
 * struct picture - what is to be drawn; all zero is an empty one
 * @file: its name, without ".svg"
 * @title: what it shows
 * @caption: where that was measured, below everything
 * @x_label: of the axis below
 * @y_label: of the axis on the left
 * @right_label: of the axis on the right, of percents, if there is one
 * @x: kind of the axis below
 * @y: kind of the axis on the left
 * @curve: the lines
 * @nr: how many
 */
struct picture {
	const char *file;
	const char *title;
	const char *caption;
	const char *x_label;
	const char *y_label;
	const char *right_label;
	enum axis_kind x;
	enum axis_kind y;
	struct curve curve[MAX_CURVES];
	size_t nr;
};

struct curve *picture_curve(struct picture *p, const char *title, const char *style);
void curve_add(struct curve *c, double x, double y);
void curve_add_bar(struct curve *c, double x, double y, double low, double high);
char *picture_draw(const struct picture *p);
void picture_free(struct picture *p);
bool can_draw(void);

#endif /* COWSTAT_PICTURE_H */
