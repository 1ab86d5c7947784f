/*
 * server.c - the HTTP daemon on the console's loop, and routing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * libmicrohttpd runs without a thread: its epoll descriptor is polled by the
 * loop, and MHD_run() is called when that is readable, when its timeout is
 * over, and once more at once if it says that data is pending already.
 */
#include "console/api/http.h"

#include "platform/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_S 60u
#define MEMORY_PER_CONNECTION ((size_t)64 << 10)
#define BEAT_MS 15000u
/* A connection that sends more than any path takes is closed. */
#define BODY_MAX ((size_t)32 << 20)

struct api {
	struct console *console;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timeout;	/* the daemon's own */
	uv_timer_t beat;
	uv_idle_t kick;		/* active: runs the daemon before waiting */
	unsigned handles;
	bool closing;
	bool running;		/* inside MHD_run() */
	uint16_t port;
	struct stream *streams;
};

/* ---- the daemon on the loop ---- */

static void on_timeout(uv_timer_t *t);

static void
run(struct api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (a->running || a->daemon == NULL)
		return;
	a->running = true;
	(void)MHD_run(a->daemon);
	a->running = false;
	if (MHD_get_timeout(a->daemon, &ms) != MHD_YES)
		(void)uv_timer_stop(&a->timeout);
	else
		(void)uv_timer_start(&a->timeout, on_timeout, ms, 0);
}

static void
on_timeout(uv_timer_t *t)
{
	run(t->data);
}

static void
on_readable(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	run(p->data);
}

static void
on_kick(uv_idle_t *h)
{
	(void)uv_idle_stop(h);
	run(h->data);
}

static void
on_beat(uv_timer_t *t)
{
	struct api *a = t->data;

	stream_beat_all(&a->streams);
	run(a);
}

void
http_kick(struct api *a)
{
	/* Whoever kicks, and be it the last thing before the loop waits. */
	(void)uv_idle_start(&a->kick, on_kick);
}

struct stream **
http_streams(struct api *a)
{
	return &a->streams;
}

/* ---- requests ---- */

static void
free_request(struct request *r)
{
	if (r == NULL)
		return;
	buf_free(&r->body);
	free(r);
}

/* Whether the path fits; ret_param is what each {} stands for. */
static bool
path_fits(const char *pattern, const char *path,
    struct bytes ret_param[HTTP_PARAMS])
{
	const char *end;
	size_t n = 0;

	while (*pattern != '\0' && *path != '\0') {
		if (pattern[0] != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		end = pattern[1] == '*' ? NULL : strchr(path, '/');
		pattern = strchr(pattern, '}') + 1;
		if (end == NULL)
			end = path + strlen(path);
		if (end == path || n == HTTP_PARAMS)
			return false;
		ret_param[n++] = bytes_of(path, (size_t)(end - path));
		path = end;
	}
	return *pattern == '\0' && *path == '\0';
}

/* Finds the route; answers 404 or 405 itself. */
static bool
find_route(struct request *r, const char *method)
{
	const struct route *route;
	bool path = false;

	for (route = http_routes; route->method != NULL; route++) {
		if (!path_fits(route->path, r->path, r->param))
			continue;
		path = true;
		if (strcmp(route->method, method) == 0) {
			r->route = route;
			return true;
		}
	}
	if (path)
		http_problem(r, 405, "method_not_allowed", "this path does "
		    "not take that method", "see /openapi.json for what it "
		    "takes");
	else
		http_problem(r, 404, "no_such_path", "there is nothing at "
		    "this path", "see /openapi.json for what there is");
	return false;
}

static struct request *
new_request(struct api *a, struct MHD_Connection *connection,
    const char *path)
{
	struct request *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->api = a;
	r->c = a->console;
	r->connection = connection;
	r->now = clock_wall_s();
	r->queued = MHD_YES;
	if (strlen(path) < sizeof(r->path))
		memcpy(r->path, path, strlen(path) + 1);
	a->console->counters.requests++;
	return r;
}

static void
refuse_body(struct request *r)
{
	http_problem(r, 413, "too_large", "the body is larger than this path "
	    "takes", "send what /openapi.json describes");
}

/* Whether it says that more comes than is ever read. */
static bool
is_endless(struct request *r)
{
	const char *p = MHD_lookup_connection_value(r->connection,
	    MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t n = 0;

	for (; p != NULL && *p >= '0' && *p <= '9' && n <= BODY_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	return n > BODY_MAX;
}

/* The headers are here: who asks for what? */
static enum MHD_Result
begin(struct request *r, const char *method)
{
	if (find_route(r, method) &&
	    (r->route->right == 0 || http_authenticate(r))) {
		buf_init(&r->body, r->route->body);
		if (is_endless(r))
			refuse_body(r);
	}
	return r->queued;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *n,
    void **context)
{
	struct request *r = *context;

	(void)version;
	if (r == NULL) {
		if ((r = new_request(cls, connection, path)) == NULL)
			return MHD_NO;
		*context = r;
		return begin(r, method);
	}
	if (*n > 0) {
		/* What is too much is read, so that the answer is too. */
		buf_put(&r->body, data, *n);
		r->received += *n;
		*n = 0;
		return r->received <= BODY_MAX ? MHD_YES : MHD_NO;
	}
	if (r->answered)
		return MHD_YES;
	if (buf_error(&r->body) == ERR_TOO_LARGE)
		refuse_body(r);
	else if (buf_error(&r->body) != 0)
		http_error(r, ERR_NOMEM);
	else
		r->route->handle(r);
	if (!r->answered)
		http_error(r, ERR_IO);
	return r->queued;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	(void)cls;
	(void)connection;
	(void)code;
	free_request(*context);
	*context = NULL;
}

/* ---- its life ---- */

static void
on_handle_closed(uv_handle_t *h)
{
	struct api *a = h->data;

	if (--a->handles == 0)
		free(a);
}

static int
open_socket(const struct settings_listen *l, int *ret_fd, uint16_t *ret_port)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int fd, one = 1, err = 0;

	memset(&a, 0, sizeof(a));
	if (uv_ip4_addr(l->host, l->port, (struct sockaddr_in *)&a) != 0 &&
	    uv_ip6_addr(l->host, l->port, (struct sockaddr_in6 *)&a) != 0)
		return ERR_USAGE;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return files_error(errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, a.ss_family == AF_INET6 ?
	    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) != 0)
		err = errno == EADDRINUSE ? ERR_EXISTS :
		    errno == EADDRNOTAVAIL ? ERR_USAGE : files_error(errno);
	else if (listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		err = files_error(errno);
	if (err != 0) {
		(void)close(fd);
		return err;
	}
	*ret_port = a.ss_family == AF_INET6 ?
	    ntohs(((struct sockaddr_in6 *)&a)->sin6_port) :
	    ntohs(((struct sockaddr_in *)&a)->sin_port);
	*ret_fd = fd;
	return 0;
}

/* The listening socket is the daemon's from here on. */
static int
start_daemon(struct api *a, int fd)
{
	const union MHD_DaemonInfo *info;

	/* Its own log would say of every reader that it has gone. */
	a->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, on_request, a,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)a->console->settings->api_connections,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_PER_CONNECTION,
	    MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, a,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_END);
	if (a->daemon == NULL)
		return ERR_IO;
	info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info != NULL && uv_poll_init(a->console->loop, &a->poll,
	    info->epoll_fd) == 0)
		return 0;
	MHD_stop_daemon(a->daemon);
	a->daemon = NULL;
	return ERR_IO;
}

int
api_new(struct console *c, struct api **ret_a)
{
	struct api *a;
	int fd = -1, err;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return ERR_NOMEM;
	a->console = c;
	if ((err = open_socket(&c->settings->api, &fd, &a->port)) != 0 ||
	    (err = start_daemon(a, fd)) != 0) {
		free(a);
		return err;
	}
	(void)uv_timer_init(c->loop, &a->timeout);
	(void)uv_timer_init(c->loop, &a->beat);
	(void)uv_idle_init(c->loop, &a->kick);
	a->poll.data = a;
	a->timeout.data = a;
	a->beat.data = a;
	a->kick.data = a;
	a->handles = 4;
	(void)uv_poll_start(&a->poll, UV_READABLE, on_readable);
	(void)uv_timer_start(&a->beat, on_beat, BEAT_MS, BEAT_MS);
	run(a);
	*ret_a = a;
	return 0;
}

uint16_t
api_port(const struct api *a)
{
	return a->port;
}

void
api_close(struct api *a)
{
	if (a == NULL || a->closing)
		return;
	a->closing = true;
	/* The daemon may not be stopped while anything is suspended. */
	stream_end_all(&a->streams);
	run(a);
	(void)uv_poll_stop(&a->poll);
	MHD_stop_daemon(a->daemon);
	a->daemon = NULL;
	uv_close((uv_handle_t *)&a->poll, on_handle_closed);
	uv_close((uv_handle_t *)&a->timeout, on_handle_closed);
	uv_close((uv_handle_t *)&a->beat, on_handle_closed);
	uv_close((uv_handle_t *)&a->kick, on_handle_closed);
}
