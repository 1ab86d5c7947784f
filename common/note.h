/*
 * note.h - signed notes: a text, an empty line, lines of signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * C2SP signed-note, version 1.0.0. A signature line is an em dash, a space, the
 * key's name, a space, and base64 of the key's id (4 bytes) and the signature.
 * Lines of other keys, and of kinds that we do not know, are part of the note
 * and mean nothing to us.
 */
#ifndef COUNTERSIGN_COMMON_NOTE_H
#define COUNTERSIGN_COMMON_NOTE_H

#include "common/bytes.h"
#include "common/ed25519.h"

struct signer;

/* Caps: of a whole note (sixteen signatures of the largest kind there is are
 * 80 KB), of its signatures, of the name of a key that we know. */
#define NOTE_MAX (128u * 1024u)
#define NOTE_SIGNATURES_MAX 64
#define NOTE_NAME_MAX 255
/* A verifier key as text, with its NUL: name, 8 hex digits, base64 of 33. */
#define NOTE_VKEY_SIZE (NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1)

/* Kinds of signature: the byte that stands before the public key. */
#define NOTE_ED25519 0x01
#define NOTE_COSIGNATURE 0x04	/* timestamped: cosignature.h */

struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint8_t kind;
	uint8_t public[ED25519_PUBLIC_SIZE];
	uint8_t id[4];
};

/*
 * A key of that name; its id is the first four bytes of SHA-256(name || "\n"
 * || kind || public key). ERR_SYNTAX a name that is empty or has a space or a
 * plus in it; ERR_TOO_LARGE; ERR_CHARACTER.
 */
MUST_CHECK int note_key_init(struct bytes name, uint8_t kind,
    const uint8_t public[ED25519_PUBLIC_SIZE], struct note_key *ret_key);
/*
 * The same from "name+hex id+base64(kind || public key)". ERR_SYNTAX another
 * form, or the id is not the key's; ERR_KEY a kind that we do not know.
 */
MUST_CHECK int note_key_parse(struct bytes vkey, struct note_key *ret_key);
void note_key_text(const struct note_key *key, char ret_text[NOTE_VKEY_SIZE]);

/* A note in its two parts, which point into what was parsed. */
struct note {
	struct bytes text;		/* with its last newline */
	struct bytes signatures;	/* whole lines */
};

/*
 * Takes a note apart and looks at the form of every line. ERR_CHARACTER not
 * UTF-8, or a control character; ERR_SYNTAX no empty line, no signature, a line
 * of another form; ERR_TOO_LARGE.
 */
MUST_CHECK int note_parse(struct bytes b, struct note *ret_n);

struct note_signature {
	struct bytes line;	/* all of it, with its newline */
	struct bytes name;
	struct bytes value;	/* id and signature, in the caller's buffer */
};

/*
 * The next line off *rest (at first note.signatures, or the body of a witness's
 * answer): 1, decoding into b, which is emptied first; 0 at the end;
 * ERR_SYNTAX, ERR_NOMEM.
 */
MUST_CHECK int note_next(struct bytes *rest, struct buf *b,
    struct note_signature *ret_s);
/* Whether the line says that it is that key's, by name and id. */
bool note_signature_is_by(const struct note_signature *s,
    const struct note_key *key);

/*
 * Whether a key of kind NOTE_ED25519 has signed the note. ERR_NOT_FOUND none of
 * its lines is that key's; ERR_SIGNATURE one is, and does not verify.
 */
MUST_CHECK int note_verify(const struct note *n, const struct note_key *key);

/* Appends a signature line: of these bytes, or of that signer over the text.
 * Failures are the buffer's; ERR_CRYPTO. */
void note_put_line(struct buf *b, const struct note_key *key,
    struct bytes signature);
MUST_CHECK int note_sign(struct buf *b, struct bytes text,
    const struct note_key *key, const struct signer *signer);

#endif
