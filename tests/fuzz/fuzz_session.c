/*
 * fuzz_session.c - an agent says anything to the console's session.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The input is a list of steps, `u8 what | u16 length | bytes`:
 *   0 a text message      1 a binary message     2 a piece of a binary one
 *   3 enrols with the token (bytes: nothing)     4 a good hello
 *   5 a record with the next index               6 the turn ends
 *   7 the connection ends and a new one begins   8 transcript bytes of the
 *     card that the first record with one named, at the offset that is next
 * The store is a real one in memory's file system, new for every input.
 */
#include "common/envelope.h"
#include "common/jsonw.h"
#include "common/link.h"
#include "common/record.h"
#include "common/signer.h"
#include "console/gateway/session.h"
#include "tests/harness/store_fixture.h"

#define SECRET "the secret of the token"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct rig {
	struct store_fixture f;
	uv_loop_t loop;
	struct settings settings;
	struct console c;
	struct session *s;
	struct signer key;
	char id[DEVICEID_SIZE];
	uint8_t exporter[32];
	uint8_t nonce[WIRE_NONCE];
	bool closed;
	bool first;		/* of the pieces of a binary message */
	uint64_t next;		/* what the console said that it has */
	uint8_t card[32];
	uint64_t at;		/* of its transcript */
	size_t sent;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

/* Every message that goes out is one that a courier takes. */
static void
io_send(void *ctx, struct bytes text)
{
	struct rig *r = ctx;
	struct link_msg m;

	must(link_get_text(LINK_CONSOLE, text, &m) == 0);
	r->sent += text.n;
	if (m.type == LINK_CHALLENGE)
		memcpy(r->nonce, m.u.nonce, sizeof(r->nonce));
	if (m.type == LINK_HAVE)
		r->next = m.u.n;
	if (m.type == LINK_CREDIT) {
		must(m.u.credit.until - m.u.credit.from <= SESSION_WINDOW);
		if (memcmp(r->card, m.u.credit.card, 32) == 0 &&
		    m.u.credit.from < r->at)
			r->at = m.u.credit.from;
	}
	link_msg_free(&m);
}

static bool
io_has_room(void *ctx)
{
	return ((struct rig *)ctx)->sent < ((size_t)1 << 20);
}

static void
io_flush(void *ctx)
{
	((struct rig *)ctx)->sent = 0;
}

static void
io_close(void *ctx, uint16_t code, const char *reason)
{
	must(code >= 1000 && reason != NULL);
	((struct rig *)ctx)->closed = true;
}

static const struct session_io io = {
	io_send, io_has_room, io_flush, io_close
};

static void
connect_rig(struct rig *r)
{
	session_free(r->s);
	r->closed = false;
	r->first = true;
	must(session_new(&r->c, &io, r, r->exporter, &r->s) == 0);
	must(session_start(r->s) == 0);
}

static void
open_rig(struct rig *r)
{
	static const uint8_t seed[SIGNER_SEED_SIZE] = { 1 };
	struct store_token t;
	char spool[128];

	memset(r, 0, sizeof(*r));
	must(store_fixture_open(&r->f));
	must(signer_from_seed(seed, &r->key) == 0);
	deviceid_make(r->key.public, r->id);
	memset(&t, 0, sizeof(t));
	memcpy(t.org, "acme", 5);
	t.expires = INT64_MAX;
	digest_sha256(bytes_str(SECRET), &t.secret);
	must(store_token_add(r->f.s, &t) == 0);
	must(uv_loop_init(&r->loop) == 0);
	r->settings.device_mb = 1;
	r->c.loop = &r->loop;
	r->c.settings = &r->settings;
	r->c.store = r->f.s;
	turn_init(&r->c.turn, r->f.s);
	must(links_init(&r->c.links) == 0);
	(void)snprintf(spool, sizeof(spool), "%s/spool", r->f.folder);
	must(spool_new(&r->loop, spool, &r->c.turn, &r->c.watch,
	    &r->c.spool) == 0);
	connect_rig(r);
}

static void
close_rig(struct rig *r)
{
	(void)turn_settle(&r->c.turn);
	session_free(r->s);
	spool_free(r->c.spool);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	(void)turn_settle(&r->c.turn);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	must(uv_loop_close(&r->loop) == 0);
	links_fini(&r->c.links);
	store_fixture_close(&r->f);
	signer_wipe(&r->key);
}

/* ---- steps ---- */

static int
enrol(struct rig *r)
{
	struct wire_enrol m = { bytes_str(SECRET), r->key.public,
	    bytes_str(r->id) };
	struct buf b;
	int err;

	buf_init(&b, 4096);
	link_put_enrol(&b, &m);
	err = session_text(r->s, buf_bytes(&b));
	buf_free(&b);
	return err;
}

static void
write_hello(struct rig *r, struct buf *b)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "org", "acme");
	jsonw_cstr(&w, "device", r->id);
	jsonw_b64url(&w, "console_nonce", bytes_of(r->nonce, 32));
	jsonw_b64url(&w, "device_nonce", bytes_of(r->nonce, 32));
	jsonw_b64url(&w, "exporter", bytes_of(r->exporter, 32));
	jsonw_cstr(&w, "version", "0");
	jsonw_cstr(&w, "system", "linux");
	jsonw_cstr(&w, "arch", "x");
	jsonw_arr(&w, "reads");
	jsonw_arr_end(&w);
	jsonw_arr(&w, "profiles");
	jsonw_arr_end(&w);
	jsonw_bool(&w, "split", true);
	jsonw_int(&w, "next", 0);
	jsonw_obj_end(&w);
}

static int
hello(struct rig *r)
{
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	struct wire_envelope e;
	struct buf payload, pae, text;
	int err;

	buf_init(&payload, 4096);
	buf_init(&pae, 4096);
	buf_init(&text, 16384);
	write_hello(r, &payload);
	memset(&e, 0, sizeof(e));
	e.type = envelope_type_text(PAYLOAD_HELLO);
	e.payload = buf_bytes(&payload);
	envelope_pae(&pae, e.type, e.payload);
	must(signer_sign(&r->key, buf_bytes(&pae), sig) == 0);
	e.n = 1;
	e.sigs[0].sig = bytes_of(sig, sizeof(sig));
	link_put_envelope(&text, LINK_HELLO, &e);
	must(buf_error(&text) == 0);
	err = session_text(r->s, buf_bytes(&text));
	buf_free(&text);
	buf_free(&pae);
	buf_free(&payload);
	return err;
}

static int
record(struct rig *r, struct bytes a)
{
	struct record_doc *doc;
	struct buf b;
	int err;

	if (record_parse(a, &doc) == 0) {
		if (record_of(doc)->has[RF_CARD])
			memcpy(r->card, record_of(doc)->card.b, 32);
		record_free(doc);
	}
	buf_init(&b, LINK_BINARY_CAP);
	buf_put_u8(&b, 1);
	buf_put_u64le(&b, r->next);
	buf_put_field(&b, a);
	err = session_binary(r->s, buf_bytes(&b), true, true);
	buf_free(&b);
	(void)turn_settle(&r->c.turn);
	return err;
}

static int
output(struct rig *r, struct bytes a)
{
	struct wire_output m = { r->card, r->at, a };
	struct buf b;
	int err;

	buf_init(&b, LINK_BINARY_CAP);
	link_put_output(&b, &m);
	err = buf_error(&b) != 0 ? 0 : session_binary(r->s, buf_bytes(&b),
	    true, true);
	r->at += a.n;
	buf_free(&b);
	return err;
}

static int
step(struct rig *r, uint8_t what, struct bytes a)
{
	bool first;

	switch (what) {
	case 0:
		return session_text(r->s, a);
	case 1:
		return session_binary(r->s, a, true, true);
	case 2:
		first = r->first;
		r->first = a.n % 2 == 0;
		return session_binary(r->s, a, first, r->first);
	case 3:
		return enrol(r);
	case 4:
		return hello(r);
	case 5:
		return record(r, a);
	case 6:
		(void)turn_settle(&r->c.turn);
		(void)uv_run(&r->loop, UV_RUN_NOWAIT);
		return 0;
	case 7:
		connect_rig(r);
		return 0;
	case 8:
		return output(r, a);
	default:
		return 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct reader in;
	struct bytes a;
	struct rig r;
	uint8_t what;
	int err;

	open_rig(&r);
	reader_init(&in, bytes_of(p, n));
	while (in.rest.n > 0 && in.err == 0) {
		what = reader_u8(&in);
		a = reader_take(&in, reader_u16le(&in));
		if (in.err != 0)
			break;
		err = step(&r, what, a);
		if (err != 0)
			must(session_code(err) >= 1000);
		/* As the gateway: what was said before is kept. */
		if (err != 0 || r.closed) {
			(void)turn_settle(&r.c.turn);
			connect_rig(&r);
		}
	}
	close_rig(&r);
	return 0;
}
