/*
 * certgen.h - makes an authority and server certificates for the agents' port.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: console; tests.
 *
 * Keys are EC P-256, signatures ECDSA with SHA-256, serial numbers random. The
 * texts are PEM (RFC 7468), each ending in a line feed; keys are in the form of
 * RFC 5915, unencrypted: the buffers that hold them are the caller's to guard.
 *
 * mbedTLS has one random generator in the process, seeded by the system and
 * started on first use; it is the only state outside the arguments.
 */
#ifndef COUNTERSIGN_COMMON_CERTGEN_H
#define COUNTERSIGN_COMMON_CERTGEN_H

#include "common/bytes.h"

/* Seconds since 1970 (timefmt.h), both within the period. */
struct certgen_period {
	int64_t from, to;
};

/* A server certificate names at most so many hosts. */
#define CERTGEN_NAMES_MAX 16

/*
 * A key and a certificate of its own for an authority that may sign servers but
 * no further authority. name is its common name: 1 to 64 letters, digits,
 * spaces, dots and hyphens.
 * ERR_CHARACTER: name; ERR_RANGE: period; ERR_CRYPTO; ERR_NOMEM; a buffer's
 * error. Both buffers keep their content on failure.
 */
MUST_CHECK int certgen_make_authority(struct bytes name,
    struct certgen_period period, struct buf *ret_key_pem,
    struct buf *ret_cert_pem);

/*
 * A key and a certificate for a server, signed by that authority. names are DNS
 * names (`*.` in front for a wildcard) or IP addresses; they become subject
 * alternative names, the only place that clients look at.
 * ERR_SYNTAX: the authority's key or certificate cannot be read; ERR_KEY: they
 * do not belong together; ERR_RANGE: no names, more than CERTGEN_NAMES_MAX, or
 * the period; ERR_CHARACTER: a name that is neither; else as above.
 */
MUST_CHECK int certgen_make_server(struct bytes ca_key_pem,
    struct bytes ca_cert_pem, const struct bytes *names, size_t n_names,
    struct certgen_period period, struct buf *ret_key_pem,
    struct buf *ret_cert_pem);

#endif
