// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callers.h"
#include "images.h"
#include "spaces.h"
#include "unwind.h"

struct callers {
	struct images *images;
	struct spaces *spaces;
	struct unwinder *unwinder;
	uint64_t address[UNWIND_DEPTH];
};

/**
 * callers_new() - prepare to find callers
 *
 * Return: to be freed with callers_free(); NULL if memory runs out.
 */
struct callers *callers_new(void)
{
	struct callers *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->images = images_new();
	c->spaces = spaces_new(c->images);
	c->unwinder = unwinder_new(c->spaces);
	return c;
}

/**
 * callers_free() - free all that is kept
 * @c: from callers_new(), or NULL
 */
void callers_free(struct callers *c)
{
	if (!c)
		return;
	unwinder_free(c->unwinder);
	spaces_free(c->spaces);
	images_free(c->images);
	free(c);
}

/**
 * callers_load_again() - read processes again that had more stacks since they were read
 * @c: from callers_new()
 */
void callers_load_again(struct callers *c)
{
	spaces_load_again(c->spaces);
}

/* A function without a known name is called FILE+0xOFFSET. */
static bool has_name(const char *name, const char *object)
{
	size_t len = strlen(object);

	return strncmp(name, object, len) || strncmp(name + len, "+0x", 3);
}

/* Add the function at an address, and those that it is inlined into. Return their number. */
static size_t add_frames(const struct code_place *place, uint64_t address, bool is_return,
			 struct caller_frame *frame, size_t room)
{
	const char *object = place->image ? image_name(place->image) : "";
	const struct code_frame *code;
	size_t i, nr = 1;

	if (place->image)
		nr = image_frames(place->image, place->offset, is_return, &code);
	for (i = 0; i < nr && i < room; i++) {
		frame[i] = (struct caller_frame){
			.address = address,
			.offset = place->image ? place->offset : 0,
		};
		snprintf(frame[i].object, sizeof(frame[i].object), "%s", object);
		if (place->image && has_name(code[i].name, object))
			snprintf(frame[i].function, sizeof(frame[i].function), "%s", code[i].name);
		else if (place->made)
			snprintf(frame[i].function, sizeof(frame[i].function), "%s", place->made);
	}
	return i;
}

/**
 * callers_find() - find the functions on a user stack
 * @c: from callers_new()
 * @sample: registers and stack of a process that still lives
 * @frame: result, the innermost first: MAX_CALLERS of them
 *
 * Unwinding ends where the copy of the stack ends, and in code without unwind tables.
 *
 * Return: how many frames were found; 0 if the process has exited.
 */
size_t callers_find(struct callers *c, const struct cow_sample *sample, struct caller_frame *frame)
{
	const struct cow_stack_key *key = &sample->new_stack.key;
	const struct space_id id = {
		.pid = key->pid,
		.start_stack = key->start_stack,
		.end_code = key->end_code,
	};
	struct code_place place;
	size_t i, nr, n = 0;
	bool complete;

	if (!sample->reg[COW_RIP])
		return 0;
	spaces_load(c->spaces, &id, sample->new_stack.parent);
	if (spaces_find(c->spaces, &id, sample->reg[COW_RIP], UINT64_MAX, &place) == CODE_UNKNOWN)
		return 0;
	nr = unwind(c->unwinder, &id, sample, c->address, &complete);
	for (i = 0; i < nr && n < MAX_CALLERS; i++) {
		spaces_find(c->spaces, &id, c->address[i], UINT64_MAX, &place);
		n += add_frames(&place, c->address[i], i, frame + n, MAX_CALLERS - n);
	}
	return n;
}
