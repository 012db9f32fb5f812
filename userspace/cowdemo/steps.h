/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of the demonstration: each does something, measures it, and prints the result. */
#ifndef COWSTAT_STEPS_H
#define COWSTAT_STEPS_H

#include "machine.h"
#include "measure.h"

#define PARENT_PAGES	8	/* pages that the parent writes first, in one of the steps */

/**
 * struct answers - the measured figures that the closing questions are answered with
 * @shared_pages: pages that fork shared, in the large process
 * @tables: bytes of page tables that it built
 * @fork_ns: time that it took
 * @memory_fell: bytes by which MemAvailable fell
 * @child_copied: pages that the child copied when it wrote first
 * @parent_copied: pages that the parent copied when it wrote first
 * @last_reused: writes of a last owner that reused the page
 * @last_copied: writes of a last owner that copied the page
 * @exec_copied: pages that the child copied between fork and exec
 * @exec_known: @exec_copied comes from /proc/cowstat
 * @where: names of the mappings in which pages were copied
 */
struct answers {
	uint64_t shared_pages;
	uint64_t tables;
	uint64_t fork_ns;
	uint64_t memory_fell;
	uint64_t child_copied;
	uint64_t parent_copied;
	uint64_t last_reused;
	uint64_t last_copied;
	uint64_t exec_copied;
	bool exec_known;
	char where[128];
};

/**
 * struct lesson - state of the demonstration
 * @e: the experiment
 * @machine: the machine it runs on
 * @refuted: number of sentences that the measurement contradicted
 * @answers: for the closing questions
 */
struct lesson {
	struct experiment e;
	struct machine machine;
	size_t refuted;
	struct answers answers;
};

/**
 * struct step - a step of the demonstration
 * @title: its title
 * @question: asked before the step runs
 * @show: runs the step
 */
struct step {
	const char *title;
	const char *question;
	void (*show)(struct lesson *l);
};

extern const struct step steps[];
extern const size_t nr_steps;

#endif /* COWSTAT_STEPS_H */
