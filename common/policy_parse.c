/*
 * policy_parse.c - reading the owner's policy, valid as a whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/policy.h"
#include "common/writeroot.h"

#include <stdlib.h>
#include <string.h>

const struct doc_word policy_modes[] = {
	{ "execute", POLICY_EXECUTE },
	{ "plan", POLICY_PLAN },
	{ "lockdown", POLICY_LOCKDOWN },
	{ NULL, 0 }
};

const struct doc_word policy_decisions[] = {
	{ "auto", POLICY_AUTO },
	{ "approval_needed", POLICY_APPROVAL_NEEDED },
	{ "disabled", POLICY_DISABLED },
	{ NULL, 0 }
};

static const struct doc_word proof_kinds[] = {
	{ "ed25519", PROOF_ED25519 },
	{ "ssh", PROOF_SSH },
	{ "sk", PROOF_SK },
	{ "webauthn", PROOF_WEBAUTHN },
	{ NULL, 0 }
};

static const struct doc_word arg_types[] = {
	{ "enum", POLICY_ARG_ENUM },
	{ "word", POLICY_ARG_WORD },
	{ "int", POLICY_ARG_INT },
	{ "path", POLICY_ARG_PATH },
	{ "text", POLICY_ARG_TEXT },
	{ NULL, 0 }
};

#define WORD_DEFAULT 64		/* characters of a `word` */
#define MASK_WORDS 8

/* What is read, and what the document's error number cannot say. */
struct parse {
	struct policy *policy;
	struct arena *arena;
	const char *denied;	/* the reason of an ERR_DENIED; first that of
				 * a write root (action_read()) */
	const char *why;
};

/* Fails the document with words of our own, unless it has failed already. */
static void
fail(struct parse *p, struct doc_obj *o, const char *field, int err,
    const char *why)
{
	if (doc_error(o->doc) != 0)
		return;
	doc_fail(o, field, err);
	p->why = why;
}

/* The same for what must not be, with the reason that says so. */
static void
deny(struct parse *p, struct doc_obj *o, const char *field,
    const char *reason, const char *why)
{
	if (doc_error(o->doc) == 0)
		p->denied = reason;
	fail(p, o, field, ERR_DENIED, why);
}

/* A list of words as a mask of their values' bits; absent: as it is. */
static void
read_mask(struct doc_obj *o, const char *name, const struct doc_word *words,
    unsigned *ret_mask)
{
	struct doc_obj list;
	unsigned mask = 0;
	int v;

	if (!doc_opt_arr(o, name, MASK_WORDS, &list))
		return;
	while (doc_next(&list)) {
		doc_enum(&list, NULL, words, &v);
		if ((mask & (1u << (unsigned)v)) != 0)
			doc_fail(o, name, ERR_DUPLICATE);
		mask |= 1u << (unsigned)v;
	}
	*ret_mask = mask;
}

static void
rule_defaults(struct policy_rule *ret_r)
{
	static const struct policy_rule none = {
		.decision = POLICY_AUTO,
		.requester_may_approve = true,
		.profiles = POLICY_ANY,
		.shells = POLICY_ANY,
		.proofs = POLICY_ANY,
		.approval_ttl_s = CAP_APPROVAL_TTL_MAX,
		.limits = { CAP_TIMEOUT_MAX, CAP_MEMORY_MB_MAX,
		    CAP_PROCESSES_MAX, CAP_OUTPUT_MAX }
	};

	*ret_r = none;
}

static void
read_ids(struct parse *p, struct doc_obj *o, const char *name,
    struct names *ret_n)
{
	names_opt_read(o, name, TEXT_NAME, TEXT_NAME_MAX, CAP_LIST, p->arena,
	    ret_n);
}

/* What tools and overrides have in common. */
static void
read_rule(struct parse *p, struct doc_obj *o, struct policy_rule *r)
{
	(void)doc_opt_bool(o, "require_manager", &r->require_manager);
	(void)doc_opt_bool(o, "requester_may_approve",
	    &r->requester_may_approve);
	read_mask(o, "proofs", proof_kinds, &r->proofs);
	read_ids(p, o, "approvers", &r->approvers);
	read_ids(p, o, "managers", &r->managers);
	read_ids(p, o, "proposers", &r->proposers);
	(void)doc_opt_int(o, "approval_ttl_s", CAP_APPROVAL_TTL_MIN,
	    CAP_APPROVAL_TTL_MAX, &r->approval_ttl_s);
	(void)doc_opt_int(o, "rate_per_h", 1, CAP_RATE_PER_H, &r->rate_per_h);
	(void)doc_opt_int(o, "min_people", 1, CAP_VERSION, &r->min_people);
}

/* What only free commands and overrides have. */
static void
read_limits(struct doc_obj *o, struct policy_rule *r)
{
	struct doc_obj limits;

	read_mask(o, "profiles", action_profiles, &r->profiles);
	read_mask(o, "shells", action_shells, &r->shells);
	if (doc_opt_obj(o, "limits", &limits)) {
		action_read_limits(&limits, false, &r->limits);
		doc_end(&limits);
	}
}

static void
read_enum_values(struct parse *p, struct doc_obj *o, struct policy_arg *a)
{
	size_t i;

	names_read(o, "values", TEXT_LINE, CAP_ARG_WORD, CAP_ARG_VALUES,
	    p->arena, &a->values);
	if (a->values.n == 0)
		doc_fail(o, "values", ERR_RANGE);
	for (i = 0; doc_error(o->doc) == 0 && i < a->values.n; i++) {
		if (a->values.p[i].p[0] == '-')
			fail(p, o, "values", ERR_CHARACTER,
			    "a value begins with -");
	}
}

static void
read_arg(struct parse *p, struct doc_obj *o, struct policy_arg *a)
{
	int type;

	doc_enum(o, "type", arg_types, &type);
	a->type = (enum policy_arg_type)type;
	if (type == POLICY_ARG_ENUM)
		read_enum_values(p, o, a);
	if (type == POLICY_ARG_WORD) {
		a->max = WORD_DEFAULT;
		(void)doc_opt_int(o, "max", 1, CAP_ARG_WORD, &a->max);
	}
	if (type == POLICY_ARG_TEXT)
		doc_int(o, "max", 1, CAP_ARG_TEXT, &a->max);
	if (type == POLICY_ARG_INT) {
		doc_int(o, "min", -JSON_MAX_INTEGER, JSON_MAX_INTEGER,
		    &a->min);
		doc_int(o, "max", a->min, JSON_MAX_INTEGER, &a->max);
	}
	doc_end(o);
}

static void
read_args(struct parse *p, struct doc_obj *o, struct policy_tool *t)
{
	struct policy_arg *args;
	struct doc_obj list, one;
	size_t i = 0;

	if (!doc_opt_obj(o, "args", &list))
		return;
	t->n_args = doc_count(&list);
	if (t->n_args > CAP_ARGS)
		fail(p, o, "args", ERR_RANGE, "more than 32 arguments");
	args = arena_take(p->arena, t->n_args, sizeof(*args));
	if (args == NULL) {
		t->n_args = 0;
		return;
	}
	while (doc_next(&list)) {
		args[i].name = doc_key(&list);
		if (!card_is_arg_name(args[i].name))
			fail(p, o, "args", ERR_SYNTAX,
			    "no name of an argument");
		doc_obj(&list, NULL, &one);
		read_arg(p, &one, &args[i++]);
	}
	t->args = args;
}

static const struct policy_arg *
find_arg(const struct policy_tool *t, struct bytes name)
{
	size_t i;

	for (i = 0; i < t->n_args; i++) {
		if (bytes_equal(t->args[i].name, name))
			return &t->args[i];
	}
	return NULL;
}

/* An element {"arg":NAME}; text may begin with '-', so only behind "--". */
static void
read_argv_arg(struct parse *p, struct doc_obj *o,
    const struct policy_tool *t, bool options_end, struct policy_argv *ret_a)
{
	struct bytes name;

	doc_str(o, "arg", &name);
	doc_end(o);
	if (doc_error(o->doc) != 0)
		return;
	ret_a->arg = find_arg(t, name);
	if (ret_a->arg == NULL)
		fail(p, o, "arg", ERR_RANGE, "no such argument");
	else if (ret_a->arg->type == POLICY_ARG_TEXT && !options_end)
		deny(p, o, "arg", "text_not_allowed",
		    "a text only after the element --");
}

static void
read_argv(struct parse *p, struct doc_obj *o, struct policy_tool *t)
{
	struct policy_argv *argv;
	struct doc_obj list, one;
	bool options_end = false;
	size_t i = 0;

	doc_arr(o, "argv", CAP_ARGV, &list);
	t->n_argv = doc_count(&list);
	argv = arena_take(p->arena, t->n_argv, sizeof(*argv));
	while (argv != NULL && doc_next(&list)) {
		if (doc_type(&list, NULL) == DOC_OBJECT) {
			doc_obj(&list, NULL, &one);
			read_argv_arg(p, &one, t, options_end, &argv[i]);
		} else {
			doc_text(&list, NULL, TEXT_PLAIN, 0, CAP_ARG_TEXT,
			    &argv[i].text);
			options_end = options_end ||
			    bytes_is(argv[i].text, "--");
		}
		i++;
	}
	if (argv == NULL || argv[0].arg != NULL ||
	    writeroot_check_path(argv[0].text) != 0)
		fail(p, o, "argv", ERR_SYNTAX,
		    "does not begin with an absolute path");
	t->argv = argv;
}

static bool
contains(struct bytes text, const char *what)
{
	size_t i, n = strlen(what);

	for (i = 0; i + n <= text.n; i++) {
		if (memcmp(text.p + i, what, n) == 0)
			return true;
	}
	return false;
}

/*
 * Whether a `text` could become code: bash, and an sh that is bash, evaluate
 * the value of a variable in arithmetic.
 */
static bool
may_evaluate(enum action_shell shell, struct bytes script)
{
	static const char *const arithmetic[] = { "((", "[[", "$[", "let " };
	size_t i;

	if (shell == ACTION_BASH)
		return true;
	for (i = 0; i < sizeof(arithmetic) / sizeof(arithmetic[0]); i++) {
		if (shell == ACTION_SH && contains(script, arithmetic[i]))
			return true;
	}
	return false;
}

static bool
has_text(const struct policy_tool *t)
{
	size_t i;

	for (i = 0; i < t->n_args; i++) {
		if (t->args[i].type == POLICY_ARG_TEXT)
			return true;
	}
	return false;
}

static void
read_script(struct parse *p, struct doc_obj *o, struct policy_tool *t)
{
	struct action *a = &t->action;
	const char *why = NULL;
	int r;

	doc_text(o, "script", TEXT_PLAIN, 1, CAP_SCRIPT, &a->text);
	if (doc_error(o->doc) != 0)
		return;
	if (a->text.n > CAP_SCRIPT)
		fail(p, o, "script", ERR_RANGE, "more than 256 KiB");
	if (a->shell == ACTION_POWERSHELL &&
	    text_utf16_units(a->text) > CAP_COMMAND_UNITS)
		fail(p, o, "script", ERR_RANGE,
		    "more than 8,192 UTF-16 code units for powershell");
	if ((r = action_check_text(a->shell, a->text, &why)) != 0)
		fail(p, o, "script", r, why);
	if (a->shell == ACTION_CMD && t->n_args > 0)
		fail(p, o, "args", ERR_RANGE, "cmd takes no arguments");
	if (has_text(t) && may_evaluate(a->shell, a->text))
		deny(p, o, "args", "text_not_allowed",
		    "a text that the shell could evaluate as arithmetic");
}

/* What the policy's signer may let run without anybody's approval. */
static void
check_auto(struct parse *p, struct doc_obj *o, const struct policy_tool *t)
{
	const struct action *a = &t->action;
	const char *why = NULL;

	if (t->rule.decision != POLICY_AUTO)
		return;
	if (a->profile != ACTION_OBSERVE)
		why = "auto only with profile observe";
	else if (a->shell != ACTION_SH && a->shell != ACTION_ARGV)
		why = "auto only with shell sh or argv";
	else if (a->net == ACTION_NET_HOST)
		why = "auto only with net none or view";
	else if (a->read != ACTION_READ_USER)
		why = "auto only with read user";
	else if (a->survivors != ACTION_KILL)
		why = "auto only with survivors kill";
	else if (t->rule.rate_per_h == 0)
		why = "auto only with rate_per_h";
	if (why != NULL)
		deny(p, o, "decision", "auto_not_allowed", why);
}

static void
read_named(struct parse *p, struct doc_obj *o, struct policy_tool *t)
{
	int shell;

	(void)doc_opt_text(o, "description", TEXT_PLAIN, 1, CAP_DESCRIPTION,
	    &t->description);
	action_read(o, false, p->arena, &t->action);
	doc_enum(o, "shell", action_shells, &shell);
	t->action.shell = (enum action_shell)shell;
	read_args(p, o, t);
	if (doc_error(o->doc) != 0)
		return;
	if (t->action.shell == ACTION_ARGV)
		read_argv(p, o, t);
	else
		read_script(p, o, t);
	check_auto(p, o, t);
	t->action.no_unix = t->rule.decision == POLICY_AUTO &&
	    t->action.net == ACTION_NET_NONE;
}

static void
read_tool(struct parse *p, struct doc_obj *o, struct policy_tool *t)
{
	int decision;

	if (text_check(t->name, TEXT_NAME, NULL) != 0)
		fail(p, o, NULL, ERR_SYNTAX, "no name of a tool");
	rule_defaults(&t->rule);
	t->rule.proofs = POLICY_PROOFS_DEFAULT;
	doc_enum(o, "decision", policy_decisions, &decision);
	t->rule.decision = (enum policy_decision)decision;
	read_rule(p, o, &t->rule);
	if (!bytes_is(t->name, CARD_COMMAND))
		read_named(p, o, t);
	else
		read_limits(o, &t->rule);
	if (bytes_is(t->name, CARD_COMMAND) && decision == POLICY_AUTO)
		deny(p, o, "decision", "auto_not_allowed",
		    "a free command is never auto");
	doc_end(o);
}

static void
read_tools(struct parse *p, struct doc_obj *o)
{
	struct policy_tool *tools;
	struct doc_obj list, one;
	size_t i = 0;

	doc_obj(o, "tools", &list);
	p->policy->n_tools = doc_count(&list);
	if (p->policy->n_tools > CAP_TOOLS)
		fail(p, o, "tools", ERR_RANGE, "more than 1,024 tools");
	tools = arena_take(p->arena, p->policy->n_tools, sizeof(*tools));
	while (tools != NULL && doc_next(&list)) {
		tools[i].name = doc_key(&list);
		doc_obj(&list, NULL, &one);
		read_tool(p, &one, &tools[i++]);
	}
	p->policy->tools = tools;
}

static void
read_override(struct parse *p, struct doc_obj *o, struct policy_override *v)
{
	struct doc_obj match;
	int decision = POLICY_AUTO;

	doc_obj(o, "match", &match);
	names_opt_read(&match, "groups", TEXT_NAME, TEXT_NAME_MAX, CAP_GROUPS,
	    p->arena, &v->groups);
	read_ids(p, &match, "proposers", &v->proposers);
	doc_end(&match);
	doc_text(o, "tool", TEXT_LINE, 1, TEXT_NAME_MAX, &v->tool);
	/* A slip of the pen would leave the rule without effect. */
	if (doc_error(o->doc) == 0 && !bytes_is(v->tool, "*") &&
	    policy_tool(p->policy, v->tool) == NULL)
		fail(p, o, "tool", ERR_RANGE, "no such tool in this policy");
	rule_defaults(&v->rule);
	if (doc_has(o, "decision"))
		doc_enum(o, "decision", policy_decisions, &decision);
	v->rule.decision = (enum policy_decision)decision;
	read_rule(p, o, &v->rule);
	read_limits(o, &v->rule);
	doc_end(o);
}

static void
read_overrides(struct parse *p, struct doc_obj *o)
{
	struct policy_override *overrides;
	struct doc_obj list, one;
	size_t i = 0;

	if (!doc_opt_arr(o, "overrides", CAP_OVERRIDES, &list))
		return;
	p->policy->n_overrides = doc_count(&list);
	overrides = arena_take(p->arena, p->policy->n_overrides,
	    sizeof(*overrides));
	while (overrides != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		read_override(p, &one, &overrides[i++]);
	}
	p->policy->overrides = overrides;
}

static void
read_repair_write(struct parse *p, struct doc_obj *o)
{
	struct policy_write *writes;
	struct doc_obj list, one;
	size_t i = 0, j;

	if (!doc_opt_arr(o, "repair_write", CAP_REPAIR_WRITE, &list))
		return;
	p->policy->n_repair_write = doc_count(&list);
	writes = arena_take(p->arena, p->policy->n_repair_write,
	    sizeof(*writes));
	while (writes != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		names_read(&one, "groups", TEXT_NAME, TEXT_NAME_MAX,
		    CAP_GROUPS, p->arena, &writes[i].groups);
		names_read(&one, "roots", TEXT_LINE, CAP_PATH,
		    CAP_REPAIR_WRITE, p->arena, &writes[i].roots);
		doc_end(&one);
		for (j = 0; doc_error(o->doc) == 0 &&
		    j < writes[i].roots.n; j++) {
			if (writeroot_check_path(writes[i].roots.p[j]) != 0)
				fail(p, &one, "roots", ERR_SYNTAX,
				    "no absolute path in its one form");
		}
		i++;
	}
	p->policy->repair_write = writes;
}

static void
read_settings(struct doc_obj *o, struct policy *t)
{
	struct doc_obj limits;
	int mode;

	doc_enum(o, "mode", policy_modes, &mode);
	t->mode = (enum policy_mode)mode;
	t->approval_ttl_s = CAP_APPROVAL_TTL_DEFAULT;
	(void)doc_opt_int(o, "approval_ttl_s", CAP_APPROVAL_TTL_MIN,
	    CAP_APPROVAL_TTL_MAX, &t->approval_ttl_s);
	doc_bool(o, "requester_may_approve", &t->requester_may_approve);
	read_mask(o, "console_may_stop", action_profiles,
	    &t->console_may_stop);
	(void)doc_opt_int(o, "min_people", 1, CAP_VERSION, &t->min_people);
	t->pending = CAP_PENDING;
	t->pending_per_proposer = CAP_PENDING_PER_PROPOSER;
	if (doc_opt_obj(o, "limits", &limits)) {
		(void)doc_opt_int(&limits, "pending", 1, CAP_PENDING,
		    &t->pending);
		(void)doc_opt_int(&limits, "pending_per_proposer", 1,
		    CAP_PENDING, &t->pending_per_proposer);
		doc_end(&limits);
	}
	t->retention_days = CAP_RETENTION_DAYS_DEFAULT;
	(void)doc_opt_int(o, "retention_days", CAP_RETENTION_DAYS_MIN,
	    CAP_RETENTION_DAYS_MAX, &t->retention_days);
	t->transcript_days = CAP_TRANSCRIPT_DAYS_DEFAULT;
	(void)doc_opt_int(o, "transcript_days", 1, CAP_TRANSCRIPT_DAYS_MAX,
	    &t->transcript_days);
}

static int
refuse(const struct parse *p, int r, struct refusal *ret_why)
{
	const struct doc *d = p->policy->doc;

	if (p->why != NULL)
		refusal_field(ret_why, r, doc_error_field(d), p->why);
	if (r == ERR_DENIED)
		ret_why->reason = p->denied;
	return r;
}

int
policy_parse(struct bytes payload, struct policy **ret_p,
    struct refusal *ret_why)
{
	struct policy *t = calloc(1, sizeof(*t));
	struct parse p = { .policy = t, .denied = "needs_full" };
	struct doc_obj o;
	int r;

	if (t == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "policy");
	p.arena = &t->arena;
	if ((r = trust_doc_open(payload, &t->doc, ret_why)) == 0) {
		o = doc_root(t->doc);
		trust_head_read(&o, TRUST_POLICY, &t->head);
		read_settings(&o, t);
		read_repair_write(&p, &o);
		read_tools(&p, &o);
		read_overrides(&p, &o);
		doc_end(&o);
		r = trust_doc_close(payload, t->doc, &t->arena, ret_why);
	}
	if (r != 0) {
		(void)refuse(&p, r, ret_why);
		policy_free(t);
		return r;
	}
	*ret_p = t;
	return 0;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	doc_free(p->doc);
	arena_free(&p->arena);
	free(p);
}
