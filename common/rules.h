/*
 * rules.h - who may approve, deny and cancel a card, and what is enough.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 3. Signatures have been verified (people.h), the state
 * of the card allows it (state.h); here it is about persons.
 */
#ifndef COUNTERSIGN_COMMON_RULES_H
#define COUNTERSIGN_COMMON_RULES_H

#include "common/approval.h"
#include "common/people.h"
#include "common/policy.h"

/* All that is known of a card at this moment. Nothing is owned. */
struct rules {
	const struct verdict *verdict;
	const struct people *people;
	const struct card *card;
	struct bytes proposer;		/* person id */
	struct sha256 policy;		/* digest of the policy installed */
	uint8_t device_nonce[CAP_DEVICE_NONCE];
	int64_t now;
};

/*
 * Whether anybody could approve the card at all: to be asked when it is taken
 * in. 0 where the verdict is auto. ERR_DENIED:
 *   no_manager    a manager is required, and the requester is not exactly one
 *                 entry, or its manager is no person with that role, the
 *                 proposer, the requester, or not among the managers allowed
 *   no_requester  the requester may not approve, and is not exactly one entry
 */
MUST_CHECK int rules_check_card(const struct rules *r,
    struct refusal *ret_why);

/*
 * Whether the person could approve the card in that role, whatever they have
 * signed so far. ERR_DENIED:
 *   is_proposer     the proposer never approves
 *   is_requester    nor the requester, where the rules say so
 *   wrong_role      the person does not have it, or it is no role to approve
 *                   in (manager where none is required; proposer)
 *   not_manager     another person is the requester's manager
 *   not_allowed     not in a list of approvers or managers
 *   no_manager, no_requester  as above
 */
MUST_CHECK int rules_may_approve(const struct rules *r,
    const struct person *p, enum approval_role role,
    struct refusal *ret_why);

/*
 * Whether an approval or denial that the signer's key verifies counts now:
 * asked when it comes, and again of every accepted one before execution, with
 * the signer looked up by key id (people_find_key()). In this order:
 *   ERR_STATE   wrong_card, wrong_device, wrong_nonce
 *   ERR_DENIED  policy_changed
 *   ERR_KEY     wrong_approver (the signer is somebody else), key_not_valid
 *   approval_check_time()'s
 *   ERR_DENIED  proof_not_allowed, and rules_may_approve()'s
 * A denial by the card's proposer, in role proposer, needs no more than a
 * valid key; by somebody else in that role it is not_proposer.
 */
MUST_CHECK int rules_check_approval(const struct rules *r,
    const struct approval *a, const struct people_signer *s,
    struct refusal *ret_why);

/*
 * The same for a cancel: by somebody who could approve the card in any role,
 * at any time; by its proposer while it has not started, else ERR_STATE
 * `late`. The policy's digest and ttl are not looked at: at most a day, and
 * it may outlive the card.
 */
MUST_CHECK int rules_check_cancel(const struct rules *r,
    const struct approval *a, const struct people_signer *s, bool started,
    struct refusal *ret_why);

/* Who is still missing. */
struct rules_missing {
	bool technician;	/* a technician or admin */
	bool manager;		/* the requester's manager */
};

/*
 * Whether the approvals, each of which rules_check_approval() accepts now,
 * are enough. The same person counts once; the manager and the technician or
 * admin are two. No approval is needed where the verdict is auto.
 */
bool rules_enough(const struct rules *r, const struct approval *const list[],
    size_t n, struct rules_missing *ret_m);

/*
 * Appends, for people, who is still missing: "a technician or admin, and bob,
 * the manager of ann@example.org (claimed by ai-1)". Nothing if nobody is.
 * Names come from signed files; the requester is escaped (text_escape()).
 */
void rules_missing_text(const struct rules *r, const struct rules_missing *m,
    struct buf *b);

#endif
