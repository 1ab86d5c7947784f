/*
 * envelope.c - DSSE v1: the envelope around everything that is signed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier (which only takes it apart), gate, cli, console.
 */
#include "common/envelope.h"
#include "common/base64.h"
#include "common/doc.h"
#include "common/jsonw.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(x) "application/vnd.countersign." x ".v1+json"
#define TRUST_CAP ((size_t)4 << 20)
#define SMALL_CAP ((size_t)16 << 10)

/* In the order of enum payload_type; caps are protocol.md's. */
static const struct {
	const char *word;
	const char *text;
	size_t cap;
} types[PAYLOAD_TYPES] = {
	[PAYLOAD_UNKNOWN] = { "unknown", "", 0 },
	[PAYLOAD_CARD] = { "card", TYPE("card"), (size_t)32 << 10 },
	[PAYLOAD_APPROVAL] = { "approval", TYPE("approval"), SMALL_CAP },
	[PAYLOAD_CANCEL] = { "cancel", TYPE("cancel"), SMALL_CAP },
	[PAYLOAD_ROOT] = { "root", TYPE("root"), TRUST_CAP },
	[PAYLOAD_PEOPLE] = { "people", TYPE("people"), TRUST_CAP },
	[PAYLOAD_POLICY] = { "policy", TYPE("policy"), TRUST_CAP },
	[PAYLOAD_DEVICE] = { "device", TYPE("device"), TRUST_CAP },
	[PAYLOAD_TIMESTAMP] = { "timestamp", TYPE("timestamp"), TRUST_CAP },
	[PAYLOAD_HELLO] = { "hello", TYPE("hello"), SMALL_CAP },
	[PAYLOAD_EPOCH] = { "epoch", TYPE("epoch"), SMALL_CAP }
};

enum payload_type
envelope_type(struct bytes type)
{
	int i;

	for (i = PAYLOAD_UNKNOWN + 1; i < PAYLOAD_TYPES; i++) {
		if (bytes_is(type, types[i].text))
			return (enum payload_type)i;
	}
	return PAYLOAD_UNKNOWN;
}

struct bytes
envelope_type_text(enum payload_type type)
{
	return bytes_str(types[type].text);
}

const char *
envelope_type_word(enum payload_type type)
{
	return types[type].word;
}

size_t
envelope_type_cap(enum payload_type type)
{
	return types[type].cap;
}

/*
 * base64 in either alphabet: the URL's is turned into the other one, which
 * the strict decoder then reads.
 */
static int
decode_either(struct bytes text, struct buf *b)
{
	struct buf plain;
	bool url = false, standard = false;
	size_t i;
	int r;

	for (i = 0; i < text.n; i++) {
		url = url || text.p[i] == '-' || text.p[i] == '_';
		standard = standard || text.p[i] == '+' || text.p[i] == '/';
	}
	if (!url)
		return base64_decode(text, b);
	if (standard)
		return ERR_CHARACTER;
	buf_init(&plain, text.n);
	buf_put_bytes(&plain, text);
	if ((r = buf_error(&plain)) == 0) {
		for (i = 0; i < plain.n; i++) {
			if (plain.p[i] == '-')
				plain.p[i] = '+';
			else if (plain.p[i] == '_')
				plain.p[i] = '/';
		}
		r = base64_decode(buf_bytes(&plain), b);
	}
	buf_free(&plain);
	return r;
}

/* A base64 member, decoded behind what b holds, which does not move. */
static void
get_b64(struct doc_obj *o, const char *name, struct buf *b,
    struct bytes *ret_v)
{
	size_t before = b->n;
	struct bytes text;
	int r;

	doc_str(o, name, &text);
	if ((r = decode_either(text, b)) != 0)
		doc_fail(o, name, r);
	*ret_v = bytes_of(b->p + before, b->n - before);
}

/* A string member of min to max bytes, copied there. */
static void
get_str(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct buf *b, struct bytes *ret_v)
{
	size_t before = b->n;
	struct bytes text;

	doc_str(o, name, &text);
	if (text.n < min || text.n > max)
		doc_fail(o, name, ERR_RANGE);
	buf_put_bytes(b, text);
	*ret_v = bytes_of(b->p + before, b->n - before);
}

static void
get_sigs(struct doc_obj *o, struct buf *b, struct envelope *ret_e)
{
	struct doc_obj list, one;

	doc_arr(o, "signatures", ENVELOPE_MAX_SIGS, &list);
	if (doc_count(&list) == 0)
		doc_fail(o, "signatures", ERR_RANGE);
	while (doc_next(&list)) {
		struct envelope_sig *s = &ret_e->sigs[ret_e->n_sigs++];

		doc_obj(&list, NULL, &one);
		if (doc_has(&one, "keyid"))
			get_str(&one, "keyid", 0, ENVELOPE_MAX_KEYID, b,
			    &s->keyid);
		get_b64(&one, "sig", b, &s->sig);
		if (s->sig.n > ENVELOPE_MAX_SIG)
			doc_fail(&one, "sig", ERR_RANGE);
	}
}

static int
check_cap(const struct envelope *e)
{
	enum payload_type type = envelope_type(e->type);

	if (type != PAYLOAD_UNKNOWN && e->payload.n > types[type].cap)
		return ERR_TOO_LARGE;
	return 0;
}

int
envelope_read(struct doc_obj *o, size_t text_n, struct envelope_doc *ret_d)
{
	struct envelope e = { .n_sigs = 0 };
	struct buf b;
	int r;

	/* All values together are shorter than the text that they came in. */
	buf_init(&b, text_n + 1);
	if (buf_reserve(&b, text_n + 1) == NULL)
		return buf_error(&b);
	get_str(o, "payloadType", 1, ENVELOPE_MAX_TYPE, &b, &e.type);
	get_b64(o, "payload", &b, &e.payload);
	get_sigs(o, &b, &e);
	if ((r = doc_error(o->doc)) == 0)
		r = check_cap(&e);
	if (r != 0) {
		buf_free(&b);
		return r;
	}
	ret_d->e = e;
	ret_d->memory = b.p;
	return 0;
}

int
envelope_parse(struct bytes json, size_t cap, struct envelope_doc *ret_d)
{
	struct doc *d = NULL;
	struct doc_obj o;
	int r;

	if (json.n > cap)
		return ERR_TOO_LARGE;
	if ((r = doc_parse(json, 0, &d)) != 0)
		return r;
	o = doc_root(d);
	r = envelope_read(&o, json.n, ret_d);
	doc_free(d);
	return r;
}

void
envelope_free(struct envelope_doc *d)
{
	free(d->memory);
	memset(d, 0, sizeof(*d));
}

void
envelope_write(struct buf *b, const struct envelope *e)
{
	struct jsonw w;
	size_t i;

	if (e->n_sigs < 1 || e->n_sigs > ENVELOPE_MAX_SIGS) {
		if (b->err == 0)
			b->err = ERR_RANGE;
		return;
	}
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "payloadType", e->type);
	jsonw_b64(&w, "payload", e->payload);
	jsonw_arr(&w, "signatures");
	for (i = 0; i < e->n_sigs; i++) {
		jsonw_obj(&w, NULL);
		if (e->sigs[i].keyid.n > 0)
			jsonw_str(&w, "keyid", e->sigs[i].keyid);
		jsonw_b64(&w, "sig", e->sigs[i].sig);
		jsonw_obj_end(&w);
	}
	jsonw_arr_end(&w);
	jsonw_obj_end(&w);
}

void
envelope_pae(struct buf *b, struct bytes type, struct bytes payload)
{
	buf_printf(b, "DSSEv1 %zu ", type.n);
	buf_put_bytes(b, type);
	buf_printf(b, " %zu ", payload.n);
	buf_put_bytes(b, payload);
}
