/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PEER_H
#define PEER_H

#include <signal.h>

/* peer_begin(): from here on, SIGINT and SIGTERM wait for peer_wait(). */
static inline sigset_t peer_begin(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	return stop;
}

/* peer_wait(): wait for one of these signals. */
static inline void peer_wait(const sigset_t *stop)
{
	int signal;

	sigwait(stop, &signal);
}

#endif /* PEER_H */
