/*
 * serverhello.c - whether a TLS 1.2 server took up the extended master secret.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/serverhello.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,		/* RFC 5246 6.2.1 */
	RECORD_MAX = 16384,
	MESSAGE_SERVER_HELLO = 2,	/* RFC 5246 7.4 */
	MESSAGE_HEAD = 4,		/* type, length of 24 bits */
	EXTENSION_EMS = 23		/* RFC 7627 */
};

void
serverhello_init(struct serverhello *s)
{
	memset(s, 0, sizeof(*s));
}

bool
serverhello_has_ems(const struct serverhello *s)
{
	return s->done && s->ems;
}

/* The extensions: each at most once, EMS empty. */
static bool
find_ems(struct bytes list)
{
	struct reader r;
	struct bytes data;
	uint16_t type;
	int found = 0;

	reader_init(&r, list);
	while (r.err == 0 && r.rest.n > 0) {
		type = reader_u16be(&r);
		data = reader_take(&r, reader_u16be(&r));
		if (type == EXTENSION_EMS)
			found += data.n == 0 ? 1 : 2;
	}
	return reader_end(&r) == 0 && found == 1;
}

/* ServerHello without its header (RFC 5246 7.4.1.3). */
static bool
read_message(struct bytes body)
{
	struct reader r;
	struct bytes list;

	reader_init(&r, body);
	(void)reader_take(&r, 2 + 32);		/* version, random */
	(void)reader_take(&r, reader_u8(&r));	/* session id */
	(void)reader_take(&r, 2 + 1);		/* suite, compression */
	list = reader_take(&r, reader_u16be(&r));
	return reader_end(&r) == 0 && find_ems(list);
}

/* How long the message is, header and all; 0 while that is not known. */
static size_t
message_length(const struct serverhello *s)
{
	const uint8_t *m = s->message;

	if (s->message_n < MESSAGE_HEAD)
		return 0;
	return MESSAGE_HEAD + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
}

static void
take_content(struct serverhello *s, uint8_t c)
{
	size_t n;

	s->message[s->message_n++] = c;
	s->record_left--;
	n = message_length(s);
	if (s->message[0] != MESSAGE_SERVER_HELLO || n > sizeof(s->message)) {
		s->done = true;
		return;
	}
	if (n == s->message_n) {
		s->ems = read_message(bytes_of(s->message + MESSAGE_HEAD,
		    n - MESSAGE_HEAD));
		s->done = true;
	}
}

static void
take_header(struct serverhello *s, uint8_t c)
{
	s->record[s->record_n++] = c;
	if (s->record_n < sizeof(s->record))
		return;
	s->record_n = 0;
	s->record_left = (size_t)s->record[3] << 8 | s->record[4];
	if (s->record[0] != RECORD_HANDSHAKE || s->record_left == 0 ||
	    s->record_left > RECORD_MAX)
		s->done = true;
}

void
serverhello_feed(struct serverhello *s, struct bytes in)
{
	size_t i;

	for (i = 0; i < in.n && !s->done; i++) {
		if (s->record_left == 0)
			take_header(s, in.p[i]);
		else
			take_content(s, in.p[i]);
	}
}
