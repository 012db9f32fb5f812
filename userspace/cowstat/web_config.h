/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file of --web.config.file, as exporters of Prometheus have it: TLS, and who may log in.
 * These keys are known; everything else is refused:
 *
 *	tls_server_config:
 *	  cert_file: FILE
 *	  key_file: FILE
 *	  client_auth_type: NoClientCert | RequireAndVerifyClientCert
 *	  client_ca_file: FILE
 *	  min_version: TLS12 | TLS13
 *	basic_auth_users:
 *	  USER: HASH			# of bcrypt, as htpasswd -B makes it
 */
#ifndef COWSTAT_WEB_CONFIG_H
#define COWSTAT_WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define WEB_USERS_MAX	64
#define WEB_HASH_LENGTH	60	/* of bcrypt */

/**
 * struct web_user - somebody who may log in
 * @name: the name
 * @hash: of the password
 */
struct web_user {
	char *name;
	char *hash;
};

/**
 * struct web_config - what the file says; all zero without a file
 * @cert: contents of cert_file; NULL without TLS
 * @key: contents of key_file
 * @client_ca: contents of client_ca_file; NULL unless clients need a certificate
 * @tls13: TLS 1.2 is refused
 * @user: who may log in
 * @nr_users: how many; 0 for everybody, without a password
 */
struct web_config {
	char *cert;
	char *key;
	char *client_ca;
	bool tls13;
	struct web_user user[WEB_USERS_MAX];
	size_t nr_users;
};

int web_config_parse(const char *text, const char *path, struct web_config *config, char *why,
		     size_t len);
int web_config_read(const char *path, struct web_config *config, char *why, size_t len);
void web_config_free(struct web_config *config);

#endif /* COWSTAT_WEB_CONFIG_H */
