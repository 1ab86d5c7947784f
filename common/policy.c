/*
 * policy.c - the policy's verdict on a card.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/policy.h"
#include "common/policy_args.h"
#include "common/writeroot.h"

#include <string.h>

/* The tool's own rule, where an override's index stands. */
#define TOOL_RULE (-1)

/* What the rules merge to, and which of them made it so. */
struct merged {
	struct policy_rule rule;
	int decided_by;
	int manager_by;
};

const struct policy_tool *
policy_tool(const struct policy *p, struct bytes name)
{
	size_t i;

	for (i = 0; i < p->n_tools; i++) {
		if (bytes_equal(p->tools[i].name, name))
			return &p->tools[i];
	}
	return NULL;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
tighten_limits(struct action_limits *a, const struct action_limits *b)
{
	a->timeout_s = least(a->timeout_s, b->timeout_s);
	a->memory_mb = least(a->memory_mb, b->memory_mb);
	a->processes = least(a->processes, b->processes);
	a->output_bytes = least(a->output_bytes, b->output_bytes);
}

/* Merges one more rule in, to the stricter side. */
static void
tighten(struct merged *m, const struct policy_rule *r, int by)
{
	struct policy_rule *to = &m->rule;

	if (r->decision > to->decision) {
		to->decision = r->decision;
		m->decided_by = by;
	}
	if (r->require_manager && !to->require_manager) {
		to->require_manager = true;
		m->manager_by = by;
	}
	to->requester_may_approve = to->requester_may_approve &&
	    r->requester_may_approve;
	to->profiles &= r->profiles;
	to->shells &= r->shells;
	to->proofs &= r->proofs;
	to->approval_ttl_s = least(to->approval_ttl_s, r->approval_ttl_s);
	to->min_people = most(to->min_people, r->min_people);
	if (to->rate_per_h == 0)
		to->rate_per_h = r->rate_per_h;
	else if (r->rate_per_h > 0)
		to->rate_per_h = least(to->rate_per_h, r->rate_per_h);
	tighten_limits(&to->limits, &r->limits);
}

static bool
matches(const struct policy_override *v, const struct policy_query *q)
{
	if (!bytes_is(v->tool, "*") && !bytes_equal(v->tool, q->card->tool))
		return false;
	if (v->groups.listed && !names_meet(&v->groups, q->groups))
		return false;
	return names_allow(&v->proposers, q->proposer);
}

static bool
is_matched(const struct verdict *v, size_t i)
{
	return (v->matched[i / 8] & (1u << i % 8)) != 0;
}

static void
merge(const struct policy *p, const struct policy_query *q,
    struct verdict *v, struct merged *ret_m)
{
	size_t i;

	ret_m->rule = v->tool->rule;
	ret_m->decided_by = TOOL_RULE;
	ret_m->manager_by = TOOL_RULE;
	for (i = 0; i < p->n_overrides; i++) {
		if (!matches(&p->overrides[i], q))
			continue;
		v->matched[i / 8] |= (uint8_t)(1u << i % 8);
		tighten(ret_m, &p->overrides[i].rule, (int)i);
	}
	/* What a manager has to agree to does not run by itself. */
	if (ret_m->rule.require_manager &&
	    ret_m->rule.decision == POLICY_AUTO) {
		ret_m->rule.decision = POLICY_APPROVAL_NEEDED;
		ret_m->decided_by = ret_m->manager_by;
	}
	v->decision = ret_m->rule.decision;
	v->require_manager = ret_m->rule.require_manager;
	v->requester_may_approve = p->requester_may_approve &&
	    ret_m->rule.requester_may_approve;
	v->proofs = ret_m->rule.proofs;
	v->approval_ttl_s = least(p->approval_ttl_s,
	    ret_m->rule.approval_ttl_s);
	v->rate_per_h = ret_m->rule.rate_per_h;
	v->min_people = most(p->min_people, ret_m->rule.min_people);
}

static void
put_rule(struct buf *b, const struct verdict *v, int by)
{
	if (by != TOOL_RULE) {
		buf_printf(b, "overrides[%d]", by);
		return;
	}
	buf_put_str(b, "tools.");
	buf_put_bytes(b, v->tool->name);
}

/* Names the rules that decided; the parts are short, so that it fits. */
static void
name_rule(struct verdict *v, const struct merged *m)
{
	struct buf b;

	buf_init(&b, sizeof(v->rule) - 1);
	if (v->mode != POLICY_EXECUTE)
		buf_printf(&b, "mode %s; ",
		    doc_word_of(policy_modes, (int)v->mode));
	put_rule(&b, v, m->decided_by);
	buf_printf(&b, ": %s",
	    doc_word_of(policy_decisions, (int)v->decision));
	if (v->require_manager && m->manager_by == m->decided_by) {
		buf_put_str(&b, ", require_manager");
	} else if (v->require_manager) {
		buf_put_str(&b, "; ");
		put_rule(&b, v, m->manager_by);
		buf_put_str(&b, ": require_manager");
	}
	/* Without memory the text is cut; the verdict stands. */
	if (b.n > 0)
		memcpy(v->rule, b.p, b.n);
	buf_free(&b);
}

/* ---- refusals: each says why not, or gives NULL ---- */

/* What the checks below look at. */
struct check {
	const struct policy *policy;
	const struct policy_query *query;
	const struct policy_rule *rule;
	struct verdict *v;
};

static const char *
check_mode(const struct check *c)
{
	return c->policy->mode == POLICY_LOCKDOWN ?
	    "the policy's mode is lockdown" : NULL;
}

static const char *
check_listed(const struct check *c)
{
	return c->v->tool == NULL ? "no such tool in the policy" : NULL;
}

static const char *
check_enabled(const struct check *c)
{
	return c->rule->decision == POLICY_DISABLED ?
	    "the tool is disabled" : NULL;
}

static const char *
check_proposer(const struct check *c)
{
	const char *why = "the proposer is not in the list";
	struct bytes id = c->query->proposer;
	size_t i;

	if (!names_allow(&c->v->tool->rule.proposers, id))
		return why;
	for (i = 0; i < c->policy->n_overrides; i++) {
		if (is_matched(c->v, i) && !names_allow(
		    &c->policy->overrides[i].rule.proposers, id))
			return why;
	}
	return NULL;
}

static const char *
check_profile(const struct check *c)
{
	return (c->rule->profiles & ACTION_BIT(c->v->action.profile)) == 0 ?
	    "profile: not one that the rules allow" : NULL;
}

static const char *
check_shell(const struct check *c)
{
	return (c->rule->shells & ACTION_BIT(c->v->action.shell)) == 0 ?
	    "shell: not one that the rules allow" : NULL;
}

/* A person approved a command's limits; a tool's were merged instead. */
static const char *
check_limits(const struct check *c)
{
	const struct action_limits *has = &c->v->action.limits;
	const struct action_limits *max = &c->rule->limits;

	if (has->timeout_s > max->timeout_s)
		return "limits.timeout_s: more than the rules allow";
	if (has->memory_mb > max->memory_mb)
		return "limits.memory_mb: more than the rules allow";
	if (has->processes > max->processes)
		return "limits.processes: more than the rules allow";
	if (has->output_bytes > max->output_bytes)
		return "limits.output_bytes: more than the rules allow";
	return NULL;
}

/* Fills in the detail itself: it has a name in it. */
static const char *
check_args(const struct check *c)
{
	struct verdict *v = c->v;
	struct bytes name;
	const char *why;

	if (v->card->is_command)
		return NULL;
	if ((why = policy_args_check(v->tool, v->card, &name)) != NULL)
		refusal_set(&v->why, 0, NULL, "args%s%.*s: %s",
		    name.n > 0 ? "." : "", (int)name.n,
		    name.n > 0 ? (const char *)name.p : "", why);
	return why != NULL ? v->why.detail : NULL;
}

static bool
may_write(const struct check *c, struct bytes root)
{
	const struct policy_write *w = c->policy->repair_write;
	size_t i, j;

	for (i = 0; i < c->policy->n_repair_write; i++) {
		if (!names_meet(&w[i].groups, c->query->groups))
			continue;
		for (j = 0; j < w[i].roots.n; j++) {
			if (writeroot_is_below(root, w[i].roots.p[j]))
				return true;
		}
	}
	return false;
}

static const char *
check_roots(const struct check *c)
{
	const struct names *roots = &c->v->action.write;
	size_t i;

	for (i = 0; i < roots->n; i++) {
		if (!may_write(c, roots->p[i]))
			return "write: outside repair_write of the device's "
			    "groups";
	}
	return NULL;
}

static const char *
check_full(const struct check *c)
{
	const struct names *roots = &c->v->action.write;
	const struct policy_query *q = c->query;
	const char *which;
	size_t i;

	for (i = 0; i < roots->n; i++) {
		if (writeroot_check(roots->p[i], q->refused_roots,
		    q->n_refused_roots, &which) != 0)
			return "write: a folder that only profile full may "
			    "write to";
	}
	return NULL;
}

static const char *
check_people(const struct check *c)
{
	return c->query->people_version < c->v->min_people ?
	    "the people file is older than the policy demands" : NULL;
}

static const struct {
	const char *reason;
	const char *(*check)(const struct check *c);
	bool final;
} checks[] = {
	{ "lockdown", check_mode, false },
	{ "not_listed", check_listed, true },
	{ "disabled", check_enabled, true },
	{ "proposer_not_allowed", check_proposer, true },
	{ "profile_not_allowed", check_profile, true },
	{ "shell_not_allowed", check_shell, true },
	{ "limit_exceeded", check_limits, true },
	{ "bad_argument", check_args, true },
	{ "write_not_allowed", check_roots, true },
	{ "needs_full", check_full, true },
	{ "people_too_old", check_people, false }
};

static void
run_checks(const struct check *c)
{
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if ((why = checks[i].check(c)) == NULL)
			continue;
		c->v->why.reason = checks[i].reason;
		if (why != c->v->why.detail)
			refusal_set(&c->v->why, 0, checks[i].reason, "%s",
			    why);
		c->v->final = checks[i].final;
		return;
	}
}

/* What would run, with a tool's limits cut to those of the rules. */
static void
resolve(struct verdict *v, const struct policy_rule *rule)
{
	if (v->card->is_command) {
		v->action = v->card->action;
		return;
	}
	v->action = v->tool->action;
	tighten_limits(&v->action.limits, &rule->limits);
}

void
policy_decide(const struct policy *p, const struct policy_query *q,
    struct verdict *ret_v)
{
	struct verdict *v = ret_v;
	struct merged m;
	struct check c = { .policy = p, .query = q, .rule = &m.rule, .v = v };

	memset(v, 0, sizeof(*v));
	memset(&m, 0, sizeof(m));
	v->policy = p;
	v->card = q->card;
	v->mode = p->mode;
	v->decision = POLICY_DISABLED;
	v->tool = policy_tool(p, q->card->tool);
	if (v->tool != NULL) {
		merge(p, q, v, &m);
		resolve(v, &m.rule);
		name_rule(v, &m);
		v->console_may_stop = (p->console_may_stop &
		    ACTION_BIT(v->action.profile)) != 0;
	}
	run_checks(&c);
}

/* Whether all lists of one kind have the person; which picks the kind. */
static bool
all_allow(const struct verdict *v, struct bytes person,
    const struct names *(*which)(const struct policy_rule *r))
{
	size_t i;

	if (v->tool == NULL || !names_allow(which(&v->tool->rule), person))
		return false;
	for (i = 0; i < v->policy->n_overrides; i++) {
		if (is_matched(v, i) && !names_allow(
		    which(&v->policy->overrides[i].rule), person))
			return false;
	}
	return true;
}

static const struct names *
approvers(const struct policy_rule *r)
{
	return &r->approvers;
}

static const struct names *
managers(const struct policy_rule *r)
{
	return &r->managers;
}

bool
policy_lists_approver(const struct verdict *v, struct bytes person)
{
	return all_allow(v, person, approvers);
}

bool
policy_lists_manager(const struct verdict *v, struct bytes person)
{
	return all_allow(v, person, managers);
}
