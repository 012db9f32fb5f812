// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "flamegraph.h"
#include "format.h"
#include "names.h"

/* In pixels. */
#define WIDTH		1200
#define MARGIN		10
#define ROW		17
#define HEAD		48
#define FOOT		34
#define LETTER		6.7	/* width of a letter of the font */
#define NARROWEST	2.0	/* a box that is narrower is left out */

/**
 * struct box - a function, called by those below it
 * @name: its name
 * @kind: its colour
 * @weight: of all stacks through it
 * @first: of the functions that it calls
 * @next: called by the same function
 */
struct box {
	char *name;
	enum flame_kind kind;
	uint64_t weight;
	struct box *first;
	struct box *next;
};

/**
 * struct flamegraph - a graph
 * @all: the box of all stacks, which is not drawn
 * @has: there are frames of these kinds
 */
struct flamegraph {
	struct box all;
	bool has[FLAME_KINDS];
};

/* What colours mean. Those of a kind differ a little, so that neighbours can be told apart. */
static const struct {
	const char *what;
	int hue, saturation, light, varies;
} kinds[FLAME_KINDS] = {
	[FLAME_PROCESS] = { "thread", 220, 14, 78, 0 },
	[FLAME_USER] = { "program and libraries", 32, 88, 66, 18 },
	[FLAME_MADE] = { "made at run time: JIT, interpreter", 110, 48, 66, 16 },
	[FLAME_KERNEL] = { "kernel", 200, 62, 72, 12 },
	[FLAME_MARK] = { "not known", 0, 0, 82, 0 },
};

/**
 * flamegraph_new() - begin with no stacks
 *
 * Return: to be freed with flamegraph_free(). Ends the program if memory runs out.
 */
struct flamegraph *flamegraph_new(void)
{
	struct flamegraph *graph = calloc(1, sizeof(*graph));

	if (!graph)
		err(EXIT_FAILURE, NULL);
	return graph;
}

static struct box *child_of(struct box *parent, const struct flame_frame *frame)
{
	struct box **at, *box;

	for (at = &parent->first; *at; at = &(*at)->next) {
		if ((*at)->kind != frame->kind || strcmp((*at)->name, frame->name))
			continue;
		/* to the front: the next stack is often the same */
		box = *at;
		*at = box->next;
		box->next = parent->first;
		parent->first = box;
		return box;
	}
	box = calloc(1, sizeof(*box));
	if (box)
		box->name = strdup(frame->name);
	if (!box || !box->name)
		err(EXIT_FAILURE, NULL);
	box->kind = frame->kind;
	box->next = parent->first;
	parent->first = box;
	return box;
}

/**
 * flamegraph_add() - add a stack
 * @graph: the graph
 * @frame: its frames, the outermost first
 * @nr: how many
 * @weight: how wide it is
 */
void flamegraph_add(struct flamegraph *graph, const struct flame_frame *frame, size_t nr,
		    uint64_t weight)
{
	struct box *box = &graph->all;

	if (!weight)
		return;
	box->weight += weight;
	for (size_t i = 0; i < nr; i++) {
		box = child_of(box, &frame[i]);
		box->weight += weight;
		graph->has[frame[i].kind] = true;
	}
}

/* Text for XML: escaped, and without bytes that it may not have. */
static void put_text(FILE *to, const char *text, size_t len)
{
	for (; *text && len; text++, len--) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc(*text < ' ' || *text > '~' ? '?' : *text, to);
		}
	}
}

static int by_weight(const void *a, const void *b)
{
	const struct box *x = *(struct box *const *)a, *y = *(struct box *const *)b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t sorted_children(const struct box *parent, struct box ***list)
{
	struct box *box;
	size_t nr = 0;

	*list = NULL;
	for (box = parent->first; box; box = box->next) {
		*list = grown(*list, nr, sizeof(box));
		(*list)[nr++] = box;
	}
	if (nr)
		qsort(*list, nr, sizeof(box), by_weight);
	return nr;
}

static unsigned int hash_of(const char *name)
{
	unsigned int hash = 5381;

	for (; *name; name++)
		hash = hash * 33 ^ (unsigned char)*name;
	return hash;
}

/* What is drawn: where to, and what a unit of weight is. */
struct drawing {
	FILE *to;
	const char *unit;
	double scale;
	uint64_t all;
	size_t rows;
};

static void draw(const struct drawing *d, const struct box *box, double x, size_t row)
{
	double width = box->weight * d->scale, y = HEAD + (d->rows - 1 - row) * ROW;
	unsigned int hash = hash_of(box->name);
	size_t fits = width > 6 ? (size_t)((width - 6) / LETTER) : 0, len = strlen(box->name);
	int hue = kinds[box->kind].hue, light = kinds[box->kind].light;

	if (kinds[box->kind].varies) {
		hue += (int)(hash % kinds[box->kind].varies) - kinds[box->kind].varies / 2;
		light += hash / 64 % 9 - 4;
	}
	fputs("<g><title>", d->to);
	put_text(d->to, box->name, len);
	fprintf(d->to, ": %s %s, %s</title>", format_number(box->weight).s, d->unit,
		format_percent((int64_t)box->weight, d->all).s);
	fprintf(d->to,
		"<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" rx=\"1\" fill=\"hsl(%d,%d%%,%d%%)\"/>",
		x, y, width > 0.6 ? width - 0.4 : width, ROW - 1, hue, kinds[box->kind].saturation,
		light);
	if (fits >= 3) {
		fprintf(d->to, "<text x=\"%.1f\" y=\"%.0f\">", x + 3, y + ROW - 5);
		put_text(d->to, box->name, len > fits ? fits - 2 : len);
		fprintf(d->to, "%s</text>", len > fits ? ".." : "");
	}
	fputs("</g>\n", d->to);
}

static void draw_children(const struct drawing *d, const struct box *parent, double x, size_t row)
{
	struct box **list;
	size_t nr = sorted_children(parent, &list);

	for (size_t i = 0; i < nr; i++) {
		if (list[i]->weight * d->scale < NARROWEST)
			break;
		draw(d, list[i], x, row);
		draw_children(d, list[i], x, row + 1);
		x += list[i]->weight * d->scale;
	}
	free(list);
}

/* How many rows have a box that is wide enough to be drawn. */
static size_t rows_of(const struct box *parent, double scale)
{
	size_t rows = 0, n;

	for (const struct box *box = parent->first; box; box = box->next) {
		if (box->weight * scale < NARROWEST)
			continue;
		n = 1 + rows_of(box, scale);
		if (n > rows)
			rows = n;
	}
	return rows;
}

static void draw_legend(FILE *to, const bool *has, double y)
{
	double x = MARGIN;

	for (int kind = 0; kind < FLAME_KINDS; kind++) {
		if (!has[kind])
			continue;
		fprintf(to,
			"<rect x=\"%.0f\" y=\"%.0f\" width=\"12\" height=\"12\" fill=\"hsl(%d,%d%%,%d%%)\"/>",
			x, y, kinds[kind].hue, kinds[kind].saturation, kinds[kind].light);
		fprintf(to, "<text x=\"%.0f\" y=\"%.0f\">%s</text>\n", x + 17, y + 10,
			kinds[kind].what);
		x += 40 + strlen(kinds[kind].what) * LETTER;
	}
}

/**
 * flamegraph_write() - write the picture
 * @graph: the graph
 * @to: where
 * @title: what it shows
 * @unit: what weights count, for example "pages"
 *
 * The callers are below. The widest box is on the left. Boxes too narrow to be seen are left out.
 *
 * Return: 0, or -1 when it could not be written.
 */
int flamegraph_write(struct flamegraph *graph, FILE *to, const char *title, const char *unit)
{
	struct drawing d = { .to = to, .unit = unit, .all = graph->all.weight };
	int height;

	d.scale = d.all ? (WIDTH - 2.0 * MARGIN) / (double)d.all : 0;
	d.rows = rows_of(&graph->all, d.scale);
	height = HEAD + (int)d.rows * ROW + FOOT;
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans Mono, Liberation Mono, monospace\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height);
	fprintf(to, "<text x=\"%d\" y=\"20\" font-size=\"15\">", MARGIN);
	put_text(to, title, strlen(title));
	fprintf(to, "</text>\n<text x=\"%d\" y=\"37\" fill=\"#555555\">%s %s", MARGIN,
		format_number(d.all).s, unit);
	fputs("; a box is as wide as its share; callers are below</text>\n", to);
	draw_children(&d, &graph->all, MARGIN, 0);
	draw_legend(to, graph->has, height - FOOT + 12);
	fputs("</svg>\n", to);
	return fflush(to) || ferror(to) ? -1 : 0;
}

static void free_children(struct box *parent)
{
	struct box *box, *next;

	for (box = parent->first; box; box = next) {
		next = box->next;
		free_children(box);
		free(box->name);
		free(box);
	}
}

/**
 * flamegraph_free() - free a graph
 * @graph: from flamegraph_new(), or NULL
 */
void flamegraph_free(struct flamegraph *graph)
{
	if (graph)
		free_children(&graph->all);
	free(graph);
}
