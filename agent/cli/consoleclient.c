/*
 * consoleclient.c - one request to a console's HTTP API.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/consoleclient.h"

#include "agent/cli/http.h"
#include "agent/cli/signing.h"
#include "common/approval.h"
#include "common/text.h"
#include "common/tls.h"
#include "common/trustfile.h"
#include "platform/clock.h"
#include "platform/secrets.h"
#include "platform/stream.h"
#include "platform/userfile.h"

#include <stdlib.h>
#include <string.h>

#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define CA_MAX ((size_t)4 << 20)
#define TOKEN_MAX 1024
#define DIAL_MS 10000u
#define WAIT_MS 60000u
#define READ_SIZE 16384

/* A connection, with or without TLS. */
struct connection {
	int fd;
	struct tls_config *config;
	struct tls *tls;
	struct buf out;		/* ciphertext on its way */
	struct buf plain;
};

bool
consoleclient_is_meant(const struct args *a)
{
	return args_has(a, "--console");
}

/* ---- the connection ---- */

static void
connection_close(struct connection *c)
{
	tls_free(c->tls);
	tls_config_free(c->config);
	buf_free(&c->out);
	buf_free(&c->plain);
	stream_close(&c->fd);
}

/* Sends what TLS has to say. */
static int
flush(struct connection *c)
{
	int err;

	if (c->tls == NULL || tls_pending(c->tls) == 0)
		return 0;
	buf_clear(&c->out);
	if ((err = tls_take(c->tls, &c->out)) != 0)
		return err;
	return stream_write(c->fd, buf_bytes(&c->out));
}

/* Reads once and takes it in; *ret_end at the end of the stream. */
static int
pump(struct connection *c, bool *ret_end)
{
	uint8_t piece[READ_SIZE];
	struct bytes in;
	size_t n;
	int err;

	if ((err = stream_read(c->fd, piece, sizeof(piece), &n)) != 0)
		return err;
	*ret_end = n == 0;
	in = bytes_of(piece, n);
	if (c->tls == NULL) {
		buf_put_bytes(&c->plain, in);
		return buf_error(&c->plain);
	}
	err = n > 0 ? tls_feed(c->tls, &in, &c->plain) : 0;
	if (err == ERR_CLOSED) {
		*ret_end = true;
		err = 0;
	}
	(void)flush(c);
	return err;
}

static int
load_ca(const struct args *a, struct tls_config **ret_config)
{
	const char *path = args_get(a, "--ca");
	struct buf pem;
	int err;

	if (path == NULL)
		path = CA_BUNDLE;
	buf_init(&pem, CA_MAX + READ_SIZE * 8);
	err = userfile_read(path, CA_MAX, &pem);
	if (err == 0)
		err = tls_config_new_client(buf_bytes(&pem), ret_config);
	buf_free(&pem);
	return err != 0 ? complain(CLI_FAILED, "give the console's authority"
	    " with --ca FILE", "%s: %s", path, err_text(err)) : CLI_DONE;
}

static int
start_tls(const struct args *a, const struct http_url *u,
    struct connection *c)
{
	struct bytes none = { NULL, 0 };
	bool end = false;
	int err, code;

	if ((code = load_ca(a, &c->config)) != CLI_DONE)
		return code;
	err = tls_new(c->config, u->host, clock_wall_s(), &c->tls);
	if (err == 0)
		err = tls_feed(c->tls, &none, &c->plain);
	while (err == 0 && tls_state(c->tls) == TLS_HANDSHAKE && !end)
		if ((err = flush(c)) == 0)
			err = pump(c, &end);
	if (err == 0 && tls_state(c->tls) == TLS_OPEN)
		return flush(c) == 0 ? CLI_DONE : CLI_UNREACHABLE;
	if (c->tls != NULL && tls_problem(c->tls)[0] != '\0')
		return complain(CLI_UNREACHABLE, "see --ca", "%s: %s",
		    u->host, tls_problem(c->tls));
	return complain(CLI_UNREACHABLE, "check the URL and the port", "%s:"
	    " no TLS connection (%s)", u->host,
	    err_text(err != 0 ? err : ERR_CLOSED));
}

static int
open_connection(const struct args *a, const struct http_url *u,
    struct connection *c)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	buf_init(&c->out, 2 * TLS_OUTPUT_MAX);
	buf_init(&c->plain, (size_t)1 << 20);
	if ((err = stream_dial(u->host, u->port, DIAL_MS, &c->fd)) != 0)
		return complain(CLI_UNREACHABLE, "check that the console runs"
		    " and the URL is right", "%s port %u: %s", u->host,
		    (unsigned)u->port, err_text(err));
	stream_set_wait(c->fd, WAIT_MS);
	return u->tls ? start_tls(a, u, c) : CLI_DONE;
}

static int
send_all(struct connection *c, struct bytes data)
{
	int err = 0;

	if (c->tls == NULL)
		return stream_write(c->fd, data);
	do {
		err = tls_write(c->tls, &data);
		if (err != 0 && err != ERR_AGAIN)
			return err;
		if (flush(c) != 0)
			return ERR_CLOSED;
	} while (err == ERR_AGAIN);
	return 0;
}

/* ---- one exchange ---- */

static int
read_token(const struct args *a, char ret_token[TOKEN_MAX])
{
	const char *path = args_get(a, "--token");
	struct buf b;
	int err;

	ret_token[0] = '\0';
	if (path == NULL)
		return CLI_DONE;
	buf_init(&b, 131072);
	err = userfile_read(path, TOKEN_MAX - 1, &b);
	while (b.n > 0 && b.p[b.n - 1] <= ' ')
		b.n--;
	if (err == 0 && (b.n == 0 || b.n >= TOKEN_MAX ||
	    memchr(b.p, '\n', b.n) != NULL))
		err = ERR_SYNTAX;
	if (err == 0) {
		memcpy(ret_token, b.p, b.n);
		ret_token[b.n] = '\0';
	}
	if (b.n > 0)
		secrets_wipe(b.p, b.n);
	buf_free(&b);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

static int
exchange(struct connection *c, const struct buf *request,
    struct http_reply *r)
{
	bool end = false;
	int err;

	if ((err = send_all(c, buf_bytes(request))) != 0)
		return err;
	while (!r->whole && !end) {
		err = pump(c, &end);
		/* What came with the end counts, too. */
		if (err != 0 && err != ERR_AGAIN)
			return err;
		if ((err = http_reply_feed(r, buf_bytes(&c->plain))) != 0)
			return err;
		buf_clear(&c->plain);
	}
	return r->whole ? 0 : http_reply_end(r);
}

/* Says what an answer that is no success is. */
static int
tell_problem(int status, struct bytes body)
{
	struct bytes title = bytes_str(""), detail = bytes_str("");
	struct doc *d = NULL;
	struct buf a, b;
	struct doc_obj o;

	if (doc_parse(body, 0, &d) == 0) {
		o = doc_root(d);
		(void)doc_opt_str(&o, "title", &title);
		(void)doc_opt_str(&o, "detail", &detail);
	}
	buf_init(&a, 65536);
	buf_init(&b, 65536);
	text_escape(&a, title, 0);
	text_escape(&b, detail.n > 0 ? detail :
	    bytes_str("check the request"), 0);
	buf_put_u8(&b, 0);
	complain(0, b.err == 0 ? (const char *)b.p : "", "the console says"
	    " no (%d): %.*s", status, (int)a.n,
	    a.n > 0 ? (const char *)a.p : "");
	buf_free(&a);
	buf_free(&b);
	doc_free(d);
	return status == 401 || status == 403 || status == 409 ||
	    status == 422 ? CLI_REFUSED : CLI_FAILED;
}

static int
ask(const struct args *a, const struct http_url *u, const struct buf *request,
    struct buf *ret_b)
{
	struct connection c;
	struct http_reply r;
	size_t before = ret_b->n;
	int err, code;

	http_reply_init(&r, ret_b);
	code = open_connection(a, u, &c);
	if (code == CLI_DONE && (err = exchange(&c, request, &r)) != 0)
		code = complain(CLI_UNREACHABLE, "look at the console's log,"
		    " and try again", "the console gave no whole answer (%s)",
		    err_text(err));
	else if (code == CLI_DONE && r.status / 100 != 2)
		code = tell_problem(r.status, bytes_of(ret_b->p + before,
		    ret_b->n - before));
	connection_close(&c);
	http_reply_fini(&r);
	return code;
}

int
consoleclient_ask(const struct args *a, const char *method, const char *path,
    struct bytes body, struct buf *ret_b)
{
	const char *url = args_get(a, "--console");
	char token[TOKEN_MAX];
	struct http_url u;
	struct buf request;
	int err, code;

	if (http_url_parse(url, &u) != 0)
		return complain(CLI_USAGE, "it is https://HOST[:PORT]",
		    "--console %s", url);
	if ((code = read_token(a, token)) != CLI_DONE)
		return code;
	if (!u.tls && !http_url_is_local(&u))
		return complain(CLI_USAGE, "use https://", "--console %s: the"
		    " token would be read on the way", url);
	buf_init(&request, body.n + 16384);
	http_put_request(&request, &u, method, path,
	    token[0] != '\0' ? token : NULL, body);
	secrets_wipe(token, sizeof(token));
	if ((err = buf_error(&request)) != 0)
		code = complain_err(err, "the request");
	else
		code = ask(a, &u, &request, ret_b);
	if (request.n > 0)
		secrets_wipe(request.p, request.n);
	buf_free(&request);
	return code;
}

/* ---- envelopes ---- */

/* /v1/cards/{digest}/approvals or /cancel */
static int
card_path(const struct envelope *e, enum payload_type type, char *ret_path,
    size_t size)
{
	char digest[DIGEST_TEXT_SIZE];
	struct approval *ap;
	struct refusal why;
	int err = approval_parse(type, e->payload, &ap, &why);

	if (err != 0)
		return complain_refusal(err, "the approval", &why);
	digest_text(&ap->card, digest);
	approval_free(ap);
	snprintf(ret_path, size, "/v1/cards/%s/%s", digest,
	    type == PAYLOAD_CANCEL ? "cancel" : "approvals");
	return CLI_DONE;
}

static int
device_path(const struct envelope *e, char *ret_path, size_t size)
{
	struct device_entry *d;
	struct refusal why;
	int err = device_entry_parse(e->payload, &d, &why);

	if (err != 0)
		return complain_refusal(err, "the device's entry", &why);
	snprintf(ret_path, size, "/v1/trust/devices/%.*s", (int)d->device.n,
	    (const char *)d->device.p);
	device_entry_free(d);
	return CLI_DONE;
}

int
consoleclient_submit(const struct args *a, const struct envelope *e,
    struct buf *ret_b)
{
	enum payload_type type = envelope_type(e->type);
	const char *method = "POST";
	enum trust_file file;
	char path[256] = "/v1/cards";
	struct buf body;
	int err, code = CLI_DONE;

	if (type == PAYLOAD_APPROVAL || type == PAYLOAD_CANCEL) {
		code = card_path(e, type, path, sizeof(path));
	} else if (trust_file_of(e->type, &file) == 0) {
		method = "PUT";
		snprintf(path, sizeof(path), "/v1/trust/%s",
		    trust_file_word(file));
		if (file == TRUST_DEVICE)
			code = device_path(e, path, sizeof(path));
	} else if (type != PAYLOAD_CARD) {
		code = complain(CLI_USAGE, "give a card, approval, cancel or"
		    " trust file", "this envelope is nothing to submit");
	}
	if (code != CLI_DONE)
		return code;
	buf_init(&body, SIGNING_FILE_MAX);
	envelope_write(&body, e);
	if ((err = buf_error(&body)) != 0)
		code = complain_err(err, "the envelope");
	else
		code = consoleclient_ask(a, method, path, buf_bytes(&body),
		    ret_b);
	buf_free(&body);
	return code;
}
