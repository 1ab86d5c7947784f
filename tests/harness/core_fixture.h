/*
 * core_fixture.h - a device in memory: the core, its journal and its owner.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The host keeps records and blobs in memory and can be out of room. Keys come
 * from fixed seeds, the trust files from kit.h, the time from the test. Each
 * restart and the end fold all records again into a fresh core, which must
 * then look like the one that made them.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_CORE_FIXTURE_H
#define COUNTERSIGN_TESTS_HARNESS_CORE_FIXTURE_H

#include "agent/gate/core_inside.h"
#include "common/approval.h"
#include "common/epoch.h"
#include "common/jsonw.h"
#include "common/pin.h"
#include "common/snapshot.h"
#include "tests/harness/kit.h"

#define FX __attribute__((unused)) static
#define FX_KEY 0xfd		/* seed of the device key */

/* Besides what KIT_POLICY has: a tool that needs a manager, one that is off. */
#define FX_POLICY							\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-03T00:00:00Z\","				\
	"\"expires\":\"2026-02-01T00:00:00Z\",\"mode\":\"execute\","	\
	"\"approval_ttl_s\":900,\"requester_may_approve\":true,"	\
	"\"console_may_stop\":[\"observe\"],\"repair_write\":["		\
	"{\"groups\":[\"web\"],\"roots\":[\"/srv/app\",\"/opt\"]}],"	\
	"\"limits\":{\"pending\":10000,\"pending_per_proposer\":200},"	\
	"\"tools\":{\"command\":{\"decision\":\"approval_needed\"},"	\
	"\"off\":{\"decision\":\"disabled\",\"shell\":\"sh\","		\
	"\"script\":\"id\"},"						\
	"\"dual\":{\"decision\":\"approval_needed\","			\
	"\"require_manager\":true,\"shell\":\"sh\","			\
	"\"script\":\"id\"},"						\
	"\"disk.free\":{\"decision\":\"auto\",\"shell\":\"sh\","	\
	"\"script\":\"df -hP -- \\\"$CS_ARG_PATH\\\"\","		\
	"\"args\":{\"path\":{\"type\":\"path\"}},\"rate_per_h\":60}}}"

/* Text edits: a later version of a file. */
#define FX_V(n) "\"org\":\"acme\",\"version\":1,", \
	"\"org\":\"acme\",\"version\":" n ","

struct fx_record {
	uint8_t *p;
	size_t n;
};

struct fx_blob {
	struct sha256 name;
	uint8_t *p;
	size_t n;
};

struct fx {
	struct core *core;
	struct core_host host;
	struct moment m;
	char boot_id[40];
	struct pin pin;

	struct fx_record *records;
	size_t n_records, records_size;
	size_t mark;			/* fx_news() begins here */
	char news[4096];
	struct record_doc *last;
	struct fx_blob *blobs;
	size_t n_blobs, blobs_size;

	size_t segment_every;		/* records; 0: one segment */
	size_t segment;			/* its first record */
	size_t n_epochs;		/* made; the key of number n is n */

	bool full;			/* ERR_NO_SPACE but for musts */
	int append_error;		/* of every append */
	const char *offers, *plans;	/* what host says; NULL: yes */
	size_t n_plans;
	unsigned randoms, ids;

	struct core_reply reply;
	struct sha256 *started;		/* every start ever, in order */
	size_t n_started, started_size;
	struct effect stopped[64];	/* stops since fx_mark() */
	size_t n_stopped;

	void **kept;			/* memory to free at the end */
	size_t n_kept, kept_size;
};

/* ---- memory ---- */

FX void *
fx_keep(struct fx *f, void *p)
{
	CHECK(p != NULL);
	if (f->n_kept == f->kept_size) {
		f->kept_size = f->kept_size == 0 ? 64 : 2 * f->kept_size;
		f->kept = realloc(f->kept, f->kept_size * sizeof(void *));
		CHECK(f->kept != NULL);
	}
	return f->kept[f->n_kept++] = p;
}

FX uint8_t *
fx_copy(const void *p, size_t n)
{
	uint8_t *q = malloc(n + 1);

	CHECK(q != NULL);
	if (n > 0)
		memcpy(q, p, n);
	q[n] = 0;
	return q;
}

/* ---- the host ---- */

FX void
fx_store_blob(struct fx *f, const struct sha256 *name, struct bytes blob)
{
	if (f->n_blobs == f->blobs_size) {
		f->blobs_size = f->blobs_size == 0 ? 64 : 2 * f->blobs_size;
		f->blobs = realloc(f->blobs,
		    f->blobs_size * sizeof(f->blobs[0]));
		CHECK(f->blobs != NULL);
	}
	f->blobs[f->n_blobs].name = *name;
	f->blobs[f->n_blobs].p = fx_copy(blob.p, blob.n);
	f->blobs[f->n_blobs++].n = blob.n;
}

FX void
fx_store(struct fx *f, struct bytes payload, const struct sha256 *name,
    struct bytes blob)
{
	if (name != NULL)
		fx_store_blob(f, name, blob);
	if (f->n_records == f->records_size) {
		f->records_size = f->records_size == 0 ? 256 :
		    2 * f->records_size;
		f->records = realloc(f->records,
		    f->records_size * sizeof(f->records[0]));
		CHECK(f->records != NULL);
	}
	f->records[f->n_records].p = fx_copy(payload.p, payload.n);
	f->records[f->n_records++].n = payload.n;
}

/* The host's own memory never lacks (test.h). */
FX int
fx_append(void *arg, struct bytes payload, bool must,
    const struct sha256 *name, struct bytes blob, uint64_t *ret_index)
{
	unsigned long left = test_oom_left;
	struct fx *f = arg;

	if (f->append_error != 0)
		return f->append_error;
	if (f->full && !must)
		return ERR_NO_SPACE;
	*ret_index = f->n_records;
	test_oom_left = 0;
	fx_store(f, payload, name, blob);
	test_oom_left = left;
	return 0;
}

/* The latest of that name: what was stored last is asked for first. */
FX int
fx_load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct fx *f = arg;
	size_t i;

	for (i = f->n_blobs; i-- > 0; )
		if (sha256_equal(&f->blobs[i].name, name)) {
			buf_put(ret_b, f->blobs[i].p, f->blobs[i].n);
			return buf_error(ret_b);
		}
	return ERR_NOT_FOUND;
}

FX int
fx_each(void *arg, core_fold_fn *fold, void *to)
{
	struct fx *f = arg;
	size_t i;
	int err = 0;

	for (i = 0; i < f->n_records && err == 0; i++)
		err = fold(to, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	return err;
}

FX bool
fx_wants_state(void *arg)
{
	struct fx *f = arg;

	return f->segment_every > 0 && f->n_records > f->segment &&
	    f->n_records % f->segment_every == 0;
}

FX int
fx_begin_segment(void *arg, const struct sha256 *name, struct bytes snapshot)
{
	unsigned long left = test_oom_left;
	struct fx *f = arg;

	if (f->full)
		return ERR_NO_SPACE;
	test_oom_left = 0;
	fx_store_blob(f, name, snapshot);
	test_oom_left = left;
	f->segment = f->n_records;
	return 0;
}

/* The seed of epoch n's key is n; the device's is FX_KEY. */
FX int
fx_next_epoch(void *arg, const struct core_epoch *ask, struct buf *ret_payload,
    uint8_t ret_key[RECORD_DEVICE_KEY], uint8_t ret_sig[64])
{
	struct epoch_fields e = { ask->org, ask->device, ask->epoch, NULL,
	    ask->issued };
	struct fx *f = arg;
	struct signer key, by;
	struct buf pae;
	int err;

	kit_signer((unsigned)(ask->epoch % 250) + 1, &key);
	kit_signer(ask->epoch == 1 ? FX_KEY :
	    (unsigned)((ask->epoch - 1) % 250) + 1, &by);
	e.key = key.public;
	epoch_write(ret_payload, &e);
	if ((err = buf_error(ret_payload)) != 0)
		return err;
	buf_init(&pae, KIT_MAX);
	envelope_pae(&pae, envelope_type_text(PAYLOAD_EPOCH),
	    buf_bytes(ret_payload));
	if ((err = buf_error(&pae)) == 0)
		CHECK_INT(signer_sign(&by, buf_bytes(&pae), ret_sig), 0);
	memcpy(ret_key, key.public, RECORD_DEVICE_KEY);
	f->n_epochs++;
	buf_free(&pae);
	return err;
}

FX int
fx_random(void *arg, void *ret_p, size_t n)
{
	struct fx *f = arg;
	struct sha256 d;
	unsigned k = ++f->randoms;

	digest_sha256(bytes_of((uint8_t *)&k, sizeof(k)), &d);
	CHECK(n <= sizeof(d));
	memcpy(ret_p, d.b, n);
	return 0;
}

FX const char *
fx_offers(void *arg, const struct card *card, const struct verdict *v,
    char ret_detail[REFUSAL_DETAIL_SIZE])
{
	struct fx *f = arg;

	(void)ret_detail;
	CHECK(card != NULL && v->why.reason == NULL);
	return f->offers;
}

FX const char *
fx_plan(void *arg, const struct card *card, const struct verdict *v,
    struct core_plan *ret_plan)
{
	struct fx *f = arg;

	CHECK(card != NULL && v->why.reason == NULL);
	f->n_plans++;
	if (f->plans != NULL)
		return f->plans;
	memset(&ret_plan->plan, 7, sizeof(ret_plan->plan));
	(void)snprintf(ret_plan->interpreter, sizeof(ret_plan->interpreter),
	    "/bin/sh");
	return NULL;
}

/* ---- looking ---- */

FX const struct queue_item *
fx_item(const struct fx *f, const struct sha256 *card)
{
	return queue_find(core_queue(f->core), card);
}

FX enum card_state
fx_state(const struct fx *f, const struct sha256 *card)
{
	const struct queue_item *i = fx_item(f, card);

	return i != NULL ? i->state : STATE_NONE;
}

#define CHECK_STATE(f, card, state)					\
	CHECK_STR(state_word(fx_state((f), &(card)->digest)), (state))

/* The record of that index; lives until the next call. */
FX const struct record *
fx_record(struct fx *f, size_t i)
{
	CHECK(i < f->n_records);
	CHECK_INT(record_read(bytes_of(f->records[i].p, f->records[i].n),
	    &f->last), 0);
	return record_of(f->last);
}

FX const struct record *
fx_last(struct fx *f)
{
	return fx_record(f, f->n_records - 1);
}

FX void
fx_mark(struct fx *f)
{
	f->mark = f->n_records;
	f->n_stopped = 0;
}

/*
 * The records since the last call (or fx_mark), as words: kind, and after a
 * colon its reason, '+' for enough, '*' for running, '!' for final.
 */
FX const char *
fx_news(struct fx *f)
{
	size_t n = 0;

	f->news[0] = '\0';
	for (; f->mark < f->n_records; f->mark++) {
		const struct record *r = fx_record(f, f->mark);

		CHECK(n + 200 < sizeof(f->news));
		n += (size_t)snprintf(f->news + n, sizeof(f->news) - n,
		    "%s%s%s%.*s%s%s%s", n > 0 ? " " : "",
		    record_kind_word(r->kind), r->reason.n > 0 ? ":" : "",
		    (int)r->reason.n, r->reason.n > 0 ?
		    (const char *)r->reason.p : "", r->enough ? "+" : "",
		    r->running ? "*" : "", r->final ? "!" : "");
	}
	return f->news;
}

#define CHECK_NEWS(f, want) CHECK_STR(fx_news(f), (want))

FX void
fx_dump_item(struct buf *b, const struct queue_item *i)
{
	char hex[65];
	size_t k;

	hex_encode(bytes_of(i->digest.b, SHA256_SIZE), hex);
	buf_printf(b, "%.16s %s %s at %lld-%lld in %lld/%llu live %lld-%lld",
	    hex, i->id, state_word(i->state), (long long)i->index,
	    (long long)i->last_index, (long long)i->received,
	    (unsigned long long)i->received_boot_ms, (long long)i->created,
	    (long long)i->expires);
	buf_printf(b, " by %s %s for %s %s %s %s %d boot %s", i->proposer,
	    i->key, i->requester, i->tool, i->profile, i->decision,
	    i->require_manager, i->boot_id);
	hex_encode(bytes_of(i->policy.b, SHA256_SIZE), hex);
	buf_printf(b, " policy %.16s", hex);
	hex_encode(bytes_of(i->device_nonce, CAP_DEVICE_NONCE), hex);
	buf_printf(b, " nonce %s enough %lld", hex,
	    (long long)i->enough_index);
	for (k = 0; k < i->n_approvals; k++) {
		const struct queue_approval *a = &i->approvals[k];

		hex_encode(bytes_of(a->digest.b, SHA256_SIZE), hex);
		buf_printf(b, " [%.16s %s %d %s %lld-%lld @%lld]", hex,
		    a->approver, a->role, a->key, (long long)a->issued,
		    (long long)a->expires, (long long)a->index);
	}
	buf_printf(b, " run %lld %lld %d %d %lld end %s %s %lld\n",
	    (long long)i->intent_index, (long long)i->intent_time,
	    i->started, i->stopping, (long long)i->result.exit_code,
	    i->reason, i->by, (long long)i->ended);
}

/* All that records make of a core, but cards whose time is over. */
FX void
fx_dump(const struct core *c, struct moment m, struct buf *b)
{
	const struct queue *q = core_queue(c);
	const struct queue_item *i;
	int64_t now = core_now(c, m);
	struct trust_held h;
	char hex[65];
	int file;
	size_t k;

	for (i = queue_first(q); i != NULL; i = queue_next(q, i))
		if (state_is_open(i->state) ||
		    i->expires + CAP_DIGEST_MEMORY >= now)
			fx_dump_item(b, i);
	buf_printf(b, "lock %d %s %s %s org %s device %s\n",
	    core_lock(c)->on, core_lock(c)->reason, core_lock(c)->by,
	    core_lock(c)->source, core_org(c), core_device(c));
	for (file = 0; c->trust != NULL && file < TRUST_FILES; file++) {
		if (!trust_held(c->trust, (enum trust_file)file, &h))
			continue;
		hex_encode(bytes_of(h.digest.b, SHA256_SIZE), hex);
		buf_printf(b, "file %d %.16s %lld least %lld\n", file, hex,
		    (long long)h.head.version, (long long)trust_least(
		    c->trust, (enum trust_file)file));
	}
	for (k = 0; k < c->s.n_roots; k++)
		buf_printf(b, "root %llu\n",
		    (unsigned long long)c->s.roots[k].index);
	for (k = 0; k < STANDING_PROGRAMS; k++)
		buf_printf(b, "program %s\n", c->s.programs[k].name);
	buf_printf(b, "last %lld ran %lld epoch %lld\n",
	    (long long)c->s.last_record, (long long)c->s.running_ms,
	    (long long)c->s.epoch);
	CHECK_INT(buf_error(b), 0);
}

/* What a refusal must leave as it was: open cards, lock, files. */
FX void
fx_dump_open(const struct fx *f, struct buf *b)
{
	const struct queue *q = core_queue(f->core);
	const struct queue_item *i;
	struct trust_held h;
	int file;

	for (i = queue_first_open(q); i != NULL; i = queue_next_open(q, i))
		fx_dump_item(b, i);
	buf_printf(b, "lock %d %s\n", core_lock(f->core)->on,
	    core_lock(f->core)->source);
	for (file = 0; f->core->trust != NULL && file < TRUST_FILES; file++)
		if (trust_held(f->core->trust, (enum trust_file)file, &h))
			buf_put(b, h.digest.b, SHA256_SIZE);
	CHECK_INT(buf_error(b), 0);
}

/* ---- start, replay, end ---- */

FX struct core *
fx_core_from(struct fx *f, size_t first)
{
	struct core_config cfg = { .host = &f->host, .arg = f };
	struct core *c;
	size_t i;
	int err;

	memcpy(cfg.boot_id, f->boot_id, sizeof(cfg.boot_id));
	CHECK_INT(core_new(&cfg, &c), 0);
	for (i = first; i < f->n_records; i++) {
		err = core_replay(c, i, bytes_of(f->records[i].p,
		    f->records[i].n));
		CHECK_MSG(err == 0, "%s: %s", core_error(c), err_word(err));
	}
	CHECK_INT(core_replayed(c), 0);
	return c;
}

FX struct core *
fx_new_core(struct fx *f)
{
	return fx_core_from(f, 0);
}

FX void
fx_snapshot(const struct core *c, struct moment m, struct buf *b)
{
	buf_init(b, SNAPSHOT_CAP);
	snapshot_encode(b, &c->s, c->trust, c->queue, core_now(c, m));
	CHECK_INT(buf_error(b), 0);
}

/*
 * However the records are folded, as they come, all at once or from the last
 * segment on, the snapshot has the same bytes; and so has the one of a
 * snapshot that was read.
 */
FX void
fx_check_snapshot(struct fx *f, const struct core *fresh)
{
	struct core *late = fx_core_from(f, f->segment);
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf a, b;

	fx_snapshot(f->core, f->m, &a);
	fx_snapshot(fresh, f->m, &b);
	CHECK_MEM(b.p, b.n, a.p, a.n);
	buf_free(&b);
	fx_snapshot(late, f->m, &b);
	CHECK_MEM(b.p, b.n, a.p, a.n);
	buf_free(&b);
	CHECK_INT(snapshot_decode(buf_bytes(&a), fx_load, f, &s, &t, &q), 0);
	buf_init(&b, SNAPSHOT_CAP);
	snapshot_encode(&b, &s, t, q, core_now(f->core, f->m));
	CHECK_MEM(b.p, b.n, a.p, a.n);
	buf_free(&a);
	buf_free(&b);
	standing_fini(&s);
	trust_free(t);
	queue_free(q);
	core_free(late);
}

/* The same records make the same state. */
FX void
fx_check_replay(struct fx *f)
{
	struct core *fresh = fx_new_core(f);
	struct effect e;
	struct buf a, b;

	buf_init(&a, KIT_MAX);
	buf_init(&b, KIT_MAX);
	fx_dump(f->core, f->m, &a);
	fx_dump(fresh, f->m, &b);
	buf_put_u8(&a, 0);
	buf_put_u8(&b, 0);
	if (a.n != b.n || memcmp(a.p, b.p, a.n) != 0) {
		fprintf(stderr, "live:\n%s\nreplayed:\n%s\n",
		    (char *)a.p, (char *)b.p);
		CHECK_MSG(false, "a replay makes another state");
	}
	CHECK(!core_next_effect(fresh, &e));
	buf_free(&a);
	buf_free(&b);
	fx_check_snapshot(f, fresh);
	core_free(fresh);
}

/* Frees all of it. */
FX void
fx_drop(struct fx *f)
{
	size_t i;

	core_free(f->core);
	for (i = 0; i < f->n_records; i++)
		free(f->records[i].p);
	for (i = 0; i < f->n_blobs; i++)
		free(f->blobs[i].p);
	for (i = 0; i < f->n_kept; i++)
		free(f->kept[i]);
	free(f->records);
	free(f->blobs);
	free(f->kept);
	free(f->started);
	record_free(f->last);
}

FX void
fx_close(struct fx *f)
{
	fx_check_replay(f);
	fx_drop(f);
}

/* ---- trust files ---- */

/* The text with changes (from, to, from, to, ..., NULL). */
FX const char *
fx_text(struct fx *f, const char *base, ...)
{
	char *out = fx_keep(f, fx_copy(base, strlen(base))), *next;
	const char *from, *to, *at;
	va_list ap;
	size_t n;

	va_start(ap, base);
	while ((from = va_arg(ap, const char *)) != NULL) {
		to = va_arg(ap, const char *);
		at = strstr(out, from);
		CHECK_MSG(at != NULL, "no %s", from);
		n = strlen(out) + strlen(to) + 1;
		next = fx_keep(f, malloc(n));
		(void)snprintf(next, n, "%.*s%s%s", (int)(at - out), out, to,
		    at + strlen(from));
		out = next;
	}
	va_end(ap);
	return out;
}

/* A file signed by those whom KIT_ROOT names. */
FX const struct envelope *
fx_sign(struct fx *f, enum trust_file file, const char *text)
{
	static const unsigned seeds[TRUST_FILES][4] = {
		{ 0x01, 0x02, 0 }, { 0x11, 0x12, 0 }, { 0x21, 0 },
		{ 0x31, 0 }, { 0x41, 0 }
	};
	struct kit_envelope *k = fx_keep(f, malloc(sizeof(*k)));
	struct buf b;

	buf_init(&b, KIT_MAX);
	kit_expand(&b, text);
	kit_sign(k, trust_file_type(file), buf_bytes(&b), seeds[file]);
	(void)fx_keep(f, b.p);
	return &k->e;
}

FX const struct core_reply *
fx_trust(struct fx *f, enum trust_file file, const char *text)
{
	CHECK_INT(core_trust(f->core, f->m, fx_sign(f, file, text),
	    &f->reply), 0);
	return &f->reply;
}

/* A timestamp of what the device holds. */
FX const char *
fx_stamp(struct fx *f, int version, int64_t issued, int64_t life)
{
	struct trust_held h;
	struct jsonw w;
	struct buf b;
	int i;

	buf_init(&b, KIT_MAX);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "org", "acme");
	jsonw_int(&w, "version", version);
	jsonw_time(&w, "issued", issued);
	jsonw_time(&w, "expires", issued + life);
	jsonw_obj(&w, "files");
	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++) {
		CHECK(trust_held(core_trust_files(f->core),
		    (enum trust_file)i, &h));
		jsonw_obj(&w, trust_file_word((enum trust_file)i));
		jsonw_int(&w, "version", h.head.version);
		jsonw_digest(&w, "digest", &h.digest);
		jsonw_obj_end(&w);
	}
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	buf_put_u8(&b, 0);
	CHECK_INT(buf_error(&b), 0);
	return fx_keep(f, b.p);
}

/* A device that was only enrolled. */
FX void
fx_enrol(struct fx *f)
{
	struct core_genesis g = { .org = "acme", .device = KIT_DEVICE,
	    .pin_from = "argument" };
	static const struct sha256 machine = { { 2 } };
	struct signer key;
	struct buf pin;

	kit_signer(FX_KEY, &key);

	memset(f, 0, sizeof(*f));
	f->host = (struct core_host){ .append = fx_append, .load = fx_load,
	    .load_state = fx_load, .wants_state = fx_wants_state,
	    .begin_segment = fx_begin_segment, .next_epoch = fx_next_epoch,
	    .each = fx_each, .random = fx_random, .offers = fx_offers,
	    .plan = fx_plan };
	f->m.clock = kit_time(KIT_NOW);
	f->m.boot_ms = 1000000;
	(void)snprintf(f->boot_id, sizeof(f->boot_id), "boot-1");
	f->core = fx_new_core(f);
	f->pin = (struct pin){ .org = "acme",
	    .min_version = { 1, 1, 1, 1, 1 } };
	digest_pae(envelope_type_text(PAYLOAD_ROOT),
	    fx_sign(f, TRUST_ROOT, KIT_ROOT)->payload, &f->pin.root);
	buf_init(&pin, 1024);
	pin_write(&pin, &f->pin);
	buf_put_u8(&pin, 0);
	g.pin = fx_keep(f, pin.p);
	g.key = key.public;
	g.machine = &machine;
	CHECK_INT(core_begin(f->core, f->m, &g), 0);
}

/* One with all its files, that policy among them. */
FX void
fx_open_with(struct fx *f, const char *policy)
{
	fx_enrol(f);
	CHECK_INT(fx_trust(f, TRUST_ROOT, KIT_ROOT)->answer, CORE_ACCEPTED);
	CHECK_INT(fx_trust(f, TRUST_PEOPLE, KIT_PEOPLE)->answer,
	    CORE_ACCEPTED);
	fx_trust(f, TRUST_POLICY, policy);
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
	CHECK_INT(fx_trust(f, TRUST_DEVICE, KIT_ENTRY)->answer,
	    CORE_ACCEPTED);
	CHECK_INT(fx_trust(f, TRUST_TIMESTAMP, fx_stamp(f, 1,
	    f->m.clock - 60, 72 * 3600))->answer, CORE_ACCEPTED);
	CHECK(core_blocked(f->core, f->m) == NULL);
	CHECK_INT(core_turn(f->core, f->m), 0);
	fx_mark(f);
}

FX void
fx_open(struct fx *f)
{
	fx_open_with(f, FX_POLICY);
}

/* ---- time and turns ---- */

FX void
fx_pass(struct fx *f, int64_t seconds)
{
	f->m.clock += seconds;
	f->m.boot_ms += (uint64_t)seconds * 1000;
}

/* A start: once in its life for every card. */
FX void
fx_note_start(struct fx *f, const struct sha256 *card)
{
	size_t i;

	for (i = 0; i < f->n_started; i++)
		CHECK(!sha256_equal(&f->started[i], card));
	if (f->n_started == f->started_size) {
		f->started_size = f->started_size == 0 ? 64 :
		    2 * f->started_size;
		f->started = realloc(f->started,
		    f->started_size * sizeof(f->started[0]));
		CHECK(f->started != NULL);
	}
	f->started[f->n_started++] = *card;
}

FX void
fx_turn(struct fx *f)
{
	struct effect e;

	CHECK_INT(core_turn(f->core, f->m), 0);
	while (core_next_effect(f->core, &e)) {
		if (e.kind == EFFECT_START) {
			fx_note_start(f, &e.card);
			continue;
		}
		CHECK(f->n_stopped < KIT_COUNT(f->stopped));
		f->stopped[f->n_stopped++] = e;
	}
}

/* Ends a run. */
FX void
fx_end(struct fx *f, const struct sha256 *card, const char *outcome,
    int64_t exit_code)
{
	struct record rec;

	record_init(&rec, RECORD_EXEC_RESULT);
	record_set_digest(&rec, RF_CARD, card);
	record_set_str(&rec, RF_OUTCOME, outcome);
	if (exit_code >= 0)
		record_set_int(&rec, RF_EXIT_CODE, exit_code);
	record_set_int(&rec, RF_WALL_MS, 10);
	record_set_int(&rec, RF_CPU_MS, 10);
	record_set_int(&rec, RF_MAX_RSS_KB, 10);
	record_set_int(&rec, RF_STDOUT_BYTES, 1);
	record_set_int(&rec, RF_STDERR_BYTES, 1);
	record_set_int(&rec, RF_STDOUT_KEPT, 1);
	record_set_int(&rec, RF_STDERR_KEPT, 1);
	record_set_bool(&rec, RF_TRUNCATED, false);
	record_set_int(&rec, RF_TRANSCRIPT_BYTES, 34);
	record_set_digest(&rec, RF_TRANSCRIPT_HASH, card);
	record_set_int(&rec, RF_SURVIVORS, 0);
	record_set_str(&rec, RF_ENFORCED, "profile=observe");
	CHECK_INT(core_ended(f->core, f->m, &rec), 0);
}

/* The agent stops without a word and starts again. */
FX void
fx_restart(struct fx *f, const char *boot_id, bool tail_cut)
{
	fx_check_replay(f);
	core_free(f->core);
	if (strcmp(f->boot_id, boot_id) != 0)
		f->m.boot_ms = 5000;
	(void)snprintf(f->boot_id, sizeof(f->boot_id), "%s", boot_id);
	f->core = fx_new_core(f);
	CHECK_INT(core_recover(f->core, f->m, tail_cut), 0);
}

#include "tests/harness/core_cards.h"

#endif
