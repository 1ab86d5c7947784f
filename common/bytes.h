/*
 * bytes.h - spans of bytes, a growable buffer and a cursor that fails once.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 */
#ifndef COUNTERSIGN_COMMON_BYTES_H
#define COUNTERSIGN_COMMON_BYTES_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A span of bytes that somebody else owns. p may be NULL when n is 0. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/* The bytes of a string literal or NUL-terminated string, without the NUL. */
struct bytes bytes_str(const char *s);
struct bytes bytes_of(const void *p, size_t n);
/* Same length and content. Not constant time: never for secrets. */
bool bytes_equal(struct bytes a, struct bytes b);
/* Whether a equals the NUL-terminated string s. */
bool bytes_is(struct bytes a, const char *s);
/*
 * Copies a into a fresh NUL-terminated string that the caller frees.
 * ERR_CHARACTER if a has a NUL inside, ERR_NOMEM.
 */
MUST_CHECK int bytes_dup_str(struct bytes a, char **ret_s);
/* Copies a into fresh memory that the caller frees. ERR_NOMEM. */
MUST_CHECK int bytes_dup(struct bytes a, uint8_t **ret_p);

/*
 * A buffer that grows up to cap bytes. Once an append failed it stays failed
 * (err is set, later appends do nothing), so that a writer may append many
 * times and look once, with buf_error().
 */
struct buf {
	uint8_t *p;
	size_t n;	/* bytes in use */
	size_t size;	/* bytes allocated */
	size_t cap;	/* bytes it may ever hold */
	int err;
};

/* An empty buffer; allocates nothing. */
void buf_init(struct buf *b, size_t cap);
/* Frees the memory and leaves an empty buffer with the same cap. Idempotent. */
void buf_free(struct buf *b);
/* Empties it, keeps the memory, clears the error. */
void buf_clear(struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_bytes(struct buf *b, struct bytes a);
void buf_put_str(struct buf *b, const char *s);
void buf_put_u8(struct buf *b, uint8_t v);
/* Integers of fixed width: le little-endian (our own files and pipes), be
 * big-endian (SSH and WebSocket formats). */
void buf_put_u16le(struct buf *b, uint16_t v);
void buf_put_u32le(struct buf *b, uint32_t v);
void buf_put_u64le(struct buf *b, uint64_t v);
void buf_put_u16be(struct buf *b, uint16_t v);
void buf_put_u32be(struct buf *b, uint32_t v);
void buf_put_u64be(struct buf *b, uint64_t v);
/* u32 little-endian length, then the bytes. */
void buf_put_field(struct buf *b, struct bytes a);
/* u32 big-endian length, then the bytes (an SSH string, RFC 4251 5). */
void buf_put_sshstr(struct buf *b, struct bytes a);
/* printf into the buffer (no NUL is kept). */
void buf_printf(struct buf *b, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
/*
 * Room for n more bytes at the end, not yet counted in b->n; NULL on failure
 * (then the buffer is failed). Add what was written with buf_commit().
 */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Removes the first n bytes (n <= b->n). */
void buf_drop(struct buf *b, size_t n);
/* 0, or the first error (ERR_NOMEM, ERR_TOO_LARGE). */
MUST_CHECK int buf_error(const struct buf *b);
/* The content; valid until the next append. */
struct bytes buf_bytes(const struct buf *b);

/*
 * Reads a span from front to back. Once a read failed (too few bytes) the
 * reader stays failed and gives zeros and empty spans; reader_end() tells.
 * The spans it returns point into the span it reads.
 */
struct reader {
	struct bytes rest;
	int err;
};

void reader_init(struct reader *r, struct bytes a);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16le(struct reader *r);
uint32_t reader_u32le(struct reader *r);
uint64_t reader_u64le(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
struct bytes reader_take(struct reader *r, size_t n);
/* A u32 little-endian length of at most cap, then that many bytes. */
struct bytes reader_field(struct reader *r, size_t cap);
/* A u32 big-endian length of at most cap, then that many bytes. */
struct bytes reader_sshstr(struct reader *r, size_t cap);
/*
 * 0 if every read succeeded and nothing is left over; else ERR_TRUNCATED,
 * ERR_TOO_LARGE, or ERR_SYNTAX for trailing bytes.
 */
MUST_CHECK int reader_end(const struct reader *r);

/* Writes 2*n lower-case hex digits and a NUL to ret_hex (2*n+1 bytes). */
void hex_encode(struct bytes a, char *ret_hex);
/*
 * Lower-case hex of exactly n bytes. ERR_SYNTAX for another length or digit.
 */
MUST_CHECK int hex_decode(struct bytes hex, uint8_t *ret_p, size_t n);

#endif
