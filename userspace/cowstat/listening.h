/* SPDX-License-Identifier: GPL-2.0 */
/* The socket that a server listens on. */
#ifndef COWSTAT_LISTENING_H
#define COWSTAT_LISTENING_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct listening - a socket that listens
 * @fd: the socket, non-blocking
 * @where: its address, for people: "127.0.0.1:9923"
 * @given: the address of --listen, or NULL
 * @local: only this machine reaches it
 * @loopback: by an address of loopback, which browsers reach
 */
struct listening {
	int fd;
	char where[128];
	const char *given;
	bool local;
	bool loopback;
};

int listening_inherited(void);
int listening_take(struct listening *l, char *why, size_t len);
int listening_open(const char *address, struct listening *l, char *why, size_t len);

#endif /* COWSTAT_LISTENING_H */
