// SPDX-License-Identifier: GPL-2.0
/* accept.c, guard.c, web_config.c: what `cowstat serve` reads from clients and from its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "accept.h"
#include "guard.h"
#include "host.h"
#include "web_config.h"

#define HASH	"$2y$10$abcdefghijklmnopqrstuuKv1EcyOvRgVDUlhRoZ5gKkSZZHxWfYC"

static void the_format_that_a_scrape_asks_for(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.1", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", METRICS_TEXT },
		{ "application/openmetrics-text;version=0.0.1,application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.3",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;q=0.5,*/*;q=0.6", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.5,*/*;q=0.6,text/plain;q=0.1",
		  METRICS_OPENMETRICS },
		{ "text/plain;q=0.1,*/*;q=0.6,application/openmetrics-text;q=0.5",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;q=0", METRICS_TEXT },
		{ "application/openmetrics-text;q=x", METRICS_TEXT },
		{ ",;,=;q", METRICS_TEXT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (accept_format(cases[i].accept) != cases[i].format)
			fail_msg("Accept: %s", cases[i].accept ?: "(none)");
}

static void requests_for_this_machine(void **state)
{
	static const struct {
		const char *host, *where, *given;
		bool ours;
	} cases[] = {
		{ NULL, "127.0.0.1:9923", NULL, true },
		{ "localhost", "127.0.0.1:9923", NULL, true },
		{ "LOCALHOST:80", "127.0.0.1:9923", NULL, true },
		{ "127.0.0.1", "[::1]:9923", NULL, true },
		{ "[::1]", "127.0.0.1:9923", NULL, true },
		{ "[::1]:9923", "127.0.0.1:9923", NULL, true },
		{ "127.0.0.3", "127.0.0.3:9923", NULL, true },
		{ "127.0.0.3", "127.0.0.1:9923", NULL, false },
		{ "db.example:1", "127.0.0.1:9923", "db.example:9923", true },
		{ "db.example.org", "127.0.0.1:9923", "db.example:9923", false },
		{ "db.exampl", "127.0.0.1:9923", "db.example:9923", false },
		{ "rebind.example", "127.0.0.1:9923", "127.0.0.1:9923", false },
		{ "localhost.rebind.example", "127.0.0.1:9923", NULL, false },
		{ "localhost@rebind.example", "127.0.0.1:9923", NULL, false },
		{ "[::1", "127.0.0.1:9923", NULL, false },
		{ "[::1].example", "127.0.0.1:9923", NULL, false },
		{ "[", "127.0.0.1:9923", NULL, false },
		{ ":9923", "127.0.0.1:9923", ":9923", false },
		{ "", "127.0.0.1:9923", NULL, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (host_is_ours(cases[i].host, cases[i].where, cases[i].given) != cases[i].ours)
			fail_msg("Host: %s", cases[i].host ?: "(none)");
}

static void name_and_password(void **state)
{
	char text[16];

	(void)state;
	assert_true(guard_decode("Basic QWxhZGRpbjpvcGVuIQ==", text, sizeof(text)));
	assert_string_equal(text, "Aladdin:open!");
	assert_true(guard_decode("basic   YTpi", text, sizeof(text)));
	assert_string_equal(text, "a:b");
	assert_true(guard_decode("Basic Og==", text, sizeof(text)));
	assert_string_equal(text, ":");
	/* longer than there is room for */
	assert_false(guard_decode("Basic QWxhZGRpbjpvcGVuISEhIQ==", text, sizeof(text)));
	/* no colon, a NUL, no base64, nothing, another scheme */
	assert_false(guard_decode("Basic QWxhZGRpbg==", text, sizeof(text)));
	assert_false(guard_decode("Basic YToAYg==", text, sizeof(text)));
	assert_false(guard_decode("Basic YTpi\xff", text, sizeof(text)));
	assert_false(guard_decode("Basic ", text, sizeof(text)));
	assert_false(guard_decode("Bearer YTpi", text, sizeof(text)));
}

static struct web_config config;
static char why[256];

static int parse(const char *text)
{
	web_config_free(&config);
	return web_config_parse(text, "w.yml", &config, why, sizeof(why));
}

static int forget(void **state)
{
	(void)state;
	web_config_free(&config);
	return 0;
}

static void users(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.nr_users, 0);
	assert_int_equal(parse("# who\r\n\r\nbasic_auth_users: # these\r\n    a: " HASH
			       "  # one\r\n    \"b c\": '" HASH "'\r\n\n    d#e: \"" HASH "\"\n"),
			 0);
	assert_int_equal(config.nr_users, 3);
	assert_string_equal(config.user[0].name, "a");
	assert_string_equal(config.user[0].hash, HASH);
	assert_string_equal(config.user[1].name, "b c");
	assert_string_equal(config.user[1].hash, HASH);
	assert_string_equal(config.user[2].name, "d#e");
	assert_string_equal(config.user[2].hash, HASH);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* begins with that */
	} cases[] = {
		{ "tls_server_config:\n", "w.yml:1: tls_server_config needs both" },
		{ "tls_server_config:\n  cert_file: a\n", "w.yml:2: tls_server_config needs both" },
		{ "tls_server_config:\n  cert_file: a\n  cert_file: b\n",
		  "w.yml:3: cert_file is here" },
		{ "tls_server_config:\n  cert_file:\n", "w.yml:2: cert_file has no value" },
		{ "tls_server_config:\n  prefer_server_cipher_suites: true\n",
		  "w.yml:2: \"prefer" },
		{ "tls_server_config:\n  cert_file: a\n    key_file: b\n", "w.yml:3: the keys of" },
		{ "tls_server_config:\n\tcert_file: a\n", "w.yml:2: YAML takes no tabs" },
		{ "tls_server_config: {cert_file: a}\n", "w.yml:1: a value with a colon" },
		{ "tls_server_config: {}\n", "w.yml:1: a value that begins with {" },
		{ "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS11\n",
		  "w.yml:4: min_version \"TLS11\"" },
		{ "tls_server_config:\n  client_auth_type: RequestClientCert\n  cert_file: a\n  key_file: b\n",
		  "w.yml:2: client_auth_type" },
		{ "tls_server_config:\n  client_ca_file: c\n  cert_file: a\n  key_file: b\n",
		  "w.yml:2: client_ca_file and" },
		{ "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAndVerifyClientCert\n",
		  "w.yml:4: client_ca_file and" },
		{ "basic_auth_users:\n", "w.yml:1: basic_auth_users has no user" },
		{ "basic_auth_users:\n  a: secret\n", "w.yml:2: the password of a must be a hash" },
		{ "basic_auth_users:\n  a: " HASH "x\n", "w.yml:2: the password of a" },
		{ "basic_auth_users:\n  a: $2y$31$abcdefghijklmnopqrstuuKv1EcyOvRgVDUlhRoZ5gKkSZZHxWfYC\n",
		  "w.yml:2: the hash of a has a cost of 31" },
		{ "basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n",
		  "w.yml:3: user a is here twice" },
		{ "basic_auth_users:\n  a:b: " HASH "\n", "w.yml:2: a user's name" },
		{ "basic_auth_users:\n  'a: " HASH "\n", "w.yml:2: this is no" },
		{ "basic_auth_users:\n  a: '" HASH "\n", "w.yml:2: a value in quotes" },
		{ "basic_auth_users:\n  a: \"" HASH "\" b\n", "w.yml:2: unexpected \"b\"" },
		{ "basic_auth_users:\n  a: \"\\x24\"\n", "w.yml:2: a value in quotes" },
		{ "basic_auth_users:\n  a: &x " HASH "\n", "w.yml:2: a value that begins with &" },
		{ "basic_auth_users:\n  ? a\n", "w.yml:2: this is no" },
		{ "basic_auth_users:\n  - a: b\n", "w.yml:2: this is no" },
		{ "basic_auth_users:\nbasic_auth_users:\n",
		  "w.yml:2: basic_auth_users is here twice" },
		{ "http_server_config:\n  http2: false\n", "w.yml:1: \"http_server_config\"" },
		{ "  a: b\n", "w.yml:1: the first line is indented" },
		{ "---\n", "w.yml:1: this is no" },
		{ "a\n", "w.yml:1: this is no" },
		{ "a:b\n", "w.yml:1: this is no" },
		{ ": a\n", "w.yml:1: this is no" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!parse(cases[i].text))
			fail_msg("accepted:\n%s", cases[i].text);
		if (strncmp(why, cases[i].why, strlen(cases[i].why)))
			fail_msg("\"%s\", not \"%s\", of:\n%s", why, cases[i].why, cases[i].text);
	}
}

static void a_file_without_what_it_names(void **state)
{
	(void)state;
	web_config_free(&config);
	assert_int_not_equal(web_config_read("/none/w.yml", &config, why, sizeof(why)), 0);
	assert_string_equal(why, "cannot read /none/w.yml: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_that_a_scrape_asks_for),
		cmocka_unit_test(requests_for_this_machine),
		cmocka_unit_test(name_and_password),
		cmocka_unit_test(users),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_file_without_what_it_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, forget);
}
