/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The callers of user code, found with the unwind tables (.eh_frame) of its program and libraries.
 * So no frame pointers are needed.
 */
#ifndef COWSTAT_CALLERS_H
#define COWSTAT_CALLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
void callers_free(struct callers *u);
size_t callers_find(struct callers *u, pid_t pid, const struct cow_user_regs *regs,
		    const unsigned char *stack, size_t bytes, struct caller_frame *frame);

#endif /* COWSTAT_CALLERS_H */
