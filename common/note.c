/*
 * note.c - signed notes: a text, an empty line, lines of signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/note.h"

#include "common/base64.h"
#include "common/digest.h"
#include "common/signer.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

/* An em dash and a space before each signature. */
#define MARK "\xe2\x80\x94 "
#define MARK_SIZE 4

/* ---- names and keys ---- */

/* Unicode's White_Space property. */
static bool
is_space(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 ||
	    c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	    c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	    c == 0x3000;
}

/* Of any length: lines of keys that nobody here knows have to be borne. */
static int
check_name(struct bytes name)
{
	struct bytes rest = name;
	uint32_t c;

	if (name.n == 0)
		return ERR_SYNTAX;
	while (rest.n > 0) {
		if (text_next(&rest, &c) != 0)
			return ERR_CHARACTER;
		if (is_space(c) || c == '+')
			return ERR_SYNTAX;
		if (c < 0x20)
			return ERR_CHARACTER;
	}
	return 0;
}

int
note_key_init(struct bytes name, uint8_t kind,
    const uint8_t public[ED25519_PUBLIC_SIZE], struct note_key *ret_key)
{
	const uint8_t mark[2] = { '\n', kind };
	struct note_key key = { .kind = kind };
	struct digest_ctx c;
	struct sha256 h;
	int err = check_name(name);

	if (err != 0)
		return err;
	if (name.n > NOTE_NAME_MAX)
		return ERR_TOO_LARGE;
	memcpy(key.name, name.p, name.n);
	memcpy(key.public, public, sizeof(key.public));
	digest_ctx_init(&c);
	digest_ctx_update(&c, name);
	digest_ctx_update(&c, bytes_of(mark, sizeof(mark)));
	digest_ctx_update(&c, bytes_of(public, ED25519_PUBLIC_SIZE));
	digest_ctx_final(&c, &h);
	memcpy(key.id, h.b, sizeof(key.id));
	*ret_key = key;
	return 0;
}

int
note_key_parse(struct bytes vkey, struct note_key *ret_key)
{
	const uint8_t *plus = vkey.n == 0 ? NULL :
	    memchr(vkey.p, '+', vkey.n);
	struct note_key key = { .kind = 0 };
	struct buf b;
	size_t at;
	uint8_t id[4];
	int err;

	if (plus == NULL)
		return ERR_SYNTAX;
	at = (size_t)(plus - vkey.p);
	if (vkey.n - at < 1 + 8 + 1 || vkey.p[at + 9] != '+' ||
	    hex_decode(bytes_of(plus + 1, 8), id, sizeof(id)) != 0)
		return ERR_SYNTAX;
	buf_init(&b, 1 + ED25519_PUBLIC_SIZE);
	err = base64_decode(bytes_of(plus + 10, vkey.n - at - 10), &b);
	if (err == 0 && b.n == 0)
		err = ERR_SYNTAX;
	else if (err == ERR_TOO_LARGE || (err == 0 &&
	    (b.n != 1 + ED25519_PUBLIC_SIZE ||
	    (b.p[0] != NOTE_ED25519 && b.p[0] != NOTE_COSIGNATURE))))
		err = ERR_KEY;
	else if (err != 0)
		err = err == ERR_NOMEM ? err : ERR_SYNTAX;
	else
		err = note_key_init(bytes_of(vkey.p, at), b.p[0], b.p + 1,
		    &key);
	buf_free(&b);
	if (err == 0 && memcmp(key.id, id, sizeof(id)) != 0)
		err = ERR_SYNTAX;
	if (err == 0)
		*ret_key = key;
	return err;
}

void
note_key_text(const struct note_key *key, char ret_text[NOTE_VKEY_SIZE])
{
	uint8_t value[1 + ED25519_PUBLIC_SIZE];
	char id[2 * sizeof(key->id) + 1];
	struct buf b;

	value[0] = key->kind;
	memcpy(value + 1, key->public, ED25519_PUBLIC_SIZE);
	hex_encode(bytes_of(key->id, sizeof(key->id)), id);
	buf_init(&b, NOTE_VKEY_SIZE);
	base64_encode(&b, bytes_of(value, sizeof(value)));
	(void)snprintf(ret_text, NOTE_VKEY_SIZE, "%s+%s+%.*s", key->name, id,
	    (int)b.n, b.n > 0 ? (const char *)b.p : "");
	buf_free(&b);
}

/* ---- taking apart ---- */

int
note_next(struct bytes *rest, struct buf *b, struct note_signature *ret_s)
{
	const uint8_t *end, *space;
	struct bytes name, value;
	int err;

	if (rest->n == 0)
		return 0;
	end = memchr(rest->p, '\n', rest->n);
	if (end == NULL || (size_t)(end - rest->p) < MARK_SIZE ||
	    memcmp(rest->p, MARK, MARK_SIZE) != 0)
		return ERR_SYNTAX;
	name.p = rest->p + MARK_SIZE;
	space = memchr(name.p, ' ', (size_t)(end - name.p));
	if (space == NULL)
		return ERR_SYNTAX;
	name.n = (size_t)(space - name.p);
	value = bytes_of(space + 1, (size_t)(end - space) - 1);
	buf_clear(b);
	if ((err = base64_decode(value, b)) == ERR_NOMEM)
		return err;
	if (err != 0 || b->n < 5 || check_name(name) != 0)
		return ERR_SYNTAX;
	ret_s->line = bytes_of(rest->p, (size_t)(end - rest->p) + 1);
	ret_s->name = name;
	ret_s->value = buf_bytes(b);
	*rest = bytes_of(end + 1, rest->n - ret_s->line.n);
	return 1;
}

/* Where the text ends: after the newline before the last empty line. */
static bool
find_split(struct bytes b, size_t *ret_at)
{
	size_t i;

	for (i = b.n; i-- > 1;)
		if (b.p[i] == '\n' && b.p[i - 1] == '\n') {
			*ret_at = i;
			return true;
		}
	return false;
}

static int
check_characters(struct bytes b)
{
	struct bytes rest = b;
	uint32_t c;

	while (rest.n > 0)
		if (text_next(&rest, &c) != 0 || (c < 0x20 && c != '\n'))
			return ERR_CHARACTER;
	return 0;
}

int
note_parse(struct bytes b, struct note *ret_n)
{
	struct note_signature s;
	struct bytes rest;
	struct note n;
	struct buf value;
	size_t at, count = 0;
	int r;

	if (b.n > NOTE_MAX)
		return ERR_TOO_LARGE;
	if ((r = check_characters(b)) != 0)
		return r;
	if (!find_split(b, &at) || at + 1 == b.n)
		return ERR_SYNTAX;
	n.text = bytes_of(b.p, at);
	n.signatures = bytes_of(b.p + at + 1, b.n - at - 1);
	buf_init(&value, NOTE_MAX);
	rest = n.signatures;
	while ((r = note_next(&rest, &value, &s)) > 0)
		count++;
	buf_free(&value);
	if (r != 0)
		return r;
	if (count > NOTE_SIGNATURES_MAX)
		return ERR_TOO_LARGE;
	*ret_n = n;
	return 0;
}

/* ---- signatures ---- */

bool
note_signature_is_by(const struct note_signature *s,
    const struct note_key *key)
{
	return bytes_is(s->name, key->name) &&
	    memcmp(s->value.p, key->id, sizeof(key->id)) == 0;
}

int
note_verify(const struct note *n, const struct note_key *key)
{
	struct bytes rest = n->signatures;
	struct note_signature s;
	struct buf b;
	int r, found = ERR_NOT_FOUND;

	buf_init(&b, NOTE_MAX);
	while ((r = note_next(&rest, &b, &s)) > 0) {
		if (!note_signature_is_by(&s, key))
			continue;
		found = ed25519_verify(key->public, n->text,
		    bytes_of(s.value.p + 4, s.value.n - 4));
		if (found != 0)
			break;
	}
	buf_free(&b);
	return r < 0 ? r : found;
}

void
note_put_line(struct buf *b, const struct note_key *key,
    struct bytes signature)
{
	struct buf value;

	buf_init(&value, NOTE_MAX);
	buf_put(&value, key->id, sizeof(key->id));
	buf_put_bytes(&value, signature);
	if (buf_error(&value) != 0) {
		b->err = buf_error(&value);
	} else {
		buf_printf(b, MARK "%s ", key->name);
		base64_encode(b, buf_bytes(&value));
		buf_put_u8(b, '\n');
	}
	buf_free(&value);
}

int
note_sign(struct buf *b, struct bytes text, const struct note_key *key,
    const struct signer *signer)
{
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	int err = signer_sign(signer, text, sig);

	if (err != 0)
		return err;
	note_put_line(b, key, bytes_of(sig, sizeof(sig)));
	return buf_error(b);
}
