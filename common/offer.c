/*
 * offer.c - which profiles a machine can keep, as the runner found by trying.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (finds out), gate (reads).
 */
#include "common/offer.h"

#include "common/plan.h"

#include <string.h>

static const char *const names[] = { "observe", "repair", "full" };

#define PROFILES 3

static bool
is_offered(const struct sandbox_offer *o, size_t profile)
{
	const bool offered[PROFILES] = { o->observe, o->repair, o->full };

	return offered[profile];
}

void
offer_put(struct buf *b, const struct sandbox_offer *o)
{
	size_t i;

	buf_put_str(b, "offer 1\n");
	buf_put_str(b, o->layers);
	for (i = 0; i < PROFILES; i++)
		buf_printf(b, "profile %s %s %s\n", names[i],
		    is_offered(o, i) ? "yes" : "no", o->why[i]);
	buf_printf(b, "offer %s\nend\n", o->text);
}

/* Cuts the next piece up to c off; all there is if c is not in it. */
static struct bytes
cut(struct bytes *rest, char c)
{
	struct bytes piece = *rest;
	const uint8_t *end = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;

	if (end == NULL) {
		rest->p += rest->n;
		rest->n = 0;
		return piece;
	}
	piece.n = (size_t)(end - piece.p);
	rest->p += piece.n + 1;
	rest->n -= piece.n + 1;
	return piece;
}

/* The rest of a line as a string, if it is text that fits. */
static int
take_text(struct bytes line, char ret_text[SANDBOX_TEXT_SIZE])
{
	size_t i;

	if (line.n >= SANDBOX_TEXT_SIZE)
		return ERR_TOO_LARGE;
	for (i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '~')
			return ERR_SYNTAX;
	memcpy(ret_text, line.p, line.n);
	ret_text[line.n] = '\0';
	return 0;
}

/* "observe yes text" */
static int
take_profile(struct bytes line, struct sandbox_offer *o, bool seen[PROFILES])
{
	struct bytes name = cut(&line, ' '), word = cut(&line, ' ');
	bool *const offered[PROFILES] = { &o->observe, &o->repair, &o->full };
	size_t i;

	for (i = 0; i < PROFILES && !bytes_is(name, names[i]); i++)
		;
	if (i == PROFILES || seen[i] ||
	    (!bytes_is(word, "yes") && !bytes_is(word, "no")))
		return ERR_SYNTAX;
	seen[i] = true;
	*offered[i] = bytes_is(word, "yes");
	return take_text(line, o->why[i]);
}

static int
take_layer(struct bytes line, struct sandbox_offer *o)
{
	char text[SANDBOX_TEXT_SIZE];
	size_t have = strlen(o->layers), n;
	int r = take_text(line, text);

	if (r != 0)
		return r;
	n = strlen(text);
	if (have + 6 + n + 2 > sizeof(o->layers))
		return ERR_TOO_LARGE;
	memcpy(o->layers + have, "layer ", 6);
	memcpy(o->layers + have + 6, text, n);
	memcpy(o->layers + have + 6 + n, "\n", 2);
	return 0;
}

int
offer_read(struct bytes text, struct sandbox_offer *ret_o)
{
	struct sandbox_offer o;
	struct bytes line, word;
	bool seen[PROFILES] = { false, false, false };
	int r = 0;

	if (text.n > OFFER_SIZE_MAX)
		return ERR_TOO_LARGE;
	memset(&o, 0, sizeof(o));
	line = cut(&text, '\n');
	if (!bytes_is(line, "offer 1"))
		return ERR_VERSION;
	while (r == 0) {
		if (text.n == 0)
			return ERR_TRUNCATED;
		line = cut(&text, '\n');
		word = cut(&line, ' ');
		if (bytes_is(word, "end"))
			break;
		if (bytes_is(word, "profile"))
			r = take_profile(line, &o, seen);
		else if (bytes_is(word, "layer"))
			r = take_layer(line, &o);
		else if (bytes_is(word, "offer"))
			r = take_text(line, o.text);
	}
	if (r != 0)
		return r;
	if (!seen[0] || !seen[1] || !seen[2])
		return ERR_MISSING_FIELD;
	*ret_o = o;
	return 0;
}
