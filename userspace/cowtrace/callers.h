/* SPDX-License-Identifier: GPL-2.0 */
/* The functions on a user stack of which a BPF program took a copy. */
#ifndef COWSTAT_CALLERS_H
#define COWSTAT_CALLERS_H

#include <stddef.h>
#include <stdint.h>

#include "cow.h"

#define MAX_CALLERS	64

/**
 * struct caller_frame - a function on a user stack
 * @address: the address of the instruction that it executes
 * @offset: the same in its file; 0 if it is in none
 * @function: its name; "" if it is not known
 * @object: the name of the program or library; "" if it is in none
 */
struct caller_frame {
	uint64_t address;
	uint64_t offset;
	char function[80];
	char object[48];
};

struct callers;

struct callers *callers_new(void);
void callers_free(struct callers *c);
void callers_load_again(struct callers *c);
size_t callers_find(struct callers *c, const struct cow_sample *sample, struct caller_frame *frame);

#endif /* COWSTAT_CALLERS_H */
