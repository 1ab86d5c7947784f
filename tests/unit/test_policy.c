/*
 * test_policy.c - the policy file: valid as a whole, or not at all.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * test_verdict.c has what follows from it.
 */
#include "common/policy.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

static struct buf text;

static int
parse(const char *base, const char *from, const char *to, struct policy **p,
    struct refusal *why)
{
	buf_free(&text);
	buf_init(&text, KIT_MAX);
	kit_edit(&text, base, from, to);
	return policy_parse(buf_bytes(&text), p, why);
}

static struct policy *
good(const char *base, const char *from, const char *to)
{
	struct policy *p = NULL;
	struct refusal why;
	int r = parse(base, from, to, &p, &why);

	CHECK_MSG(r == 0, "%s: %s: %s", to != NULL ? to : "", why.reason,
	    why.detail);
	return p;
}

#define HEAD "{\"v\":1,\"org\":\"acme\",\"version\":1,"	\
	"\"issued\":\"2026-01-03T00:00:00Z\","		\
	"\"expires\":\"2026-02-01T00:00:00Z\","
#define LEAST HEAD "\"mode\":\"plan\",\"requester_may_approve\":false,"	\
	"\"tools\":{}}"
/* Everything that can stand in one. */
#define TOOL "\"df\":{\"decision\":\"approval_needed\","	\
	"\"description\":\"Free space\",\"shell\":\"sh\","	\
	"\"script\":\"df\",\"profile\":\"repair\",\"net\":\"view\","	\
	"\"read\":\"all\",\"write\":[\"/srv/x\"],\"services\":[" \
	"{\"unit\":\"a.service\",\"verbs\":[\"stop\"]}],"	\
	"\"survivors\":\"keep\",\"limits\":{\"timeout_s\":10},"	\
	"\"args\":{\"a\":{\"type\":\"enum\",\"values\":[\"x\",\"y\"]},"	\
	"\"b\":{\"type\":\"word\"},\"c\":{\"type\":\"word\",\"max\":9}," \
	"\"d\":{\"type\":\"int\",\"min\":-5,\"max\":5},"	\
	"\"e\":{\"type\":\"path\"},\"f\":{\"type\":\"text\",\"max\":80}}}"
#define ARGV "\"ls\":{\"decision\":\"auto\",\"shell\":\"argv\","	\
	"\"argv\":[\"/bin/ls\",\"-l\",\"--\",{\"arg\":\"p\"},"	\
	"{\"arg\":\"t\"}],\"args\":{\"p\":{\"type\":\"path\"},"	\
	"\"t\":{\"type\":\"text\",\"max\":5}},\"rate_per_h\":9}"
#define COMMAND "\"command\":{\"decision\":\"approval_needed\","	\
	"\"require_manager\":true,\"requester_may_approve\":false,"	\
	"\"profiles\":[\"observe\",\"repair\"],\"shells\":[\"sh\"],"	\
	"\"proofs\":[\"ed25519\",\"ssh\",\"sk\",\"webauthn\"],"	\
	"\"approvers\":[\"tom\"],\"managers\":[\"max\"],"	\
	"\"proposers\":[\"ai\"],\"approval_ttl_s\":400,"	\
	"\"rate_per_h\":7,\"min_people\":3,\"limits\":{\"memory_mb\":64}}"
#define OVERRIDE							\
	"{\"match\":{\"groups\":[\"web\"],\"proposers\":[\"ai\"]},"	\
	"\"tool\":\"*\",\"decision\":\"disabled\",\"approvers\":[],"	\
	"\"shells\":[\"argv\"],\"limits\":{}}"
#define MOST HEAD "\"mode\":\"execute\",\"approval_ttl_s\":86400,"	\
	"\"requester_may_approve\":true,\"console_may_stop\":["	\
	"\"observe\",\"full\"],\"min_people\":2,\"limits\":{"	\
	"\"pending\":50,\"pending_per_proposer\":5},"	\
	"\"retention_days\":90,\"transcript_days\":1,\"repair_write\":[" \
	"{\"groups\":[\"web\"],\"roots\":[\"/srv\",\"/\"]}],"	\
	"\"tools\":{" COMMAND "," TOOL "," ARGV "},"	\
	"\"overrides\":[" OVERRIDE "]}"

TEST(reads_the_least)
{
	struct policy *p = good(LEAST, NULL, NULL);

	CHECK_INT(p->mode, POLICY_PLAN);
	CHECK_INT(p->approval_ttl_s, 900);
	CHECK(!p->requester_may_approve);
	CHECK_INT(p->console_may_stop, 0);
	CHECK_INT(p->min_people, 0);
	CHECK_INT(p->pending, 10000);
	CHECK_INT(p->pending_per_proposer, 200);
	CHECK_INT(p->retention_days, 400);
	CHECK_INT(p->transcript_days, 7);
	CHECK_INT(p->n_repair_write + p->n_tools + p->n_overrides, 0);
	policy_free(p);
	policy_free(NULL);
	buf_free(&text);
}

TEST(reads_the_most)
{
	struct policy *p = good(MOST, NULL, NULL);
	const struct policy_override *v = p->overrides;
	const struct policy_rule *r;

	CHECK_INT(p->mode, POLICY_EXECUTE);
	CHECK_INT(p->approval_ttl_s, 86400);
	CHECK_INT(p->console_may_stop,
	    ACTION_BIT(ACTION_OBSERVE) | ACTION_BIT(ACTION_FULL));
	CHECK_INT(p->min_people, 2);
	CHECK_INT(p->pending, 50);
	CHECK_INT(p->pending_per_proposer, 5);
	CHECK_INT(p->retention_days, 90);
	CHECK_INT(p->transcript_days, 1);
	CHECK_INT(p->n_repair_write, 1);
	CHECK_INT(p->repair_write[0].roots.n, 2);
	CHECK_INT(p->n_tools, 3);
	CHECK(policy_tool(p, bytes_str("nope")) == NULL);
	r = &policy_tool(p, bytes_str("command"))->rule;
	CHECK_INT(r->decision, POLICY_APPROVAL_NEEDED);
	CHECK(r->require_manager && !r->requester_may_approve);
	CHECK_INT(r->profiles,
	    ACTION_BIT(ACTION_OBSERVE) | ACTION_BIT(ACTION_REPAIR));
	CHECK_INT(r->shells, ACTION_BIT(ACTION_SH));
	CHECK_INT(r->proofs, POLICY_PROOFS_DEFAULT |
	    POLICY_PROOF(PROOF_SSH));
	CHECK(names_has(&r->approvers, bytes_str("tom")));
	CHECK_INT(r->approval_ttl_s, 400);
	CHECK_INT(r->rate_per_h, 7);
	CHECK_INT(r->min_people, 3);
	CHECK_INT(r->limits.memory_mb, 64);
	CHECK_INT(r->limits.timeout_s, CAP_TIMEOUT_MAX);
	CHECK(v->groups.listed && v->proposers.listed);
	CHECK(v->rule.approvers.listed && v->rule.approvers.n == 0);
	CHECK(!v->rule.managers.listed);
	CHECK_INT(v->rule.decision, POLICY_DISABLED);
	CHECK_INT(v->rule.proofs, POLICY_ANY);
	CHECK_INT(v->rule.profiles, POLICY_ANY);
	CHECK(v->rule.requester_may_approve);
	policy_free(p);
	buf_free(&text);
}

TEST(reads_named_tools)
{
	struct policy *p = good(MOST, NULL, NULL);
	const struct policy_tool *t = policy_tool(p, bytes_str("df"));
	const struct action *a = &t->action;

	CHECK(bytes_is(t->description, "Free space"));
	CHECK_INT(t->rule.proofs, POLICY_PROOFS_DEFAULT);
	CHECK_INT(a->profile, ACTION_REPAIR);
	CHECK_INT(a->net, ACTION_NET_VIEW);
	CHECK_INT(a->read, ACTION_READ_ALL);
	CHECK_INT(a->write.n, 1);
	CHECK_INT(a->n_services, 1);
	CHECK_INT(a->survivors, ACTION_KEEP);
	CHECK_INT(a->limits.timeout_s, 10);
	CHECK_INT(a->limits.memory_mb, 512);
	CHECK_INT(a->shell, ACTION_SH);
	CHECK(bytes_is(a->text, "df") && !a->no_unix);
	CHECK_INT(t->n_args, 6);
	CHECK_INT(t->args[0].type, POLICY_ARG_ENUM);
	CHECK_INT(t->args[0].values.n, 2);
	CHECK_INT(t->args[1].max, 64);
	CHECK_INT(t->args[2].max, 9);
	CHECK_INT(t->args[3].min, -5);
	CHECK_INT(t->args[4].type, POLICY_ARG_PATH);
	CHECK_INT(t->args[5].max, 80);
	t = policy_tool(p, bytes_str("ls"));
	CHECK_INT(t->action.shell, ACTION_ARGV);
	CHECK_INT(t->action.text.n, 0);
	CHECK_INT(t->action.profile, ACTION_OBSERVE);
	CHECK_INT(t->action.net, ACTION_NET_NONE);
	CHECK(t->action.no_unix);
	CHECK_INT(t->n_argv, 5);
	CHECK(bytes_is(t->argv[0].text, "/bin/ls"));
	CHECK(t->argv[3].arg == &t->args[0] && t->argv[4].arg == &t->args[1]);
	policy_free(p);
	buf_free(&text);
}

/* The change makes another valid policy of MOST. */
static const char *const taken[][2] = {
	{ "\"proofs\":[\"ed25519\",\"ssh\",\"sk\",\"webauthn\"],",
	    "\"proofs\":[]," },
	{ "\"profiles\":[\"observe\",\"repair\"]", "\"profiles\":[\"full\"]" },
	{ "\"tool\":\"*\"", "\"tool\":\"command\"" },
	{ "\"decision\":\"disabled\",", "" },
	{ "{\"groups\":[\"web\"],\"proposers\":[\"ai\"]}", "{}" },
	{ "\"mode\":\"execute\"", "\"mode\":\"lockdown\"" },
	{ TOOL, "\"x\":{\"decision\":\"auto\",\"shell\":\"sh\",\"net\":"
	    "\"view\",\"script\":\"ip a\",\"rate_per_h\":1}" },
	{ TOOL, "\"x\":{\"decision\":\"approval_needed\",\"shell\":\"bash\","
	    "\"script\":\"((1))\",\"args\":{\"a\":{\"type\":\"word\"}}}" },
	{ TOOL, "\"x\":{\"decision\":\"disabled\",\"shell\":\"cmd\","
	    "\"script\":\"dir\",\"args\":{}}" },
	{ TOOL, "\"x\":{\"decision\":\"approval_needed\",\"shell\":\"pwsh\","
	    "\"script\":\"ls\\n\",\"args\":{\"a\":{\"type\":\"text\","
	    "\"max\":1}}}" },
	{ TOOL, "\"x\":{\"decision\":\"approval_needed\",\"shell\":\"sh\","
	    "\"profile\":\"full\",\"net\":\"host\",\"script\":\"reboot\"}" },
	{ "{\"arg\":\"t\"}", "\"\"" }
};

TEST(takes)
{
	size_t i;

	for (i = 0; i < KIT_COUNT(taken); i++)
		policy_free(good(MOST, taken[i][0], taken[i][1]));
	policy_free(good(KIT_POLICY, NULL, NULL));
	buf_free(&text);
}

struct bad {
	const char *from;
	const char *to;
	int err;
	const char *detail;
};

#define X(fields) "\"x\":{" fields "}"
#define SH(decision, more) X("\"decision\":\"" decision "\"," \
	"\"shell\":\"sh\",\"script\":\"x\"" more)
#define OTHER(shell, script, more) X("\"decision\":\"disabled\"," \
	"\"shell\":\"" shell "\",\"script\":\"" script "\"" more)
#define TEXT_ARG ",\"args\":{\"a\":{\"type\":\"text\",\"max\":9}}"
#define ARG(spec) SH("disabled", ",\"args\":{\"a\":{" spec "}}")

static const struct bad fields[] = {
	{ "{\"v\":1,", "{\"v\":1,\"enabled\":true,", ERR_UNKNOWN_FIELD,
	    "enabled" },
	{ "\"mode\":\"execute\",", "", ERR_MISSING_FIELD, "mode" },
	{ "\"mode\":\"execute\"", "\"mode\":\"Execute\"", ERR_RANGE, "mode" },
	{ "\"requester_may_approve\":true,", "", ERR_MISSING_FIELD,
	    "requester_may_approve" },
	{ "\"requester_may_approve\":true", "\"requester_may_approve\":1",
	    ERR_TYPE, "requester_may_approve" },
	{ "\"approval_ttl_s\":86400", "\"approval_ttl_s\":86401", ERR_RANGE,
	    "approval_ttl_s" },
	{ "\"approval_ttl_s\":86400", "\"approval_ttl_s\":299", ERR_RANGE,
	    "approval_ttl_s" },
	{ "[\"observe\",\"full\"]", "[\"observe\",\"observe\"]",
	    ERR_DUPLICATE, "console_may_stop" },
	{ "[\"observe\",\"full\"]", "[\"all\"]", ERR_RANGE,
	    "console_may_stop" },
	{ "\"min_people\":2", "\"min_people\":0", ERR_RANGE, "min_people" },
	{ "\"pending\":50", "\"pending\":10001", ERR_RANGE,
	    "limits.pending" },
	{ "\"pending\":50", "\"pending\":50,\"x\":1", ERR_UNKNOWN_FIELD,
	    "limits.x" },
	{ "\"pending_per_proposer\":5", "\"pending_per_proposer\":0",
	    ERR_RANGE, "limits.pending_per_proposer" },
	{ "\"retention_days\":90", "\"retention_days\":89", ERR_RANGE,
	    "retention_days" },
	{ "\"transcript_days\":1", "\"transcript_days\":0", ERR_RANGE,
	    "transcript_days" },
	{ "\"roots\":[\"/srv\",\"/\"]", "\"roots\":[\"srv\"]", ERR_SYNTAX,
	    "repair_write.roots" },
	{ "\"roots\":[\"/srv\",\"/\"]", "\"roots\":[\"/srv/../etc\"]",
	    ERR_SYNTAX, "repair_write.roots" },
	{ "{\"groups\":[\"web\"],\"roots\"", "{\"roots\"", ERR_MISSING_FIELD,
	    "repair_write.groups" },
	{ "\"/\"]}]", "\"/\"],\"x\":1}]", ERR_UNKNOWN_FIELD,
	    "repair_write.x" },
	{ "\"tools\":{", "\"tools\":{\"\":{},", ERR_SYNTAX,
	    "no name of a tool" },
	{ "\"tools\":{", "\"tools\":{\"a b\":{},", ERR_SYNTAX,
	    "a?b: no name of a tool" },
	{ "\"tools\":{", "\"tools\":{\"a\":1,", ERR_TYPE, "tools.a" },
	{ "\"command\":{\"decision\":\"approval_needed\",", "\"command\":{",
	    ERR_MISSING_FIELD, "command.decision" },
	{ "\"command\":{\"decision\":\"approval_needed\",",
	    "\"command\":{\"decision\":\"allow\",", ERR_RANGE,
	    "command.decision" },
	{ "\"command\":{\"decision\":\"approval_needed\",",
	    "\"command\":{\"decision\":\"approval_needed\",\"script\":\"x\",",
	    ERR_UNKNOWN_FIELD, "command.script" },
	{ "\"approvers\":[\"tom\"]", "\"approvers\":[\"tom\",\"tom\"]",
	    ERR_DUPLICATE, "command.approvers" },
	{ "\"approvers\":[\"tom\"]", "\"approvers\":\"tom\"", ERR_TYPE,
	    "command.approvers" },
	{ "\"approval_ttl_s\":400", "\"approval_ttl_s\":100", ERR_RANGE,
	    "command.approval_ttl_s" },
	{ "\"rate_per_h\":7", "\"rate_per_h\":0", ERR_RANGE,
	    "command.rate_per_h" },
	{ "\"proofs\":[\"ed25519\",\"ssh\"", "\"proofs\":[\"rsa\"", ERR_RANGE,
	    "proofs" },
	{ "\"shells\":[\"sh\"]", "\"shells\":[\"zsh\"]", ERR_RANGE,
	    "shells" },
	{ "\"memory_mb\":64", "\"memory_mb\":0", ERR_RANGE,
	    "limits.memory_mb" },
	{ "\"memory_mb\":64", "\"mem\":64", ERR_UNKNOWN_FIELD,
	    "limits.mem" },
	{ "\"tool\":\"*\"", "\"tool\":\"nope\"", ERR_RANGE,
	    "overrides.tool: no such tool" },
	{ "\"tool\":\"*\",", "", ERR_MISSING_FIELD, "overrides.tool" },
	{ "{\"groups\":[\"web\"],\"proposers\"", "{\"devices\":[],"
	    "\"proposers\"", ERR_UNKNOWN_FIELD, "match.devices" },
	{ "\"match\":{\"groups\":[\"web\"],\"proposers\":[\"ai\"]},", "",
	    ERR_MISSING_FIELD, "overrides.match" },
	{ "\"tool\":\"*\"", "\"tool\":\"*\",\"mode\":\"plan\"",
	    ERR_UNKNOWN_FIELD, "overrides.mode" },
	{ "\"decision\":\"disabled\"", "\"decision\":\"never\"", ERR_RANGE,
	    "overrides.decision" }
};

static const struct bad tools[] = {
	{ TOOL, X("\"decision\":\"disabled\",\"script\":\"x\""),
	    ERR_MISSING_FIELD, "x.shell" },
	{ TOOL, X("\"decision\":\"disabled\",\"shell\":\"sh\""),
	    ERR_MISSING_FIELD, "x.script" },
	{ TOOL, SH("disabled", ",\"argv\":[\"/x\"]"), ERR_UNKNOWN_FIELD,
	    "x.argv" },
	{ TOOL, SH("disabled", ",\"profiles\":[\"full\"]"),
	    ERR_UNKNOWN_FIELD, "x.profiles" },
	{ TOOL, SH("disabled", ",\"shells\":[]"), ERR_UNKNOWN_FIELD,
	    "x.shells" },
	{ TOOL, SH("disabled", ",\"description\":\"\""), ERR_RANGE,
	    "x.description" },
	{ TOOL, SH("disabled", ",\"write\":[\"/srv\"]"), ERR_RANGE,
	    "x.write" },
	{ TOOL, SH("disabled", ",\"limits\":{\"timeout_s\":0}"), ERR_RANGE,
	    "limits.timeout_s" },
	{ TOOL, OTHER("sh", "", ""), ERR_RANGE, "x.script" },
	{ TOOL, OTHER("sh", "a\\u200b", ""), ERR_CHARACTER, "" },
	{ TOOL, OTHER("cmd", "a\\nb", ""), ERR_SYNTAX,
	    "x.script: cmd takes one line" },
	{ TOOL, OTHER("cmd", "a", TEXT_ARG), ERR_RANGE,
	    "x.args: cmd takes no arguments" },
	{ TOOL, OTHER("pwsh", "param()", ""), ERR_SYNTAX,
	    "x.script: PowerShell" },
	{ TOOL, ARG("\"type\":\"float\""), ERR_RANGE, "a.type" },
	{ TOOL, ARG(""), ERR_MISSING_FIELD, "a.type" },
	{ TOOL, ARG("\"type\":\"enum\""), ERR_MISSING_FIELD, "a.values" },
	{ TOOL, ARG("\"type\":\"enum\",\"values\":[]"), ERR_RANGE,
	    "a.values" },
	{ TOOL, ARG("\"type\":\"enum\",\"values\":[\"a\",\"-b\"]"),
	    ERR_CHARACTER, "a.values: a value begins" },
	{ TOOL, ARG("\"type\":\"enum\",\"values\":[\"a\",\"a\"]"),
	    ERR_DUPLICATE, "a.values" },
	{ TOOL, ARG("\"type\":\"word\",\"max\":0"), ERR_RANGE, "a.max" },
	{ TOOL, ARG("\"type\":\"word\",\"max\":256"), ERR_RANGE, "a.max" },
	{ TOOL, ARG("\"type\":\"word\",\"min\":1"), ERR_UNKNOWN_FIELD,
	    "a.min" },
	{ TOOL, ARG("\"type\":\"text\""), ERR_MISSING_FIELD, "a.max" },
	{ TOOL, ARG("\"type\":\"text\",\"max\":4097"), ERR_RANGE, "a.max" },
	{ TOOL, ARG("\"type\":\"int\",\"max\":1"), ERR_MISSING_FIELD,
	    "a.min" },
	{ TOOL, ARG("\"type\":\"int\",\"min\":2,\"max\":1"), ERR_RANGE,
	    "a.max" },
	{ TOOL, ARG("\"type\":\"path\",\"max\":1"), ERR_UNKNOWN_FIELD,
	    "a.max" },
	{ TOOL, SH("disabled", ",\"args\":{\"A\":{\"type\":\"path\"}}"),
	    ERR_SYNTAX, "x.args: no name" },
	{ TOOL, SH("disabled", ",\"args\":[]"), ERR_TYPE, "x.args" },
	{ "{\"arg\":\"t\"}", "{\"arg\":\"q\"}", ERR_RANGE,
	    "argv.arg: no such argument" },
	{ "{\"arg\":\"t\"}", "{\"arg\":\"t\",\"x\":1}", ERR_UNKNOWN_FIELD,
	    "argv.x" },
	{ "{\"arg\":\"t\"}", "{\"arg\":1}", ERR_TYPE, "argv.arg" },
	{ "{\"arg\":\"t\"}", "1", ERR_TYPE, "argv" },
	{ "\"/bin/ls\"", "\"ls\"", ERR_SYNTAX, "ls.argv: does not begin" },
	{ "\"/bin/ls\"", "{\"arg\":\"p\"}", ERR_SYNTAX,
	    "ls.argv: does not begin" },
	{ "\"/bin/ls\",\"-l\",\"--\",{\"arg\":\"p\"},{\"arg\":\"t\"}", "",
	    ERR_SYNTAX, "ls.argv: does not begin" },
	{ "\"shell\":\"argv\",", "\"shell\":\"argv\",\"script\":\"x\",",
	    ERR_UNKNOWN_FIELD, "ls.script" }
};

static void
check_bad(const struct bad *rows, size_t n)
{
	struct policy *p = NULL;
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = parse(MOST, rows[i].from, rows[i].to, &p, &why);
		CHECK_MSG(r == rows[i].err && p == NULL, "row %zu: %d %s", i,
		    r, why.detail);
		CHECK_MSG(strcmp(why.reason, err_word(r)) == 0,
		    "row %zu: %s", i, why.reason);
		CHECK_MSG(strncmp(why.detail, rows[i].detail,
		    strlen(rows[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
	}
	buf_free(&text);
}

TEST(refuses_fields)
{
	check_bad(fields, KIT_COUNT(fields));
}

TEST(refuses_tools)
{
	check_bad(tools, KIT_COUNT(tools));
}

#define AUTO(more) X("\"decision\":\"auto\",\"script\":\"x\"," more)

/* What makes the policy invalid for what it would let run. */
static const struct {
	const char *from;
	const char *to;
	const char *reason;
	const char *detail;
} denied[] = {
	{ "\"command\":{\"decision\":\"approval_needed\",",
	    "\"command\":{\"decision\":\"auto\",", "auto_not_allowed",
	    "command.decision: a free command" },
	{ TOOL, AUTO("\"shell\":\"sh\""), "auto_not_allowed",
	    "x.decision: auto only with rate_per_h" },
	{ TOOL, AUTO("\"shell\":\"bash\",\"rate_per_h\":1"),
	    "auto_not_allowed", "x.decision: auto only with shell" },
	{ TOOL, AUTO("\"shell\":\"pwsh\",\"rate_per_h\":1"),
	    "auto_not_allowed", "x.decision: auto only with shell" },
	{ TOOL, AUTO("\"shell\":\"sh\",\"rate_per_h\":1,\"profile\":"
	    "\"repair\""), "auto_not_allowed",
	    "x.decision: auto only with profile" },
	{ TOOL, AUTO("\"shell\":\"sh\",\"rate_per_h\":1,\"profile\":\"full\""),
	    "auto_not_allowed", "x.decision: auto only with profile" },
	{ TOOL, AUTO("\"shell\":\"sh\",\"rate_per_h\":1,\"net\":\"host\""),
	    "auto_not_allowed", "x.decision: auto only with net" },
	{ TOOL, AUTO("\"shell\":\"sh\",\"rate_per_h\":1,\"read\":\"all\""),
	    "auto_not_allowed", "x.decision: auto only with read" },
	{ TOOL, AUTO("\"shell\":\"sh\",\"rate_per_h\":1,\"survivors\":"
	    "\"keep\""), "auto_not_allowed",
	    "x.decision: auto only with survivors" },
	{ TOOL, SH("disabled", ",\"profile\":\"repair\",\"write\":[\"/etc\"]"),
	    "needs_full", "x.write" },
	{ TOOL, OTHER("bash", "x", TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	/* The first thing that is wrong is what it says. */
	{ TOOL, AUTO("\"shell\":\"bash\"" TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	{ TOOL, OTHER("sh", "echo $((1))", TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	{ TOOL, OTHER("sh", "[[ a ]]", TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	{ TOOL, OTHER("sh", "echo $[1]", TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	{ TOOL, OTHER("sh", "let a", TEXT_ARG), "text_not_allowed",
	    "x.args: a text that" },
	{ "\"--\",{\"arg\":\"p\"}", "{\"arg\":\"p\"}", "text_not_allowed",
	    "argv.arg: a text only after" }
};

TEST(refuses_what_it_would_allow)
{
	struct policy *p = NULL;
	struct refusal why;
	size_t i;

	for (i = 0; i < KIT_COUNT(denied); i++) {
		CHECK_MSG(parse(MOST, denied[i].from, denied[i].to, &p,
		    &why) == ERR_DENIED && p == NULL, "row %zu", i);
		CHECK_MSG(strcmp(why.reason, denied[i].reason) == 0,
		    "row %zu: %s", i, why.reason);
		CHECK_MSG(strncmp(why.detail, denied[i].detail,
		    strlen(denied[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
	}
	buf_free(&text);
}

/* A policy with n times what `unit` is between two texts. */
static int
parse_many(const char *from, const char *before, const char *unit, size_t n,
    const char *after, struct refusal *why)
{
	struct policy *p = NULL;
	struct buf to;
	const char *c;
	size_t i;
	int r;

	buf_init(&to, KIT_MAX);
	buf_put_str(&to, before);
	for (i = 0; i < n; i++) {
		for (c = unit; *c != '\0'; c++) {
			if (*c == '#')
				buf_printf(&to, "%zu", i);
			else
				buf_put_u8(&to, (uint8_t)*c);
		}
	}
	buf_put_str(&to, after);
	buf_put_u8(&to, 0);
	CHECK_INT(buf_error(&to), 0);
	r = parse(MOST, from, (const char *)to.p, &p, why);
	policy_free(p);
	buf_free(&to);
	buf_free(&text);
	return r;
}

TEST(sizes_to_the_last)
{
	static const struct {
		const char *from;
		const char *before;
		const char *unit;
		size_t most;
		const char *after;
	} rows[] = {
		{ TOOL, "\"x\":{\"decision\":\"disabled\",\"shell\":\"sh\","
		    "\"script\":\"", "x", CAP_SCRIPT, "\"}" },
		/* Bytes, not characters. */
		{ TOOL, "\"x\":{\"decision\":\"disabled\",\"shell\":\"sh\","
		    "\"script\":\"", "\303\244", CAP_SCRIPT / 2, "\"}" },
		{ TOOL, "\"x\":{\"decision\":\"disabled\",\"shell\":"
		    "\"powershell\",\"script\":\"", "x", 8192, "\"}" },
		{ TOOL, "\"x\":{\"decision\":\"disabled\",\"shell\":\"sh\","
		    "\"script\":\"x\",\"args\":{\"z\":{\"type\":\"path\"}",
		    ",\"a#\":{\"type\":\"path\"}", 31, "}}" },
		{ "\"/bin/ls\",", "\"/bin/ls\"", ",\"\"", 59, "," },
		{ COMMAND, COMMAND, ",\"t#\":{\"decision\":\"disabled\","
		    "\"shell\":\"sh\",\"script\":\"x\"}", 1021, "" },
		{ "\"overrides\":[" OVERRIDE "]",
		    "\"overrides\":[" OVERRIDE, ",{\"match\":{},"
		    "\"tool\":\"*\"}", 255, "]" },
		{ "\"repair_write\":[", "\"repair_write\":[",
		    "{\"groups\":[],\"roots\":[]},", 255, "" },
		{ "[\"tom\"]", "[\"a\"", ",\"p#\"", 4095, "]" }
	};
	struct refusal why;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		CHECK_MSG(parse_many(rows[i].from, rows[i].before,
		    rows[i].unit, rows[i].most, rows[i].after, &why) == 0,
		    "row %zu: %s", i, why.detail);
		CHECK_MSG(parse_many(rows[i].from, rows[i].before,
		    rows[i].unit, rows[i].most + 1, rows[i].after, &why) ==
		    ERR_RANGE, "row %zu: %s", i, why.detail);
	}
}

TEST(without_memory)
{
	struct policy *p;
	struct refusal why;

	OOM_LOOP {
		int r;

		p = NULL;
		r = policy_parse(bytes_str(MOST), &p, &why);
		CHECK_MSG(r == (OOM_FIRED() ? ERR_NOMEM : 0), "%d %s", r,
		    why.detail);
		if (r != 0)
			CHECK_STR(why.reason, "no_memory");
		policy_free(p);
	}
}

TEST_MAIN()
