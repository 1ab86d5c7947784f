/*
 * interop_dsse.c - runs the DSSE project's vectors against envelope.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The file names keys, and cases of an envelope, the keys that are trusted, a
 * threshold, the payload types that are known, the PAE and what is expected.
 * Our caller's part, holding the type against those known and counting keys,
 * is done here.
 */
#include "common/ed25519.h"
#include "common/envelope.h"
#include "tests/harness/doc_copy.h"
#include "tests/harness/interop.h"

#include <string.h>

#define MAX_KEYS 32

/* The envelope of a case, as JSON text. */
static struct buf
envelope_text(struct doc_obj *o)
{
	struct doc_obj envelope;
	struct jsonw w;
	struct buf b;

	buf_init(&b, INTEROP_MAX_FILE);
	jsonw_init(&w, &b);
	doc_obj(o, "envelope", &envelope);
	jsonw_obj(&w, NULL);
	doc_copy_members(&w, &envelope);
	jsonw_obj_end(&w);
	if (buf_error(&b) != 0)
		interop_die("envelope", err_text(buf_error(&b)));
	return b;
}

/* The public key of that name. */
static void
find_key(struct doc_obj *root, struct bytes name, uint8_t *ret_key)
{
	struct doc_obj keys, key;
	struct buf public;

	doc_obj(root, "keys", &keys);
	while (doc_next(&keys)) {
		if (!bytes_equal(doc_key(&keys), name))
			continue;
		doc_obj(&keys, NULL, &key);
		public = interop_hex(&key, "public");
		if (public.n != ED25519_PUBLIC_SIZE)
			interop_die("keys", "not an Ed25519 key");
		memcpy(ret_key, public.p, public.n);
		buf_free(&public);
		return;
	}
	interop_die("keys", "a key that is trusted is not there");
}

static bool
type_is_known(struct doc_obj *o, struct bytes type)
{
	struct doc_obj list;
	struct bytes known;
	bool found = false;

	doc_arr(o, "supportedPayloadTypes", 1000, &list);
	while (doc_next(&list)) {
		doc_str(&list, NULL, &known);
		found = found || bytes_equal(known, type);
	}
	return found;
}

/* How many of the trusted keys signed. */
static size_t
count_valid(struct doc_obj *root, struct doc_obj *o, const struct envelope *e)
{
	static uint8_t keys[MAX_KEYS][ED25519_PUBLIC_SIZE];
	const uint8_t *pointers[MAX_KEYS];
	bool valid[MAX_KEYS];
	struct doc_obj list;
	struct bytes name;
	size_t i, n = 0, count = 0;

	doc_arr(o, "trustedKeys", MAX_KEYS, &list);
	while (doc_next(&list)) {
		doc_str(&list, NULL, &name);
		find_key(root, name, keys[n]);
		pointers[n] = keys[n];
		n++;
	}
	interop_check(o->doc);
	if (envelope_verify_ed25519(e, pointers, n, valid) != 0)
		return 0;
	for (i = 0; i < n; i++)
		count += valid[i];
	return count;
}

static bool
pae_is(struct doc_obj *o, const struct envelope *e)
{
	struct buf want = interop_hex(o, "pae"), got;
	bool same;

	buf_init(&got, INTEROP_MAX_FILE);
	envelope_pae(&got, e->type, e->payload);
	same = buf_error(&got) == 0 && bytes_equal(buf_bytes(&got),
	    buf_bytes(&want));
	buf_free(&got);
	buf_free(&want);
	return same;
}

static void
run_case(struct doc_obj *root, struct doc_obj *o, struct tally *t)
{
	struct envelope_doc d;
	struct bytes id, expect;
	int64_t threshold;
	struct buf text;
	const char *why = NULL;
	bool accept, want;
	int r;

	doc_str(o, "id", &id);
	doc_str(o, "expect", &expect);
	doc_int(o, "threshold", 1, MAX_KEYS, &threshold);
	text = envelope_text(o);
	interop_check(o->doc);
	memset(&d, 0, sizeof(d));
	if ((r = envelope_parse(buf_bytes(&text), INTEROP_MAX_FILE, &d)) != 0)
		why = err_word(r);
	else if (!type_is_known(o, d.e.type))
		why = "a type that is not known";
	else if (count_valid(root, o, &d.e) < (size_t)threshold)
		why = "too few keys signed";
	/* Of a case to be refused it may be what was signed in truth. */
	else if (doc_has(o, "pae") && !pae_is(o, &d.e))
		why = "another PAE";
	accept = why == NULL;
	want = bytes_is(expect, "accept");
	interop_case(t, accept == want, "%.*s: %s, want %.*s", (int)id.n,
	    (const char *)id.p, accept ? "accepted" : why, (int)expect.n,
	    (const char *)expect.p);
	envelope_free(&d);
	buf_free(&text);
}

int
main(int argc, char **argv)
{
	struct tally t = { 0, 0, 0 };
	struct doc_obj root, list, one;
	struct doc *d;

	if (argc != 2)
		interop_die(argv[0], "takes one file of vectors");
	d = interop_parse(argv[1]);
	root = doc_root(d);
	doc_arr(&root, "vectors", 100000, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		run_case(&root, &one, &t);
	}
	interop_check(d);
	doc_free(d);
	return interop_end(&t);
}
