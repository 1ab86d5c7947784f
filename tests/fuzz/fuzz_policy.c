/*
 * fuzz_policy.c - whatever a policy says, `auto` stays what it may be.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The input is a policy. Cards for each of its tools, and a free command, are
 * put before it, and the verdicts have to keep what protocol.md promises.
 */
#include "common/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
check_auto(const struct verdict *v)
{
	const struct action *a = &v->action;

	require(!v->card->is_command && !v->require_manager);
	require(a->profile == ACTION_OBSERVE && a->net != ACTION_NET_HOST);
	require(a->read == ACTION_READ_USER && a->survivors == ACTION_KILL);
	require(a->shell == ACTION_SH || a->shell == ACTION_ARGV);
	require(a->write.n == 0 && a->n_services == 0);
	require(v->rate_per_h > 0);
	require(a->no_unix == (a->net == ACTION_NET_NONE));
}

static void
check_verdict(const struct policy *p, const struct card *c,
    const char *proposer, const struct names *groups)
{
	struct policy_query q = {
		.card = c,
		.proposer = bytes_str(proposer),
		.groups = groups,
		.people_version = 5
	};
	struct verdict v;
	struct buf b;

	policy_decide(p, &q, &v);
	require(memchr(v.rule, 0, sizeof(v.rule)) != NULL);
	require(v.tool == NULL || v.approval_ttl_s <= p->approval_ttl_s);
	require(!v.requester_may_approve || p->requester_may_approve);
	require(p->mode != POLICY_LOCKDOWN || v.why.reason != NULL);
	if (v.why.reason != NULL)
		return;
	require(v.tool != NULL && v.decision != POLICY_DISABLED);
	if (v.decision == POLICY_AUTO)
		check_auto(&v);
	buf_init(&b, (size_t)1 << 20);
	(void)policy_environment(&v, &b);
	(void)policy_argv(&v, &b);
	require(buf_error(&b) == 0);
	buf_free(&b);
}

/* A value that the argument takes, for a card of the tool. */
static void
fill(const struct policy_arg *a, struct card_arg *v)
{
	static const char *const texts[] = {
		[POLICY_ARG_ENUM] = "", [POLICY_ARG_WORD] = "w",
		[POLICY_ARG_INT] = "", [POLICY_ARG_PATH] = "/tmp",
		[POLICY_ARG_TEXT] = "$"
	};

	memset(v, 0, sizeof(*v));
	v->name = a->name;
	v->is_int = a->type == POLICY_ARG_INT;
	v->number = a->min;
	v->text = a->type == POLICY_ARG_ENUM ? a->values.p[0] :
	    bytes_str(texts[a->type]);
}

static void
check_tool(const struct policy *p, const struct policy_tool *t,
    const struct names *groups)
{
	struct card_arg args[CAP_ARGS];
	struct card c;
	size_t i;

	memset(&c, 0, sizeof(c));
	c.tool = t->name;
	c.is_command = bytes_is(t->name, CARD_COMMAND);
	if (c.is_command) {
		action_defaults(&c.action);
		c.action.shell = ACTION_SH;
		c.action.text = bytes_str("x");
	}
	for (i = 0; i < t->n_args; i++)
		fill(&t->args[i], &args[i]);
	c.args = args;
	c.n_args = t->n_args;
	check_verdict(p, &c, "ai", groups);
	check_verdict(p, &c, "bot", groups);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes web = bytes_str("web");
	struct names groups = { true, 1, &web }, none = { true, 0, NULL };
	struct policy *policy;
	struct refusal why;
	size_t i;

	why.reason = NULL;
	if (policy_parse(bytes_of(p, n), &policy, &why) != 0) {
		require(why.reason != NULL);
		return 0;
	}
	for (i = 0; i < policy->n_tools; i++) {
		check_tool(policy, &policy->tools[i], &groups);
		check_tool(policy, &policy->tools[i], &none);
	}
	policy_free(policy);
	return 0;
}
