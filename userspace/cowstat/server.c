// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept.h"
#include "clock.h"
#include "host.h"
#include "maker.h"
#include "mhd.h"
#include "page.h"
#include "server.h"

#define CONNECTIONS_MAX		128U
#define CONNECTIONS_OF_ONE_IP	100U	/* so that one host alone cannot take them all */
#define IDLE_MAX_S		30U	/* a connection on which nothing moves is closed */
#define REQUEST_MAX_NS		(60 * NS_PER_S) /* and one on which a request takes longer */
#define REQUEST_MEMORY		(16 * 1024UL)
#define HELD_MAX		(256UL << 20) /* bytes of tables that slow readers may hold */
#define STOP_MAX_NS		(3 * NS_PER_S)
#define NEW_NS			NS_PER_S

/* Documents that are made from a reading. */
enum document_kind {
	DOCUMENT_OPENMETRICS,
	DOCUMENT_TEXT,
	NR_KEPT, /* those before are kept until the next reading */
	DOCUMENT_TABLE = NR_KEPT,
	DOCUMENT_LIVE,
};

/**
 * struct document - a reply's body, until its last reader has it
 * @server: whose
 * @size: of @text
 * @text: the body
 */
struct document {
	struct server *server;
	size_t size;
	char text[];
};

/**
 * struct visitor - a connection
 * @connection: libmicrohttpd's
 * @since_ns: when it began, or when its last request was completed
 * @busy: a request has been seen whole and its reply not sent whole
 * @answered: a request has been completed
 * @suspended: its request waits for the guard, or for the maker
 * @wants_table: it waits for the maker
 * @cut: the server has shut it down
 * @previous: in the list of all
 * @next: in the list of all
 */
struct visitor {
	struct MHD_Connection *connection;
	uint64_t since_ns;
	bool busy;
	bool answered;
	bool suspended;
	bool wants_table;
	bool cut;
	struct visitor *previous;
	struct visitor *next;
};

/**
 * struct request - a request
 * @login: its login, while the guard has it
 * @state: how far it is
 */
struct request {
	struct login login;
	enum { REQUEST_NEW, REQUEST_LOGIN, REQUEST_ALLOWED, REQUEST_TABLE } state;
};

/**
 * struct server - the server
 * @mhd: libmicrohttpd
 * @daemon: its daemon
 * @guard: checks passwords; NULL if everybody may in
 * @maker: prints tables
 * @making: of which reading
 * @made: the table that it printed last, or NULL
 * @made_of: of which reading
 * @client_certificate: clients need one
 * @only_as: where it listens, if requests for other hosts are refused; or NULL
 * @readings: what is served
 * @kept: by kind: the reply made from reading @generation, or NULL
 * @generation: of which reading they are
 * @held: bytes of all documents that there are
 * @visitors: all connections
 */
struct server {
	const struct mhd *mhd;
	struct MHD_Daemon *daemon;
	struct guard *guard;
	struct maker *maker;
	uint64_t making;
	struct MHD_Response *made;
	uint64_t made_of;
	bool client_certificate;
	const struct listening *only_as;
	struct readings *readings;
	struct MHD_Response *kept[NR_KEPT];
	uint64_t generation;
	size_t held;
	struct visitor *visitors;
};

static void document_free(void *text)
{
	struct document *d = (struct document *)((char *)text - offsetof(struct document, text));

	d->server->held -= d->size;
	free(d);
}

/* Begin to print a document; a stream over memory, which begins with the structure. */
static FILE *document_begin(char **memory, size_t *size)
{
	const struct document head = {};
	FILE *f = open_memstream(memory, size);

	if (f)
		fwrite(&head, sizeof(head), 1, f);
	return f;
}

/* Make a reply of a document; @memory is @size bytes. Return: NULL when memory is out. */
static struct MHD_Response *document_end(struct server *s, char *memory, size_t size)
{
	struct document *d = (struct document *)memory;
	struct MHD_Response *response;

	if (!d || size < sizeof(*d)) {
		free(d);
		return NULL;
	}
	d->server = s;
	d->size = size - sizeof(*d);
	s->held += d->size;
	response = s->mhd->MHD_create_response_from_buffer_with_free_callback(d->size, d->text,
									      document_free);
	if (!response)
		document_free(d->text);
	return response;
}

static void add_header(const struct server *s, struct MHD_Response *response, const char *name,
		       const char *value)
{
	s->mhd->MHD_add_response_header(response, name, value);
}

/* Headers of every reply. The page may load nothing, and be no part of another page. */
static void add_headers(const struct server *s, struct MHD_Response *response, const char *type)
{
	add_header(s, response, "Content-Type", type);
	add_header(s, response, "Cache-Control", "no-store");
	add_header(s, response, "X-Content-Type-Options", "nosniff");
	add_header(s, response, "Content-Security-Policy",
		   "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

/* Print a document, but not the table. Return: the reply, or NULL when memory is out. */
static struct MHD_Response *make_document(struct server *s, enum document_kind kind,
					  uint64_t since_ns)
{
	struct MHD_Response *response;
	char *memory = NULL;
	struct metrics m;
	size_t size = 0;
	bool bad = false;

	m.to = document_begin(&memory, &size);
	if (!m.to)
		return NULL;
	m.format = kind == DOCUMENT_OPENMETRICS ? METRICS_OPENMETRICS : METRICS_TEXT;
	if (kind == DOCUMENT_LIVE)
		bad = readings_live(s->readings, since_ns, m.to) != 0;
	else
		readings_metrics(s->readings, &m);
	bad |= ferror(m.to) != 0;
	bad |= fclose(m.to) != 0;
	if (bad) {
		free(memory);
		return NULL;
	}
	response = document_end(s, memory, size);
	if (!response)
		return NULL;
	if (kind == DOCUMENT_LIVE) {
		add_headers(s, response, "application/json");
	} else {
		add_headers(s, response, accept_content_type(m.format));
		add_header(s, response, "Vary", "Accept");
	}
	return response;
}

static void forget_documents(struct server *s)
{
	int i;

	for (i = 0; i < NR_KEPT; i++) {
		if (s->kept[i])
			s->mhd->MHD_destroy_response(s->kept[i]);
		s->kept[i] = NULL;
	}
	s->generation = s->readings->generation;
}

/* Shut a connection down. libmicrohttpd sees it when it writes, and completes the request. */
static void cut(struct server *s, struct visitor *v)
{
	const union MHD_ConnectionInfo *info =
		s->mhd->MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	v->cut = true;
	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* Slow readers hold too many tables: cut the one that has read for the longest time. */
static void cut_slowest(struct server *s)
{
	struct visitor *v, *slowest = NULL;

	for (v = s->visitors; v; v = v->next)
		if (v->busy && !v->cut && (!slowest || v->since_ns < slowest->since_ns))
			slowest = v;
	if (slowest)
		cut(s, slowest);
}

static enum MHD_Result reply_text(struct server *s, struct MHD_Connection *connection,
				  unsigned int status, const char *text, const char *header,
				  const char *value)
{
	struct MHD_Response *response =
		s->mhd->MHD_create_response_from_buffer(strlen(text), (void *)text,
							MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	add_headers(s, response, "text/plain; charset=utf-8");
	if (header)
		add_header(s, response, header, value);
	ret = s->mhd->MHD_queue_response(connection, status, response);
	s->mhd->MHD_destroy_response(response);
	return ret;
}

/* Why there is no table, for a client to read. */
static enum MHD_Result reply_failed(struct server *s, struct MHD_Connection *connection)
{
	char text[sizeof(s->readings->why) + 2];

	snprintf(text, sizeof(text), "%s\n", s->readings->why);
	return reply_text(s, connection, MHD_HTTP_SERVICE_UNAVAILABLE, text, NULL, NULL);
}

static enum MHD_Result reply_no_memory(struct server *s, struct MHD_Connection *connection)
{
	return reply_text(s, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n", NULL,
			  NULL);
}

/*
 * Reply with the table, or have it made and wait. Who comes while one is being made gets that one.
 */
static enum MHD_Result reply_table(struct server *s, struct visitor *visitor,
				   struct request *request)
{
	struct MHD_Connection *connection = visitor->connection;

	if (s->made && (request->state == REQUEST_TABLE || s->made_of == s->generation))
		return s->mhd->MHD_queue_response(connection, MHD_HTTP_OK, s->made);
	if (request->state == REQUEST_TABLE)
		return reply_no_memory(s, connection);
	if (s->held > HELD_MAX) {
		cut_slowest(s);
		return reply_text(s, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "slow readers hold too many tables; try again\n", "Retry-After",
				  "1");
	}
	if (!maker_is_busy(s->maker)) {
		s->making = s->generation;
		if (maker_begin(s->maker, &s->readings->text.before))
			return reply_no_memory(s, connection);
	}
	request->state = REQUEST_TABLE;
	visitor->suspended = true;
	visitor->wants_table = true;
	s->mhd->MHD_suspend_connection(connection);
	return MHD_YES;
}

static enum MHD_Result reply_document(struct server *s, struct visitor *visitor,
				      struct request *request, enum document_kind kind,
				      uint64_t since_ns)
{
	struct MHD_Connection *connection = visitor->connection;
	bool good = readings_refresh(s->readings, now_ns(), READING_MIN_NS);
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (s->generation != s->readings->generation)
		forget_documents(s);
	if (!good && kind != DOCUMENT_LIVE)
		return reply_failed(s, connection);
	if (kind == DOCUMENT_TABLE)
		return reply_table(s, visitor, request);
	response = kind < NR_KEPT ? s->kept[kind] : NULL;
	response = response ?: make_document(s, kind, since_ns);
	if (!response)
		return reply_no_memory(s, connection);
	ret = s->mhd->MHD_queue_response(connection, MHD_HTTP_OK, response);
	if (kind == DOCUMENT_LIVE)
		s->mhd->MHD_destroy_response(response);
	else
		s->kept[kind] = response;
	return ret;
}

static enum MHD_Result reply_page(struct server *s, struct MHD_Connection *connection)
{
	struct MHD_Response *response =
		s->mhd->MHD_create_response_from_buffer(page_html_end - page_html,
							(void *)page_html, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	add_headers(s, response, "text/html; charset=utf-8");
	ret = s->mhd->MHD_queue_response(connection, MHD_HTTP_OK, response);
	s->mhd->MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result reply(struct server *s, struct visitor *visitor, struct request *request,
			     const char *url)
{
	struct MHD_Connection *connection = visitor->connection;
	const struct mhd *mhd = s->mhd;
	const char *value;

	if (!strcmp(url, "/"))
		return reply_page(s, connection);
	if (!strcmp(url, "/metrics")) {
		value = mhd->MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
		return reply_document(s, visitor, request,
				      accept_format(value) == METRICS_OPENMETRICS ?
					      DOCUMENT_OPENMETRICS :
					      DOCUMENT_TEXT,
				      0);
	}
	if (!strcmp(url, "/table.json"))
		return reply_document(s, visitor, request, DOCUMENT_TABLE, 0);
	if (!strcmp(url, "/live.json")) {
		value = mhd->MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
							 "since");
		return reply_document(s, visitor, request, DOCUMENT_LIVE,
				      strtoull(value ?: "0", NULL, 10) * (NS_PER_S / 1000));
	}
	return reply_text(s, connection, MHD_HTTP_NOT_FOUND,
			  "There are /, /metrics, /table.json and /live.json.\n", NULL, NULL);
}

/* Is the request for this machine, and not for a foreign name that resolves to it? */
static bool is_for_us(struct server *s, struct MHD_Connection *connection)
{
	return !s->only_as ||
	       host_is_ours(s->mhd->MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								"Host"),
			    s->only_as->where, s->only_as->given);
}

static enum MHD_Result reply_unauthorized(struct server *s, struct MHD_Connection *connection)
{
	return reply_text(s, connection, MHD_HTTP_UNAUTHORIZED, "Unauthorized\n",
			  "WWW-Authenticate", "Basic realm=\"cowstat\", charset=\"UTF-8\"");
}

/* Did the client show a certificate that client_ca_file signed? */
static bool is_certified(struct server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		s->mhd->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned int status = 0;

	return info &&
	       !s->mhd->gnutls_certificate_verify_peers2((gnutls_session_t)info->tls_session,
							 &status) &&
	       !status;
}

static struct visitor *visitor_of(struct server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		s->mhd->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/*
 * libmicrohttpd calls this when it has a request's headers, and again until there is a reply. A
 * request that waits for another thread is suspended meanwhile.
 */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload_data,
			      size_t *upload_data_size, void **request_arg)
{
	struct server *s = arg;
	struct visitor *visitor = visitor_of(s, connection);
	struct request *request = *request_arg;

	(void)version;
	(void)upload_data;
	if (!visitor)
		return MHD_NO; /* there was no memory for it */
	visitor->busy = true;
	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		*request_arg = request;
		if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
			return reply_text(s, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
					  "There are GET and HEAD only.\n", "Allow", "GET, HEAD");
		}
		return MHD_YES;
	}
	*upload_data_size = 0;
	if (!is_for_us(s, connection))
		return reply_text(s, connection, MHD_HTTP_FORBIDDEN,
				  "Without a password, cowstat serves only who asks for localhost or the address that it listens on. The header Host names another host: use localhost, or set basic_auth_users (see cowstat(8), --web.config.file).\n",
				  NULL, NULL);
	if (s->client_certificate && !is_certified(s, connection))
		return reply_text(s, connection, MHD_HTTP_FORBIDDEN,
				  "A client certificate is needed.\n", NULL, NULL);
	if (s->guard && request->state == REQUEST_NEW) {
		switch (guard_check(s->guard,
				    s->mhd->MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
									"Authorization"),
				    &request->login)) {
		case VERDICT_NO:
			return reply_unauthorized(s, connection);
		case VERDICT_ASK:
			request->state = REQUEST_LOGIN;
			request->login.arg = connection;
			visitor->suspended = true;
			s->mhd->MHD_suspend_connection(connection);
			guard_submit(s->guard, &request->login);
			return MHD_YES;
		default:
			break;
		}
	}
	if (request->state == REQUEST_LOGIN && !request->login.good)
		return reply_unauthorized(s, connection);
	if (request->state == REQUEST_TABLE)
		return reply_table(s, visitor, request);
	request->state = REQUEST_ALLOWED;
	return reply(s, visitor, request, url);
}

static void completed(void *arg, struct MHD_Connection *connection, void **request_arg,
		      enum MHD_RequestTerminationCode why)
{
	struct visitor *visitor = visitor_of(arg, connection);
	struct request *request = *request_arg;

	(void)why;
	if (visitor) {
		visitor->busy = false;
		visitor->answered = true;
		visitor->since_ns = now_ns();
	}
	if (request)
		explicit_bzero(request, sizeof(*request));
	free(request);
	*request_arg = NULL;
}

static void connected(void *arg, struct MHD_Connection *connection, void **context,
		      enum MHD_ConnectionNotificationCode what)
{
	struct visitor *visitor = *context;
	struct server *s = arg;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		visitor = calloc(1, sizeof(*visitor));
		*context = visitor;
		if (!visitor)
			return;
		visitor->connection = connection;
		visitor->since_ns = now_ns();
		visitor->next = s->visitors;
		if (visitor->next)
			visitor->next->previous = visitor;
		s->visitors = visitor;
	} else if (visitor) {
		if (visitor->next)
			visitor->next->previous = visitor->previous;
		if (visitor->previous)
			visitor->previous->next = visitor->next;
		else
			s->visitors = visitor->next;
		free(visitor);
		*context = NULL;
	}
}

/**
 * server_start() - begin to serve
 * @listening: a listening socket, the server's from here on; must stay
 * @config: TLS and users; must stay
 * @readings: what is served; must stay
 * @why: on error, what is wrong and what to do about it
 * @len: size of @why
 *
 * Return: the server, to be given to server_run() and server_free(); or NULL.
 */
struct server *server_start(const struct listening *listening, const struct web_config *config,
			    struct readings *readings, char *why, size_t len)
{
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem options[8] = {};
	struct server *s = calloc(1, sizeof(*s));
	size_t n = 0;

	if (!s) {
		snprintf(why, len, "cannot serve: %s", strerror(ENOMEM));
		return NULL;
	}
	s->readings = readings;
	/* A browser that comes by a foreign name has no password for it, and no certificate. */
	if (listening->loopback && !config->cert && !config->nr_users)
		s->only_as = listening;
	s->mhd = mhd_load(why, len);
	if (!s->mhd)
		goto fail;
	if (config->cert) {
		if (s->mhd->MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
			snprintf(why, len, "this libmicrohttpd was built without TLS");
			goto fail;
		}
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0,
							config->cert };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, config->key };
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_PRIORITIES, 0,
			config->tls13 ? "NORMAL:-VERS-ALL:+VERS-TLS1.3" :
					"NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3"
		};
	}
	if (config->client_ca) {
		s->client_certificate = true;
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
							config->client_ca };
	}
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	s->maker = maker_new(sizeof(struct document));
	if (!s->maker) {
		snprintf(why, len, "cannot serve: %s", strerror(errno));
		goto fail;
	}
	if (config->nr_users) {
		s->guard = guard_new(config, why, len);
		if (!s->guard)
			goto fail;
	}
	s->daemon = s->mhd->MHD_start_daemon(flags, 0, NULL, NULL, handle, s,
					     MHD_OPTION_LISTEN_SOCKET, listening->fd,
					     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
					     MHD_OPTION_PER_IP_CONNECTION_LIMIT,
					     CONNECTIONS_OF_ONE_IP, MHD_OPTION_CONNECTION_TIMEOUT,
					     IDLE_MAX_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					     REQUEST_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, completed,
					     s, MHD_OPTION_NOTIFY_CONNECTION, connected, s,
					     MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (s->daemon)
		return s;
	snprintf(why, len, "cannot start to serve%s",
		 config->cert ? ": are the certificate and its key as they should be?" : "");
	if (s->guard)
		guard_stop(s->guard);
fail:
	guard_free(s->guard);
	maker_free(s->maker);
	free(s);
	return NULL;
}

/* Go on with the requests that wait for a table. */
static void take_table(struct server *s)
{
	struct visitor *v;
	size_t size;
	char *text = maker_take(s->maker, &size);

	if (s->made)
		s->mhd->MHD_destroy_response(s->made);
	s->made = document_end(s, text, size);
	s->made_of = s->making;
	if (s->made)
		add_headers(s, s->made, "application/json");
	for (v = s->visitors; v; v = v->next) {
		if (!v->wants_table)
			continue;
		v->wants_table = false;
		v->suspended = false;
		s->mhd->MHD_resume_connection(v->connection);
	}
}

/* Go on with requests whose passwords have been computed. */
static void resume(struct server *s, struct login *list)
{
	struct login *login, *next;

	for (login = list; login; login = next) {
		next = login->next;
		visitor_of(s, login->arg)->suspended = false;
		s->mhd->MHD_resume_connection(login->arg);
	}
}

static void cut_late(struct server *s, uint64_t now)
{
	struct visitor *v;

	for (v = s->visitors; v; v = v->next)
		if (!v->cut && v->since_ns + REQUEST_MAX_NS < now)
			cut(s, v);
}

/* Has somebody a request under way, or come so lately that it is not seen yet? */
static bool any_waits(const struct server *s, uint64_t now)
{
	const struct visitor *v;

	for (v = s->visitors; v; v = v->next)
		if (v->busy || (!v->answered && now < v->since_ns + NEW_NS))
			return true;
	return false;
}

/* How long to wait for events: no longer than libmicrohttpd wants, and a second. */
static int wait_ms(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return s->mhd->MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms < 1000 ? (int)ms : 1000;
}

/**
 * server_run() - serve until told to stop
 * @server: the server
 * @stop_fd: readable when it shall stop. Requests that have been seen are answered, for at most
 *	three seconds
 */
void server_run(struct server *server, int stop_fd)
{
	const struct mhd *mhd = server->mhd;
	struct pollfd wait[] = {
		{ .events = POLLIN },
		{ .fd = server->guard ? guard_fd(server->guard) : -1, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
		{ .fd = maker_fd(server->maker), .events = POLLIN },
	};
	uint64_t stopped_ns = 0, now;

	wait[0].fd = mhd->MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	for (;;) {
		poll(wait, 4, wait_ms(server));
		if (wait[1].revents)
			resume(server, guard_done(server->guard));
		if (wait[3].revents)
			take_table(server);
		mhd->MHD_run(server->daemon);
		now = now_ns();
		cut_late(server, now);
		if (wait[2].revents && !stopped_ns) {
			stopped_ns = now;
			wait[2].fd = -1;
			wait[2].revents = 0;
			close(mhd->MHD_quiesce_daemon(server->daemon));
		}
		if (stopped_ns && (!any_waits(server, now) || now - stopped_ns > STOP_MAX_NS))
			return;
		if (!stopped_ns)
			readings_refresh(server->readings, now, READING_MAX_NS);
	}
}

/**
 * server_free() - stop the server and give its memory back
 * @server: the server
 */
void server_free(struct server *server)
{
	const struct mhd *mhd = server->mhd;
	struct visitor *v;

	if (server->guard)
		guard_stop(server->guard);
	if (maker_is_busy(server->maker))
		take_table(server);
	if (server->made)
		mhd->MHD_destroy_response(server->made);
	forget_documents(server);
	/* libmicrohttpd may have no suspended connection left. */
	for (v = server->visitors; v; v = v->next)
		if (v->suspended)
			mhd->MHD_resume_connection(v->connection);
	mhd->MHD_stop_daemon(server->daemon);
	guard_free(server->guard);
	maker_free(server->maker);
	free(server);
}
