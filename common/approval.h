/*
 * approval.h - approvals, denials and cancels: what is signed, and by whom
 * and when it claims to be.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 3. Whose key signed it is people.h's, whether that
 * person may is rules.h's.
 */
#ifndef COUNTERSIGN_COMMON_APPROVAL_H
#define COUNTERSIGN_COMMON_APPROVAL_H

#include "common/caps.h"
#include "common/digest.h"
#include "common/doc.h"
#include "common/envelope.h"
#include "common/refusal.h"
#include "common/sshsig.h"

enum approval_decision {
	APPROVAL_APPROVE = 1,
	APPROVAL_DENY,
	APPROVAL_CANCEL		/* a cancel payload */
};

/* In what role the person acts. Cancels name none: 0. */
enum approval_role {
	APPROVAL_TECHNICIAN = 1,
	APPROVAL_ADMIN,
	APPROVAL_MANAGER,
	APPROVAL_PROPOSER	/* deny only */
};

/* An approval, denial or cancel. It owns what it points to. */
struct approval {
	enum approval_decision decision;
	struct sha256 digest;	/* of the payload, under its own type */
	struct sha256 card;
	struct sha256 policy;	/* cancels name none: zeros */
	struct bytes device;
	uint8_t device_nonce[CAP_DEVICE_NONCE];
	struct bytes approver;	/* person id; `by` of a cancel */
	enum approval_role role;
	struct bytes reason;	/* may be empty */
	int64_t issued, expires;

	struct doc *doc;	/* the module's own */
};

extern const struct doc_word approval_roles[];
extern const struct doc_word approval_decisions[];	/* approve, deny */

/*
 * Parses the payload of an approval (type PAYLOAD_APPROVAL) or of a cancel
 * (PAYLOAD_CANCEL; nothing else is ever passed). The payload need not outlive
 * the call; free *ret_a with approval_free(). Refused, with *ret_why's reason
 * err_word() of the error: what breaks the field table, `expires` not after
 * `issued` or more than a day after it, role proposer with approve. ERR_NOMEM
 * is no refusal.
 */
MUST_CHECK int approval_parse(enum payload_type type, struct bytes payload,
    struct approval **ret_a, struct refusal *ret_why);
/* NULL is fine. */
void approval_free(struct approval *a);

/*
 * B, the bytes that the key signs, for a payload of that type; and M, what
 * `ssh-keygen -Y sign -n countersign-approval-v1` is given to sign.
 */
void approval_preimage(enum payload_type type, struct bytes payload,
    uint8_t ret_b[SSHSIG_PREIMAGE_SIZE]);
void approval_message(struct buf *b, enum payload_type type,
    struct bytes payload);

/*
 * Whether it counts at this time: ERR_FUTURE `from_the_future` if issued is
 * more than 300 s ahead, ERR_EXPIRED `expired` if now >= expires, ERR_RANGE
 * `lives_too_long` if it lives longer than ttl_s, ERR_RANGE `outlives_card`
 * if it expires after card_expires.
 */
MUST_CHECK int approval_check_time(const struct approval *a, int64_t now,
    int64_t ttl_s, int64_t card_expires, struct refusal *ret_why);

/* What a new one is made of; nothing is owned. */
struct approval_fields {
	enum approval_decision decision;	/* says which payload it is */
	struct sha256 card;
	struct sha256 policy;			/* not for cancels */
	struct bytes device;
	uint8_t device_nonce[CAP_DEVICE_NONCE];
	struct bytes approver;
	enum approval_role role;		/* not for cancels */
	struct bytes reason;
	int64_t issued, expires;
};

/*
 * Appends the payload, in the order of PROTOCOL.md's table. Checks nothing;
 * failures are the buffer's.
 */
void approval_write(struct buf *b, const struct approval_fields *f);

#endif
