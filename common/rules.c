/*
 * rules.c - who may approve, deny and cancel a card, and what is enough.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/rules.h"
#include "common/text.h"

#include <string.h>

static int
deny(struct refusal *ret_why, const char *reason, const char *text)
{
	return refusal_set(ret_why, ERR_DENIED, reason, "%s", text);
}

/* The card's requester in the people file, or NULL. */
static const struct requester *
requester_of(const struct rules *r)
{
	if (r->card->requester.n == 0)
		return NULL;
	return people_requester(r->people, r->card->requester);
}

static bool
is_proposer(const struct rules *r, struct bytes id)
{
	return bytes_equal(r->proposer, id);
}

/*
 * The manager whose approval counts, or NULL with the reason: somebody who
 * exists, has the role, and is neither proposer nor requester.
 */
static const struct person *
manager_of(const struct rules *r, const struct requester *q,
    const char **ret_why)
{
	const struct person *m;

	*ret_why = "the requester is not exactly one entry of the people file";
	if (q == NULL)
		return NULL;
	m = people_find(r->people, q->manager);
	*ret_why = "the requester's manager is no person with that role";
	if (m == NULL || (m->roles & PERSON_MANAGER) == 0)
		return NULL;
	*ret_why = "the requester's manager is the proposer";
	if (is_proposer(r, m->id))
		return NULL;
	*ret_why = "the requester is their own manager";
	if (bytes_equal(m->id, q->id))
		return NULL;
	*ret_why = "the requester's manager is not among the managers";
	if (!policy_lists_manager(r->verdict, m->id))
		return NULL;
	return m;
}

int
rules_check_card(const struct rules *r, struct refusal *ret_why)
{
	const struct requester *q = requester_of(r);
	const char *why;

	if (r->verdict->decision == POLICY_AUTO)
		return 0;
	if (r->verdict->require_manager && manager_of(r, q, &why) == NULL)
		return deny(ret_why, "no_manager", why);
	if (!r->verdict->requester_may_approve && q == NULL)
		return deny(ret_why, "no_requester", "the requester is not "
		    "exactly one entry of the people file");
	return 0;
}

/* The person's role that an approval's role asks for. */
static unsigned
role_bit(enum approval_role role)
{
	static const unsigned bits[] = {
		[APPROVAL_TECHNICIAN] = PERSON_TECHNICIAN,
		[APPROVAL_ADMIN] = PERSON_ADMIN,
		[APPROVAL_MANAGER] = PERSON_MANAGER,
		[APPROVAL_PROPOSER] = 0
	};

	return bits[role];
}

static int
check_manager(const struct rules *r, const struct person *p,
    struct refusal *ret_why)
{
	const struct person *m;
	const char *why;

	if (!r->verdict->require_manager)
		return deny(ret_why, "wrong_role",
		    "this card needs no manager");
	/* There is one: rules_check_card() passed. */
	m = manager_of(r, requester_of(r), &why);
	if (m != p)
		return deny(ret_why, "not_manager",
		    "another person is the requester's manager");
	return 0;
}

static int
check_approver(const struct rules *r, const struct person *p,
    struct refusal *ret_why)
{
	const struct requester *q = requester_of(r);
	/* Two approvals are always by two others. */
	bool may = r->verdict->requester_may_approve &&
	    !r->verdict->require_manager;

	if (!may && q != NULL && bytes_equal(q->id, p->id))
		return deny(ret_why, "is_requester",
		    "the requester may not approve this card");
	if (!policy_lists_approver(r->verdict, p->id))
		return deny(ret_why, "not_allowed",
		    "not in the policy's list of approvers");
	return 0;
}

int
rules_may_approve(const struct rules *r, const struct person *p,
    enum approval_role role, struct refusal *ret_why)
{
	int err;

	if (is_proposer(r, p->id))
		return deny(ret_why, "is_proposer",
		    "who proposed a card never approves it");
	if ((p->roles & role_bit(role)) == 0)
		return deny(ret_why, "wrong_role",
		    "the person does not have this role");
	if ((err = rules_check_card(r, ret_why)) != 0)
		return err;
	if (role == APPROVAL_MANAGER)
		return check_manager(r, p, ret_why);
	return check_approver(r, p, ret_why);
}

/* What an approval names must be this card, here, under this nonce. */
static int
check_names(const struct rules *r, const struct approval *a,
    struct refusal *ret_why)
{
	if (!sha256_equal(&a->card, &r->card->digest))
		return refusal_set(ret_why, ERR_STATE, "wrong_card",
		    "card: another card");
	if (!bytes_equal(a->device, r->card->device))
		return refusal_set(ret_why, ERR_STATE, "wrong_device",
		    "device: another device");
	if (memcmp(a->device_nonce, r->device_nonce,
	    sizeof(r->device_nonce)) != 0)
		return refusal_set(ret_why, ERR_STATE, "wrong_nonce",
		    "device_nonce: not the one of this card now");
	return 0;
}

/* The key that signed is the named person's, and good at this moment. */
static int
check_signer(const struct rules *r, const struct approval *a,
    const struct people_signer *s, struct refusal *ret_why)
{
	if (!bytes_equal(a->approver, s->person->id))
		return refusal_set(ret_why, ERR_KEY, "wrong_approver",
		    "another person's key signed this");
	if (!people_key_is_valid(s->key, r->now))
		return refusal_set(ret_why, ERR_KEY, "key_not_valid",
		    "revoked, or outside its time of validity");
	return 0;
}

/* Whether the policy counts proofs of this kind of key. */
static int
check_proof(const struct rules *r, const struct people_signer *s,
    struct refusal *ret_why)
{
	enum proof_kind kind = s->key->key.kind;

	if ((r->verdict->proofs & POLICY_PROOF(kind)) == 0)
		return refusal_set(ret_why, ERR_DENIED, "proof_not_allowed",
		    "%s keys do not count for this tool",
		    proof_kind_word(kind));
	return 0;
}

int
rules_check_approval(const struct rules *r, const struct approval *a,
    const struct people_signer *s, struct refusal *ret_why)
{
	int err;

	if ((err = check_names(r, a, ret_why)) != 0)
		return err;
	if (!sha256_equal(&a->policy, &r->policy))
		return deny(ret_why, "policy_changed",
		    "policy: not the one that is installed");
	if ((err = check_signer(r, a, s, ret_why)) != 0)
		return err;
	if ((err = approval_check_time(a, r->now, r->verdict->approval_ttl_s,
	    r->card->expires, ret_why)) != 0)
		return err;
	/* Only denials come in this role; taking back needs no more. */
	if (a->role == APPROVAL_PROPOSER) {
		if (!is_proposer(r, s->person->id))
			return deny(ret_why, "not_proposer",
			    "another person proposed this card");
		return 0;
	}
	if ((err = check_proof(r, s, ret_why)) != 0)
		return err;
	return rules_may_approve(r, s->person, a->role, ret_why);
}

/* Whether the person could approve in any role; why not in the last. */
static int
may_approve_somehow(const struct rules *r, const struct person *p,
    struct refusal *ret_why)
{
	static const enum approval_role roles[] = {
		APPROVAL_MANAGER, APPROVAL_ADMIN, APPROVAL_TECHNICIAN
	};
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		err = rules_may_approve(r, p, roles[i], ret_why);
		if (err == 0)
			break;
	}
	return err;
}

int
rules_check_cancel(const struct rules *r, const struct approval *a,
    const struct people_signer *s, bool started, struct refusal *ret_why)
{
	int err;

	if ((err = check_names(r, a, ret_why)) != 0)
		return err;
	if ((err = check_signer(r, a, s, ret_why)) != 0)
		return err;
	if ((err = approval_check_time(a, r->now, CAP_APPROVAL_TTL_MAX,
	    a->expires, ret_why)) != 0)
		return err;
	if (is_proposer(r, s->person->id)) {
		if (started)
			return refusal_set(ret_why, ERR_STATE, "late",
			    "its proposer cannot stop what runs");
		return 0;
	}
	if ((err = check_proof(r, s, ret_why)) != 0)
		return err;
	return may_approve_somehow(r, s->person, ret_why);
}

/* Whether a later approval in the list is by the same person: it replaces. */
static bool
is_replaced(const struct approval *const list[], size_t n, size_t i)
{
	size_t j;

	for (j = i + 1; j < n; j++) {
		if (bytes_equal(list[i]->approver, list[j]->approver))
			return true;
	}
	return false;
}

bool
rules_enough(const struct rules *r, const struct approval *const list[],
    size_t n, struct rules_missing *ret_m)
{
	bool needed = r->verdict->decision != POLICY_AUTO;
	size_t i;

	ret_m->technician = needed;
	ret_m->manager = needed && r->verdict->require_manager;
	for (i = 0; i < n; i++) {
		if (is_replaced(list, n, i))
			continue;
		if (list[i]->role == APPROVAL_MANAGER)
			ret_m->manager = false;
		else
			ret_m->technician = false;
	}
	return !ret_m->technician && !ret_m->manager;
}

void
rules_missing_text(const struct rules *r, const struct rules_missing *m,
    struct buf *b)
{
	const struct requester *q = requester_of(r);

	if (m->technician)
		buf_put_str(b, "a technician or admin");
	if (m->technician && m->manager)
		buf_put_str(b, ", and ");
	if (!m->manager)
		return;
	if (q != NULL) {
		buf_put_bytes(b, q->manager);
		buf_put_str(b, ", ");
	}
	buf_put_str(b, "the manager of ");
	text_escape(b, r->card->requester, TEXT_ESCAPE_BACKSLASH);
	buf_put_str(b, " (claimed by ");
	text_escape(b, r->proposer, TEXT_ESCAPE_BACKSLASH);
	buf_put_str(b, ")");
}
