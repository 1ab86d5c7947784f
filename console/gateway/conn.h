/*
 * conn.h - one agent's connection: the inside of the gateway.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/gateway).
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_CONN_H
#define COUNTERSIGN_CONSOLE_GATEWAY_CONN_H

#include "common/tls.h"
#include "common/ws.h"
#include "common/wshake.h"
#include "console/gateway/gateway.h"
#include "console/gateway/session.h"

/* Read from a socket at once; one buffer for all of them. */
#define GATEWAY_READ 65536
/* Plaintext that is taken apart at once. */
#define GATEWAY_PLAIN 65536u
/* To be proven within this time. */
#define CONN_PROVE_MS 15000u
/* An agent pings every 30 s or so: silent for this long, it is gone. */
#define CONN_IDLE_MS 100000u
/* To take what was sent, and our good-bye. */
#define CONN_STUCK_MS 60000u
#define CONN_CLOSE_MS 2000u
/* Unsent bytes above which nothing more is sent, or is read either. */
#define CONN_ROOM (512u << 10)
#define CONN_BACKLOG (1u << 20)

struct gateway {
	struct console *console;
	struct tls_config *tls;
	uv_tcp_t listener;
	uv_prepare_t turn_end;
	uv_idle_t busy;		/* active while a turn goes on */
	uint64_t busy_since;	/* uv_hrtime, or 0 */
	unsigned handles;	/* not yet closed by the loop */
	bool closing;
	uint16_t port;
	uint8_t *read;		/* GATEWAY_READ bytes */
	struct buf plain;	/* of the connection that is being read */
	struct buf frames, cipher;	/* of the one that is written to */
	struct conn *first;
	size_t n_conns;
	struct conn *unproven_first, **unproven_last;	/* oldest first */
	size_t n_unproven;
	struct conn *dirty;
};

enum conn_stage {
	CONN_TLS,		/* the handshake */
	CONN_HTTP,		/* the upgrade */
	CONN_WS,
	CONN_CLOSING		/* what comes is not looked at */
};

struct conn {
	struct gateway *gateway;
	struct conn *next, **at;
	struct conn *unproven_next, **unproven_at;	/* NULL: proven */
	struct conn *next_dirty;
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned handles;
	enum conn_stage stage;
	bool reading;
	bool in_read;		/* inside the read callback */
	bool dirty;		/* in the list of those to be written to */
	bool gone;		/* handles are being closed */
	struct tls *tls;
	struct wshake_head head;
	struct ws ws;
	struct session *session;
	size_t unsent;		/* bytes in uv_write requests */
	uint64_t heard, moved;	/* uv_now of the last read, write */
};

/* NULL without memory. */
struct conn *conn_new(struct gateway *g);
/* Takes the connection that waits at the listener, or turns it away. */
void conn_accept(struct conn *c, uv_stream_t *listener);
/* Says why and closes. Idempotent. */
void conn_close(struct conn *c, uint16_t code, const char *reason);
/* Closes without a word. Idempotent. */
void conn_drop(struct conn *c);
/* Writes what waits on all connections. */
void conn_flush_all(struct gateway *g);

/* In the gateway's lists, and out of them. */
void gateway_add(struct gateway *g, struct conn *c);
void gateway_set_proven(struct gateway *g, struct conn *c);
void gateway_forget(struct gateway *g, struct conn *c);

#endif
