/*
 * test_witness.c - add-checkpoint: the body, and every answer; proof files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/merkletree.h"
#include "common/signer.h"
#include "common/tlogproof.h"
#include "common/witness.h"
#include "tests/harness/test.h"

#define ORIGIN "acme/d-1"
#define SIZES 40
#define HASH "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static struct merkletree tree;
static struct signer log_signer;
static struct note_key log_key;
static struct sha256 root[SIZES + 1];

static struct bytes
record_of_index(uint64_t i)
{
	static const char digits[] = "0123456789012345678901234567890123456789";

	return bytes_of(digits + i % 10, 1 + i / 10);
}

static void
begin(void)
{
	const uint8_t seed[SIGNER_SEED_SIZE] = { 9 };
	struct merkle_source s = merkletree_source(&tree);
	struct sha256 leaf;
	uint64_t i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &log_signer), 0);
	CHECK_INT(note_key_init(bytes_str(ORIGIN), NOTE_ED25519,
	    log_signer.public, &log_key), 0);
	for (i = 0; i < SIZES; i++) {
		merkle_leaf(record_of_index(i), &leaf);
		CHECK_INT(merkletree_add(&tree, &leaf), 0);
	}
	for (i = 0; i <= SIZES; i++)
		CHECK_INT(merkle_root(&s, i, &root[i]), 0);
}

/* A checkpoint of that size with that root. */
static void
put_note(struct buf *b, const char *origin, uint64_t size,
    const struct sha256 *r)
{
	struct buf text;

	buf_init(&text, 4096);
	checkpoint_put(&text, bytes_str(origin), size, r);
	buf_put_bytes(b, buf_bytes(&text));
	buf_put_str(b, "\n");
	CHECK_INT(note_sign(b, buf_bytes(&text), &log_key, &log_signer), 0);
	buf_free(&text);
}

struct ask {
	uint64_t old, size;
	uint64_t proof_from;	/* whose proof is sent; 0: none */
	uint64_t root_of;	/* whose root is said */
	uint64_t known;		/* what the witness has */
	enum witness_status want;
};

static enum witness_status
answer(const struct ask *q)
{
	struct merkle_source s = merkletree_source(&tree);
	struct witness_log log = { &log_key, 1, q->known, root[q->known] };
	struct sha256 proof[MERKLE_PROOF_MAX];
	struct witness_request r;
	enum witness_status got;
	struct buf note, body;
	size_t n = 0;

	buf_init(&note, 4096);
	buf_init(&body, WITNESS_REQUEST_MAX);
	put_note(&note, ORIGIN, q->size, &root[q->root_of]);
	if (q->proof_from > 0)
		CHECK_INT(merkle_prove_consistency(&s, q->proof_from,
		    q->size, proof, &n), 0);
	CHECK_INT(witness_put_request(&body, q->old, proof, n,
	    buf_bytes(&note)), 0);
	CHECK_INT(witness_parse_request(buf_bytes(&body), &r), 0);
	CHECK_INT((intmax_t)r.old, (intmax_t)q->old);
	CHECK_INT((intmax_t)r.n_proof, (intmax_t)n);
	CHECK_MEM(r.signed_note.p, r.signed_note.n, note.p, note.n);
	got = witness_check(&r, &log);
	buf_free(&note);
	buf_free(&body);
	return got;
}

TEST(answers)
{
	static const struct ask asks[] = {
	    /* The first one, with nothing before it. */
	    { 0, 5, 0, 5, 0, WITNESS_OK },
	    { 0, 0, 0, 0, 0, WITNESS_OK },
	    { 5, 9, 5, 9, 5, WITNESS_OK },
	    { 8, 9, 8, 9, 8, WITNESS_OK },
	    { 5, 5, 0, 5, 5, WITNESS_OK },
	    { 39, 40, 39, 40, 39, WITNESS_OK },
	    /* An old size above the new one. */
	    { 9, 5, 0, 5, 9, WITNESS_MALFORMED },
	    { 9, 5, 0, 5, 3, WITNESS_MALFORMED },
	    /* Stale, or too far ahead. */
	    { 5, 9, 5, 9, 7, WITNESS_CONFLICT },
	    { 5, 9, 5, 9, 4, WITNESS_CONFLICT },
	    { 0, 9, 0, 9, 4, WITNESS_CONFLICT },
	    { 5, 9, 5, 9, 9, WITNESS_CONFLICT },
	    { 5, 9, 5, 9, 0, WITNESS_CONFLICT },
	    /* The stale one is told so before its root is looked at. */
	    { 0, 9, 0, 8, 9, WITNESS_CONFLICT },
	    /* Equal size with another root. */
	    { 5, 5, 0, 4, 5, WITNESS_INCONSISTENT },
	    /* Another root, the proof of another size, none, one too many. */
	    { 5, 9, 5, 8, 5, WITNESS_INCONSISTENT },
	    { 5, 9, 6, 9, 5, WITNESS_INCONSISTENT },
	    { 5, 9, 0, 9, 5, WITNESS_INCONSISTENT },
	    { 5, 5, 3, 5, 5, WITNESS_INCONSISTENT },
	    { 0, 9, 5, 9, 0, WITNESS_INCONSISTENT },
	    /* An empty tree with a root. */
	    { 0, 0, 0, 1, 0, WITNESS_INCONSISTENT },
	};
	size_t i;

	begin();
	for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		enum witness_status got = answer(&asks[i]);

		CHECK_MSG(got == asks[i].want, "ask %zu: %d, not %d", i,
		    (int)got, (int)asks[i].want);
	}
	merkletree_fini(&tree);
}

/* Whose signatures the note has decides before all else. */
TEST(whose_log_it_is)
{
	struct witness_log log = { &log_key, 1, 0, { { 0 } } }, both, none;
	const uint8_t seed[SIGNER_SEED_SIZE] = { 8 };
	struct note_key keys[2], other;
	struct witness_request r;
	struct signer signer;
	struct buf b;

	begin();
	CHECK_INT(signer_from_seed(seed, &signer), 0);
	CHECK_INT(note_key_init(bytes_str("somebody"), NOTE_ED25519,
	    signer.public, &other), 0);
	buf_init(&b, 4096);
	buf_put_str(&b, "old 0\n\n");
	put_note(&b, ORIGIN, 5, &root[5]);
	buf_put_str(&b, "\xe2\x80\x94 who.example AAAAAAEC\n");
	CHECK_INT(witness_parse_request(buf_bytes(&b), &r), 0);
	CHECK(bytes_is(r.checkpoint.origin, ORIGIN));
	CHECK_INT(witness_check(&r, NULL), WITNESS_UNKNOWN);
	CHECK_INT(witness_check(&r, &log), WITNESS_OK);
	none = log;
	none.n_keys = 0;
	CHECK_INT(witness_check(&r, &none), WITNESS_FORBIDDEN);
	/* One of two keys is enough; */
	keys[0] = other;
	keys[1] = log_key;
	both = log;
	both.keys = keys;
	both.n_keys = 2;
	CHECK_INT(witness_check(&r, &both), WITNESS_OK);
	both.n_keys = 1;
	CHECK_INT(witness_check(&r, &both), WITNESS_FORBIDDEN);
	/* but one that does not verify spoils it. */
	keys[0] = log_key;
	keys[0].public[3] ^= 1;
	both.n_keys = 2;
	CHECK_INT(witness_check(&r, &both), WITNESS_FORBIDDEN);
	buf_free(&b);
	merkletree_fini(&tree);
}

TEST(bodies_that_do_not_read)
{
	static const struct {
		const char *head;
		bool good;
	} cases[] = {
	    { "old 0\n\n", true },
	    { "old 5\n" HASH "\n\n", true },
	    { "old 5\n" HASH "\n" HASH "\n\n", true },
	    { "", false }, { "old 5", false }, { "old 5\n", false },
	    { "\n", false }, { "old \n\n", false }, { "old 05\n\n", false },
	    { "Old 5\n\n", false }, { "old  5\n\n", false },
	    { "old 5 \n\n", false }, { " old 5\n\n", false },
	    { "old -1\n\n", false }, { "old 5\r\n\r\n", false },
	    { "old 9223372036854775808\n\n", false },
	    { "old 5\n" HASH "\n", false },
	    { "old 5\n" HASH HASH "\n\n", false },
	    { "old 5\nAAAA\n\n", false },
	    { "old 5\n" HASH " \n\n", false },
	    { "old 5\n\n\n", false },
	};
	struct witness_request r;
	struct buf b, note;
	size_t i;

	begin();
	buf_init(&note, 4096);
	buf_init(&b, WITNESS_REQUEST_MAX + 100);
	put_note(&note, ORIGIN, 5, &root[5]);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		buf_put_str(&b, cases[i].head);
		buf_put_bytes(&b, buf_bytes(&note));
		CHECK_MSG((witness_parse_request(buf_bytes(&b), &r) == 0) ==
		    cases[i].good, "case %zu", i);
	}
	/* No note, and one that is no checkpoint. */
	CHECK(witness_parse_request(bytes_str("old 0\n\n"), &r) != 0);
	CHECK_INT(witness_parse_request(bytes_str("old 0\n\nx\n\n"
	    "\xe2\x80\x94 a AAAAAAEC\n"), &r), ERR_SYNTAX);
	/* 63 lines of a proof, and one more. */
	for (i = 63; i <= 64; i++) {
		size_t k;

		buf_clear(&b);
		buf_put_str(&b, "old 5\n");
		for (k = 0; k < i; k++)
			buf_put_str(&b, HASH "\n");
		buf_put_str(&b, "\n");
		buf_put_bytes(&b, buf_bytes(&note));
		CHECK_INT(witness_parse_request(buf_bytes(&b), &r),
		    i == 63 ? 0 : ERR_TOO_LARGE);
	}
	CHECK_INT(witness_put_request(&b, 5, root, 64, bytes_str("")),
	    ERR_TOO_LARGE);
	buf_clear(&b);
	while (b.n <= WITNESS_REQUEST_MAX)
		buf_put_u8(&b, 'x');
	CHECK_INT(witness_parse_request(buf_bytes(&b), &r), ERR_TOO_LARGE);
	buf_free(&b);
	buf_free(&note);
	merkletree_fini(&tree);
}

/* ---- tlog-proof ---- */

TEST(proof_files)
{
	struct merkle_source s = merkletree_source(&tree);
	struct sha256 proof[MERKLE_PROOF_MAX];
	struct note_key elsewhere;
	struct tlogproof p;
	struct buf b, note;
	uint64_t i;
	size_t n, k;

	begin();
	CHECK_INT(note_key_init(bytes_str("acme/d-2"), NOTE_ED25519,
	    log_signer.public, &elsewhere), 0);
	buf_init(&note, 4096);
	buf_init(&b, TLOGPROOF_MAX);
	put_note(&note, ORIGIN, SIZES, &root[SIZES]);
	for (i = 0; i < SIZES; i++) {
		buf_clear(&b);
		CHECK_INT(merkle_prove_inclusion(&s, i, SIZES, proof, &n), 0);
		CHECK_INT(tlogproof_put(&b, i, proof, n, buf_bytes(&note)),
		    0);
		CHECK_INT(tlogproof_parse(buf_bytes(&b), &p), 0);
		CHECK_INT((intmax_t)p.index, (intmax_t)i);
		CHECK(p.extra.p == NULL);
		CHECK_INT(tlogproof_verify(&p, record_of_index(i), &log_key),
		    0);
		CHECK_INT(tlogproof_verify(&p, bytes_str("x"), &log_key),
		    ERR_SIGNATURE);
		CHECK_INT(tlogproof_verify(&p, record_of_index(i),
		    &elsewhere), ERR_KEY);
	}
	/* No bit of it can be another. */
	for (k = 0; k < 8 * b.n; k++) {
		b.p[k / 8] ^= (uint8_t)(1u << k % 8);
		CHECK(tlogproof_parse(buf_bytes(&b), &p) != 0 ||
		    tlogproof_verify(&p, record_of_index(SIZES - 1),
		    &log_key) != 0);
		b.p[k / 8] ^= (uint8_t)(1u << k % 8);
	}
	buf_free(&b);
	buf_free(&note);
	merkletree_fini(&tree);
}

TEST(proof_files_that_do_not_read)
{
#define FIRST "c2sp.org/tlog-proof@v1\n"
	static const struct {
		const char *head;
		bool good;
	} cases[] = {
	    { FIRST "index 0\n\n", true },
	    { FIRST "index 73894\n" HASH "\n\n", true },
	    { FIRST "extra AAEC\nindex 1\n\n", true },
	    { FIRST "extra \nindex 1\n\n", true },
	    { "", false }, { FIRST, false }, { FIRST "\n", false },
	    { "c2sp.org/tlog-proof@v2\nindex 0\n\n", false },
	    { FIRST "index 00\n\n", false }, { FIRST "index -1\n\n", false },
	    { FIRST "index  1\n\n", false }, { FIRST "index 1 \n\n", false },
	    { FIRST "index 1\nextra AAEC\n\n", false },
	    { FIRST "extra AAE\nindex 1\n\n", false },
	    { FIRST "extra A!EC\nindex 1\n\n", false },
	    { FIRST "extra AAEC\nextra AAEC\nindex 1\n\n", false },
	    { FIRST "extra AAEC\n", false },
	    { FIRST "index 1\n" HASH "\n", false },
	    { FIRST "index 1\nAAAA\n\n", false },
	    { FIRST "\nindex 1\n\n", false },
	};
	struct tlogproof p;
	struct buf b, note;
	size_t i, k;

	begin();
	buf_init(&note, 4096);
	buf_init(&b, TLOGPROOF_MAX + 100);
	put_note(&note, ORIGIN, 5, &root[5]);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		buf_put_str(&b, cases[i].head);
		buf_put_bytes(&b, buf_bytes(&note));
		CHECK_MSG((tlogproof_parse(buf_bytes(&b), &p) == 0) ==
		    cases[i].good, "case %zu", i);
	}
	for (i = 64; i <= 65; i++) {
		buf_clear(&b);
		buf_put_str(&b, FIRST "index 1\n");
		for (k = 0; k < i; k++)
			buf_put_str(&b, HASH "\n");
		buf_put_str(&b, "\n");
		buf_put_bytes(&b, buf_bytes(&note));
		CHECK_INT(tlogproof_parse(buf_bytes(&b), &p),
		    i == 64 ? 0 : ERR_TOO_LARGE);
	}
	CHECK(tlogproof_parse(bytes_str(FIRST "index 1\n\nx\n"), &p) != 0);
	CHECK_INT(tlogproof_put(&b, 1, root, 65, bytes_str("")),
	    ERR_TOO_LARGE);
	buf_clear(&b);
	while (b.n <= TLOGPROOF_MAX)
		buf_put_u8(&b, 'x');
	CHECK_INT(tlogproof_parse(buf_bytes(&b), &p), ERR_TOO_LARGE);
	buf_free(&b);
	buf_free(&note);
	merkletree_fini(&tree);
}

TEST_MAIN()
