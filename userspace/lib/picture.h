/* SPDX-License-Identifier: GPL-2.0 */
/* Diagrams of measurements, drawn by gnuplot as SVG. */
#ifndef COWSTAT_PICTURE_H
#define COWSTAT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_CURVES	6

/**
 * struct curve - one curve of a picture
 * @title: its title in the key
 * @style: plotting style of gnuplot, after "with"; NULL for lines and points
 * @right: it belongs to the right axis
 * @bars: it has error bars
 * @at: the points, each with the ends of its error bar
 * @nr: number of points
 * @room: number of points that fit into the allocated memory
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

/* Scale of an axis, and the labels at its tics. */
enum axis_kind {
	AXIS_LINEAR,   /* linear, labelled with numbers */
	AXIS_LOG_TIME, /* nanoseconds, labelled like "10 ms" */
	AXIS_LOG_SIZE, /* bytes, labelled like "64 MiB" at each point */
	AXIS_NAMES,    /* of x only: words, for bars: style "boxes" */
};

/**
 * struct picture - a picture to be drawn; all zero is an empty one
 * @file: name of its file, without ".svg"
 * @title: its title
 * @caption: text below it: the machine that was measured
 * @x_label: label of the x axis
 * @y_label: label of the left y axis
 * @right_label: label of the right y axis, in percent, or NULL if there is none
 * @x: kind of the x axis
 * @y: kind of the left y axis
 * @names: of AXIS_NAMES: the words at 0, 1, 2 and so on
 * @nr_names: how many
 * @curve: the curves
 * @nr: number of curves
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
	const char *const *names;
	size_t nr_names;
	struct curve curve[MAX_CURVES];
	size_t nr;
};

struct curve *picture_curve(struct picture *p, const char *title, const char *style);
void curve_add(struct curve *c, double x, double y);
void curve_add_bar(struct curve *c, double x, double y, double low, double high);
char *picture_draw(const struct picture *p);
void picture_save(struct picture *p, const char *path);
void picture_free(struct picture *p);
bool can_draw(void);

#endif /* COWSTAT_PICTURE_H */
