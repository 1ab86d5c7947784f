/*
 * certgen.c - makes an authority and server certificates for the agents' port.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: console; tests.
 */
#include "common/certgen.h"

#include "common/mbederr.h"
#include "common/timefmt.h"

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX ((size_t)8 * 1024)
#define DNS_MAX 253
#define LABEL_MAX 63
#define SERIAL_LEN 16

#define RNG mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE

/* ---- names and times ---- */

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* A string of the distinguished name's grammar needs escapes for the rest. */
static bool
is_common_name(struct bytes name)
{
	size_t i;

	if (name.n == 0 || name.n > 64)
		return false;
	for (i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) && memchr(" .-", name.p[i], 3) == NULL)
			return false;
	return name.p[0] != ' ' && name.p[name.n - 1] != ' ';
}

/* Labels of letters, digits and inner hyphens (RFC 1123), maybe after `*.`. */
static bool
is_dns_name(struct bytes name)
{
	size_t i = 0, label = 0;

	if (name.n > DNS_MAX)
		return false;
	if (name.n > 2 && memcmp(name.p, "*.", 2) == 0)
		i = 2;
	for (; i < name.n; i++) {
		if (name.p[i] == '.' || name.p[i] == '-') {
			if (label == 0)
				return false;
			if (name.p[i] == '.' && name.p[i - 1] == '-')
				return false;
			label = name.p[i] == '.' ? 0 : label + 1;
		} else if (is_alnum(name.p[i]))
			label++;
		else
			return false;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0 && name.p[name.n - 1] != '-';
}

/* mbedTLS wants YYYYMMDDhhmmss. */
static void
digits_of(int64_t t, char ret_digits[15])
{
	char text[TIME_TEXT_SIZE];
	size_t i, n = 0;

	time_format(t, text);
	for (i = 0; text[i] != '\0'; i++)
		if (text[i] >= '0' && text[i] <= '9')
			ret_digits[n++] = text[i];
	ret_digits[n] = '\0';
}

static bool
is_period(struct certgen_period p)
{
	return p.from >= TIME_MIN && p.from <= p.to && p.to <= TIME_MAX;
}

/* ---- keys and certificates ---- */

/* One certificate in the making. */
struct draft {
	mbedtls_x509write_cert crt;
	mbedtls_pk_context key;
};

static int
draft_init(struct draft *d, struct certgen_period period)
{
	uint8_t serial[SERIAL_LEN];
	char from[15], to[15];
	int r;

	mbedtls_x509write_crt_init(&d->crt);
	mbedtls_pk_init(&d->key);
	if (psa_crypto_init() != PSA_SUCCESS)
		return ERR_CRYPTO;
	r = mbedtls_pk_setup(&d->key,
	    mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (r == 0)
		r = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
		    mbedtls_pk_ec(d->key), RNG);
	if (r == 0)
		r = mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, serial,
		    sizeof(serial));
	if (r != 0)
		return mbederr_translate(r, ERR_CRYPTO);
	/* Positive and of full length (RFC 5280 4.1.2.2). */
	serial[0] = (serial[0] & 0x3f) | 0x40;
	digits_of(period.from, from);
	digits_of(period.to, to);
	mbedtls_x509write_crt_set_version(&d->crt, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&d->crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&d->crt, &d->key);
	r = mbedtls_x509write_crt_set_serial_raw(&d->crt, serial,
	    sizeof(serial));
	if (r == 0)
		r = mbedtls_x509write_crt_set_validity(&d->crt, from, to);
	return mbederr_translate(r, ERR_CRYPTO);
}

static void
draft_fini(struct draft *d)
{
	mbedtls_x509write_crt_free(&d->crt);
	mbedtls_pk_free(&d->key);
}

/* The identifiers, the signature, and both texts. */
static int
draft_finish(struct draft *d, struct buf *ret_key_pem, struct buf *ret_cert_pem)
{
	size_t at_key = ret_key_pem->n, at_cert = ret_cert_pem->n;
	unsigned char *pem;
	int r;

	if ((pem = calloc(1, PEM_MAX)) == NULL)
		return ERR_NOMEM;
	r = mbedtls_x509write_crt_set_subject_key_identifier(&d->crt);
	if (r == 0)
		r = mbedtls_x509write_crt_set_authority_key_identifier(&d->crt);
	if (r == 0)
		r = mbedtls_x509write_crt_pem(&d->crt, pem, PEM_MAX, RNG);
	if (r == 0) {
		buf_put_str(ret_cert_pem, (char *)pem);
		r = mbedtls_pk_write_key_pem(&d->key, pem, PEM_MAX);
	}
	if (r == 0)
		buf_put_str(ret_key_pem, (char *)pem);
	mbedtls_platform_zeroize(pem, PEM_MAX);
	free(pem);
	r = mbederr_translate(r, ERR_CRYPTO);
	if (r == 0)
		r = buf_error(ret_key_pem);
	if (r == 0)
		r = buf_error(ret_cert_pem);
	if (r != 0) {
		ret_key_pem->n = at_key;
		ret_cert_pem->n = at_cert;
	}
	return r;
}

int
certgen_make_authority(struct bytes name, struct certgen_period period,
    struct buf *ret_key_pem, struct buf *ret_cert_pem)
{
	char dn[3 + 64 + 1] = "CN=";
	struct draft d;
	int r, err;

	if (!is_common_name(name))
		return ERR_CHARACTER;
	if (!is_period(period))
		return ERR_RANGE;
	memcpy(dn + 3, name.p, name.n);
	if ((err = draft_init(&d, period)) != 0)
		goto out;
	mbedtls_x509write_crt_set_issuer_key(&d.crt, &d.key);
	r = mbedtls_x509write_crt_set_subject_name(&d.crt, dn);
	if (r == 0)
		r = mbedtls_x509write_crt_set_issuer_name(&d.crt, dn);
	if (r == 0)
		r = mbedtls_x509write_crt_set_basic_constraints(&d.crt, 1, 0);
	if (r == 0)
		r = mbedtls_x509write_crt_set_key_usage(&d.crt,
		    MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
	err = mbederr_translate(r, ERR_CRYPTO);
	if (err == 0)
		err = draft_finish(&d, ret_key_pem, ret_cert_pem);
out:
	draft_fini(&d);
	return err;
}

/* ---- the server's certificate ---- */

/* The list of names in mbedTLS's form, with the memory it points to. */
struct alt_names {
	mbedtls_x509_san_list list[CERTGEN_NAMES_MAX];
	char text[CERTGEN_NAMES_MAX][DNS_MAX + 1];
	unsigned char ip[CERTGEN_NAMES_MAX][16];
};

static int
add_name(struct alt_names *a, size_t i, struct bytes name)
{
	mbedtls_x509_subject_alternative_name *node = &a->list[i].node;
	size_t n;

	if (name.n == 0 || name.n > DNS_MAX ||
	    memchr(name.p, 0, name.n) != NULL)
		return ERR_CHARACTER;
	memcpy(a->text[i], name.p, name.n);
	n = mbedtls_x509_crt_parse_cn_inet_pton(a->text[i], a->ip[i]);
	if (n > 0) {
		node->type = MBEDTLS_X509_SAN_IP_ADDRESS;
		node->san.unstructured_name.p = a->ip[i];
		node->san.unstructured_name.len = n;
	} else if (is_dns_name(name)) {
		node->type = MBEDTLS_X509_SAN_DNS_NAME;
		node->san.unstructured_name.p = (unsigned char *)a->text[i];
		node->san.unstructured_name.len = name.n;
	} else
		return ERR_CHARACTER;
	return 0;
}

static int
set_alt_names(struct draft *d, const struct bytes *names, size_t n)
{
	mbedtls_x509_san_list *last = NULL;
	struct alt_names *a;
	size_t i;
	int err = 0;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return ERR_NOMEM;
	for (i = 0; i < n && err == 0; i++) {
		err = add_name(a, i, names[i]);
		if (last != NULL)
			last->next = &a->list[i];
		last = &a->list[i];
	}
	if (err == 0)
		err = mbederr_translate(
		    mbedtls_x509write_crt_set_subject_alternative_name(&d->crt,
		    a->list), ERR_CRYPTO);
	free(a);
	return err;
}

/* PEM text as mbedTLS wants it, with its NUL. */
static int
dup_pem(struct bytes pem, char **ret_text)
{
	int err = bytes_dup_str(pem, ret_text);

	return err == ERR_CHARACTER ? ERR_SYNTAX : err;
}

/* The authority, once its key and certificate are known to fit. */
static int
load_authority(struct bytes key_pem, struct bytes cert_pem,
    mbedtls_pk_context *key, mbedtls_x509_crt *crt)
{
	char *text;
	int r, err;

	if (psa_crypto_init() != PSA_SUCCESS)
		return ERR_CRYPTO;
	if ((err = dup_pem(key_pem, &text)) != 0)
		return err;
	r = mbedtls_pk_parse_key(key, (unsigned char *)text, key_pem.n + 1,
	    NULL, 0, RNG);
	mbedtls_platform_zeroize(text, key_pem.n);
	free(text);
	if (r != 0)
		return mbederr_translate(r, ERR_SYNTAX);
	if ((err = dup_pem(cert_pem, &text)) != 0)
		return err;
	r = mbedtls_x509_crt_parse(crt, (unsigned char *)text, cert_pem.n + 1);
	free(text);
	if (r != 0)
		return mbederr_translate(r, ERR_SYNTAX);
	if (mbedtls_x509_crt_get_ca_istrue(crt) != 1)
		return ERR_KEY;
	r = mbedtls_pk_check_pair(&crt->pk, key, RNG);
	return mbederr_translate(r, ERR_KEY);
}

/* mbedTLS copies none of its arguments' lists but the names and extensions. */
static int
set_server_fields(struct draft *d, mbedtls_x509_crt *ca,
    mbedtls_pk_context *ca_key)
{
	unsigned char oid[] = MBEDTLS_OID_SERVER_AUTH;
	mbedtls_asn1_sequence usage = { .next = NULL };
	char issuer[512];
	int r;

	usage.buf.tag = MBEDTLS_ASN1_OID;
	usage.buf.p = oid;
	usage.buf.len = sizeof(oid) - 1;
	mbedtls_x509write_crt_set_issuer_key(&d->crt, ca_key);
	if (mbedtls_x509_dn_gets(issuer, sizeof(issuer), &ca->subject) <= 0)
		return ERR_CRYPTO;
	r = mbedtls_x509write_crt_set_issuer_name(&d->crt, issuer);
	if (r == 0)
		r = mbedtls_x509write_crt_set_subject_name(&d->crt,
		    "CN=countersign-console");
	if (r == 0)
		r = mbedtls_x509write_crt_set_basic_constraints(&d->crt, 0, -1);
	if (r == 0)
		r = mbedtls_x509write_crt_set_key_usage(&d->crt,
		    MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
	if (r == 0)
		r = mbedtls_x509write_crt_set_ext_key_usage(&d->crt, &usage);
	return mbederr_translate(r, ERR_CRYPTO);
}

int
certgen_make_server(struct bytes ca_key_pem, struct bytes ca_cert_pem,
    const struct bytes *names, size_t n_names, struct certgen_period period,
    struct buf *ret_key_pem, struct buf *ret_cert_pem)
{
	mbedtls_pk_context ca_key;
	mbedtls_x509_crt ca;
	struct draft d;
	int err;

	if (!is_period(period) || n_names == 0 || n_names > CERTGEN_NAMES_MAX)
		return ERR_RANGE;
	mbedtls_pk_init(&ca_key);
	mbedtls_x509_crt_init(&ca);
	mbedtls_x509write_crt_init(&d.crt);
	mbedtls_pk_init(&d.key);
	if ((err = load_authority(ca_key_pem, ca_cert_pem, &ca_key, &ca)) != 0)
		goto out;
	if ((err = draft_init(&d, period)) != 0)
		goto out;
	if ((err = set_server_fields(&d, &ca, &ca_key)) != 0)
		goto out;
	if ((err = set_alt_names(&d, names, n_names)) != 0)
		goto out;
	err = draft_finish(&d, ret_key_pem, ret_cert_pem);
out:
	draft_fini(&d);
	mbedtls_x509_crt_free(&ca);
	mbedtls_pk_free(&ca_key);
	return err;
}
