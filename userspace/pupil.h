/* SPDX-License-Identifier: GPL-2.0 */
/* A child that does as it is told, one thing at a time: what cowdemo measures. */
#ifndef COWSTAT_PUPIL_H
#define COWSTAT_PUPIL_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct pupil - the child
 * @pid: its pid; 0 when there is none
 * @orders: the parent's end of the pipe that it reads
 * @answers: the parent's end of the pipe that it writes
 */
struct pupil {
	pid_t pid;
	int orders;
	int answers;
};

enum verb {
	PUPIL_REST,		/* do nothing */
	PUPIL_READ,		/* one byte of each page */
	PUPIL_WRITE,		/* the same */
	PUPIL_EXEC,		/* become another program, which lives on until the end */
};

int pupil_start(struct pupil *p);
int pupil_do(struct pupil *p, enum verb verb, unsigned char *start, size_t pages);
int pupil_end(struct pupil *p);

void read_pages(const unsigned char *start, size_t pages);
void write_pages(unsigned char *start, size_t pages);

#endif /* COWSTAT_PUPIL_H */
