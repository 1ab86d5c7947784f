/*
 * test_rules.c - who may approve, deny and cancel, and what is enough.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/rules.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

/* A card by `ai` for eve, whose manager is max; see KIT_PEOPLE. */
static struct people *people;
static struct policy *policy;
static struct card *card;
static struct approval *approval;
static struct verdict verdict;
static struct rules rules;
static struct names groups = { true, 0, NULL };

#define COMMAND_RULE "\"command\":{\"decision\":\"approval_needed\""

static struct bytes
change(struct buf *b, const char *base, const char *from, const char *to)
{
	buf_init(b, KIT_MAX);
	kit_edit(b, base, from, to);
	return buf_bytes(b);
}

static void
set_people(const char *from, const char *to)
{
	struct refusal why;
	struct buf b;

	people_free(people);
	CHECK_INT(people_parse(change(&b, KIT_PEOPLE, from, to), &people,
	    &why), 0);
	buf_free(&b);
	rules.people = people;
}

/* The policy with the text after the command's decision. */
static void
set_policy(const char *more)
{
	struct policy_query q;
	struct refusal why;
	struct buf b;
	char to[512];

	policy_free(policy);
	(void)snprintf(to, sizeof(to), COMMAND_RULE "%s}", more);
	CHECK_MSG(policy_parse(change(&b, KIT_POLICY, COMMAND_RULE "}", to),
	    &policy, &why) == 0, "%s", why.detail);
	buf_free(&b);
	memset(&q, 0, sizeof(q));
	q.card = card;
	q.proposer = rules.proposer;
	q.groups = &groups;
	policy_decide(policy, &q, &verdict);
	CHECK_STR(verdict.why.reason, NULL);
	rules.verdict = &verdict;
}

static void
set_card(const char *from, const char *to, const char *proposer)
{
	struct refusal why;
	struct buf b;

	card_free(card);
	CHECK_INT(card_parse(change(&b, KIT_CARD, from, to), &card, &why),
	    0);
	buf_free(&b);
	rules.card = card;
	rules.proposer = bytes_str(proposer);
}

#define REQUESTER "\"requester\":\"eve@example.org\","

static void
setup(const char *policy_more)
{
	memset(&rules, 0, sizeof(rules));
	rules.now = kit_time(KIT_NOW);
	set_people(NULL, NULL);
	set_card(NULL, NULL, "ai");
	set_policy(policy_more);
}

static void
done(void)
{
	approval_free(approval);
	approval = NULL;
	people_free(people);
	people = NULL;
	policy_free(policy);
	policy = NULL;
	card_free(card);
	card = NULL;
}

static struct people_signer
signer(const char *id)
{
	struct people_signer s;

	s.person = people_find(people, bytes_str(id));
	CHECK(s.person != NULL);
	s.key = s.person->keys;
	return s;
}

/* Why the person may not approve in that role; NULL if they may. */
static const char *
may(const char *id, enum approval_role role)
{
	struct refusal why = { NULL, "" };
	struct people_signer s = signer(id);
	int r = rules_may_approve(&rules, s.person, role, &why);

	CHECK_INT(r, why.reason != NULL ? ERR_DENIED : 0);
	return why.reason;
}

#define MANAGER ",\"require_manager\":true"
#define T APPROVAL_TECHNICIAN
#define A APPROVAL_ADMIN
#define M APPROVAL_MANAGER
#define P APPROVAL_PROPOSER

/* Who may do what, under a policy, for a requester. */
static const struct {
	const char *policy;
	const char *requester;	/* "" for none */
	const char *proposer;
	const char *person;
	enum approval_role role;
	const char *reason;
} matrix[] = {
	/* one approval: a technician or admin, not the proposer */
	{ "", "", "ai", "tom", T, NULL },
	{ "", "", "ai", "ada", A, NULL },
	{ "", "", "ai", "tom", A, "wrong_role" },
	{ "", "", "ai", "ada", T, "wrong_role" },
	{ "", "", "ai", "mia", T, "wrong_role" },
	{ "", "", "ai", "ai", T, "is_proposer" },
	{ "", "", "tom", "tom", T, "is_proposer" },
	{ "", "", "tom", "tim", T, NULL },
	{ "", "", "ai", "tom", P, "wrong_role" },
	{ "", "", "ai", "max", M, "wrong_role" },
	{ "", "", "ai", "max", T, NULL },
	/* the requester may, where the rules say so */
	{ "", "tim", "ai", "tim", T, NULL },
	{ ",\"requester_may_approve\":false", "tim", "ai", "tim", T,
	    "is_requester" },
	{ ",\"requester_may_approve\":false", "tim", "ai", "tom", T, NULL },
	{ ",\"requester_may_approve\":false", "eve", "ai", "tom", T, NULL },
	{ ",\"requester_may_approve\":false", "", "ai", "tom", T,
	    "no_requester" },
	{ ",\"requester_may_approve\":false", "who@example.org", "ai", "tom",
	    T, "no_requester" },
	/* lists */
	{ ",\"approvers\":[\"tom\"]", "", "ai", "tom", T, NULL },
	{ ",\"approvers\":[\"tom\"]", "", "ai", "tim", T, "not_allowed" },
	{ ",\"approvers\":[]", "", "ai", "tom", T, "not_allowed" },
	/* two approvals */
	{ MANAGER, "eve", "ai", "max", M, NULL },
	{ MANAGER, "eve", "ai", "mia", M, "not_manager" },
	{ MANAGER, "eve", "ai", "tom", M, "wrong_role" },
	{ MANAGER, "eve", "ai", "tom", T, NULL },
	{ MANAGER, "eve", "ai", "max", T, NULL },
	{ MANAGER, "eve", "max", "tom", T, "no_manager" },
	{ MANAGER, "tim", "ai", "mia", M, NULL },
	{ MANAGER, "tim", "ai", "tim", T, "is_requester" },
	{ MANAGER, "", "ai", "max", M, "no_manager" },
	{ MANAGER, "who", "ai", "tom", T, "no_manager" },
	{ MANAGER ",\"managers\":[\"max\"]", "eve", "ai", "max", M, NULL },
	{ MANAGER ",\"managers\":[\"mia\"]", "eve", "ai", "max", M,
	    "no_manager" },
	{ MANAGER ",\"approvers\":[\"tom\"]", "eve", "ai", "max", M, NULL },
	{ MANAGER ",\"approvers\":[\"tom\"]", "eve", "ai", "tim", T,
	    "not_allowed" }
};

TEST(who_may_approve)
{
	const char *reason;
	char to[64];
	size_t i;

	for (i = 0; i < KIT_COUNT(matrix); i++) {
		setup("");
		(void)snprintf(to, sizeof(to), "\"requester\":\"%s\",",
		    matrix[i].requester);
		set_card(REQUESTER, matrix[i].requester[0] != '\0' ? to : "",
		    matrix[i].proposer);
		set_policy(matrix[i].policy);
		reason = may(matrix[i].person, matrix[i].role);
		CHECK_MSG(reason == NULL ? matrix[i].reason == NULL :
		    matrix[i].reason != NULL &&
		    strcmp(reason, matrix[i].reason) == 0, "row %zu: %s", i,
		    reason != NULL ? reason : "may");
		done();
	}
}

/* Why nobody could approve the card; "" if somebody could. */
static const char *
card_reason(void)
{
	static struct refusal why;
	int r;

	why.reason = "";
	r = rules_check_card(&rules, &why);
	CHECK_INT(r, why.reason[0] != '\0' ? ERR_DENIED : 0);
	return why.reason;
}

TEST(cards_that_nobody_could_approve)
{
	static const struct {
		const char *from;	/* of the people file */
		const char *to;
		const char *reason;
	} rows[] = {
		{ NULL, NULL, "" },
		{ "\"id\":\"max\"", "\"id\":\"moritz\"", "no_manager" },
		{ "\"manager\",\"technician\"", "\"technician\"",
		    "no_manager" },
		{ "{\"id\":\"eve\"", "{\"id\":\"max\"", "no_manager" },
		{ "Eve@example.org", "e@example.org", "no_manager" },
		{ "\"manager\":\"max\"", "\"manager\":\"mia\"", "" }
	};
	size_t i;

	setup(MANAGER);
	for (i = 0; i < KIT_COUNT(rows); i++) {
		set_people(rows[i].from, rows[i].to);
		CHECK_MSG(strcmp(card_reason(), rows[i].reason) == 0,
		    "row %zu: %s", i, card_reason());
	}
	/* Nobody is needed where the policy's signer approved already. */
	verdict.decision = POLICY_AUTO;
	verdict.requester_may_approve = false;
	set_people("Eve@example.org", "e@example.org");
	CHECK_STR(card_reason(), "");
	/* A technician may still take it back. */
	CHECK_STR(may("tom", T), NULL);
	done();
}

static void
set_approval(enum payload_type type, const char *from, const char *to)
{
	struct refusal why;
	struct buf b;

	approval_free(approval);
	approval = NULL;
	CHECK_MSG(approval_parse(type, change(&b, type == PAYLOAD_CANCEL ?
	    KIT_CANCEL : KIT_APPROVAL, from, to), &approval, &why) == 0,
	    "%s", why.detail);
	buf_free(&b);
	approval->card = card->digest;
}

/* Whether the approval that is set counts; "" if so. */
static const char *
counts(const char *id, int *ret_err)
{
	static struct refusal why;
	struct people_signer s = signer(id);

	why.reason = "";
	*ret_err = rules_check_approval(&rules, approval, &s, &why);
	return why.reason;
}

#define TIM "\"approver\":\"tom\"", "\"approver\":\"tim\""
#define AS(id, role, decision) \
	"\"tom\",\"role\":\"technician\",\"decision\":\"approve\"", \
	"\"" id "\",\"role\":\"" role "\",\"decision\":\"" decision "\""

TEST(approvals_and_denials)
{
	static const struct {
		const char *from;
		const char *to;
		const char *signer;
		const char *reason;
		int err;
	} rows[] = {
		{ NULL, NULL, "tom", "", 0 },
		{ AS("tom", "technician", "deny"), "tom", "", 0 },
		{ AS("ada", "admin", "approve"), "ada", "", 0 },
		{ TIM, "tom", "wrong_approver", ERR_KEY },
		{ NULL, NULL, "tim", "wrong_approver", ERR_KEY },
		{ AS("mia", "technician", "approve"), "mia", "wrong_role",
		    ERR_DENIED },
		{ AS("max", "manager", "approve"), "max", "wrong_role",
		    ERR_DENIED },
		{ AS("ai", "technician", "approve"), "ai", "is_proposer",
		    ERR_DENIED },
		/* who could not approve cannot deny, but the proposer */
		{ AS("mia", "technician", "deny"), "mia", "wrong_role",
		    ERR_DENIED },
		{ AS("ai", "proposer", "deny"), "ai", "", 0 },
		{ AS("tom", "proposer", "deny"), "tom", "not_proposer",
		    ERR_DENIED },
		{ AS("ai", "technician", "deny"), "ai", "is_proposer",
		    ERR_DENIED },
		{ KIT_DEVICE, KIT_DEVICE_2, "tom", "wrong_device",
		    ERR_STATE },
		{ "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAQ", "tom",
		    "wrong_nonce", ERR_STATE },
		{ "\"policy\":\"sha256:0", "\"policy\":\"sha256:1", "tom",
		    "policy_changed", ERR_DENIED },
		{ "2026-01-10T12:15:00Z", "2026-01-10T12:15:01Z", "tom",
		    "lives_too_long", ERR_RANGE },
		{ "2026-01-10T12:00:00Z", "2026-01-10T12:05:01Z", "tom",
		    "from_the_future", ERR_FUTURE }
	};
	const char *reason;
	size_t i;
	int err;

	setup("");
	for (i = 0; i < KIT_COUNT(rows); i++) {
		set_approval(PAYLOAD_APPROVAL, rows[i].from, rows[i].to);
		reason = counts(rows[i].signer, &err);
		CHECK_MSG(strcmp(reason, rows[i].reason) == 0 &&
		    err == rows[i].err, "row %zu: %s %d", i, reason, err);
	}
	set_approval(PAYLOAD_APPROVAL, NULL, NULL);
	approval->card.b[0] ^= 1;
	CHECK_STR(counts("tom", &err), "wrong_card");
	done();
}

/* The same approval, asked again at a later moment. */
TEST(what_counted_may_stop_counting)
{
	struct people_signer s;
	int err;

	setup("");
	set_approval(PAYLOAD_APPROVAL, NULL, NULL);
	CHECK_STR(counts("tom", &err), "");
	rules.now += 899;
	CHECK_STR(counts("tom", &err), "");
	rules.now++;
	CHECK_STR(counts("tom", &err), "expired");
	rules.now = kit_time(KIT_NOW);
	/* revoked */
	set_people("~5f", "~52");
	CHECK_STR(counts("tom", &err), "key_not_valid");
	CHECK_INT(err, ERR_KEY);
	CHECK(people_find_key(people, bytes_str(people->revoked.n == 1 ?
	    signer("tom").key->id : ""), &s));
	CHECK(s.person == signer("tom").person);
	CHECK(!people_find_key(people, bytes_str("x"), &s));
	/* no technician any more */
	set_people("\"technician\",\"proposer\"", "\"proposer\"");
	CHECK_STR(counts("tom", &err), "wrong_role");
	/* another policy */
	set_people(NULL, NULL);
	rules.policy.b[0] = 1;
	CHECK_STR(counts("tom", &err), "policy_changed");
	rules.policy.b[0] = 0;
	/* the device's nonce is another one */
	rules.device_nonce[15] = 1;
	CHECK_STR(counts("tom", &err), "wrong_nonce");
	done();
}

TEST(kinds_of_proof)
{
	int err;

	setup(",\"proofs\":[\"sk\"]");
	set_approval(PAYLOAD_APPROVAL, NULL, NULL);
	CHECK_STR(counts("tom", &err), "proof_not_allowed");
	CHECK_INT(err, ERR_DENIED);
	/* Denying needs one, too; but for the proposer. */
	set_approval(PAYLOAD_APPROVAL, AS("tom", "technician", "deny"));
	CHECK_STR(counts("tom", &err), "proof_not_allowed");
	set_approval(PAYLOAD_APPROVAL, AS("ai", "proposer", "deny"));
	CHECK_STR(counts("ai", &err), "");
	set_policy(",\"proofs\":[\"ed25519\"]");
	set_approval(PAYLOAD_APPROVAL, NULL, NULL);
	CHECK_STR(counts("tom", &err), "");
	done();
}

static const char *
cancels(const char *id, bool started)
{
	static struct refusal why;
	struct people_signer s = signer(id);
	int r;

	why.reason = "";
	r = rules_check_cancel(&rules, approval, &s, started, &why);
	CHECK((r == 0) == (why.reason[0] == '\0' || r == 0));
	return r == 0 ? "" : why.reason;
}

#define BY(id) "\"by\":\"tom\"", "\"by\":\"" id "\""

TEST(who_may_cancel)
{
	static const struct {
		const char *policy;
		const char *from;
		const char *to;
		const char *signer;
		bool started;
		const char *reason;
	} rows[] = {
		{ "", NULL, NULL, "tom", false, "" },
		{ "", NULL, NULL, "tom", true, "" },
		{ "", BY("ada"), "ada", true, "" },
		{ "", BY("ai"), "ai", false, "" },
		{ "", BY("ai"), "ai", true, "late" },
		{ "", BY("mia"), "mia", false, "wrong_role" },
		{ "", BY("tim"), "tom", false, "wrong_approver" },
		{ MANAGER, BY("max"), "max", true, "" },
		{ MANAGER, BY("mia"), "mia", true, "wrong_role" },
		{ ",\"approvers\":[\"tim\"]", NULL, NULL, "tom", true,
		    "not_allowed" },
		{ ",\"proofs\":[\"sk\"]", NULL, NULL, "tom", true,
		    "proof_not_allowed" },
		{ ",\"proofs\":[\"sk\"]", BY("ai"), "ai", false, "" },
		/* A day, whatever the policy says, and past the card's end. */
		{ "", "2026-01-10T12:15:00Z", "2026-01-11T12:00:00Z", "tom",
		    true, "" },
		{ "", "2026-01-10T12:00:00Z", "2026-01-10T12:05:01Z", "tom",
		    true, "from_the_future" },
		{ "", KIT_DEVICE, KIT_DEVICE_2, "tom", true,
		    "wrong_device" }
	};
	const char *reason;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		setup(rows[i].policy);
		set_approval(PAYLOAD_CANCEL, rows[i].from, rows[i].to);
		reason = cancels(rows[i].signer, rows[i].started);
		CHECK_MSG(strcmp(reason, rows[i].reason) == 0, "row %zu: %s",
		    i, reason);
		done();
	}
	setup("");
	set_people("~5f", "~52");
	set_approval(PAYLOAD_CANCEL, NULL, NULL);
	CHECK_STR(cancels("tom", false), "key_not_valid");
	done();
}

/* A list of approvals by name and role, and who is then missing. */
TEST(what_is_enough)
{
	static const struct {
		bool manager;		/* required */
		struct {
			const char *by;
			enum approval_role role;
		} list[3];
		bool enough;
		bool lacks_technician;
		bool lacks_manager;
	} rows[] = {
		{ false, { { NULL, T } }, false, true, false },
		{ false, { { "tom", T } }, true, false, false },
		{ false, { { "ada", A } }, true, false, false },
		{ false, { { "tom", T }, { "tim", T } }, true, false, false },
		{ true, { { NULL, T } }, false, true, true },
		{ true, { { "tom", T } }, false, false, true },
		{ true, { { "max", M } }, false, true, false },
		{ true, { { "tom", T }, { "ada", A } }, false, false, true },
		{ true, { { "tom", T }, { "max", M } }, true, false, false },
		{ true, { { "max", M }, { "ada", A } }, true, false, false },
		/* One person is one, in the role of the later one. */
		{ true, { { "max", T }, { "max", M } }, false, true, false },
		{ true, { { "max", M }, { "max", T } }, false, false, true },
		{ true, { { "max", T }, { "max", M }, { "tom", T } }, true,
		    false, false }
	};
	const struct approval *list[3];
	struct approval made[3];
	struct rules_missing m;
	size_t i, n;

	setup("");
	memset(made, 0, sizeof(made));
	for (i = 0; i < KIT_COUNT(rows); i++) {
		set_policy(rows[i].manager ? MANAGER : "");
		for (n = 0; n < 3 && rows[i].list[n].by != NULL; n++) {
			made[n].approver = bytes_str(rows[i].list[n].by);
			made[n].role = rows[i].list[n].role;
			list[n] = &made[n];
		}
		CHECK_MSG(rules_enough(&rules, list, n, &m) ==
		    rows[i].enough, "row %zu", i);
		CHECK_MSG(m.technician == rows[i].lacks_technician &&
		    m.manager == rows[i].lacks_manager, "row %zu", i);
	}
	verdict.decision = POLICY_AUTO;
	CHECK(rules_enough(&rules, list, 0, &m));
	done();
}

static void
check_text(bool technician, bool manager, const char *want)
{
	struct rules_missing m = { technician, manager };
	struct buf b;

	buf_init(&b, 1024);
	rules_missing_text(&rules, &m, &b);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	buf_free(&b);
}

TEST(who_is_missing_in_words)
{
	setup(MANAGER);
	check_text(false, false, "");
	check_text(true, false, "a technician or admin");
	check_text(false, true,
	    "max, the manager of eve@example.org (claimed by ai)");
	check_text(true, true, "a technician or admin, and max, the manager "
	    "of eve@example.org (claimed by ai)");
	/* Their text does not pass itself off as ours. */
	set_card("\"eve@example.org\"", "\"a\\u00e9\"", "ai");
	check_text(false, true,
	    "the manager of a\303\251<U+00E9> (claimed by ai)");
	done();
}

TEST_MAIN()
