/*
 * mbederr.c - which of mbedTLS's error numbers mean that memory ran out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/mbederr.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>
#include <stddef.h>

/* A number is -(high + low): low has 7 bits (mbedtls/error.h). */
#define LOW_BITS 0x7f

static const int low_level[] = {
	MBEDTLS_ERR_ASN1_ALLOC_FAILED,
	MBEDTLS_ERR_MPI_ALLOC_FAILED,
};

static const int high_level[] = {
	MBEDTLS_ERR_CIPHER_ALLOC_FAILED,
	MBEDTLS_ERR_ECP_ALLOC_FAILED,
	MBEDTLS_ERR_MD_ALLOC_FAILED,
	MBEDTLS_ERR_PEM_ALLOC_FAILED,
	MBEDTLS_ERR_PK_ALLOC_FAILED,
	MBEDTLS_ERR_SSL_ALLOC_FAILED,
	MBEDTLS_ERR_X509_ALLOC_FAILED,
};

int
mbederr_translate(int r, int otherwise)
{
	size_t i;
	int low;

	if (r == 0)
		return 0;
	if (r > 0)
		return otherwise;
	low = -(-r & LOW_BITS);
	for (i = 0; i < sizeof(low_level) / sizeof(low_level[0]); i++)
		if (low == low_level[i])
			return ERR_NOMEM;
	for (i = 0; i < sizeof(high_level) / sizeof(high_level[0]); i++)
		if (r - low == high_level[i])
			return ERR_NOMEM;
	return otherwise;
}
