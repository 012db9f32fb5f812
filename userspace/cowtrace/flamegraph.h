/* SPDX-License-Identifier: GPL-2.0 */
/* Draws stacks as a flame graph: an SVG file that needs no other file and no script. */
#ifndef COWSTAT_FLAMEGRAPH_H
#define COWSTAT_FLAMEGRAPH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a frame is, for its colour. */
enum flame_kind { FLAME_PROCESS, FLAME_USER, FLAME_MADE, FLAME_KERNEL, FLAME_MARK, FLAME_KINDS };

/**
 * struct flame_frame - a box to draw
 * @name: any text
 * @kind: its colour
 */
struct flame_frame {
	const char *name;
	enum flame_kind kind;
};

struct flamegraph;

struct flamegraph *flamegraph_new(void);
void flamegraph_add(struct flamegraph *graph, const struct flame_frame *frame, size_t nr,
		    uint64_t weight);
int flamegraph_write(struct flamegraph *graph, FILE *to, const char *title, const char *unit);
void flamegraph_free(struct flamegraph *graph);

#endif /* COWSTAT_FLAMEGRAPH_H */
