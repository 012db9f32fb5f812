// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "format.h"
#include "listening.h"

#define FIRST_INHERITED	3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */

/**
 * listening_inherited() - how many sockets has systemd opened for us?
 *
 * Return: their number, as sd_listen_fds(3) tells: they are for the process LISTEN_PID.
 */
int listening_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	return pid && fds && atoi(pid) == getpid() ? atoi(fds) : 0;
}

static bool is_local(const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;

	switch (address->ss_family) {
	case AF_INET:
		return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	default:
		return true; /* a socket of the file system */
	}
}

/* Fill in where a socket listens. Return: 0 or a negative errno. */
static int describe(struct listening *l)
{
	char host[64], service[16];
	struct sockaddr_storage address = {};
	socklen_t len = sizeof(address);

	if (getsockname(l->fd, (struct sockaddr *)&address, &len))
		return -errno;
	l->local = is_local(&address);
	l->loopback = l->local && address.ss_family != AF_UNIX;
	if (address.ss_family == AF_UNIX)
		snprintf(l->where, sizeof(l->where), "%s",
			 ((const struct sockaddr_un *)&address)->sun_path);
	else if (getnameinfo((const struct sockaddr *)&address, len, host, sizeof(host), service,
			     sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV))
		return -EAFNOSUPPORT;
	else
		snprintf(l->where, sizeof(l->where),
			 address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, service);
	return 0;
}

/**
 * listening_take() - take the socket that systemd has opened
 * @l: filled in
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * Return: 0 or a negative errno.
 */
int listening_take(struct listening *l, char *why, size_t len)
{
	socklen_t size = sizeof(int);
	int listens = 0, err;

	if (listening_inherited() != 1) {
		snprintf(why, len, "systemd passes %d sockets: name one in the unit",
			 listening_inherited());
		return -EINVAL;
	}
	l->fd = FIRST_INHERITED;
	l->given = NULL;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens) {
		snprintf(why, len, "what systemd passes is no socket that listens (Accept=no)");
		return -EINVAL;
	}
	fcntl(l->fd, F_SETFD, FD_CLOEXEC);
	fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
	err = describe(l);
	if (err)
		snprintf(why, len, "the socket of systemd: %s", strerror(-err));
	return err;
}

/* Split "HOST:PORT", "[HOST]:PORT" or ":PORT". Return: the port, or NULL. */
static char *split(char *address, char **host)
{
	char *colon = strrchr(address, ':');
	uint64_t port;
	size_t len;

	if (!colon || parse_number(colon + 1, 0, UINT16_MAX, &port))
		return NULL;
	*colon = '\0';
	*host = address;
	len = strlen(address);
	if (*address == '[' && address[len - 1] == ']') {
		address[len - 1] = '\0';
		*host = address + 1;
	} else if (strchr(address, ':')) {
		return NULL;
	}
	return colon + 1;
}

static int open_socket(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, zero = 0, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, SOMAXCONN)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/**
 * listening_open() - listen on an address
 * @address: "HOST:PORT", "[HOST]:PORT", or ":PORT" for all addresses of this machine; must stay
 * @l: filled in
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * Return: 0; -EINVAL if this is no address; another negative errno when it cannot be listened on.
 */
int listening_open(const char *address, struct listening *l, char *why, size_t len)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	char copy[256], *host = NULL, *port;
	struct addrinfo *found, *a;
	int err, fd = -EADDRNOTAVAIL;

	snprintf(copy, sizeof(copy), "%s", address);
	port = strlen(address) < sizeof(copy) ? split(copy, &host) : NULL;
	err = port ? getaddrinfo(*host ? host : NULL, port, &hints, &found) : EAI_NONAME;
	if (err) {
		snprintf(why, len, "--listen %s: %s; give HOST:PORT, [HOST]:PORT or :PORT", address,
			 port ? gai_strerror(err) : "this is no address");
		return -EINVAL;
	}
	/* Without a host, IPv6 first: its socket takes IPv4 too. */
	for (a = found; a && fd < 0; a = a->ai_next)
		if (*host || a->ai_family == AF_INET6)
			fd = open_socket(a);
	for (a = found; a && fd < 0; a = a->ai_next)
		fd = open_socket(a);
	freeaddrinfo(found);
	l->fd = fd;
	l->given = address;
	err = fd < 0 ? fd : describe(l);
	if (err)
		snprintf(why, len, "cannot listen on %s: %s", address, strerror(-err));
	return err;
}
