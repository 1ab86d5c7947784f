/*
 * policycmds.c - policy explain: what a policy makes of a card, and why.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cardview.h"
#include "agent/cli/trustpaper.h"

#include "common/jsonw.h"
#include "common/rules.h"
#include "platform/clock.h"
#include "platform/userfile.h"

#include <string.h>

struct explaining {
	const struct args *args;
	struct paper policy, people, device;
	bool has_people, has_device;
	struct envelope_doc env;
	struct card *card;
	struct bytes group[CAP_GROUPS];
	struct names groups;
	struct bytes proposer;
	struct verdict verdict;
};

/* --FLAG FILE, else DIR/NAME.dsse, else DIR/NAME.json; it may be absent. */
static int
read_paper(const struct args *a, const char *flag, const char *name,
    bool *ret_found, struct paper *ret_p)
{
	const char *given = args_get(a, flag), *dir = args_get(a, "--dir");
	char path[TRUSTPAPER_PATH];

	*ret_found = true;
	if (given != NULL)
		return paper_read(given, ret_p);
	snprintf(path, sizeof(path), "%.4000s/%.60s.dsse",
	    dir != NULL ? dir : "trust", name);
	if (!userfile_exists(path))
		snprintf(path, sizeof(path), "%.4000s/%.60s.json",
		    dir != NULL ? dir : "trust", name);
	*ret_found = userfile_exists(path);
	return *ret_found ? paper_read(path, ret_p) : CLI_DONE;
}

static void
read_groups(struct explaining *x)
{
	const char *text = args_get(x->args, "--groups");

	x->groups.listed = true;
	x->groups.p = x->group;
	if (text == NULL && x->has_device)
		x->groups = x->device.device->groups;
	while (text != NULL && *text != '\0' && x->groups.n < CAP_GROUPS) {
		size_t n = strcspn(text, ",");

		x->group[x->groups.n++] = bytes_of(text, n);
		text += n + (text[n] == ',');
	}
}

static int
find_proposer(struct explaining *x)
{
	const char *given = args_get(x->args, "--proposer");
	struct people_signer s;
	struct refusal why;
	int err;

	if (given != NULL) {
		x->proposer = bytes_str(given);
		return CLI_DONE;
	}
	if (!x->has_people)
		return complain(CLI_USAGE, "say --people FILE or --proposer"
		    " ID", "policy explain: who proposed it?");
	err = people_verify_card(x->people.people, &x->env.e, clock_wall_s(),
	    &s, &why);
	if (err != 0)
		return complain_refusal(err, "the card", &why);
	x->proposer = s.person->id;
	return CLI_DONE;
}

static int
read_all(struct explaining *x)
{
	const struct args *a = x->args;
	char name[64] = "devices/";
	struct refusal why;
	bool found;
	int code, err;

	code = signing_read_type(a->operand[0], PAYLOAD_CARD, &x->env);
	if (code != CLI_DONE)
		return code;
	if ((err = card_parse(x->env.e.payload, &x->card, &why)) != 0)
		return complain_refusal(err, a->operand[0], &why);
	code = read_paper(a, "--policy", "policy", &found, &x->policy);
	if (code != CLI_DONE)
		return code;
	if (!found || x->policy.policy == NULL)
		return complain(CLI_USAGE, "say --policy FILE or --dir DIR",
		    "policy explain: no policy");
	code = read_paper(a, "--people", "people", &x->has_people,
	    &x->people);
	if (code != CLI_DONE)
		return code;
	snprintf(name, sizeof(name), "devices/%.*s", (int)x->card->device.n,
	    (const char *)x->card->device.p);
	code = read_paper(a, "--device", name, &x->has_device, &x->device);
	if (code != CLI_DONE)
		return code;
	if ((x->has_people && x->people.people == NULL) ||
	    (x->has_device && x->device.device == NULL))
		return complain(CLI_USAGE, "check --people and --device", "not"
		    " a people file, or not a device's entry");
	read_groups(x);
	return find_proposer(x);
}

static void
who_approves(const struct explaining *x, struct buf *b)
{
	struct rules r;
	struct rules_missing m;

	memset(&r, 0, sizeof(r));
	r.verdict = &x->verdict;
	r.people = x->people.people;
	r.card = x->card;
	r.proposer = x->proposer;
	r.now = clock_wall_s();
	(void)rules_enough(&r, NULL, 0, &m);
	rules_missing_text(&r, &m, b);
}

static int
explain_json(const struct explaining *x)
{
	const struct verdict *v = &x->verdict;
	struct jsonw w;
	struct buf b;
	int code;

	buf_init(&b, 65536);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_digest(&w, "card", &x->card->digest);
	jsonw_digest(&w, "policy", &x->policy.digest);
	jsonw_cstr(&w, "mode", doc_word_of(policy_modes, (int)v->mode));
	jsonw_cstr(&w, "decision", doc_word_of(policy_decisions,
	    (int)v->decision));
	if (v->why.reason != NULL) {
		jsonw_cstr(&w, "refused", v->why.reason);
		jsonw_cstr(&w, "detail", v->why.detail);
	}
	jsonw_bool(&w, "require_manager", v->require_manager);
	jsonw_int(&w, "approval_ttl_s", v->approval_ttl_s);
	jsonw_cstr(&w, "rule", v->rule);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static void
explain_text(const struct explaining *x)
{
	const struct verdict *v = &x->verdict;
	struct buf b;

	cardview_line("proposer", x->proposer);
	cardview_line("mode", bytes_str(doc_word_of(policy_modes,
	    (int)v->mode)));
	cardview_line("verdict", bytes_str(v->why.reason != NULL ? "refused" :
	    doc_word_of(policy_decisions, (int)v->decision)));
	if (v->why.reason != NULL) {
		cardview_line("because", bytes_str(v->why.reason));
		cardview_line("", bytes_str(v->why.detail));
	}
	cardview_line("rule", bytes_str(v->rule));
	if (v->why.reason != NULL || !x->has_people ||
	    v->decision != POLICY_APPROVAL_NEEDED)
		return;
	buf_init(&b, 65536);
	who_approves(x, &b);
	cardview_line("to approve", buf_bytes(&b));
	buf_free(&b);
}

static int
explain_card(struct explaining *x)
{
	struct policy_query q;
	int code;

	if ((code = read_all(x)) != CLI_DONE)
		return code;
	memset(&q, 0, sizeof(q));
	q.card = x->card;
	q.proposer = x->proposer;
	q.groups = &x->groups;
	q.people_version = x->has_people ? x->people.head.version :
	    CAP_VERSION;
	policy_decide(x->policy.policy, &q, &x->verdict);
	if (args_json(x->args))
		code = explain_json(x);
	else
		explain_text(x);
	return code == CLI_DONE && x->verdict.why.reason != NULL ?
	    CLI_REFUSED : code;
}

static int
explain(const struct args *a)
{
	static struct explaining x;
	int code;

	memset(&x, 0, sizeof(x));
	x.args = a;
	code = explain_card(&x);
	card_free(x.card);
	envelope_free(&x.env);
	paper_free(&x.policy);
	paper_free(&x.people);
	paper_free(&x.device);
	return code;
}

static const struct option explain_options[] = {
	{ "--dir", "DIR", "the folder that trust init made (default trust)" },
	{ "--policy", "FILE", "the policy (else DIR/policy)" },
	{ "--people", "FILE", "the people file (else DIR/people)" },
	{ "--device", "FILE", "the device's entry (else DIR/devices/ID)" },
	{ "--groups", "A,B", "in place of the entry's groups" },
	{ "--proposer", "ID", "in place of who signed the card" },
	{ NULL, NULL, NULL }
};

const struct command commands_policy[] = {
	{ "policy explain", "CARD_FILE", "The verdict of a policy on a card,"
	    " and the rule that decides it.",
	    "  countersign policy explain card.json --dir trust\n",
	    explain_options, 1, 1, explain },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
