/*
 * session.h - one conversation with an agent: messages in, messages out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * No sockets here: the gateway hands in whole text messages and pieces of
 * binary ones, and sends what comes out. So that a test or a fuzzer can be
 * the gateway.
 *
 *	challenge -> [enrol -> enrolled] -> hello -> welcome, have; then the
 *	journal comes in, and what waits for the device goes out.
 *
 * A function that returns an error means: close the connection with
 * session_code(error). What the device said before is kept.
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_SESSION_H
#define COUNTERSIGN_CONSOLE_GATEWAY_SESSION_H

#include "console/console.h"

/* Bytes of a transcript that a device may send ahead (protocol.md 5). */
#define SESSION_WINDOW 262144u
/* Transcripts of one device that come at the same time. */
#define SESSION_OUTPUTS 8

struct session;

/* What a session asks of its connection. */
struct session_io {
	/* Sends one text message. */
	void (*send)(void *ctx, struct bytes text);
	/* Whether more should be sent now; session_pump() once it should. */
	bool (*has_room)(void *ctx);
	/* What was sent should leave now, not at the end of the turn. */
	void (*flush)(void *ctx);
	/* Ends the connection soon; never frees the session in the call. */
	void (*close)(void *ctx, uint16_t code, const char *reason);
};

/*
 * exporter: the channel binding of this connection, TLS_EXPORTER_LEN bytes.
 * What is given must outlive it. ERR_NOMEM, ERR_IO (no random bytes).
 */
MUST_CHECK int session_new(struct console *c, const struct session_io *io,
    void *ctx, const uint8_t *exporter, struct session **ret_s);
/* NULL is fine. */
void session_free(struct session *s);

/* Sends the challenge. */
MUST_CHECK int session_start(struct session *s);
MUST_CHECK int session_text(struct session *s, struct bytes text);
/* A piece of a binary message (ws.h's first and final). */
MUST_CHECK int session_binary(struct session *s, struct bytes piece,
    bool first, bool final);
/* Sends what waits for the device, as far as there is room. */
void session_pump(struct session *s);

/* Whether the device has proved itself. */
bool session_is_proven(const struct session *s);
/* The device's id, "" before the proof. */
const char *session_device(const struct session *s);
/* The WebSocket close code for an error of these functions. */
uint16_t session_code(int err);

#endif
