/*
 * frontdesk.h - the local control socket: who is there, and what they ask.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Connections, rights and framing are here; what a request means is its
 * handler's business (requests.c). The kernel vouches for who asks.
 */
#ifndef COUNTERSIGN_AGENT_GATE_FRONTDESK_H
#define COUNTERSIGN_AGENT_GATE_FRONTDESK_H

#include "common/control.h"

#include <uv.h>

/* Clients at the same time; one more is refused. The last are the owner's:
 * nobody in the group can keep root from a lockdown. */
#define FRONTDESK_CLIENTS 32
#define FRONTDESK_OWNERS 8
/* Bytes that may wait for one client before its stream pauses. */
#define FRONTDESK_QUEUE_CAP (256u * 1024u)
#define FRONTDESK_NAME_SIZE 64

struct frontdesk;
struct client;

/* Continues a stream (LOG, TRANSCRIPT) when there is room or news. */
typedef void client_pump(struct client *c);

struct frontdesk_config {
	uv_loop_t *loop;
	const char *path;	/* of the socket; lives on */
	const char *group;	/* name, or "" */
	/* A permitted request. The handler answers with client_* below. */
	void (*on_request)(void *arg, struct client *c,
	    const struct control_request *req);
	void *arg;
};

/*
 * Listens. ERR_EXISTS another agent listens there; ERR_PERMISSION,
 * ERR_NOT_FOUND (no such folder), ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int frontdesk_open(const struct frontdesk_config *cfg,
    struct frontdesk **ret_d);
/* Stops, drops all clients, removes the socket. NULL is fine. */
void frontdesk_close(struct frontdesk *d);
/* Something new was recorded or printed: wakes every stream that follows. */
void frontdesk_wake(struct frontdesk *d);

/* "local:NAME", who asks, for records. */
const char *client_name(const struct client *c);

/* Answers. A request is answered by OK or ERROR, or DATA and an END. */
void client_ok(struct client *c, struct bytes json);
void client_error(struct client *c, int exit_code, const char *word,
    const char *text);
void client_record(struct client *c, uint64_t index, struct bytes payload);
void client_data(struct client *c, struct bytes data);
void client_end(struct client *c);
/* Bytes that may still be queued for it before it should pause. */
size_t client_room(const struct client *c);

/*
 * Makes pump the client's stream from here on: called at once, whenever there
 * is room again and on frontdesk_wake(), until client_end(). state is the
 * stream's own (malloc'ed), freed with it; fini, if any, is called first.
 */
void client_stream(struct client *c, client_pump *pump, void *state,
    void (*fini)(void *state));
void *client_stream_state(struct client *c);
/* What frontdesk_open was given as arg. */
void *client_arg(struct client *c);

#endif
