/*
 * test_tls12.c - TLS 1.2 with and without the extended master secret: one end
 * is ours, the other bare mbedTLS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/tls.h"
#include "tests/harness/pems.h"

#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

struct raw {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt certs;
	mbedtls_pk_context key;
	struct buf in, out;
};

static int
raw_send(void *ctx, const unsigned char *p, size_t n)
{
	buf_put(&((struct raw *)ctx)->out, p, n);
	return (int)n;
}

static int
raw_receive(void *ctx, unsigned char *p, size_t n)
{
	struct raw *r = ctx;

	if (n > r->in.n)
		n = r->in.n;
	if (n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(p, r->in.p, n);
	buf_drop(&r->in, n);
	return (int)n;
}

static void
raw_init(struct raw *r, const struct pems *s, int endpoint, char ems)
{
	/* A NUL at the end of each text */
	unsigned char cert[4096] = { 0 }, key[4096] = { 0 };

	CHECK_INT(psa_crypto_init(), 0);
	mbedtls_ssl_init(&r->ssl);
	mbedtls_ssl_config_init(&r->conf);
	mbedtls_x509_crt_init(&r->certs);
	mbedtls_pk_init(&r->key);
	buf_init(&r->in, 1 << 20);
	buf_init(&r->out, 1 << 20);
	CHECK_INT(mbedtls_ssl_config_defaults(&r->conf, endpoint,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), 0);
	mbedtls_ssl_conf_rng(&r->conf, mbedtls_psa_get_random,
	    MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_max_tls_version(&r->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_extended_master_secret(&r->conf, ems);
	mbedtls_ssl_conf_authmode(&r->conf, MBEDTLS_SSL_VERIFY_NONE);
	if (endpoint == MBEDTLS_SSL_IS_SERVER) {
		memcpy(cert, s->cert.p, s->cert.n);
		memcpy(key, s->key.p, s->key.n);
		CHECK_INT(mbedtls_x509_crt_parse(&r->certs, cert,
		    s->cert.n + 1), 0);
		CHECK_INT(mbedtls_pk_parse_key(&r->key, key, s->key.n + 1,
		    NULL, 0, mbedtls_psa_get_random,
		    MBEDTLS_PSA_RANDOM_STATE), 0);
		CHECK_INT(mbedtls_ssl_conf_own_cert(&r->conf, &r->certs,
		    &r->key), 0);
	}
	CHECK_INT(mbedtls_ssl_setup(&r->ssl, &r->conf), 0);
	CHECK_INT(mbedtls_ssl_set_hostname(&r->ssl, NULL), 0);
	mbedtls_ssl_set_bio(&r->ssl, r, raw_send, raw_receive, NULL);
}

static void
raw_fini(struct raw *r)
{
	mbedtls_ssl_free(&r->ssl);
	mbedtls_ssl_config_free(&r->conf);
	mbedtls_x509_crt_free(&r->certs);
	mbedtls_pk_free(&r->key);
	buf_free(&r->in);
	buf_free(&r->out);
}

/* Carries both ways until nobody has anything to say; our last error. */
static int
raw_pump(struct raw *r, struct tls *t, struct buf *plain, int *ret_raw)
{
	struct bytes in;
	int err = 0, ret = MBEDTLS_ERR_SSL_WANT_READ;
	bool more = true;

	while (more) {
		more = false;
		if (ret == MBEDTLS_ERR_SSL_WANT_READ)
			ret = mbedtls_ssl_handshake(&r->ssl);
		in = buf_bytes(&r->out);
		if (err == 0) {
			err = tls_feed(t, &in, plain);
			more = r->out.n > 0;
		}
		buf_clear(&r->out);
		more = more || tls_pending(t) > 0;
		CHECK_INT(tls_take(t, &r->in), 0);
	}
	*ret_raw = ret;
	return err;
}

static void
tls12(int endpoint, char ems)
{
	uint8_t a[TLS_EXPORTER_LEN], b[TLS_EXPORTER_LEN];
	bool raw_is_server = endpoint == MBEDTLS_SSL_IS_SERVER;
	struct tls_config *c;
	struct buf plain;
	struct pems s;
	struct raw r;
	struct tls *t;
	int err, raw_err;

	make_pems(&s, NAME, lasting, lasting);
	raw_init(&r, &s, endpoint, ems);
	if (raw_is_server)
		CHECK_INT(tls_config_new_client(buf_bytes(&s.ca), &c), 0);
	else
		CHECK_INT(tls_config_new_server(buf_bytes(&s.cert),
		    buf_bytes(&s.key), &c), 0);
	CHECK_INT(tls_new(c, raw_is_server ? NAME : NULL, NOW, &t), 0);
	tls_config_free(c);
	buf_init(&plain, 4096);
	err = raw_pump(&r, t, &plain, &raw_err);
	if (ems == MBEDTLS_SSL_EXTENDED_MS_ENABLED) {
		CHECK_INT(err, 0);
		CHECK_INT(raw_err, 0);
		CHECK_INT(tls_state(t), TLS_OPEN);
		CHECK_STR(tls_version(t), "TLSv1.2");
		/* RFC 9266: the context is an empty string, not absent. */
		CHECK_INT(tls_exporter(t, a), 0);
		CHECK_INT(mbedtls_ssl_export_keying_material(&r.ssl, b,
		    sizeof(b), "EXPORTER-Channel-Binding", 24,
		    (const unsigned char *)"", 0, 1), 0);
		CHECK_MEM(a, sizeof(a), b, sizeof(b));
		CHECK_INT(mbedtls_ssl_write(&r.ssl,
		    (const unsigned char *)"hi", 2), 2);
		CHECK_INT(raw_pump(&r, t, &plain, &raw_err), 0);
		CHECK_MEM(plain.p, plain.n, "hi", 2);
	} else {
		CHECK_INT(err, ERR_TLS);
		CHECK(strstr(tls_problem(t), "extended master") != NULL);
		CHECK_INT(tls_state(t), TLS_FAILED);
		CHECK_INT(tls_exporter(t, a), ERR_STATE);
		CHECK_INT(plain.n, 0);
		/* The alert reached the other side. */
		(void)mbedtls_ssl_handshake(&r.ssl);
		CHECK_INT(mbedtls_ssl_read(&r.ssl, a, 1),
		    MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
	}
	buf_free(&plain);
	tls_free(t);
	raw_fini(&r);
	pems_fini(&s);
}

TEST(tls12_server_with_ems)
{
	tls12(MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
}

TEST(tls12_client_with_ems)
{
	tls12(MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
}

TEST(tls12_server_without_ems)
{
	tls12(MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
}

TEST(tls12_client_without_ems)
{
	tls12(MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
}

TEST_MAIN()
