/*
 * hello.c - a device's proof that it is at the other end of this connection.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/gateway/hello.h"

#include "common/doc.h"
#include "common/ed25519.h"
#include "common/envelope.h"

#include <string.h>

#define DEVICE_NONCE_MIN 16
#define DEVICE_NONCE_MAX 32
#define LIST_MAX 32

static void
copy_name(struct doc_obj *o, const char *name, enum text_class what,
    char *dst, size_t size)
{
	struct bytes text = { NULL, 0 };

	doc_text(o, name, what, 1, size - 1, &text);
	if (text.n < size && text.n > 0)
		memcpy(dst, text.p, text.n);
	dst[text.n < size ? text.n : 0] = '\0';
}

static void
copy_device(struct doc_obj *o, char dst[DEVICEID_SIZE])
{
	copy_name(o, "device", TEXT_NAME, dst, DEVICEID_SIZE);
	if (!deviceid_is(bytes_str(dst)))
		doc_fail(o, "device", ERR_SYNTAX);
}

static void
copy_fixed(struct doc_obj *o, const char *name, uint8_t *dst, size_t n)
{
	struct bytes a = { NULL, 0 };

	doc_b64url(o, name, n, n, &a);
	if (a.n == n)
		memcpy(dst, a.p, n);
}

static void
skip_list(struct doc_obj *o, const char *name)
{
	struct doc_obj list;
	struct bytes word;

	doc_arr(o, name, LIST_MAX, &list);
	while (doc_next(&list))
		doc_text(&list, NULL, TEXT_NAME, 1, TEXT_NAME_MAX, &word);
}

/* A list as one text: its elements with a separator between them. */
static void
join_list(struct doc_obj *o, const char *name, size_t max, char separator,
    char *dst, size_t size)
{
	struct doc_obj list;
	struct bytes text = { NULL, 0 };
	size_t n = 0;

	dst[0] = '\0';
	doc_arr(o, name, LIST_MAX, &list);
	while (doc_next(&list)) {
		doc_text(&list, NULL, TEXT_LINE, 1, max, &text);
		if (text.n + 2 > size - n) {
			doc_fail(o, name, ERR_TOO_LARGE);
			return;
		}
		if (text.n == 0)
			continue;
		if (n > 0)
			dst[n++] = separator;
		memcpy(dst + n, text.p, text.n);
		n += text.n;
		dst[n] = '\0';
	}
}

static int
parse(struct bytes payload, struct hello *h)
{
	struct bytes nonce = { NULL, 0 };
	int64_t v, next = 0;
	struct doc_obj o;
	struct doc *d;
	int err;

	if ((err = doc_parse(payload, JSON_PLAIN_TEXT, &d)) != 0)
		return err;
	o = doc_root(d);
	doc_int(&o, "v", 1, 1, &v);
	copy_name(&o, "org", TEXT_ORG, h->org, sizeof(h->org));
	copy_device(&o, h->device);
	copy_fixed(&o, "console_nonce", h->console_nonce,
	    sizeof(h->console_nonce));
	doc_b64url(&o, "device_nonce", DEVICE_NONCE_MIN, DEVICE_NONCE_MAX,
	    &nonce);
	copy_fixed(&o, "exporter", h->exporter, sizeof(h->exporter));
	copy_name(&o, "version", TEXT_NAME, h->version, sizeof(h->version));
	copy_name(&o, "system", TEXT_NAME, h->system, sizeof(h->system));
	copy_name(&o, "arch", TEXT_NAME, h->arch, sizeof(h->arch));
	skip_list(&o, "reads");
	join_list(&o, "profiles", TEXT_NAME_MAX, ',', h->profiles,
	    sizeof(h->profiles));
	if (doc_has(&o, "sandbox"))
		join_list(&o, "sandbox", 255, '\n', h->sandbox,
		    sizeof(h->sandbox));
	doc_bool(&o, "split", &h->split);
	doc_int(&o, "next", 0, JSON_MAX_INTEGER, &next);
	h->next = (uint64_t)next;
	doc_end(&o);
	err = doc_error(d);
	doc_free(d);
	return err;
}

int
hello_claim(struct bytes payload, char ret_device[DEVICEID_SIZE])
{
	char device[DEVICEID_SIZE] = "";
	struct doc_obj o;
	struct doc *d;
	int err;

	if ((err = doc_parse(payload, JSON_PLAIN_TEXT, &d)) != 0)
		return err;
	o = doc_root(d);
	copy_device(&o, device);
	if ((err = doc_error(d)) == 0)
		memcpy(ret_device, device, DEVICEID_SIZE);
	doc_free(d);
	return err;
}

int
hello_verify(const struct wire_envelope *e, const uint8_t key[WIRE_KEY],
    struct hello *ret_h)
{
	struct hello h;
	struct buf pae;
	int err;

	if (envelope_type(e->type) != PAYLOAD_HELLO)
		return ERR_VERSION;
	if (e->n != 1)
		return ERR_SIGNATURE;
	buf_init(&pae, WIRE_HELLO_CAP + WIRE_TYPE_CAP + 64);
	envelope_pae(&pae, e->type, e->payload);
	if ((err = buf_error(&pae)) == 0)
		err = ed25519_verify(key, buf_bytes(&pae), e->sigs[0].sig);
	buf_free(&pae);
	if (err != 0)
		return err;
	memset(&h, 0, sizeof(h));
	if ((err = parse(e->payload, &h)) == 0)
		*ret_h = h;
	return err;
}
