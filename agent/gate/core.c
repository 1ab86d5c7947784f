/*
 * core.c - the gate's state: folding records, emitting them, looking.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/core_inside.h"

#include "common/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
core_new(const struct core_config *cfg, struct core **ret_c)
{
	struct core *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return ERR_NOMEM;
	c->cfg = *cfg;
	/* What ended before the start may have others waiting for it. */
	c->after_failed = true;
	if ((err = queue_new(&c->queue)) != 0) {
		free(c);
		return err;
	}
	*ret_c = c;
	return 0;
}

void
core_free(struct core *c)
{
	if (c == NULL)
		return;
	trust_free(c->trust);
	queue_free(c->queue);
	standing_fini(&c->s);
	free(c->effects);
	free(c->after);
	free(c);
}

const char *
core_error(const struct core *c)
{
	return c->error;
}

int
core_reply(struct core_reply *ret_r, enum core_answer answer,
    const char *reason, const char *detail)
{
	ret_r->answer = answer;
	snprintf(ret_r->reason, sizeof(ret_r->reason), "%s",
	    reason != NULL ? reason : "");
	snprintf(ret_r->detail, sizeof(ret_r->detail), "%s",
	    detail != NULL ? detail : "");
	return 0;
}

struct bytes
core_reason(struct bytes reason)
{
	return reason.n <= 4 * CAP_REASON &&
	    text_check(reason, TEXT_PLAIN, NULL) == 0 ? reason :
	    bytes_str("unreadable");
}

/* ---- effects ---- */

int
core_effect(struct core *c, enum effect_kind kind, const struct sha256 *card,
    const char *reason)
{
	struct effect *e;
	size_t size;

	if (c->replaying)
		return 0;
	if (c->effects_first > 0 && c->effects_n == 0)
		c->effects_first = 0;
	if (c->effects_first + c->effects_n == c->effects_size) {
		size = c->effects_size == 0 ? 8 : 2 * c->effects_size;
		e = realloc(c->effects, size * sizeof(*e));
		if (e == NULL)
			return ERR_NOMEM;
		c->effects = e;
		c->effects_size = size;
	}
	e = &c->effects[c->effects_first + c->effects_n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->card = *card;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	return 0;
}

bool
core_next_effect(struct core *c, struct effect *ret_e)
{
	if (c->effects_n == 0)
		return false;
	*ret_e = c->effects[c->effects_first++];
	c->effects_n--;
	return true;
}

static int
stop_all(struct core *c, const char *reason)
{
	const struct queue_item *i;
	int err = 0;

	for (i = queue_first_open(c->queue); i != NULL && err == 0;
	    i = queue_next_open(c->queue, i))
		if (i->state == STATE_RUNNING)
			err = core_effect(c, EFFECT_STOP, &i->digest, reason);
	return err;
}

/* ---- folding ---- */

int
core_corrupt(struct core *c, uint64_t index, const char *what)
{
	snprintf(c->error, sizeof(c->error), "record %llu: %s",
	    (unsigned long long)index, what);
	return ERR_CORRUPT;
}

static int
fold_trust(struct core *c, uint64_t index, const struct record *rec)
{
	struct envelope e = { 0 };
	struct refusal why;
	struct buf payload;
	enum trust_file file = (enum trust_file)0;
	size_t i;
	int err;

	while (file < TRUST_FILES &&
	    !bytes_is(rec->file, trust_file_word(file)))
		file++;
	if (c->trust == NULL || file == TRUST_FILES)
		return core_corrupt(c, index, "a trust file out of place");
	buf_init(&payload, CAP_TRUST);
	err = c->cfg.host->load(c->cfg.arg, &rec->digest, &payload);
	/* A disk that cannot be read just now is no tampering. */
	if (err != 0 && err != ERR_NOT_FOUND && err != ERR_CORRUPT) {
		buf_free(&payload);
		return err;
	}
	if (err == 0) {
		e.type = envelope_type_text(trust_file_type(file));
		e.payload = buf_bytes(&payload);
		for (i = 0; i < rec->n_sigs && i < ENVELOPE_MAX_SIGS; i++) {
			e.sigs[i].keyid = rec->sigs[i].keyid;
			e.sigs[i].sig = rec->sigs[i].sig;
		}
		e.n_sigs = i;
		err = trust_install(c->trust, &e, &why);
		/* A file that is held is a file that is held. */
		if (err == ERR_EXISTS)
			err = 0;
	}
	buf_free(&payload);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return core_corrupt(c, index, "its trust file does not verify");
	c->policy_changed = true;
	return 0;
}

static int
fold_effects(struct core *c, const struct record *rec)
{
	switch ((int)rec->kind) {
	case RECORD_EXEC_INTENT:
		return core_effect(c, EFFECT_START, &rec->card, "");
	case RECORD_VETOED:
		return rec->running ?
		    core_effect(c, EFFECT_STOP, &rec->card, "veto") : 0;
	case RECORD_CANCELLED:
		return rec->running ?
		    core_effect(c, EFFECT_STOP, &rec->card, "cancel") : 0;
	case RECORD_LOCKDOWN:
		return stop_all(c, "lockdown");
	default:
		return 0;
	}
}

static void
note_landmark(struct core *c, uint64_t index, const struct record *rec)
{
	const struct queue_item *item;

	if (rec->kind == RECORD_STATE)
		c->landmark_segment = index + 1;
	if (rec->kind == RECORD_EPOCH)
		c->landmark = index + 1;
	if (!rec->has[RF_CARD] || c->replaying)
		return;
	item = queue_find(c->queue, &rec->card);
	if (item == NULL || item->last_index != index ||
	    !state_is_end(item->state))
		return;
	c->landmark = index + 1;
	if (item->state != STATE_FINISHED || item->result.exit_code != 0)
		c->after_failed = true;
}

static int
fold(struct core *c, uint64_t index, const struct record *rec)
{
	int err;

	err = standing_fold(&c->s, index, rec, c->trust != NULL ?
	    trust_clock_floor(c->trust) : 0);
	if (err != 0)
		return err == ERR_CORRUPT ?
		    core_corrupt(c, index, c->s.error) : err;
	if ((err = queue_fold(c->queue, index, rec)) != 0)
		return err == ERR_CORRUPT ?
		    core_corrupt(c, index, queue_error(c->queue)) : err;
	switch ((int)rec->kind) {
	case RECORD_GENESIS:
		err = trust_new(&c->s.pin, rec->device, &c->trust);
		break;
	case RECORD_STATE:
		if (!core_has_files(c, rec))
			err = core_corrupt(c, index,
			    "other trust files than the records'");
		break;
	case RECORD_TRUST:
		err = fold_trust(c, index, rec);
		break;
	case RECORD_LOCKDOWN:
	case RECORD_LOCKDOWN_LIFTED:
		/* It was sealed until it could be recorded. */
		if (strcmp(c->seal.source, "tamper") != 0)
			memset(&c->seal, 0, sizeof(c->seal));
		break;
	case RECORD_CLOCK:
		c->taken_back = c->replaying;
		break;
	default:
		break;
	}
	if (err != 0)
		return err;
	note_landmark(c, index, rec);
	return fold_effects(c, rec);
}

int
core_replay(struct core *c, uint64_t index, struct bytes payload)
{
	struct record_doc *doc;
	int err;

	if ((err = record_parse(payload, &doc)) != 0)
		return err == ERR_NOMEM ? err :
		    core_corrupt(c, index, "it does not read as a record");
	c->replaying = true;
	if (c->s.next == 0 && index > 0)
		err = core_load_state(c, index, record_of(doc));
	if (err == 0)
		err = fold(c, index, record_of(doc));
	c->replaying = false;
	record_free(doc);
	/* Memory holds what counts, not what there was. */
	if (err == 0)
		queue_forget(c->queue, c->s.last_record);
	return err;
}

int
core_replayed(struct core *c)
{
	return c->taken_back ? core_rebuild_queue(c) : 0;
}

/* ---- emitting ---- */

int
core_emit(struct core *c, struct moment m, struct record *rec, bool must,
    const struct sha256 *name, struct bytes blob)
{
	struct buf b;
	uint64_t index;
	int err;

	record_set_time(rec, core_now(c, m), m.boot_ms);
	buf_init(&b, CAP_RECORD);
	record_write(&b, rec);
	if ((err = buf_error(&b)) == 0)
		err = core_segment(c, m);
	if (err == 0)
		err = c->cfg.host->append(c->cfg.arg, buf_bytes(&b), must,
		    name, blob, &index);
	if (err == 0)
		err = fold(c, index, rec);
	buf_free(&b);
	return err;
}

int
core_emit_must(struct core *c, struct moment m, struct record *rec)
{
	return core_emit(c, m, rec, true, NULL, bytes_of(NULL, 0));
}

/* ---- a card with its verdict ---- */

void
core_query(const struct core *c, const struct card *card,
    struct bytes proposer, struct policy_query *ret_q)
{
	const struct device_entry *d = trust_device(c->trust);
	const struct people *p = trust_people(c->trust);

	memset(ret_q, 0, sizeof(*ret_q));
	ret_q->card = card;
	ret_q->proposer = proposer;
	ret_q->groups = d != NULL ? &d->groups : NULL;
	ret_q->people_version = p != NULL ? p->head.version : 0;
}

int
dossier_open(const struct core *c, struct moment m,
    const struct queue_item *item, struct dossier *ret_d)
{
	struct trust_held held;
	struct policy_query q;
	struct refusal why;
	struct buf payload;
	int err;

	memset(ret_d, 0, sizeof(*ret_d));
	if (!trust_held(c->trust, TRUST_POLICY, &held) ||
	    trust_people(c->trust) == NULL || trust_device(c->trust) == NULL)
		return ERR_STATE;
	buf_init(&payload, CAP_CARD);
	err = c->cfg.host->load(c->cfg.arg, &item->digest, &payload);
	/* What cannot be read just now is not damaged. */
	if (err == 0) {
		err = card_parse(buf_bytes(&payload), &ret_d->card, &why);
		if (err != 0 && err != ERR_NOMEM)
			err = ERR_CORRUPT;
	} else if (err == ERR_NOT_FOUND) {
		err = ERR_CORRUPT;
	}
	buf_free(&payload);
	if (err != 0)
		return err;
	if (!sha256_equal(&ret_d->card->digest, &item->digest)) {
		dossier_close(ret_d);
		return ERR_CORRUPT;
	}
	core_query(c, ret_d->card, bytes_str(item->proposer), &q);
	policy_decide(trust_policy(c->trust), &q, &ret_d->verdict);
	ret_d->rules.verdict = &ret_d->verdict;
	ret_d->rules.people = trust_people(c->trust);
	ret_d->rules.card = ret_d->card;
	ret_d->rules.proposer = bytes_str(item->proposer);
	ret_d->rules.policy = held.digest;
	memcpy(ret_d->rules.device_nonce, item->device_nonce,
	    sizeof(ret_d->rules.device_nonce));
	ret_d->rules.now = core_now(c, m);
	return 0;
}

void
dossier_close(struct dossier *d)
{
	card_free(d->card);
	memset(d, 0, sizeof(*d));
}

int
core_examine(const struct core *c, struct moment m,
    const struct sha256 *digest, struct card **ret_card,
    struct verdict *ret_v, struct buf *ret_missing)
{
	const struct queue_item *item = queue_find(c->queue, digest);
	struct rules_missing missing;
	struct dossier d;
	int err;

	if (item == NULL)
		return ERR_NOT_FOUND;
	if (c->trust == NULL)
		return ERR_STATE;
	if ((err = dossier_open(c, m, item, &d)) != 0) {
		dossier_close(&d);
		return err;
	}
	if (state_is_open(item->state) &&
	    !consent_is_enough(c, &d, item, NULL, &missing))
		rules_missing_text(&d.rules, &missing, ret_missing);
	*ret_card = d.card;
	*ret_v = d.verdict;
	return 0;
}

/* ---- after the replay ---- */

static int
interrupt(struct core *c, struct moment m, const struct sha256 *card)
{
	struct record rec;

	record_init(&rec, RECORD_EXEC_INTERRUPTED);
	record_set_digest(&rec, RF_CARD, card);
	record_set_str(&rec, RF_REASON, "agent_stopped");
	return core_emit_must(c, m, &rec);
}

static int
renew(struct core *c, struct moment m, const struct queue_item *item,
    const char *reason)
{
	uint8_t nonce[CAP_DEVICE_NONCE];
	struct record rec;
	int err;

	if (strcmp(item->decision, "auto") == 0) {
		record_init(&rec, RECORD_CANCELLED);
		record_set_digest(&rec, RF_CARD, &item->digest);
		record_set_str(&rec, RF_BY, "device");
		record_set_str(&rec, RF_REASON, "restarted");
		return core_emit_must(c, m, &rec);
	}
	if ((err = c->cfg.host->random(c->cfg.arg, nonce,
	    sizeof(nonce))) != 0)
		return err;
	record_init(&rec, RECORD_NONCE);
	record_set_digest(&rec, RF_CARD, &item->digest);
	record_set_bytes(&rec, RF_DEVICE_NONCE,
	    bytes_of(nonce, sizeof(nonce)));
	record_set_str(&rec, RF_BOOT_ID, c->cfg.boot_id);
	record_set_str(&rec, RF_REASON, reason);
	return core_emit_must(c, m, &rec);
}

int
core_recover(struct core *c, struct moment m, bool tail_cut)
{
	const struct queue_item *item, *next;
	int err = 0;

	for (item = queue_first_open(c->queue); item != NULL && err == 0;
	    item = next) {
		next = queue_next_open(c->queue, item);
		if (item->state == STATE_RUNNING)
			err = interrupt(c, m, &item->digest);
		else if (tail_cut)
			err = renew(c, m, item, "recovered");
		else if (strcmp(item->boot_id, c->cfg.boot_id) != 0)
			err = renew(c, m, item, "restarted");
	}
	return err;
}

/* ---- the device itself ---- */

int
core_begin(struct core *c, struct moment m, const struct core_genesis *g)
{
	struct record rec;

	record_init(&rec, RECORD_GENESIS);
	record_set_str(&rec, RF_ORG, g->org);
	record_set_str(&rec, RF_DEVICE, g->device);
	record_set_bytes(&rec, RF_DEVICE_KEY,
	    bytes_of(g->key, RECORD_DEVICE_KEY));
	record_set_digest(&rec, RF_MACHINE, g->machine);
	record_set_str(&rec, RF_PIN, g->pin);
	record_set_str(&rec, RF_PIN_FROM, g->pin_from);
	if (g->previous_device != NULL)
		record_set_str(&rec, RF_PREVIOUS_DEVICE, g->previous_device);
	if (g->previous_checkpoint.n > 0)
		record_set_bytes(&rec, RF_PREVIOUS_CHECKPOINT,
		    g->previous_checkpoint);
	return core_emit_must(c, m, &rec);
}

int
core_note_recovered(struct core *c, struct moment m, uint64_t bytes,
    const struct sha256 *hash)
{
	struct record rec;

	record_init(&rec, RECORD_RECOVERED);
	record_set_int(&rec, RF_BYTES, (int64_t)bytes);
	record_set_digest(&rec, RF_HASH, hash);
	return core_emit_must(c, m, &rec);
}

int
core_note_version(struct core *c, struct moment m, const char *program,
    const struct sha256 *hash)
{
	const struct standing_program *p;
	struct record rec;

	for (p = c->s.programs; p < c->s.programs + STANDING_PROGRAMS; p++)
		if (strcmp(p->name, program) == 0 &&
		    sha256_equal(&p->hash, hash))
			return 0;
	record_init(&rec, RECORD_VERSION);
	record_set_str(&rec, RF_PROGRAM, program);
	record_set_str(&rec, RF_RELEASE, COUNTERSIGN_VERSION);
	record_set_digest(&rec, RF_HASH, hash);
	return core_emit_must(c, m, &rec);
}

void
core_hold(struct core *c)
{
	c->hold = true;
}

static bool
is_tampered(const struct core *c)
{
	return standing_is_tampered(&c->s) ||
	    (c->seal.on && strcmp(c->seal.source, "tamper") == 0);
}

void
core_seal(struct core *c, const char *source, const char *by,
    const char *reason)
{
	if (is_tampered(c))
		return;
	c->seal.on = true;
	snprintf(c->seal.source, sizeof(c->seal.source), "%s", source);
	snprintf(c->seal.by, sizeof(c->seal.by), "%s", by);
	snprintf(c->seal.reason, sizeof(c->seal.reason), "%s", reason);
}

/* ---- what happens to the whole device ---- */

int
core_lockdown(struct core *c, struct moment m, bool on, const char *source,
    const char *by, struct bytes reason)
{
	struct record rec;

	if (!on && is_tampered(c))
		return 0;
	record_init(&rec, on ? RECORD_LOCKDOWN : RECORD_LOCKDOWN_LIFTED);
	record_set_bytes(&rec, RF_REASON, core_reason(reason));
	record_set_str(&rec, RF_BY, by);
	if (on)
		record_set_str(&rec, RF_SOURCE, source);
	return core_emit_must(c, m, &rec);
}

int
core_link_refused(struct core *c, struct moment m, struct bytes reason,
    uint32_t length, const struct sha256 *hash)
{
	struct record rec;
	int err;

	if (!limiter_take(&c->limiter, m.boot_ms))
		return 0;
	record_init(&rec, RECORD_LINK_REFUSED);
	/* The courier's word: it is not trusted to be a word. */
	record_set_bytes(&rec, RF_REASON,
	    text_check(reason, TEXT_NAME, NULL) == 0 ? reason :
	    bytes_str("unreadable"));
	record_set_int(&rec, RF_LENGTH, length);
	record_set_digest(&rec, RF_HASH, hash);
	err = core_emit(c, m, &rec, false, NULL, bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}

int
core_violation(struct core *c, struct moment m, const char *role,
    const char *reason)
{
	struct record rec;
	int err;

	if (!limiter_take(&c->limiter, m.boot_ms))
		return 0;
	record_init(&rec, RECORD_CHILD_VIOLATION);
	record_set_str(&rec, RF_ROLE, role);
	record_set_str(&rec, RF_REASON, reason);
	err = core_emit(c, m, &rec, false, NULL, bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}

int
core_started(struct core *c, struct moment m, const struct sha256 *card,
    uint32_t pid, const char *enforced)
{
	struct record rec;

	record_init(&rec, RECORD_EXEC_STARTED);
	record_set_digest(&rec, RF_CARD, card);
	record_set_int(&rec, RF_PID, pid);
	record_set_str(&rec, RF_ENFORCED, enforced);
	return core_emit_must(c, m, &rec);
}

int
core_ended(struct core *c, struct moment m, struct record *rec)
{
	return core_emit_must(c, m, rec);
}

/* ---- looking ---- */

static int64_t
clock_floor(const struct core *c)
{
	int64_t floor = c->cfg.release_date, other;

	if (c->s.last_record > floor)
		floor = c->s.last_record;
	other = c->trust != NULL ? trust_clock_floor(c->trust) : 0;
	return other > floor ? other : floor;
}

int64_t
core_now(const struct core *c, struct moment m)
{
	int64_t floor = clock_floor(c);

	return m.clock > floor ? m.clock : floor;
}

bool
core_clock_is_wrong(const struct core *c, struct moment m)
{
	return m.clock < clock_floor(c) - CORE_CLOCK_SLACK_S;
}

const char *
core_blocked(const struct core *c, struct moment m)
{
	struct trust_status st;

	if (core_lock(c)->on)
		return "lockdown";
	if (c->trust == NULL)
		return "not_enrolled";
	if (core_clock_is_wrong(c, m))
		return "clock";
	trust_status(c->trust, core_now(c, m), &st);
	return st.blocked;
}

const struct queue *
core_queue(const struct core *c)
{
	return c->queue;
}

const struct trust *
core_trust_files(const struct core *c)
{
	return c->trust;
}

const struct standing *
core_standing(const struct core *c)
{
	return &c->s;
}

uint64_t
core_landmark(const struct core *c)
{
	return c->landmark;
}

uint64_t
core_landmark_segment(const struct core *c)
{
	return c->landmark_segment;
}

const struct standing_lock *
core_lock(const struct core *c)
{
	/* No other lock hides one for tampering. */
	return c->seal.on && !standing_is_tampered(&c->s) ? &c->seal :
	    &c->s.lock;
}

const char *
core_org(const struct core *c)
{
	return c->s.org;
}

const char *
core_device(const struct core *c)
{
	return c->s.device;
}
