/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loads, attaches and pins our BPF objects, or says why that is not possible. Knows which program
 * needs which function of the kernel, but not what the programs count.
 */
#ifndef COWSTAT_BPF_LOAD_H
#define COWSTAT_BPF_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "cow.h"

struct kernel_text;

#define BPF_LOAD_MAX_LINKS	COW_MAX_PROGRAMS

/**
 * struct bpf_variables - variables of an object, for the loader to set or to read
 * @copy_callers: functions that copy a page by the calls that we watch
 * @hugetlb_callers: the same for a hugetlb page
 * @thp_callers: functions that split or reuse a transparent huge page
 * @file_callers: functions that copy a private file page
 * @fork_callers: functions that copy a pinned page at fork
 * @kernel: variables of the kernel that the programs read
 * @hugetlb_wp_args: how many arguments hugetlb_wp() takes
 * @text: where look_up() puts a part of the kernel's text
 * @text_address: which part
 */
struct bpf_variables {
	struct cow_range *copy_callers, *hugetlb_callers, *thp_callers, *file_callers;
	struct cow_range *fork_callers;
	struct cow_variables *kernel;
	unsigned int *hugetlb_wp_args;
	const unsigned char *text;
	unsigned long long *text_address;
};

/* BPF_VARIABLES(): those of a skeleton. */
#define BPF_VARIABLES(skel)	((struct bpf_variables){			\
	(skel)->rodata->copy_callers, (skel)->rodata->hugetlb_callers,		\
	(skel)->rodata->thp_callers, (skel)->rodata->file_callers,		\
	(skel)->rodata->fork_callers, &(skel)->rodata->kernel,			\
	&(skel)->rodata->hugetlb_wp_args,					\
	(skel)->bss->text, &(skel)->bss->text_address })

/**
 * struct bpf_set - the programs of one object, attached
 * @skeleton: opened by the caller, and destroyed by it
 * @object: the skeleton's
 * @look_up: its program of that name
 * @variables: its variables; those in .bss move when it is loaded
 * @link: one for each attached program
 * @program: whose link that is
 * @nr: how many
 * @hooks: bits of enum cowstat_hook whose functions this kernel has
 * @kernel: where its functions are
 * @verbose: report on stderr what is missing, and what the verifier has processed
 */
struct bpf_set {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
	struct bpf_program *look_up;
	struct bpf_variables variables;
	struct kernel_text *kernel;
	struct bpf_link *link[BPF_LOAD_MAX_LINKS];
	const struct bpf_program *program[BPF_LOAD_MAX_LINKS];
	size_t nr;
	uint32_t hooks;
	bool verbose;
};

int bpf_load_check(char *err, size_t errlen);
int bpf_load_choose(struct bpf_set *set, char *err, size_t errlen);
int bpf_load_object(struct bpf_set *set, char *err, size_t errlen);
int bpf_load_attach(struct bpf_set *set, char *err, size_t errlen);
void bpf_load_detach(struct bpf_set *set);
uint32_t bpf_load_id(const struct bpf_program *program);
uint64_t bpf_load_missed(const struct bpf_set *set);
int bpf_load_pin(struct bpf_set *set, const char *dir, char *err, size_t errlen);
int bpf_load_unpin(const char *dir, char *err, size_t errlen);

#endif /* COWSTAT_BPF_LOAD_H */
