/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading, attaching and pinning of our BPF objects, and telling why it cannot be done.
 * Knows which program needs which function of the kernel; nothing of what they count.
 */
#ifndef COWSTAT_BPF_LOAD_H
#define COWSTAT_BPF_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "cow.h"

#define BPF_LOAD_MAX_LINKS	COW_MAX_PROGRAMS

/**
 * struct bpf_set - the programs of one object, attached
 * @skeleton: opened by the caller, and destroyed by it
 * @object: the skeleton's
 * @link: one for each attached program
 * @program: whose link that is
 * @nr: how many
 * @hooks: bits of enum cowstat_hook whose functions this kernel has
 * @verbose: tell on stderr what is missing, and how long the verifier thought
 */
struct bpf_set {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
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
uint64_t bpf_load_skipped(const struct bpf_program *program);
int bpf_load_pin(struct bpf_set *set, const char *dir, char *err, size_t errlen);
int bpf_load_unpin(const char *dir, char *err, size_t errlen);

#endif /* COWSTAT_BPF_LOAD_H */
