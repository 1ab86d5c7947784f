/*
 * refusal.h - why something was refused: a stable word and a text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_REFUSAL_H
#define COUNTERSIGN_COMMON_REFUSAL_H

#include "common/bytes.h"

#define REFUSAL_DETAIL_SIZE 160

/*
 * The reason is a static word of PROTOCOL.md, fit for records and programs.
 * The detail is for people: ASCII, it names the field or rule and repeats
 * nothing that the refused bytes brought, but names of fields in which all
 * but [A-Za-z0-9_.-] became '?'.
 */
struct refusal {
	const char *reason;
	char detail[REFUSAL_DETAIL_SIZE];
};

/* Fills in a refusal; a detail that is too long is cut. Returns err. */
int refusal_set(struct refusal *ret_why, int err, const char *reason,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The same with err_word(err) as the reason, and "FIELD: TEXT" as detail. */
int refusal_field(struct refusal *ret_why, int err, const char *field,
    const char *text);

struct doc;

/*
 * Says why json_check() (text, flags) or the getters of a document refused:
 * d is NULL where doc_parse() itself failed. Returns the error, which for
 * ERR_NOMEM is a failure of this program and no refusal (its word is
 * "no_memory"; never record it as a refusal of the input).
 */
int refusal_doc(struct refusal *ret_why, int err, struct bytes text,
    unsigned flags, const struct doc *d);

#endif
