/*
 * trustwords.c - trust files, and what a new version changes, in plain words.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/trustpaper.h"

#include "common/plain.h"
#include "common/text.h"
#include "platform/clock.h"

#include <string.h>

/* "+" for what comes, "-" for what goes, "~" for what changes. */
static void
change(char sign)
{
	enum say_colour c = sign == '+' ? SAY_GREEN :
	    sign == '-' ? SAY_RED : SAY_YELLOW;

	say("  %s%c%s ", say_colour(c), sign, say_colour(SAY_PLAIN));
}

static void
say_time(int64_t t)
{
	struct buf b;

	buf_init(&b, 100);
	say_age(&b, t, clock_wall_s());
	say_buf(&b);
	buf_free(&b);
}

/* The words of the bits in a mask, with commas. */
static void
say_mask(const struct doc_word *words, unsigned mask, bool shifted)
{
	const char *before = "";

	for (; words->word != NULL; words++) {
		unsigned bit = shifted ? 1u << (unsigned)words->value :
		    (unsigned)words->value;

		if ((mask & bit) == 0)
			continue;
		say("%s%s", before, words->word);
		before = ", ";
	}
	if (before[0] == '\0')
		say("nothing");
}

static void
say_names(const struct names *n)
{
	size_t i;

	for (i = 0; i < n->n; i++) {
		say("%s", i > 0 ? ", " : "");
		say_escape(n->p[i]);
	}
	if (n->n == 0)
		say("nobody");
}

/* ---- root ---- */

static void
show_role(enum trust_file f, const struct root_role *role)
{
	size_t i;

	say("  %s: %zu of ", trust_file_word(f), role->threshold);
	for (i = 0; i < role->n_keys; i++) {
		char id[KEYID_SIZE];

		keyid_make(bytes_of(role->keys[i].key,
		    sizeof(role->keys[i].key)), id);
		say("%s", i > 0 ? ", " : "");
		say_escape(role->keys[i].holder);
		say(" (key %.8s)", id);
	}
	say("\n");
}

static void
show_root(const struct root *r)
{
	int i;

	say("Who signs which file:\n");
	for (i = 0; i < TRUST_FILES; i++)
		show_role((enum trust_file)i, &r->roles[i]);
	say("Log witnesses: %zu\n", r->n_witnesses);
}

static void
diff_keys(enum trust_file f, const struct root_role *a,
    const struct root_role *b, char sign, bool *any)
{
	size_t i;

	for (i = 0; i < a->n_keys; i++) {
		if (paper_holder(b, a->keys[i].key) != NULL)
			continue;
		change(sign);
		say_escape(a->keys[i].holder);
		say(sign == '-' ? " may no longer sign the %s file with a key"
		    " that goes\n" : " may sign the %s file with a new key\n",
		    trust_file_word(f));
		*any = true;
	}
}

static bool
diff_root(const struct root *a, const struct root *b)
{
	bool any = false;
	int i;

	for (i = 0; i < TRUST_FILES; i++) {
		enum trust_file f = (enum trust_file)i;

		diff_keys(f, &a->roles[i], &b->roles[i], '-', &any);
		diff_keys(f, &b->roles[i], &a->roles[i], '+', &any);
		if (a->roles[i].threshold != b->roles[i].threshold) {
			change('~');
			say("the %s file needs %zu signatures, not %zu\n",
			    trust_file_word(f), b->roles[i].threshold,
			    a->roles[i].threshold);
			any = true;
		}
		if (a->min_version[i] != b->min_version[i]) {
			change('~');
			say("the %s file is taken from version %lld, not"
			    " %lld\n", trust_file_word(f),
			    (long long)b->min_version[i],
			    (long long)a->min_version[i]);
			any = true;
		}
	}
	if (a->n_witnesses != b->n_witnesses) {
		change('~');
		say("%zu log witnesses, not %zu\n", b->n_witnesses,
		    a->n_witnesses);
		any = true;
	}
	return any;
}

/* ---- people ---- */

static void
show_key(const struct people_key *k)
{
	say("      %s key %s%s", proof_kind_word(k->key.kind), k->id,
	    k->revoked ? " REVOKED" : "");
	if (k->valid_until < INT64_C(253402300799)) {
		say(", until ");
		say_time(k->valid_until);
	}
	say("\n");
}

static void
show_people(const struct people *p)
{
	size_t i, j;

	for (i = 0; i < p->n_persons; i++) {
		const struct person *q = &p->persons[i];

		say("  ");
		say_escape(q->id);
		say(" (");
		say_escape(q->name);
		say("): ");
		say_mask(person_roles, q->roles, false);
		say("\n");
		for (j = 0; j < q->n_keys; j++)
			show_key(&q->keys[j]);
	}
	for (i = 0; i < p->n_requesters; i++) {
		say("  requester ");
		say_escape(p->requesters[i].id);
		say(", manager ");
		say_escape(p->requesters[i].manager);
		say("\n");
	}
	say("Revoked keys: %zu\n", p->revoked.n);
}

static bool
has_key(const struct person *p, const struct people_key *k)
{
	size_t i;

	for (i = 0; p != NULL && i < p->n_keys; i++)
		if (strcmp(p->keys[i].id, k->id) == 0)
			return true;
	return false;
}

static void
diff_person_keys(const struct person *a, const struct person *b, char sign,
    bool *any)
{
	size_t i;

	for (i = 0; i < a->n_keys; i++) {
		if (has_key(b, &a->keys[i]))
			continue;
		change(sign);
		say_escape(a->id);
		say(" %s %s key %s\n", sign == '+' ? "gains" : "loses",
		    proof_kind_word(a->keys[i].key.kind), a->keys[i].id);
		*any = true;
	}
}

static void
diff_roles(const struct person *a, const struct person *b, bool *any)
{
	unsigned gained = b->roles & ~a->roles, lost = a->roles & ~b->roles;

	if (gained != 0) {
		change('+');
		say_escape(b->id);
		say(" may now act as ");
		say_mask(person_roles, gained, false);
		say("\n");
	}
	if (lost != 0) {
		change('-');
		say_escape(b->id);
		say(" may no longer act as ");
		say_mask(person_roles, lost, false);
		say("\n");
	}
	*any |= gained != 0 || lost != 0;
}

/* Persons of `of` that are not in `in`. */
static void
only_in(const struct people *of, const struct people *in, char sign,
    bool *any)
{
	size_t i;

	for (i = 0; i < of->n_persons; i++) {
		const struct person *p = &of->persons[i];

		if (people_find(in, p->id) != NULL)
			continue;
		change(sign);
		say_escape(p->id);
		say(sign == '+' ? " comes, as " : " goes, who was ");
		say_mask(person_roles, p->roles, false);
		say("\n");
		*any = true;
	}
}

static const struct requester *
requester_of(const struct people *p, struct bytes id)
{
	size_t i;

	for (i = 0; i < p->n_requesters; i++)
		if (bytes_equal(p->requesters[i].id, id))
			return &p->requesters[i];
	return NULL;
}

static bool
same_names(const struct names *a, const struct names *b)
{
	size_t i;

	if (a->listed != b->listed || a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!names_has(b, a->p[i]))
			return false;
	return true;
}

static void
diff_requesters(const struct people *a, const struct people *b, bool *any)
{
	const struct requester *other;
	size_t i;

	for (i = 0; i < a->n_requesters; i++) {
		if (requester_of(b, a->requesters[i].id) != NULL)
			continue;
		change('-');
		say("requester ");
		say_escape(a->requesters[i].id);
		say(" goes\n");
		*any = true;
	}
	for (i = 0; i < b->n_requesters; i++) {
		const struct requester *r = &b->requesters[i];

		other = requester_of(a, r->id);
		if (other != NULL && bytes_equal(other->manager, r->manager) &&
		    same_names(&other->mails, &r->mails))
			continue;
		change(other == NULL ? '+' : '~');
		say("requester ");
		say_escape(r->id);
		say(other == NULL ? " comes, with manager " :
		    " changes; the manager is ");
		say_escape(r->manager);
		say("\n");
		*any = true;
	}
}

static bool
diff_people(const struct people *a, const struct people *b)
{
	bool any = false;
	size_t i;

	only_in(a, b, '-', &any);
	only_in(b, a, '+', &any);
	for (i = 0; i < b->n_persons; i++) {
		const struct person *new = &b->persons[i];
		const struct person *old = people_find(a, new->id);

		if (old == NULL)
			continue;
		diff_roles(old, new, &any);
		diff_person_keys(old, new, '-', &any);
		diff_person_keys(new, old, '+', &any);
	}
	for (i = 0; i < b->revoked.n; i++) {
		if (names_has(&a->revoked, b->revoked.p[i]))
			continue;
		change('-');
		say("key ");
		say_escape(b->revoked.p[i]);
		say(" is revoked\n");
		any = true;
	}
	for (i = 0; i < a->revoked.n; i++) {
		if (names_has(&b->revoked, a->revoked.p[i]))
			continue;
		change('+');
		say("key ");
		say_escape(a->revoked.p[i]);
		say(" is NO LONGER revoked\n");
		any = true;
	}
	diff_requesters(a, b, &any);
	return any;
}

/* ---- policy ---- */

static void
show_rule(const struct policy_rule *r, bool command)
{
	if (r->require_manager)
		say("; also the requester's manager");
	if (!r->requester_may_approve)
		say("; not by the requester");
	if (command) {
		say("; profiles ");
		if (r->profiles == POLICY_ANY)
			say("any");
		else
			say_mask(action_profiles, r->profiles, true);
		say("; shells ");
		if (r->shells == POLICY_ANY)
			say("any");
		else
			say_mask(action_shells, r->shells, true);
	}
	if (r->approvers.listed) {
		say("; approvers ");
		say_names(&r->approvers);
	}
	if (r->proposers.listed) {
		say("; proposers ");
		say_names(&r->proposers);
	}
	if (r->rate_per_h > 0)
		say("; %lld an hour", (long long)r->rate_per_h);
	say("\n");
}

static void
show_tool(const struct policy_tool *t)
{
	struct buf b;
	bool command = bytes_is(t->name, CARD_COMMAND);

	say("  ");
	say_escape(t->name);
	say(": %s", doc_word_of(policy_decisions, (int)t->rule.decision));
	show_rule(&t->rule, command);
	if (command)
		return;
	buf_init(&b, 65536);
	plain_action(&b, &t->action);
	say("      ");
	say_buf(&b);
	say("\n");
	buf_free(&b);
}

static void
show_policy(const struct policy *p)
{
	size_t i;

	say("Mode %s; an approval lives %lld s; the requester %s approve.\n",
	    doc_word_of(policy_modes, (int)p->mode),
	    (long long)p->approval_ttl_s,
	    p->requester_may_approve ? "may" : "may not");
	for (i = 0; i < p->n_tools; i++)
		show_tool(&p->tools[i]);
	for (i = 0; i < p->n_overrides; i++) {
		const struct policy_override *v = &p->overrides[i];

		say("  tighter for ");
		say_escape(v->tool);
		if (v->groups.listed) {
			say(" on devices of ");
			say_names(&v->groups);
		}
		if (v->proposers.listed) {
			say(" proposed by ");
			say_names(&v->proposers);
		}
		if (v->rule.decision != POLICY_AUTO)
			say(": %s", doc_word_of(policy_decisions,
			    (int)v->rule.decision));
		show_rule(&v->rule, false);
	}
}

static bool
same_rule(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->decision == b->decision &&
	    a->require_manager == b->require_manager &&
	    a->requester_may_approve == b->requester_may_approve &&
	    a->profiles == b->profiles && a->shells == b->shells &&
	    a->proofs == b->proofs && same_names(&a->approvers,
	    &b->approvers) && same_names(&a->managers, &b->managers) &&
	    same_names(&a->proposers, &b->proposers) &&
	    a->approval_ttl_s == b->approval_ttl_s &&
	    a->rate_per_h == b->rate_per_h &&
	    a->min_people == b->min_people &&
	    memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0;
}

static bool
same_action(const struct policy_tool *a, const struct policy_tool *b)
{
	size_t i;

	if (a->action.profile != b->action.profile ||
	    a->action.net != b->action.net ||
	    a->action.read != b->action.read ||
	    a->action.shell != b->action.shell ||
	    a->action.survivors != b->action.survivors ||
	    memcmp(&a->action.limits, &b->action.limits,
	    sizeof(a->action.limits)) != 0 ||
	    !bytes_equal(a->action.text, b->action.text) ||
	    a->n_args != b->n_args || a->n_argv != b->n_argv ||
	    a->action.n_services != b->action.n_services ||
	    !same_names(&a->action.write, &b->action.write))
		return false;
	for (i = 0; i < a->n_args; i++)
		if (!bytes_equal(a->args[i].name, b->args[i].name) ||
		    a->args[i].type != b->args[i].type ||
		    a->args[i].min != b->args[i].min ||
		    a->args[i].max != b->args[i].max ||
		    !same_names(&a->args[i].values, &b->args[i].values))
			return false;
	for (i = 0; i < a->n_argv; i++)
		if (!bytes_equal(a->argv[i].text, b->argv[i].text) ||
		    (a->argv[i].arg == NULL) != (b->argv[i].arg == NULL) ||
		    (a->argv[i].arg != NULL && !bytes_equal(
		    a->argv[i].arg->name, b->argv[i].arg->name)))
			return false;
	for (i = 0; i < a->action.n_services; i++)
		if (!bytes_equal(a->action.services[i].unit,
		    b->action.services[i].unit) ||
		    a->action.services[i].verbs != b->action.services[i].verbs)
			return false;
	return true;
}

static void
diff_tool(const struct policy_tool *a, const struct policy_tool *b, bool *any)
{
	if (!same_rule(&a->rule, &b->rule)) {
		change('~');
		say("who may do what changes; before, then after:\n");
		show_tool(a);
		show_tool(b);
		*any = true;
	}
	if (!same_action(a, b)) {
		change('~');
		say("what %.*s runs or may touch changes: read its script\n",
		    (int)b->name.n, (const char *)b->name.p);
		*any = true;
	}
}

static void
diff_tools(const struct policy *a, const struct policy *b, bool *any)
{
	const struct policy_tool *old;
	size_t i;

	for (i = 0; i < a->n_tools; i++) {
		if (policy_tool(b, a->tools[i].name) != NULL)
			continue;
		change('-');
		say("tool");
		show_tool(&a->tools[i]);
		*any = true;
	}
	for (i = 0; i < b->n_tools; i++) {
		old = policy_tool(a, b->tools[i].name);
		if (old != NULL) {
			diff_tool(old, &b->tools[i], any);
			continue;
		}
		change('+');
		say("tool");
		show_tool(&b->tools[i]);
		*any = true;
	}
}

static void
diff_number(const char *what, int64_t a, int64_t b, bool *any)
{
	if (a == b)
		return;
	change('~');
	say("%s: %lld, not %lld\n", what, (long long)b, (long long)a);
	*any = true;
}

static bool
same_override(const struct policy_override *a,
    const struct policy_override *b)
{
	return bytes_equal(a->tool, b->tool) &&
	    same_names(&a->groups, &b->groups) &&
	    same_names(&a->proposers, &b->proposers) &&
	    same_rule(&a->rule, &b->rule);
}

static void
diff_overrides(const struct policy *a, const struct policy *b, bool *any)
{
	bool same = a->n_overrides == b->n_overrides;
	size_t i;

	for (i = 0; same && i < a->n_overrides; i++)
		same = same_override(&a->overrides[i], &b->overrides[i]);
	if (!same) {
		change('~');
		say("the overrides change: %zu before, %zu after; read them\n",
		    a->n_overrides, b->n_overrides);
		*any = true;
	}
	same = a->n_repair_write == b->n_repair_write;
	for (i = 0; same && i < a->n_repair_write; i++)
		same = same_names(&a->repair_write[i].groups,
		    &b->repair_write[i].groups) &&
		    same_names(&a->repair_write[i].roots,
		    &b->repair_write[i].roots);
	if (!same) {
		change('~');
		say("the folders that repairs may write to change; read"
		    " repair_write\n");
		*any = true;
	}
}

static bool
diff_policy(const struct policy *a, const struct policy *b)
{
	bool any = false;

	if (a->mode != b->mode) {
		change('~');
		say("mode %s, not %s\n", doc_word_of(policy_modes,
		    (int)b->mode), doc_word_of(policy_modes, (int)a->mode));
		any = true;
	}
	diff_number("an approval lives, in seconds", a->approval_ttl_s,
	    b->approval_ttl_s, &any);
	diff_number("the requester may approve (1 yes, 0 no)",
	    a->requester_may_approve, b->requester_may_approve, &any);
	diff_number("least version of the people file", a->min_people,
	    b->min_people, &any);
	diff_number("pending cards at most", a->pending, b->pending, &any);
	diff_number("pending cards of one proposer at most",
	    a->pending_per_proposer, b->pending_per_proposer, &any);
	diff_number("days that the record is kept", a->retention_days,
	    b->retention_days, &any);
	diff_number("days that output is kept", a->transcript_days,
	    b->transcript_days, &any);
	if (a->console_may_stop != b->console_may_stop) {
		change('~');
		say("the console may stop runs of: ");
		say_mask(action_profiles, b->console_may_stop, true);
		say("\n");
		any = true;
	}
	diff_tools(a, b, &any);
	diff_overrides(a, b, &any);
	return any;
}

/* ---- device, timestamp ---- */

static void
show_device(const struct device_entry *d)
{
	say("Device ");
	say_escape(d->device);
	say(", named ");
	say_escape(d->name);
	say(", in groups: ");
	say_names(&d->groups);
	say("\n");
}

static bool
diff_device(const struct device_entry *a, const struct device_entry *b)
{
	bool any = false;

	if (!bytes_equal(a->device, b->device) ||
	    !bytes_equal(a->name, b->name) ||
	    !same_names(&a->groups, &b->groups)) {
		change('-');
		show_device(a);
		change('+');
		show_device(b);
		any = true;
	}
	return any;
}

static void
show_timestamp(const struct timestamp *t)
{
	int i;

	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++) {
		char digest[DIGEST_TEXT_SIZE];

		digest_text(&t->digest[i], digest);
		say("  %s version %lld, %.19s…\n",
		    trust_file_word((enum trust_file)i),
		    (long long)t->version[i], digest);
	}
}

static bool
diff_timestamp(const struct timestamp *a, const struct timestamp *b)
{
	bool any = false;
	int i;

	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++)
		diff_number(trust_file_word((enum trust_file)i),
		    a->version[i], b->version[i], &any);
	return any;
}

void
paper_show(const struct paper *p)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&p->digest, digest);
	say("%s%s%s of ", say_colour(SAY_BOLD), trust_file_word(p->file),
	    say_colour(SAY_PLAIN));
	say_escape(p->head.org);
	say(", version %lld, issued ", (long long)p->head.version);
	say_time(p->head.issued);
	say(", expires ");
	say_time(p->head.expires);
	say("\n%s\n", digest);
	if (p->root != NULL)
		show_root(p->root);
	if (p->people != NULL)
		show_people(p->people);
	if (p->policy != NULL)
		show_policy(p->policy);
	if (p->device != NULL)
		show_device(p->device);
	if (p->timestamp != NULL)
		show_timestamp(p->timestamp);
}

bool
paper_diff(const struct paper *old, const struct paper *new)
{
	switch (new->file) {
	case TRUST_ROOT:
		return diff_root(old->root, new->root);
	case TRUST_PEOPLE:
		return diff_people(old->people, new->people);
	case TRUST_POLICY:
		return diff_policy(old->policy, new->policy);
	case TRUST_DEVICE:
		return diff_device(old->device, new->device);
	case TRUST_TIMESTAMP:
		return diff_timestamp(old->timestamp, new->timestamp);
	case TRUST_FILES:
		break;
	}
	return false;
}
