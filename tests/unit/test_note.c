/*
 * test_note.c - signed notes, checkpoints and cosignatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/checkpoint.h"
#include "common/cosignature.h"
#include "common/signer.h"
#include "tests/harness/test.h"

/* The example of C2SP signed-note. */
#define VKEY "example.com/foo+530d903a+" \
	"AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define LINE "\xe2\x80\x94 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq" \
	"6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
#define TEXT "This is an example message.\n"
/* A line of a kind that nobody knows. */
#define OTHER "\xe2\x80\x94 somebody.example AAAAAAEC\n"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static struct note_key example;

static void
begin(void)
{
	CHECK_INT(digest_init(), 0);
	CHECK_INT(note_key_parse(bytes_str(VKEY), &example), 0);
}

/* A key pair of this seed. */
static struct note_key
make(const char *name, uint8_t kind, uint8_t seed, struct signer *ret_s)
{
	uint8_t bytes[SIGNER_SEED_SIZE];
	struct note_key key;

	memset(bytes, seed, sizeof(bytes));
	CHECK_INT(signer_from_seed(bytes, ret_s), 0);
	CHECK_INT(note_key_init(bytes_str(name), kind, ret_s->public, &key),
	    0);
	return key;
}

TEST(the_example_of_the_specification)
{
	char text[NOTE_VKEY_SIZE];
	struct note n;

	begin();
	CHECK_STR(example.name, "example.com/foo");
	CHECK_INT(example.kind, NOTE_ED25519);
	note_key_text(&example, text);
	CHECK_STR(text, VKEY);
	CHECK_INT(note_parse(bytes_str(TEXT "\n" LINE), &n), 0);
	CHECK_MEM(n.text.p, n.text.n, TEXT, strlen(TEXT));
	CHECK_MEM(n.signatures.p, n.signatures.n, LINE, strlen(LINE));
	CHECK_INT(note_verify(&n, &example), 0);
}

TEST(keys_that_do_not_read)
{
	static const struct {
		const char *vkey;
		int err;
	} bad[] = {
	    { "", ERR_SYNTAX },
	    { "example.com/foo", ERR_SYNTAX },
	    { "example.com/foo+530d903a", ERR_SYNTAX },
	    { "example.com/foo+530d903a+", ERR_SYNTAX },
	    { "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k", ERR_SYNTAX },
	    { "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k", ERR_SYNTAX },
	    { "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k", ERR_SYNTAX },
	    { "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
	      ERR_SYNTAX },
	    { "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
	      ERR_SYNTAX },
	    { "example.com/foo+530d903a+AekyeRrm", ERR_KEY },
	    { "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k", ERR_KEY },
	    { "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k\n", ERR_SYNTAX },
	    { "example.com/foo+530d903a-AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrn"
	      "Kv3U2k", ERR_SYNTAX },
	};
	static const struct {
		const char *name;
		int err;
	} names[] = {
	    { "", ERR_SYNTAX }, { "a b", ERR_SYNTAX }, { "a+b", ERR_SYNTAX },
	    { "a\tb", ERR_SYNTAX }, { "a\xc2\xa0" "b", ERR_SYNTAX },
	    { "a\xe2\x80\xa8" "b", ERR_SYNTAX },
	    { "a\xe3\x80\x80" "b", ERR_SYNTAX },
	    { "a\xe1\x9a\x80" "b", ERR_SYNTAX },
	    { "a\xe2\x80\x8a" "b", ERR_SYNTAX },
	    { "a\xe2\x81\x9f" "b", ERR_SYNTAX },
	    { "a\xe2\x80\xaf" "b", ERR_SYNTAX },
	    { "a\xc2\x85" "b", ERR_SYNTAX },
	    { "a\x01", ERR_CHARACTER }, { "a\xff", ERR_CHARACTER },
	    { "a\xc0\x80", ERR_CHARACTER },
	    { "\xc3\xa9t\xc3\xa9.example", 0 }, { "a\x7f", 0 },
	};
	char longest[NOTE_NAME_MAX + 2];
	struct note_key key;
	size_t i;

	begin();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(note_key_parse(bytes_str(bad[i].vkey), &key) ==
		    bad[i].err, "%s", bad[i].vkey);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK_MSG(note_key_init(bytes_str(names[i].name), 1,
		    example.public, &key) == names[i].err, "name %zu", i);
	memset(longest, 'n', sizeof(longest));
	CHECK_INT(note_key_init(bytes_of(longest, NOTE_NAME_MAX), 1,
	    example.public, &key), 0);
	CHECK_INT(note_key_init(bytes_of(longest, NOTE_NAME_MAX + 1), 1,
	    example.public, &key), ERR_TOO_LARGE);
}

TEST(notes_that_do_not_read)
{
	static const struct {
		const char *note;
		int err;
	} cases[] = {
	    { "", ERR_SYNTAX }, { "\n", ERR_SYNTAX }, { "\n\n", ERR_SYNTAX },
	    { TEXT, ERR_SYNTAX }, { TEXT "\n", ERR_SYNTAX },
	    { TEXT LINE, ERR_SYNTAX },
	    { TEXT "\n" LINE "\n", ERR_SYNTAX },
	    { TEXT "\n" LINE "x", ERR_SYNTAX },
	    { TEXT "\n" LINE TEXT, ERR_SYNTAX },
	    { TEXT "\n- example.com/foo AAAAAAEC\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 example.com/foo\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94  AAAAAAEC\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a+b AAAAAAEC\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a b AAAAAAEC\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a AAAAAA==\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a AAAAAAEC \n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a AAAAAAF=\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a AAAA!AEC\n", ERR_SYNTAX },
	    { TEXT "\n\xe2\x80\x94 a AAAAAAEC", ERR_SYNTAX },
	    { "a\r\n\n" OTHER, ERR_CHARACTER },
	    { "a\tb\n\n" OTHER, ERR_CHARACTER },
	    { "a\xff\n\n" OTHER, ERR_CHARACTER },
	    { "a\xed\xa0\x80\n\n" OTHER, ERR_CHARACTER },
	    { "a\n\nb\n\n" OTHER, 0 },
	    { "a\n\n" OTHER OTHER, 0 },
	    { "\n\n" OTHER, 0 },
	};
	struct note n = { { NULL, 7 }, { NULL, 7 } };
	size_t i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = note_parse(bytes_str(cases[i].note), &n);

		CHECK_MSG(err == cases[i].err, "case %zu: %d", i, err);
		if (err != 0 && i < 23)
			CHECK_INT((intmax_t)n.text.n, 7);
	}
	/* The last empty line is the one that counts. */
	CHECK_INT(note_parse(bytes_str("a\n\nb\n\n" OTHER), &n), 0);
	CHECK_MEM(n.text.p, n.text.n, "a\n\nb\n", 5);
	CHECK_INT(note_parse(bytes_of(TEXT "\0\n\n" OTHER,
	    sizeof(TEXT "\0\n\n" OTHER) - 1), &n), ERR_CHARACTER);
}

TEST(caps)
{
	struct note n;
	struct buf b;
	int i;

	begin();
	buf_init(&b, 2 * NOTE_MAX);
	buf_put_str(&b, TEXT "\n");
	for (i = 0; i < NOTE_SIGNATURES_MAX; i++)
		buf_put_str(&b, OTHER);
	CHECK_INT(note_parse(buf_bytes(&b), &n), 0);
	buf_put_str(&b, OTHER);
	CHECK_INT(note_parse(buf_bytes(&b), &n), ERR_TOO_LARGE);
	while (b.n <= NOTE_MAX)
		buf_put_str(&b, OTHER);
	CHECK_INT(note_parse(buf_bytes(&b), &n), ERR_TOO_LARGE);
	/* A name that is longer than any of ours is somebody's. */
	buf_clear(&b);
	buf_put_str(&b, TEXT "\n" LINE "\xe2\x80\x94 ");
	for (i = 0; i < 1000; i++)
		buf_put_u8(&b, 'n');
	buf_put_str(&b, " AAAAAAEC\n");
	CHECK_INT(note_parse(buf_bytes(&b), &n), 0);
	CHECK_INT(note_verify(&n, &example), 0);
	buf_free(&b);
}

TEST(other_lines_are_kept_and_mean_nothing)
{
	struct note_signature s;
	struct bytes rest;
	struct note n;
	struct buf b;

	begin();
	CHECK_INT(note_parse(bytes_str(TEXT "\n" OTHER LINE OTHER), &n), 0);
	CHECK_INT(note_verify(&n, &example), 0);
	buf_init(&b, 200);
	rest = n.signatures;
	CHECK_INT(note_next(&rest, &b, &s), 1);
	CHECK_MEM(s.line.p, s.line.n, OTHER, strlen(OTHER));
	CHECK(!note_signature_is_by(&s, &example));
	CHECK_INT(note_next(&rest, &b, &s), 1);
	CHECK_MEM(s.line.p, s.line.n, LINE, strlen(LINE));
	CHECK(note_signature_is_by(&s, &example));
	CHECK_INT(note_next(&rest, &b, &s), 1);
	CHECK_INT(note_next(&rest, &b, &s), 0);
	buf_free(&b);
	/* Nobody that we know. */
	CHECK_INT(note_parse(bytes_str(TEXT "\n" OTHER), &n), 0);
	CHECK_INT(note_verify(&n, &example), ERR_NOT_FOUND);
	/* The same name with another id, the same id with another name. */
	CHECK_INT(note_parse(bytes_str(TEXT "\n\xe2\x80\x94 example.com/foo"
	    " Uw2QOwEC\n\xe2\x80\x94 example.com/fop Uw2QOgEC\n"), &n), 0);
	CHECK_INT(note_verify(&n, &example), ERR_NOT_FOUND);
	/* One that says it is the key's, and is not, spoils the note. */
	CHECK_INT(note_parse(bytes_str(TEXT "\n" LINE
	    "\xe2\x80\x94 example.com/foo Uw2QOgEC\n"), &n), 0);
	CHECK_INT(note_verify(&n, &example), ERR_SIGNATURE);
	CHECK_INT(note_parse(bytes_str("Another message.\n\n" LINE), &n), 0);
	CHECK_INT(note_verify(&n, &example), ERR_SIGNATURE);
}

TEST(signs_what_it_verifies)
{
	struct signer s, t;
	struct note_key one, two;
	struct note n;
	struct buf b;
	size_t i;

	begin();
	one = make("acme/d-1", NOTE_ED25519, 1, &s);
	two = make("acme/d-1/epoch-3", NOTE_ED25519, 2, &t);
	buf_init(&b, 4096);
	buf_put_str(&b, TEXT "\n");
	CHECK_INT(note_sign(&b, bytes_str(TEXT), &one, &s), 0);
	CHECK_INT(note_sign(&b, bytes_str(TEXT), &two, &t), 0);
	CHECK_INT(note_parse(buf_bytes(&b), &n), 0);
	CHECK_INT(note_verify(&n, &one), 0);
	CHECK_INT(note_verify(&n, &two), 0);
	/* No bit of it can be another. */
	for (i = 0; i < 8 * b.n; i++) {
		int first, second;

		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
		if (note_parse(buf_bytes(&b), &n) == 0) {
			first = note_verify(&n, &one);
			second = note_verify(&n, &two);
			CHECK(first != 0 || second != 0);
		}
		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	buf_free(&b);
	/* No room for a line. */
	buf_init(&b, 40);
	CHECK_INT(note_sign(&b, bytes_str(TEXT), &one, &s), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(checkpoints)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    { "o\n0\n" ROOT "\n", true },
	    { "example.com/behind-the-sofa\n20852163\n" ROOT "\n", true },
	    { "with a space and +\n1\n" ROOT "\n", true },
	    { "o\n9223372036854775807\n" ROOT "\n", true },
	    { "o\n5\n" ROOT "\nextension\nanother one\n", true },
	    { "", false }, { "o\n", false }, { "o\n5\n", false },
	    { "o\n5\n" ROOT, false },
	    { "\n5\n" ROOT "\n", false },
	    { "o\n\n" ROOT "\n", false },
	    { "o\n05\n" ROOT "\n", false },
	    { "o\n00\n" ROOT "\n", false },
	    { "o\n+5\n" ROOT "\n", false },
	    { "o\n-5\n" ROOT "\n", false },
	    { "o\n5 \n" ROOT "\n", false },
	    { "o\n5a\n" ROOT "\n", false },
	    { "o\n9223372036854775808\n" ROOT "\n", false },
	    { "o\n18446744073709551616\n" ROOT "\n", false },
	    { "o\n5\n" ROOT "\n\n", false },
	    { "o\n5\n" ROOT "\n\nx\n", false },
	    { "o\n5\n" ROOT "\nx", false },
	    { "o\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", false },
	    { "o\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", false },
	    { "o\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx\n", false },
	    { "o\n5\n" ROOT ROOT "\n", false },
	    { "o\n5\n\n", false },
	};
	struct checkpoint c;
	struct buf b;
	size_t i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_MSG((checkpoint_parse(bytes_str(cases[i].text), &c) ==
		    0) == cases[i].good, "case %zu", i);
	CHECK_INT(checkpoint_parse(bytes_str(cases[1].text), &c), 0);
	CHECK(bytes_is(c.origin, "example.com/behind-the-sofa"));
	CHECK_INT((intmax_t)c.size, 20852163);
	buf_init(&b, 200);
	checkpoint_put(&b, c.origin, c.size, &c.root);
	CHECK_MEM(b.p, b.n, cases[1].text, strlen(cases[1].text));
	buf_free(&b);
}

TEST(opens_a_checkpoint)
{
	struct signer s, other;
	struct note_key key, stranger, elsewhere;
	struct checkpoint c;
	struct sha256 root = { { 1, 2, 3 } };
	struct note n;
	struct buf text, b;

	begin();
	key = make("acme/d-1", NOTE_ED25519, 1, &s);
	elsewhere = make("acme/d-2", NOTE_ED25519, 1, &s);
	stranger = make("acme/d-1", NOTE_ED25519, 2, &other);
	buf_init(&text, 4096);
	buf_init(&b, 4096);
	checkpoint_put(&text, bytes_str("acme/d-1"), 17, &root);
	buf_put_bytes(&b, buf_bytes(&text));
	buf_put_str(&b, "\n");
	CHECK_INT(note_sign(&b, buf_bytes(&text), &key, &s), 0);
	CHECK_INT(checkpoint_open(buf_bytes(&b), &key, &n, &c), 0);
	CHECK_INT((intmax_t)c.size, 17);
	CHECK(sha256_equal(&c.root, &root));
	CHECK_INT(checkpoint_open(buf_bytes(&b), &elsewhere, &n, &c), ERR_KEY);
	CHECK_INT(checkpoint_open(buf_bytes(&b), &stranger, &n, &c),
	    ERR_NOT_FOUND);
	CHECK_INT(checkpoint_open(buf_bytes(&text), &key, &n, &c),
	    ERR_SYNTAX);
	CHECK_INT(checkpoint_open(bytes_str(TEXT "\n" LINE), &example, &n,
	    &c), ERR_SYNTAX);
	b.p[10] ^= 1;
	CHECK(checkpoint_open(buf_bytes(&b), &key, &n, &c) != 0);
	buf_free(&text);
	buf_free(&b);
}

TEST(cosignatures)
{
	static const char text[] = "acme/d-1\n5\n" ROOT "\n";
	struct signer s, other;
	struct note_key key, plain, stranger;
	int64_t time = 7;
	struct buf b, two;
	size_t i;

	begin();
	key = make("witness.example/w1", NOTE_COSIGNATURE, 3, &s);
	plain = make("witness.example/w1", NOTE_ED25519, 3, &s);
	stranger = make("witness.example/w2", NOTE_COSIGNATURE, 4, &other);
	/* The kind is in the id: the same key and name, another line. */
	CHECK(memcmp(key.id, plain.id, 4) != 0);
	buf_init(&b, 4096);
	buf_init(&two, 4096);
	CHECK_INT(cosignature_sign(&b, bytes_str(text), &key, &s, 0),
	    ERR_RANGE);
	CHECK_INT(cosignature_sign(&b, bytes_str(text), &key, &s,
	    1679315147), 0);
	CHECK_INT(cosignature_verify(bytes_str(text), buf_bytes(&b), &key,
	    &time), 0);
	CHECK_INT(time, 1679315147);
	CHECK_INT(cosignature_verify(bytes_str(text), buf_bytes(&b),
	    &stranger, &time), ERR_NOT_FOUND);
	CHECK_INT(cosignature_verify(bytes_str(text), buf_bytes(&b), &plain,
	    &time), ERR_NOT_FOUND);
	CHECK_INT(cosignature_verify(bytes_str("acme/d-1\n6\n" ROOT "\n"),
	    buf_bytes(&b), &key, &time), ERR_SIGNATURE);
	CHECK_INT(cosignature_verify(bytes_str(text), bytes_str("x\n"), &key,
	    &time), ERR_SYNTAX);
	/* Among others. */
	CHECK_INT(cosignature_sign(&two, bytes_str(text), &stranger, &other,
	    5), 0);
	buf_put_str(&two, OTHER);
	buf_put_bytes(&two, buf_bytes(&b));
	CHECK_INT(cosignature_verify(bytes_str(text), buf_bytes(&two), &key,
	    &time), 0);
	/* No bit of it can be another. */
	for (i = 0; i < 8 * b.n; i++) {
		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
		CHECK(cosignature_verify(bytes_str(text), buf_bytes(&b), &key,
		    &time) != 0);
		b.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	/* No time, more than 2^63-1 of it, or bytes behind. */
	for (i = 0; i < 3; i++) {
		uint8_t value[COSIGNATURE_SIZE + 1] = { 0 };

		if (i == 1)
			value[0] = 0x80;
		if (i == 2)
			value[7] = 1;
		buf_clear(&two);
		note_put_line(&two, &key, bytes_of(value,
		    COSIGNATURE_SIZE + (i == 2)));
		CHECK_INT(cosignature_verify(bytes_str(text),
		    buf_bytes(&two), &key, &time), ERR_SIGNATURE);
	}
	buf_free(&b);
	buf_free(&two);
}

TEST(without_memory)
{
	static const char text[] = "acme/d-1\n5\n" ROOT "\n";
	struct note_key key, witness;
	struct signer s;

	begin();
	key = make("acme/d-1", NOTE_ED25519, 1, &s);
	witness = make("witness.example/w1", NOTE_COSIGNATURE, 1, &s);
	OOM_LOOP {
		struct checkpoint c;
		struct note_key k;
		struct note n;
		struct buf b;
		int64_t time;
		int err;

		buf_init(&b, 4096);
		buf_put_str(&b, text);
		buf_put_str(&b, "\n");
		err = buf_error(&b);
		if (err == 0)
			err = note_sign(&b, bytes_str(text), &key, &s);
		if (err == 0)
			err = cosignature_sign(&b, bytes_str(text), &witness,
			    &s, 5);
		if (err == 0)
			err = checkpoint_open(buf_bytes(&b), &key, &n, &c);
		if (err == 0)
			err = cosignature_verify(n.text, n.signatures,
			    &witness, &time);
		if (err == 0)
			err = note_key_parse(bytes_str(VKEY), &k);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
}

TEST_MAIN()
