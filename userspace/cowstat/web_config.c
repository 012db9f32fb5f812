// SPDX-License-Identifier: GPL-2.0
/*
 * A reader of two levels of "key: value" in YAML, and of nothing else of it: a value that this
 * reader would take for another one than a YAML parser is refused.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_config.h"

#define FILE_MAX	(256 * 1024)

enum section { SECTION_NONE, SECTION_TLS, SECTION_USERS, NR_SECTIONS };

static const char *const section_names[NR_SECTIONS] = {
	[SECTION_TLS] = "tls_server_config",
	[SECTION_USERS] = "basic_auth_users",
};

enum key { KEY_CERT, KEY_KEY, KEY_AUTH_TYPE, KEY_CLIENT_CA, KEY_MIN_VERSION, NR_KEYS };

static const char *const key_names[NR_KEYS] = {
	[KEY_CERT] = "cert_file",
	[KEY_KEY] = "key_file",
	[KEY_AUTH_TYPE] = "client_auth_type",
	[KEY_CLIENT_CA] = "client_ca_file",
	[KEY_MIN_VERSION] = "min_version",
};

/**
 * struct reader - the file, line by line
 * @path: of the file
 * @line: number of the current line
 * @config: filled in
 * @section: the current one
 * @seen: a bit for each section
 * @indent: of the keys of this section; 0 before the first
 * @value: by key of tls_server_config
 * @at: by key: its line
 * @why: what is wrong
 * @len: size of @why
 */
struct reader {
	const char *path;
	unsigned int line;
	struct web_config *config;
	enum section section;
	unsigned int seen;
	size_t indent;
	char *value[NR_KEYS];
	unsigned int at[NR_KEYS];
	char *why;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reader *r, const char *format,
							...)
{
	size_t n = snprintf(r->why, r->len, "%s:%u: ", r->path, r->line);
	va_list args;

	va_start(args, format);
	if (n < r->len)
		vsnprintf(r->why + n, r->len - n, format, args);
	va_end(args);
	return -EINVAL;
}

/* "'it''s'" and "\"plain\"" lose their quotes. Return: the end of the value, or NULL. */
static char *unquote(char *value)
{
	char quote = *value, *from = value + 1, *to = value;

	for (; *from; from++) {
		if (*from == '\\' && quote == '"')
			return NULL;
		if (*from == quote) {
			if (quote == '"' || from[1] != quote)
				break;
			from++;
		}
		*to++ = *from;
	}
	if (!*from)
		return NULL;
	*to = '\0';
	return from + 1;
}

/* Take comment and quotes off a value. Return: 0 or -EINVAL. */
static int read_value(const struct reader *r, char **value)
{
	char *s = *value, *end, *rest;

	if (*s == '"' || *s == '\'') {
		rest = unquote(s);
		if (!rest)
			return refuse(r,
				      "a value in quotes must end on its line, without a backslash");
		end = rest + strspn(rest, " ");
		if (*end && (end == rest || *end != '#'))
			return refuse(r, "unexpected \"%.40s\" behind a value", end);
		return 0;
	}
	for (end = s; *end && !(*end == '#' && (end == s || end[-1] == ' ')); end++)
		if (*end == ':' && (end[1] == ' ' || !end[1]))
			return refuse(r, "a value with a colon and a space needs quotes");
	*end = '\0';
	while (end > s && end[-1] == ' ')
		*--end = '\0';
	if (*s && strchr("&*!|>%@`[]{},?-", *s))
		return refuse(r, "a value that begins with %c needs quotes", *s);
	return 0;
}

static int set_section(struct reader *r, const char *name, const char *value)
{
	enum section s;

	for (s = SECTION_TLS; s < NR_SECTIONS; s++)
		if (!strcmp(name, section_names[s]))
			break;
	if (s == NR_SECTIONS)
		return refuse(r,
			      "\"%.40s\" is not known here; there are tls_server_config and basic_auth_users",
			      name);
	if (*value)
		return refuse(r, "the keys of %s belong on lines of their own, indented", name);
	if (r->seen & 1U << s)
		return refuse(r, "%s is here twice", name);
	r->seen |= 1U << s;
	r->section = s;
	r->indent = 0;
	return 0;
}

static int set_tls(struct reader *r, const char *name, const char *value)
{
	int key;

	for (key = 0; key < NR_KEYS; key++)
		if (!strcmp(name, key_names[key]))
			break;
	if (key == NR_KEYS)
		return refuse(r,
			      "\"%.40s\" is not known in tls_server_config; there are cert_file, key_file, client_auth_type, client_ca_file and min_version",
			      name);
	if (r->value[key])
		return refuse(r, "%s is here twice", name);
	if (!*value)
		return refuse(r, "%s has no value", name);
	r->value[key] = strdup(value);
	r->at[key] = r->line;
	return r->value[key] ? 0 : -ENOMEM;
}

/* "$2y$10$" and 53 characters; a cost of 10 takes a tenth of a second. */
static bool is_bcrypt(const char *hash)
{
	static const char set[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	return strlen(hash) == WEB_HASH_LENGTH && !strncmp(hash, "$2", 2) &&
	       strchr("aby", hash[2]) && hash[3] == '$' && strspn(hash + 4, "0123456789") == 2 &&
	       hash[6] == '$' && strspn(hash + 7, set) == WEB_HASH_LENGTH - 7;
}

static int set_user(struct reader *r, const char *name, const char *value)
{
	struct web_config *c = r->config;
	struct web_user *user = &c->user[c->nr_users];
	size_t i;
	int cost;

	for (i = 0; i < c->nr_users; i++)
		if (!strcmp(c->user[i].name, name))
			return refuse(r, "user %.40s is here twice", name);
	if (c->nr_users == WEB_USERS_MAX)
		return refuse(r, "more than %d users", WEB_USERS_MAX);
	if (!*name || strchr(name, ':'))
		return refuse(r, "a user's name must not be empty, and has no colon");
	if (!is_bcrypt(value))
		return refuse(r,
			      "the password of %.40s must be a hash of bcrypt: htpasswd -nB %.40s",
			      name, name);
	cost = atoi(value + 4);
	if (cost < 4 || cost > 16)
		return refuse(r, "the hash of %.40s has a cost of %d; give 4 to 16, usual is 10",
			      name, cost);
	user->name = strdup(name);
	user->hash = strdup(value);
	c->nr_users++;
	return user->name && user->hash ? 0 : -ENOMEM;
}

/* Split "key: value". The key may be in quotes. */
static int split(const struct reader *r, char *line, char **value)
{
	char *colon;

	if (*line == '"' || *line == '\'') {
		colon = unquote(line);
		if (!colon || *colon != ':')
			return refuse(r, "this is no \"key: value\"");
	} else {
		colon = strchr(line, ':');
		while (colon && colon[1] && colon[1] != ' ')
			colon = strchr(colon + 1, ':');
		if (!colon || colon == line || strchr("&*!|>%@`[]{},?-", *line) ||
		    strchr(line, '#') == line)
			return refuse(r, "this is no \"key: value\"");
		*colon = '\0';
	}
	if (colon[1] && colon[1] != ' ')
		return refuse(r, "there must be a space behind the colon");
	*value = colon + 1 + strspn(colon + 1, " ");
	return 0;
}

static int read_line(struct reader *r, char *line)
{
	size_t indent, len = strlen(line);
	char *value = NULL; /* gcc 10 does not see that split() sets it */
	int err;

	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	indent = strspn(line, " ");
	if (!line[indent] || line[indent] == '#')
		return 0;
	if (strchr(line, '\t'))
		return refuse(r, "YAML takes no tabs here; use spaces");
	if (indent && r->section == SECTION_NONE)
		return refuse(r,
			      "the first line is indented; it must be tls_server_config: or basic_auth_users:");
	if (indent && r->indent && indent != r->indent)
		return refuse(r, "the keys of %s must all be indented by %zu spaces",
			      section_names[r->section], r->indent);
	err = split(r, line + indent, &value);
	err = err ?: read_value(r, &value);
	if (err)
		return err;
	if (!indent)
		return set_section(r, line, value);
	r->indent = indent;
	return r->section == SECTION_TLS ? set_tls(r, line + indent, value) :
					   set_user(r, line + indent, value);
}

static int read_file(const char *path, char **text)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int err;

	if (!f)
		return -errno;
	*text = malloc(FILE_MAX + 1);
	if (!*text) {
		fclose(f);
		return -ENOMEM;
	}
	errno = 0;
	n = fread(*text, 1, FILE_MAX + 1, f);
	err = ferror(f) ? -(errno ?: EIO) : n > FILE_MAX ? -EFBIG : 0;
	fclose(f);
	if (!err && memchr(*text, '\0', n))
		err = -EINVAL;
	if (err) {
		free(*text);
		*text = NULL;
		return err;
	}
	(*text)[n] = '\0';
	return 0;
}

/* Read a file that the configuration names; a relative path begins at the configuration. */
static int read_named(struct reader *r, enum key key, char **text)
{
	const char *name = r->value[key], *slash = strrchr(r->path, '/');
	char path[PATH_MAX];
	int n, err;

	if (*name == '/' || !slash)
		n = snprintf(path, sizeof(path), "%s", name);
	else
		n = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - r->path), r->path, name);
	err = n < (int)sizeof(path) ? read_file(path, text) : -ENAMETOOLONG;
	if (!err)
		return 0;
	r->line = r->at[key];
	return refuse(r, "%s: cannot read %s: %s", key_names[key], path, strerror(-err));
}

/* What the keys of TLS need of each other. */
static int check_tls(struct reader *r)
{
	const char *type = r->value[KEY_AUTH_TYPE], *version = r->value[KEY_MIN_VERSION];
	bool verify = type && !strcmp(type, "RequireAndVerifyClientCert");

	if (!(r->seen & 1U << SECTION_TLS))
		return 0;
	if (!r->value[KEY_CERT] || !r->value[KEY_KEY])
		return refuse(r, "tls_server_config needs both cert_file and key_file");
	if (type && !verify && strcmp(type, "NoClientCert")) {
		r->line = r->at[KEY_AUTH_TYPE];
		return refuse(r,
			      "client_auth_type \"%.40s\" is not known; there are NoClientCert and RequireAndVerifyClientCert",
			      type);
	}
	if (version && strcmp(version, "TLS12") && strcmp(version, "TLS13")) {
		r->line = r->at[KEY_MIN_VERSION];
		return refuse(r, "min_version \"%.40s\" is not known; there are TLS12 and TLS13",
			      version);
	}
	if (verify != !!r->value[KEY_CLIENT_CA]) {
		r->line = r->at[verify ? KEY_AUTH_TYPE : KEY_CLIENT_CA];
		return refuse(r,
			      "client_ca_file and client_auth_type: RequireAndVerifyClientCert belong together");
	}
	r->config->tls13 = version && !strcmp(version, "TLS13");
	return 0;
}

static int parse(struct reader *r, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (line = strsep(&rest, "\n"))) {
		if (!rest && !*line)
			break;
		r->line++;
		err = read_line(r, line);
	}
	free(copy);
	if (!err && (r->seen & 1U << SECTION_USERS) && !r->config->nr_users)
		err = refuse(r, "basic_auth_users has no user, so nobody could log in");
	return err ?: check_tls(r);
}

static void free_values(struct reader *r)
{
	int key;

	for (key = 0; key < NR_KEYS; key++)
		free(r->value[key]);
}

/**
 * web_config_parse() - read the text of the file, without the files that it names
 * @text: the text
 * @path: of the file, for messages
 * @config: filled in, to be freed with web_config_free(), on error too; of TLS only @tls13
 * @why: on error, what is wrong, with file and line
 * @len: size of @why
 *
 * Return: 0; -EINVAL if something in it is not known or not allowed; -ENOMEM.
 */
int web_config_parse(const char *text, const char *path, struct web_config *config, char *why,
		     size_t len)
{
	struct reader r = { .path = path, .config = config, .why = why, .len = len };
	int err;

	*config = (struct web_config){};
	snprintf(why, len, "%s: %s", path, strerror(ENOMEM));
	err = parse(&r, text);
	free_values(&r);
	return err;
}

/**
 * web_config_read() - read the file, and the certificates and keys that it names
 * @path: the file
 * @config: filled in, to be freed with web_config_free(), on error too
 * @why: on error, what is wrong, with file and line
 * @len: size of @why
 *
 * Return: 0 or a negative errno.
 */
int web_config_read(const char *path, struct web_config *config, char *why, size_t len)
{
	struct reader r = { .path = path, .config = config, .why = why, .len = len };
	char *text = NULL;
	int err;

	*config = (struct web_config){};
	err = read_file(path, &text);
	snprintf(why, len, "cannot read %s: %s", path, strerror(err ? -err : ENOMEM));
	err = err ?: parse(&r, text);
	if (!err && r.value[KEY_CERT])
		err = read_named(&r, KEY_CERT, &config->cert) ?:
								read_named(&r, KEY_KEY, &config->key);
	if (!err && r.value[KEY_CLIENT_CA])
		err = read_named(&r, KEY_CLIENT_CA, &config->client_ca);
	free_values(&r);
	free(text);
	return err;
}

/**
 * web_config_free() - give the memory back
 * @config: what was read
 */
void web_config_free(struct web_config *config)
{
	size_t i;

	free(config->cert);
	if (config->key)
		explicit_bzero(config->key, strlen(config->key));
	free(config->key);
	free(config->client_ca);
	for (i = 0; i < config->nr_users; i++) {
		free(config->user[i].name);
		free(config->user[i].hash);
	}
	*config = (struct web_config){};
}
