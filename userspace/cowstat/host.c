// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "host.h"

/*
 * Length of the host in "HOST", "HOST:PORT", "[HOST]" or "[HOST]:PORT", brackets included; 0 if the
 * text is none of these.
 */
static size_t host_length(const char *text)
{
	size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");

	return len <= strlen(text) && (!text[len] || text[len] == ':') ? len : 0;
}

static bool same_host(const char *a, const char *b)
{
	size_t len = host_length(a);

	return len && len == host_length(b) && !strncasecmp(a, b, len);
}

/**
 * host_is_ours() - does a request mean this machine?
 * @host: its header Host; NULL if it has none, as only HTTP/1.0 allows, which no browser uses
 * @where: the address that the server listens on, "127.0.0.1:9923"
 * @given: the address as the user named it, or NULL
 *
 * Return: whether @host is localhost, an address of loopback, or where the server listens. The port
 * may be any: it may be forwarded.
 */
bool host_is_ours(const char *host, const char *where, const char *given)
{
	const char *ours[] = { "localhost", "127.0.0.1", "[::1]", where, given };
	size_t i;

	if (!host)
		return true;
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i] && same_host(host, ours[i]))
			return true;
	return false;
}
