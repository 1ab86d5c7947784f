/*
 * checkpoint.c - what a log says of itself: how many records, which root.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/checkpoint.h"

#include "common/base64.h"

#include <inttypes.h>
#include <string.h>

#define SIZE_DIGITS 19	/* of 2^63 - 1 */

void
checkpoint_put(struct buf *b, struct bytes origin, uint64_t size,
    const struct sha256 *root)
{
	buf_put_bytes(b, origin);
	buf_printf(b, "\n%" PRIu64 "\n", size);
	base64_encode(b, bytes_of(root->b, sizeof(root->b)));
	buf_put_u8(b, '\n');
}

bool
checkpoint_next_line(struct bytes *rest, struct bytes *ret_line)
{
	const uint8_t *end = rest->n == 0 ? NULL :
	    memchr(rest->p, '\n', rest->n);

	if (end == NULL)
		return false;
	*ret_line = bytes_of(rest->p, (size_t)(end - rest->p));
	*rest = bytes_of(end + 1, rest->n - ret_line->n - 1);
	return true;
}

int
checkpoint_parse_size(struct bytes line, uint64_t *ret_size)
{
	uint64_t v = 0;
	size_t i;

	if (line.n < 1 || line.n > SIZE_DIGITS ||
	    (line.n > 1 && line.p[0] == '0'))
		return ERR_SYNTAX;
	for (i = 0; i < line.n; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return ERR_SYNTAX;
		v = v * 10 + (uint64_t)(line.p[i] - '0');
	}
	if (v > INT64_MAX)
		return ERR_SYNTAX;
	*ret_size = v;
	return 0;
}

int
checkpoint_parse_hash(struct bytes line, struct sha256 *ret_hash)
{
	struct buf b;
	int err;

	buf_init(&b, sizeof(ret_hash->b));
	err = base64_decode(line, &b);
	if (err != ERR_NOMEM && (err != 0 || b.n != sizeof(ret_hash->b)))
		err = ERR_SYNTAX;
	if (err == 0)
		memcpy(ret_hash->b, b.p, sizeof(ret_hash->b));
	buf_free(&b);
	return err;
}

int
checkpoint_parse(struct bytes text, struct checkpoint *ret_c)
{
	struct bytes rest = text, size, root, more;
	struct checkpoint c;
	int err;

	if (!checkpoint_next_line(&rest, &c.origin) || c.origin.n == 0 ||
	    !checkpoint_next_line(&rest, &size) ||
	    !checkpoint_next_line(&rest, &root))
		return ERR_SYNTAX;
	while (rest.n > 0)
		if (!checkpoint_next_line(&rest, &more) || more.n == 0)
			return ERR_SYNTAX;
	if ((err = checkpoint_parse_size(size, &c.size)) != 0 ||
	    (err = checkpoint_parse_hash(root, &c.root)) != 0)
		return err;
	*ret_c = c;
	return 0;
}

int
checkpoint_open(struct bytes signed_note, const struct note_key *key,
    struct note *ret_n, struct checkpoint *ret_c)
{
	struct checkpoint c;
	struct note n;
	int err;

	if ((err = note_parse(signed_note, &n)) != 0 ||
	    (err = checkpoint_parse(n.text, &c)) != 0)
		return err;
	if (!bytes_is(c.origin, key->name))
		return ERR_KEY;
	if ((err = note_verify(&n, key)) != 0)
		return err;
	*ret_n = n;
	*ret_c = c;
	return 0;
}
