/*
 * test_verdict.c - what a policy says of a card.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/policy.h"
#include "common/policy_args.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

/* One question and its answer; all of it is freed by done(). */
static struct policy *policy;
static struct card *card;
static struct verdict verdict;
static struct bytes groups[] = { { (const uint8_t *)"web", 3 },
    { (const uint8_t *)"linux", 5 } };
static struct names group_list = { true, 2, groups };
static const char *const more_refused[] = { "/srv/agent" };

static void
done(void)
{
	policy_free(policy);
	policy = NULL;
	card_free(card);
	card = NULL;
}

static void
set_policy(const char *base, const char *from, const char *to)
{
	struct refusal why;
	struct buf b;

	policy_free(policy);
	buf_init(&b, KIT_MAX);
	kit_edit(&b, base, from, to);
	CHECK_MSG(policy_parse(buf_bytes(&b), &policy, &why) == 0,
	    "%s: %s", why.reason, why.detail);
	buf_free(&b);
}

static void
set_card(const char *base, const char *from, const char *to)
{
	struct refusal why;
	struct buf b;

	card_free(card);
	buf_init(&b, KIT_MAX);
	kit_edit(&b, base, from, to);
	CHECK_MSG(card_parse(buf_bytes(&b), &card, &why) == 0, "%s: %s",
	    why.reason, why.detail);
	buf_free(&b);
}

static const struct verdict *
decide(const char *proposer, int64_t people_version)
{
	struct policy_query q = {
		.card = card,
		.proposer = bytes_str(proposer),
		.groups = &group_list,
		.people_version = people_version,
		.refused_roots = more_refused,
		.n_refused_roots = KIT_COUNT(more_refused)
	};

	policy_decide(policy, &q, &verdict);
	return &verdict;
}

/* Policies: the tools and overrides of the text, everything else loose. */
#define POLICY(mode, tools, overrides)					\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-03T00:00:00Z\","				\
	"\"expires\":\"2026-02-01T00:00:00Z\",\"mode\":\"" mode "\","	\
	"\"approval_ttl_s\":1800,\"requester_may_approve\":true,"	\
	"\"console_may_stop\":[\"observe\"],\"repair_write\":["		\
	"{\"groups\":[\"db\"],\"roots\":[\"/srv/db\"]},"		\
	"{\"groups\":[\"web\"],\"roots\":[\"/srv/app\",\"/srv/agent\"]}]," \
	"\"tools\":{" tools "},\"overrides\":[" overrides "]}"
#define NEEDED "\"command\":{\"decision\":\"approval_needed\"}"
#define DF "\"disk.free\":{\"decision\":\"auto\",\"shell\":\"sh\","	\
	"\"script\":\"df\",\"args\":{\"path\":{\"type\":\"path\"}},"	\
	"\"rate_per_h\":60}"
#define ALL "{\"match\":{},\"tool\":\"*\","

TEST(a_command)
{
	const struct verdict *v;

	set_policy(POLICY("execute", NEEDED, ""), NULL, NULL);
	set_card(KIT_CARD, NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(v->decision, POLICY_APPROVAL_NEEDED);
	CHECK_INT(v->mode, POLICY_EXECUTE);
	CHECK(!v->require_manager && v->requester_may_approve);
	CHECK_INT(v->proofs, POLICY_PROOFS_DEFAULT);
	CHECK_INT(v->approval_ttl_s, 1800);
	CHECK_INT(v->rate_per_h, 0);
	CHECK_INT(v->min_people, 0);
	CHECK(v->console_may_stop && !v->final);
	CHECK(bytes_is(v->action.text, "df -h\n"));
	CHECK_INT(v->action.limits.timeout_s, 300);
	CHECK(!v->action.no_unix);
	CHECK_STR(v->rule, "tools.command: approval_needed");
	CHECK(policy_lists_approver(v, bytes_str("anybody")));
	CHECK(policy_lists_manager(v, bytes_str("anybody")));
	set_card(KIT_CARD, "\"profile\":\"observe\"", "\"profile\":\"full\"");
	CHECK(!decide("ai", 1)->console_may_stop);
	done();
}

TEST(an_auto_tool)
{
	const struct verdict *v;

	set_policy(POLICY("execute", NEEDED "," DF, ""), NULL, NULL);
	set_card(KIT_TOOL_CARD, NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(v->decision, POLICY_AUTO);
	CHECK_INT(v->rate_per_h, 60);
	CHECK(bytes_is(v->action.text, "df") && v->action.no_unix);
	CHECK_INT(v->action.limits.timeout_s, 300);
	CHECK_STR(v->rule, "tools.disk.free: auto");
	done();
}

TEST(modes)
{
	const struct verdict *v;

	set_card(KIT_CARD, NULL, NULL);
	set_policy(POLICY("plan", NEEDED, ""), NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(v->mode, POLICY_PLAN);
	CHECK_STR(v->rule, "mode plan; tools.command: approval_needed");
	set_policy(POLICY("lockdown", NEEDED, ""), NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, "lockdown");
	CHECK(!v->final);
	CHECK_STR(v->rule, "mode lockdown; tools.command: approval_needed");
	/* The device's owner is first, then what is listed. */
	set_policy(POLICY("lockdown", "", ""), NULL, NULL);
	CHECK_STR(decide("ai", 1)->why.reason, "lockdown");
	done();
}

/* Every refusal, with the change of policy or card that brings it. */
static const struct {
	const char *policy;
	const char *from;	/* of KIT_CARD */
	const char *to;
	const char *reason;
	const char *detail;
} refusals[] = {
	{ POLICY("execute", DF, ""), NULL, NULL, "not_listed", "no such" },
	{ POLICY("execute", "\"command\":{\"decision\":\"disabled\"}", ""),
	    NULL, NULL, "disabled", "the tool" },
	{ POLICY("execute", NEEDED, ALL "\"decision\":\"disabled\"}"), NULL,
	    NULL, "disabled", "the tool" },
	{ POLICY("execute", "\"command\":{\"decision\":\"approval_needed\","
	    "\"proposers\":[\"tom\"]}", ""), NULL, NULL,
	    "proposer_not_allowed", "the proposer" },
	{ POLICY("execute", NEEDED, ALL "\"proposers\":[]}"), NULL, NULL,
	    "proposer_not_allowed", "the proposer" },
	{ POLICY("execute", "\"command\":{\"decision\":\"approval_needed\","
	    "\"profiles\":[\"repair\",\"full\"]}", ""), NULL, NULL,
	    "profile_not_allowed", "profile" },
	{ POLICY("execute", "\"command\":{\"decision\":\"approval_needed\","
	    "\"profiles\":[\"observe\"]}", ALL "\"profiles\":[\"full\"]}"),
	    NULL, NULL, "profile_not_allowed", "profile" },
	{ POLICY("execute", NEEDED, ALL "\"shells\":[\"bash\"]}"), NULL,
	    NULL, "shell_not_allowed", "shell" },
	{ POLICY("execute", NEEDED, ALL "\"limits\":{\"timeout_s\":299}}"),
	    NULL, NULL, "limit_exceeded", "limits.timeout_s" },
	{ POLICY("execute", NEEDED, ALL "\"limits\":{\"memory_mb\":511}}"),
	    NULL, NULL, "limit_exceeded", "limits.memory_mb" },
	{ POLICY("execute", NEEDED, ALL "\"limits\":{\"processes\":63}}"),
	    NULL, NULL, "limit_exceeded", "limits.processes" },
	{ POLICY("execute", NEEDED, ALL
	    "\"limits\":{\"output_bytes\":8388607}}"), NULL, NULL,
	    "limit_exceeded", "limits.output_bytes" },
	{ POLICY("execute", NEEDED, ""), "\"profile\":\"observe\"",
	    "\"profile\":\"repair\"", NULL, "" },
	{ POLICY("execute", NEEDED, ""), "\"profile\":\"observe\","
	    "\"net\":\"none\",\"read\":\"user\",\"write\":[]",
	    "\"profile\":\"repair\",\"net\":\"none\",\"read\":\"user\","
	    "\"write\":[\"/srv/app/x\",\"/srv/app\"]", NULL, "" },
	{ POLICY("execute", NEEDED, ""), "\"profile\":\"observe\","
	    "\"net\":\"none\",\"read\":\"user\",\"write\":[]",
	    "\"profile\":\"repair\",\"net\":\"none\",\"read\":\"user\","
	    "\"write\":[\"/srv/app\",\"/srv/db\"]", "write_not_allowed",
	    "write: outside" },
	{ POLICY("execute", NEEDED, ""), "\"profile\":\"observe\","
	    "\"net\":\"none\",\"read\":\"user\",\"write\":[]",
	    "\"profile\":\"repair\",\"net\":\"none\",\"read\":\"user\","
	    "\"write\":[\"/srv/apple\"]", "write_not_allowed",
	    "write: outside" },
	{ POLICY("execute", NEEDED, ""), "\"profile\":\"observe\","
	    "\"net\":\"none\",\"read\":\"user\",\"write\":[]",
	    "\"profile\":\"repair\",\"net\":\"none\",\"read\":\"user\","
	    "\"write\":[\"/srv/agent\"]", "needs_full", "write: a folder" },
	{ POLICY("execute", NEEDED, ALL "\"min_people\":2}"), NULL, NULL,
	    "people_too_old", "the people file" }
};

TEST(refusals_of_commands)
{
	const struct verdict *v;
	size_t i;

	for (i = 0; i < KIT_COUNT(refusals); i++) {
		set_policy(refusals[i].policy, NULL, NULL);
		set_card(KIT_CARD, refusals[i].from, refusals[i].to);
		v = decide("ai", 1);
		if (refusals[i].reason == NULL) {
			CHECK_MSG(v->why.reason == NULL, "row %zu: %s", i,
			    v->why.detail);
			continue;
		}
		CHECK_MSG(v->why.reason != NULL &&
		    strcmp(v->why.reason, refusals[i].reason) == 0,
		    "row %zu: %s", i, v->why.detail);
		CHECK_MSG(strncmp(v->why.detail, refusals[i].detail,
		    strlen(refusals[i].detail)) == 0, "row %zu: %s", i,
		    v->why.detail);
		CHECK_INT(v->final, strcmp(v->why.reason,
		    "people_too_old") != 0);
	}
	/* What is just enough. */
	set_policy(POLICY("execute", NEEDED, ALL "\"min_people\":2,"
	    "\"limits\":{\"timeout_s\":300},\"proposers\":[\"ai\"]}"), NULL,
	    NULL);
	set_card(KIT_CARD, NULL, NULL);
	CHECK_STR(decide("ai", 2)->why.reason, NULL);
	CHECK_STR(decide("tom", 2)->why.reason, "proposer_not_allowed");
	done();
}

/* Which overrides match: of two groups of this device, for ai. */
TEST(overrides_match)
{
	static const struct {
		const char *match;
		const char *tool;
		bool hit;
	} rows[] = {
		{ "", "*", true },
		{ "", "command", true },
		{ "", "disk.free", false },
		{ "\"groups\":[\"db\",\"linux\"]", "*", true },
		{ "\"groups\":[\"db\"]", "*", false },
		{ "\"groups\":[]", "*", false },
		{ "\"proposers\":[\"ai\"]", "*", true },
		{ "\"proposers\":[\"bot\"]", "*", false },
		{ "\"proposers\":[]", "*", false },
		{ "\"groups\":[\"web\"],\"proposers\":[\"ai\"]", "*", true },
		{ "\"groups\":[\"web\"],\"proposers\":[\"bot\"]", "*",
		    false },
		{ "\"groups\":[\"db\"],\"proposers\":[\"ai\"]", "*", false }
	};
	char to[256];
	size_t i;

	set_card(KIT_CARD, NULL, NULL);
	for (i = 0; i < KIT_COUNT(rows); i++) {
		(void)snprintf(to, sizeof(to), "\"overrides\":[{\"match\":{%s}"
		    ",\"tool\":\"%s\",\"decision\":\"disabled\"}]",
		    rows[i].match, rows[i].tool);
		set_policy(POLICY("execute", NEEDED "," DF, ""),
		    "\"overrides\":[]", to);
		CHECK_MSG((decide("ai", 1)->why.reason != NULL) ==
		    rows[i].hit, "row %zu", i);
	}
	done();
}

TEST(merging_only_tightens)
{
	const struct verdict *v;

	set_card(KIT_CARD, NULL, NULL);
	set_policy(POLICY("execute", "\"command\":{\"decision\":"
	    "\"approval_needed\",\"approvers\":[\"a\",\"b\",\"c\"],"
	    "\"approval_ttl_s\":900,\"rate_per_h\":9,\"min_people\":1,"
	    "\"proofs\":[\"ed25519\",\"ssh\"]}",
	    ALL "\"approvers\":[\"b\",\"c\"],\"managers\":[\"m\"],"
	    "\"approval_ttl_s\":600,\"rate_per_h\":20,\"min_people\":2},"
	    ALL "\"approvers\":[\"c\",\"d\"],\"rate_per_h\":5,"
	    "\"approval_ttl_s\":700,\"proofs\":[\"ssh\",\"webauthn\"],"
	    "\"require_manager\":true,\"requester_may_approve\":false},"
	    "{\"match\":{\"groups\":[]},\"tool\":\"*\",\"approvers\":[]},"
	    ALL "\"require_manager\":true},"
	    ALL "\"require_manager\":false,\"requester_may_approve\":true,"
	    "\"decision\":\"auto\",\"managers\":[\"m\",\"n\"]}"), NULL, NULL);
	v = decide("ai", 2);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(v->decision, POLICY_APPROVAL_NEEDED);
	CHECK(v->require_manager && !v->requester_may_approve);
	CHECK_INT(v->approval_ttl_s, 600);
	CHECK_INT(v->rate_per_h, 5);
	CHECK_INT(v->min_people, 2);
	CHECK_INT(v->proofs, POLICY_PROOF(PROOF_SSH));
	CHECK(!policy_lists_approver(v, bytes_str("a")));
	CHECK(!policy_lists_approver(v, bytes_str("b")));
	CHECK(policy_lists_approver(v, bytes_str("c")));
	CHECK(!policy_lists_approver(v, bytes_str("d")));
	CHECK(policy_lists_manager(v, bytes_str("m")));
	CHECK(!policy_lists_manager(v, bytes_str("n")));
	CHECK_STR(v->rule, "tools.command: approval_needed; overrides[1]: "
	    "require_manager");
	/* A policy without leave of the requester: no tool gives it. */
	set_policy(POLICY("execute", NEEDED, ALL
	    "\"requester_may_approve\":true}"),
	    "\"requester_may_approve\":true,\"console",
	    "\"requester_may_approve\":false,\"console");
	CHECK(!decide("ai", 1)->requester_may_approve);
	done();
}

TEST(overrides_of_auto)
{
	const struct verdict *v;

	set_card(KIT_TOOL_CARD, NULL, NULL);
	set_policy(POLICY("execute", DF,
	    ALL "\"decision\":\"approval_needed\",\"rate_per_h\":90},"
	    ALL "\"limits\":{\"timeout_s\":9,\"memory_mb\":9,"
	    "\"processes\":9,\"output_bytes\":9999}}"), NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(v->decision, POLICY_APPROVAL_NEEDED);
	CHECK_INT(v->rate_per_h, 60);
	CHECK_STR(v->rule, "overrides[0]: approval_needed");
	/* A tool's limits are cut, not refused; the rest stays. */
	CHECK_INT(v->action.limits.timeout_s, 9);
	CHECK_INT(v->action.limits.memory_mb, 9);
	CHECK_INT(v->action.limits.processes, 9);
	CHECK_INT(v->action.limits.output_bytes, 9999);
	CHECK(v->action.no_unix);
	/* What a manager has to agree to does not run by itself. */
	set_policy(POLICY("execute", DF, ALL "\"require_manager\":true}"),
	    NULL, NULL);
	v = decide("ai", 1);
	CHECK_INT(v->decision, POLICY_APPROVAL_NEEDED);
	CHECK_STR(v->rule, "overrides[0]: approval_needed, require_manager");
	/* A rate where the tool has none. */
	set_card(KIT_CARD, NULL, NULL);
	set_policy(POLICY("execute", NEEDED, ALL "\"rate_per_h\":3}"), NULL,
	    NULL);
	CHECK_INT(decide("ai", 1)->rate_per_h, 3);
	/* Tools obey profiles and shells, too. */
	set_card(KIT_TOOL_CARD, NULL, NULL);
	set_policy(POLICY("execute", DF, ALL "\"shells\":[\"argv\"]}"), NULL,
	    NULL);
	CHECK_STR(decide("ai", 1)->why.reason, "shell_not_allowed");
	done();
}

/* A tool of one argument of each type, and a value of one of them. */
#define TYPES \
	"\"t\":{\"decision\":\"approval_needed\",\"shell\":\"sh\"," \
	"\"script\":\"x\",\"args\":{\"a\":{\"type\":\"enum\"," \
	"\"values\":[\"on\",\"off\"]},\"b\":{\"type\":\"word\",\"max\":4}," \
	"\"c\":{\"type\":\"int\",\"min\":-5,\"max\":5}," \
	"\"d\":{\"type\":\"path\"},\"e\":{\"type\":\"text\",\"max\":3}}}"
#define VALUES "\"a\":\"on\",\"b\":\"w\",\"c\":0,\"d\":\"/\",\"e\":\"\""

static const struct {
	const char *from;
	const char *to;
	const char *detail;	/* NULL: taken */
} arguments[] = {
	{ "\"on\"", "\"off\"", NULL },
	{ "\"on\"", "\"of\"", "args.a: not one of the values" },
	{ "\"on\"", "1", "args.a: not a string" },
	{ "\"a\":\"on\",", "", "args.a: missing" },
	{ "\"a\":\"on\",", "\"a\":\"on\",\"x\":1,",
	    "args: one that the tool does not have" },
	{ "\"a\":\"on\",", "\"x\":\"on\",", "args.a: missing" },
	{ "\"w\"", "\"Ab_9\"", NULL },
	{ "\"w\"", "\"_\"", NULL },
	{ "\"w\"", "\"a.:-\"", NULL },
	{ "\"w\"", "\"a@+b\"", NULL },
	{ "\"w\"", "\"abcde\"", "args.b: too long" },
	{ "\"w\"", "\"\"", "args.b: not a word" },
	{ "\"w\"", "\"-a\"", "args.b: not a word" },
	{ "\"w\"", "\".a\"", "args.b: not a word" },
	{ "\"w\"", "\"a b\"", "args.b: not a word" },
	{ "\"w\"", "\"a/b\"", "args.b: not a word" },
	{ "\"w\"", "\"$x\"", "args.b: not a word" },
	{ "\"w\"", "\"a[0]\"", "args.b: not a word" },
	{ "\"w\"", "\"\\u00e9\"", "args.b: not a word" },
	{ "\"c\":0", "\"c\":-5", NULL },
	{ "\"c\":0", "\"c\":5", NULL },
	{ "\"c\":0", "\"c\":-6", "args.c: out of range" },
	{ "\"c\":0", "\"c\":6", "args.c: out of range" },
	{ "\"c\":0", "\"c\":\"0\"", "args.c: not an integer" },
	{ "\"/\"", "\"/srv/a b\"", NULL },
	{ "\"/\"", "\"srv\"", "args.d: not an absolute path" },
	{ "\"/\"", "\"/a/../b\"", "args.d: not an absolute path" },
	{ "\"/\"", "\"\"", "args.d: not an absolute path" },
	{ "\"/\"", "\"/a\\nb\"", "args.d: not an absolute path" },
	{ "\"e\":\"\"", "\"e\":\"\\n$(\"", NULL },
	{ "\"e\":\"\"", "\"e\":\"\\u00e9\\u00e9\\u00e9\"", NULL },
	{ "\"e\":\"\"", "\"e\":\"abcd\"", "args.e: too long" }
};

TEST(arguments_of_every_type)
{
	const struct verdict *v;
	char base[1024];
	size_t i;

	(void)snprintf(base, sizeof(base), "%s", "{\"v\":1,"
	    "\"id\":\"019ba2b1-0000-7000-8000-000000000002\","
	    "\"org\":\"acme\",\"device\":\"" KIT_DEVICE "\",\"tool\":\"t\","
	    "\"args\":{" VALUES "},\"description\":\"x\","
	    "\"created\":\"2026-01-10T12:00:00Z\","
	    "\"expires\":\"2026-01-11T12:00:00Z\"}");
	set_policy(POLICY("execute", TYPES, ""), NULL, NULL);
	for (i = 0; i < KIT_COUNT(arguments); i++) {
		set_card(base, arguments[i].from, arguments[i].to);
		v = decide("ai", 1);
		if (arguments[i].detail == NULL) {
			CHECK_MSG(v->why.reason == NULL, "row %zu: %s", i,
			    v->why.detail);
			continue;
		}
		CHECK_MSG(v->why.reason != NULL &&
		    strcmp(v->why.reason, "bad_argument") == 0, "row %zu", i);
		CHECK_MSG(strncmp(v->why.detail, arguments[i].detail,
		    strlen(arguments[i].detail)) == 0, "row %zu: %s", i,
		    v->why.detail);
		CHECK(v->final);
	}
	done();
}

#define LS "\"disk.free\":{\"decision\":\"approval_needed\",\"shell\":" \
	"\"argv\",\"argv\":[\"/bin/ls\",\"--\",{\"arg\":\"path\"}," \
	"\"\",{\"arg\":\"n_9\"}],\"args\":{\"path\":{\"type\":\"path\"}," \
	"\"n_9\":{\"type\":\"int\",\"min\":-9,\"max\":9}}}"

TEST(environment_and_argv)
{
	static const char env[] = "CS_ARG_PATH=/srv\0CS_ARG_N_9=-3";
	static const char argv[] = "/bin/ls\0--\0/srv\0\0-3";
	const struct verdict *v;
	struct buf b;

	buf_init(&b, 4096);
	set_policy(POLICY("execute", LS "," NEEDED, ""), NULL, NULL);
	set_card(KIT_TOOL_CARD, "{\"path\":\"/srv\"}",
	    "{\"n_9\":-3,\"path\":\"/srv\"}");
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, NULL);
	CHECK_INT(policy_environment(v, &b), 2);
	CHECK_MEM(b.p, b.n, env, sizeof(env));
	buf_clear(&b);
	CHECK_INT(policy_argv(v, &b), 5);
	CHECK_MEM(b.p, b.n, argv, sizeof(argv));
	buf_clear(&b);
	/* What was refused gives no half of a command line. */
	set_card(KIT_TOOL_CARD, NULL, NULL);
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, "bad_argument");
	(void)policy_environment(v, &b);
	CHECK_INT(buf_error(&b), ERR_STATE);
	buf_clear(&b);
	(void)policy_argv(v, &b);
	CHECK_INT(buf_error(&b), ERR_STATE);
	buf_clear(&b);
	set_card(KIT_CARD, NULL, NULL);
	v = decide("ai", 1);
	CHECK_INT(policy_environment(v, &b), 0);
	CHECK_INT(policy_argv(v, &b), 0);
	/* Nor does a tool that is not there. */
	set_card(KIT_TOOL_CARD, "disk.free", "disk.full");
	v = decide("ai", 1);
	CHECK_STR(v->why.reason, "not_listed");
	CHECK_INT(policy_environment(v, &b), 0);
	CHECK_INT(policy_argv(v, &b), 0);
	CHECK(!policy_lists_approver(v, bytes_str("tom")));
	CHECK_INT(b.n, 0);
	buf_free(&b);
	done();
}

/* The longest names still fit. */
TEST(rule_of_the_longest_name)
{
	char tool[65], text[4096];
	const struct verdict *v;

	memset(tool, 'x', 64);
	tool[64] = '\0';
	(void)snprintf(text, sizeof(text), POLICY("lockdown",
	    "\"%s\":{\"decision\":\"approval_needed\",\"shell\":\"sh\","
	    "\"script\":\"x\"}", ALL "\"require_manager\":true}"), tool);
	set_policy(text, NULL, NULL);
	set_card(KIT_TOOL_CARD, "disk.free\",\"args\":{\"path\":\"/srv\"}",
	    (snprintf(text, sizeof(text), "%s\",\"args\":{}", tool), text));
	v = decide("ai", 1);
	(void)snprintf(text, sizeof(text), "mode lockdown; tools.%s: "
	    "approval_needed; overrides[0]: require_manager", tool);
	CHECK_STR(v->rule, text);
	done();
}

TEST(without_memory)
{
	set_policy(POLICY("execute", NEEDED, ""), NULL, NULL);
	set_card(KIT_CARD, NULL, NULL);
	OOM_LOOP {
		/* Only the rule's text needs any: the verdict stands. */
		CHECK_STR(decide("ai", 1)->why.reason, NULL);
		CHECK_INT(verdict.decision, POLICY_APPROVAL_NEEDED);
	}
	done();
}

TEST_MAIN()
