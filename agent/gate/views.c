/*
 * views.c - what the gate shows: its state and its cards as JSON.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/views.h"

#include "common/approval.h"
#include "common/jsonw.h"
#include "common/plain.h"
#include "common/version.h"

#include <string.h>

/* ---- status ---- */

static const char *const link_words[] = {
	[WIRE_GATE_STARTING] = "starting",
	[WIRE_GATE_DOWN] = "down",
	[WIRE_GATE_UP] = "up",
	[WIRE_GATE_PROVING] = "proving",
	[WIRE_GATE_SYNCED] = "connected",
};

static void
put_lock(const struct gate *g, struct jsonw *w)
{
	const struct standing_lock *l = core_lock(g->core);

	if (!l->on) {
		jsonw_null(w, "lockdown");
		return;
	}
	jsonw_obj(w, "lockdown");
	jsonw_cstr(w, "reason", l->reason);
	jsonw_cstr(w, "by", l->by);
	jsonw_cstr(w, "source", l->source);
	jsonw_obj_end(w);
}

static void
put_link(const struct gate *g, struct jsonw *w)
{
	jsonw_obj(w, "link");
	if (g->uplink == NULL) {
		jsonw_cstr(w, "state", "not_enrolled");
		jsonw_cstr(w, "detail", "");
	} else {
		jsonw_cstr(w, "state", link_words[uplink_state(g->uplink)]);
		jsonw_cstr(w, "detail", uplink_detail(g->uplink));
	}
	jsonw_obj_end(w);
}

static void
put_trust(const struct gate *g, struct moment m, struct jsonw *w)
{
	const struct trust *t = core_trust_files(g->core);
	int64_t now = core_now(g->core, m);
	struct trust_held h;
	int f;

	jsonw_obj(w, "trust");
	for (f = 0; f < TRUST_FILES && t != NULL; f++) {
		if (!trust_held(t, (enum trust_file)f, &h)) {
			jsonw_null(w, trust_file_word((enum trust_file)f));
			continue;
		}
		jsonw_obj(w, trust_file_word((enum trust_file)f));
		jsonw_int(w, "version", h.head.version);
		jsonw_digest(w, "digest", &h.digest);
		jsonw_time(w, "issued", h.head.issued);
		jsonw_time(w, "expires", h.head.expires);
		jsonw_bool(w, "ok", now < h.head.expires);
		jsonw_obj_end(w);
	}
	jsonw_obj_end(w);
}

static void
put_auto(const struct gate *g, struct moment m, struct jsonw *w)
{
	const struct trust *t = core_trust_files(g->core);
	struct trust_status st = { NULL, NULL };
	const char *blocked = core_blocked(g->core, m);

	if (t != NULL)
		trust_status(t, core_now(g->core, m), &st);
	if (blocked != NULL)
		jsonw_cstr(w, "blocked", blocked);
	else
		jsonw_null(w, "blocked");
	if (st.auto_stopped != NULL)
		jsonw_cstr(w, "auto_stopped", st.auto_stopped);
	else
		jsonw_null(w, "auto_stopped");
}

static void
put_queue(const struct gate *g, struct jsonw *w)
{
	const struct queue *q = core_queue(g->core);
	const struct journal *j = g->journal;	/* NULL: unread evidence */
	const char *waits;

	jsonw_obj(w, "queue");
	jsonw_int(w, "pending", (int64_t)queue_count(q, STATE_PENDING));
	jsonw_int(w, "approved", (int64_t)queue_count(q, STATE_APPROVED));
	jsonw_int(w, "running", (int64_t)queue_count(q, STATE_RUNNING));
	if ((waits = core_first_waits_for(g->core, gate_moment())) != NULL)
		jsonw_cstr(w, "waits", waits);
	jsonw_obj_end(w);
	jsonw_obj(w, "journal");
	jsonw_int(w, "records", j != NULL ? (int64_t)journal_next(j) : 0);
	jsonw_int(w, "bytes", j != NULL ? (int64_t)journal_bytes(j) : 0);
	jsonw_int(w, "epoch", core_standing(g->core)->epoch);
	if (j != NULL && checkpoints_cosigned(g->checkpoints) > 0)
		jsonw_int(w, "cosigned",
		    (int64_t)checkpoints_cosigned(g->checkpoints));
	else
		jsonw_null(w, "cosigned");
	checkpoints_put_status(g->checkpoints, w);
	jsonw_obj_end(w);
}

static void
put_programs(struct gate *g, struct jsonw *w)
{
	struct sha256 hash;

	jsonw_obj(w, "programs");
	/* The files that run, also after others took their names. */
	if (g->own_file.fd >= 0 && interpreter_hash(&g->planner.cache,
	    &g->own_file, hash.b) == 0)
		jsonw_digest(w, "countersignd", &hash);
	if (interpreter_hash(&g->planner.cache, &g->runner_file,
	    hash.b) == 0)
		jsonw_digest(w, "countersign-runner", &hash);
	if (interpreter_hash(&g->planner.cache, &g->courier_file,
	    hash.b) == 0)
		jsonw_digest(w, "countersign-courier", &hash);
	jsonw_obj_end(w);
}

/* Each profile, with what holds in it or why it is not offered. */
static void
put_sandbox(struct gate *g, struct jsonw *w)
{
	const struct sandbox_offer *o = executor_offer(g->executor);
	const struct {
		const char *name;
		bool offered;
	} profiles[] = {
		{ "observe", o->observe }, { "repair", o->repair },
		{ "full", o->full },
	};
	size_t i;

	jsonw_arr(w, "sandbox");
	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "profile", profiles[i].name);
		jsonw_bool(w, "offered", profiles[i].offered);
		jsonw_cstr(w, profiles[i].offered ? "enforces" : "why",
		    o->why[i]);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
	jsonw_cstr(w, "pens", executor_pens(g->executor));
}

/* What this process has given up: in words, those that hold. */
static void
put_guard(const struct guard *d, struct jsonw *w)
{
	jsonw_obj(w, "gate");
	jsonw_bool(w, "starter", d->starter);
	jsonw_bool(w, "capabilities", d->capabilities);
	jsonw_bool(w, "no_new_code", d->no_new_code);
	jsonw_bool(w, "no_new_privs", d->no_new_privs);
	jsonw_bool(w, "seccomp", d->seccomp);
	jsonw_int(w, "landlock", d->landlock);
	jsonw_obj_end(w);
}

int
view_status(struct gate *g, struct buf *b)
{
	const struct sandbox_offer *o = executor_offer(g->executor);
	struct moment m = gate_moment();
	const struct trust *t = core_trust_files(g->core);
	const struct policy *p = t != NULL ? trust_policy(t) : NULL;
	const struct device_entry *d = t != NULL ? trust_device(t) : NULL;
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "version", COUNTERSIGN_VERSION);
	jsonw_cstr(&w, "device", core_device(g->core));
	jsonw_cstr(&w, "org", core_org(g->core));
	if (d != NULL)
		jsonw_str(&w, "name", d->name);
	if (p != NULL)
		jsonw_cstr(&w, "mode", doc_word_of(policy_modes,
		    (int)p->mode));
	else
		jsonw_null(&w, "mode");
	put_lock(g, &w);
	put_auto(g, m, &w);
	put_link(g, &w);
	put_trust(g, m, &w);
	put_queue(g, &w);
	jsonw_arr(&w, "profiles");
	if (o->observe)
		jsonw_cstr(&w, NULL, "observe");
	if (o->repair)
		jsonw_cstr(&w, NULL, "repair");
	if (o->full)
		jsonw_cstr(&w, NULL, "full");
	jsonw_arr_end(&w);
	jsonw_cstr(&w, "enforces", o->text);
	put_sandbox(g, &w);
	jsonw_bool(&w, "split", uplink_is_split());
	put_guard(&g->guard, &w);
	put_programs(g, &w);
	jsonw_obj_end(&w);
	return 0;
}

/* ---- cards ---- */

static void
put_result(const struct queue_item *i, struct jsonw *w)
{
	const struct queue_result *r = &i->result;

	jsonw_obj(w, "result");
	if (r->exit_code >= 0)
		jsonw_int(w, "exit_code", r->exit_code);
	if (r->signal > 0)
		jsonw_int(w, "signal", r->signal);
	jsonw_int(w, "wall_ms", r->wall_ms);
	jsonw_int(w, "stdout_bytes", r->stdout_bytes);
	jsonw_int(w, "stderr_bytes", r->stderr_bytes);
	jsonw_bool(w, "truncated", r->truncated);
	jsonw_obj_end(w);
}

static void
put_approvals(const struct queue_item *i, struct jsonw *w)
{
	size_t k;

	jsonw_arr(w, "approvals");
	for (k = 0; k < i->n_approvals; k++) {
		const struct queue_approval *a = &i->approvals[k];

		jsonw_obj(w, NULL);
		jsonw_cstr(w, "approver", a->approver);
		jsonw_cstr(w, "role", doc_word_of(approval_roles, a->role));
		jsonw_digest(w, "approval", &a->digest);
		jsonw_time(w, "issued", a->issued);
		jsonw_time(w, "expires", a->expires);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

/* What the queue knows, without a look at the card's bytes. */
static void
put_item(const struct queue_item *i, struct jsonw *w)
{
	jsonw_digest(w, "card", &i->digest);
	jsonw_cstr(w, "id", i->id);
	jsonw_cstr(w, "state", state_word(i->state));
	jsonw_cstr(w, "proposer", i->proposer);
	jsonw_cstr(w, "requester", i->requester);
	jsonw_cstr(w, "tool", i->tool);
	jsonw_cstr(w, "profile", i->profile);
	jsonw_cstr(w, "decision", i->decision);
	jsonw_bool(w, "require_manager", i->require_manager);
	jsonw_time(w, "received", i->received);
	jsonw_time(w, "created", i->created);
	jsonw_time(w, "expires", i->expires);
	jsonw_cstr(w, "reason", i->reason);
	jsonw_cstr(w, "by", i->by);
	put_approvals(i, w);
	if (state_has_run(i->state) && state_is_end(i->state) &&
	    i->state != STATE_INTERRUPTED)
		put_result(i, w);
}

/* How the device's owner calls it: from the signed entry only. */
static void
put_device(const struct gate *g, struct jsonw *w)
{
	const struct trust *t = core_trust_files(g->core);
	const struct device_entry *d = t != NULL ? trust_device(t) : NULL;
	size_t i;

	if (d == NULL)
		return;
	jsonw_str(w, "device_name", d->name);
	jsonw_arr(w, "groups");
	for (i = 0; i < d->groups.n; i++)
		jsonw_str(w, NULL, d->groups.p[i]);
	jsonw_arr_end(w);
}

/* What the card itself says. */
static void
put_text(const struct card *card, const struct verdict *v, struct jsonw *w)
{
	jsonw_str(w, "description", card->description);
	if (card->is_command) {
		jsonw_cstr(w, "shell", doc_word_of(action_shells,
		    (int)card->action.shell));
		jsonw_str(w, "command", card->action.text);
	}
	/* A tool that the policy does not list would do nothing. */
	if (card->is_command)
		plain_write(w, &card->action);
	else if (v->tool != NULL)
		plain_write(w, &v->action);
	if (v->why.reason != NULL)
		jsonw_cstr(w, "refused_now", v->why.reason);
	jsonw_cstr(w, "rule", v->rule);
}

static int
put_card(struct gate *g, const struct queue_item *i, struct jsonw *w)
{
	struct card *card = NULL;
	struct verdict v;
	struct buf missing;
	const char *waits;
	int err;

	jsonw_obj(w, NULL);
	put_item(i, w);
	buf_init(&missing, 4096);
	err = core_examine(g->core, gate_moment(), &i->digest, &card, &v,
	    &missing);
	if (err == 0) {
		put_text(card, &v, w);
		jsonw_str(w, "missing", buf_bytes(&missing));
		waits = core_waits_for(g->core, gate_moment(), i, card);
		if (waits != NULL)
			jsonw_cstr(w, "waits", waits);
		card_free(card);
	}
	buf_free(&missing);
	jsonw_obj_end(w);
	/* A refused card has no bytes here, and files may be missing. */
	return err == ERR_NOMEM ? err : 0;
}

int
view_cards(struct gate *g, bool all, struct buf *b)
{
	const struct queue *q = core_queue(g->core);
	const struct queue_item *i;
	struct jsonw w;
	int err = 0;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "cards");
	for (i = all ? queue_first(q) : queue_first_open(q);
	    i != NULL && err == 0;
	    i = all ? queue_next(q, i) : queue_next_open(q, i))
		err = put_card(g, i, &w);
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
	return err;
}

/* ---- the pending file: all that an approver's own program checks ---- */

static void
put_envelope(struct jsonw *w, const char *key, const struct envelope *e)
{
	struct buf b;

	buf_init(&b, 2 * CAP_TRUST);
	envelope_write(&b, e);
	if (buf_error(&b) == 0)
		jsonw_raw(w, key, buf_bytes(&b));
	else if (w->out->err == 0)
		w->out->err = buf_error(&b);
	buf_free(&b);
}

/* Writes the envelope of a card or root again from its blob. */
static int
retell(struct gate *g, struct jsonw *w, const char *key,
    enum payload_type type, const struct sha256 *name,
    const struct record_sig *sigs, size_t n_sigs)
{
	struct envelope e = { .type = envelope_type_text(type) };
	struct buf blob;
	size_t i;
	int err;

	buf_init(&blob, CAP_TRUST);
	err = blobs_read(g->blobs, name, &blob, NULL);
	if (err == 0) {
		e.payload = buf_bytes(&blob);
		for (i = 0; i < n_sigs && i < ENVELOPE_MAX_SIGS; i++) {
			e.sigs[i].keyid = sigs[i].keyid;
			e.sigs[i].sig = sigs[i].sig;
		}
		e.n_sigs = i;
		put_envelope(w, key, &e);
	}
	buf_free(&blob);
	return err;
}

/* A card's, whose signatures stand in its record. */
static int
retell_card(struct gate *g, struct jsonw *w, const char *key, uint64_t index)
{
	const struct record *rec;
	struct record_doc *doc;
	struct journal_cursor at;
	struct buf payload;
	struct entry e;
	int r;

	memset(&at, 0, sizeof(at));
	journal_seek(&at, index);
	buf_init(&payload, ENTRY_MAX);
	r = journal_read(g->journal, &at, &payload, &e);
	if (r > 0 && (r = record_parse(e.payload, &doc)) == 0) {
		rec = record_of(doc);
		r = retell(g, w, key, PAYLOAD_CARD, &rec->card, rec->sigs,
		    rec->n_sigs);
		record_free(doc);
	} else if (r == 0) {
		r = ERR_NOT_FOUND;
	}
	buf_free(&payload);
	return r;
}

static int
put_files(struct gate *g, struct jsonw *w)
{
	static const struct {
		enum trust_file file;
		const char *key;
	} files[] = {
		{ TRUST_PEOPLE, "people" },
		{ TRUST_POLICY, "policy_file" },
		{ TRUST_DEVICE, "device_entry" },
	};
	const struct trust *t = core_trust_files(g->core);
	const struct standing *s = core_standing(g->core);
	struct trust_held h;
	size_t i;
	int err = 0;

	jsonw_arr(w, "root");
	for (i = 0; i < s->n_roots && err == 0; i++)
		err = retell(g, w, NULL, PAYLOAD_ROOT, &s->roots[i].digest,
		    s->roots[i].sigs, s->roots[i].n_sigs);
	jsonw_arr_end(w);
	for (i = 0; i < sizeof(files) / sizeof(files[0]) && err == 0; i++) {
		if (!trust_held(t, files[i].file, &h))
			return ERR_STATE;
		put_envelope(w, files[i].key, &h.envelope);
	}
	return err;
}

static int
put_pending(struct gate *g, const struct queue_item *item, struct jsonw *w)
{
	const struct trust *t = core_trust_files(g->core);
	struct trust_held policy;
	int err;

	if (t == NULL || !trust_held(t, TRUST_POLICY, &policy))
		return ERR_STATE;
	if ((err = retell_card(g, w, "card", item->index)) != 0)
		return err;
	jsonw_b64url(w, "device_nonce", bytes_of(item->device_nonce,
	    sizeof(item->device_nonce)));
	jsonw_digest(w, "policy", &policy.digest);
	if ((err = put_files(g, w)) != 0)
		return err;
	jsonw_cstr(w, "state", state_word(item->state));
	put_approvals(item, w);
	return 0;
}

int
view_pending_file(struct gate *g, const struct queue_item *item,
    struct buf *b)
{
	struct jsonw w;
	int err;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "kind", "countersign-pending");
	err = put_pending(g, item, &w);
	jsonw_obj_end(&w);
	return err;
}

int
view_card_whole(struct gate *g, const struct queue_item *item, struct buf *b)
{
	struct jsonw w;
	size_t before;
	int err;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_arr(&w, "cards");
	err = put_card(g, item, &w);
	jsonw_arr_end(&w);
	put_device(g, &w);
	/* Its own envelope, so that `show` can print the exact bytes. */
	before = b->n;
	if (err == 0 && item->state != STATE_REFUSED &&
	    retell_card(g, &w, "envelope", item->index) != 0)
		b->n = before;
	jsonw_obj_end(&w);
	return err;
}

int
view_reply(const struct core_reply *r, struct buf *b)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "answer", r->answer == CORE_KNOWN ? "known" :
	    "accepted");
	if (r->has_card)
		jsonw_digest(&w, "card", &r->card);
	jsonw_obj_end(&w);
	return 0;
}
