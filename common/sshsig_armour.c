/*
 * sshsig_armour.c - the text form of OpenSSH's signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, cli, console.
 *
 * Apart from sshsig.c, so that who only undoes the armour links no crypto.
 */
#include "common/base64.h"
#include "common/sshsig.h"

#include <string.h>

#define BEGIN "-----BEGIN SSH SIGNATURE-----"
#define END "-----END SSH SIGNATURE-----"
/* What ssh-keygen writes. */
#define LINE 70

void
sshsig_armour(struct buf *b, struct bytes blob)
{
	struct buf text;
	size_t at, n;

	buf_init(&text, blob.n * 2 + 4);
	base64_encode(&text, blob);
	buf_put_str(b, BEGIN "\n");
	for (at = 0; at < text.n; at += n) {
		n = text.n - at < LINE ? text.n - at : LINE;
		buf_put(b, text.p + at, n);
		buf_put_u8(b, '\n');
	}
	buf_put_str(b, END "\n");
	if (b->err == 0)
		b->err = text.err;
	buf_free(&text);
}

/* Takes a line off the front, without its LF or CR LF. */
static struct bytes
take_line(struct bytes *rest)
{
	struct bytes line = *rest;
	const uint8_t *lf = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (lf == NULL) {
		*rest = bytes_of(NULL, 0);
	} else {
		line.n = (size_t)(lf - line.p);
		rest->p += line.n + 1;
		rest->n -= line.n + 1;
	}
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

int
sshsig_dearmour(struct bytes text, struct buf *ret_b)
{
	struct bytes line;
	struct buf base64;
	int r;

	if (!bytes_is(take_line(&text), BEGIN))
		return ERR_SYNTAX;
	buf_init(&base64, text.n);
	for (line = take_line(&text); text.n > 0 && !bytes_is(line, END);
	    line = take_line(&text))
		buf_put_bytes(&base64, line);
	r = bytes_is(line, END) ? buf_error(&base64) : ERR_SYNTAX;
	while (r == 0 && text.n > 0) {
		if (take_line(&text).n > 0)
			r = ERR_SYNTAX;
	}
	if (r == 0)
		r = base64_decode(buf_bytes(&base64), ret_b);
	if (r == ERR_CHARACTER)
		r = ERR_SYNTAX;
	buf_free(&base64);
	return r;
}
