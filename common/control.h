/*
 * control.h - the requests and replies of the local control socket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * A Unix stream socket (Windows: a named pipe). The client sends requests one
 * after the other, each answered by replies up to END before the next is read.
 * Header and `field` are those of wire.h; PROTOCOL.md has the layouts. Every
 * request is fixed fields with caps, so that the gate parses nothing else from
 * somebody whom it does not trust: an envelope in SUBMIT is taken apart by the
 * client.
 */
#ifndef COUNTERSIGN_COMMON_CONTROL_H
#define COUNTERSIGN_COMMON_CONTROL_H

#include "common/bytes.h"
#include "common/frame.h"
#include "common/wire.h"

#define CONTROL_REF_CAP 80	/* sha256: and 64 digits, a prefix, a UUID */
#define CONTROL_REASON_CAP 2000	/* a person's reason, bytes of UTF-8 */
#define CONTROL_WORD_CAP 64	/* an error's word */
#define CONTROL_TEXT_CAP 2048	/* an error's text for a person */
#define CONTROL_JSON_CAP (16u * 1024 * 1024) /* a pending file of the largest
					      * trust files */
#define CONTROL_DATA_CAP 65536	/* what one DATA carries */

enum control_type {
	CONTROL_STATUS = 1,
	CONTROL_PENDING = 2,
	CONTROL_SHOW = 3,
	CONTROL_LOG = 4,
	CONTROL_TRANSCRIPT = 5,
	CONTROL_VETO = 6,
	CONTROL_LOCKDOWN = 7,
	CONTROL_SUBMIT = 8,
	CONTROL_CLOCK_RESET = 9,
	CONTROL_PENDING_FILE = 10,
	/* replies */
	CONTROL_OK = 64,
	CONTROL_ERROR = 65,
	CONTROL_DATA = 66,
	CONTROL_END = 67
};

/* What the gate's answer to the peer's credentials is. */
enum control_peer {
	CONTROL_PEER_NONE,	/* neither: nothing */
	CONTROL_PEER_GROUP,	/* in the configured group */
	CONTROL_PEER_OWNER	/* root, or the agent's own uid */
};

enum control_submit {
	CONTROL_SUBMIT_CARD = 0,
	CONTROL_SUBMIT_APPROVAL = 1,
	CONTROL_SUBMIT_CANCEL = 2,
	CONTROL_SUBMIT_TRUST = 3
};

/* A request, as flat fields: those that its type has, the others zero. */
struct control_request {
	enum control_type type;
	bool all;		/* PENDING: closed cards too */
	bool follow;		/* LOG, TRANSCRIPT */
	bool on;		/* LOCKDOWN */
	uint64_t from;		/* LOG: record index; TRANSCRIPT: byte offset */
	struct bytes ref;	/* SHOW, TRANSCRIPT, VETO, PENDING_FILE */
	struct bytes reason;	/* VETO, LOCKDOWN, CLOCK_RESET */
	enum control_submit kind; /* SUBMIT */
	struct wire_envelope envelope; /* SUBMIT */
};

struct control_error {
	uint8_t exit_code;	/* 1 to 4, as interfaces.md names them */
	struct bytes word;
	struct bytes text;
};

/*
 * Whether this peer may make this request: the table of rights. A lockdown may
 * be set by the group and lifted by the owner only.
 */
bool control_allowed(enum control_peer peer,
    const struct control_request *req);
/* The request's or reply's name in lower case; "unknown" for others. */
const char *control_name(uint16_t type);

/* Takes a stream apart, as struct wire_in does; for one side of the socket. */
struct control_in {
	bool replies;		/* the client's side: replies, else requests */
	struct frame_in frame;
};

/* replies: true at the client, false at the gate. */
void control_in_init(struct control_in *in, bool replies);
void control_in_fini(struct control_in *in);
/*
 * As wire_in_next(): 1 and a message that is valid until the next call, or 0,
 * or ERR_PROTOCOL (unknown type, or the other side's), ERR_TOO_LARGE,
 * ERR_NOMEM, of which the last ones stay. Before memory is taken for a request,
 * its rights are looked at: for the gate, `peer` is who asks, and a type that
 * it may in no form make is ERR_DENIED. The client passes CONTROL_PEER_OWNER.
 */
MUST_CHECK int control_in_next(struct control_in *in, struct bytes *data,
    enum control_peer peer, struct wire_msg *ret_msg);

/*
 * Appends a whole request to b, which fails with ERR_TOO_LARGE if a part is
 * over its cap, with ERR_RANGE for a type or kind that there is not.
 */
void control_put_request(struct buf *b, const struct control_request *req);
/*
 * Takes the request's body apart. ERR_TRUNCATED, ERR_TOO_LARGE, ERR_SYNTAX,
 * ERR_RANGE (a flag that is neither 0 nor 1, an unknown kind),
 * ERR_MISSING_FIELD (an empty reference). Spans point into the body.
 */
MUST_CHECK int control_get_request(const struct wire_msg *msg,
    struct control_request *ret_req);

void control_put_ok(struct buf *b, struct bytes json);
void control_put_error(struct buf *b, const struct control_error *e);
/* DATA of a record (LOG) and of transcript bytes. */
void control_put_record(struct buf *b, const struct wire_record *r);
void control_put_data(struct buf *b, struct bytes data);
void control_put_end(struct buf *b);

/* OK has no inside: its body is the JSON text. DATA of a transcript neither. */
MUST_CHECK int control_get_error(struct bytes body,
    struct control_error *ret_error);
MUST_CHECK int control_get_record(struct bytes body,
    struct wire_record *ret_record);

#endif
