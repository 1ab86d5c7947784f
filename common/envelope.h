/*
 * envelope.h - DSSE v1: the envelope around everything that is signed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (verifying flat fields), courier, cli, console.
 *
 * {"payloadType":"…","payload":"<base64>","signatures":[{"keyid","sig"}]}, and
 * what is signed is the PAE of type and payload (DSSE v1.0.0, protocol.md
 * section 1). The outer JSON is signed by nobody: it is read strictly, but
 * members that DSSE does not name are ignored, as DSSE asks. base64 is taken
 * in either alphabet, as DSSE asks, padded, never both in one field. Of the
 * payload only the bytes as received count; nothing is ever serialised again.
 */
#ifndef COUNTERSIGN_COMMON_ENVELOPE_H
#define COUNTERSIGN_COMMON_ENVELOPE_H

#include "common/bytes.h"

/* More than a threshold of root keys of two versions needs. */
#define ENVELOPE_MAX_SIGS 16
#define ENVELOPE_MAX_TYPE 128
#define ENVELOPE_MAX_KEYID 128
/* An approval with its proof has 16 KiB. */
#define ENVELOPE_MAX_SIG ((size_t)16 << 10)
/* Signatures times keys that one call tries: some 50 microseconds each. */
#define ENVELOPE_MAX_TRIES 4096

enum payload_type {
	PAYLOAD_UNKNOWN,
	PAYLOAD_CARD,
	PAYLOAD_APPROVAL,
	PAYLOAD_CANCEL,
	PAYLOAD_ROOT,
	PAYLOAD_PEOPLE,
	PAYLOAD_POLICY,
	PAYLOAD_DEVICE,
	PAYLOAD_TIMESTAMP,
	PAYLOAD_HELLO,
	PAYLOAD_EPOCH,
	PAYLOAD_TYPES		/* how many, PAYLOAD_UNKNOWN among them */
};

struct envelope_sig {
	struct bytes keyid;	/* a hint only, never trusted; may be empty */
	struct bytes sig;
};

/* An envelope taken apart. It owns nothing. */
struct envelope {
	struct bytes type;
	struct bytes payload;
	size_t n_sigs;
	struct envelope_sig sigs[ENVELOPE_MAX_SIGS];
};

struct doc_obj;	/* doc.h */

/* An envelope that owns its bytes. */
struct envelope_doc {
	struct envelope e;
	uint8_t *memory;
};

/*
 * Reads an envelope from JSON text of at most cap bytes. At least one and at
 * most ENVELOPE_MAX_SIGS signatures, a type that is not empty. The caller ends
 * *ret_d with envelope_free(). ERR_TOO_LARGE for the text, and for a payload
 * over its type's cap (types that are not ours: cap alone); doc.h's errors
 * for the JSON; ERR_RANGE (type, key id, signature or their number);
 * ERR_SYNTAX or ERR_CHARACTER for base64; ERR_NOMEM.
 */
MUST_CHECK int envelope_parse(struct bytes json, size_t cap,
    struct envelope_doc *ret_d);

/*
 * The same for an envelope that stands as an object in a document: o, whose
 * text was part of text_n bytes, which bounds the memory taken. Members that
 * DSSE does not name are ignored: do not doc_end() it.
 */
MUST_CHECK int envelope_read(struct doc_obj *o, size_t text_n,
    struct envelope_doc *ret_d);

/* Frees what it owns and empties it. Idempotent; fine after memset to 0. */
void envelope_free(struct envelope_doc *d);

/*
 * Appends the JSON text, with standard base64; an empty key id is left out.
 * Failures are the buffer's: ERR_CHARACTER if a type or key id is no UTF-8,
 * ERR_RANGE if it has no or too many signatures.
 */
void envelope_write(struct buf *b, const struct envelope *e);

/*
 * Appends PAE(type, payload) = "DSSEv1" SP len(type) SP type SP len(payload)
 * SP payload: the message that signatures are over.
 */
void envelope_pae(struct buf *b, struct bytes type, struct bytes payload);

/*
 * Which of the keys signed the envelope: ret_valid[i] tells whether any of its
 * signatures is keys[i]'s over the PAE. Signatures by others are skipped. The
 * caller counts distinct holders, never keys or signatures. 0 if there is at
 * least one; ERR_SIGNATURE if none (then all are false); ERR_TOO_LARGE if
 * signatures times keys exceed ENVELOPE_MAX_TRIES, ERR_NOMEM (untouched).
 */
MUST_CHECK int envelope_verify_ed25519(const struct envelope *e,
    const uint8_t *const keys[], size_t n_keys, bool *ret_valid);

/*
 * Our payload types, "application/vnd.countersign.X.v1+json". The type is the
 * version: another text is PAYLOAD_UNKNOWN.
 */
enum payload_type envelope_type(struct bytes type);
/* The text of one of our types. Not for PAYLOAD_UNKNOWN. */
struct bytes envelope_type_text(enum payload_type type);
/* Its X ("card"), a static string; "unknown" for PAYLOAD_UNKNOWN. */
const char *envelope_type_word(enum payload_type type);
/* The most bytes a payload of the type may have. */
size_t envelope_type_cap(enum payload_type type);

#endif
