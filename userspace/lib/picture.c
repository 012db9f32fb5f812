// SPDX-License-Identifier: GPL-2.0
/* Diagrams of measurements, drawn by gnuplot as SVG. */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format.h"
#include "picture.h"

/* Okabe and Ito's palette, which colour-blind people can distinguish; the marks differ too. */
static const struct {
	const char *colour;
	int mark;
} looks[MAX_CURVES] = {
	{ "#0072b2", 7 },  { "#d55e00", 5 },  { "#009e73", 9 },
	{ "#cc79a7", 13 }, { "#e69f00", 11 }, { "#555555", 6 },
};

/**
 * picture_curve() - add a curve without points
 * @p: the picture; it has fewer than MAX_CURVES curves
 * @title: title in the key
 * @style: plotting style of gnuplot, after "with"; NULL for lines and points
 *
 * Return: the curve.
 */
struct curve *picture_curve(struct picture *p, const char *title, const char *style)
{
	struct curve *c = &p->curve[p->nr++];

	c->title = title;
	c->style = style;
	return c;
}

/**
 * curve_add_bar() - add a point with an error bar
 * @c: the curve
 * @x: its x
 * @y: its y
 * @low: lower end of the bar
 * @high: upper end of the bar
 *
 * Ends the program if memory runs out.
 */
void curve_add_bar(struct curve *c, double x, double y, double low, double high)
{
	if (c->nr == c->room) {
		c->room = c->room ? 2 * c->room : 16;
		c->at = reallocarray(c->at, c->room, sizeof(*c->at));
		if (!c->at)
			err(EXIT_FAILURE, NULL);
	}
	c->bars |= low != high;
	c->at[c->nr++] = (struct place){ x, y, low, high };
}

/**
 * curve_add() - add a point
 * @c: the curve
 * @x: its x
 * @y: its y
 */
void curve_add(struct curve *c, double x, double y)
{
	curve_add_bar(c, x, y, y, y);
}

/**
 * picture_free() - free the memory that a picture holds
 * @p: empty afterwards
 */
void picture_free(struct picture *p)
{
	size_t i;

	for (i = 0; i < p->nr; i++)
		free(p->curve[i].at);
	memset(p, 0, sizeof(*p));
}

/* Write a quoted string for gnuplot. */
static void put_string(FILE *to, const char *s)
{
	putc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', to);
		putc(*s, to);
	}
	putc('"', to);
}

static void put_label(FILE *to, const char *what, const char *text)
{
	if (!text)
		return;
	fprintf(to, "set %s ", what);
	put_string(to, text);
	putc('\n', to);
}

/* The smallest and the largest x of all curves. */
static void x_bounds(const struct picture *p, double *low, double *high)
{
	const struct curve *c;
	size_t i;

	*low = INFINITY;
	*high = 1;
	for (c = p->curve; c < p->curve + p->nr; c++) {
		for (i = 0; i < c->nr; i++) {
			*low = fmin(*low, c->at[i].x);
			*high = fmax(*high, c->at[i].x);
		}
	}
	*low = fmax(1, fmin(*low, *high));
}

/* The smallest and the largest y of all curves on the left axis, error bars included. */
static void y_bounds(const struct picture *p, double *low, double *high)
{
	const struct curve *c;
	size_t i;

	*low = INFINITY;
	*high = 1;
	for (c = p->curve; c < p->curve + p->nr; c++) {
		for (i = 0; i < c->nr && !c->right; i++) {
			*low = fmin(*low, c->at[i].low);
			*high = fmax(*high, c->at[i].high);
		}
	}
	*low = fmax(1, fmin(*low, *high));
}

/* Whole decades, with a label at each power of ten from 1 ns to 100000 s. */
static void put_time_axis(FILE *to, const char *axis, const struct picture *p)
{
	static const char *const unit[] = { "ns", "µs", "ms", "s" };
	double low, high;
	int i, from, until;

	if (*axis == 'x')
		x_bounds(p, &low, &high);
	else
		y_bounds(p, &low, &high);
	from = floor(log10(low));
	until = ceil(log10(high));
	fprintf(to, "set logscale %s\nset %srange [1e%d:1e%d]\nset %stics (", axis, axis, from,
		until > from ? until : from + 1, axis);
	for (i = 0; i < 15; i++)
		fprintf(to, "%s\"%.0f %s\" 1e%d", i ? ", " : "", pow(10, i < 9 ? i % 3 : i - 9),
			unit[i < 9 ? i / 3 : 3], i);
	fputs(")\n", to);
}

/* A label at each point. */
static void put_size_axis(FILE *to, const char *axis, const struct picture *p)
{
	const struct curve *c = &p->curve[0];
	size_t i;

	/* A range slightly larger than the data: else rounding may hide the tics at the ends. */
	fprintf(to, "set logscale %s 2\nset %srange [%.10g:%.10g]\nset %stics (", axis, axis,
		c->at[0].x * 0.95, c->at[c->nr - 1].x * 1.05, axis);
	for (i = 0; i < c->nr; i++) {
		fputs(i ? ", " : "", to);
		put_string(to, format_size_short(c->at[i].x).s);
		fprintf(to, " %.0f", c->at[i].x);
	}
	fputs(")\n", to);
}

/* The names at 0, 1, 2 and so on. */
static void put_name_axis(FILE *to, const char *axis, const struct picture *p)
{
	size_t i;

	fprintf(to, "set %srange [-0.5:%zu.5]\nset %stics (", axis, p->nr_names - 1, axis);
	for (i = 0; i < p->nr_names; i++) {
		fputs(i ? ", " : "", to);
		put_string(to, p->names[i]);
		fprintf(to, " %zu", i);
	}
	fputs(")\nset boxwidth 0.8\nset style fill solid\n", to);
}

static void put_axis(FILE *to, const char *axis, enum axis_kind kind, const struct picture *p)
{
	if (kind == AXIS_LOG_TIME)
		put_time_axis(to, axis, p);
	else if (kind == AXIS_LOG_SIZE)
		put_size_axis(to, axis, p);
	else if (kind == AXIS_NAMES)
		put_name_axis(to, axis, p);
	else
		fprintf(to, "set %srange [0:%s\n", axis, *axis == 'x' ? "*] noextend" : "1<*]");
}

static void put_data(FILE *to, const struct curve *c, size_t number)
{
	size_t i;

	fprintf(to, "$c%zu << END\n", number);
	for (i = 0; i < c->nr; i++)
		fprintf(to, "%.10g %.10g %.10g %.10g\n", c->at[i].x, c->at[i].y, c->at[i].low,
			c->at[i].high);
	fputs("END\n", to);
}

static void put_script(FILE *to, const struct picture *p)
{
	const struct curve *c;
	size_t i;

	fputs("set terminal svg size 800,520 dynamic font 'sans-serif,15' background '#ffffff' noenhanced\n"
	      "set encoding utf8\nset border 3 lc '#444444'\nset tics nomirror\n"
	      "set grid lc '#dddddd' lw 1\nset lmargin 11\nset rmargin 4\nset bmargin 9\n"
	      "set key at screen 0.5, 0.18 center top Left reverse samplen 2 maxrows 3\n"
	      "set autoscale x noextend\n",
	      to);
	put_label(to, "title", p->title);
	put_label(to, "label 1", p->caption);
	fputs("set label 1 at screen 0.5, 0.025 center font ',12' textcolor rgb '#777777'\n", to);
	put_label(to, "xlabel", p->x_label);
	put_label(to, "ylabel", p->y_label);
	put_label(to, "y2label", p->right_label);
	put_axis(to, "x", p->x, p);
	put_axis(to, "y", p->y, p);
	if (p->right_label)
		fputs("set border 11\nset y2tics\nset y2range [0:100]\nset rmargin 9\n", to);
	for (i = 0; i < p->nr; i++)
		put_data(to, &p->curve[i], i);
	fputs("plot ", to);
	for (i = 0; i < p->nr; i++) {
		c = &p->curve[i];
		fprintf(to, "%s$c%zu using 1:2%s axes x1y%d with %s lc rgb '%s' lw 2 ",
			i ? ", " : "", i, c->bars ? ":3:4" : "", c->right ? 2 : 1,
			c->style ? c->style :
			c->bars	 ? "yerrorlines" :
				   "linespoints",
			looks[i].colour);
		if (!c->style)
			/* The first curve may be hidden below others: give it larger marks. */
			fprintf(to, "pt %d ps %s ", looks[i].mark, i ? "0.8" : "1.2");
		fputs("title ", to);
		put_string(to, c->title);
	}
	putc('\n', to);
}

/* Run gnuplot with this stdin and stdout. Return: its exit status, or -1. */
static int gnuplot(char *const *argv, int in, int out)
{
	posix_spawn_file_actions_t files;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	errno = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (errno)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int memory_file(void)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);

	if (fd < 0)
		err(EXIT_FAILURE, "cannot make a file in memory");
	return fd;
}

/* Read a whole file into a string. */
static char *contents(int fd)
{
	struct stat st;
	char *text;

	if (fstat(fd, &st))
		err(EXIT_FAILURE, "cannot read a picture");
	text = calloc(1, st.st_size + 1);
	if (!text)
		err(EXIT_FAILURE, NULL);
	if (pread(fd, text, st.st_size, 0) != st.st_size)
		err(EXIT_FAILURE, "cannot read a picture");
	return text;
}

/**
 * can_draw() - check that gnuplot runs
 *
 * Return: true if it does; if not, a message has been printed on stderr.
 */
bool can_draw(void)
{
	int fd = memory_file();
	bool good = !gnuplot((char *[]){ "gnuplot", "--version", NULL }, fd, fd);

	close(fd);
	if (!good)
		warnx("cannot run gnuplot, which draws the pictures. Try: sudo apt-get install gnuplot-nox");
	return good;
}

/**
 * picture_draw() - draw a picture
 * @p: the picture
 *
 * Ends the program on any error.
 *
 * Return: the SVG document, to be freed.
 */
char *picture_draw(const struct picture *p)
{
	int in = memory_file(), out = memory_file();
	FILE *script = fdopen(dup(in), "w");
	char *svg;

	if (!script)
		err(EXIT_FAILURE, "cannot write to gnuplot");
	put_script(script, p);
	if (fclose(script) || lseek(in, 0, SEEK_SET))
		err(EXIT_FAILURE, "cannot write to gnuplot");
	/* -d: ignore ~/.gnuplot, so that pictures look the same everywhere. */
	if (gnuplot((char *[]){ "gnuplot", "-d", "-", NULL }, in, out))
		errx(EXIT_FAILURE, "gnuplot could not draw %s", p->file);
	svg = contents(out);
	if (!strstr(svg, "</svg>"))
		errx(EXIT_FAILURE, "gnuplot drew nothing for %s", p->file);
	close(in);
	close(out);
	return svg;
}

/**
 * picture_save() - draw a picture into a file
 * @p: the picture; its memory is freed
 * @path: the file
 *
 * Ends the program on any error.
 */
void picture_save(struct picture *p, const char *path)
{
	char *svg = picture_draw(p);
	FILE *f = fopen(path, "we");

	if (!f || fputs(svg, f) < 0 || fclose(f))
		err(EXIT_FAILURE, "cannot write %s", path);
	free(svg);
	picture_free(p);
}
