/*
 * courier.c - the loop, the link's life and the one timer.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/courier.h"

#include "agent/courier/events.h"
#include "common/link.h"
#include "platform/clock.h"
#include "platform/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A frame: 64 KiB and its header. */
#define FRAGMENT ((size_t)64 * 1024)
#define FRAME_CAP (FRAGMENT + 64)

/* What a state may take, in order of enum wire_courier_state. */
/* clang-format off */
static const struct {
	uint32_t limit_ms;	/* 0 none */
	const char *timeout;	/* what to say then */
} states[] = {
	[WIRE_COURIER_STARTING] = { 0, "" },
	[WIRE_COURIER_DOWN] = { 0, "" },
	[WIRE_COURIER_UP] = { 15000, "the console sends no challenge" },
	[WIRE_COURIER_ASKED] = { 60000, "the gate does not answer" },
	[WIRE_COURIER_ENROLLING] = { 60000,
	    "the console does not answer the enrolment" },
	[WIRE_COURIER_PROVING] = { 30000,
	    "the console does not answer the hello" },
	[WIRE_COURIER_SYNCED] = { 0, "" },
};
/* clang-format on */

void
courier_quit(struct courier *c, enum courier_exit status)
{
	/* The first reason counts. */
	if (c->exit_status < 0)
		c->exit_status = (int)status;
	uv_stop(&c->loop);
}

void
courier_enter(struct courier *c, enum wire_courier_state state)
{
	uint32_t limit = states[state].limit_ms;

	c->state = state;
	c->deadline = limit > 0 ? clock_boot_ms() + limit : 0;
}

void
courier_random(struct courier *c, void *ret_p, size_t n)
{
	if (random_fill(ret_p, n) == 0)
		return;
	event_log("cannot go on reason=no_random_numbers");
	memset(ret_p, 0, n);
	courier_quit(c, COURIER_EXIT_START);
}

static uint32_t
chance(struct courier *c)
{
	uint32_t v;

	courier_random(c, &v, sizeof(v));
	return v;
}

void
courier_wipe(void *p, size_t n)
{
	volatile uint8_t *v = p;

	while (n-- > 0)
		*v++ = 0;
}

static void
tell_link(struct courier *c, enum wire_link state, const char *detail)
{
	struct wire_link_status m = { state, bytes_str(detail) };

	wire_put_link(&c->to_gate.pending, &m);
	gate_flush(c);
}

/* ---- the link's life ---- */

static void
link_down(struct courier *c, const char *why)
{
	uint64_t now = clock_boot_ms();

	c->conn = NULL;
	ws_fini(&c->ws);
	pulse_stop(&c->pulse);
	courier_wipe(c->nonce, sizeof(c->nonce));
	courier_enter(c, WIRE_COURIER_DOWN);
	c->retry_at = backoff_next(&c->backoff, now, chance(c));
	event_log("down retry_ms=%llu reason=\"%s\"",
	    (unsigned long long)(c->retry_at - now), why);
	tell_link(c, WIRE_LINK_DOWN, why);
	gate_resume(c);
}

void
courier_hang_up(struct courier *c, uint16_t code, const char *why)
{
	uint8_t mask[WS_MASK_LEN];

	if (c->conn == NULL)
		return;
	buf_clear(&c->frame);
	if (code != 0 && c->state >= WIRE_COURIER_UP) {
		courier_random(c, mask, sizeof(mask));
		if (ws_put_close(&c->ws, code, bytes_of(NULL, 0), mask,
		    &c->frame) != 0 ||
		    conn_write(c->conn, buf_bytes(&c->frame)) != 0)
			event_log("no close frame could be sent");
	}
	conn_close(c->conn);
	link_down(c, why);
}

void
courier_say(struct courier *c, enum ws_kind kind, struct bytes message)
{
	uint8_t mask[WS_MASK_LEN];
	struct bytes part;
	bool first = true;
	int err = 0;

	if (c->conn == NULL)
		return;
	do {
		part = bytes_of(message.p,
		    message.n < FRAGMENT ? message.n : FRAGMENT);
		message.p += part.n;
		message.n -= part.n;
		courier_random(c, mask, sizeof(mask));
		buf_clear(&c->frame);
		err = ws_put_data(&c->ws, kind, first, message.n == 0, part,
		    mask, &c->frame);
		if (err == 0)
			err = conn_write(c->conn, buf_bytes(&c->frame));
		first = false;
	} while (err == 0 && message.n > 0);
	/* It may hold an enrolment's secret. */
	if (c->state != WIRE_COURIER_SYNCED)
		courier_wipe(c->frame.p, c->frame.n);
	if (err != 0)
		courier_hang_up(c, 0, "a message cannot be sent");
}

static void
on_open(void *arg)
{
	struct ws_limits limits = { LINK_TEXT_CAP, LINK_TEXT_CAP };
	struct courier *c = arg;
	uint64_t now = clock_boot_ms();

	ws_init(&c->ws, WS_CLIENT, limits);
	backoff_up(&c->backoff, now);
	pulse_start(&c->pulse, now, chance(c));
	courier_enter(c, WIRE_COURIER_UP);
	event_log("up tls=%s", conn_tls_version(c->conn));
	tell_link(c, WIRE_LINK_UP, conn_tls_version(c->conn));
}

static void
on_data(void *arg, struct bytes *plain)
{
	console_read(arg, plain);
}

static void
on_alive(void *arg)
{
	struct courier *c = arg;

	pulse_alive(&c->pulse);
}

static void
on_room(void *arg)
{
	struct courier *c = arg;

	gate_resume(c);
	if (c->conn != NULL)
		conn_resume(c->conn);
}

static void
on_ended(void *arg, const char *why, uint32_t retry_after_s)
{
	struct courier *c = arg;

	if (retry_after_s > 0)
		backoff_ask(&c->backoff, clock_boot_ms(), retry_after_s);
	link_down(c, why);
}

static const struct conn_events conn_events = {
	.open = on_open,
	.data = on_data,
	.alive = on_alive,
	.room = on_room,
	.ended = on_ended,
};

static void
link_connect(struct courier *c)
{
	char where[WIRE_REASON_CAP];
	int err;

	c->retry_at = 0;
	(void)snprintf(where, sizeof(where), "%s:%u%s%s", c->cfg.host,
	    (unsigned)c->cfg.port, c->cfg.proxy_host != NULL ? " by way of " :
	    "", c->cfg.proxy_host != NULL ? c->cfg.proxy_host : "");
	event_log("connecting to=\"%s\"", where);
	tell_link(c, WIRE_LINK_CONNECTING, where);
	if ((err = conn_open(&c->cfg, &conn_events, c, &c->conn)) != 0)
		link_down(c, err_text(err));
}

/* ---- time ---- */

static void
ping(struct courier *c)
{
	uint8_t mask[WS_MASK_LEN];

	courier_random(c, mask, sizeof(mask));
	buf_clear(&c->frame);
	if (ws_put_ping(&c->ws, bytes_of(NULL, 0), mask, &c->frame) != 0 ||
	    conn_write(c->conn, buf_bytes(&c->frame)) != 0) {
		courier_hang_up(c, 0, "a ping cannot be sent");
		return;
	}
	c->taken_at_ping = conn_taken(c->conn);
}

/* Nothing came since the ping: but perhaps that has its reason. */
static void
dead(struct courier *c, uint64_t now)
{
	bool gate_stalls = conn_is_paused(c->conn) &&
	    outlet_waiting(&c->to_gate) > COURIER_GATE_HIGH / 2;
	uint64_t taken = conn_taken(c->conn);

	if (gate_stalls || taken != c->taken_at_ping) {
		c->taken_at_ping = taken;
		pulse_excuse(&c->pulse, now);
	} else {
		courier_hang_up(c, 0, "the console does not answer a ping");
	}
}

static void
tick(struct courier *c)
{
	uint64_t now = clock_boot_ms();

	if (c->retry_at != 0 && now >= c->retry_at)
		link_connect(c);
	if (c->conn != NULL)
		conn_check_deadline(c->conn, now);
	if (c->conn != NULL && c->deadline != 0 && now >= c->deadline)
		courier_hang_up(c, WS_CODE_POLICY, states[c->state].timeout);
	if (c->conn == NULL)
		return;
	switch (pulse_due(&c->pulse, now, chance(c))) {
	case PULSE_PING:
		ping(c);
		break;
	case PULSE_DEAD:
		dead(c, now);
		break;
	case PULSE_NOTHING:
	default:
		break;
	}
}

/* The timer fires at each ping: what a burst needed goes back by then. */
static void
tidy(struct courier *c)
{
	buf_free(&c->message);
	buf_free(&c->frame);
	outlet_tidy(&c->to_gate);
	if (c->conn != NULL)
		conn_tidy(c->conn);
}

static void
on_timer(uv_poll_t *p, int status, int events)
{
	struct courier *c = p->data;

	(void)events;
	/* It has fired: whatever comes next has to be set anew. */
	c->armed = UINT64_MAX;
	if (status == 0)
		tick(c);
	tidy(c);
}

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	if (a == 0 || (b != 0 && b < a))
		return b;
	return a;
}

/* Before each sleep: sets the timer to the nearest deadline, or stops it. */
static void
on_before_sleep(uv_prepare_t *p)
{
	struct courier *c = p->data;
	uint64_t next = sooner(c->retry_at, c->deadline);

	next = sooner(next, pulse_next(&c->pulse));
	if (c->conn != NULL)
		next = sooner(next, conn_deadline(c->conn));
	if (next == c->armed)
		return;
	if (clock_timer_set(c->timer_fd, next) != 0) {
		event_log("cannot go on reason=timer");
		courier_quit(c, COURIER_EXIT_START);
	}
	c->armed = next;
}

/* ---- start and end ---- */

static int
start(struct courier *c, int fd)
{
	int err;

	if ((err = clock_timer_open(&c->timer_fd)) != 0)
		return err;
	if (uv_poll_init_socket(&c->loop, &c->timer,
	    (uv_os_sock_t)c->timer_fd) != 0)
		return ERR_IO;
	c->timer.data = c;
	if (uv_poll_start(&c->timer, UV_READABLE, on_timer) != 0 ||
	    uv_prepare_init(&c->loop, &c->before_sleep) != 0)
		return ERR_IO;
	c->before_sleep.data = c;
	if (uv_prepare_start(&c->before_sleep, on_before_sleep) != 0)
		return ERR_IO;
	return gate_attach(c, fd);
}

static void
close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

/* Whether everything could be given back: not while a look-up still runs. */
static bool
finish(struct courier *c)
{
	int turn;

	conn_close(c->conn);
	c->conn = NULL;
	ws_fini(&c->ws);
	buf_free(&c->message);
	buf_free(&c->frame);
	/* The connection's closes itself; a look-up's is its thread's. */
	close_handle((uv_handle_t *)&c->gate, NULL);
	close_handle((uv_handle_t *)&c->timer, NULL);
	close_handle((uv_handle_t *)&c->before_sleep, NULL);
	/* A connection takes two turns to go: its socket, then the rest. */
	for (turn = 0; turn < 3; turn++)
		(void)uv_run(&c->loop, UV_RUN_NOWAIT);
	clock_timer_close(&c->timer_fd);
	gate_forget(c);
	return uv_loop_close(&c->loop) == 0;
}

int
courier_run(int fd)
{
	struct courier *c = calloc(1, sizeof(*c));
	int status = COURIER_EXIT_START;

	if (c == NULL)
		return status;
	c->exit_status = -1;
	c->timer_fd = -1;
	c->cfg.loop = &c->loop;
	c->cfg.scratch_n = COURIER_SCRATCH;
	buf_init(&c->message, COURIER_MESSAGE_CAP);
	buf_init(&c->frame, FRAME_CAP);
	/* Not cleared: pages that no read has touched cost nothing. */
	if ((c->scratch = malloc(COURIER_SCRATCH)) == NULL ||
	    uv_loop_init(&c->loop) != 0) {
		free(c->scratch);
		free(c);
		return status;
	}
	c->cfg.scratch = c->scratch;
	if (start(c, fd) != 0) {
		/* The process ends: half a set of handles is not taken down. */
		event_log("cannot start");
		return status;
	}
	(void)uv_run(&c->loop, UV_RUN_DEFAULT);
	status = c->exit_status;
	event_log("ends status=%d", status);
	if (finish(c)) {
		free(c->scratch);
		free(c);
	}
	return status;
}
