/*
 * bench_core.c - what deciding costs: approvals, and a queue of 10,000 cards.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make bench.
 *
 *	bench_core approvals		lines "NAME MICROSECONDS", one a round
 *	BENCH_DIR=FOLDER bench_core make	a journal with that queue
 *	BENCH_DIR=FOLDER bench_core replay	"heap_kb N", "fold_ms N"
 *	BENCH_DIR=FOLDER bench_core make_million
 *	BENCH_DIR=FOLDER bench_core open_million	"open_s N", "rss_kb N",
 *					"folded N", "record_bytes N", "cards N"
 *
 * make and replay are two processes: what the first has in memory would hide
 * what the second takes.
 */
#include "agent/gate/blobs.h"
#include "agent/gate/journal.h"
#include "platform/file.h"
#include "tests/harness/core_fixture.h"
#include "tests/harness/proofs.h"

#include <time.h>

#define ROUNDS 7
#define CARDS 190		/* of one proposer, of the 200 that may wait */
#define MANY 10000
#define VERIFIED 100		/* proofs a round */
#define MILLION 1000000
#define WAITING 100		/* cards of a device with a long journal */
#define EACH_SYNC 1000		/* records, where it is not measured */

static double
clock_us(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

#define CPU() clock_us(CLOCK_PROCESS_CPUTIME_ID)

/* ---- approvals ---- */

/* From an envelope to the record that is folded: microseconds each. */
static double
decide(void)
{
	struct fx_word *words[CARDS];
	struct fx f = { 0 };
	double begin, took;
	size_t i;

	fx_open(&f);
	for (i = 0; i < CARDS; i++)
		words[i] = fx_word(&f, &(struct fx_say){
		    .card = fx_usual(&f) });
	begin = CPU();
	for (i = 0; i < CARDS; i++) {
		fx_send(&f, words[i]);
		CHECK_INT(f.reply.answer, CORE_ACCEPTED);
	}
	took = (CPU() - begin) / CARDS;
	fx_close(&f);
	return took;
}

static struct bytes
unhex(struct fx *f, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = fx_keep(f, malloc(n));

	CHECK_INT(hex_decode(bytes_str(hex), p, n), 0);
	return bytes_of(p, n);
}

static double
verify(const struct person_key *key, struct bytes B, struct bytes field)
{
	const char *reason = "";
	double begin = CPU();
	int i, err;

	for (i = 0; i < VERIFIED; i++) {
		err = proof_verify(key, B, field, &reason);
		CHECK_MSG(err == 0, "%s", reason);
	}
	return (CPU() - begin) / VERIFIED;
}

static double
verify_ed25519(struct fx *f, struct bytes B)
{
	struct person_key key = { .kind = PROOF_ED25519,
	    .alg = PROOF_ALG_ED25519 };
	struct proof proof = { .wire = PROOF_WIRE_ED25519,
	    .sig = unhex(f, PROOFS_ED25519_SIG) };
	struct buf b;
	double took;

	memcpy(key.public, unhex(f, PROOFS_ED25519_PUBLIC).p, 32);
	buf_init(&b, PROOF_MAX);
	proof_write(&b, &proof);
	took = verify(&key, B, buf_bytes(&b));
	buf_free(&b);
	return took;
}

static double
verify_webauthn(struct fx *f, struct bytes B)
{
	struct person_key key = { .kind = PROOF_WEBAUTHN,
	    .alg = PROOF_ALG_ES256, .rp_id = bytes_str(PROOFS_RP_ID),
	    .origins = { bytes_str(PROOFS_ORIGIN) }, .n_origins = 1 };
	struct proof proof = { .wire = PROOF_WIRE_WEBAUTHN };
	struct buf b;
	double took;

	key.credential_id = unhex(f, PROOFS_CREDENTIAL);
	memcpy(key.public, unhex(f, PROOFS_P256_POINT).p, 65);
	proof.webauthn = (struct webauthn_assertion){ key.credential_id,
	    unhex(f, PROOFS_AUTH_DATA), unhex(f, PROOFS_CLIENT_DATA),
	    unhex(f, PROOFS_ES256_SIG) };
	buf_init(&b, PROOF_MAX);
	proof_write(&b, &proof);
	took = verify(&key, B, buf_bytes(&b));
	buf_free(&b);
	return took;
}

TEST(approvals)
{
	struct fx f = { 0 };
	struct bytes B = unhex(&f, PROOFS_B);
	int i;

	CHECK_INT(digest_init(), 0);
	for (i = 0; i < ROUNDS; i++) {
		printf("decide %.3f\n", decide());
		printf("ed25519 %.3f\n", verify_ed25519(&f, B));
		printf("webauthn %.3f\n", verify_webauthn(&f, B));
	}
	while (f.n_kept > 0)
		free(f.kept[--f.n_kept]);
	free(f.kept);
}

/* ---- a queue of 10,000 cards ---- */

static int
open_folder(void)
{
	const char *path = getenv("BENCH_DIR");
	int dir;

	CHECK(path != NULL);
	CHECK_INT(digest_init(), 0);
	CHECK_INT(file_make_dir(path, &dir), 0);
	return dir;
}

static int
fold_nothing(void *arg, uint64_t index, struct bytes payload)
{
	(void)arg;
	(void)index;
	(void)payload;
	return 0;
}

static void
keep_all(const struct fx *f, size_t n_blobs, int dir)
{
	struct journal_start start;
	struct journal *j;
	struct blobs *blobs;
	uint64_t index;
	size_t i;

	CHECK_INT(blobs_open(dir, &blobs), 0);
	for (i = 0; i < n_blobs; i++)
		CHECK_INT(blobs_put(blobs, &f->blobs[i].name,
		    bytes_of(f->blobs[i].p, f->blobs[i].n)), 0);
	CHECK_INT(blobs_sync(blobs), 0);
	blobs_close(blobs);
	CHECK_INT(journal_open(dir, 0, fold_nothing, NULL, &j, &start), 0);
	for (i = 0; i < f->n_records; i++)
		CHECK_INT(journal_append(j, bytes_of(f->records[i].p,
		    f->records[i].n), false, &index), 0);
	CHECK_INT(journal_sync(j), 0);
	journal_close(j);
}

TEST(make)
{
	struct fx f = { 0 };
	int dir = open_folder(), i;
	size_t trust;

	fx_open_with(&f, fx_text(&f, FX_POLICY,
	    "\"pending_per_proposer\":200",
	    "\"pending_per_proposer\":10000", NULL));
	trust = f.n_blobs;
	for (i = 0; i < MANY; i++)
		(void)fx_usual(&f);
	/* The trust files' blobs; a replay reads no card's. */
	keep_all(&f, trust, dir);
	file_close(&dir);
}

static int
load_blob(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	return blobs_read(arg, name, ret_b, NULL);
}

static int
replay_one(void *arg, uint64_t index, struct bytes payload)
{
	return core_replay(arg, index, payload);
}

static long
resident_kb(void)
{
	long pages = 0, all = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f != NULL && fscanf(f, "%ld %ld", &all, &pages) == 2);
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST(replay)
{
	int dir = open_folder();
	struct core_host host = { .load = load_blob };
	struct core_config cfg = { .host = &host };
	struct journal_start start;
	struct journal *j;
	struct blobs *blobs;
	struct core *c;
	double begin;
	long before;

	CHECK_INT(blobs_open(dir, &blobs), 0);
	cfg.arg = blobs;
	CHECK_INT(core_new(&cfg, &c), 0);
	before = resident_kb();
	begin = clock_us(CLOCK_MONOTONIC);
	CHECK_INT(journal_open(dir, 0, replay_one, c, &j, &start), 0);
	printf("fold_ms %.3f\n", (clock_us(CLOCK_MONOTONIC) - begin) / 1e3);
	printf("heap_kb %ld\n", resident_kb() - before);
	printf("cards %zu\n", queue_open_count(core_queue(c)));
	journal_close(j);
	core_free(c);
	blobs_close(blobs);
	file_close(&dir);
}

/* ---- a long journal, with a core's snapshot at each segment ---- */

struct host {
	struct journal *journal;
	struct blobs *blobs;
};

/* fx's own functions get fx: these find the disk by it. */
static struct host on_disk;

static int
disk_append(void *arg, struct bytes payload, bool must,
    const struct sha256 *name, struct bytes blob, uint64_t *ret_index)
{
	(void)arg;
	CHECK(name == NULL && blob.n == 0);
	return journal_append(on_disk.journal, payload, must, ret_index);
}

static bool
disk_wants_state(void *arg)
{
	(void)arg;
	return journal_wants_state(on_disk.journal);
}

static int
disk_begin_segment(void *arg, const struct sha256 *name,
    struct bytes snapshot)
{
	int err = blobs_put_state(on_disk.blobs, name, snapshot);

	(void)arg;
	if (err == 0)
		err = blobs_sync(on_disk.blobs);
	return err == 0 ? journal_rotate(on_disk.journal) : err;
}

static int
disk_load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	return blobs_read(on_disk.blobs, name, ret_b, NULL);
}

static int
disk_load_state(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	return blobs_read_state(on_disk.blobs, name, ret_b);
}

TEST(make_million)
{
	struct journal_start start;
	struct fx f = { 0 };
	struct sha256 hash = { { 0 } };
	uint64_t i;
	int dir = open_folder(), n;

	fx_open(&f);
	CHECK_INT(core_first_epoch(f.core, f.m), 0);
	for (n = 0; n < WAITING; n++)
		(void)fx_usual(&f);
	keep_all(&f, f.n_blobs, dir);
	CHECK_INT(blobs_open(dir, &on_disk.blobs), 0);
	CHECK_INT(journal_open(dir, NULL, fold_nothing, NULL,
	    &on_disk.journal, &start), 0);
	CHECK_INT(start.records, f.n_records);
	f.host.append = disk_append;
	f.host.wants_state = disk_wants_state;
	f.host.begin_segment = disk_begin_segment;
	for (i = start.records; journal_next(on_disk.journal) < MILLION; i++) {
		memcpy(hash.b, &i, sizeof(i));
		CHECK_INT(core_note_version(f.core, f.m, "countersign-runner",
		    &hash), 0);
		if (i % EACH_SYNC == 0)
			CHECK_INT(journal_sync(on_disk.journal), 0);
	}
	CHECK_INT(journal_sync(on_disk.journal), 0);
	journal_close(on_disk.journal);
	blobs_close(on_disk.blobs);
	file_close(&dir);
}

/* The most that this process ever had. */
static long
most_kb(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	(void)fclose(f);
	return kb;
}

TEST(open_million)
{
	struct core_host host = { .load = disk_load,
	    .load_state = disk_load_state };
	struct core_config cfg = { .host = &host };
	struct journal_start start;
	struct core *c;
	double begin;
	int dir = open_folder();

	begin = clock_us(CLOCK_MONOTONIC);
	CHECK_INT(blobs_open(dir, &on_disk.blobs), 0);
	CHECK_INT(core_new(&cfg, &c), 0);
	CHECK_INT(journal_open(dir, NULL, replay_one, c, &on_disk.journal,
	    &start), 0);
	CHECK_INT(core_replayed(c), 0);
	printf("open_s %.4f\n", (clock_us(CLOCK_MONOTONIC) - begin) / 1e6);
	printf("rss_kb %ld\n", most_kb());
	printf("records %llu\n", (unsigned long long)start.records);
	printf("folded %llu\n", (unsigned long long)(start.records -
	    start.folded));
	printf("record_bytes %llu\n", (unsigned long long)(
	    journal_bytes(on_disk.journal) / start.records));
	printf("cards %zu\n", queue_open_count(core_queue(c)));
	journal_close(on_disk.journal);
	core_free(c);
	blobs_close(on_disk.blobs);
	file_close(&dir);
}

TEST_MAIN()
