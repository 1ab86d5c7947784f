/*
 * error.h - the error numbers that every module returns, and their words.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 *
 * A function returns 0 or one of these negative numbers. libuv, mbedTLS,
 * libsodium and errno are translated once, at the edge where they are called.
 */
#ifndef COUNTERSIGN_COMMON_ERROR_H
#define COUNTERSIGN_COMMON_ERROR_H

/* The compiler warns where a result is not looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

/*
 * A function whose arguments are those of printf(), as C has it; a C library
 * whose own printf() is another has the Makefile say so.
 */
#ifndef PRINTF_KIND
#define PRINTF_KIND printf
#endif
#define PRINTF_LIKE(format_at, first_at) \
	__attribute__((format(PRINTF_KIND, format_at, first_at)))

enum err {
	ERR_OK = 0,
	ERR_NOMEM = -1,		/* allocation failed */
	ERR_TOO_LARGE = -2,	/* over a cap of caps.h */
	ERR_TRUNCATED = -3,	/* input ends too early; more may come */
	ERR_SYNTAX = -4,	/* not of the format's form */
	ERR_DUPLICATE = -5,	/* the same key, id or field twice */
	ERR_UNKNOWN_FIELD = -6,	/* a field that this version does not know */
	ERR_MISSING_FIELD = -7,	/* a required field is not there */
	ERR_TYPE = -8,		/* a field of the wrong JSON type */
	ERR_RANGE = -9,		/* a value outside its range */
	ERR_CHARACTER = -10,	/* a character that may not stand there */
	ERR_VERSION = -11,	/* a version or payload type not known here */
	ERR_SIGNATURE = -12,	/* no valid signature */
	ERR_THRESHOLD = -13,	/* too few distinct holders signed */
	ERR_KEY = -14,		/* an unknown, revoked or unfit key */
	ERR_EXPIRED = -15,	/* past its time */
	ERR_FUTURE = -16,	/* from too far ahead */
	ERR_ROLLBACK = -17,	/* older than one already seen */
	ERR_CONFLICT = -18,	/* same version or id, other bytes */
	ERR_ORG = -19,		/* for another org */
	ERR_DEVICE = -20,	/* for another device */
	ERR_STATE = -21,	/* not permitted in the present state */
	ERR_DENIED = -22,	/* a rule refuses it */
	ERR_NOT_FOUND = -23,	/* no such thing */
	ERR_EXISTS = -24,	/* there already */
	ERR_IO = -25,		/* the operating system reported an error */
	ERR_NO_SPACE = -26,	/* the disk is full */
	ERR_PERMISSION = -27,	/* wrong owner, mode or missing right */
	ERR_CLOSED = -28,	/* the other end has gone */
	ERR_AGAIN = -29,	/* nothing to do right now */
	ERR_CORRUPT = -30,	/* stored data does not verify */
	ERR_UNSUPPORTED = -31,	/* this system or build cannot do it */
	ERR_CRYPTO = -32,	/* the crypto library failed */
	ERR_TLS = -33,		/* TLS handshake or record error */
	ERR_CERTIFICATE = -34,	/* the peer's certificate does not verify */
	ERR_PROTOCOL = -35,	/* the peer breaks the protocol */
	ERR_PASSPHRASE = -36,	/* wrong or missing passphrase */
	ERR_CLOCK = -37,	/* the clock cannot be right */
	ERR_USAGE = -38,	/* wrong arguments */
	ERR_LAST = -38
};

/*
 * The short, stable, lower-case word for an error ("too_large"), as it stands
 * in records and --json output. Never NULL; "unknown_error" for other numbers.
 */
const char *err_word(int err);

/* The error in plain English, for a person. Never NULL. */
const char *err_text(int err);

#endif
