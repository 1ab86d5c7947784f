/*
 * wshake.c - the HTTP/1.1 opening handshake of a WebSocket, both sides, and a
 * proxy's CONNECT, without I/O.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/wshake.h"

#include "common/base64.h"
#include "common/sha1.h"

#include <string.h>

/* RFC 6455 1.3 */
static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#define KEY_LEN 24	/* base64 of WSHAKE_NONCE_LEN bytes */
#define ACCEPT_LEN 28	/* base64 of a SHA-1 */

/* The header fields that matter here; each but a list stands once at most. */
enum field {
	F_HOST,
	F_KEY,
	F_VERSION,
	F_ACCEPT,
	F_EXTENSIONS,
	F_LENGTH,
	F_ENCODING,
	F_RETRY_AFTER,
	F_UPGRADE,		/* lists from here on */
	F_CONNECTION,
	F_PROTOCOL,
	F_COUNT
};

static const char *const field_names[F_COUNT] = {
	[F_HOST] = "host",
	[F_KEY] = "sec-websocket-key",
	[F_VERSION] = "sec-websocket-version",
	[F_ACCEPT] = "sec-websocket-accept",
	[F_EXTENSIONS] = "sec-websocket-extensions",
	[F_LENGTH] = "content-length",
	[F_ENCODING] = "transfer-encoding",
	[F_RETRY_AFTER] = "retry-after",
	[F_UPGRADE] = "upgrade",
	[F_CONNECTION] = "connection",
	[F_PROTOCOL] = "sec-websocket-protocol",
};

struct fields {
	/* p is NULL where the field is not there. */
	struct bytes one[F_UPGRADE];
	bool upgrade, connection;	/* "websocket", "upgrade" was in it */
	bool protocol;			/* the wanted one was in it */
	size_t n_protocol;		/* members of the list */
};

/* ---- characters and lines ---- */

static bool
is_visible(uint8_t c)
{
	return c > 0x20 && c < 0x7f;
}

/* tchar of RFC 9110 5.6.2 */
static bool
is_token_char(uint8_t c)
{
	return is_visible(c) && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Whether a has at least one byte and all of them are as wanted. */
static bool
all(struct bytes a, bool (*wanted)(uint8_t))
{
	size_t i;

	for (i = 0; i < a.n; i++)
		if (!wanted(a.p[i]))
			return false;
	return a.n > 0;
}

/* field-content of RFC 9110 5.5: no control characters but the tab */
static bool
is_value_char(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* a equals the lower-case word s in any case. */
static bool
is_word(struct bytes a, const char *s)
{
	size_t i, n = strlen(s);
	uint8_t c;

	if (a.n != n)
		return false;
	for (i = 0; i < n; i++) {
		c = a.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 'a' - 'A');
		if (c != (uint8_t)s[i])
			return false;
	}
	return true;
}

static struct bytes
skip(struct bytes a, size_t n)
{
	return n > 0 ? bytes_of(a.p + n, a.n - n) : a;
}

/* Cuts a at the first c; *a is what comes after it, or empty. */
static struct bytes
cut(struct bytes *a, uint8_t c)
{
	struct bytes part = *a;
	size_t i;

	for (i = 0; i < a->n && a->p[i] != c; i++)
		;
	part.n = i;
	*a = skip(*a, i < a->n ? i + 1 : i);
	return part;
}

static struct bytes
trim(struct bytes a)
{
	while (a.n > 0 && (a.p[0] == ' ' || a.p[0] == '\t'))
		a = skip(a, 1);
	while (a.n > 0 && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
		a.n--;
	return a;
}

/* ---- the head of a message ---- */

void
wshake_head_init(struct wshake_head *h)
{
	*h = (struct wshake_head){ .err = 0 };
	buf_init(&h->data, WSHAKE_HEAD_MAX);
}

void
wshake_head_fini(struct wshake_head *h)
{
	buf_free(&h->data);
}

/* One byte of a head: LF only after CR, CR only before LF, no other control. */
static int
take_byte(struct wshake_head *h, uint8_t c)
{
	uint8_t last = h->data.n > 0 ? h->data.p[h->data.n - 1] : 0;

	if ((last == '\r') != (c == '\n'))
		return ERR_CHARACTER;
	if (c != '\r' && c != '\n' && !is_value_char(c))
		return ERR_CHARACTER;
	buf_put_u8(&h->data, c);
	if (buf_error(&h->data) != 0)
		return buf_error(&h->data);
	h->done = h->data.n >= 4 &&
	    memcmp(h->data.p + h->data.n - 4, "\r\n\r\n", 4) == 0;
	return 0;
}

int
wshake_head_feed(struct wshake_head *h, struct bytes *in)
{
	if (h->err != 0)
		return h->err;
	if (h->done)
		return ERR_STATE;
	while (in->n > 0 && !h->done) {
		h->err = take_byte(h, in->p[0]);
		*in = skip(*in, 1);
		if (h->err != 0)
			return h->err;
	}
	return h->done ? 0 : ERR_AGAIN;
}

/* The first line; *ret_rest is the header fields, each with its CR LF. */
static int
first_line(const struct wshake_head *h, struct bytes *ret_line,
    struct bytes *ret_rest)
{
	struct bytes all_lines = buf_bytes(&h->data), line;

	if (!h->done)
		return ERR_TRUNCATED;
	all_lines.n -= 2;	/* the empty line at the end */
	line = cut(&all_lines, '\r');
	*ret_line = line;
	*ret_rest = skip(all_lines, 1);
	return 0;
}

static void
note_list(struct fields *f, size_t i, struct bytes value, struct bytes protocol)
{
	struct bytes member;

	while (value.n > 0) {
		member = trim(cut(&value, ','));
		if (i == F_UPGRADE)
			f->upgrade |= is_word(member, "websocket");
		else if (i == F_CONNECTION)
			f->connection |= is_word(member, "upgrade");
		else if (member.n > 0) {
			f->n_protocol++;
			f->protocol |= bytes_equal(member, protocol);
		}
	}
}

/* Reads the header fields; protocol is the subprotocol to look for. */
static int
read_fields(struct bytes rest, struct bytes protocol, struct fields *ret_f)
{
	struct fields f = { .n_protocol = 0 };
	struct bytes line, name, value;
	size_t i;

	while (rest.n > 0) {
		line = cut(&rest, '\r');
		rest = skip(rest, 1);
		value = line;
		name = cut(&value, ':');
		/* Also refuses a line that goes on the one before it. */
		if (name.n == line.n || !all(name, is_token_char))
			return ERR_SYNTAX;
		value = trim(value);
		for (i = 0; i < F_COUNT; i++)
			if (is_word(name, field_names[i]))
				break;
		if (i < F_UPGRADE) {
			if (f.one[i].p != NULL)
				return ERR_DUPLICATE;
			f.one[i] = value;
		} else if (i < F_COUNT)
			note_list(&f, i, value, protocol);
	}
	*ret_f = f;
	return 0;
}

/* ---- Sec-WebSocket-Key and -Accept ---- */

/* Appends the accept value of a key (RFC 6455 4.2.2, item 5.4). */
static int
put_accept_value(struct bytes key, struct buf *b)
{
	uint8_t text[KEY_LEN + sizeof(accept_guid) - 1], digest[SHA1_LEN];
	int err;

	memcpy(text, key.p, KEY_LEN);
	memcpy(text + KEY_LEN, accept_guid, sizeof(accept_guid) - 1);
	if ((err = sha1(bytes_of(text, sizeof(text)), digest)) != 0)
		return err;
	base64_encode(b, bytes_of(digest, sizeof(digest)));
	return buf_error(b);
}

static bool
is_key(struct bytes key)
{
	struct buf nonce;
	bool good;

	buf_init(&nonce, WSHAKE_NONCE_LEN);
	good = base64_decode(key, &nonce) == 0 && nonce.n == WSHAKE_NONCE_LEN;
	buf_free(&nonce);
	return good;
}

static int
check_accept(const uint8_t *nonce, struct bytes accept)
{
	struct buf key, want;
	int err;

	buf_init(&key, KEY_LEN);
	buf_init(&want, ACCEPT_LEN);
	base64_encode(&key, bytes_of(nonce, WSHAKE_NONCE_LEN));
	if ((err = buf_error(&key)) != 0)
		goto out;
	if ((err = put_accept_value(buf_bytes(&key), &want)) != 0)
		goto out;
	err = bytes_equal(buf_bytes(&want), accept) ? 0 : ERR_PROTOCOL;
out:
	buf_free(&key);
	buf_free(&want);
	return err;
}

/* ---- the client ---- */

/* host, or host:port: nothing that ends it or begins something else */
static bool
is_host_char(uint8_t c)
{
	return is_visible(c) && strchr("/?#@\\<>\"", c) == NULL;
}

static bool
is_path_char(uint8_t c)
{
	return is_visible(c) && c != '#';
}

static int
check_ask(const struct wshake_ask *ask)
{
	size_t i;

	if (!all(ask->host, is_host_char) ||
	    !all(ask->path, is_path_char) || ask->path.p[0] != '/' ||
	    !all(ask->protocol, is_token_char))
		return ERR_CHARACTER;
	for (i = 0; i < ask->n_extra; i++)
		if (!all(ask->extra[i].name, is_token_char) ||
		    !all(ask->extra[i].value, is_value_char))
			return ERR_CHARACTER;
	return 0;
}

/* 0, or the buffer's error with everything from at on taken back. */
static int
keep_whole(struct buf *b, size_t at)
{
	if (buf_error(b) != 0)
		b->n = at;
	return buf_error(b);
}

int
wshake_put_request(const struct wshake_ask *ask, struct buf *ret_b)
{
	size_t at = ret_b->n, i;
	int err;

	if ((err = check_ask(ask)) != 0)
		return err;
	buf_put_str(ret_b, "GET ");
	buf_put_bytes(ret_b, ask->path);
	buf_put_str(ret_b, " HTTP/1.1\r\nHost: ");
	buf_put_bytes(ret_b, ask->host);
	buf_put_str(ret_b, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
	base64_encode(ret_b, bytes_of(ask->nonce, WSHAKE_NONCE_LEN));
	buf_put_str(ret_b, "\r\nSec-WebSocket-Protocol: ");
	buf_put_bytes(ret_b, ask->protocol);
	for (i = 0; i < ask->n_extra; i++) {
		buf_put_str(ret_b, "\r\n");
		buf_put_bytes(ret_b, ask->extra[i].name);
		buf_put_str(ret_b, ": ");
		buf_put_bytes(ret_b, ask->extra[i].value);
	}
	buf_put_str(ret_b, "\r\n\r\n");
	return keep_whole(ret_b, at);
}

/* `HTTP/1.x NNN` and, after a space, words (RFC 9112 section 4) */
static int
read_status(struct bytes line, int *ret_minor, int *ret_status)
{
	struct bytes code;

	if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 ||
	    (line.p[7] != '0' && line.p[7] != '1') || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' '))
		return ERR_SYNTAX;
	code = bytes_of(line.p + 9, 3);
	if (!all(code, is_digit) || code.p[0] < '1' || code.p[0] > '5')
		return ERR_SYNTAX;
	*ret_minor = line.p[7] - '0';
	*ret_status = (code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 +
	    (code.p[2] - '0');
	return 0;
}

/* delta-seconds of RFC 9110 10.2.3; a date gives 0. */
static uint32_t
retry_after(struct bytes value)
{
	uint64_t s = 0;
	size_t i;

	if (!all(value, is_digit))
		return 0;
	for (i = 0; i < value.n && s <= UINT32_MAX; i++)
		s = s * 10 + (uint64_t)(value.p[i] - '0');
	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static int
read_reply(const struct wshake_head *h, struct bytes protocol,
    struct fields *ret_f, int *ret_minor, struct wshake_answer *ret_answer)
{
	struct wshake_answer a = { .accepted = false };
	struct bytes line, rest;
	int err, minor;

	if ((err = first_line(h, &line, &rest)) != 0)
		return err;
	if ((err = read_status(line, &minor, &a.status)) != 0)
		return err;
	if ((err = read_fields(rest, protocol, ret_f)) != 0)
		return err;
	a.retry_after_s = retry_after(ret_f->one[F_RETRY_AFTER]);
	*ret_minor = minor;
	*ret_answer = a;
	return 0;
}

int
wshake_read_answer(const struct wshake_head *h, const uint8_t *nonce,
    struct bytes protocol, struct wshake_answer *ret_answer)
{
	struct wshake_answer a;
	struct fields f;
	int err, minor;

	if ((err = read_reply(h, protocol, &f, &minor, &a)) != 0)
		return err;
	if (a.status == 101) {
		if (minor != 1 || !f.upgrade || !f.connection ||
		    !f.protocol || f.n_protocol != 1 ||
		    f.one[F_EXTENSIONS].p != NULL)
			return ERR_PROTOCOL;
		if ((err = check_accept(nonce, f.one[F_ACCEPT])) != 0)
			return err;
		a.accepted = true;
	}
	*ret_answer = a;
	return 0;
}

static bool
is_login_char(uint8_t c)
{
	return c >= 0x20 && c != 0x7f;
}

static int
check_connect(struct bytes authority, const struct wshake_login *login)
{
	struct bytes rest;
	size_t i = authority.n;

	while (i > 0 && is_digit(authority.p[i - 1]))
		i--;
	if (i < 2 || i == authority.n || authority.p[i - 1] != ':' ||
	    !all(authority, is_host_char))
		return ERR_CHARACTER;
	if (login == NULL)
		return 0;
	rest = login->user;
	if (cut(&rest, ':').n != login->user.n)
		return ERR_CHARACTER;
	if ((login->user.n > 0 && !all(login->user, is_login_char)) ||
	    (login->password.n > 0 && !all(login->password, is_login_char)))
		return ERR_CHARACTER;
	return 0;
}

int
wshake_put_connect(struct bytes authority, const struct wshake_login *login,
    struct buf *ret_b)
{
	size_t at = ret_b->n;
	struct buf pair;
	int err;

	if ((err = check_connect(authority, login)) != 0)
		return err;
	buf_put_str(ret_b, "CONNECT ");
	buf_put_bytes(ret_b, authority);
	buf_put_str(ret_b, " HTTP/1.1\r\nHost: ");
	buf_put_bytes(ret_b, authority);
	if (login != NULL) {
		buf_init(&pair, WSHAKE_HEAD_MAX);
		buf_put_bytes(&pair, login->user);
		buf_put_u8(&pair, ':');
		buf_put_bytes(&pair, login->password);
		if ((err = buf_error(&pair)) == 0) {
			buf_put_str(ret_b, "\r\nProxy-Authorization: Basic ");
			base64_encode(ret_b, buf_bytes(&pair));
		}
		buf_free(&pair);
		if (err != 0) {
			ret_b->n = at;
			return err;
		}
	}
	buf_put_str(ret_b, "\r\n\r\n");
	return keep_whole(ret_b, at);
}

int
wshake_read_connect(const struct wshake_head *h,
    struct wshake_answer *ret_answer)
{
	struct wshake_answer a;
	struct fields f;
	int err, minor;

	if ((err = read_reply(h, bytes_str(""), &f, &minor, &a)) != 0)
		return err;
	a.accepted = a.status / 100 == 2;
	*ret_answer = a;
	return 0;
}

/* ---- the server ---- */

static int
read_request_line(struct bytes line, struct bytes *ret_path)
{
	struct bytes method, path;

	method = cut(&line, ' ');
	path = cut(&line, ' ');
	if (!all(method, is_token_char) || !bytes_is(line, "HTTP/1.1") ||
	    !all(path, is_path_char))
		return ERR_SYNTAX;
	if (!bytes_is(method, "GET"))
		return ERR_UNSUPPORTED;
	if (path.p[0] != '/')
		return ERR_SYNTAX;
	*ret_path = path;
	return 0;
}

int
wshake_read_request(const struct wshake_head *h, struct bytes protocol,
    struct wshake_request *ret_request)
{
	struct bytes line, rest, path;
	struct fields f;
	int err;

	if ((err = first_line(h, &line, &rest)) != 0)
		return err;
	if ((err = read_request_line(line, &path)) != 0)
		return err;
	if ((err = read_fields(rest, protocol, &f)) != 0)
		return err;
	/* A body would be taken for frames. */
	if (f.one[F_ENCODING].p != NULL || (f.one[F_LENGTH].p != NULL &&
	    !bytes_is(f.one[F_LENGTH], "0")))
		return ERR_SYNTAX;
	if (f.one[F_HOST].p == NULL)
		return ERR_MISSING_FIELD;
	if (!all(f.one[F_HOST], is_host_char))
		return ERR_CHARACTER;
	if (!f.upgrade || !f.connection || !bytes_is(f.one[F_VERSION], "13"))
		return ERR_VERSION;
	if (f.one[F_KEY].p == NULL || !f.protocol)
		return ERR_MISSING_FIELD;
	if (!is_key(f.one[F_KEY]))
		return ERR_SYNTAX;
	*ret_request = (struct wshake_request){ .path = path,
	    .host = f.one[F_HOST], .key = f.one[F_KEY] };
	return 0;
}

int
wshake_put_accept(const struct wshake_request *request, struct bytes protocol,
    struct buf *ret_b)
{
	size_t at = ret_b->n;
	int err;

	buf_put_str(ret_b, "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: ");
	if ((err = put_accept_value(request->key, ret_b)) != 0) {
		ret_b->n = at;
		return err;
	}
	buf_put_str(ret_b, "\r\nSec-WebSocket-Protocol: ");
	buf_put_bytes(ret_b, protocol);
	buf_put_str(ret_b, "\r\n\r\n");
	return keep_whole(ret_b, at);
}

int
wshake_status_for(int err)
{
	switch (err) {
	case ERR_SYNTAX:
	case ERR_CHARACTER:
	case ERR_DUPLICATE:
	case ERR_MISSING_FIELD:
		return 400;
	case ERR_UNSUPPORTED:
		return 405;
	case ERR_VERSION:
		return 426;
	case ERR_TOO_LARGE:
		return 431;
	case ERR_NOMEM:
		return 503;
	default:
		return 500;
	}
}

/* What each status says, and the fields that RFC 9110 wants with it. */
static const struct {
	int status;
	const char *words;
} refusals[] = {
	{ 400, "Bad Request\r\n" },
	{ 401, "Unauthorized\r\n" },
	{ 403, "Forbidden\r\n" },
	{ 404, "Not Found\r\n" },
	{ 405, "Method Not Allowed\r\nAllow: GET\r\n" },
	{ 408, "Request Timeout\r\n" },
	{ 426, "Upgrade Required\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n" },
	{ 429, "Too Many Requests\r\n" },
	{ 431, "Request Header Fields Too Large\r\n" },
	{ 500, "Internal Server Error\r\n" },
	{ 503, "Service Unavailable\r\n" },
};

int
wshake_put_refusal(int status, uint32_t retry_after_s, struct buf *ret_b)
{
	size_t at = ret_b->n, i, n = sizeof(refusals) / sizeof(refusals[0]);

	for (i = 0; i < n && refusals[i].status != status; i++)
		;
	if (i == n)
		return ERR_RANGE;
	buf_printf(ret_b, "HTTP/1.1 %d %s", status, refusals[i].words);
	if (retry_after_s > 0)
		buf_printf(ret_b, "Retry-After: %lu\r\n",
		    (unsigned long)retry_after_s);
	buf_put_str(ret_b, "Connection: close\r\nContent-Length: 0\r\n\r\n");
	return keep_whole(ret_b, at);
}
