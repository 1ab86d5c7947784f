/*
 * jsonw.h - writing JSON: append only, no white space, one form a value.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 *
 * Errors stick to the buffer, so a writer appends everything and looks once,
 * with buf_error(). What is written passes json_check(), as long as the
 * caller names no member twice. Every value function takes the member's name,
 * or NULL inside an array, at the top level and after jsonw_key().
 */
#ifndef COUNTERSIGN_COMMON_JSONW_H
#define COUNTERSIGN_COMMON_JSONW_H

#include "common/bytes.h"
#include "common/digest.h"

struct jsonw {
	struct buf *out;
	bool comma;	/* a comma must come before the next value or name */
};

/* Appends to out, which the caller owns and which outlives the writer. */
void jsonw_init(struct jsonw *w, struct buf *out);

void jsonw_obj(struct jsonw *w, const char *key);
void jsonw_obj_end(struct jsonw *w);
void jsonw_arr(struct jsonw *w, const char *key);
void jsonw_arr_end(struct jsonw *w);

/* The name of the next value, where it is not a constant. */
void jsonw_key(struct jsonw *w, struct bytes key);

/*
 * A string from UTF-8: " and \ and control characters are escaped (the short
 * forms where there are any, else \u00xx), all else stands as it is. Invalid
 * UTF-8 or a NUL fails the buffer with ERR_CHARACTER.
 */
void jsonw_str(struct jsonw *w, const char *key, struct bytes v);
/* The same for a NUL-terminated string. */
void jsonw_cstr(struct jsonw *w, const char *key, const char *v);

/* An integer; beyond 2^53-1 either way fails the buffer with ERR_RANGE. */
void jsonw_int(struct jsonw *w, const char *key, int64_t v);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_null(struct jsonw *w, const char *key);

/* Strings of fixed form: "sha256:…", a time, base64 and base64url. */
void jsonw_digest(struct jsonw *w, const char *key, const struct sha256 *d);
void jsonw_time(struct jsonw *w, const char *key, int64_t t);
void jsonw_b64(struct jsonw *w, const char *key, struct bytes v);
void jsonw_b64url(struct jsonw *w, const char *key, struct bytes v);

/* A value that is JSON already and has been checked; copied as it is. */
void jsonw_raw(struct jsonw *w, const char *key, struct bytes json);

#endif
