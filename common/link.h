/*
 * link.h - the messages between the device and its console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console (and the tests' fake consoles).
 *
 * Inside the WebSocket (subprotocol countersign.agent.v1) a text message is
 * one strict JSON object {"type":…}, and a binary message is a kind byte and
 * little-endian fields; PROTOCOL.md has both layouts. Here they become flat
 * fields, an envelope's base64 undone: the structs are those of wire.h, so that
 * the courier hands them on as they are. Nothing here verifies anything.
 */
#ifndef COUNTERSIGN_COMMON_LINK_H
#define COUNTERSIGN_COMMON_LINK_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/wire.h"

/* What the endpoint is called: wss://HOST:PORT LINK_PATH (wshake.h has the
 * subprotocol). */
#define LINK_PATH "/v1/agent"

/* Largest WebSocket messages. Text: a trust file of 4 MiB in base64, its
 * signatures and the JSON round it. Binary: 64 KiB and a header. */
#define LINK_TEXT_CAP (6u * 1024 * 1024)
#define LINK_BINARY_CAP (WIRE_BATCH_CAP + 64u)
/* What a device says as text is small: enrol, hello, checkpoint. */
#define LINK_DEVICE_TEXT_CAP (32u * 1024)
/* Longest wait that a console may ask for, in seconds. */
#define LINK_RETRY_CAP 86400u

enum link_type {
	/* console to device, text */
	LINK_CHALLENGE,
	LINK_ENROLLED,
	LINK_ENROL_REFUSED,
	LINK_WELCOME,
	LINK_CARD,
	LINK_APPROVAL,
	LINK_CANCEL,
	LINK_TRUST,
	LINK_WITHDRAW,
	LINK_HAVE,
	LINK_CREDIT,
	LINK_COSIGNATURE,
	LINK_RETRY_AFTER,
	/* device to console, text */
	LINK_ENROL,
	LINK_HELLO,
	LINK_CHECKPOINT,
	/* device to console, binary */
	LINK_RECORDS,
	LINK_BLOB,
	LINK_OUTPUT,
	LINK_LEAVES
};

enum link_side { LINK_CONSOLE, LINK_DEVICE };

/* States of the console's side of one connection. */
enum link_console_state {
	LINK_ASKED,		/* challenge sent: enrol, hello */
	LINK_ENROLLING,		/* enrol taken in and not yet answered */
	LINK_SYNCED		/* hello taken: all but enrol, hello */
};

/*
 * Whether `at` may receive a message of this type in this state: for
 * LINK_DEVICE an enum wire_courier_state, for LINK_CONSOLE an enum
 * link_console_state. What the peer may never send is false in every state.
 */
bool link_permitted(enum link_side at, unsigned state, enum link_type type);
/* The "type" word, for log lines; "records" and the like for binary. */
const char *link_name(enum link_type type);

struct doc;	/* doc.h */

/*
 * A message taken apart. What belongs to the type is filled in; spans and
 * pointers live as long as the message (text) or as the bytes that were parsed
 * (binary). It may not be copied: it points into itself.
 */
struct link_msg {
	enum link_type type;
	union {
		uint8_t nonce[WIRE_NONCE];	/* challenge */
		struct bytes reason;		/* enrol_refused */
		struct wire_welcome welcome;
		/* card, approval, cancel, trust, hello */
		struct wire_envelope envelope;
		struct wire_withdraw withdraw;
		uint64_t n;			/* have */
		struct wire_credit credit;
		struct wire_cosignature cosignature;
		uint32_t seconds;		/* retry_after */
		struct wire_enrol enrol;
		struct bytes request;		/* checkpoint */
		struct bytes records;		/* for wire_next_record() */
		struct wire_blob blob;
		struct wire_output output;
		struct wire_leaves leaves;
	} u;
	/* What owns the parts; the module's own. */
	struct doc *doc;
	struct sha256 card;
	uint8_t *memory;
};

/*
 * Takes a text message from `from` apart. The strict JSON rules, every field
 * required, no unknown field (but inside an envelope: envelope.h), base64
 * canonical, each part within its cap of wire.h. ERR_TOO_LARGE, ERR_RANGE,
 * ERR_VERSION for a type that is unknown or not this side's to send, or
 * whatever the JSON and envelope modules refuse with; ERR_NOMEM. On success
 * free *ret_msg with link_msg_free(); on failure it needs none.
 */
MUST_CHECK int link_get_text(enum link_side from, struct bytes text,
    struct link_msg *ret_msg);
/*
 * Takes a binary message of a device apart (a console sends none): for
 * records, there is at least one and each has been checked to be whole.
 * Errors: those of wire.h's wire_get_x(); ERR_VERSION for an unknown kind.
 */
MUST_CHECK int link_get_binary(struct bytes data, struct link_msg *ret_msg);
/* Frees what a parsed message holds. Idempotent. */
void link_msg_free(struct link_msg *m);

/*
 * Each appends one whole text message to b (look with buf_error()). Text parts
 * have to be UTF-8, ERR_CHARACTER; numbers at most 2^53 - 1, ERR_RANGE. Caps
 * are the reader's to check.
 */
void link_put_challenge(struct buf *b, const uint8_t nonce[WIRE_NONCE]);
void link_put_enrolled(struct buf *b);
void link_put_enrol_refused(struct buf *b, struct bytes reason);
void link_put_welcome(struct buf *b, const struct wire_welcome *m);
/* type: LINK_CARD, LINK_APPROVAL, LINK_CANCEL, LINK_TRUST or LINK_HELLO. */
void link_put_envelope(struct buf *b, enum link_type type,
    const struct wire_envelope *m);
/*
 * The same for an envelope that is kept as its JSON text, which goes in as it
 * stands: the caller checked it when it was stored.
 */
void link_put_envelope_text(struct buf *b, enum link_type type,
    struct bytes json);
void link_put_withdraw(struct buf *b, const struct wire_withdraw *m);
void link_put_have(struct buf *b, uint64_t n);
void link_put_credit(struct buf *b, const struct wire_credit *m);
void link_put_cosignature(struct buf *b, const struct wire_cosignature *m);
void link_put_retry_after(struct buf *b, uint32_t seconds);
void link_put_enrol(struct buf *b, const struct wire_enrol *m);
/* request: the body of an add-checkpoint request (C2SP tlog-witness). */
void link_put_checkpoint(struct buf *b, struct bytes request);

/*
 * Each appends one whole binary message. records is the body of a wire RECORDS
 * message: the layouts are the same.
 */
void link_put_records(struct buf *b, struct bytes records);
void link_put_blob(struct buf *b, const struct wire_blob *m);
void link_put_output(struct buf *b, const struct wire_output *m);
void link_put_leaves(struct buf *b, const struct wire_leaves *m);

#endif
