/*
 * review.h - verifying a pending file from nothing but the installed pin.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * Nobody between the device owner and the approver is believed: root chain,
 * people, policy and the device's entry are verified from the pin; the card by
 * the people file; and no file may be older than one that was seen here.
 */
#ifndef COUNTERSIGN_AGENT_CLI_REVIEW_H
#define COUNTERSIGN_AGENT_CLI_REVIEW_H

#include "agent/cli/cli.h"
#include "common/envelope.h"
#include "common/rules.h"
#include "common/trust.h"

#define REVIEW_ROOTS 64		/* of a chain */
#define REVIEW_APPROVALS 64

struct review {
	int64_t now;
	struct pin pin;
	struct trust *trust;
	struct card *card;
	struct people_signer proposer;
	struct verdict verdict;
	struct rules rules;
	/* What the pending file claims, which nothing here proves. */
	struct doc *doc;
	char state[32];
	size_t n_approved;
	char approved[REVIEW_APPROVALS][TEXT_NAME_MAX + 1];	/* persons */
	bool as_manager[REVIEW_APPROVALS];
	/* The module's own. */
	struct envelope_doc card_env, roots[REVIEW_ROOTS], files[3];
	size_t n_roots;
};

/*
 * Takes a pending file and verifies it. Complains; CLI_*. review_free() it,
 * after a failure, too.
 */
MUST_CHECK int review_read(struct bytes json, int64_t now,
    struct review *ret_r);
void review_free(struct review *r);

/* Shows the card whole, the ages of the files and who still has to approve. */
void review_show(const struct review *r);

/*
 * In which role the person is to act: the first that is missing and that they
 * may act in, or the one named by word (may be NULL). Complains; CLI_*.
 */
MUST_CHECK int review_role(const struct review *r, const struct person *p,
    enum approval_decision decision, const char *word,
    enum approval_role *ret_role);

#endif
