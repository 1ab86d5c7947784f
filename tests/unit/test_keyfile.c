/*
 * test_keyfile.c - signing keys in files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/ed25519.h"
#include "common/keyfile.h"
#include "tests/harness/test.h"

#define PASSPHRASE "correct horse"
#define PUBLIC "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="

static const uint8_t seed[32] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};

static struct keyfile_new
new_file(const char *passphrase)
{
	struct keyfile_new n = { .use = KEYFILE_APPROVER, .seed = seed,
	    .passphrase = bytes_str(passphrase), .ops = 1,
	    .mem = KEYFILE_MIN_MEM };

	memset(n.salt, 2, sizeof(n.salt));
	memset(n.nonce, 3, sizeof(n.nonce));
	CHECK_INT(digest_init(), 0);
	return n;
}

static struct buf
write_file(const struct keyfile_new *n)
{
	struct buf b;

	buf_init(&b, KEYFILE_MAX);
	CHECK_INT(keyfile_write(n, &b), 0);
	return b;
}

TEST(an_encrypted_file)
{
	struct keyfile_new n = new_file(PASSPHRASE);
	struct buf b = write_file(&n);
	struct keyfile_info info;
	struct signer s;
	uint8_t sig[64], out[32];

	CHECK(memmem(b.p, b.n, "\"seed\"", 6) == NULL);
	CHECK(memmem(b.p, b.n, "AQEBAQEB", 8) == NULL);
	CHECK_INT(b.p[b.n - 1], '\n');
	CHECK_INT(keyfile_read_info(buf_bytes(&b), &info), 0);
	CHECK_INT(info.use, KEYFILE_APPROVER);
	CHECK(info.encrypted);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE), &info,
	    &s), 0);
	CHECK(info.encrypted);
	CHECK_MEM(info.public, 32, s.public, 32);
	signer_seed(&s, out);
	CHECK_MEM(out, 32, seed, 32);
	CHECK_INT(signer_sign(&s, bytes_str("m"), sig), 0);
	CHECK_INT(ed25519_verify(info.public, bytes_str("m"),
	    bytes_of(sig, 64)), 0);
	signer_wipe(&s);
	buf_free(&b);
}

TEST(a_service_file)
{
	static const char want[] = "{\"v\":1,\"kind\":\"countersign-key\","
	    "\"use\":\"timestamp\",\"public\":\"" PUBLIC "\",\"kdf\":null,"
	    "\"seed\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"}\n";
	struct keyfile_new n = new_file("");
	struct keyfile_info info;
	struct signer s;
	struct buf b;

	n.use = KEYFILE_TIMESTAMP;
	/* Not looked at without a passphrase. */
	n.ops = 0;
	b = write_file(&n);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	CHECK_INT(keyfile_read_info(buf_bytes(&b), &info), 0);
	CHECK(!info.encrypted);
	CHECK_INT(info.use, KEYFILE_TIMESTAMP);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(""), &info, &s), 0);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str("any"), &info, &s),
	    0);
	CHECK_MEM(info.public, 32, s.public, 32);
	buf_free(&b);
}

TEST(wrong_passphrases)
{
	static char longest[KEYFILE_MAX_PASSPHRASE + 2];
	struct keyfile_new n = new_file(PASSPHRASE);
	struct buf b = write_file(&n);
	struct keyfile_info info;
	struct signer s;

	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(""), &info, &s),
	    ERR_PASSPHRASE);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str("correct Horse"),
	    &info, &s), ERR_PASSPHRASE);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE " "),
	    &info, &s), ERR_PASSPHRASE);
	memset(longest, 'p', sizeof(longest) - 1);
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(longest), &info, &s),
	    ERR_PASSPHRASE);
	buf_free(&b);
	n.passphrase = bytes_str(longest);
	buf_init(&b, KEYFILE_MAX);
	CHECK_INT(keyfile_write(&n, &b), ERR_RANGE);
	CHECK_INT(b.n, 0);
	n.passphrase.n--;
	CHECK_INT(keyfile_write(&n, &b), 0);
	CHECK_INT(keyfile_open(buf_bytes(&b), n.passphrase, &info, &s), 0);
	buf_free(&b);
}

/* Replaces the first occurrence of a text in a file. */
static int
open_changed(const struct buf *b, const char *from, const char *to)
{
	uint8_t *at = memmem(b->p, b->n, from, strlen(from));
	struct keyfile_info info;
	struct signer s;
	struct buf c;
	int r, ri;

	CHECK(at != NULL);
	buf_init(&c, 2 * KEYFILE_MAX);
	buf_put(&c, b->p, (size_t)(at - b->p));
	buf_put_str(&c, to);
	buf_put(&c, at + strlen(from),
	    b->n - (size_t)(at - b->p) - strlen(from));
	r = keyfile_open(buf_bytes(&c), bytes_str(PASSPHRASE), &info, &s);
	ri = keyfile_read_info(buf_bytes(&c), &info);
	/* What needs no passphrase is found without one. */
	if (r != ERR_PASSPHRASE && r != ERR_CORRUPT)
		CHECK_INT(ri, r);
	buf_free(&c);
	return r;
}

TEST(changed_files)
{
	static const struct {
		const char *from, *to;
		int err;
	} rows[] = {
		/* Outside the box, and yet held to it. */
		{ "\"approver\"", "\"root\"", ERR_CORRUPT },
		{ PUBLIC, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		    ERR_CORRUPT },
		{ "\"salt\":\"A", "\"salt\":\"B", ERR_PASSPHRASE },
		{ "\"nonce\":\"A", "\"nonce\":\"B", ERR_PASSPHRASE },
		{ "\"ops\":1", "\"ops\":2", ERR_PASSPHRASE },
		{ "\"mem\":8192", "\"mem\":9216", ERR_PASSPHRASE },
		{ "\"ct\":\"", "\"ct\":\"AAAA", ERR_PASSPHRASE },
		/* What a hostile file may ask for. */
		{ "\"ops\":1", "\"ops\":16", ERR_PASSPHRASE },
		{ "\"ops\":1", "\"ops\":17", ERR_RANGE },
		{ "\"ops\":1", "\"ops\":0", ERR_RANGE },
		{ "\"mem\":8192", "\"mem\":8191", ERR_RANGE },
		{ "\"mem\":8192", "\"mem\":1073741825", ERR_RANGE },
		{ "\"mem\":8192", "\"mem\":9007199254740991", ERR_RANGE },
		/* Form. */
		{ "\"v\":1", "\"v\":2", ERR_RANGE },
		{ "countersign-key", "other-key", ERR_VERSION },
		{ "argon2id", "scrypt", ERR_VERSION },
		{ "\"approver\"", "\"boss\"", ERR_RANGE },
		{ "\"v\":1", "\"v\":1,\"x\":1", ERR_UNKNOWN_FIELD },
		{ "\"ops\":1", "\"ops\":1,\"x\":1", ERR_UNKNOWN_FIELD },
		{ "\"box\":{", "\"box\":{\"x\":1,", ERR_UNKNOWN_FIELD },
		{ "\"box\":{", "\"seed\":\"\",\"box\":{", ERR_UNKNOWN_FIELD },
		{ "\"use\":", "\"v\":1,\"use\":", ERR_DUPLICATE },
		{ "\"salt\":\"Ag", "\"salt\":\"AgIC", ERR_SYNTAX },
		{ "\"salt\":\"AgICAgICAgICAgICAgICAg==", "\"salt\":\"AgIC",
		    ERR_RANGE },
		{ "\"nonce\":\"AwMD", "\"nonce\":\"", ERR_RANGE },
		{ "\"public\":", "\"Public\":", ERR_MISSING_FIELD },
		{ "\"kdf\":{", "\"kdf\":null,\"k\":{", ERR_MISSING_FIELD },
		{ "\"kdf\":{", "\"kdf\":[],\"k\":{", ERR_TYPE },
		{ "}\n", "} x", ERR_SYNTAX },
	};
	struct keyfile_new n = new_file(PASSPHRASE);
	struct buf b = write_file(&n);
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = open_changed(&b, rows[i].from, rows[i].to);
		CHECK_MSG(r == rows[i].err, "row %zu: %d", i, r);
	}
	buf_free(&b);
	/* A use of the same length. */
	n.use = KEYFILE_PEOPLE;
	b = write_file(&n);
	CHECK_INT(open_changed(&b, "\"people\"", "\"policy\""), ERR_CORRUPT);
	buf_free(&b);
	n.passphrase = bytes_str("");
	b = write_file(&n);
	CHECK_INT(open_changed(&b, "AQEBAQ", "AQEBAg"), ERR_CORRUPT);
	CHECK_INT(open_changed(&b, "AQEBAQ", "AQEBAQEB"), ERR_SYNTAX);
	CHECK_INT(open_changed(&b, "\"seed\"", "\"box\":{},\"seed\""),
	    ERR_UNKNOWN_FIELD);
	CHECK_INT(open_changed(&b, ",\"kdf\":null", ""), ERR_MISSING_FIELD);
	buf_free(&b);
}

/* The box's every byte is held, and so is its length. */
TEST(a_damaged_box)
{
	struct keyfile_new n = new_file(PASSPHRASE);
	struct buf b = write_file(&n);
	uint8_t *ct = memmem(b.p, b.n, "\"ct\":\"", 6);
	struct keyfile_info info;
	struct signer s;
	size_t i;

	CHECK(ct != NULL);
	for (i = 6; ct[i] != '"' && ct[i] != '='; i++) {
		uint8_t was = ct[i];

		ct[i] = was == 'A' ? 'Q' : 'A';
		CHECK(keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE),
		    &info, &s) != 0);
		ct[i] = was;
	}
	CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE), &info,
	    &s), 0);
	buf_free(&b);
	CHECK_INT(open_changed(&(struct buf){ (uint8_t *)(uintptr_t)"{}", 2,
	    2, 2, 0 }, "{}", "[]"), ERR_TYPE);
}

TEST(the_cost_has_bounds)
{
	static const struct {
		size_t ops, mem;
		int err;
	} rows[] = {
		{ 0, KEYFILE_MIN_MEM, ERR_RANGE },
		{ KEYFILE_MAX_OPS + 1, KEYFILE_MIN_MEM, ERR_RANGE },
		{ 1, KEYFILE_MIN_MEM - 1, ERR_RANGE },
		{ 1, KEYFILE_MAX_MEM + 1, ERR_RANGE },
		{ KEYFILE_MAX_OPS, KEYFILE_MIN_MEM, 0 },
		{ 1, (size_t)1 << 20, 0 },
	};
	struct keyfile_new n;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = new_file(PASSPHRASE);
		n.ops = rows[i].ops;
		n.mem = rows[i].mem;
		buf_init(&b, KEYFILE_MAX);
		CHECK_INT(keyfile_write(&n, &b), rows[i].err);
		CHECK(b.n == 0 || rows[i].err == 0);
		buf_free(&b);
	}
}

TEST(uses)
{
	static const char *const words[] = { "approver", "proposer", "root",
	    "people", "policy", "device", "timestamp", "agent" };
	struct keyfile_info info;
	struct keyfile_new n;
	enum keyfile_use use;
	struct signer s;
	struct buf b;
	int i;

	for (i = 0; i <= KEYFILE_AGENT; i++) {
		CHECK_STR(keyfile_use_word((enum keyfile_use)i), words[i]);
		CHECK_INT(keyfile_use_of(bytes_str(words[i]), &use), 0);
		CHECK_INT(use, i);
		n = new_file(PASSPHRASE);
		n.use = use;
		b = write_file(&n);
		CHECK_INT(keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE),
		    &info, &s), 0);
		CHECK_INT(info.use, i);
		buf_free(&b);
	}
	CHECK_INT(keyfile_use_of(bytes_str("Approver"), &use), ERR_RANGE);
	CHECK_INT(keyfile_use_of(bytes_str(""), &use), ERR_RANGE);
}

TEST(sizes)
{
	static uint8_t spaces[KEYFILE_MAX + 1];
	struct keyfile_new n = new_file(PASSPHRASE);
	struct keyfile_info info;
	struct buf b;
	size_t cap, before;

	memset(spaces, ' ', sizeof(spaces));
	CHECK_INT(keyfile_read_info(bytes_of(spaces, KEYFILE_MAX + 1), &info),
	    ERR_TOO_LARGE);
	CHECK_INT(keyfile_read_info(bytes_of(spaces, KEYFILE_MAX), &info),
	    ERR_SYNTAX);
	for (cap = 5; cap < 300; cap += 7) {
		buf_init(&b, cap);
		buf_put_str(&b, "first");
		before = b.n;
		CHECK_INT(keyfile_write(&n, &b), ERR_TOO_LARGE);
		CHECK_INT(b.n, before);
		buf_free(&b);
	}
}

TEST(without_memory)
{
	struct keyfile_new n = new_file(PASSPHRASE);
	struct keyfile_info info;
	struct signer s;
	struct buf b;
	int r;

	OOM_LOOP {
		buf_init(&b, KEYFILE_MAX);
		r = keyfile_write(&n, &b);
		if (r == 0)
			r = keyfile_open(buf_bytes(&b), bytes_str(PASSPHRASE),
			    &info, &s);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
}

TEST_MAIN()
