/*
 * tls.h - a TLS connection without I/O, as client or server.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * The one module that knows mbedTLS's TLS. TLS 1.3, or 1.2 with the extended
 * master secret (RFC 7627), always with forward secrecy and AEAD. A client
 * trusts the authorities it was given and no others; a server asks for no
 * certificate, since devices prove themselves inside. No session is resumed.
 *
 * Bytes from the network go in with tls_feed(), which also gives plaintext out;
 * bytes for the network come out with tls_take(). Call tls_take() after every
 * call that may have made some, errors too: the alert that tells the other side
 * why is among them. Nothing received is kept but one record in the making.
 *
 * mbedTLS has one random generator and key store in the process, seeded by the
 * system and started on first use; it reseeds itself after a fork. That is the
 * only state outside the arguments. One thread only.
 */
#ifndef COUNTERSIGN_COMMON_TLS_H
#define COUNTERSIGN_COMMON_TLS_H

#include "common/bytes.h"

/* What connections share: role and certificates. */
struct tls_config;
/* One connection. */
struct tls;

enum tls_state {
	TLS_HANDSHAKE,	/* not yet */
	TLS_OPEN,	/* plaintext goes both ways */
	TLS_CLOSED,	/* the peer said that it sends no more */
	TLS_FAILED	/* tls_problem() says why */
};

/* tls-exporter (RFC 9266) */
#define TLS_EXPORTER_LEN 32

/*
 * Most ciphertext that waits to be taken. A record on the wire is at most
 * 16 KiB and some overhead.
 */
#define TLS_OUTPUT_MAX ((size_t)256 * 1024)

/*
 * For clients: ca_pem has one or more certificates, which are the only ones
 * trusted. ERR_SYNTAX: it cannot be read whole; ERR_CRYPTO: no random numbers;
 * ERR_NOMEM. The caller frees it with tls_config_free().
 */
MUST_CHECK int tls_config_new_client(struct bytes ca_pem,
    struct tls_config **ret_config);

/*
 * For servers: the certificate with what it takes to get to the authority, and
 * its key, unencrypted. ERR_SYNTAX: one of them cannot be read; ERR_KEY: they
 * do not belong together, or the certificate says that it is not for servers;
 * ERR_CRYPTO, ERR_NOMEM.
 */
MUST_CHECK int tls_config_new_server(struct bytes chain_pem,
    struct bytes key_pem, struct tls_config **ret_config);

/* Lets go of it; the last connection that uses it frees it. NULL is fine. */
void tls_config_free(struct tls_config *config);

/*
 * A connection. A client names the server (DNS name or IP address, at most 255
 * characters), a server gives NULL. now is the time, in seconds since 1970,
 * that certificates are judged by. A client begins: give tls_feed() an empty
 * input first. ERR_USAGE: no name, or one too long, or one for a server;
 * ERR_NOMEM, ERR_CRYPTO.
 */
MUST_CHECK int tls_new(struct tls_config *config, const char *server_name,
    int64_t now, struct tls **ret_tls);

/* NULL is fine. */
void tls_free(struct tls *t);

/* What the connection is at; TLS_FAILED stays. */
enum tls_state tls_state(const struct tls *t);

/*
 * Takes ciphertext off *in, carries the handshake on and appends plaintext to
 * ret_plain, as far as its cap allows. One call may go all the way from
 * TLS_HANDSHAKE to TLS_CLOSED, with plaintext in between.
 *
 * 0: all of in was taken. ERR_AGAIN: ret_plain is full; empty it and call
 * again, also with an empty input. ERR_CLOSED: the peer closed in good order,
 * the rest of in is dropped. A connection whose transport ends without that was
 * cut off. ERR_CERTIFICATE: the server's certificate is not good; ERR_TLS: else
 * wrong in handshake or records; ERR_TOO_LARGE: TLS_OUTPUT_MAX waits to be
 * taken; ERR_NOMEM; ret_plain's error. These stay.
 */
MUST_CHECK int tls_feed(struct tls *t, struct bytes *in, struct buf *ret_plain);

/*
 * Encrypts bytes off *in, as far as there is room for ciphertext.
 * 0: all of in was taken. ERR_AGAIN: tls_take() first. ERR_STATE: not TLS_OPEN,
 * or after tls_close(). ERR_NOMEM, ERR_TLS; these stay.
 */
MUST_CHECK int tls_write(struct tls *t, struct bytes *in);

/*
 * Says that no more will be sent (close_notify). Idempotent, and the result may
 * be left alone: the transport ends next. ERR_STATE: before the handshake is
 * done, or failed; ERR_TOO_LARGE, ERR_NOMEM.
 */
int tls_close(struct tls *t);

/* How many bytes wait for tls_take(). */
size_t tls_pending(const struct tls *t);

/* Moves the ciphertext that waits to the end of ret_b. The buffer's error, and
 * then it still waits. */
MUST_CHECK int tls_take(struct tls *t, struct buf *ret_b);

/*
 * The channel binding `EXPORTER-Channel-Binding` (RFC 9266): the same
 * TLS_EXPORTER_LEN bytes on both ends of this connection and on no other.
 * ERR_STATE: before the handshake is done, or failed; ERR_CRYPTO.
 */
MUST_CHECK int tls_exporter(struct tls *t, uint8_t *ret_binding);

/* "TLSv1.3" or "TLSv1.2"; "" before the handshake is done. */
const char *tls_version(const struct tls *t);

/*
 * Why it failed and what to do about it, as sentences for a person; "" if it
 * did not. Has nothing in it that came from the other side.
 */
const char *tls_problem(const struct tls *t);

#endif
