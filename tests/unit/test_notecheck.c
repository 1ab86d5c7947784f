/*
 * test_notecheck.c - tests of console/notecheck.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/base64.h"
#include "common/digest.h"
#include "common/signer.h"
#include "console/notecheck.h"
#include "tests/harness/test.h"

#define ORG "acme"
#define DEVICE "d-aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME ORG "/" DEVICE
#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define DASH "\xe2\x80\x94 "

static struct signer key;

static void
make_key(void)
{
	uint8_t seed[SIGNER_SEED_SIZE] = { 1 };

	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &key), 0);
}

/* Appends a signature line of the key over text, under that name. */
static void
put_signature(struct buf *b, const char *text, const char *name)
{
	uint8_t blob[4 + SIGNER_SIGNATURE_SIZE];
	struct sha256 h;
	struct buf id;

	buf_init(&id, 1024);
	buf_printf(&id, "%s\n%c", name, 1);
	buf_put(&id, key.public, sizeof(key.public));
	digest_sha256(buf_bytes(&id), &h);
	memcpy(blob, h.b, 4);
	CHECK_INT(signer_sign(&key, bytes_str(text), blob + 4), 0);
	buf_printf(b, DASH "%s ", name);
	base64_encode(b, bytes_of(blob, sizeof(blob)));
	buf_put_str(b, "\n");
	buf_free(&id);
}

static int
check(const struct buf *b, uint64_t *size)
{
	return notecheck(buf_bytes(b), ORG, DEVICE, key.public, size);
}

TEST(good)
{
	static const char *const texts[] = {
		NAME "\n7\n" ROOT "\n",
		NAME "\n7\n" ROOT "\nan extension\nanother one\n"
	};
	uint64_t size = 0;
	struct buf b;
	size_t i;

	make_key();
	for (i = 0; i < 2; i++) {
		buf_init(&b, 4096);
		buf_put_str(&b, texts[i]);
		buf_put_str(&b, "\n" DASH "other/key AAAA\n");
		put_signature(&b, texts[i], NAME);
		buf_put_str(&b, DASH "witness BBBB\n");
		CHECK_INT(check(&b, &size), 0);
		CHECK_INT(size, 7);
		buf_free(&b);
	}
}

TEST(every_cut_and_every_bit)
{
	const char *text = NAME "\n12\n" ROOT "\n";
	uint64_t size;
	struct buf b;
	size_t i;
	int err;

	make_key();
	buf_init(&b, 4096);
	buf_put_str(&b, text);
	buf_put_str(&b, "\n");
	put_signature(&b, text, NAME);
	for (i = 0; i < b.n; i++) {
		err = notecheck(bytes_of(b.p, i), ORG, DEVICE, key.public,
		    &size);
		CHECK_MSG(err == ERR_SYNTAX || err == ERR_SIGNATURE,
		    "cut at %zu: %d", i, err);
	}
	for (i = 0; i < 8 * (b.n - 1); i++) {
		b.p[i / 8] ^= (uint8_t)(1u << (i % 8));
		CHECK_MSG(check(&b, &size) != 0, "bit %zu", i);
		b.p[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	CHECK_INT(check(&b, &size), 0);
	buf_free(&b);
}

TEST(refused)
{
	static const struct {
		const char *text;	/* signed as it stands */
		int err;
	} rows[] = {
		{ "other/" DEVICE "\n7\n" ROOT "\n", ERR_SYNTAX },
		{ NAME "\n07\n" ROOT "\n", ERR_SYNTAX },
		{ NAME "\n-7\n" ROOT "\n", ERR_SYNTAX },
		{ NAME "\n\n" ROOT "\n", ERR_SYNTAX },
		{ NAME "\n99999999999999999\n" ROOT "\n", ERR_SYNTAX },
		{ NAME "\n7\n", ERR_SYNTAX }
	};
	uint64_t size;
	struct buf b;
	size_t i;

	make_key();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 4096);
		buf_put_str(&b, rows[i].text);
		buf_put_str(&b, "\n");
		put_signature(&b, rows[i].text, NAME);
		CHECK_MSG(check(&b, &size) == rows[i].err, "row %zu", i);
		buf_free(&b);
	}
}

TEST(another_key_or_name)
{
	const char *text = NAME "\n7\n" ROOT "\n";
	uint8_t seed[SIGNER_SEED_SIZE] = { 2 };
	struct signer other;
	uint64_t size;
	struct buf b;

	make_key();
	CHECK_INT(signer_from_seed(seed, &other), 0);
	buf_init(&b, 4096);
	buf_put_str(&b, text);
	buf_put_str(&b, "\n");
	put_signature(&b, text, "other/" DEVICE);
	CHECK_INT(check(&b, &size), ERR_SIGNATURE);
	put_signature(&b, text, NAME);
	CHECK_INT(notecheck(buf_bytes(&b), ORG, DEVICE, other.public, &size),
	    ERR_SIGNATURE);
	CHECK_INT(check(&b, &size), 0);
	buf_free(&b);
}

TEST_MAIN()
