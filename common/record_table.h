/*
 * record_table.h - the tables of record.c, for its reader and writer.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_RECORD_TABLE_H
#define COUNTERSIGN_COMMON_RECORD_TABLE_H

#include "common/record.h"

enum record_type {
	RECORD_TYPE_KIND,
	RECORD_TYPE_TIME,	/* int64_t, "2026-01-02T03:04:05Z" */
	RECORD_TYPE_BOOT,	/* uint64_t, a number */
	RECORD_TYPE_INT,	/* int64_t, a number from min */
	RECORD_TYPE_BOOL,
	RECORD_TYPE_DIGEST,	/* struct sha256, "sha256:…" */
	RECORD_TYPE_UUID,	/* struct bytes, as the next four */
	RECORD_TYPE_TEXT,	/* UTF-8 of min to max bytes, no NUL */
	RECORD_TYPE_WORD,	/* one of words */
	RECORD_TYPE_B64,	/* min to max bytes */
	RECORD_TYPE_B64URL,
	RECORD_TYPE_DIGESTS,	/* approvals, n_approvals */
	RECORD_TYPE_FILES,	/* files: [[file, version, digest], …] */
	RECORD_TYPE_SIGS	/* sigs, n_sigs: [[key id, signature], …] */
};

struct record_field_spec {
	const char *name;
	enum record_type type;
	size_t offset;			/* in struct record */
	size_t min, max;
	const char *const *words;	/* ends with NULL */
};

extern const struct record_field_spec record_fields[RECORD_FIELDS];

/* A kind's fields in ascending order; a zero ends them. */
#define RECORD_OPTIONAL 0x80u
#define RECORD_KIND_FIELDS 26
struct record_kind_spec {
	const char *word;
	uint8_t fields[RECORD_KIND_FIELDS];
};

extern const struct record_kind_spec record_kinds[RECORD_KINDS];

/* Key ids and signatures, bytes. */
#define RECORD_KEYID_MAX 128
#define RECORD_SIG_SIZE 64

/*
 * Whether a value is what the field takes (for base64, the bytes that it
 * stands for): ERR_RANGE, ERR_CHARACTER, ERR_SYNTAX.
 */
MUST_CHECK int record_check_bytes(const struct record_field_spec *f,
    struct bytes v);

/* Whether a word is one of the field's: ERR_RANGE. */
MUST_CHECK int record_check_word(const struct record_field_spec *f,
    struct bytes v);

/* The member of a record that the field is kept in. */
void *record_member(struct record *rec, const struct record_field_spec *f);
const void *record_member_of(const struct record *rec,
    const struct record_field_spec *f);

#endif
