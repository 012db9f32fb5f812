// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "guard.h"

#define REMEMBERED	16

/* libxcrypt's crypt_ra(3), which allocates what it needs. Not all releases have its header. */
#define LIBCRYPT	"libcrypt.so.1"
typedef char *crypt_ra_fn(const char *phrase, const char *setting, void **data, int *size);

/**
 * struct guard - who may log in
 * @config: names and hashes
 * @crypt: computes a hash
 * @data: memory of @crypt, used by the thread only
 * @size: size of @data
 * @thread: computes hashes
 * @lock: protects all below it
 * @wake: there is something to do, or @stop
 * @asked: logins to be computed, first come, first served
 * @last: where to append to @asked
 * @done: logins that have been computed
 * @stop: the thread shall end
 * @fd: an eventfd, readable when @done is not empty
 * @remembered: logins that were right; used by the caller's thread only
 * @next: the place in @remembered to be used next
 */
struct guard {
	const struct web_config *config;
	crypt_ra_fn *crypt;
	void *data;
	int size;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct login *asked;
	struct login **last;
	struct login *done;
	bool stop;
	int fd;
	char remembered[REMEMBERED][LOGIN_MAX];
	unsigned int next;
};

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? at - digits : -1;
}

/**
 * guard_decode() - get name and password from a header
 * @authorization: value of the header Authorization
 * @to: set to "user:password"
 * @size: size of @to
 *
 * Return: false if the header says something else, or something longer.
 */
bool guard_decode(const char *authorization, char *to, size_t size)
{
	unsigned int bits = 0, n = 0;
	size_t len = 0;
	int digit;

	if (strncasecmp(authorization, "Basic ", 6))
		return false;
	authorization += 6 + strspn(authorization + 6, " ");
	for (; (digit = base64_digit(*authorization)) >= 0; authorization++) {
		bits = bits << 6 | digit;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (len + 1 >= size || !(bits >> n & 0xff))
			return false;
		to[len++] = bits >> n;
	}
	to[len] = '\0';
	return !authorization[strspn(authorization, "= ")] && strchr(to, ':');
}

/* Compare in a time that does not tell where two texts differ. */
static bool same_text(const char *a, const char *b, size_t size)
{
	unsigned char difference = 0;
	size_t i;

	for (i = 0; i < size; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

/* Compute a login. For a name that is not known too, so that the time does not tell which are. */
static bool compute(struct guard *g, const struct login *login)
{
	const char *colon = strchr(login->text, ':'), *result;
	const struct web_user *user = NULL;
	size_t i;

	for (i = 0; i < g->config->nr_users; i++)
		if (!strncmp(g->config->user[i].name, login->text, colon - login->text) &&
		    !g->config->user[i].name[colon - login->text])
			user = &g->config->user[i];
	result = g->crypt(colon + 1, (user ?: &g->config->user[0])->hash, &g->data, &g->size);
	return user && result && strlen(result) == WEB_HASH_LENGTH &&
	       same_text(result, user->hash, WEB_HASH_LENGTH);
}

static void *work(void *arg)
{
	struct guard *g = arg;
	struct login *login;

	pthread_mutex_lock(&g->lock);
	for (;;) {
		while (!g->asked && !g->stop)
			pthread_cond_wait(&g->wake, &g->lock);
		if (g->stop)
			break;
		login = g->asked;
		g->asked = login->next;
		if (!g->asked)
			g->last = &g->asked;
		pthread_mutex_unlock(&g->lock);
		login->good = compute(g, login);
		pthread_mutex_lock(&g->lock);
		login->next = g->done;
		g->done = login;
		eventfd_write(g->fd, 1);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/**
 * guard_new() - begin to guard
 * @config: who may log in; stays the caller's, and must not change
 * @why: on error, what is wrong and what to do about it
 * @len: size of @why
 *
 * Return: the guard, to be given to guard_stop() and guard_free(); or NULL.
 */
struct guard *guard_new(const struct web_config *config, char *why, size_t len)
{
	struct guard *g = calloc(1, sizeof(*g));
	void *library = dlopen(LIBCRYPT, RTLD_NOW);
	int err = ENOMEM;

	if (!g)
		goto fail;
	g->config = config;
	g->last = &g->asked;
	g->crypt = library ? (crypt_ra_fn *)dlsym(library, "crypt_ra") : NULL;
	if (!g->crypt) {
		snprintf(why, len,
			 "passwords need " LIBCRYPT " of libxcrypt: install the package libcrypt1");
		free(g);
		return NULL;
	}
	g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->fd < 0) {
		err = errno;
		goto fail;
	}
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->wake, NULL);
	err = pthread_create(&g->thread, NULL, work, g);
	if (!err)
		return g;
	close(g->fd);
fail:
	snprintf(why, len, "cannot check passwords: %s", strerror(err));
	free(g);
	return NULL;
}

/**
 * guard_check() - may somebody in?
 * @guard: the guard
 * @authorization: value of the header Authorization; NULL if there is none
 * @login: filled in for VERDICT_ASK
 *
 * Return: VERDICT_YES for a login that was right before, VERDICT_NO for none, VERDICT_ASK for
 * another.
 */
enum verdict guard_check(struct guard *guard, const char *authorization, struct login *login)
{
	bool known = false;
	size_t i;

	memset(login->text, 0, sizeof(login->text));
	if (!authorization || !guard_decode(authorization, login->text, sizeof(login->text)))
		return VERDICT_NO;
	for (i = 0; i < REMEMBERED; i++)
		known |= same_text(guard->remembered[i], login->text, LOGIN_MAX);
	return known ? VERDICT_YES : VERDICT_ASK;
}

/**
 * guard_submit() - have a login computed
 * @guard: the guard
 * @login: of VERDICT_ASK; the guard's until guard_done() or guard_stop() returns it
 */
void guard_submit(struct guard *guard, struct login *login)
{
	pthread_mutex_lock(&guard->lock);
	login->next = NULL;
	*guard->last = login;
	guard->last = &login->next;
	pthread_cond_signal(&guard->wake);
	pthread_mutex_unlock(&guard->lock);
}

/**
 * guard_fd() - where it can be seen that a login has been computed
 * @guard: the guard
 *
 * Return: a file descriptor, for poll().
 */
int guard_fd(const struct guard *guard)
{
	return guard->fd;
}

static struct login *take_done(struct guard *guard)
{
	struct login *done;

	pthread_mutex_lock(&guard->lock);
	done = guard->done;
	guard->done = NULL;
	pthread_mutex_unlock(&guard->lock);
	return done;
}

/**
 * guard_done() - take the logins that have been computed
 * @guard: the guard
 *
 * Return: a list of them, or NULL.
 */
struct login *guard_done(struct guard *guard)
{
	struct login *done, *login;
	eventfd_t n;

	eventfd_read(guard->fd, &n);
	done = take_done(guard);
	for (login = done; login; login = login->next)
		if (login->good)
			memcpy(guard->remembered[guard->next++ % REMEMBERED], login->text,
			       LOGIN_MAX);
	return done;
}

/**
 * guard_stop() - end the thread; logins that it has not returned are the caller's again
 * @guard: the guard
 */
void guard_stop(struct guard *guard)
{
	pthread_mutex_lock(&guard->lock);
	guard->stop = true;
	pthread_cond_signal(&guard->wake);
	pthread_mutex_unlock(&guard->lock);
	pthread_join(guard->thread, NULL);
}

/**
 * guard_free() - give the memory back
 * @guard: one that has stopped, or NULL
 */
void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	close(guard->fd);
	free(guard->data);
	explicit_bzero(guard, sizeof(*guard));
	free(guard);
}
