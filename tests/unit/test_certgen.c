/*
 * test_certgen.c - certificates made here: what names and dates are taken.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Whether they are good for TLS is test_tls.c's to say.
 */
#include "common/certgen.h"
#include "common/timefmt.h"
#include "tests/harness/pems.h"

static const struct {
	const char *name;
	int err;
} names[] = {
	{ "a", 0 },
	{ "console.example", 0 },
	{ "x--1.A-b.example", 0 },
	{ "*.example", 0 },
	{ "*.a", 0 },
	{ "127.0.0.1", 0 },
	{ "::1", 0 },
	{ "", ERR_CHARACTER },
	{ "*", ERR_CHARACTER },
	{ "*.", ERR_CHARACTER },
	{ "a.*.b", ERR_CHARACTER },
	{ "a*", ERR_CHARACTER },
	{ ".a", ERR_CHARACTER },
	{ "a.", ERR_CHARACTER },
	{ "a..b", ERR_CHARACTER },
	{ "-a", ERR_CHARACTER },
	{ "a-", ERR_CHARACTER },
	{ "a-.b", ERR_CHARACTER },
	{ "a.-b", ERR_CHARACTER },
	{ "a b", ERR_CHARACTER },
	{ "a_b", ERR_CHARACTER },
	{ "a/b", ERR_CHARACTER },
	{ "a:443", ERR_CHARACTER },
	{ "caf\xc3\xa9", ERR_CHARACTER },
	{ "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbccc",
	    0 },
	{ "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbcccc",
	    ERR_CHARACTER },
};

TEST(names)
{
	struct bytes many[CERTGEN_NAMES_MAX + 1], name;
	struct pems s;
	char *big;
	size_t i;
	int err;

	make_pems(&s, NAME, lasting, lasting);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_clear(&s.key);
		buf_clear(&s.cert);
		name = bytes_str(names[i].name);
		err = certgen_make_server(buf_bytes(&s.ca_key),
		    buf_bytes(&s.ca), &name, 1, lasting, &s.key, &s.cert);
		CHECK_MSG(err == names[i].err, "%s: %d", names[i].name, err);
		CHECK((s.key.n == 0) == (err != 0));
		CHECK((s.cert.n == 0) == (err != 0));
	}
	buf_clear(&s.key);
	buf_clear(&s.cert);
	name = bytes_of("a\0b", 3);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    &name, 1, lasting, &s.key, &s.cert), ERR_CHARACTER);
	CHECK((big = malloc(300)) != NULL);
	for (i = 0; i < 300; i++)
		big[i] = i % 10 == 9 ? '.' : 'a';
	for (i = 0; i <= CERTGEN_NAMES_MAX; i++)
		many[i] = bytes_of(big, 253);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    many, CERTGEN_NAMES_MAX, lasting, &s.key, &s.cert), 0);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    many, CERTGEN_NAMES_MAX + 1, lasting, &s.key, &s.cert),
	    ERR_RANGE);
	many[0].n = 254;
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    many, 1, lasting, &s.key, &s.cert), ERR_CHARACTER);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    many, 0, lasting, &s.key, &s.cert), ERR_RANGE);
	free(big);
	pems_fini(&s);
}

TEST(refuses)
{
	struct certgen_period back = { NOW, NOW - 1 }, early = { 0, NOW },
	    late = { NOW, TIME_MAX + 1 };
	struct bytes name = bytes_str("a");
	struct pems s, other;
	struct buf small;
	size_t n;

	make_pems(&s, NAME, lasting, lasting);
	make_pems(&other, NAME, lasting, lasting);
	n = s.ca.n;
	CHECK_INT(certgen_make_authority(bytes_str(""), lasting, &s.ca_key,
	    &s.ca), ERR_CHARACTER);
	CHECK_INT(certgen_make_authority(bytes_str("a,O=b"), lasting,
	    &s.ca_key, &s.ca), ERR_CHARACTER);
	CHECK_INT(certgen_make_authority(bytes_str(" a"), lasting, &s.ca_key,
	    &s.ca), ERR_CHARACTER);
	CHECK_INT(certgen_make_authority(bytes_str("a "), lasting, &s.ca_key,
	    &s.ca), ERR_CHARACTER);
	CHECK_INT(certgen_make_authority(bytes_of(s.ca.p + 40, 65), lasting,
	    &s.ca_key, &s.ca), ERR_CHARACTER);
	CHECK_INT(certgen_make_authority(name, back, &s.ca_key, &s.ca),
	    ERR_RANGE);
	CHECK_INT(certgen_make_authority(name, early, &s.ca_key, &s.ca),
	    ERR_RANGE);
	CHECK_INT(certgen_make_authority(name, late, &s.ca_key, &s.ca),
	    ERR_RANGE);
	CHECK_INT(s.ca.n, n);
	CHECK_INT(certgen_make_server(buf_bytes(&other.ca_key),
	    buf_bytes(&s.ca), &name, 1, lasting, &s.key, &s.cert), ERR_KEY);
	CHECK_INT(certgen_make_server(bytes_str("x"), buf_bytes(&s.ca), &name,
	    1, lasting, &s.key, &s.cert), ERR_SYNTAX);
	CHECK_INT(certgen_make_server(bytes_of("x\0", 2), buf_bytes(&s.ca),
	    &name, 1, lasting, &s.key, &s.cert), ERR_SYNTAX);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), bytes_str("x"),
	    &name, 1, lasting, &s.key, &s.cert), ERR_SYNTAX);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), bytes_of("x\0", 2),
	    &name, 1, lasting, &s.key, &s.cert), ERR_SYNTAX);
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    &name, 1, back, &s.key, &s.cert), ERR_RANGE);
	/* No room for the certificate: no key either */
	buf_init(&small, 10);
	n = s.key.n;
	CHECK_INT(certgen_make_server(buf_bytes(&s.ca_key), buf_bytes(&s.ca),
	    &name, 1, lasting, &s.key, &small), ERR_TOO_LARGE);
	CHECK_INT(s.key.n, n);
	CHECK_INT(small.n, 0);
	buf_free(&small);
	pems_fini(&s);
	pems_fini(&other);
}

TEST(without_memory)
{
	struct bytes name = bytes_str(NAME);
	struct pems s, made;
	int err;

	make_pems(&s, NAME, lasting, lasting);
	pems_init(&made);
	OOM_LOOP {
		err = certgen_make_server(buf_bytes(&s.ca_key),
		    buf_bytes(&s.ca), &name, 1, lasting, &made.key,
		    &made.cert);
		CHECK((err != 0) == OOM_FIRED());
		CHECK((made.key.n == 0) == (err != 0));
		CHECK((made.cert.n == 0) == (err != 0));
		pems_fini(&made);
	}
	pems_fini(&s);
}

TEST_MAIN()
