/*
 * error.c - the words of the error numbers.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 */
#include "common/error.h"

#include <stddef.h>

struct err_entry {
	const char *word;
	const char *text;
};

/* Indexed by -err. */
static const struct err_entry entries[] = {
	{ "ok", "no error" },
	{ "no_memory", "out of memory" },
	{ "too_large", "larger than the limit" },
	{ "truncated", "ends too early" },
	{ "malformed", "not well formed" },
	{ "duplicate", "something stands twice" },
	{ "unknown_field", "a field that this version does not know" },
	{ "missing_field", "a required field is missing" },
	{ "wrong_type", "a field has the wrong type" },
	{ "out_of_range", "a value is outside its range" },
	{ "forbidden_character", "a character that may not stand there" },
	{ "unknown_version", "a version that is not known here" },
	{ "bad_signature", "no valid signature" },
	{ "threshold_not_met", "too few distinct holders signed" },
	{ "unknown_key", "the key is unknown, revoked or not fit for this" },
	{ "expired", "past its time" },
	{ "from_the_future", "dated too far ahead of the clock" },
	{ "rolled_back", "older than a version already seen" },
	{ "conflict", "same version or id, other bytes" },
	{ "wrong_org", "made for another org" },
	{ "wrong_device", "made for another device" },
	{ "wrong_state", "not permitted in the present state" },
	{ "denied", "a rule refuses it" },
	{ "not_found", "no such thing" },
	{ "exists", "it is there already" },
	{ "io_error", "input or output failed" },
	{ "no_space", "no space left on the disk" },
	{ "no_permission", "wrong owner, mode or missing right" },
	{ "closed", "the other end has gone" },
	{ "again", "not right now" },
	{ "corrupt", "stored data does not verify" },
	{ "unsupported", "not possible on this system" },
	{ "crypto_error", "the crypto library failed" },
	{ "tls_error", "TLS failed" },
	{ "bad_certificate", "the peer's certificate does not verify" },
	{ "protocol_error", "the peer breaks the protocol" },
	{ "bad_passphrase", "the passphrase is wrong or missing" },
	{ "clock", "the clock cannot be right" },
	{ "usage", "wrong arguments" },
};

_Static_assert(sizeof(entries) / sizeof(entries[0]) == 1 - ERR_LAST,
    "every error number has its words");

static const struct err_entry *
entry_of(int err)
{
	if (err > 0 || err < ERR_LAST)
		return NULL;
	return &entries[-err];
}

const char *
err_word(int err)
{
	const struct err_entry *e = entry_of(err);

	return e != NULL ? e->word : "unknown_error";
}

const char *
err_text(int err)
{
	const struct err_entry *e = entry_of(err);

	return e != NULL ? e->text : "unknown error";
}
