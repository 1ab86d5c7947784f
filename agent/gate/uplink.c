/*
 * uplink.c - the gate's end of the courier: start, watch, read, write.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/uplink.h"

#include "platform/pipes.h"
#include "platform/privileges.h"
#include "platform/process.h"
#include "platform/secrets.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COURIER_FD 3
#define READ_SIZE 65536
#define RESTART_MIN_MS 1000u
#define RESTART_MAX_MS 60000u
/* A courier that stood this long starts again from the shortest delay. */
#define STEADY_MS 60000u

struct uplink {
	struct uplink_config cfg;
	struct process process;
	uv_pipe_t pipe;
	uv_timer_t restart;
	bool pipe_open;		/* the handle is initialised and not closing */
	unsigned handles;	/* not yet closed by the loop */
	bool closing;
	struct wire_in in;
	enum wire_gate_state state;
	char detail[WIRE_REASON_CAP + 1];
	size_t queued;		/* bytes in uv_write requests */
	bool was_full;
	uint64_t delay_ms;
	uint64_t started_at;	/* uv_now at the start */
	uint8_t *read_buf;	/* only while a read is under way */
};

struct uplink_write {
	uv_write_t req;
	struct uplink *u;
	size_t n;
	uint8_t data[];
};

static int courier_start(struct uplink *u);

static void
on_handle_closed(uv_handle_t *h)
{
	struct uplink *u = h->data;

	u->handles--;
	if (h == (uv_handle_t *)&u->pipe)
		u->pipe_open = false;
	if (u->closing && u->handles == 0) {
		wire_in_fini(&u->in);
		free(u->read_buf);
		free(u);
	}
}

static void
set_state(struct uplink *u, enum wire_gate_state state, const char *detail)
{
	u->state = state;
	if (detail != u->detail)
		snprintf(u->detail, sizeof(u->detail), "%s", detail);
	u->cfg.on_state(u->cfg.arg, state, u->detail);
}

static void
on_restart(uv_timer_t *t)
{
	struct uplink *u = t->data;

	/* The old pipe's close callback comes first; then there is room. */
	if (u->pipe_open || u->process.pid != 0 || courier_start(u) != 0)
		uv_timer_start(t, on_restart, u->delay_ms, 0);
}

/* Ends this courier and has another one started later. */
static void
courier_end(struct uplink *u, const char *why)
{
	if (u->process.pid > 0)
		(void)process_kill(&u->process, SIGKILL);
	if (u->pipe_open && !uv_is_closing((uv_handle_t *)&u->pipe))
		uv_close((uv_handle_t *)&u->pipe, on_handle_closed);
	wire_in_fini(&u->in);
	wire_in_init(&u->in, WIRE_AT_GATE);
	if (u->closing || uv_is_active((uv_handle_t *)&u->restart))
		return;
	if (uv_now(u->cfg.loop) - u->started_at >= STEADY_MS)
		u->delay_ms = RESTART_MIN_MS;
	log_event(u->cfg.log, SERVICE_WARNING,
	    "courier ended reason=\"%s\" restart_ms=%llu", why,
	    (unsigned long long)u->delay_ms);
	uv_timer_start(&u->restart, on_restart, u->delay_ms, 0);
	u->delay_ms = u->delay_ms * 2 > RESTART_MAX_MS ? RESTART_MAX_MS :
	    u->delay_ms * 2;
	set_state(u, WIRE_GATE_STARTING, why);
}

void
uplink_violation(struct uplink *u, const char *reason)
{
	u->cfg.on_violation(u->cfg.arg, reason);
	courier_end(u, reason);
}

void
uplink_drop(struct uplink *u, const char *why)
{
	courier_end(u, why);
}

static void
send_config(struct uplink *u)
{
	struct buf b;

	buf_init(&b, WIRE_CA_CAP + 8192);
	wire_put_config(&b, &u->cfg.link);
	if (buf_error(&b) != 0 || uplink_send(u, buf_bytes(&b)) != 0)
		courier_end(u, "its configuration does not fit");
	buf_free(&b);
}

static bool
follow_link(struct uplink *u, struct bytes body)
{
	struct wire_link_status s;
	char detail[WIRE_REASON_CAP + 1];
	size_t i;

	if (wire_get_link(body, &s) != 0)
		return false;
	/* It goes into `status`, where not every character may stand. */
	for (i = 0; i < s.detail.n && i + 1 < sizeof(detail); i++)
		detail[i] = (char)(s.detail.p[i] >= 0x20 &&
		    s.detail.p[i] < 0x7f ? s.detail.p[i] : '?');
	detail[i] = '\0';
	set_state(u, s.state == WIRE_LINK_UP ? WIRE_GATE_UP : WIRE_GATE_DOWN,
	    detail);
	return true;
}

/* What a message means for the state; false if its body is malformed. */
static bool
follow(struct uplink *u, const struct wire_msg *m)
{
	struct wire_challenge c;

	switch (m->type) {
	case WIRE_READY:
		set_state(u, WIRE_GATE_DOWN, "not connected yet");
		send_config(u);
		return true;
	case WIRE_LINK:
		return follow_link(u, m->body);
	case WIRE_CHALLENGE:
		if (wire_get_challenge(m->body, &c) != 0)
			return false;
		set_state(u, WIRE_GATE_PROVING, u->detail);
		return true;
	case WIRE_WELCOME:
		set_state(u, WIRE_GATE_SYNCED, u->detail);
		return true;
	default:
		return true;
	}
}

static void
read_messages(struct uplink *u, struct bytes data)
{
	struct wire_msg m;
	int r;

	while (u->pipe_open && !uv_is_closing((uv_handle_t *)&u->pipe)) {
		r = wire_in_next(&u->in, &data, u->state, &m);
		if (r == 0)
			return;
		if (r < 0) {
			uplink_violation(u, err_word(r));
			return;
		}
		if (!follow(u, &m)) {
			uplink_violation(u, "malformed");
			return;
		}
		u->cfg.on_message(u->cfg.arg, &m);
	}
}

static void
on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret_b)
{
	struct uplink *u = h->data;

	(void)hint;
	/* Not kept while idle: most of a gate's life is waiting. */
	if (u->read_buf == NULL)
		u->read_buf = malloc(READ_SIZE);
	*ret_b = uv_buf_init((char *)u->read_buf,
	    u->read_buf != NULL ? READ_SIZE : 0);
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct uplink *u = s->data;
	uint8_t *data = u->read_buf;

	(void)b;
	u->read_buf = NULL;
	if (n > 0)
		read_messages(u, bytes_of(data, (size_t)n));
	else if (n < 0 && n != UV_EAGAIN)
		courier_end(u, "it closed its pipe");
	free(data);
}

static int
pipe_attach(struct uplink *u, int fd)
{
	if (uv_pipe_init(u->cfg.loop, &u->pipe, 0) != 0)
		return ERR_IO;
	u->pipe.data = u;
	u->pipe_open = true;
	u->handles++;
	if (uv_pipe_open(&u->pipe, fd) == 0 &&
	    uv_read_start((uv_stream_t *)&u->pipe, on_alloc, on_read) == 0)
		return 0;
	uv_close((uv_handle_t *)&u->pipe, on_handle_closed);
	return ERR_IO;
}

static int
courier_start(struct uplink *u)
{
	const char *argv[] = { "countersign-courier", NULL, NULL, NULL };
	const char *envp[] = { NULL };
	int fds[2] = { -1, -1 }, err;
	struct process_fd map[] = { { COURIER_FD, -1 }, { 2, 2 } };
	struct process_spec spec = {
		.role = PROCESS_COURIER,
		.exec_fd = u->cfg.program->fd,
		.argv = argv,
		.envp = envp,
		.fds = map,
		.n_fds = 2,
		.new_session = true,
	};

	if (privileges_is_root()) {
		argv[1] = "--user";
		argv[2] = u->cfg.user;
		spec.user = u->cfg.user;
	}
	if ((err = pipes_pair(fds)) != 0)
		return err;
	map[0].parent = fds[1];
	wire_in_fini(&u->in);
	wire_in_init(&u->in, WIRE_AT_GATE);
	u->started_at = uv_now(u->cfg.loop);
	if ((err = process_start(&spec, NULL, &u->process)) == 0) {
		u->state = WIRE_GATE_STARTING;
		if ((err = pipe_attach(u, fds[0])) == 0)
			fds[0] = -1;
		else
			(void)process_kill(&u->process, SIGKILL);
	}
	pipes_close(&fds[0]);
	pipes_close(&fds[1]);
	return err;
}

int
uplink_open(const struct uplink_config *cfg, struct uplink **ret_u)
{
	struct uplink *u = calloc(1, sizeof(*u));
	int err;

	if (u == NULL)
		return ERR_NOMEM;
	u->cfg = *cfg;
	u->process.pidfd = -1;
	u->delay_ms = RESTART_MIN_MS;
	wire_in_init(&u->in, WIRE_AT_GATE);
	if (uv_timer_init(cfg->loop, &u->restart) != 0) {
		free(u);
		return ERR_IO;
	}
	u->restart.data = u;
	u->handles++;
	*ret_u = u;
	if ((err = courier_start(u)) != 0) {
		log_event(cfg->log, SERVICE_ERROR,
		    "courier start failed reason=%s", err_word(err));
		courier_end(u, "it could not be started");
	}
	return 0;
}

void
uplink_close(struct uplink *u)
{
	if (u == NULL || u->closing)
		return;
	u->closing = true;
	courier_end(u, "closing");
	uv_close((uv_handle_t *)&u->restart, on_handle_closed);
}

static void
on_written(uv_write_t *req, int status)
{
	struct uplink_write *w = (struct uplink_write *)req;
	struct uplink *u = w->u;

	u->queued -= w->n;
	secrets_wipe(w->data, w->n);
	free(w);
	if (status != 0 || u->closing)
		return;
	if (u->was_full && u->queued <= UPLINK_QUEUE_CAP / 2) {
		u->was_full = false;
		u->cfg.on_room(u->cfg.arg);
	}
}

int
uplink_send(struct uplink *u, struct bytes messages)
{
	struct uplink_write *w;
	uv_buf_t b;

	if (!u->pipe_open || uv_is_closing((uv_handle_t *)&u->pipe) ||
	    messages.n == 0)
		return 0;
	if ((w = malloc(sizeof(*w) + messages.n)) == NULL)
		return ERR_NOMEM;
	memcpy(w->data, messages.p, messages.n);
	w->u = u;
	w->n = messages.n;
	b = uv_buf_init((char *)w->data, (unsigned)messages.n);
	if (uv_write(&w->req, (uv_stream_t *)&u->pipe, &b, 1,
	    on_written) != 0) {
		free(w);
		return 0;
	}
	u->queued += messages.n;
	return 0;
}

size_t
uplink_room(struct uplink *u)
{
	if (u->state != WIRE_GATE_SYNCED)
		return 0;
	if (u->queued >= UPLINK_QUEUE_CAP) {
		/* on_room is owed to whoever was told that there is none. */
		u->was_full = true;
		return 0;
	}
	return UPLINK_QUEUE_CAP - u->queued;
}

enum wire_gate_state
uplink_state(const struct uplink *u)
{
	return u->state;
}

const char *
uplink_detail(const struct uplink *u)
{
	return u->detail;
}

int
uplink_pid(const struct uplink *u)
{
	return u->process.pid;
}

void
uplink_reap(struct uplink *u)
{
	struct process_end end;

	if (u->process.pid == 0 || process_wait(&u->process, &end) != 0)
		return;
	if (u->pipe_open && !uv_is_closing((uv_handle_t *)&u->pipe))
		courier_end(u, "it ended");
}

bool
uplink_is_split(void)
{
	return privileges_is_root();
}
