/* SPDX-License-Identifier: GPL-2.0 */
/* A child that carries out orders from its parent, one at a time. */
#ifndef COWSTAT_PUPPET_H
#define COWSTAT_PUPPET_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct puppet - the child
 * @pid: its pid; 0 if there is no child
 * @orders: the parent's end of the pipe that the child reads
 * @answers: the parent's end of the pipe that the child writes
 */
struct puppet {
	pid_t pid;
	int orders;
	int answers;
};

enum verb {
	PUPPET_REST,  /* do nothing */
	PUPPET_READ,  /* read one byte of each page */
	PUPPET_WRITE, /* write one byte of each page */
	PUPPET_EXEC,  /* become another program, which waits until the end */
};

int puppet_start(struct puppet *p);
int puppet_do(struct puppet *p, enum verb verb, unsigned char *start, size_t pages);
int puppet_end(struct puppet *p);

void read_pages(const unsigned char *start, size_t pages);
void write_pages(unsigned char *start, size_t pages);

#endif /* COWSTAT_PUPPET_H */
