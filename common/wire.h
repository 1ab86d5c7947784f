/*
 * wire.h - the messages between gate and courier, and of a runner's status.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner (and the tests' fake ends).
 *
 * Every message is a header of 8 bytes, `u32 length | u16 type | u16 zero`,
 * all little-endian, and then `length` bytes. A `field` is a u32 length and
 * that many bytes. Every body has exactly the bytes of its layout: a trailing
 * byte is an error. PROTOCOL.md has the layouts; the tables in wire.c have
 * each type's smallest and largest body and who may receive it in which state.
 *
 * A receiver feeds what it read to a struct wire_in, with the state it is in,
 * and gets whole messages; one that is unknown, too large or not permitted now
 * is refused from its header alone, before any memory is taken for it. After
 * an error the stream is of no more use: end the other process.
 */
#ifndef COUNTERSIGN_COMMON_WIRE_H
#define COUNTERSIGN_COMMON_WIRE_H

#include "common/bytes.h"
#include "common/caps.h"
#include "common/frame.h"

#define WIRE_HASH 32		/* bytes of a SHA-256 */
#define WIRE_NONCE 32		/* bytes of the console's nonce */
#define WIRE_SIG 64		/* bytes of an Ed25519 signature */
#define WIRE_KEY 32		/* bytes of an Ed25519 public key */

/* Largest parts, in bytes. caps.h gives the reason of those that the protocol
 * has; the rest are what a sane value needs, rounded up. */
#define WIRE_HOST_CAP 253	/* a DNS name */
#define WIRE_PATH_CAP 1024	/* of the URL */
#define WIRE_CA_CAP 65536	/* PEM: one pinned CA, or a few */
#define WIRE_PROXY_CAP 300	/* host:port */
#define WIRE_PROXY_AUTH_CAP 1024
#define WIRE_HELLO_CAP 8192	/* payload of a hello */
#define WIRE_RECORD_CAP CAP_RECORD /* payload of one journal record */
#define WIRE_BATCH_CAP 65536	/* what one RECORDS, BLOB or OUTPUT carries */
#define WIRE_NOTE_CAP 8192	/* a checkpoint with its cosignatures */
#define WIRE_SECRET_CAP 256	/* the one-use secret of an enrolment */
#define WIRE_DEVICE_CAP 64	/* a device id */
#define WIRE_REASON_CAP 512	/* a reason, a detail: for people or a word */
#define WIRE_TYPE_CAP 128	/* a DSSE payload type */
#define WIRE_CARD_CAP CAP_CARD	/* payload of a card */
#define WIRE_APPROVAL_CAP CAP_APPROVAL /* and cancel, proof included */
#define WIRE_TRUST_CAP CAP_TRUST /* payload of a trust file */
#define WIRE_KEYID_CAP 128
#define WIRE_SIGS_CAP 16	/* signatures of one envelope */
#define WIRE_SIG_CAP 512	/* one of an algorithm unknown here */
#define WIRE_REQUEST_CAP 16384	/* add-checkpoint: old size, proof, note */
#define WIRE_ANSWER_CAP 8192	/* a witness's answer: its lines, a size */
#define WIRE_STATUS_MIN 100u	/* of HTTP */
#define WIRE_STATUS_MAX 599u
/* No answer: lines of other witnesses, for the newest that was answered. */
#define WIRE_STATUS_OTHERS 203u
#define WIRE_ENFORCED_CAP 512	/* the runner's words on its sandbox */

enum wire_type {
	/* gate to courier */
	WIRE_CONFIG = 1,
	WIRE_HELLO = 2,
	WIRE_RECORDS = 3,
	WIRE_BLOB = 4,
	WIRE_OUTPUT = 5,
	WIRE_CHECKPOINT = 6,
	WIRE_ENROL = 7,
	WIRE_CLOSE = 8,
	WIRE_LEAVES = 9,
	/* courier to gate */
	WIRE_READY = 64,
	WIRE_LINK = 65,
	WIRE_CHALLENGE = 66,
	WIRE_WELCOME = 67,
	WIRE_CARD = 68,
	WIRE_APPROVAL = 69,
	WIRE_CANCEL = 70,
	WIRE_TRUST = 71,
	WIRE_WITHDRAW = 72,
	WIRE_HAVE = 73,
	WIRE_CREDIT = 74,
	WIRE_COSIGNATURE = 75,
	WIRE_UNREADABLE = 76,
	WIRE_ENROLLED = 77,
	/* runner to gate */
	WIRE_STARTED = 128,
	WIRE_FAILED = 129,
	WIRE_ENDED = 130
};

/* ---- who may receive what, and when ---- */

enum wire_at {
	WIRE_AT_GATE,		/* the gate reads its courier; state: below */
	WIRE_AT_COURIER,	/* the courier reads the gate */
	WIRE_AT_EXEC		/* the gate reads a runner's status */
};

/*
 * States of WIRE_AT_GATE. The gate moves on as follows, everything else in a
 * state being a violation that ends the courier:
 *   STARTING  the courier was started     READY (answer: CONFIG) -> DOWN
 *   DOWN      no link                     LINK up -> UP
 *   UP        TLS and WebSocket stand     CHALLENGE -> PROVING
 *   PROVING   answer: HELLO, or ENROL and, after ENROLLED with ok, HELLO
 *                                         WELCOME -> SYNCED
 *   SYNCED    cards, approvals, … come; records, blobs, output go
 * LINK down leads back to DOWN from any of the last three; LINK connecting is
 * information for `status` and leaves DOWN. UNREADABLE may come in all but
 * STARTING. There is one HELLO at most for each CHALLENGE.
 */
enum wire_gate_state {
	WIRE_GATE_STARTING,
	WIRE_GATE_DOWN,
	WIRE_GATE_UP,
	WIRE_GATE_PROVING,
	WIRE_GATE_SYNCED
};

/*
 * States of WIRE_AT_COURIER. What the gate sent for a link that has broken in
 * the meantime may still be on its way: so DOWN, UP and ASKED permit it, and
 * the courier drops it. HELLO answers this link only if its payload has this
 * link's nonce in it; after it nothing stale can follow. An ENROL is for any
 * link, so that one too many may follow it.
 */
enum wire_courier_state {
	WIRE_COURIER_STARTING,	/* waits for CONFIG */
	WIRE_COURIER_DOWN,	/* no link, or not yet up */
	WIRE_COURIER_UP,	/* up, no challenge yet */
	WIRE_COURIER_ASKED,	/* CHALLENGE handed on: ENROL, HELLO */
	WIRE_COURIER_ENROLLING,	/* enrol sent; back to ASKED by its answer */
	WIRE_COURIER_PROVING,	/* hello sent */
	WIRE_COURIER_SYNCED	/* welcome handed on */
};

/*
 * States of WIRE_AT_EXEC. SETUP: STARTED, once the interpreter has been
 * exec'd, or FAILED, after which nothing comes. RUNNING: ENDED, after which
 * nothing comes. DONE: nothing.
 */
enum wire_exec_state {
	WIRE_EXEC_SETUP,
	WIRE_EXEC_RUNNING,
	WIRE_EXEC_DONE
};

/*
 * Whether the receiver may get a message of this type, with a body of length
 * bytes, in this state. False for unknown types and states.
 */
bool wire_permitted(enum wire_at at, unsigned state, uint16_t type,
    uint32_t length);
/* The smallest and largest body of a type; 0 and 0 for an unknown one. */
void wire_bounds(enum wire_type type, uint32_t *ret_min, uint32_t *ret_max);
/*
 * Of envelopes, by message type: the largest payload, the largest signature
 * (an approval's is a whole proof), and whether it may have n signatures.
 */
size_t wire_payload_cap(enum wire_type type);
size_t wire_sig_cap(enum wire_type type);
bool wire_count_is_good(enum wire_type type, uint8_t n);
/* The type's name in lower case, for a log line; "unknown" for others. */
const char *wire_name(uint16_t type);

/* ---- taking a stream apart ---- */

/* A whole message. body points into the decoder or the fed bytes. */
struct wire_msg {
	uint16_t type;
	struct bytes body;
};

struct wire_in {
	enum wire_at at;
	struct frame_in frame;
};

void wire_in_init(struct wire_in *in, enum wire_at at);
/* Frees and wipes what is kept. Idempotent. */
void wire_in_fini(struct wire_in *in);
/*
 * Takes bytes from the front of *data (which moves on) until a message is
 * whole or the data is used up; state is the receiver's state now, and is
 * looked at when a header is complete and again when its body is.
 * 1: *ret_msg is a message, valid until the next call and as long as the fed
 * bytes are; call again with what is left, and the state as it is then.
 * 0: all used up. Memory: one body, only while it is incomplete or handed out;
 * wiped before it is freed. (A message that lies whole in *data is not copied:
 * the caller wipes its own read buffer after CONFIG and ENROL.)
 * ERR_PROTOCOL: unknown type or a nonzero last header word. ERR_TOO_LARGE: a
 * length outside the type's bounds. ERR_STATE: not permitted now. ERR_NOMEM.
 * Every later call then gives the same error.
 */
MUST_CHECK int wire_in_next(struct wire_in *in, struct bytes *data,
    unsigned state, struct wire_msg *ret_msg);
/* Whether the stream stands between two messages (EOF is clean here). */
bool wire_in_is_idle(const struct wire_in *in);

/* ---- the messages --------------------------------------------------------
 *
 * wire_put_x() appends a whole message to b; a part above its cap, or a message
 * above the type's, makes b fail with ERR_TOO_LARGE, one below the type's (an
 * empty note, RECORDS with none) with ERR_RANGE: look with buf_error().
 * wire_get_x() takes a body apart. Spans and pointers point into the body.
 * ERR_TRUNCATED, ERR_TOO_LARGE (a part above its cap), ERR_SYNTAX (trailing
 * bytes), ERR_RANGE (a number with no meaning). On failure *ret is untouched.
 * Text is bytes as they came: nothing is said about characters.
 */

struct wire_config {
	struct bytes host;	/* of the console: DNS name or address */
	uint16_t port;		/* not 0 */
	struct bytes path;	/* of the URL, begins with '/' */
	struct bytes ca_pem;	/* the pinned CA */
	struct bytes proxy;	/* empty, or host:port */
	struct bytes proxy_auth; /* empty, or user:password */
	uint16_t first_delay_ms; /* the 1 s of the back-off: its first bound */
};

struct wire_hello {
	struct bytes payload;
	const uint8_t *sig;	/* WIRE_SIG bytes */
};

struct wire_record {
	uint64_t index;
	struct bytes payload;
};

struct wire_blob {
	const uint8_t *hash;	/* WIRE_HASH bytes */
	uint32_t total;		/* of the blob */
	uint32_t offset;
	struct bytes data;	/* offset + n <= total */
};

struct wire_output {
	const uint8_t *card;	/* WIRE_HASH bytes */
	uint64_t offset;	/* in the transcript file */
	struct bytes data;
};

/*
 * Hashes of records that the device has no longer: what it removed is before
 * `until`, and a snapshot of the state there follows, then the record.
 */
struct wire_leaves {
	uint64_t first;		/* index of the first hash */
	uint64_t until;		/* the first record that is there */
	struct bytes hashes;	/* WIRE_HASH bytes each; may be none */
};

struct wire_enrol {
	struct bytes secret;
	const uint8_t *key;	/* WIRE_KEY bytes */
	struct bytes device;
};

enum wire_link {
	WIRE_LINK_DOWN = 0,
	WIRE_LINK_CONNECTING = 1,
	WIRE_LINK_UP = 2
};

struct wire_link_status {
	enum wire_link state;
	struct bytes detail;	/* why it is down, where it connects to */
};

struct wire_challenge {
	const uint8_t *nonce;	/* WIRE_NONCE bytes */
	const uint8_t *exporter; /* WIRE_HASH bytes */
};

struct wire_welcome {
	bool has;		/* the console holds a checkpoint */
	struct bytes note;	/* empty unless has */
};

struct wire_sig {
	struct bytes keyid;	/* a hint */
	struct bytes sig;
};

/* An envelope taken apart: CARD, APPROVAL, CANCEL, TRUST. */
struct wire_envelope {
	struct bytes type;	/* payloadType */
	struct bytes payload;
	uint8_t n;		/* 1 to WIRE_SIGS_CAP */
	struct wire_sig sigs[WIRE_SIGS_CAP];
};

struct wire_withdraw {
	const uint8_t *card;	/* WIRE_HASH bytes */
	struct bytes reason;
};

struct wire_credit {
	const uint8_t *card;	/* WIRE_HASH bytes */
	uint64_t from;		/* byte offsets in the transcript file */
	uint64_t until;		/* from <= until */
};

/* What a witness answers to an add-checkpoint request (C2SP tlog-witness). */
struct wire_cosignature {
	uint16_t status;	/* of HTTP: WIRE_STATUS_MIN to _MAX */
	struct bytes body;	/* its lines; at 409 the size it has */
};

struct wire_unreadable {
	struct bytes reason;	/* a short word */
	uint32_t length;	/* of the message */
	const uint8_t *hash;	/* WIRE_HASH bytes: SHA-256 of the message */
};

struct wire_enrolled {
	bool ok;
	struct bytes reason;	/* a word, if not ok */
};

struct wire_started {
	uint32_t pid;
	struct bytes enforced;
};

struct wire_failed {
	uint32_t step;
	uint32_t sys_errno;
};

enum wire_how { WIRE_HOW_EXIT = 0, WIRE_HOW_SIGNAL = 1 };

enum wire_why {
	WIRE_WHY_ITSELF = 0,
	WIRE_WHY_STOPPED = 1,	/* by the control descriptor */
	WIRE_WHY_OOM = 2,
	WIRE_WHY_PROCESSES = 3	/* hit its process limit */
};

struct wire_ended {
	enum wire_how how;
	uint32_t code;		/* exit code or signal number */
	enum wire_why why;
	uint64_t wall_us;
	uint64_t cpu_us;
	uint64_t max_rss_kb;
	uint32_t survivors;
	uint32_t services_done;	/* what the broker was asked for */
	uint32_t services_refused;
	uint32_t services_left;	/* processes of services that stay, where
				 * scripts start these (platform/steward.h) */
};

void wire_put_config(struct buf *b, const struct wire_config *m);
void wire_put_hello(struct buf *b, const struct wire_hello *m);
void wire_put_blob(struct buf *b, const struct wire_blob *m);
void wire_put_output(struct buf *b, const struct wire_output *m);
void wire_put_leaves(struct buf *b, const struct wire_leaves *m);
void wire_put_checkpoint(struct buf *b, struct bytes request);
void wire_put_enrol(struct buf *b, const struct wire_enrol *m);
void wire_put_close(struct buf *b, struct bytes reason);
void wire_put_ready(struct buf *b);
void wire_put_link(struct buf *b, const struct wire_link_status *m);
void wire_put_challenge(struct buf *b, const struct wire_challenge *m);
void wire_put_welcome(struct buf *b, const struct wire_welcome *m);
/* type: WIRE_CARD, WIRE_APPROVAL, WIRE_CANCEL or WIRE_TRUST. */
void wire_put_envelope(struct buf *b, enum wire_type type,
    const struct wire_envelope *m);
void wire_put_withdraw(struct buf *b, const struct wire_withdraw *m);
void wire_put_have(struct buf *b, uint64_t n);
void wire_put_credit(struct buf *b, const struct wire_credit *m);
void wire_put_cosignature(struct buf *b, const struct wire_cosignature *m);
void wire_put_unreadable(struct buf *b, const struct wire_unreadable *m);
void wire_put_enrolled(struct buf *b, const struct wire_enrolled *m);
void wire_put_started(struct buf *b, const struct wire_started *m);
void wire_put_failed(struct buf *b, const struct wire_failed *m);
void wire_put_ended(struct buf *b, const struct wire_ended *m);

/*
 * RECORDS is written in pieces: begin gives the place of its header, add
 * appends one record, end completes the header (b fails with ERR_TOO_LARGE
 * above WIRE_BATCH_CAP: stop adding while wire_records_fit() still holds).
 */
size_t wire_records_begin(struct buf *b);
/* Whether one more record of n payload bytes fits in the message at mark. */
bool wire_records_fit(const struct buf *b, size_t mark, size_t n);
void wire_records_add(struct buf *b, const struct wire_record *r);
void wire_records_end(struct buf *b, size_t mark);

MUST_CHECK int wire_get_config(struct bytes body, struct wire_config *ret);
MUST_CHECK int wire_get_hello(struct bytes body, struct wire_hello *ret);
/*
 * The next record of a RECORDS body; *rest begins as the body and moves on.
 * 1 and a record, 0 at the end, or an error as above.
 */
MUST_CHECK int wire_next_record(struct bytes *rest, struct wire_record *ret);
MUST_CHECK int wire_get_blob(struct bytes body, struct wire_blob *ret);
MUST_CHECK int wire_get_output(struct bytes body, struct wire_output *ret);
MUST_CHECK int wire_get_leaves(struct bytes body, struct wire_leaves *ret);
/* CHECKPOINT has no inside: the body is the request, an add-checkpoint's. */
MUST_CHECK int wire_get_enrol(struct bytes body, struct wire_enrol *ret);
MUST_CHECK int wire_get_close(struct bytes body, struct bytes *ret_reason);
MUST_CHECK int wire_get_link(struct bytes body, struct wire_link_status *ret);
MUST_CHECK int wire_get_challenge(struct bytes body,
    struct wire_challenge *ret);
MUST_CHECK int wire_get_welcome(struct bytes body, struct wire_welcome *ret);
/*
 * type: that of the message. ERR_RANGE also for no signature, for more than
 * WIRE_SIGS_CAP, and for more than one on an approval or cancel.
 */
MUST_CHECK int wire_get_envelope(enum wire_type type, struct bytes body,
    struct wire_envelope *ret);
/* An envelope's body without a header, for control.h's SUBMIT. */
void wire_put_envelope_body(struct buf *b, enum wire_type type,
    const struct wire_envelope *m);
MUST_CHECK int wire_get_withdraw(struct bytes body,
    struct wire_withdraw *ret);
MUST_CHECK int wire_get_have(struct bytes body, uint64_t *ret_n);
MUST_CHECK int wire_get_credit(struct bytes body, struct wire_credit *ret);
MUST_CHECK int wire_get_cosignature(struct bytes body,
    struct wire_cosignature *ret);
MUST_CHECK int wire_get_unreadable(struct bytes body,
    struct wire_unreadable *ret);
MUST_CHECK int wire_get_enrolled(struct bytes body,
    struct wire_enrolled *ret);
MUST_CHECK int wire_get_started(struct bytes body, struct wire_started *ret);
MUST_CHECK int wire_get_failed(struct bytes body, struct wire_failed *ret);
MUST_CHECK int wire_get_ended(struct bytes body, struct wire_ended *ret);

#endif
