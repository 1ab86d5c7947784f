/*
 * session_inside.h - the inside of a session, for its own modules.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/gateway).
 *
 * session is its life and what follows a commit, greeting how a device becomes
 * known, intake what it reports.
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_SESSION_INSIDE_H
#define COUNTERSIGN_CONSOLE_GATEWAY_SESSION_INSIDE_H

#include "common/link.h"
#include "common/tls.h"
#include "console/fold.h"
#include "console/gateway/outgoing.h"
#include "console/gateway/session.h"

/* A record with its place: what one binary message may hold of them. */
#define TOUCHED_MAX ((size_t)1 << 20)

/* A blob as it comes, in order. */
struct blob_in {
	bool open;
	struct sha256 hash;
	uint32_t total;
	struct buf content;
};

struct session {
	struct console *c;
	const struct session_io *io;
	void *ctx;
	enum link_console_state state;
	bool proven;
	bool ended;			/* nothing is done any more */
	uint8_t nonce[WIRE_NONCE];
	uint8_t exporter[TLS_EXPORTER_LEN];
	struct store_device device;
	struct link_entry link;
	struct turn_member member;
	struct outgoing out;
	struct fold *fold;		/* from the hello on */
	bool held_back;			/* some card was refused for now */
	bool resuming;			/* a snapshot follows (resume.h) */
	struct buf binary;		/* a binary message as it comes */
	struct blob_in blob;
	/* Of this turn, until it is settled: */
	struct buf touched;		/* digests of cards, 32 bytes each */
	bool enrolled;
	uint64_t told;			/* the last `have` that was sent */
	bool has_answer;		/* to a checkpoint */
	struct answer answer;
	struct ledger_effects effects;
};

/* ---- session ---- */

/* Lets go of everything that others could reach it by. */
void session_end(struct session *s);
/* Sends a message that was put together; frees the buffer. Its error. */
int session_send(struct session *s, struct buf *b);
/*
 * Whether the error is the console's own (store, memory) and not the device's:
 * then the whole turn is taken back, everybody's.
 */
bool session_is_ours(int err);

/* ---- greeting: an error closes the connection ---- */

MUST_CHECK int greeting_enrol(struct session *s, const struct wire_enrol *m);
MUST_CHECK int greeting_hello(struct session *s,
    const struct wire_envelope *e);
/* The enrolment is on the disk. */
void greeting_answer(struct session *s);
/* What we have of the journal is on the disk. */
int greeting_have(struct session *s);

/* ---- intake: an error closes the connection ---- */

MUST_CHECK int intake_checkpoint(struct session *s, struct bytes request);
/* What we answer to it is on the disk. */
void intake_answer(struct session *s);
/* A whole binary message: records, a blob's part, output. */
MUST_CHECK int intake_binary(struct session *s, struct bytes data);
/* A link_entry's: a foreign witness's word for its newest checkpoint. */
void intake_cosigned(void *ctx, struct bytes lines);

#endif
