/*
 * charter.c - a trust file comes in: the owner's word on who may say yes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/core_inside.h"

#include <string.h>

static int
record_accepted(struct core *c, struct moment m, const struct envelope *e,
    const struct trust_outcome *o)
{
	/*
	 * The reserve is for what tightens; timestamps only loosen, and whoever
	 * holds their key may make any number.
	 */
	bool must = o->file != TRUST_TIMESTAMP;
	struct record rec;
	size_t i;

	record_init(&rec, RECORD_TRUST);
	record_set_str(&rec, RF_FILE, trust_file_word(o->file));
	record_set_int(&rec, RF_VERSION, o->version);
	record_set_digest(&rec, RF_DIGEST, &o->digest);
	for (i = 0; i < e->n_sigs; i++)
		record_add_sig(&rec, e->sigs[i].keyid, e->sigs[i].sig);
	record_set_int(&rec, RF_ISSUED, o->issued);
	record_set_int(&rec, RF_EXPIRES, o->expires);
	return core_emit(c, m, &rec, must, &o->digest, e->payload);
}

/* What nobody trusted has signed is recorded at most so often. */
static int
record_refused(struct core *c, struct moment m, const struct trust_outcome *o)
{
	struct record rec;
	int err;

	if (!limiter_take(&c->limiter, m.boot_ms))
		return 0;
	record_init(&rec, RECORD_TRUST_REFUSED);
	record_set_str(&rec, RF_REASON, o->why.reason);
	if (o->known_file) {
		record_set_str(&rec, RF_FILE, trust_file_word(o->file));
		record_set_digest(&rec, RF_DIGEST, &o->digest);
	}
	if (o->verified)
		record_set_int(&rec, RF_VERSION, o->version);
	if (o->why.detail[0] != '\0')
		record_set_str(&rec, RF_DETAIL, o->why.detail);
	err = core_emit(c, m, &rec, false, NULL, bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}

int
core_trust(struct core *c, struct moment m, const struct envelope *e,
    struct core_reply *ret_r)
{
	struct trust_outcome o;
	int err;

	memset(ret_r, 0, sizeof(*ret_r));
	if (c->trust == NULL)
		return core_reply(ret_r, CORE_REFUSED, "not_enrolled", "");
	if ((err = trust_offer(c->trust, e, core_now(c, m), &o)) != 0)
		return err;
	switch (o.verdict) {
	case TRUST_HAVE:
		return core_reply(ret_r, CORE_KNOWN, "known", "");
	case TRUST_ACCEPT:
		(void)core_reply(ret_r, CORE_ACCEPTED, "", "");
		err = record_accepted(c, m, e, &o);
		if (err == ERR_NO_SPACE)
			return core_reply(ret_r, CORE_REFUSED, "disk_full",
			    "");
		return err;
	case TRUST_REFUSE:
	case TRUST_CONFLICT:
		break;
	}
	(void)core_reply(ret_r, CORE_REFUSED, o.why.reason, o.why.detail);
	if ((err = record_refused(c, m, &o)) != 0)
		return err;
	/* A local lockdown, which a person can lift, does not stand for it. */
	if (o.verdict == TRUST_CONFLICT &&
	    strcmp(core_lock(c)->source, "tamper") != 0)
		return core_lockdown(c, m, true, "tamper", "device",
		    bytes_str("trust_conflict"));
	return 0;
}
