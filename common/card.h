/*
 * card.h - a card: one proposal, parsed strictly, and its own rules.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 2; PROTOCOL.md has the table of fields. Nothing here
 * looks at signatures, policy or people: verify first (people.h), then parse.
 */
#ifndef COUNTERSIGN_COMMON_CARD_H
#define COUNTERSIGN_COMMON_CARD_H

#include "common/action.h"
#include "common/caps.h"
#include "common/digest.h"
#include "common/refusal.h"
#include "common/uuid.h"

#define CARD_COMMAND "command"	/* the tool that is free text */

/* An argument of a named tool. */
struct card_arg {
	struct bytes name;
	bool is_int;
	int64_t number;		/* if is_int */
	struct bytes text;	/* if not */
};

struct card_ticket {
	struct bytes system, id, url;	/* all empty: no ticket */
};

/* A card. It owns what it points to; read its fields, change none. */
struct card {
	struct sha256 digest;	/* SHA-256(PAE(card type, payload)) */
	char id[UUID_TEXT_SIZE];
	struct bytes org;
	struct bytes device;
	struct bytes tool;
	struct bytes description;
	int64_t created, expires;
	const struct sha256 *after;
	size_t n_after;
	struct card_ticket ticket;
	struct bytes requester;	/* empty: none */

	/* tool is "command": what runs. */
	bool is_command;
	bool unicode_any;	/* "unicode":"any" */
	struct action action;	/* text is the command, byte for byte */

	/* another tool: its arguments; action is all zero. */
	const struct card_arg *args;
	size_t n_args;

	struct doc *doc;	/* the module's own, as the next one */
	struct arena arena;
};

/*
 * Parses a payload. All of PROTOCOL.md's rules on the payload alone: fields,
 * types, ranges, characters, lengths, lists, `expires` after `created` and
 * within 24 h of it, write roots (writeroot.h). The payload need not outlive
 * the call. The caller frees *ret_card with card_free(). On failure *ret_why
 * says why, its reason being err_word() of the error, or "needs_full" for a
 * write root that is full by nature (ERR_DENIED). ERR_NOMEM is no refusal.
 */
MUST_CHECK int card_parse(struct bytes payload, struct card **ret_card,
    struct refusal *ret_why);
/* NULL is fine. */
void card_free(struct card *c);

/*
 * Whether a card may be taken in or run at this time (seconds, timefmt.h):
 * ERR_FUTURE `from_the_future` if created is more than 300 s ahead,
 * ERR_EXPIRED `expired` if now >= expires.
 */
MUST_CHECK int card_check_time(const struct card *c, int64_t now,
    struct refusal *ret_why);

/*
 * Whether the card is for this org and device: ERR_ORG `wrong_org`,
 * ERR_DEVICE `wrong_device`.
 */
MUST_CHECK int card_check_target(const struct card *c, struct bytes org,
    struct bytes device, struct refusal *ret_why);

/* Whether it is the name of an argument: [a-z][a-z0-9_]{0,31}. */
bool card_is_arg_name(struct bytes name);

/* What a new card is made of: the same fields, none owned. */
struct card_fields {
	struct bytes id, org, device, tool, description;
	int64_t created, expires;
	const struct sha256 *after;
	size_t n_after;
	struct card_ticket ticket;	/* system empty: none */
	struct bytes requester;		/* empty: none */
	bool unicode_any;
	struct action action;		/* used if tool is "command" */
	const struct card_arg *args;	/* else these */
	size_t n_args;
};

/*
 * Appends the payload of a new card, in the order of PROTOCOL.md's table. It
 * checks nothing: pass the result to card_parse() before signing it. Failures
 * are the buffer's.
 */
void card_write(struct buf *b, const struct card_fields *f);

#endif
