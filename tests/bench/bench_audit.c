/*
 * bench_audit.c - verifying a journal, beside the SHA-256 that it cannot avoid.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make bench.
 *
 * Lines "NAME VALUE", one a round: sha256_mb (this build's SHA-256 over large
 * blocks), verify_mb (payload bytes of records without a signature: frame,
 * grammar, fold, tree and checkpoint), card_us (a card's whole life with one
 * approval: two signatures) and signature_us (one Ed25519 verification).
 * median_bytes is that of the records of verify_mb. All in one thread.
 */
#include "common/audit.h"
#include "common/checkpoint.h"
#include "common/epoch.h"
#include "tests/harness/audit_fixture.h"

#include <time.h>

#define ROUNDS 7
#define PLAIN 100000
#define LIVES 400
#define BLOCK ((size_t)1 << 20)
#define BLOCKS 64

static double
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- a journal in memory ---- */

struct memory {
	struct bytes data;
	size_t offset;
	bool done;
};

static int
one_segment(void *arg, uint64_t *ret_first)
{
	struct memory *m = arg;

	*ret_first = 0;
	return m->done ? 0 : (m->done = true);
}

static int
read_on(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct memory *m = arg;

	if (n > m->data.n - m->offset)
		n = m->data.n - m->offset;
	if (n > 0)
		memcpy(ret_p, m->data.p + m->offset, n);
	m->offset += n;
	*ret_n = n;
	return 0;
}

static struct buf
frames(const struct fx *f)
{
	struct buf b;
	size_t i;

	buf_init(&b, (size_t)1 << 30);
	for (i = 0; i < f->n_records; i++)
		entry_write(&b, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	CHECK_INT(buf_error(&b), 0);
	return b;
}

/* A checkpoint over all records, with the two signatures of the device. */
static struct buf
checkpoint_of(struct fx *f)
{
	struct merkle_frontier t = { .size = 0 };
	struct sha256 leaf, root;
	char name[EPOCH_NAME_SIZE];
	struct note_key key;
	struct buf text, b;
	struct signer s;
	size_t i;

	for (i = 0; i < f->n_records; i++) {
		merkle_leaf(bytes_of(f->records[i].p, f->records[i].n),
		    &leaf);
		merkle_frontier_add(&t, &leaf);
	}
	merkle_frontier_root(&t, &root);
	buf_init(&text, 4096);
	buf_init(&b, 4096);
	checkpoint_put(&text, bytes_str("acme/" KIT_DEVICE), t.size, &root);
	buf_put_bytes(&b, buf_bytes(&text));
	buf_put_str(&b, "\n");
	kit_signer(FX_KEY, &s);
	CHECK_INT(note_key_init(bytes_str("acme/" KIT_DEVICE), NOTE_ED25519,
	    s.public, &key), 0);
	CHECK_INT(note_sign(&b, buf_bytes(&text), &key, &s), 0);
	kit_signer((unsigned)(f->n_epochs % 250) + 1, &s);
	epoch_name("acme", KIT_DEVICE, (int64_t)f->n_epochs, name);
	CHECK_INT(note_key_init(bytes_str(name), NOTE_ED25519, s.public,
	    &key), 0);
	CHECK_INT(note_sign(&b, buf_bytes(&text), &key, &s), 0);
	buf_free(&text);
	return b;
}

/* Microseconds for all of it. */
static double
verify(struct fx *f, struct bytes data, struct bytes note)
{
	struct audit_source source = { f, load_blob };
	struct memory m = { data, 0, false };
	struct journal_source from = { &m, one_segment, read_on };
	struct journal_reader *r;
	struct audit *a;
	double begin = cpu_us(), took;

	CHECK_INT(audit_new(&source, &a), 0);
	CHECK_INT(audit_add_note(a, AUDIT_NOTE_OWN, note, NULL), 0);
	CHECK_INT(journal_reader_new(&from, &r), 0);
	CHECK_MSG(audit_journal(a, r) == 0 && audit_finish(a) == 0, "%s: %s",
	    audit_word(audit_finding(a)->wrong), audit_finding(a)->text);
	took = cpu_us() - begin;
	CHECK_INT((intmax_t)audit_agreed(a), (intmax_t)f->n_records);
	audit_counts(a, &counts);
	journal_reader_free(r);
	audit_free(a);
	return took;
}

/* ---- what there is in it ---- */

static void
open_device(struct fx *f)
{
	fx_open(f);
	CHECK_INT(core_first_epoch(f->core, f->m), 0);
}

/* Such as a device that somebody knocks at writes: no signature in them. */
static void
append_plain(struct fx *f, unsigned i)
{
	static const char detail[] = "the tool is not in the policy that is"
	    " installed, and the file that came with it is older than the one"
	    " that was signed last; nothing was taken, and nothing will be";
	struct sha256 hash = { { 0 } };
	struct record rec;

	memcpy(hash.b, &i, sizeof(i));
	switch (i % 4) {
	case 0:
		record_init(&rec, RECORD_VERSION);
		record_set_str(&rec, RF_PROGRAM, "countersign-runner");
		record_set_str(&rec, RF_RELEASE, "0.1.0");
		record_set_digest(&rec, RF_HASH, &hash);
		break;
	case 1:
		record_init(&rec, RECORD_TRUST_REFUSED);
		record_set_str(&rec, RF_FILE, "policy");
		record_set_int(&rec, RF_VERSION, 3);
		record_set_digest(&rec, RF_DIGEST, &hash);
		record_set_str(&rec, RF_REASON, "rolled_back");
		record_set_str(&rec, RF_DETAIL, detail);
		break;
	default:
		record_init(&rec, RECORD_CANCEL_REFUSED);
		record_set_digest(&rec, RF_CARD, &hash);
		record_set_digest(&rec, RF_APPROVAL, &hash);
		record_set_str(&rec, RF_BY, "ada");
		record_set_str(&rec, RF_REASON, "unknown_card");
		record_set_str(&rec, RF_DETAIL, detail);
		break;
	}
	append(f, &rec);
}

static int
by_size(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static size_t
median_size(const struct fx *f)
{
	size_t *n = malloc(f->n_records * sizeof(*n)), i, median;

	CHECK(n != NULL);
	for (i = 0; i < f->n_records; i++)
		n[i] = f->records[i].n;
	qsort(n, f->n_records, sizeof(*n), by_size);
	median = n[f->n_records / 2];
	free(n);
	return median;
}

static double
hash_blocks(void)
{
	static uint8_t block[BLOCK];
	double begin = cpu_us();
	struct sha256 h;
	int i;

	for (i = 0; i < BLOCKS; i++) {
		digest_sha256(bytes_of(block, sizeof(block)), &h);
		memcpy(block, h.b, sizeof(h.b));
	}
	return (double)BLOCKS * BLOCK / (cpu_us() - begin);
}

static double
verify_signature(void)
{
	static const char text[500];
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	struct signer s;
	double begin;
	int i;

	kit_signer(1, &s);
	CHECK_INT(signer_sign(&s, bytes_of(text, sizeof(text)), sig), 0);
	begin = cpu_us();
	for (i = 0; i < 200; i++)
		CHECK_INT(ed25519_verify(s.public, bytes_of(text,
		    sizeof(text)), bytes_of(sig, sizeof(sig))), 0);
	return (cpu_us() - begin) / 200;
}

TEST(plain)
{
	struct buf data, note;
	struct fx f;
	unsigned i;
	double took;

	open_device(&f);
	for (i = 0; i < PLAIN; i++)
		append_plain(&f, i);
	data = frames(&f);
	note = checkpoint_of(&f);
	printf("median_bytes %zu\n", median_size(&f));
	for (i = 0; i < ROUNDS; i++) {
		printf("sha256_mb %.3f\n", hash_blocks());
		took = verify(&f, buf_bytes(&data), buf_bytes(&note));
		printf("verify_mb %.3f\n", (double)counts.bytes / took);
	}
	buf_free(&data);
	buf_free(&note);
	fx_drop(&f);
}

TEST(lives)
{
	struct buf data, note;
	struct fx f;
	int i;

	open_device(&f);
	for (i = 0; i < LIVES; i++) {
		struct fx_card *c = fx_run(&f, &(struct fx_ask){ 0 });

		fx_end(&f, &c->digest, "finished", 0);
		fx_pass(&f, 1);
	}
	data = frames(&f);
	note = checkpoint_of(&f);
	for (i = 0; i < ROUNDS; i++) {
		printf("signature_us %.3f\n", verify_signature());
		printf("card_us %.3f\n", verify(&f, buf_bytes(&data),
		    buf_bytes(&note)) / LIVES);
		CHECK_INT((intmax_t)counts.runs, LIVES);
	}
	buf_free(&data);
	buf_free(&note);
	fx_drop(&f);
}

TEST_MAIN()
