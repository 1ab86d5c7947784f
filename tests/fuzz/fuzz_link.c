/*
 * fuzz_link.c - link messages: what is read can be written and read again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The first byte picks text of the console, text of the device, or binary.
 */
#include "common/link.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
write_text(const struct link_msg *m, struct buf *b)
{
	switch (m->type) {
	case LINK_CHALLENGE: link_put_challenge(b, m->u.nonce); break;
	case LINK_ENROLLED: link_put_enrolled(b); break;
	case LINK_ENROL_REFUSED:
		link_put_enrol_refused(b, m->u.reason);
		break;
	case LINK_WELCOME: link_put_welcome(b, &m->u.welcome); break;
	case LINK_CARD:
	case LINK_APPROVAL:
	case LINK_CANCEL:
	case LINK_TRUST:
	case LINK_HELLO:
		link_put_envelope(b, m->type, &m->u.envelope);
		break;
	case LINK_WITHDRAW: link_put_withdraw(b, &m->u.withdraw); break;
	case LINK_HAVE: link_put_have(b, m->u.n); break;
	case LINK_CREDIT: link_put_credit(b, &m->u.credit); break;
	case LINK_COSIGNATURE:
		link_put_cosignature(b, &m->u.cosignature);
		break;
	case LINK_RETRY_AFTER: link_put_retry_after(b, m->u.seconds); break;
	case LINK_ENROL: link_put_enrol(b, &m->u.enrol); break;
	case LINK_CHECKPOINT: link_put_checkpoint(b, m->u.request); break;
	case LINK_RECORDS:
	case LINK_BLOB:
	case LINK_OUTPUT:
	case LINK_LEAVES:
	default: abort();
	}
}

/* Written once it has one form: writing that again changes nothing. */
static void
text(enum link_side from, struct bytes a)
{
	struct link_msg m, again;
	struct buf one, two;

	if (link_get_text(from, a, &m) != 0)
		return;
	buf_init(&one, (size_t)16 << 20);
	buf_init(&two, (size_t)16 << 20);
	write_text(&m, &one);
	if (buf_error(&one) != 0)
		abort();
	if (link_get_text(from, buf_bytes(&one), &again) != 0)
		abort();
	write_text(&again, &two);
	if (m.type != again.type ||
	    !bytes_equal(buf_bytes(&one), buf_bytes(&two)))
		abort();
	link_msg_free(&m);
	link_msg_free(&again);
	buf_free(&one);
	buf_free(&two);
}

static void
binary(struct bytes a)
{
	struct link_msg m;
	struct buf b;

	if (link_get_binary(a, &m) != 0)
		return;
	buf_init(&b, (size_t)1 << 20);
	if (m.type == LINK_RECORDS)
		link_put_records(&b, m.u.records);
	else if (m.type == LINK_BLOB)
		link_put_blob(&b, &m.u.blob);
	else if (m.type == LINK_LEAVES)
		link_put_leaves(&b, &m.u.leaves);
	else
		link_put_output(&b, &m.u.output);
	if (!bytes_equal(buf_bytes(&b), a))
		abort();
	link_msg_free(&m);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes rest;

	if (n < 1)
		return 0;
	rest = bytes_of(p + 1, n - 1);
	if (p[0] % 3 == 0)
		text(LINK_CONSOLE, rest);
	else if (p[0] % 3 == 1)
		text(LINK_DEVICE, rest);
	else
		binary(rest);
	return 0;
}
