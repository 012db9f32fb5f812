/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address spaces of processes: which code is at an address. A process may exit, run another
 * program, or unmap a file before its stacks are printed. So what it maps is read while it lives
 * and kept.
 */
#ifndef COWSTAT_SPACES_H
#define COWSTAT_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images.h"

struct space;
struct spaces;

/**
 * struct space_id - names a program that a process runs
 * @pid: the process
 * @start_stack: of its address space, as in struct cow_stack_key
 * @end_code: the same
 *
 * Processes that were forked from one another, without an exec, differ only in @pid.
 */
struct space_id {
	pid_t pid;
	uint64_t start_stack;
	uint64_t end_code;
};

/**
 * struct code_place - what is at an address
 * @image: the file with the code; NULL for other code
 * @offset: in @image
 * @made: name of a function that the program made as it ran, or NULL
 * @label: the kernel's name of the mapping, such as [vdso]; "" if it has none
 */
struct code_place {
	struct image *image;
	uint64_t offset;
	const char *made;
	const char *label;
};

/**
 * enum code_kind - is there code at an address?
 * @CODE_UNKNOWN: the mappings of the process are not known
 * @CODE_NONE: no
 * @CODE_HERE: yes
 */
enum code_kind {
	CODE_UNKNOWN,
	CODE_NONE,
	CODE_HERE,
};

typedef void (*space_visit_fn)(uint64_t start, uint64_t offset, struct image *image, void *arg);

struct spaces *spaces_new(struct images *images);
void spaces_free(struct spaces *spaces);
void spaces_load(struct spaces *spaces, const struct space_id *id, pid_t parent);
void spaces_load_again(struct spaces *spaces);
void spaces_finish(struct spaces *spaces);
enum code_kind spaces_find(struct spaces *spaces, const struct space_id *id, uint64_t address,
			   uint64_t when_ns, struct code_place *place);
uint64_t spaces_each_image(struct spaces *spaces, const struct space_id *id, space_visit_fn visit,
			   void *arg);
int spaces_open(struct spaces *spaces, const struct space_id *id, const char *path);

#endif /* COWSTAT_SPACES_H */
