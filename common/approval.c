/*
 * approval.c - approvals, denials and cancels: what is signed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/approval.h"
#include "common/deviceid.h"
#include "common/jsonw.h"

#include <stdlib.h>
#include <string.h>

const struct doc_word approval_roles[] = {
	{ "technician", APPROVAL_TECHNICIAN },
	{ "admin", APPROVAL_ADMIN },
	{ "manager", APPROVAL_MANAGER },
	{ "proposer", APPROVAL_PROPOSER },
	{ NULL, 0 }
};

const struct doc_word approval_decisions[] = {
	{ "approve", APPROVAL_APPROVE },
	{ "deny", APPROVAL_DENY },
	{ NULL, 0 }
};

static void
read_decision(struct doc_obj *o, struct approval *a)
{
	int role, decision;

	doc_digest(o, "policy", &a->policy);
	doc_text(o, "approver", TEXT_NAME, 1, TEXT_NAME_MAX, &a->approver);
	doc_enum(o, "role", approval_roles, &role);
	doc_enum(o, "decision", approval_decisions, &decision);
	a->role = (enum approval_role)role;
	a->decision = (enum approval_decision)decision;
	if (role == APPROVAL_PROPOSER && decision == APPROVAL_APPROVE)
		doc_fail(o, "role", ERR_RANGE);
}

static void
read_approval(struct doc_obj *o, enum payload_type type, struct approval *a)
{
	struct bytes nonce;
	int64_t v;

	doc_int(o, "v", 1, 1, &v);
	doc_digest(o, "card", &a->card);
	doc_str(o, "device", &a->device);
	if (!deviceid_is(a->device))
		doc_fail(o, "device", ERR_SYNTAX);
	doc_b64url(o, "device_nonce", CAP_DEVICE_NONCE, CAP_DEVICE_NONCE,
	    &nonce);
	if (nonce.n == CAP_DEVICE_NONCE)
		memcpy(a->device_nonce, nonce.p, nonce.n);
	if (type == PAYLOAD_CANCEL) {
		a->decision = APPROVAL_CANCEL;
		doc_text(o, "by", TEXT_NAME, 1, TEXT_NAME_MAX, &a->approver);
	} else {
		read_decision(o, a);
	}
	doc_text(o, "reason", TEXT_PLAIN, 0, CAP_REASON, &a->reason);
	doc_time(o, "issued", &a->issued);
	doc_time(o, "expires", &a->expires);
	if (a->expires <= a->issued ||
	    a->expires - a->issued > CAP_APPROVAL_TTL_MAX)
		doc_fail(o, "expires", ERR_RANGE);
	doc_end(o);
}

int
approval_parse(enum payload_type type, struct bytes payload,
    struct approval **ret_a, struct refusal *ret_why)
{
	struct approval *a;
	struct doc_obj o;
	int r;

	if (payload.n > CAP_APPROVAL_PAYLOAD)
		return refusal_field(ret_why, ERR_TOO_LARGE, "",
		    "more than 8 KiB");
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "approval");
	if ((r = doc_parse(payload, JSON_PLAIN_TEXT, &a->doc)) == 0) {
		o = doc_root(a->doc);
		read_approval(&o, type, a);
		r = doc_error(a->doc);
	}
	if (r != 0) {
		refusal_doc(ret_why, r, payload, JSON_PLAIN_TEXT, a->doc);
		approval_free(a);
		return r;
	}
	digest_pae(envelope_type_text(type), payload, &a->digest);
	*ret_a = a;
	return 0;
}

void
approval_free(struct approval *a)
{
	if (a == NULL)
		return;
	doc_free(a->doc);
	free(a);
}

void
approval_preimage(enum payload_type type, struct bytes payload,
    uint8_t ret_b[SSHSIG_PREIMAGE_SIZE])
{
	sshsig_preimage(envelope_type_text(type), payload, ret_b);
}

void
approval_message(struct buf *b, enum payload_type type,
    struct bytes payload)
{
	envelope_pae(b, envelope_type_text(type), payload);
}

int
approval_check_time(const struct approval *a, int64_t now, int64_t ttl_s,
    int64_t card_expires, struct refusal *ret_why)
{
	if (a->issued > now + CAP_CLOCK_SKEW)
		return refusal_field(ret_why, ERR_FUTURE, "issued",
		    "more than 300 s ahead of the clock");
	if (now >= a->expires)
		return refusal_field(ret_why, ERR_EXPIRED, "expires",
		    "has passed");
	if (a->expires - a->issued > ttl_s)
		return refusal_set(ret_why, ERR_RANGE, "lives_too_long",
		    "expires: the policy allows %lld s after issued",
		    (long long)ttl_s);
	if (a->expires > card_expires)
		return refusal_set(ret_why, ERR_RANGE, "outlives_card",
		    "expires: after the card's");
	return 0;
}

void
approval_write(struct buf *b, const struct approval_fields *f)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_digest(&w, "card", &f->card);
	if (f->decision != APPROVAL_CANCEL)
		jsonw_digest(&w, "policy", &f->policy);
	jsonw_str(&w, "device", f->device);
	jsonw_b64url(&w, "device_nonce",
	    bytes_of(f->device_nonce, sizeof(f->device_nonce)));
	if (f->decision == APPROVAL_CANCEL) {
		jsonw_str(&w, "by", f->approver);
	} else {
		jsonw_str(&w, "approver", f->approver);
		jsonw_cstr(&w, "role",
		    doc_word_of(approval_roles, (int)f->role));
		jsonw_cstr(&w, "decision",
		    doc_word_of(approval_decisions, (int)f->decision));
	}
	jsonw_str(&w, "reason", f->reason);
	jsonw_time(&w, "issued", f->issued);
	jsonw_time(&w, "expires", f->expires);
	jsonw_obj_end(&w);
}
