/*
 * policy.h - the owner's policy, and its verdict on a card.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 4. A policy is valid as a whole or not at all. The
 * verdict merges mode, tool and every override that matches, always to the
 * stricter side, so that an override can only tighten. What requires a manager
 * is never auto.
 */
#ifndef COUNTERSIGN_COMMON_POLICY_H
#define COUNTERSIGN_COMMON_POLICY_H

#include "common/action.h"
#include "common/card.h"
#include "common/proof.h"
#include "common/trustfile.h"

/* From the loosest to the strictest: a merge takes the larger. */
enum policy_mode {
	POLICY_EXECUTE = 1,
	POLICY_PLAN,
	POLICY_LOCKDOWN
};

enum policy_decision {
	POLICY_AUTO = 1,
	POLICY_APPROVAL_NEEDED,
	POLICY_DISABLED
};

extern const struct doc_word policy_modes[];
extern const struct doc_word policy_decisions[];

/* proofs are masks of POLICY_PROOF(kind), enum proof_kind. */
#define POLICY_PROOF(kind) (1u << (unsigned)(kind))
#define POLICY_PROOFS_DEFAULT (POLICY_PROOF(PROOF_ED25519) | \
	POLICY_PROOF(PROOF_SK) | POLICY_PROOF(PROOF_WEBAUTHN))
#define POLICY_ANY 0xffffffffu

/* What a tool and an override have in common: each limits, none allows. */
struct policy_rule {
	enum policy_decision decision;	/* overrides: POLICY_AUTO is none */
	bool require_manager;
	bool requester_may_approve;	/* true where absent */
	unsigned profiles;		/* ACTION_BIT, or POLICY_ANY */
	unsigned shells;
	unsigned proofs;
	struct names approvers, managers, proposers;
	int64_t approval_ttl_s;		/* CAP_APPROVAL_TTL_MAX where absent */
	int64_t rate_per_h;		/* 0: no limit */
	int64_t min_people;		/* 0: none */
	struct action_limits limits;	/* the largest where absent */
};

enum policy_arg_type {
	POLICY_ARG_ENUM = 1,
	POLICY_ARG_WORD,
	POLICY_ARG_INT,
	POLICY_ARG_PATH,
	POLICY_ARG_TEXT
};

struct policy_arg {
	struct bytes name;
	enum policy_arg_type type;
	struct names values;	/* enum */
	int64_t min, max;	/* int: range; word, text: characters */
};

/* An element of a tool's argv: a constant, or an argument's value. */
struct policy_argv {
	struct bytes text;
	const struct policy_arg *arg;	/* NULL: the text */
};

struct policy_tool {
	struct bytes name;
	struct policy_rule rule;
	/* For all but "command": */
	struct bytes description;	/* may be empty */
	struct action action;
	const struct policy_arg *args;
	size_t n_args;
	const struct policy_argv *argv;	/* with ACTION_ARGV */
	size_t n_argv;
};

struct policy_override {
	struct names groups, proposers;	/* what it matches; absent: all */
	struct bytes tool;		/* a name, or "*" */
	struct policy_rule rule;
};

struct policy_write {
	struct names groups;
	struct names roots;
};

/* It owns what it points to. */
struct policy {
	struct trust_head head;
	enum policy_mode mode;
	int64_t approval_ttl_s;
	bool requester_may_approve;
	unsigned console_may_stop;	/* ACTION_BIT of profiles */
	int64_t min_people;		/* 0: none */
	int64_t pending, pending_per_proposer;
	int64_t retention_days, transcript_days;
	const struct policy_write *repair_write;
	size_t n_repair_write;
	const struct policy_tool *tools;
	size_t n_tools;
	const struct policy_override *overrides;
	size_t n_overrides;
	struct doc *doc;
	struct arena arena;
};

/*
 * Parses a policy payload, invalid as a whole if anything in it is: besides
 * the field table, `auto` beyond what it may be, `text` arguments where they
 * could become code or options, arguments with cmd, an argv element that names
 * no argument, an override of a tool that is not there. Errors and reasons as
 * card_parse()'s, and with ERR_DENIED `auto_not_allowed`, `text_not_allowed`
 * and `needs_full`.
 */
MUST_CHECK int policy_parse(struct bytes payload, struct policy **ret_p,
    struct refusal *ret_why);
void policy_free(struct policy *p);

/* The tool of that name, or NULL. */
const struct policy_tool *policy_tool(const struct policy *p,
    struct bytes name);

/* Whose card it is and where. */
struct policy_query {
	const struct card *card;
	struct bytes proposer;		/* person id */
	const struct names *groups;	/* of the device's entry */
	int64_t people_version;		/* of the people file held */
	/* Folders that no repair may write to besides the built-in ones. */
	const char *const *refused_roots;
	size_t n_refused_roots;
};

#define VERDICT_RULE_SIZE 160

/*
 * What the policy says of a card. It points into the policy and the card,
 * which outlive it. With a refusal, the rest still says what the rules merged
 * to, but action, which is only good without one.
 */
struct verdict {
	/* why.reason is NULL unless refused. */
	struct refusal why;
	bool final;			/* the refusal claims the digest */
	enum policy_mode mode;
	enum policy_decision decision;
	bool require_manager;
	bool requester_may_approve;
	unsigned proofs;		/* POLICY_PROOF */
	int64_t approval_ttl_s;
	int64_t rate_per_h;		/* 0: no limit */
	int64_t min_people;
	bool console_may_stop;		/* for this action's profile */
	struct action action;		/* limits merged */
	char rule[VERDICT_RULE_SIZE];	/* which rule decided, for people */

	/* For policy_lists_*() and policy_environment(). */
	const struct policy *policy;
	const struct policy_tool *tool;
	const struct card *card;
	uint8_t matched[CAP_OVERRIDES / 8];
};

/*
 * The verdict. Refusals, all final but the first and the last:
 *   lockdown            the policy's mode
 *   not_listed          no such tool in the policy
 *   disabled            the tool's decision
 *   proposer_not_allowed  not in a list of proposers
 *   profile_not_allowed, shell_not_allowed
 *   limit_exceeded      a command asks for more than the rules allow
 *   bad_argument        a named tool's arguments are not those that it has
 *   write_not_allowed   a root outside repair_write of the device's groups
 *   needs_full          a root that is full by nature (writeroot.h)
 *   people_too_old      the people file is below min_people
 * Mode plan is no refusal: the gate records `planned` and runs nothing.
 */
void policy_decide(const struct policy *p, const struct policy_query *q,
    struct verdict *ret_v);

/* Whether every list of approvers (managers) has the person; absent: yes. */
bool policy_lists_approver(const struct verdict *v, struct bytes person);
bool policy_lists_manager(const struct verdict *v, struct bytes person);

/*
 * For a named tool: appends, for every argument, a NUL-terminated
 * "CS_ARG_NAME=value" to b. Returns how many; for a command 0. Failures are the
 * buffer's; ERR_STATE if the verdict is a refusal and an argument is missing.
 */
size_t policy_environment(const struct verdict *v, struct buf *b);
/*
 * For a tool of ACTION_ARGV: appends every element, NUL-terminated, the
 * program's path first. Returns how many; for any other action 0. Failures as
 * above.
 */
size_t policy_argv(const struct verdict *v, struct buf *b);

#endif
