/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds functions and variables of the kernel in /proc/kallsyms, and in the text of a function the
 * only call of another one.
 */
#ifndef COWSTAT_KERNEL_TEXT_H
#define COWSTAT_KERNEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cow.h"

struct kernel_text;

/**
 * struct call_site - the place behind a call, where the arguments of the next call are loaded
 * @offset: of this place, from the beginning of the function
 * @base: a register, by its number in x86 instructions
 * @in_memory: the VMA is not in @base, but in memory, at @displacement from there
 * @displacement: in bytes
 */
struct call_site {
	size_t offset;
	int base;
	bool in_memory;
	int displacement;
};

struct kernel_text *kernel_text_read(void);
void kernel_text_free(struct kernel_text *text);
bool kernel_text_has(const struct kernel_text *text, const char *name);
bool kernel_text_function(const struct kernel_text *text, const char *name, struct cow_range *to);
uint64_t kernel_text_variable(const struct kernel_text *text, const char *name);
size_t kernel_text_ranges(const struct kernel_text *text, const char *const *names,
			  struct cow_range *to);
int kernel_text_call(const struct kernel_text *text, const struct cow_range *function,
		     const uint8_t *code, const char *const *callee, size_t *behind);
int kernel_text_site(const struct kernel_text *text, const struct cow_range *function,
		     const uint8_t *code, struct call_site *site);

#endif /* COWSTAT_KERNEL_TEXT_H */
