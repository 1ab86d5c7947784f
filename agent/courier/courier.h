/*
 * courier.h - the courier: its two sides, and what they share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * courier.c has the loop, the link's life and the one timer; from_gate.c reads
 * the gate's messages, from_console.c the console's. Each of the two has a
 * table from message to function; what is permitted when stands in wire.c and
 * link.c.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_COURIER_H
#define COUNTERSIGN_AGENT_COURIER_COURIER_H

#include "agent/courier/backoff.h"
#include "agent/courier/conn.h"
#include "agent/courier/outlet.h"
#include "agent/courier/pulse.h"
#include "agent/courier/quota.h"
#include "common/link.h"
#include "common/wire.h"
#include "common/ws.h"

#include <uv.h>

/* Where one read of either side goes. */
#define COURIER_SCRATCH ((size_t)64 * 1024)
/* Bytes waiting for the gate at which the network is not read any more. */
#define COURIER_GATE_HIGH ((size_t)256 * 1024)
/* A message to the console. */
#define COURIER_MESSAGE_CAP ((size_t)2 * LINK_BINARY_CAP)
/* A base64url nonce and its NUL. */
#define COURIER_NONCE_TEXT 44

/* How the program ends. */
enum courier_exit {
	COURIER_EXIT_GATE = 0,		/* the gate has gone, or went */
	COURIER_EXIT_START = 1,		/* it could not start, or go on */
	COURIER_EXIT_VIOLATION = 3	/* the gate broke the rules */
};

struct courier {
	uv_loop_t loop;
	int exit_status;
	uint8_t *scratch;

	/* the gate */
	uv_pipe_t gate;
	struct outlet to_gate;
	struct wire_in in;
	bool gate_paused;

	/* the console: conn is NULL while there is no connection */
	struct conn_config cfg;
	struct conn *conn;
	struct ws ws;
	struct buf message;	/* one on its way into frames */
	struct buf frame;	/* one on its way to TLS; see tidy() */
	enum wire_courier_state state;
	uint64_t deadline;	/* of the state; boot ms, 0 none */
	char nonce[COURIER_NONCE_TEXT];	/* this link's, as hello has it */
	uint64_t taken_at_ping;

	/* time */
	uv_poll_t timer;
	uv_prepare_t before_sleep;
	int timer_fd;
	uint64_t armed;		/* what the timer is set to */
	uint64_t retry_at;	/* 0: not waiting to connect */
	struct backoff backoff;
	struct pulse pulse;
	struct quota reports;
};

/*
 * Runs on the stream socket fd until the gate has gone; fd is closed then. The
 * process should have been confined before. Returns enum courier_exit.
 */
int courier_run(int fd);

/* ---- for the two sides (courier.c) ---- */

/* Ends the loop with this status. */
void courier_quit(struct courier *c, enum courier_exit status);
/* Moves on; sets the time that the new state may take. */
void courier_enter(struct courier *c, enum wire_courier_state state);
/*
 * Ends the link: close frame with code (0: none), then down. why goes to the
 * log and to the gate; nothing in it comes from outside unescaped.
 */
void courier_hang_up(struct courier *c, uint16_t code, const char *why);
/*
 * Sends one WebSocket message, in fragments of 64 KiB. Hangs up on failure;
 * nothing happens without a link.
 */
void courier_say(struct courier *c, enum ws_kind kind, struct bytes message);
/* Random bytes; the process ends without them. */
void courier_random(struct courier *c, void *ret_p, size_t n);
/* Overwrites n bytes that held a secret. */
void courier_wipe(void *p, size_t n);

/* ---- from_gate.c ---- */

/* Attaches to the gate's descriptor and says READY. ERR_IO. */
MUST_CHECK int gate_attach(struct courier *c, int fd);
/* Sends what was put into c->to_gate.pending; quits if it cannot. */
void gate_flush(struct courier *c);
/* Reads the gate again if it may. */
void gate_resume(struct courier *c);
/* Frees what the configuration made. */
void gate_forget(struct courier *c);

/* ---- from_console.c ---- */

/* The console's bytes; takes what there is room for. */
void console_read(struct courier *c, struct bytes *plain);
/*
 * Tells the gate of bytes that could not be taken apart: reason, length and
 * hash, at most 20 a minute.
 */
void console_report(struct courier *c, const char *reason, struct bytes what);

#endif
