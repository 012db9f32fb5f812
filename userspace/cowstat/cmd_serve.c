// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_serve.h"
#include "listening.h"
#include "readings.h"
#include "server.h"
#include "source.h"
#include "usage.h"
#include "web_config.h"

#define DEFAULT_ADDRESS	"127.0.0.1:9923"

static void usage(void)
{
	fputs("usage: cowstat serve [--listen ADDRESS] [--web.config.file FILE] [--source WHICH]\n"
	      "Serve over HTTP, until SIGTERM or SIGINT:\n"
	      "  /            a page that draws the last minutes\n"
	      "  /metrics     all metrics for Prometheus\n"
	      "  /table.json  the table, as cowstat -o json prints it\n"
	      "Options:\n"
	      "  -l, --listen ADDRESS        HOST:PORT, [HOST]:PORT, or :PORT for all addresses\n"
	      "                              (" DEFAULT_ADDRESS ")\n"
	      "      --web.config.file FILE  TLS and passwords, as Prometheus' exporters have them\n"
	      "      --source WHICH          proc (the module), bpf, auto, or the path of a table\n"
	      "      --help\n"
	      "If systemd passes a socket, serve listens on it.\n",
	      stdout);
	if (fflush(stdout))
		err(EXIT_FAILURE, "cannot write to stdout");
}

/**
 * struct options - the parsed command line
 * @listen: the address; NULL if it was not given
 * @web_config: path of the file, or NULL
 * @source: the word of --source
 */
struct options {
	const char *listen;
	const char *web_config;
	const char *source;
};

static void parse(int argc, char **argv, struct options *o)
{
	/* clang-format off */
	static const struct option longs[] = {
		{ "listen",		required_argument,	NULL, 'l' },
		{ "web.config.file",	required_argument,	NULL, 'w' },
		{ "source",		required_argument,	NULL, 's' },
		{ "help",		no_argument,		NULL, 'h' },
		{}
	};
	/* clang-format on */
	int c;

	*o = (struct options){ .source = "auto" };
	while ((c = getopt_long(argc, argv, "l:", longs, NULL)) != -1) {
		switch (c) {
		case 'l':
			o->listen = optarg;
			break;
		case 'w':
			o->web_config = optarg;
			break;
		case 's':
			source_option(optarg);
			o->source = optarg;
			break;
		case 'h':
			usage();
			exit(EXIT_SUCCESS);
		default:
			point_to_help(); /* getopt_long() has said why */
		}
	}
	if (optind < argc)
		bad_usage("serve takes no \"%s\"", argv[optind]);
}

static void start_listening(const struct options *o, struct listening *l)
{
	char why[512];
	int ret;

	if (listening_inherited() && o->listen)
		bad_usage("systemd passes a socket, so that --listen has no meaning; set ListenStream= in the unit of the socket");
	ret = listening_inherited() ?
		      listening_take(l, why, sizeof(why)) :
		      listening_open(o->listen ?: DEFAULT_ADDRESS, l, why, sizeof(why));
	if (ret == -EINVAL && o->listen)
		bad_usage("%s", why);
	if (ret)
		errx(EXIT_FAILURE, "%s", why);
}

/* SIGTERM and SIGINT become readable, for all threads. */
static int open_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		err(EXIT_FAILURE, "signalfd");
	return fd;
}

/* What an administrator should know at the start. */
static void tell(const struct listening *l, const struct web_config *config,
		 const struct readings *r)
{
	warnx("%s is served at %s://%s/", r->table, config->cert ? "https" : "http", l->where);
	if (*r->why)
		warnx("now there is no table: %s", r->why);
	else if (!cow_table_total(&r->text.before))
		warnx("this user may not see all processes: only its own are served, and no totals. Run it as root, or with CAP_PERFMON in the initial user namespace");
	if (!l->local && !config->nr_users && !config->client_ca)
		warnx("every host that reaches %s can read it, without a password: see --web.config.file",
		      l->where);
	else if (!l->local && !config->cert)
		warnx("passwords come unencrypted: set tls_server_config in the file of --web.config.file");
}

/**
 * cmd_serve() - `cowstat serve`
 * @argc: number of arguments, the word serve included
 * @argv: the arguments
 *
 * Return: the exit status of the program, after SIGTERM or SIGINT.
 */
int cmd_serve(int argc, char **argv)
{
	struct web_config config = {};
	static struct readings readings;
	struct listening listening;
	struct server *server;
	struct options o;
	char why[1024];
	int stop, ret;

	parse(argc, argv, &o);
	ret = o.web_config ? web_config_read(o.web_config, &config, why, sizeof(why)) : 0;
	if (ret)
		errx(ret == -EINVAL ? EXIT_USAGE : EXIT_FAILURE, "%s", why);
	readings_init(&readings, o.source);
	/* The module may come later, and clients are told why there is no table. */
	if (!readings_refresh(&readings, now_ns(), 0) && strchr(o.source, '/'))
		errx(EXIT_FAILURE, "%s", readings.why);
	stop = open_signals();
	start_listening(&o, &listening);
	server = server_start(&listening, &config, &readings, why, sizeof(why));
	if (!server)
		errx(EXIT_FAILURE, "%s", why);
	tell(&listening, &config, &readings);
	server_run(server, stop);
	server_free(server);
	readings_free(&readings);
	web_config_free(&config);
	close(stop);
	return EXIT_SUCCESS;
}
