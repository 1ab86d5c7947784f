/*
 * review.c - verifying a pending file from nothing but the installed pin.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/review.h"

#include "agent/cli/cardview.h"
#include "agent/cli/home.h"
#include "common/doc.h"
#include "common/plain.h"

#include <string.h>

static int
refuse(const char *what, const char *todo)
{
	return complain(CLI_REFUSED, todo, "%s", what);
}

/* ---- taking the file apart ---- */

static void
read_envelope(struct doc_obj *o, const char *name, size_t text_n,
    struct envelope_doc *ret_d, int *err)
{
	struct doc_obj e;

	doc_obj(o, name, &e);
	if (doc_error(o->doc) == 0 && *err == 0)
		*err = envelope_read(&e, text_n, ret_d);
}

static void
read_approvals(struct doc_obj *o, struct review *r)
{
	struct doc_obj list, one;
	struct bytes who, role;

	if (!doc_opt_arr(o, "approvals", REVIEW_APPROVALS, &list))
		return;
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		doc_text(&one, "approver", TEXT_NAME, 1, TEXT_NAME_MAX, &who);
		doc_str(&one, "role", &role);
		if (doc_error(o->doc) != 0)
			return;
		memcpy(r->approved[r->n_approved], who.p, who.n);
		r->as_manager[r->n_approved++] = bytes_is(role, "manager");
	}
}

static int
read_pending(struct doc_obj *o, size_t text_n, struct review *r,
    struct sha256 *ret_policy)
{
	struct bytes kind, nonce = { NULL, 0 }, state = { NULL, 0 };
	struct doc_obj roots;
	int64_t v;
	int err = 0;

	doc_int(o, "v", 1, 1, &v);
	doc_str(o, "kind", &kind);
	if (doc_error(o->doc) == 0 && !bytes_is(kind, "countersign-pending"))
		return ERR_SYNTAX;
	doc_b64url(o, "device_nonce", CAP_DEVICE_NONCE, CAP_DEVICE_NONCE,
	    &nonce);
	doc_digest(o, "policy", ret_policy);
	read_envelope(o, "card", text_n, &r->card_env, &err);
	doc_arr(o, "root", REVIEW_ROOTS, &roots);
	while (err == 0 && doc_next(&roots))
		read_envelope(&roots, NULL, text_n, &r->roots[r->n_roots++],
		    &err);
	read_envelope(o, "people", text_n, &r->files[0], &err);
	read_envelope(o, "policy_file", text_n, &r->files[1], &err);
	read_envelope(o, "device_entry", text_n, &r->files[2], &err);
	if (doc_opt_str(o, "state", &state) && state.n < sizeof(r->state))
		memcpy(r->state, state.p, state.n);
	read_approvals(o, r);
	if (err == 0)
		err = doc_error(o->doc);
	if (err == 0 && nonce.n == CAP_DEVICE_NONCE)
		memcpy(r->rules.device_nonce, nonce.p, nonce.n);
	return err;
}

/* ---- from the pin to the files ---- */

struct match {
	const struct review *r;
	struct pin pin;
	size_t at;		/* the root in the chain that it names */
	bool found;
	size_t n;		/* pins there are */
};

/* The pin that names a root of the chain; of several, the latest root. */
static int
match_pin(void *arg, const struct pin *pin)
{
	struct match *m = arg;
	struct sha256 d;
	size_t i;

	m->n++;
	for (i = 0; i < m->r->n_roots; i++) {
		digest_pae(m->r->roots[i].e.type, m->r->roots[i].e.payload,
		    &d);
		if (!sha256_equal(&d, &pin->root) ||
		    (m->found && i <= m->at))
			continue;
		m->found = true;
		m->pin = *pin;
		m->at = i;
	}
	return 0;
}

static int
find_pin(const struct review *r, struct match *ret_m)
{
	int err;

	memset(ret_m, 0, sizeof(*ret_m));
	ret_m->r = r;
	if ((err = home_each_pin(match_pin, ret_m)) != 0)
		return complain_err(err, "the installed pins");
	if (ret_m->n == 0)
		return refuse("no pin is installed on this workstation",
		    "get the pin from the device owner, then countersign trust"
		    " pin --install STRING");
	if (!ret_m->found)
		return refuse("no installed pin names a root of this file's"
		    " chain", "it is another org's, or forged; ask the device"
		    " owner");
	return CLI_DONE;
}

/* One file into the set, with every check of versions and times. */
static int
take(struct review *r, const struct envelope *e, const char *what)
{
	struct trust_outcome o;
	struct refusal why;
	int err;

	if ((err = trust_offer(r->trust, e, r->now, &o)) != 0)
		return complain_err(err, what);
	if (o.verdict == TRUST_HAVE)
		return CLI_DONE;
	if (o.verdict != TRUST_ACCEPT)
		return complain_refusal(ERR_DENIED, what, &o.why);
	if ((err = trust_install(r->trust, e, &why)) != 0)
		return complain_refusal(err, what, &why);
	return CLI_DONE;
}

/*
 * What was seen holds under the root it was seen under: a later root that
 * changes a file's keys starts its count again.
 */
static void
raise_seen(struct review *r, const struct home_seen *seen)
{
	int i;

	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++)
		trust_raise(r->trust, (enum trust_file)i, seen->version[i]);
}

static int
take_roots(struct review *r, size_t from, const struct home_seen *seen)
{
	size_t i;
	int code;

	for (i = from; i < r->n_roots; i++) {
		code = take(r, &r->roots[i].e, "the root");
		if (code != CLI_DONE)
			return code;
		if (trust_root(r->trust)->head.version ==
		    seen->version[TRUST_ROOT])
			raise_seen(r, seen);
	}
	if (trust_root(r->trust)->head.version < seen->version[TRUST_ROOT])
		return refuse("the root is older than one seen here (rolled"
		    " back)", "get the present files from the device owner");
	return CLI_DONE;
}

/* A set of the chain and the files that stand in the mask of files[]. */
static int
build(struct review *r, const struct match *m, struct bytes device,
    size_t n_files)
{
	static const char *const names[] = { "the people file", "the policy",
	    "the device's entry" };
	char id[DEVICEID_SIZE] = "";
	struct home_seen seen;
	size_t i;
	int code, err;

	trust_free(r->trust);
	r->trust = NULL;
	if (device.n < sizeof(id) && device.n > 0)
		memcpy(id, device.p, device.n);
	/* The id is part of a file's name below: here it is looked at. */
	if ((err = trust_new(&r->pin, device, &r->trust)) != 0)
		return complain_err(err, "the device id");
	if ((err = home_seen_read(r->pin.org, id, &seen)) != 0)
		return complain_err(err, "the versions seen");
	if ((code = take_roots(r, m->at, &seen)) != CLI_DONE)
		return code;
	for (i = 0; i < n_files; i++)
		if ((code = take(r, &r->files[i].e, names[i])) != CLI_DONE)
			return code;
	return CLI_DONE;
}

static int
remember(struct review *r)
{
	struct home_seen seen;
	struct trust_held h;
	char id[DEVICEID_SIZE] = "";
	int i, err;

	memset(&seen, 0, sizeof(seen));
	for (i = 0; i < TRUST_FILES; i++)
		if (trust_held(r->trust, (enum trust_file)i, &h))
			seen.version[i] = h.head.version;
	memcpy(id, r->card->device.p, r->card->device.n);
	if ((err = home_seen_write(r->pin.org, id, &seen)) != 0)
		return complain_err(err, "the versions seen");
	return CLI_DONE;
}

/* ---- the card under them ---- */

static int
check_blocked(const struct review *r)
{
	struct trust_status st;

	trust_status(r->trust, r->now, &st);
	if (st.blocked == NULL)
		return CLI_DONE;
	return complain(CLI_REFUSED, "the device owner has to sign and submit"
	    " a newer file", "the device would run nothing (%s)",
	    st.blocked);
}

static int
check_card(struct review *r)
{
	struct bytes org = bytes_str(r->pin.org);
	const struct device_entry *d = trust_device(r->trust);
	struct refusal why;
	int err;

	if ((err = card_check_target(r->card, org, d->device, &why)) != 0 ||
	    (err = card_check_time(r->card, r->now, &why)) != 0)
		return complain_refusal(err, "the card", &why);
	return CLI_DONE;
}

static int
decide(struct review *r, const struct sha256 *policy)
{
	struct policy_query q;
	struct trust_held held;
	struct refusal why;
	int err;

	if (!trust_held(r->trust, TRUST_POLICY, &held) ||
	    !sha256_equal(&held.digest, policy))
		return refuse("the device has another policy than the one in"
		    " this file (policy_changed)", "get the pending file"
		    " again");
	memset(&q, 0, sizeof(q));
	q.card = r->card;
	q.proposer = r->proposer.person->id;
	q.groups = &trust_device(r->trust)->groups;
	q.people_version = trust_people(r->trust)->head.version;
	policy_decide(trust_policy(r->trust), &q, &r->verdict);
	if (r->verdict.why.reason != NULL)
		return complain_refusal(ERR_DENIED, "the card",
		    &r->verdict.why);
	r->rules.verdict = &r->verdict;
	r->rules.people = trust_people(r->trust);
	r->rules.card = r->card;
	r->rules.proposer = r->proposer.person->id;
	r->rules.policy = *policy;
	r->rules.now = r->now;
	if ((err = rules_check_card(&r->rules, &why)) != 0)
		return complain_refusal(err, "the card", &why);
	return CLI_DONE;
}

/*
 * In two steps: the device whose entry counts is named by the card, and the
 * card is read only after its signature, by the people file.
 */
static int
verify(struct review *r, const struct sha256 *policy)
{
	struct refusal why;
	struct match m;
	int code, err;

	if ((code = find_pin(r, &m)) != CLI_DONE)
		return code;
	r->pin = m.pin;
	if ((code = build(r, &m, bytes_of(NULL, 0), 1)) != CLI_DONE)
		return code;
	err = people_verify_card(trust_people(r->trust), &r->card_env.e,
	    r->now, &r->proposer, &why);
	if (err != 0)
		return complain_refusal(err, "the card", &why);
	if ((err = card_parse(r->card_env.e.payload, &r->card, &why)) != 0)
		return complain_refusal(err, "the card", &why);
	code = build(r, &m, r->card->device, 3);
	if (code == CLI_DONE)
		code = check_blocked(r);
	if (code == CLI_DONE)
		code = check_card(r);
	if (code != CLI_DONE)
		return code;
	/* The people file was built anew: its persons, too. */
	err = people_verify_card(trust_people(r->trust), &r->card_env.e,
	    r->now, &r->proposer, &why);
	if (err != 0)
		return complain_refusal(err, "the card", &why);
	if ((code = decide(r, policy)) != CLI_DONE)
		return code;
	return remember(r);
}

int
review_read(struct bytes json, int64_t now, struct review *ret_r)
{
	struct sha256 policy;
	struct doc_obj o;
	int err;

	memset(ret_r, 0, sizeof(*ret_r));
	ret_r->now = now;
	if ((err = doc_parse(json, 0, &ret_r->doc)) == 0) {
		o = doc_root(ret_r->doc);
		err = read_pending(&o, json.n, ret_r, &policy);
	}
	if (err != 0)
		return complain(CLI_FAILED, "get it with `countersign show"
		    " CARD --out FILE` or from the console", "this is no"
		    " pending file (%s)", err_text(err));
	return verify(ret_r, &policy);
}

void
review_free(struct review *r)
{
	size_t i;

	card_free(r->card);
	trust_free(r->trust);
	envelope_free(&r->card_env);
	for (i = 0; i < REVIEW_ROOTS; i++)
		envelope_free(&r->roots[i]);
	for (i = 0; i < 3; i++)
		envelope_free(&r->files[i]);
	doc_free(r->doc);
	memset(r, 0, sizeof(*r));
}

/* ---- showing ---- */

static void
show_ages(const struct review *r)
{
	struct trust_held h;
	struct buf b;
	int i;

	buf_init(&b, 4096);
	for (i = TRUST_ROOT; i <= TRUST_DEVICE; i++) {
		if (!trust_held(r->trust, (enum trust_file)i, &h))
			continue;
		buf_printf(&b, "%s%s %lld, signed ", b.n > 0 ? "; " : "",
		    trust_file_word((enum trust_file)i),
		    (long long)h.head.version);
		say_age(&b, h.head.issued, r->now);
	}
	cardview_line("verified by", buf_bytes(&b));
	buf_free(&b);
}

/* Who is missing once those count who are said to have approved. */
static struct rules_missing
missing_of(const struct review *r)
{
	struct rules_missing m;
	size_t i;

	(void)rules_enough(&r->rules, NULL, 0, &m);
	for (i = 0; i < r->n_approved; i++) {
		if (r->as_manager[i])
			m.manager = false;
		else
			m.technician = false;
	}
	return m;
}

void
review_show(const struct review *r)
{
	struct rules_missing m = missing_of(r);
	struct buf b;
	size_t i;

	cardview_reviewed(r->card, &r->verdict, trust_device(r->trust),
	    r->proposer.person->id);
	show_ages(r);
	for (i = 0; i < r->n_approved; i++)
		cardview_line("approved by", bytes_str(r->approved[i]));
	buf_init(&b, 65536);
	rules_missing_text(&r->rules, &m, &b);
	if (b.n > 0)
		cardview_line("to approve", buf_bytes(&b));
	buf_free(&b);
}

int
review_role(const struct review *r, const struct person *p,
    enum approval_decision decision, const char *word,
    enum approval_role *ret_role)
{
	static const enum approval_role order[] = { APPROVAL_TECHNICIAN,
	    APPROVAL_ADMIN, APPROVAL_MANAGER };
	struct rules_missing m = missing_of(r);
	struct refusal why, first = { .reason = NULL };
	bool found = false;
	size_t i;

	if (decision == APPROVAL_DENY &&
	    bytes_equal(p->id, r->proposer.person->id)) {
		*ret_role = APPROVAL_PROPOSER;
		return CLI_DONE;
	}
	for (i = 0; i < 3; i++) {
		bool wanted = order[i] == APPROVAL_MANAGER ? m.manager :
		    m.technician;

		if (word != NULL && strcmp(word, doc_word_of(approval_roles,
		    (int)order[i])) != 0)
			continue;
		if (rules_may_approve(&r->rules, p, order[i], &why) != 0) {
			/* Of several reasons, one that is not the role. */
			if (first.reason == NULL ||
			    strcmp(first.reason, "wrong_role") == 0)
				first = why;
			continue;
		}
		if (!found || wanted)
			*ret_role = order[i];
		found = true;
		if (wanted)
			break;
	}
	if (found)
		return CLI_DONE;
	if (first.reason == NULL)
		return complain(CLI_USAGE, "it is technician, admin or"
		    " manager", "--role %s", word != NULL ? word : "");
	return complain(CLI_REFUSED, "somebody else has to decide on it",
	    "you may not decide on this card (%s; %s)", first.reason,
	    first.detail);
}
