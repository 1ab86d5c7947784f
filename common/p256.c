/*
 * p256.c - verifying ECDSA signatures on P-256 with SHA-256 (ES256).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/p256.h"
#include "common/der.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <string.h>

_Static_assert(P256_RS_SIZE == DER_RS_SIZE, "one form of r and s");

#define HALF (P256_RS_SIZE / 2)

/* mbedTLS's numbers in ours; all it can say about good input is no memory. */
static int
translate(int r, int otherwise)
{
	if (r == 0)
		return 0;
	if (r == MBEDTLS_ERR_MPI_ALLOC_FAILED ||
	    r == MBEDTLS_ERR_ECP_ALLOC_FAILED)
		return ERR_NOMEM;
	return otherwise;
}

/* The curve, and the point if it lies on it. */
static int
load(const uint8_t *point, mbedtls_ecp_group *g, mbedtls_ecp_point *q)
{
	int r;

	/* mbedTLS would also read a compressed point or infinity. */
	if (point[0] != 0x04)
		return ERR_KEY;
	r = mbedtls_ecp_group_load(g, MBEDTLS_ECP_DP_SECP256R1);
	if (r == 0)
		r = mbedtls_ecp_point_read_binary(g, q, point,
		    P256_POINT_SIZE);
	if (r == 0)
		r = mbedtls_ecp_check_pubkey(g, q);
	return translate(r, ERR_KEY);
}

int
p256_check_point(const uint8_t point[P256_POINT_SIZE])
{
	mbedtls_ecp_group g;
	mbedtls_ecp_point q;
	int r;

	mbedtls_ecp_group_init(&g);
	mbedtls_ecp_point_init(&q);
	r = load(point, &g, &q);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&g);
	return r;
}

/* Whether the number is from 1 to n-1, n the order of the group. */
static bool
is_scalar(const uint8_t *p)
{
	static const uint8_t zero[HALF];
	static const uint8_t order[HALF] = {
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
		0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
	};

	return memcmp(p, zero, HALF) != 0 && memcmp(p, order, HALF) < 0;
}

int
p256_verify(const uint8_t point[P256_POINT_SIZE], const struct sha256 *hash,
    const uint8_t rs[P256_RS_SIZE])
{
	mbedtls_ecp_group g;
	mbedtls_ecp_point q;
	mbedtls_mpi r, s;
	int rc;

	mbedtls_ecp_group_init(&g);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	if ((rc = load(point, &g, &q)) != 0)
		goto out;
	rc = ERR_SIGNATURE;
	if (!is_scalar(rs) || !is_scalar(rs + HALF))
		goto out;
	rc = mbedtls_mpi_read_binary(&r, rs, HALF);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(&s, rs + HALF, HALF);
	if (rc == 0)
		rc = mbedtls_ecdsa_verify(&g, hash->b, SHA256_SIZE, &q, &r,
		    &s);
	rc = translate(rc, ERR_SIGNATURE);
out:
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&g);
	return rc;
}

int
es256_verify(const uint8_t point[P256_POINT_SIZE], struct bytes msg,
    struct bytes der)
{
	uint8_t rs[P256_RS_SIZE];

	if (der_ecdsa_read(der, rs) != 0)
		return ERR_SIGNATURE;
	return es256_verify_raw(point, msg, bytes_of(rs, sizeof(rs)));
}

int
es256_verify_raw(const uint8_t point[P256_POINT_SIZE], struct bytes msg,
    struct bytes rs)
{
	struct sha256 hash;

	if (rs.n != P256_RS_SIZE)
		return ERR_SIGNATURE;
	digest_sha256(msg, &hash);
	return p256_verify(point, &hash, rs.p);
}
