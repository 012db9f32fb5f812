/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may log in by name and password. bcrypt is slow on purpose, so a thread of its own computes
 * it, for one login at a time: nobody else waits for a wrong password. Passwords that were right
 * are remembered, so that a scraper's are computed once.
 */
#ifndef COWSTAT_GUARD_H
#define COWSTAT_GUARD_H

#include "web_config.h"

#define LOGIN_MAX	256	/* "user:password", with its NUL */

/**
 * struct login - somebody's attempt to log in
 * @text: "user:password"
 * @arg: the caller's
 * @good: they belong together; set when guard_done() returns it
 * @next: the next in a list
 */
struct login {
	char text[LOGIN_MAX];
	void *arg;
	bool good;
	struct login *next;
};

enum verdict {
	VERDICT_YES,
	VERDICT_NO,
	VERDICT_ASK, /* the thread has to compute it: guard_submit() */
};

struct guard;

struct guard *guard_new(const struct web_config *config, char *why, size_t len);
enum verdict guard_check(struct guard *guard, const char *authorization, struct login *login);
void guard_submit(struct guard *guard, struct login *login);
int guard_fd(const struct guard *guard);
struct login *guard_done(struct guard *guard);
void guard_stop(struct guard *guard);
void guard_free(struct guard *guard);

/* Visible for tests. */
bool guard_decode(const char *authorization, char *to, size_t size);

#endif /* COWSTAT_GUARD_H */
