/*
 * tls.c - a TLS connection without I/O, as client or server, on mbedTLS 3.6.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/tls.h"

#include "common/mbederr.h"
#include "common/serverhello.h"

#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RNG mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE

/* A plaintext record, and what encryption may add to it (RFC 5246 6.2.3). */
#define RECORD_MAX ((size_t)16384)
#define RECORD_OVERHEAD ((size_t)2048 + 5)

struct tls_config {
	mbedtls_ssl_config conf;
	mbedtls_x509_crt certs;		/* authorities, or the own chain */
	mbedtls_pk_context key;
	bool is_server;
	size_t users;			/* the owner and each connection */
};

struct tls {
	mbedtls_ssl_context ssl;
	struct tls_config *config;
	struct serverhello *hello;	/* until the handshake is done */
	mbedtls_x509_time now;
	struct bytes in;		/* of the tls_feed() under way */
	struct buf out;
	enum tls_state state;
	bool close_sent;
	int err;			/* why state is TLS_FAILED */
	const char *problem;
};

/* ---- errors ---- */

struct words {
	int code;
	int err;
	const char *text;
};

/* clang-format off */
static const struct words failures[] = {
	/* Where all the others are gathered, in fail() */
	{ MBEDTLS_ERR_SSL_ALLOC_FAILED, ERR_NOMEM, "There is no memory left." },
	{ MBEDTLS_ERR_SSL_WANT_WRITE, ERR_TOO_LARGE,
	    "The other side makes this one answer faster than it reads." },
	{ MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, ERR_TLS,
	    "The other side ended the TLS connection with an alert. Its log "
	    "says why; most often it does not trust this side's certificate, "
	    "or the two have no TLS version in common." },
	{ MBEDTLS_ERR_SSL_INVALID_RECORD, ERR_TLS,
	    "What came is no TLS. Check host and port: something else answers "
	    "there, or a proxy answers in its place." },
	{ MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, ERR_TLS,
	    "The other side speaks neither TLS 1.3 nor TLS 1.2. It has to be "
	    "updated." },
	{ MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, ERR_TLS,
	    "The two sides have no TLS version, cipher or curve in common. The "
	    "other side has to be updated." },
	{ MBEDTLS_ERR_SSL_INVALID_MAC, ERR_TLS,
	    "A TLS record was altered or damaged on the way." },
	{ MBEDTLS_ERR_SSL_BAD_CERTIFICATE, ERR_CERTIFICATE,
	    "The other side's certificate cannot be used. It has to be made "
	    "anew." },
	{ 0, ERR_TLS,
	    "The other side broke the rules of TLS, or the TLS library failed "
	    "here." },
};

/* The gravest first: who signed it says more than what it says. */
static const struct words verdicts[] = {
	{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, ERR_CERTIFICATE,
	    "The server's certificate was not issued by the authority that is "
	    "pinned here. Either the server got another authority (then enrol "
	    "again with its new token), or this is another server, or "
	    "something on the way opens TLS connections: it has to let this "
	    "one pass." },
	{ MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
	    MBEDTLS_X509_BADCERT_BAD_KEY, ERR_CERTIFICATE,
	    "The server's certificate or its authority uses a key or a "
	    "signature that is too weak. It has to be made anew: RSA of 2048 "
	    "bits or more, or P-256 or P-384, and SHA-256 or better." },
	{ MBEDTLS_X509_BADCERT_CN_MISMATCH, ERR_CERTIFICATE,
	    "The server's certificate is for another name. Check the name in "
	    "this side's URL, or have a certificate made that holds it." },
	{ MBEDTLS_X509_BADCERT_EXPIRED, ERR_CERTIFICATE,
	    "The server's certificate or its authority's has expired. Renew "
	    "it on the server; if it is new, check this machine's clock." },
	{ MBEDTLS_X509_BADCERT_FUTURE, ERR_CERTIFICATE,
	    "The server's certificate or its authority's is not valid yet. "
	    "Check the clocks of this machine and of the server." },
	{ MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
	    MBEDTLS_X509_BADCERT_NS_CERT_TYPE, ERR_CERTIFICATE,
	    "The server's certificate was not made for servers (key usage). "
	    "It has to be made anew." },
	{ MBEDTLS_X509_BADCERT_MISSING, ERR_CERTIFICATE,
	    "The server has sent no certificate." },
	{ 0, ERR_CERTIFICATE,
	    "The server's certificate is not acceptable." },
};
/* clang-format on */

/*
 * mbedTLS's client sends its alert about a certificate of TLS 1.3 in the clear,
 * where a server of mbedTLS only decrypts.
 */
static const char broke_off[] =
    "The TLS handshake broke off: what the other side answered cannot be "
    "decrypted. Most often it does not trust this side's certificate, and its "
    "log says so; or a record was altered or damaged on the way.";

static const char no_ems[] =
    "The other side speaks TLS 1.2 without the extended master secret, which "
    "ties a connection to its handshake. It has to be updated, to TLS 1.3 at "
    "best.";

/* Fails the connection for good with mbedTLS's reason. Returns our number. */
static int
fail(struct tls *t, int r)
{
	const struct words *w = failures;
	uint32_t flags;

	if (mbederr_translate(r, ERR_TLS) == ERR_NOMEM)
		r = MBEDTLS_ERR_SSL_ALLOC_FAILED;
	/* All bits are set where no certificate was looked at. */
	flags = mbedtls_ssl_get_verify_result(&t->ssl);
	if (r == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ||
	    (r == MBEDTLS_ERR_SSL_BAD_CERTIFICATE && flags != UINT32_MAX &&
	    flags != 0)) {
		w = verdicts;
		while (w->code != 0 && (flags & (uint32_t)w->code) == 0)
			w++;
	} else {
		while (w->code != 0 && w->code != r)
			w++;
	}
	t->problem = w->text;
	if (r == MBEDTLS_ERR_SSL_INVALID_MAC && t->state == TLS_HANDSHAKE)
		t->problem = broke_off;
	t->state = TLS_FAILED;
	t->err = w->err;
	return t->err;
}

/* ---- configurations ---- */

static int
config_new(bool is_server, struct tls_config **ret_config)
{
	struct tls_config *c;
	int r, err;

	if (psa_crypto_init() != PSA_SUCCESS)
		return ERR_CRYPTO;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return ERR_NOMEM;
	c->users = 1;
	c->is_server = is_server;
	mbedtls_ssl_config_init(&c->conf);
	mbedtls_x509_crt_init(&c->certs);
	mbedtls_pk_init(&c->key);
	r = mbedtls_ssl_config_defaults(&c->conf,
	    is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if ((err = mbederr_translate(r, ERR_CRYPTO)) != 0) {
		tls_config_free(c);
		return err;
	}
	mbedtls_ssl_conf_rng(&c->conf, RNG);
	mbedtls_ssl_conf_min_tls_version(&c->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_extended_master_secret(&c->conf,
	    MBEDTLS_SSL_EXTENDED_MS_ENABLED);
	*ret_config = c;
	return 0;
}

/* The PEM texts that c->certs or c->key is read from need their NUL. */
static int
read_certs(struct tls_config *c, struct bytes pem)
{
	char *text;
	int r;

	if ((r = bytes_dup_str(pem, &text)) != 0)
		return r == ERR_CHARACTER ? ERR_SYNTAX : r;
	r = mbedtls_x509_crt_parse(&c->certs, (unsigned char *)text, pem.n + 1);
	free(text);
	/* Above 0: some of the certificates could not be read. */
	return mbederr_translate(r, ERR_SYNTAX);
}

static int
read_key(struct tls_config *c, struct bytes pem)
{
	char *text;
	int r;

	if ((r = bytes_dup_str(pem, &text)) != 0)
		return r == ERR_CHARACTER ? ERR_SYNTAX : r;
	r = mbedtls_pk_parse_key(&c->key, (unsigned char *)text, pem.n + 1,
	    NULL, 0, RNG);
	mbedtls_platform_zeroize(text, pem.n);
	free(text);
	return mbederr_translate(r, ERR_SYNTAX);
}

int
tls_config_new_client(struct bytes ca_pem, struct tls_config **ret_config)
{
	struct tls_config *c;
	int err;

	if ((err = config_new(false, &c)) != 0)
		return err;
	if ((err = read_certs(c, ca_pem)) != 0) {
		tls_config_free(c);
		return err;
	}
	mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&c->conf, &c->certs, NULL);
	mbedtls_ssl_conf_session_tickets(&c->conf,
	    MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	*ret_config = c;
	return 0;
}

/* What clients look for later is better said at the start. */
static bool
is_for_servers(const mbedtls_x509_crt *crt)
{
	return mbedtls_x509_crt_check_key_usage(crt,
	    MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
	    mbedtls_x509_crt_check_extended_key_usage(crt,
	    MBEDTLS_OID_SERVER_AUTH,
	    MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
}

int
tls_config_new_server(struct bytes chain_pem, struct bytes key_pem,
    struct tls_config **ret_config)
{
	struct tls_config *c;
	int r, err;

	if ((err = config_new(true, &c)) != 0)
		return err;
	if ((err = read_certs(c, chain_pem)) != 0)
		goto fail;
	if ((err = read_key(c, key_pem)) != 0)
		goto fail;
	r = mbedtls_pk_check_pair(&c->certs.pk, &c->key, RNG);
	err = mbederr_translate(r, ERR_KEY);
	if (err == 0 && !is_for_servers(&c->certs))
		err = ERR_KEY;
	if (err != 0)
		goto fail;
	r = mbedtls_ssl_conf_own_cert(&c->conf, &c->certs, &c->key);
	if ((err = mbederr_translate(r, ERR_CRYPTO)) != 0)
		goto fail;
	mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE);
	*ret_config = c;
	return 0;
fail:
	tls_config_free(c);
	return err;
}

void
tls_config_free(struct tls_config *c)
{
	if (c == NULL || --c->users > 0)
		return;
	mbedtls_ssl_config_free(&c->conf);
	mbedtls_x509_crt_free(&c->certs);
	mbedtls_pk_free(&c->key);
	free(c);
}

/* ---- what mbedTLS calls ---- */

static int
on_send(void *ctx, const unsigned char *p, size_t n)
{
	struct tls *t = ctx;

	if (n > INT_MAX || n > t->out.cap - t->out.n)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	buf_put(&t->out, p, n);
	if (buf_error(&t->out) != 0)
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	if (t->hello != NULL && t->config->is_server)
		serverhello_feed(t->hello, bytes_of(p, n));
	return (int)n;
}

static int
on_receive(void *ctx, unsigned char *p, size_t n)
{
	struct tls *t = ctx;

	if (n > t->in.n)
		n = t->in.n;
	if (n > INT_MAX)
		n = INT_MAX;
	if (n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(p, t->in.p, n);
	t->in = bytes_of(t->in.p + n, t->in.n - n);
	if (t->hello != NULL && !t->config->is_server)
		serverhello_feed(t->hello, bytes_of(p, n));
	return (int)n;
}

/*
 * For each certificate of the chain, after mbedTLS judged it by the system's
 * clock: the verdict on its dates is ours, by the time that we were given.
 */
static int
on_verify(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	const struct tls *t = ctx;

	(void)depth;
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED |
	    MBEDTLS_X509_BADCERT_FUTURE);
	if (mbedtls_x509_time_cmp(&crt->valid_to, &t->now) < 0)
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	if (mbedtls_x509_time_cmp(&crt->valid_from, &t->now) > 0)
		*flags |= MBEDTLS_X509_BADCERT_FUTURE;
	return 0;
}

/* ---- connections ---- */

static int
setup(struct tls *t, const char *server_name, int64_t now)
{
	int r;

	if (mbedtls_x509_time_gmtime((mbedtls_time_t)now, &t->now) != 0)
		return ERR_CRYPTO;
	r = mbedtls_ssl_setup(&t->ssl, &t->config->conf);
	if (r == 0 && server_name != NULL)
		r = mbedtls_ssl_set_hostname(&t->ssl, server_name);
	if (r == MBEDTLS_ERR_SSL_BAD_INPUT_DATA)
		return ERR_USAGE;
	if (r != 0)
		return mbederr_translate(r, ERR_CRYPTO);
	mbedtls_ssl_set_bio(&t->ssl, t, on_send, on_receive, NULL);
	mbedtls_ssl_set_verify(&t->ssl, on_verify, t);
	return 0;
}

int
tls_new(struct tls_config *config, const char *server_name, int64_t now,
    struct tls **ret_tls)
{
	struct tls *t;
	int err;

	if (config->is_server != (server_name == NULL))
		return ERR_USAGE;
	if (server_name != NULL && server_name[0] == '\0')
		return ERR_USAGE;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return ERR_NOMEM;
	mbedtls_ssl_init(&t->ssl);
	buf_init(&t->out, TLS_OUTPUT_MAX);
	t->config = config;
	config->users++;
	t->problem = "";
	err = ERR_NOMEM;
	if ((t->hello = malloc(sizeof(*t->hello))) == NULL)
		goto fail;
	serverhello_init(t->hello);
	if ((err = setup(t, server_name, now)) != 0)
		goto fail;
	*ret_tls = t;
	return 0;
fail:
	tls_free(t);
	return err;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	mbedtls_ssl_free(&t->ssl);
	tls_config_free(t->config);
	free(t->hello);
	buf_free(&t->out);
	free(t);
}

enum tls_state
tls_state(const struct tls *t)
{
	return t->state;
}

/* ---- data ---- */

static bool
is_tls12(const struct tls *t)
{
	return mbedtls_ssl_get_version_number(&t->ssl) ==
	    MBEDTLS_SSL_VERSION_TLS1_2;
}

/* 0: open now. ERR_AGAIN: more input is needed. */
static int
shake_hands(struct tls *t)
{
	int r;

	do
		r = mbedtls_ssl_handshake(&t->ssl);
	while (r == MBEDTLS_ERR_SSL_WANT_READ && t->in.n > 0);
	if (r == MBEDTLS_ERR_SSL_WANT_READ)
		return ERR_AGAIN;
	if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		r = MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
	if (r != 0)
		return fail(t, r);
	if (is_tls12(t) && !serverhello_has_ems(t->hello)) {
		(void)mbedtls_ssl_send_alert_message(&t->ssl,
		    MBEDTLS_SSL_ALERT_LEVEL_FATAL,
		    MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
		t->state = TLS_FAILED;
		t->problem = no_ems;
		return t->err = ERR_TLS;
	}
	free(t->hello);
	t->hello = NULL;
	t->state = TLS_OPEN;
	return 0;
}

/* Decrypts what there is into b. 0: the input is used up. */
static int
read_plain(struct tls *t, struct buf *b)
{
	size_t room;
	uint8_t *to;
	int r;

	/* Also plaintext that did not fit the last time. */
	while (t->in.n > 0 || mbedtls_ssl_check_pending(&t->ssl) != 0) {
		room = b->cap - b->n;
		if (room == 0)
			return ERR_AGAIN;
		if (room > RECORD_MAX)
			room = RECORD_MAX;
		if ((to = buf_reserve(b, room)) == NULL)
			return buf_error(b);
		r = mbedtls_ssl_read(&t->ssl, to, room);
		if (r > 0)
			buf_commit(b, (size_t)r);
		else if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
			t->state = TLS_CLOSED;
			return ERR_CLOSED;
		/* A ticket is no error; it is told only to who asked for it. */
		} else if (r != MBEDTLS_ERR_SSL_WANT_READ &&
		    r != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
			return fail(t, r);
	}
	return 0;
}

int
tls_feed(struct tls *t, struct bytes *in, struct buf *ret_plain)
{
	int err = 0;

	if (t->state == TLS_FAILED)
		return t->err;
	if (t->state == TLS_CLOSED) {
		in->n = 0;
		return ERR_CLOSED;
	}
	if (buf_error(ret_plain) != 0)
		return buf_error(ret_plain);
	t->in = *in;
	if (t->state == TLS_HANDSHAKE)
		err = shake_hands(t);
	if (err == 0)
		err = read_plain(t, ret_plain);
	else if (err == ERR_AGAIN)
		err = 0;
	*in = t->in;
	t->in = bytes_of(NULL, 0);
	if (err == ERR_CLOSED)
		in->n = 0;
	return err;
}

int
tls_write(struct tls *t, struct bytes *in)
{
	size_t n;
	int r;

	if (t->state == TLS_FAILED)
		return t->err;
	if (t->state != TLS_OPEN || t->close_sent)
		return ERR_STATE;
	while (in->n > 0) {
		if (t->out.cap - t->out.n < RECORD_MAX + RECORD_OVERHEAD)
			return ERR_AGAIN;
		n = in->n < RECORD_MAX ? in->n : RECORD_MAX;
		r = mbedtls_ssl_write(&t->ssl, in->p, n);
		if (r <= 0)
			return fail(t, r);
		*in = bytes_of(in->p + r, in->n - (size_t)r);
	}
	return 0;
}

int
tls_close(struct tls *t)
{
	int r;

	if (t->state == TLS_HANDSHAKE || t->state == TLS_FAILED)
		return ERR_STATE;
	if (t->close_sent)
		return 0;
	if ((r = mbedtls_ssl_close_notify(&t->ssl)) != 0)
		return fail(t, r);
	t->close_sent = true;
	return 0;
}

size_t
tls_pending(const struct tls *t)
{
	return t->out.n;
}

int
tls_take(struct tls *t, struct buf *ret_b)
{
	buf_put_bytes(ret_b, buf_bytes(&t->out));
	if (buf_error(ret_b) != 0)
		return buf_error(ret_b);
	buf_free(&t->out);
	return 0;
}

int
tls_exporter(struct tls *t, uint8_t *ret_binding)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	uint8_t binding[TLS_EXPORTER_LEN];

	if (t->state != TLS_OPEN && t->state != TLS_CLOSED)
		return ERR_STATE;
	/* The context is there and empty: TLS 1.2 tells that from none. */
	if (mbedtls_ssl_export_keying_material(&t->ssl, binding,
	    sizeof(binding), label, sizeof(label) - 1,
	    (const unsigned char *)"", 0, 1) != 0)
		return ERR_CRYPTO;
	memcpy(ret_binding, binding, sizeof(binding));
	mbedtls_platform_zeroize(binding, sizeof(binding));
	return 0;
}

const char *
tls_version(const struct tls *t)
{
	if (t->state != TLS_OPEN && t->state != TLS_CLOSED)
		return "";
	return is_tls12(t) ? "TLSv1.2" : "TLSv1.3";
}

const char *
tls_problem(const struct tls *t)
{
	return t->problem;
}
