/*
 * interop_merkle.c - runs transparency-dev's Merkle proofs through ours.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Takes files, one case each (or an array of cases): of an inclusion proof
 * {leafIdx, treeSize, root, leafHash, proof, desc, wantErr} or a consistency
 * proof {size1, size2, root1, root2, proof, desc, wantErr}. A hash of another
 * size than 32 bytes is wrong, but for two roots that are only compared; one
 * that is null or left out is
 * empty, as is a proof, and a wantErr that is left out is false. A consistency
 * proof from the empty tree is wrong, whatever the second size is: it says
 * nothing. Of subtrees {start, end}, which RFC 6962 does not have, what it can
 * say is run: a leaf in one, which is a tree itself, and the consistency of one
 * that the tree begins with {start 0, end, size}. Others are skipped.
 */
#include "common/base64.h"
#include "common/merkle.h"
#include "tests/harness/interop.h"

#include <string.h>

#define CASES "cases"
#define PROOF_MOST (MERKLE_PROOF_MAX + 64)
/* Those of a bad case may be more: as many as a document holds. */
#define PROOF_LISTED 4096

/* One case; what could not be a proof of ours has a word in `bad`. */
struct proof_case {
	bool is_inclusion;
	struct sha256 hash[2];		/* leaf and root, or both roots */
	uint64_t number[2];		/* index and size, or both sizes */
	struct sha256 proof[PROOF_MOST];
	size_t n;
	const char *bad;
};

/*
 * Numbers of more than 15 digits are put between quotes: no double holds them,
 * so the strict scanner refuses them, and here they are wanted. A list becomes
 * the only member of an object.
 */
static struct buf
quote_numbers(struct bytes text)
{
	bool in_string = false, is_list;
	struct buf b;
	size_t i, n;

	while (text.n > 0 && (text.p[0] <= ' '))
		text = bytes_of(text.p + 1, text.n - 1);
	is_list = text.n > 0 && text.p[0] == '[';
	buf_init(&b, INTEROP_MAX_FILE);
	if (is_list)
		buf_put_str(&b, "{\"" CASES "\":");
	for (i = 0; i < text.n; i += n) {
		for (n = 0; !in_string && i + n < text.n &&
		    text.p[i + n] >= '0' && text.p[i + n] <= '9'; n++)
			;
		if (n > 15)
			buf_put_u8(&b, '"');
		buf_put(&b, text.p + i, n > 0 ? n : 1);
		if (n > 15)
			buf_put_u8(&b, '"');
		if (n > 0)
			continue;
		n = 1;
		if (text.p[i] == '"')
			in_string = !in_string;
		else if (text.p[i] == '\\' && i + 1 < text.n) {
			buf_put_u8(&b, text.p[i + 1]);
			n = 2;
		}
	}
	if (is_list)
		buf_put_u8(&b, '}');
	if (buf_error(&b) != 0)
		interop_die("file", err_text(buf_error(&b)));
	return b;
}

/* One that is no size or index, such as -1, makes the case a bad one. */
static void
get_number(struct doc_obj *o, const char *name, struct proof_case *c,
    uint64_t *ret_v)
{
	struct bytes text = { NULL, 0 };
	int64_t v = 0;
	uint64_t sum = 0;
	size_t i;

	if (doc_type(o, name) == DOC_INT) {
		doc_int(o, name, INT64_MIN, INT64_MAX, &v);
		if (v < 0)
			c->bad = "a number is below 0";
		*ret_v = (uint64_t)v;
		return;
	}
	doc_str(o, name, &text);
	for (i = 0; i < text.n; i++) {
		unsigned digit = (unsigned)(text.p[i] - '0');

		if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
			c->bad = "a number is over 2^64 - 1";
		sum = sum * 10 + digit;
	}
	*ret_v = sum;
}

/* One of another size, where it is only compared, gets its own SHA-256 as a
 * stand-in. */
static void
get_hash(struct doc_obj *o, const char *name, struct proof_case *c,
    bool compared, struct sha256 *ret_h)
{
	struct bytes text = { NULL, 0 };
	struct buf b;

	if (name != NULL && doc_type(o, name) == DOC_NULL)
		(void)doc_is_null(o, name);
	else if (name == NULL || doc_has(o, name))
		doc_str(o, name, &text);
	buf_init(&b, INTEROP_MAX_FILE);
	if (base64_decode(text, &b) != 0)
		c->bad = "a hash is no base64";
	else if (b.n == sizeof(ret_h->b))
		memcpy(ret_h->b, b.p, sizeof(ret_h->b));
	else if (!compared)
		c->bad = "a hash is not of 32 bytes";
	else
		digest_sha256(buf_bytes(&b), ret_h);
	buf_free(&b);
}

static void
get_proof(struct doc_obj *o, struct proof_case *c)
{
	struct doc_obj list;

	if (!doc_has(o, "proof"))
		return;
	if (doc_type(o, "proof") == DOC_NULL) {
		(void)doc_is_null(o, "proof");
		return;
	}
	doc_arr(o, "proof", PROOF_LISTED, &list);
	for (; doc_next(&list); c->n++)
		get_hash(&list, NULL, c, false,
		    &c->proof[c->n < PROOF_MOST ? c->n : PROOF_MOST - 1]);
	if (c->n > PROOF_MOST)
		c->bad = "no proof has so many hashes";
}

/* Whether [start, end) is a subtree: it has one left edge in every tree. */
static bool
is_subtree(uint64_t start, uint64_t end)
{
	uint64_t width = 1;

	if (start >= end)
		return false;
	while (width != 0 && width < end - start)
		width <<= 1;
	return width == 0 ? start == 0 : start % width == 0;
}

/* Whose leaf, and how many; or both sizes. False: skip it. */
static bool
get_numbers(struct doc_obj *o, struct proof_case *c)
{
	uint64_t start = 0, end = 0;
	bool in = c->is_inclusion, part = doc_has(o, "start");

	if (part) {
		get_number(o, "start", c, &start);
		get_number(o, "end", c, &end);
		if (!in && (start != 0 || end == 0))
			return false;
	}
	get_number(o, in ? "leafIdx" : part ? "size" : "size1", c,
	    &c->number[in || !part ? 0 : 1]);
	if (!part)
		get_number(o, in ? "treeSize" : "size2", c,
		    &c->number[1]);
	else if (!in)
		c->number[0] = end;
	else if (!is_subtree(start, end) || c->number[0] < start)
		c->bad = "it is no subtree, or has no such leaf";
	else
		c->number[1] = end - start;
	if (part && in && c->bad == NULL)
		c->number[0] -= start;
	return true;
}

static int
verify(const struct proof_case *c)
{
	if (c->bad != NULL)
		return ERR_SYNTAX;
	if (c->is_inclusion)
		return merkle_verify_inclusion(&c->hash[0], c->number[0],
		    c->number[1], c->proof, c->n, &c->hash[1]);
	if (c->number[0] == 0)
		return ERR_RANGE;
	return merkle_verify_consistency(c->number[0], &c->hash[0],
	    c->number[1], &c->hash[1], c->proof, c->n);
}

static void
run_case(struct doc *d, struct doc_obj o, const char *path, struct tally *t)
{
	struct proof_case c = { .n = 0 };
	bool want = false;
	bool compared;
	struct bytes desc = { NULL, 0 };
	int err;

	c.is_inclusion = doc_has(&o, "leafIdx");
	if (!get_numbers(&o, &c)) {
		printf("skip %s: a proof of a subtree\n", path);
		t->skipped++;
		return;
	}
	compared = !c.is_inclusion && c.number[0] == c.number[1];
	get_hash(&o, c.is_inclusion ? "leafHash" : "root1", &c, compared,
	    &c.hash[0]);
	get_hash(&o, c.is_inclusion ? "root" : "root2", &c, compared,
	    &c.hash[1]);
	get_proof(&o, &c);
	(void)doc_opt_str(&o, "desc", &desc);
	if (doc_has(&o, "wantErr"))
		doc_bool(&o, "wantErr", &want);
	interop_check(d);
	err = verify(&c);
	interop_case(t, want == (err != 0), "%s: %s, %s", path,
	    c.bad != NULL ? c.bad : err != 0 ? err_text(err) : "it holds",
	    want ? "refusing is wanted" : "taking is wanted");
}

static void
run_file(const char *path, struct tally *t)
{
	struct buf raw = interop_read(path), text;
	struct doc_obj o, list, one;
	struct doc *d;
	int err;

	text = quote_numbers(buf_bytes(&raw));
	if ((err = doc_parse(buf_bytes(&text), 0, &d)) != 0)
		interop_die(path, err_text(err));
	o = doc_root(d);
	if (!doc_has(&o, CASES)) {
		run_case(d, o, path, t);
	} else {
		doc_arr(&o, CASES, 4096, &list);
		while (doc_next(&list)) {
			doc_obj(&list, NULL, &one);
			run_case(d, one, path, t);
		}
	}
	doc_free(d);
	buf_free(&raw);
	buf_free(&text);
}

int
main(int argc, char **argv)
{
	struct tally t = { 0, 0, 0 };
	int i;

	if (argc < 2)
		interop_die(argv[0], "takes files");
	if (digest_init() != 0)
		interop_die(argv[0], "libsodium does not start");
	for (i = 1; i < argc; i++)
		run_file(argv[i], &t);
	return interop_end(&t);
}
