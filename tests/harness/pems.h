/*
 * pems.h - an authority and a server's certificate, for tests of TLS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_PEMS_H
#define COUNTERSIGN_TESTS_HARNESS_PEMS_H

#include "common/certgen.h"
#include "tests/harness/test.h"

#define NOW INT64_C(1800000000)		/* 2027-01-15 */
#define DAY INT64_C(86400)
#define NAME "console.example"

static const struct certgen_period lasting = { NOW - DAY, NOW + 365 * DAY };

struct pems {
	struct buf ca_key, ca, key, cert;
};

static void
pems_init(struct pems *p)
{
	buf_init(&p->ca_key, 16384);
	buf_init(&p->ca, 16384);
	buf_init(&p->key, 16384);
	buf_init(&p->cert, 16384);
}

static void
pems_fini(struct pems *p)
{
	buf_free(&p->ca_key);
	buf_free(&p->ca);
	buf_free(&p->key);
	buf_free(&p->cert);
}

/* An authority and a server of these names and dates. */
static void
make_pems(struct pems *p, const char *name, struct certgen_period ca_period,
    struct certgen_period period)
{
	struct bytes names[3] = { bytes_str(name), bytes_str("192.0.2.7"),
	    bytes_str("2001:db8::7") };

	pems_init(p);
	CHECK_INT(certgen_make_authority(bytes_str("Test CA 1.0"), ca_period,
	    &p->ca_key, &p->ca), 0);
	CHECK_INT(certgen_make_server(buf_bytes(&p->ca_key), buf_bytes(&p->ca),
	    names, 3, period, &p->key, &p->cert), 0);
}

#endif
