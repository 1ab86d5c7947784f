/*
 * interop_tlog.c - checkpoints and proofs, to hand to other programs and back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	interop_tlog make	for each line "SEED OLD SIZE INDEX" of its
 *				standard input a bundle, a line of JSON
 *	interop_tlog check FILE	a bundle a line: says whether each holds
 *
 * A bundle is a log of `size` records "record N", and what can be proved of it:
 * {"key": verifier key, "witness": its verifier key or "", "note", "index",
 * "size", "old", "inclusion": [base64], "consistency": [base64], "old_root":
 * base64, "proof": a tlog-proof file}. The key's seed is 32 bytes of SEED.
 */
#include "common/base64.h"
#include "common/cosignature.h"
#include "common/jsonw.h"
#include "common/merkletree.h"
#include "common/signer.h"
#include "common/tlogproof.h"
#include "tests/harness/interop.h"

#include <inttypes.h>
#include <string.h>

#define ORIGIN "acme/d-interop"
#define WITNESS "w.example/interop"
#define LINE_MAX_SIZE (1 << 20)

static void
must(int err, const char *what)
{
	if (err != 0)
		interop_die(what, err_text(err));
}

static struct bytes
record_text(uint64_t i, char text[40])
{
	return bytes_of(text, (size_t)snprintf(text, 40, "record %" PRIu64,
	    i));
}

/* ---- making ---- */

static struct note_key
make_key(const char *name, uint8_t kind, unsigned seed, struct signer *ret_s)
{
	uint8_t bytes[SIGNER_SEED_SIZE];
	struct note_key key;

	memset(bytes, (int)seed, sizeof(bytes));
	must(signer_from_seed(bytes, ret_s), "signer");
	must(note_key_init(bytes_str(name), kind, ret_s->public, &key),
	    "key");
	return key;
}

static void
put_hashes(struct jsonw *w, const char *name, const struct sha256 *h,
    size_t n)
{
	size_t i;

	jsonw_arr(w, name);
	for (i = 0; i < n; i++)
		jsonw_b64(w, NULL, bytes_of(h[i].b, sizeof(h[i].b)));
	jsonw_arr_end(w);
}

static void
grow_to(struct merkletree *t, uint64_t size)
{
	struct sha256 leaf;
	char text[40];

	while (t->size < size) {
		merkle_leaf(record_text(t->size, text), &leaf);
		must(merkletree_add(t, &leaf), "tree");
	}
}

/* The checkpoint, signed and cosigned. */
static void
put_note(struct buf *b, unsigned seed, uint64_t size,
    const struct sha256 *root)
{
	struct note_key key, witness;
	struct signer s, ws;
	struct buf text;

	key = make_key(ORIGIN, NOTE_ED25519, seed, &s);
	witness = make_key(WITNESS, NOTE_COSIGNATURE, seed + 1, &ws);
	buf_init(&text, NOTE_MAX);
	checkpoint_put(&text, bytes_str(ORIGIN), size, root);
	buf_put_bytes(b, buf_bytes(&text));
	buf_put_str(b, "\n");
	must(note_sign(b, buf_bytes(&text), &key, &s), "sign");
	must(cosignature_sign(b, buf_bytes(&text), &witness, &ws,
	    1700000000 + (int64_t)size), "cosign");
	buf_free(&text);
}

static void
make(unsigned seed, uint64_t old, uint64_t size, uint64_t index)
{
	static struct merkletree tree;
	struct sha256 incl[MERKLE_PROOF_MAX], cons[MERKLE_PROOF_MAX];
	struct merkle_source src = merkletree_source(&tree);
	char vkey[NOTE_VKEY_SIZE], wkey[NOTE_VKEY_SIZE];
	struct sha256 root, old_root;
	size_t n_incl, n_cons;
	struct buf note, proof, out;
	struct note_key key;
	struct signer s;
	struct jsonw w;

	grow_to(&tree, size);
	must(merkle_root(&src, size, &root), "root");
	must(merkle_root(&src, old, &old_root), "root");
	must(merkle_prove_inclusion(&src, index, size, incl, &n_incl),
	    "inclusion");
	must(merkle_prove_consistency(&src, old, size, cons, &n_cons),
	    "consistency");
	buf_init(&note, NOTE_MAX);
	buf_init(&proof, TLOGPROOF_MAX);
	buf_init(&out, LINE_MAX_SIZE);
	put_note(&note, seed, size, &root);
	must(tlogproof_put(&proof, index, incl, n_incl, buf_bytes(&note)),
	    "proof");
	key = make_key(ORIGIN, NOTE_ED25519, seed, &s);
	note_key_text(&key, vkey);
	key = make_key(WITNESS, NOTE_COSIGNATURE, seed + 1, &s);
	note_key_text(&key, wkey);
	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "key", vkey);
	jsonw_cstr(&w, "witness", wkey);
	jsonw_str(&w, "note", buf_bytes(&note));
	jsonw_int(&w, "index", (int64_t)index);
	jsonw_int(&w, "size", (int64_t)size);
	jsonw_int(&w, "old", (int64_t)old);
	put_hashes(&w, "inclusion", incl, n_incl);
	put_hashes(&w, "consistency", cons, n_cons);
	jsonw_b64(&w, "old_root", bytes_of(old_root.b, sizeof(old_root.b)));
	jsonw_str(&w, "proof", buf_bytes(&proof));
	jsonw_obj_end(&w);
	must(buf_error(&out), "bundle");
	printf("%.*s\n", (int)out.n, (const char *)out.p);
	buf_free(&note);
	buf_free(&proof);
	buf_free(&out);
}

/* ---- checking ---- */

struct bundle {
	struct bytes key, witness, note, proof, old_root;
	int64_t index, size, old;
	struct sha256 incl[MERKLE_PROOF_MAX], cons[MERKLE_PROOF_MAX];
	size_t n_incl, n_cons;
};

static size_t
get_hashes(struct doc_obj *o, const char *name, struct sha256 *ret_h)
{
	struct doc_obj list;
	struct bytes b = { NULL, 0 };
	size_t n = 0;

	doc_arr(o, name, MERKLE_PROOF_MAX, &list);
	while (doc_next(&list)) {
		doc_b64(&list, NULL, 32, 32, &b);
		if (b.n == 32)
			memcpy(ret_h[n++].b, b.p, 32);
	}
	return n;
}

static void
read_bundle(struct doc *d, struct bundle *b)
{
	struct doc_obj o = doc_root(d);

	memset(b, 0, sizeof(*b));
	doc_str(&o, "key", &b->key);
	doc_str(&o, "witness", &b->witness);
	doc_str(&o, "note", &b->note);
	doc_int(&o, "index", 0, INT64_MAX, &b->index);
	doc_int(&o, "size", 0, INT64_MAX, &b->size);
	doc_int(&o, "old", 0, INT64_MAX, &b->old);
	b->n_incl = get_hashes(&o, "inclusion", b->incl);
	b->n_cons = get_hashes(&o, "consistency", b->cons);
	doc_b64(&o, "old_root", 32, 32, &b->old_root);
	doc_str(&o, "proof", &b->proof);
	interop_check(d);
}

/* What does not hold, or NULL. */
static const char *
wrong(const struct bundle *b)
{
	struct checkpoint c;
	struct note_key key, witness;
	struct tlogproof p;
	struct sha256 leaf, old_root;
	struct note n;
	char text[40];
	int64_t time;

	memcpy(old_root.b, b->old_root.p, sizeof(old_root.b));
	merkle_leaf(record_text((uint64_t)b->index, text), &leaf);
	if (note_key_parse(b->key, &key) != 0)
		return "the key does not read";
	if (checkpoint_open(b->note, &key, &n, &c) != 0 ||
	    c.size != (uint64_t)b->size)
		return "the checkpoint";
	if (merkle_verify_inclusion(&leaf, (uint64_t)b->index, c.size,
	    b->incl, b->n_incl, &c.root) != 0)
		return "the inclusion proof";
	if (merkle_verify_consistency((uint64_t)b->old, &old_root, c.size,
	    &c.root, b->cons, b->n_cons) != 0)
		return "the consistency proof";
	if (b->witness.n > 0 && (note_key_parse(b->witness, &witness) != 0 ||
	    cosignature_verify(n.text, n.signatures, &witness, &time) != 0))
		return "the cosignature";
	if (b->proof.n > 0 && (tlogproof_parse(b->proof, &p) != 0 ||
	    tlogproof_verify(&p, record_text((uint64_t)b->index, text),
	    &key) != 0))
		return "the proof file";
	return NULL;
}

static void
check_line(struct bytes line, unsigned number, struct tally *t)
{
	struct bundle b;
	const char *what;
	struct doc *d;
	int err;

	if ((err = doc_parse(line, 0, &d)) != 0)
		interop_die("bundle", err_text(err));
	read_bundle(d, &b);
	what = wrong(&b);
	interop_case(t, what == NULL, "bundle %u: %s", number,
	    what != NULL ? what : "holds");
	doc_free(d);
}

int
main(int argc, char **argv)
{
	static char line[LINE_MAX_SIZE];
	struct tally t = { 0, 0, 0 };
	uint64_t old, size, index;
	unsigned seed, number = 0;
	FILE *f = stdin;

	must(digest_init(), "libsodium");
	if (argc == 2 && strcmp(argv[1], "make") == 0) {
		while (fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "%u %" SCNu64 " %" SCNu64 " %"
			    SCNu64, &seed, &old, &size, &index) == 4)
				make(seed, old, size, index);
		return 0;
	}
	if (argc != 3 || (f = fopen(argv[2], "r")) == NULL)
		interop_die(argv[0], "make, or check and a file");
	while (fgets(line, sizeof(line), f) != NULL)
		check_line(bytes_of(line, strcspn(line, "\n")), number++,
		    &t);
	(void)fclose(f);
	return interop_end(&t);
}
