/*
 * fuzz_trust.c - trust files, pins, and any order of offers to a set.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The first byte says what the rest is: 0 to 4 the payload of that file, 5 a
 * pin, 6 a list of offers. An offer is four bytes: the file, its version, who
 * signs, and what is different in it.
 */
#include "common/base64.h"
#include "common/signer.h"
#include "common/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define DEVICE "d-abcdefghijklmnopqrstuvwxyz"
#define KEYS 8
#define OFFERS 24

static struct signer signers[KEYS];
static char public[KEYS][48];

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
setup(void)
{
	uint8_t seed[SIGNER_SEED_SIZE];
	struct buf b;
	size_t i;

	require(digest_init() == 0);
	for (i = 0; i < KEYS; i++) {
		memset(seed, (int)(i + 1), sizeof(seed));
		require(signer_from_seed(seed, &signers[i]) == 0);
		buf_init(&b, sizeof(public[i]));
		base64_encode(&b, bytes_of(signers[i].public, 32));
		require(buf_error(&b) == 0 && b.n < sizeof(public[i]));
		memcpy(public[i], b.p, b.n);
		buf_free(&b);
	}
}

/* ---- payloads ---- */

static void
parse_people(struct bytes payload, struct refusal *why)
{
	struct people *t = NULL;
	struct people_signer s;
	size_t i, j;

	if (people_parse(payload, &t, why) != 0)
		return;
	for (i = 0; i < t->n_persons; i++) {
		require(people_find(t, t->persons[i].id) == &t->persons[i]);
		for (j = 0; j < t->persons[i].n_keys; j++) {
			struct people_key *k = &t->persons[i].keys[j];

			require(people_find_key(t, bytes_str(k->id), &s));
			require(s.key == k && s.person == &t->persons[i]);
		}
	}
	for (i = 0; i < t->n_requesters; i++)
		(void)people_requester(t, t->requesters[i].id);
	people_free(t);
}

static void
parse_payload(unsigned file, struct bytes payload)
{
	struct device_entry *d = NULL;
	struct timestamp *t = NULL;
	struct policy *p = NULL;
	struct root *r = NULL;
	struct refusal why;
	int err = 0;

	why.reason = NULL;
	switch (file) {
	case TRUST_ROOT:
		err = root_parse(payload, &r, &why);
		break;
	case TRUST_PEOPLE:
		parse_people(payload, &why);
		break;
	case TRUST_POLICY:
		err = policy_parse(payload, &p, &why);
		break;
	case TRUST_DEVICE:
		err = device_entry_parse(payload, &d, &why);
		break;
	default:
		err = timestamp_parse(payload, &t, &why);
		break;
	}
	require(err == 0 || why.reason != NULL);
	root_free(r);
	policy_free(p);
	device_entry_free(d);
	timestamp_free(t);
}

static void
parse_pin(struct bytes text)
{
	struct pin pin;
	struct buf b;

	if (pin_parse(text, &pin) != 0)
		return;
	buf_init(&b, 4096);
	pin_write(&b, &pin);
	require(bytes_equal(buf_bytes(&b), text));
	buf_free(&b);
}

/* ---- offers ---- */

#define HEAD "{\"v\":1,\"org\":\"acme\",\"version\":%u," \
	"\"issued\":\"2026-01-01T00:00:00Z\",\"expires\":\"%s\","
#define ROLE "{\"threshold\":%u,\"keys\":[{\"holder\":\"a\",\"key\":\"%s\"}," \
	"{\"holder\":\"b\",\"key\":\"%s\"}]}"

static const char *const expiries[TRUST_FILES] = {
	"2027-01-01T00:00:00Z", "2026-01-31T00:00:00Z",
	"2026-01-31T00:00:00Z", "2027-01-01T00:00:00Z",
	"2026-01-04T00:00:00Z"
};

/* A root whose role keys and thresholds follow from `twist`. */
static void
put_root(struct buf *b, unsigned twist)
{
	unsigned i;

	buf_put_str(b, "\"roles\":{");
	for (i = 0; i < TRUST_FILES; i++) {
		unsigned first = (twist & (1u << i)) != 0 ? 2 : 0;

		buf_printf(b, "%s\"%s\":" ROLE, i > 0 ? "," : "",
		    trust_file_word((enum trust_file)i), 1 + (twist >> 7),
		    public[first], public[first + 1]);
	}
	buf_printf(b, "},\"min_version\":{\"people\":%u,\"policy\":1,"
	    "\"device\":1,\"timestamp\":1}}", 1 + ((twist >> 5) & 1));
}

static void
put_file(struct buf *b, enum trust_file file, unsigned version,
    unsigned twist)
{
	unsigned i;

	buf_printf(b, HEAD, version, expiries[file]);
	switch (file) {
	case TRUST_ROOT:
		put_root(b, twist);
		break;
	case TRUST_PEOPLE:
		buf_printf(b, "\"persons\":[{\"id\":\"p%u\",\"name\":\"P\","
		    "\"roles\":[],\"keys\":[]}]}", twist % 3);
		break;
	case TRUST_POLICY:
		buf_printf(b, "\"mode\":\"plan\",\"requester_may_approve\":%s,"
		    "\"min_people\":%u,\"tools\":{}}",
		    twist % 2 != 0 ? "true" : "false", 1 + twist % 3);
		break;
	case TRUST_DEVICE:
		buf_printf(b, "\"device\":\"" DEVICE "\",\"name\":\"n%u\","
		    "\"groups\":[]}", twist % 3);
		break;
	case TRUST_TIMESTAMP:
	case TRUST_FILES:
		buf_put_str(b, "\"files\":{");
		for (i = 0; i < 3; i++)
			buf_printf(b, "%s\"%s\":{\"version\":%u,\"digest\":"
			    "\"sha256:%064x\"}", i > 0 ? "," : "",
			    trust_file_word((enum trust_file)i),
			    1 + (twist >> i) % 4, twist);
		buf_put_str(b, "}}");
		break;
	}
}

struct signed_file {
	struct buf text;
	struct envelope e;
	uint8_t sigs[KEYS][SIGNER_SIGNATURE_SIZE];
};

static void
sign_file(struct signed_file *f, const uint8_t op[4])
{
	enum trust_file file = (enum trust_file)(op[0] % TRUST_FILES);
	struct buf pae;
	size_t i;

	memset(f, 0, sizeof(*f));
	buf_init(&f->text, 16384);
	put_file(&f->text, file, 1 + op[1] % 6u, op[3]);
	require(buf_error(&f->text) == 0);
	f->e.type = envelope_type_text(trust_file_type(file));
	f->e.payload = buf_bytes(&f->text);
	buf_init(&pae, 32768);
	envelope_pae(&pae, f->e.type, f->e.payload);
	for (i = 0; i < KEYS; i++) {
		if ((op[2] & (1u << i)) == 0)
			continue;
		require(signer_sign(&signers[i], buf_bytes(&pae),
		    f->sigs[f->e.n_sigs]) == 0);
		f->e.sigs[f->e.n_sigs].sig = bytes_of(
		    f->sigs[f->e.n_sigs], SIGNER_SIGNATURE_SIZE);
		f->e.n_sigs++;
	}
	buf_free(&pae);
}

static int64_t
version_of(const struct trust *t, enum trust_file file)
{
	struct trust_held h;

	return trust_held(t, file, &h) ? h.head.version : 0;
}

/* What holds of a set at any time. */
static void
check_set(const struct trust *t)
{
	struct trust_status s;
	int i;

	trust_status(t, INT64_C(1767400000), &s);
	require(s.blocked != NULL || trust_device(t) != NULL);
	require(trust_root(t) != NULL || s.blocked != NULL);
	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++)
		require(version_of(t, (enum trust_file)i) == 0 ||
		    trust_root(t) != NULL);
}

static void
offer(struct trust *t, const uint8_t op[4])
{
	struct trust_outcome o;
	struct signed_file f;
	struct refusal why;
	int64_t before, least;
	int r;

	sign_file(&f, op);
	require(trust_offer(t, &f.e, INT64_C(1767400000), &o) == 0);
	require(o.verdict != TRUST_REFUSE || o.why.reason != NULL);
	before = version_of(t, o.file);
	least = trust_least(t, o.file);
	r = trust_install(t, &f.e, &why);
	/* The clock is all that the two differ in. */
	require(o.verdict != TRUST_ACCEPT || r == 0);
	require(r != 0 || o.verdict == TRUST_ACCEPT ||
	    strcmp(o.why.reason, "expired") == 0);
	require((o.verdict == TRUST_HAVE) == (r == ERR_EXISTS));
	require(version_of(t, o.file) == (r == 0 ? o.version : before));
	if (r == 0 && o.file == TRUST_ROOT)
		require(before == 0 || o.version == before + 1);
	else if (r == 0)
		require(o.version >= least);
	check_set(t);
	buf_free(&f.text);
}

static void
play(struct bytes ops)
{
	static const uint8_t first[4] = { TRUST_ROOT, 0, 3, 0 };
	struct pin pin = { .org = "acme", .min_version = { 1, 1, 1, 1, 1 } };
	struct signed_file f;
	struct trust *t;
	size_t i;

	sign_file(&f, first);
	digest_pae(f.e.type, f.e.payload, &pin.root);
	buf_free(&f.text);
	require(trust_new(&pin, bytes_str(DEVICE), &t) == 0);
	for (i = 0; i < OFFERS && ops.n >= 4 * (i + 1); i++)
		offer(t, ops.p + 4 * i);
	trust_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes rest;

	if (public[0][0] == '\0')
		setup();
	if (n == 0)
		return 0;
	rest = bytes_of(p + 1, n - 1);
	if (p[0] < TRUST_FILES)
		parse_payload(p[0], rest);
	else if (p[0] == TRUST_FILES)
		parse_pin(rest);
	else
		play(rest);
	return 0;
}
