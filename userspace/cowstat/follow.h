/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Follows a command and all that it starts, with ptrace, and compares each child with its parent
 * when the child ends: later its memory is gone.
 */
#ifndef COWSTAT_FOLLOW_H
#define COWSTAT_FOLLOW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "amplification.h"

/*
 * Why a child was not compared:
 *	R(ID, name in JSON, text)
 */
#define FOLLOW_REASONS(R)							\
	R(PROGRAM,	"ran_program",	"ran another program: all its memory is new")	\
	R(MEMORY,	"same_memory",	"used its parent's memory, as vfork does")	\
	R(PARENT,	"parent_gone",	"its parent ended before, or ran another program")	\
	R(RUNNING,	"running",	"still runs")				\
	R(FAILED,	"unreadable",	"could not be read, or was killed too fast")

#define FOLLOW_ENUM(ID, name, text)	FOLLOW_##ID,
enum follow_reason { FOLLOW_REASONS(FOLLOW_ENUM) FOLLOW_NR };

/**
 * struct followed - what was found
 * @sum: of all children that were compared; without their mappings
 * @children: processes that the command and its children started
 * @compared: of @children, those that were compared
 * @not_compared: of @children, the others, by reason
 * @read_ns: how long children had to wait at their ends
 */
struct followed {
	struct amplification sum;
	uint64_t children, compared;
	uint64_t not_compared[FOLLOW_NR];
	uint64_t read_ns;
};

struct follow;

struct follow *follow_start(char *const *argv, const sigset_t *mask, pid_t *pid, int *error);
bool follow_events(struct follow *f, int *status, struct rusage *usage);
const struct followed *follow_finish(struct follow *f);
void follow_free(struct follow *f);

#endif /* COWSTAT_FOLLOW_H */
