/*
 * frontdesk.c - the local control socket: who is there, and what they ask.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/frontdesk.h"

#include "platform/pipes.h"
#include "platform/privileges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE 16384

struct client {
	uv_pipe_t pipe;
	struct frontdesk *desk;
	struct client *next;
	enum control_peer peer;
	char name[FRONTDESK_NAME_SIZE];
	struct control_in in;
	size_t queued;
	bool busy;		/* a request is being answered */
	bool hang_up;		/* close once all is written */
	client_pump *pump;
	void *stream;
	void (*stream_fini)(void *state);
	struct buf later;	/* input that came during an answer */
	uint8_t read_buf[READ_SIZE];
};

struct frontdesk {
	struct frontdesk_config cfg;
	uv_poll_t listener;
	int fd;			/* it listens; -1 closed */
	bool waiting;		/* the loop looks at it */
	struct client *clients;
	unsigned n_clients;
	uint32_t gid;
	bool has_group;
	bool closing;
};

struct client_write {
	uv_write_t req;
	struct client *c;
	size_t n;
	uint8_t data[];
};

static void read_requests(struct client *c, struct bytes data);
static void listen_again(struct frontdesk *d);

/* ---- the end of things ---- */

static void
desk_done(struct frontdesk *d)
{
	if (d->closing && d->clients == NULL &&
	    uv_is_closing((uv_handle_t *)&d->listener) &&
	    d->listener.data == NULL)
		free(d);
}

static void
on_listener_closed(uv_handle_t *h)
{
	struct frontdesk *d = h->data;

	h->data = NULL;
	desk_done(d);
}

static void
stream_stop(struct client *c)
{
	if (c->stream_fini != NULL)
		c->stream_fini(c->stream);
	free(c->stream);
	c->stream = NULL;
	c->stream_fini = NULL;
	c->pump = NULL;
}

static void
on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data, **at;
	struct frontdesk *d = c->desk;

	for (at = &d->clients; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	d->n_clients--;
	stream_stop(c);
	control_in_fini(&c->in);
	buf_free(&c->later);
	free(c);
	listen_again(d);
	desk_done(d);
}

static void
client_close(struct client *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->pipe))
		uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* ---- writing ---- */

static void
on_written(uv_write_t *req, int status)
{
	struct client_write *w = (struct client_write *)req;
	struct client *c = w->c;

	c->queued -= w->n;
	free(w);
	if (status != 0 || (c->hang_up && c->queued == 0)) {
		client_close(c);
		return;
	}
	if (c->pump != NULL && client_room(c) > 0)
		c->pump(c);
}

static void
client_send(struct client *c, const struct buf *b)
{
	struct client_write *w;
	uv_buf_t out;

	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	if (b->err != 0 || (w = malloc(sizeof(*w) + b->n)) == NULL) {
		client_close(c);
		return;
	}
	memcpy(w->data, b->p, b->n);
	w->c = c;
	w->n = b->n;
	out = uv_buf_init((char *)w->data, (unsigned)b->n);
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &out, 1,
	    on_written) != 0) {
		free(w);
		client_close(c);
		return;
	}
	c->queued += w->n;
}

size_t
client_room(const struct client *c)
{
	if (uv_is_closing((const uv_handle_t *)&c->pipe) ||
	    c->queued >= FRONTDESK_QUEUE_CAP)
		return 0;
	return FRONTDESK_QUEUE_CAP - c->queued;
}

void
client_end(struct client *c)
{
	struct buf b, later = c->later;

	stream_stop(c);
	buf_init(&b, FRAME_HEADER);
	control_put_end(&b);
	client_send(c, &b);
	buf_free(&b);
	c->busy = false;
	/* What the client had asked meanwhile comes now. */
	buf_init(&c->later, later.cap);
	if (later.n > 0)
		read_requests(c, buf_bytes(&later));
	buf_free(&later);
}

void
client_ok(struct client *c, struct bytes json)
{
	struct buf b;

	buf_init(&b, CONTROL_JSON_CAP + FRAME_HEADER);
	control_put_ok(&b, json);
	client_send(c, &b);
	buf_free(&b);
	client_end(c);
}

void
client_error(struct client *c, int exit_code, const char *word,
    const char *text)
{
	struct control_error e = {
		.exit_code = (uint8_t)exit_code,
		.word = bytes_str(word),
		.text = bytes_str(text),
	};
	struct buf b;

	buf_init(&b, CONTROL_TEXT_CAP + 256);
	control_put_error(&b, &e);
	client_send(c, &b);
	buf_free(&b);
	client_end(c);
}

void
client_record(struct client *c, uint64_t index, struct bytes payload)
{
	struct wire_record r = { index, payload };
	struct buf b;

	buf_init(&b, WIRE_RECORD_CAP + 64);
	control_put_record(&b, &r);
	client_send(c, &b);
	buf_free(&b);
}

void
client_data(struct client *c, struct bytes data)
{
	struct buf b;

	buf_init(&b, CONTROL_DATA_CAP + FRAME_HEADER);
	control_put_data(&b, data);
	client_send(c, &b);
	buf_free(&b);
}

void
client_stream(struct client *c, client_pump *pump, void *state,
    void (*fini)(void *state))
{
	c->pump = pump;
	c->stream = state;
	c->stream_fini = fini;
	pump(c);
}

void *
client_stream_state(struct client *c)
{
	return c->stream;
}

void *
client_arg(struct client *c)
{
	return c->desk->cfg.arg;
}

const char *
client_name(const struct client *c)
{
	return c->name;
}

/* ---- reading ---- */

static void
refuse(struct client *c, int err)
{
	c->hang_up = true;
	client_error(c, err == ERR_DENIED ? 3 : 2, err_word(err),
	    err == ERR_DENIED ?
	    "you may not do this here: ask root, or somebody in the agent's"
	    " group for what that group may do" :
	    "the request is not understood: use a countersign of the agent's"
	    " own version");
}

static void
answer(struct client *c, const struct wire_msg *m)
{
	struct control_request req;
	int err = control_get_request(m, &req);

	c->busy = true;
	if (err == 0 && !control_allowed(c->peer, &req))
		err = ERR_DENIED;
	if (err != 0)
		refuse(c, err);
	else
		c->desk->cfg.on_request(c->desk->cfg.arg, c, &req);
}

static void
read_requests(struct client *c, struct bytes data)
{
	struct wire_msg m;
	int r;

	while (!uv_is_closing((uv_handle_t *)&c->pipe) && !c->hang_up) {
		if (c->busy) {
			buf_put_bytes(&c->later, data);
			if (buf_error(&c->later) != 0)
				client_close(c);
			return;
		}
		r = control_in_next(&c->in, &data, c->peer, &m);
		if (r == 0)
			return;
		if (r < 0) {
			c->busy = true;
			refuse(c, r);
			return;
		}
		answer(c, &m);
	}
}

static void
on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret_b)
{
	struct client *c = h->data;

	(void)hint;
	*ret_b = uv_buf_init((char *)c->read_buf, sizeof(c->read_buf));
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct client *c = s->data;

	if (n < 0)
		client_close(c);
	else if (n > 0)
		read_requests(c, bytes_of(b->base, (size_t)n));
}

/* ---- arriving ---- */

static enum control_peer
peer_rights(const struct frontdesk *d, const struct peer *p)
{
	if (p->uid == 0 || p->uid == privileges_uid())
		return CONTROL_PEER_OWNER;
	if (d->has_group && peer_is_in_group(p, d->gid))
		return CONTROL_PEER_GROUP;
	return CONTROL_PEER_NONE;
}

static void
name_client(struct client *c, const struct peer *p)
{
	char user[FRONTDESK_NAME_SIZE - 8];

	if (privileges_name_user(p->uid, user, sizeof(user)) != 0)
		snprintf(user, sizeof(user), "%u", (unsigned)p->uid);
	snprintf(c->name, sizeof(c->name), "local:%s", user);
}

/* Whether there is room for one of those; who is refused takes none. */
static bool
has_room(const struct frontdesk *d, enum control_peer peer)
{
	return d->n_clients < FRONTDESK_CLIENTS -
	    (peer != CONTROL_PEER_OWNER ? FRONTDESK_OWNERS : 0);
}

/* Takes the connection, and its descriptor with it. */
static void
client_open(struct frontdesk *d, int fd, const struct peer *p)
{
	const enum control_peer peer = peer_rights(d, p);
	struct client *c = has_room(d, peer) ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL || uv_pipe_init(d->cfg.loop, &c->pipe, 0) != 0) {
		free(c);
		pipes_close(&fd);
		return;
	}
	c->pipe.data = c;
	c->desk = d;
	c->peer = peer;
	name_client(c, p);
	c->next = d->clients;
	d->clients = c;
	d->n_clients++;
	control_in_init(&c->in, false);
	buf_init(&c->later, CONTROL_JSON_CAP);
	if (uv_pipe_open(&c->pipe, fd) != 0) {
		pipes_close(&fd);
		client_close(c);
	} else if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc,
	    on_read) != 0) {
		client_close(c);
	}
}

static void
on_connection(uv_poll_t *h, int status, int events)
{
	struct frontdesk *d = h->data;
	struct peer p;
	int fd = -1, err;

	(void)status;
	(void)events;
	while ((err = pipes_accept(d->fd, &fd, &p)) == 0 || err == ERR_DENIED)
		if (err == 0)
			client_open(d, fd, &p);
	if (err != ERR_AGAIN) {
		/* No descriptors, perhaps: not again before one is free. */
		(void)uv_poll_stop(&d->listener);
		d->waiting = false;
	}
}

static void
listen_again(struct frontdesk *d)
{
	if (!d->waiting && !d->closing)
		d->waiting = uv_poll_start(&d->listener, UV_READABLE,
		    on_connection) == 0;
}

int
frontdesk_open(const struct frontdesk_config *cfg, struct frontdesk **ret_d)
{
	struct frontdesk *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL)
		return ERR_NOMEM;
	d->cfg = *cfg;
	d->fd = -1;
	d->has_group = cfg->group[0] != '\0' &&
	    privileges_find_group(cfg->group, &d->gid) == 0;
	err = pipes_listen(cfg->path, d->has_group ? 0660 : 0600,
	    d->has_group && privileges_is_root() ? d->gid : PIPES_GID_KEEP,
	    &d->fd);
	if (err != 0 || uv_poll_init_socket(cfg->loop, &d->listener,
	    (uv_os_sock_t)d->fd) != 0) {
		pipes_unlisten(&d->fd, cfg->path);
		free(d);
		return err != 0 ? err : ERR_IO;
	}
	d->listener.data = d;
	listen_again(d);
	if (d->waiting) {
		*ret_d = d;
		return 0;
	}
	frontdesk_close(d);
	return ERR_IO;
}

void
frontdesk_close(struct frontdesk *d)
{
	struct client *c, *next;

	if (d == NULL || d->closing)
		return;
	d->closing = true;
	for (c = d->clients; c != NULL; c = next) {
		next = c->next;
		client_close(c);
	}
	uv_close((uv_handle_t *)&d->listener, on_listener_closed);
	pipes_unlisten(&d->fd, d->cfg.path);
}

void
frontdesk_wake(struct frontdesk *d)
{
	struct client *c, *next;

	listen_again(d);
	for (c = d->clients; c != NULL; c = next) {
		next = c->next;
		if (c->pump != NULL && client_room(c) > 0)
			c->pump(c);
	}
}
