/*
 * gateway.c - the agents' port: the listener, and each connection's life.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/gateway/conn.h"

#include "common/link.h"
#include "console/conlog.h"

#include <stdlib.h>
#include <string.h>

#define BACKLOG 511
/* How long records may wait for their commit while more come in: if they are
 * all of one device, and if somebody else waits too. */
#define TURN_ALONE_NS UINT64_C(100000000)
#define TURN_MOST_NS UINT64_C(20000000)

static int
uv_error(int status)
{
	switch (status) {
	case 0:
		return 0;
	case UV_EADDRINUSE:
		return ERR_EXISTS;
	case UV_EACCES:
	case UV_EPERM:
		return ERR_PERMISSION;
	case UV_ENOMEM:
		return ERR_NOMEM;
	case UV_EINVAL:
	case UV_EADDRNOTAVAIL:
		return ERR_USAGE;
	default:
		return ERR_IO;
	}
}

static void
free_when_done(struct gateway *g)
{
	if (!g->closing || g->handles > 0 || g->n_conns > 0)
		return;
	tls_config_free(g->tls);
	buf_free(&g->plain);
	buf_free(&g->frames);
	buf_free(&g->cipher);
	free(g->read);
	free(g);
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct gateway *g = h->data;

	g->handles--;
	free_when_done(g);
}

void
gateway_add(struct gateway *g, struct conn *c)
{
	c->next = g->first;
	c->at = &g->first;
	if (c->next != NULL)
		c->next->at = &c->next;
	g->first = c;
	g->n_conns++;
	c->unproven_at = g->unproven_last;
	*g->unproven_last = c;
	g->unproven_last = &c->unproven_next;
	g->n_unproven++;
}

void
gateway_set_proven(struct gateway *g, struct conn *c)
{
	if (c->unproven_at == NULL)
		return;
	*c->unproven_at = c->unproven_next;
	if (c->unproven_next != NULL)
		c->unproven_next->unproven_at = c->unproven_at;
	else
		g->unproven_last = c->unproven_at;
	c->unproven_next = NULL;
	c->unproven_at = NULL;
	g->n_unproven--;
}

void
gateway_forget(struct gateway *g, struct conn *c)
{
	struct conn **at;

	gateway_set_proven(g, c);
	for (at = &g->dirty; *at != NULL; at = &(*at)->next_dirty)
		if (*at == c) {
			*at = c->next_dirty;
			break;
		}
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	g->n_conns--;
	free_when_done(g);
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct gateway *g = listener->data;
	struct conn *c;

	if (status != 0) {
		conlog_event("accept_failed error=%s", uv_strerror(status));
		return;
	}
	/* A flood of unproven ones pushes out its own oldest. */
	if (g->n_unproven >= (size_t)g->console->settings->unproven)
		conn_drop(g->unproven_first);
	if ((c = conn_new(g)) == NULL) {
		conlog_event("accept_failed error=no_memory");
		return;
	}
	g->console->counters.agent_connections++;
	gateway_add(g, c);
	conn_accept(c, listener);
}

/* Does nothing but keep the loop from waiting. */
static void
on_busy(uv_idle_t *h)
{
	(void)h;
}

/*
 * Before the loop waits: one commit for all that came, then what follows. In
 * a flood the commit comes a little later, and is for more.
 */
static void
on_turn_end(uv_prepare_t *h)
{
	struct gateway *g = h->data;
	struct turn *t = &g->console->turn;
	uint64_t now = uv_hrtime();
	uint64_t most = turn_is_shared(t) ? TURN_MOST_NS : TURN_ALONE_NS;

	if (!turn_is_busy(t) ||
	    (g->busy_since != 0 && now - g->busy_since > most)) {
		(void)turn_settle(t);
		g->busy_since = 0;
		(void)uv_idle_stop(&g->busy);
	} else if (g->busy_since == 0) {
		g->busy_since = now;
		(void)uv_idle_start(&g->busy, on_busy);
	}
	conn_flush_all(g);
}

static int
listen_on(struct gateway *g, const struct settings_listen *l)
{
	struct sockaddr_storage a;
	int len = sizeof(a), err;

	if (uv_ip4_addr(l->host, l->port, (struct sockaddr_in *)&a) != 0 &&
	    uv_ip6_addr(l->host, l->port, (struct sockaddr_in6 *)&a) != 0)
		return ERR_USAGE;
	err = uv_tcp_bind(&g->listener, (struct sockaddr *)&a, 0);
	if (err == 0)
		err = uv_listen((uv_stream_t *)&g->listener, BACKLOG,
		    on_connection);
	if (err == 0)
		err = uv_tcp_getsockname(&g->listener, (struct sockaddr *)&a,
		    &len);
	if (err != 0)
		return uv_error(err);
	g->port = a.ss_family == AF_INET6 ?
	    ntohs(((struct sockaddr_in6 *)&a)->sin6_port) :
	    ntohs(((struct sockaddr_in *)&a)->sin_port);
	return 0;
}

int
gateway_new(struct console *c, struct tls_config *tls, struct gateway **ret_g)
{
	struct gateway *g;
	int err;

	g = calloc(1, sizeof(*g));
	if (g == NULL || (g->read = malloc(GATEWAY_READ)) == NULL) {
		free(g);
		tls_config_free(tls);
		return ERR_NOMEM;
	}
	g->console = c;
	g->tls = tls;
	g->handles = 3;
	g->unproven_last = &g->unproven_first;
	buf_init(&g->plain, GATEWAY_PLAIN);
	buf_init(&g->frames, LINK_TEXT_CAP + 1024);
	buf_init(&g->cipher, 2 * TLS_OUTPUT_MAX);
	(void)uv_tcp_init(c->loop, &g->listener);
	(void)uv_prepare_init(c->loop, &g->turn_end);
	(void)uv_idle_init(c->loop, &g->busy);
	g->listener.data = g;
	g->turn_end.data = g;
	g->busy.data = g;
	if ((err = listen_on(g, &c->settings->agents)) != 0) {
		gateway_close(g);
		return err;
	}
	(void)uv_prepare_start(&g->turn_end, on_turn_end);
	*ret_g = g;
	return 0;
}

uint16_t
gateway_port(const struct gateway *g)
{
	return g->port;
}

size_t
gateway_connections(const struct gateway *g)
{
	return g->n_conns;
}

void
gateway_set_tls(struct gateway *g, struct tls_config *tls)
{
	tls_config_free(g->tls);
	g->tls = tls;
}

void
gateway_close(struct gateway *g)
{
	struct conn *c, *next;

	if (g == NULL || g->closing)
		return;
	g->closing = true;
	(void)turn_settle(&g->console->turn);
	for (c = g->first; c != NULL; c = next) {
		next = c->next;
		conn_close(c, WS_CODE_GOING_AWAY, "the console stops");
	}
	uv_close((uv_handle_t *)&g->listener, on_handle_closed);
	uv_close((uv_handle_t *)&g->turn_end, on_handle_closed);
	uv_close((uv_handle_t *)&g->busy, on_handle_closed);
}
