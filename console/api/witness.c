/*
 * witness.c - the console as a witness over HTTP (C2SP tlog-witness).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * Nobody needs a token here: the specification has none, and the signature on
 * the checkpoint says who asks. What it costs is bounded.
 */
#include "console/api/http.h"

#include "console/store/cosigned.h"
#include "console/witness/submit.h"

#include <string.h>

/* Requests that are answered a second, and at once after a pause. */
#define PER_SECOND 250u
#define AT_ONCE 1000u

void
api_witness(struct request *r)
{
	const struct note_key *key = &r->c->self.key;
	char vkey[NOTE_VKEY_SIZE];
	struct jsonw w;
	struct buf b;

	note_key_text(key, vkey);
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "name", key->name);
	jsonw_b64(&w, "key", bytes_of(key->public, sizeof(key->public)));
	jsonw_cstr(&w, "vkey", vkey);
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
}

void
api_witness_checkpoint(struct request *r)
{
	struct sha256 hash;
	struct buf b;
	int err;

	buf_init(&b, HTTP_REPLY_MAX);
	err = hex_decode(r->param[0], hash.b, sizeof(hash.b)) != 0 ?
	    ERR_NOT_FOUND : store_log_note_by_hash(r->c->store, &hash, &b);
	if (err == 0) {
		http_reply(r, 200, "text/plain; charset=utf-8", &b);
		return;
	}
	buf_free(&b);
	if (err == ERR_NOT_FOUND)
		http_problem(r, 404, "unknown_log", "no checkpoint of this "
		    "log was cosigned here", "the path has the SHA-256 of the "
		    "log's origin in lower-case hex");
	else
		http_error(r, err);
}

/* ---- add-checkpoint ---- */

/* A bucket that fills with time: whoever finds it empty comes again. */
static bool
may_ask(struct console *c)
{
	uint64_t now = uv_now(c->loop);
	uint64_t fresh = (now - c->asked_at) * PER_SECOND / 1000;

	if (fresh > 0) {
		c->asked_at = now;
		c->asked_left = fresh > AT_ONCE - c->asked_left ? AT_ONCE :
		    c->asked_left + (unsigned)fresh;
	}
	if (c->asked_left == 0)
		return false;
	c->asked_left--;
	return true;
}

static void
refuse(struct request *r, enum witness_status status)
{
	switch (status) {
	case WITNESS_FORBIDDEN:
		http_problem(r, 403, "no_signature", "the log has not signed "
		    "this checkpoint", "sign it with the key that is known "
		    "here for its origin");
		break;
	case WITNESS_UNKNOWN:
		http_problem(r, 404, "unknown_log", "no log of this origin is "
		    "known here", "enrol the device, or name the log in "
		    "\"witness_logs\" of the configuration");
		break;
	case WITNESS_INCONSISTENT:
		http_problem(r, 422, "inconsistent", "the proof does not lead "
		    "from what was cosigned to this checkpoint", "ask with "
		    "`old 0` for the size that was cosigned last");
		break;
	case WITNESS_OK:
	case WITNESS_MALFORMED:
	case WITNESS_CONFLICT:
	default:
		http_problem(r, 400, "malformed", "this is no add-checkpoint "
		    "request", "see c2sp.org/tlog-witness: old size, proof, "
		    "an empty line, the checkpoint");
		break;
	}
}

/* It is on the disk now: say it, and tell who else has to know. */
static void
reply(struct request *r, struct answer *a, const struct ledger_effects *e)
{
	if (a->status == WITNESS_OK) {
		r->c->counters.cosigned++;
		submit_news(r->c->submit);
	} else {
		r->c->counters.cosigning_refused++;
	}
	if (e->alarm)
		watch_wake(&r->c->watch, &watch_fleet);
	if (a->device[0] != '\0')
		links_poke(&r->c->links, a->device, LINK_NEWS_ALARM);
	if (a->status == WITNESS_OK) {
		http_reply(r, 200, "text/plain; charset=utf-8", &a->body);
	} else if (a->status == WITNESS_CONFLICT) {
		http_reply(r, 409, WITNESS_SIZE_TYPE, &a->body);
	} else {
		buf_free(&a->body);
		refuse(r, a->status);
	}
}

void
api_add_checkpoint(struct request *r)
{
	struct ledger_effects e;
	struct answer a;
	int err;

	if (!may_ask(r->c)) {
		http_problem(r, 429, "too_many", "too many logs ask at this "
		    "time", "come again in a second");
		return;
	}
	memset(&e, 0, sizeof(e));
	if ((err = turn_begin(&r->c->turn)) == 0)
		err = answer_request(&r->c->answerer, NULL,
		    buf_bytes(&r->body), r->now, &e, &a);
	if (err != 0) {
		turn_fail(&r->c->turn, err);
		http_error(r, err);
		return;
	}
	if ((err = turn_settle(&r->c->turn)) != 0) {
		buf_free(&a.body);
		http_error(r, err);
		return;
	}
	reply(r, &a, &e);
}
