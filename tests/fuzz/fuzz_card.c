/*
 * fuzz_card.c - cards: what is taken is within bounds and writes back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/card.h"
#include "common/plain.h"
#include "common/writeroot.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* What every reader of a card relies on. */
static void
check_card(const struct card *c)
{
	const struct action *a = &c->action;
	const char *which;
	size_t i;

	require(c->expires > c->created &&
	    c->expires - c->created <= CAP_CARD_LIFE);
	require(c->org.n > 0 && c->device.n == 28 && c->description.n > 0);
	require(c->n_after <= CAP_AFTER && c->n_args <= CAP_ARGS);
	require(c->is_command == (a->profile != 0));
	if (!c->is_command)
		return;
	require(c->n_args == 0 && a->text.n > 0);
	require(text_utf16_units(a->text) <= CAP_COMMAND_UNITS);
	require(a->shell >= ACTION_SH && a->shell <= ACTION_CMD);
	require(a->limits.timeout_s >= 1 && a->limits.timeout_s <= 3600);
	require(a->limits.output_bytes <= CAP_OUTPUT_MAX);
	require(a->profile == ACTION_REPAIR ||
	    (a->write.n == 0 && a->n_services == 0));
	for (i = 0; i < a->write.n; i++)
		require(writeroot_check(a->write.p[i], NULL, 0, &which) == 0);
	for (i = 0; !c->unicode_any && i < a->text.n; i++)
		require(a->text.p[i] < 0x7f);
}

static void
write_again(const struct card *c, struct buf *b)
{
	struct card_fields f = {
		.id = bytes_str(c->id),
		.org = c->org,
		.device = c->device,
		.tool = c->tool,
		.description = c->description,
		.created = c->created,
		.expires = c->expires,
		.after = c->after,
		.n_after = c->n_after,
		.ticket = c->ticket,
		.requester = c->requester,
		.unicode_any = c->unicode_any,
		.action = c->action,
		.args = c->args,
		.n_args = c->n_args
	};

	card_write(b, &f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf one, two, words;
	struct card *c, *d;
	struct refusal why;

	why.reason = NULL;
	if (card_parse(bytes_of(p, n), &c, &why) != 0) {
		require(why.reason != NULL);
		return 0;
	}
	check_card(c);
	buf_init(&one, 2 * CAP_CARD);
	buf_init(&two, 2 * CAP_CARD);
	buf_init(&words, 16 * CAP_CARD);
	write_again(c, &one);
	require(buf_error(&one) == 0);
	/* Text that was written with escapes may be longer without them. */
	if (one.n <= CAP_CARD) {
		require(card_parse(buf_bytes(&one), &d, &why) == 0);
		write_again(d, &two);
		require(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
		card_free(d);
	}
	if (c->is_command)
		plain_action(&words, &c->action);
	require(buf_error(&words) == 0);
	card_free(c);
	buf_free(&one);
	buf_free(&two);
	buf_free(&words);
	return 0;
}
