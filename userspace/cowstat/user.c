// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

#include "user.h"

/* Names are kept: a table has few users and many rows, and each look-up reads a file or asks LDAP. */
#define KEPT	64

/**
 * user_name() - the name of a user
 * @uid: the user
 *
 * Not for several threads at once.
 *
 * Return: the name, or the digits of @uid for a user without one.
 */
struct text user_name(uint64_t uid)
{
	static struct {
		bool there;
		uint64_t uid;
		struct text name;
	} kept[KEPT], *at;
	const struct passwd *user;

	at = &kept[uid % KEPT];
	if (at->there && at->uid == uid)
		return at->name;
	user = getpwuid(uid);
	at->there = true;
	at->uid = uid;
	if (user)
		snprintf(at->name.s, sizeof(at->name.s), "%s", user->pw_name);
	else
		snprintf(at->name.s, sizeof(at->name.s), "%" PRIu64, uid);
	return at->name;
}

/**
 * user_find() - find a user by name
 * @name: a name, or the digits of a uid
 * @uid: the user; untouched on error
 *
 * Return: 0, or -ENOENT if there is no such user.
 */
int user_find(const char *name, uint64_t *uid)
{
	const struct passwd *user = getpwnam(name);

	if (user) {
		*uid = user->pw_uid;
		return 0;
	}
	return parse_number(name, 0, UINT32_MAX, uid) ? -ENOENT : 0;
}
