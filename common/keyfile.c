/*
 * keyfile.c - a signing key in a file, under a passphrase.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli (people's, proposers' and owners' keys), console (its services'
 * keys, without a passphrase).
 */
#include "common/keyfile.h"
#include "common/doc.h"
#include "common/jsonw.h"

#include <sodium/crypto_pwhash.h>
#include <sodium/crypto_secretbox.h>
#include <string.h>

#define KIND "countersign-key"
#define KDF "argon2id"
#define MAX_USE 16
#define MAX_PLAIN (SIGNER_SEED_SIZE + MAX_USE)
#define MAX_BOX (MAX_PLAIN + crypto_secretbox_MACBYTES)

_Static_assert(KEYFILE_SALT_SIZE == crypto_pwhash_SALTBYTES, "salt size");
_Static_assert(KEYFILE_NONCE_SIZE == crypto_secretbox_NONCEBYTES,
    "nonce size");
_Static_assert(KEYFILE_MIN_MEM == crypto_pwhash_MEMLIMIT_MIN, "least memory");

static const struct doc_word uses[] = {
	{ "approver", KEYFILE_APPROVER },
	{ "proposer", KEYFILE_PROPOSER },
	{ "root", KEYFILE_ROOT },
	{ "people", KEYFILE_PEOPLE },
	{ "policy", KEYFILE_POLICY },
	{ "device", KEYFILE_DEVICE },
	{ "timestamp", KEYFILE_TIMESTAMP },
	{ "agent", KEYFILE_AGENT },
	{ NULL, 0 }
};

/* A file taken apart. The spans point into the document. */
struct content {
	struct keyfile_info info;
	struct bytes seed;		/* not encrypted */
	size_t ops, mem;
	struct bytes salt, nonce, box;	/* encrypted */
};

const char *
keyfile_use_word(enum keyfile_use use)
{
	return doc_word_of(uses, (int)use);
}

int
keyfile_use_of(struct bytes word, enum keyfile_use *ret_use)
{
	size_t i;

	for (i = 0; uses[i].word != NULL; i++) {
		if (bytes_is(word, uses[i].word)) {
			*ret_use = (enum keyfile_use)uses[i].value;
			return 0;
		}
	}
	return ERR_RANGE;
}

/* The box's key. Everything in it has been checked against the caps. */
static int
derive(struct bytes passphrase, const uint8_t *salt, size_t ops, size_t mem,
    uint8_t ret_key[crypto_secretbox_KEYBYTES])
{
	if (crypto_pwhash(ret_key, crypto_secretbox_KEYBYTES,
	    (const char *)passphrase.p, passphrase.n, salt, ops, mem,
	    crypto_pwhash_ALG_ARGON2ID13) != 0)
		return ERR_NOMEM;
	return 0;
}

/* The text in the box: the seed and the word of the use. */
static size_t
put_plain(const uint8_t *seed, enum keyfile_use use, uint8_t *ret_p)
{
	const char *word = keyfile_use_word(use);
	size_t n = strlen(word);

	memcpy(ret_p, seed, SIGNER_SEED_SIZE);
	memcpy(ret_p + SIGNER_SEED_SIZE, word, n);
	return SIGNER_SEED_SIZE + n;
}

static int
seal(const struct keyfile_new *n, uint8_t *ret_box, size_t *ret_n)
{
	uint8_t key[crypto_secretbox_KEYBYTES], plain[MAX_PLAIN];
	size_t size;
	int r;

	if (n->ops < 1 || n->ops > KEYFILE_MAX_OPS ||
	    n->mem < KEYFILE_MIN_MEM || n->mem > KEYFILE_MAX_MEM ||
	    n->passphrase.n > KEYFILE_MAX_PASSPHRASE)
		return ERR_RANGE;
	size = put_plain(n->seed, n->use, plain);
	r = derive(n->passphrase, n->salt, n->ops, n->mem, key);
	if (r == 0 && crypto_secretbox_easy(ret_box, plain, size, n->nonce,
	    key) != 0)
		r = ERR_CRYPTO;
	if (r == 0)
		*ret_n = size + crypto_secretbox_MACBYTES;
	signer_wipe_memory(key, sizeof(key));
	signer_wipe_memory(plain, sizeof(plain));
	return r;
}

static void
put_text(const struct keyfile_new *n, const uint8_t *public,
    struct bytes box, struct buf *b)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "kind", KIND);
	jsonw_cstr(&w, "use", keyfile_use_word(n->use));
	jsonw_b64(&w, "public", bytes_of(public, SIGNER_PUBLIC_SIZE));
	if (box.n == 0) {
		jsonw_null(&w, "kdf");
		jsonw_b64(&w, "seed", bytes_of(n->seed, SIGNER_SEED_SIZE));
	} else {
		jsonw_obj(&w, "kdf");
		jsonw_cstr(&w, "name", KDF);
		jsonw_int(&w, "ops", (int64_t)n->ops);
		jsonw_int(&w, "mem", (int64_t)n->mem);
		jsonw_b64(&w, "salt", bytes_of(n->salt, KEYFILE_SALT_SIZE));
		jsonw_obj_end(&w);
		jsonw_obj(&w, "box");
		jsonw_b64(&w, "nonce", bytes_of(n->nonce, KEYFILE_NONCE_SIZE));
		jsonw_b64(&w, "ct", box);
		jsonw_obj_end(&w);
	}
	jsonw_obj_end(&w);
	buf_put_u8(b, '\n');
}

int
keyfile_write(const struct keyfile_new *n, struct buf *b)
{
	uint8_t box[MAX_BOX];
	size_t box_n = 0, before = b->n;
	struct signer s;
	int r;

	if ((r = signer_from_seed(n->seed, &s)) != 0)
		return r;
	if (n->passphrase.n > 0 && (r = seal(n, box, &box_n)) != 0)
		goto out;
	put_text(n, s.public, bytes_of(box, box_n), b);
	if ((r = buf_error(b)) != 0)
		b->n = before;
out:
	signer_wipe(&s);
	return r;
}

/* A fixed word: another version or kind is not ours to guess at. */
static void
get_fixed(struct doc_obj *o, const char *name, const char *want)
{
	struct bytes v;

	doc_str(o, name, &v);
	if (!bytes_is(v, want))
		doc_fail(o, name, ERR_VERSION);
}

static void
get_size(struct doc_obj *o, const char *name, size_t min, size_t max,
    size_t *ret_v)
{
	int64_t v;

	doc_int(o, name, (int64_t)min, (int64_t)max, &v);
	*ret_v = (size_t)v;
}

static void
get_encrypted(struct doc_obj *o, struct content *ret_c)
{
	struct doc_obj kdf, box;

	doc_obj(o, "kdf", &kdf);
	get_fixed(&kdf, "name", KDF);
	get_size(&kdf, "ops", 1, KEYFILE_MAX_OPS, &ret_c->ops);
	get_size(&kdf, "mem", KEYFILE_MIN_MEM, KEYFILE_MAX_MEM, &ret_c->mem);
	doc_b64(&kdf, "salt", KEYFILE_SALT_SIZE, KEYFILE_SALT_SIZE,
	    &ret_c->salt);
	doc_end(&kdf);
	doc_obj(o, "box", &box);
	doc_b64(&box, "nonce", KEYFILE_NONCE_SIZE, KEYFILE_NONCE_SIZE,
	    &ret_c->nonce);
	doc_b64(&box, "ct", crypto_secretbox_MACBYTES, MAX_BOX, &ret_c->box);
	doc_end(&box);
}

/* Takes the text apart; the document outlives the content. */
static int
read_content(struct bytes text, struct doc **ret_d, struct content *ret_c)
{
	struct bytes public;
	struct doc_obj o;
	int64_t version;
	int r, use;

	if (text.n > KEYFILE_MAX)
		return ERR_TOO_LARGE;
	if ((r = doc_parse(text, JSON_PLAIN_TEXT, ret_d)) != 0)
		return r;
	memset(ret_c, 0, sizeof(*ret_c));
	o = doc_root(*ret_d);
	doc_int(&o, "v", 1, 1, &version);
	get_fixed(&o, "kind", KIND);
	doc_enum(&o, "use", uses, &use);
	doc_b64(&o, "public", SIGNER_PUBLIC_SIZE, SIGNER_PUBLIC_SIZE, &public);
	ret_c->info.encrypted = !doc_is_null(&o, "kdf");
	if (ret_c->info.encrypted)
		get_encrypted(&o, ret_c);
	else
		doc_b64(&o, "seed", SIGNER_SEED_SIZE, SIGNER_SEED_SIZE,
		    &ret_c->seed);
	doc_end(&o);
	if ((r = doc_error(*ret_d)) != 0)
		return r;
	ret_c->info.use = (enum keyfile_use)use;
	memcpy(ret_c->info.public, public.p, SIGNER_PUBLIC_SIZE);
	return 0;
}

/* The seed's key pair, if it is the one that the file names. */
static int
take_seed(const struct content *c, const uint8_t *seed, struct signer *ret_s)
{
	struct signer s;
	int r;

	if ((r = signer_from_seed(seed, &s)) != 0)
		return r;
	if (memcmp(s.public, c->info.public, SIGNER_PUBLIC_SIZE) != 0)
		r = ERR_CORRUPT;
	else
		*ret_s = s;
	signer_wipe(&s);
	return r;
}

static int
open_box(const struct content *c, struct bytes passphrase,
    struct signer *ret_s)
{
	uint8_t key[crypto_secretbox_KEYBYTES], plain[MAX_PLAIN] = { 0 };
	uint8_t want[MAX_PLAIN];
	size_t n = c->box.n - crypto_secretbox_MACBYTES;
	int r;

	if (passphrase.n == 0 || passphrase.n > KEYFILE_MAX_PASSPHRASE)
		return ERR_PASSPHRASE;
	if ((r = derive(passphrase, c->salt.p, c->ops, c->mem, key)) != 0)
		return r;
	if (crypto_secretbox_open_easy(plain, c->box.p, c->box.n, c->nonce.p,
	    key) != 0)
		r = ERR_PASSPHRASE;
	else if (put_plain(plain, c->info.use, want) != n ||
	    memcmp(plain, want, n) != 0)
		r = ERR_CORRUPT;
	else
		r = take_seed(c, plain, ret_s);
	signer_wipe_memory(key, sizeof(key));
	signer_wipe_memory(plain, sizeof(plain));
	signer_wipe_memory(want, sizeof(want));
	return r;
}

int
keyfile_read_info(struct bytes text, struct keyfile_info *ret_i)
{
	struct doc *d = NULL;
	struct content c;
	struct signer s;
	int r;

	r = read_content(text, &d, &c);
	if (r == 0 && !c.info.encrypted &&
	    (r = take_seed(&c, c.seed.p, &s)) == 0)
		signer_wipe(&s);
	if (r == 0)
		*ret_i = c.info;
	doc_wipe(d);
	return r;
}

int
keyfile_open(struct bytes text, struct bytes passphrase,
    struct keyfile_info *ret_i, struct signer *ret_s)
{
	struct doc *d = NULL;
	struct content c;
	int r;

	r = read_content(text, &d, &c);
	if (r == 0)
		r = c.info.encrypted ? open_box(&c, passphrase, ret_s) :
		    take_seed(&c, c.seed.p, ret_s);
	if (r == 0)
		*ret_i = c.info;
	doc_wipe(d);
	return r;
}
