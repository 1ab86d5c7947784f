/*
 * fuzz_approval.c - approvals, denials and cancels write back as they came.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The first byte says as what the rest is read.
 */
#include "common/approval.h"

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
write_again(const struct approval *a, struct buf *b)
{
	struct approval_fields f = {
		.decision = a->decision,
		.card = a->card,
		.policy = a->policy,
		.device = a->device,
		.approver = a->approver,
		.role = a->role,
		.reason = a->reason,
		.issued = a->issued,
		.expires = a->expires
	};

	memcpy(f.device_nonce, a->device_nonce, sizeof(f.device_nonce));
	approval_write(b, &f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum payload_type type;
	struct approval *a, *again;
	struct buf one, two;
	struct refusal why;

	if (n == 0)
		return 0;
	type = p[0] % 2 != 0 ? PAYLOAD_CANCEL : PAYLOAD_APPROVAL;
	why.reason = NULL;
	if (approval_parse(type, bytes_of(p + 1, n - 1), &a, &why) != 0) {
		require(why.reason != NULL);
		return 0;
	}
	require((a->decision == APPROVAL_CANCEL) == (type == PAYLOAD_CANCEL));
	require((a->role == 0) == (type == PAYLOAD_CANCEL));
	require(a->role != APPROVAL_PROPOSER || a->decision == APPROVAL_DENY);
	require(a->approver.n > 0 && a->device.n == 28);
	require(a->expires > a->issued &&
	    a->expires - a->issued <= CAP_APPROVAL_TTL_MAX);
	/* At the end of its life it has ended, whatever else. */
	require(approval_check_time(a, a->expires, CAP_APPROVAL_TTL_MAX,
	    a->expires, &why) != 0);
	require(approval_check_time(a, a->expires - 1, CAP_APPROVAL_TTL_MAX,
	    a->expires, &why) == 0);
	buf_init(&one, CAP_APPROVAL);
	buf_init(&two, CAP_APPROVAL);
	write_again(a, &one);
	require(buf_error(&one) == 0);
	require(approval_parse(type, buf_bytes(&one), &again, &why) == 0);
	write_again(again, &two);
	require(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
	approval_free(a);
	approval_free(again);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
