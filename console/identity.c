/*
 * identity.c - the console's own authority and server certificate.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/identity.h"

#include "common/certgen.h"
#include "common/timefmt.h"
#include "platform/secrets.h"

#include <string.h>

#define DAY INT64_C(86400)
#define CA_LIFE (20 * 365 * DAY)
#define SERVER_LIFE (398 * DAY)
/* Renewed this long before its end. */
#define SERVER_LEFT (60 * DAY)
/* Clocks of devices that are behind. */
#define SLACK (2 * DAY)

static void
wipe_and_free(struct buf *b)
{
	if (b->p != NULL)
		secrets_wipe(b->p, b->size);
	buf_free(b);
}

void
identity_free(struct identity *i)
{
	buf_free(&i->ca);
	buf_free(&i->chain);
	wipe_and_free(&i->key);
}

/* The authority; made on the first start. */
static int
load_authority(struct store *s, int64_t now, struct buf *cert, struct buf *key)
{
	struct certgen_period period = { now - SLACK, now + CA_LIFE };
	int err;

	err = store_value_get(s, "ca.crt", cert);
	if (err == 0)
		return store_value_get(s, "ca.key", key);
	if (err != ERR_NOT_FOUND)
		return err;
	err = certgen_make_authority(bytes_str("Countersign console"), period,
	    key, cert);
	if (err == 0)
		err = store_value_set(s, "ca.key", buf_bytes(key));
	if (err == 0)
		err = store_value_set(s, "ca.crt", buf_bytes(cert));
	return err;
}

/* What the server's certificate has to be for: its names, and its end. */
static void
put_names(struct buf *b, const struct settings *settings)
{
	size_t i;

	for (i = 0; i < settings->n_names; i++)
		buf_printf(b, "%s\n", settings->names[i]);
}

/* Whether the stored certificate serves: same names, and time enough. */
static int
is_good(struct store *s, const struct settings *settings, int64_t now,
    bool *ret_good)
{
	struct buf have, want, until;
	int64_t end = 0;
	int err;

	*ret_good = false;
	buf_init(&have, IDENTITY_PEM_MAX);
	buf_init(&want, IDENTITY_PEM_MAX);
	buf_init(&until, 64);
	put_names(&want, settings);
	err = store_value_get(s, "server.names", &have);
	if (err == 0)
		err = store_value_get(s, "server.until", &until);
	if (err == 0)
		err = time_parse(buf_bytes(&until), &end);
	if (err == 0)
		*ret_good = bytes_equal(buf_bytes(&have), buf_bytes(&want)) &&
		    now < end - SERVER_LEFT;
	buf_free(&until);
	buf_free(&want);
	buf_free(&have);
	return err == ERR_NOT_FOUND || err == ERR_SYNTAX ? 0 : err;
}

static int
make_server(struct store *s, const struct settings *settings, int64_t now,
    struct bytes ca_key, struct identity *i)
{
	struct certgen_period period = { now - SLACK, now + SERVER_LIFE };
	struct bytes names[SETTINGS_NAMES_MAX];
	char until[TIME_TEXT_SIZE];
	struct buf text;
	size_t n;
	int err;

	for (n = 0; n < settings->n_names; n++)
		names[n] = bytes_str(settings->names[n]);
	err = certgen_make_server(ca_key, buf_bytes(&i->ca), names, n, period,
	    &i->key, &i->chain);
	if (err != 0)
		return err;
	time_format(period.to, until);
	buf_init(&text, IDENTITY_PEM_MAX);
	put_names(&text, settings);
	if ((err = buf_error(&text)) == 0)
		err = store_value_set(s, "server.names", buf_bytes(&text));
	buf_free(&text);
	if (err == 0)
		err = store_value_set(s, "server.key", buf_bytes(&i->key));
	if (err == 0)
		err = store_value_set(s, "server.crt", buf_bytes(&i->chain));
	if (err == 0)
		err = store_value_set(s, "server.until", bytes_str(until));
	return err;
}

static int
load(struct store *s, const struct settings *settings, int64_t now,
    bool *ret_fresh, struct identity *i)
{
	struct buf ca_key;
	bool good;
	int err;

	buf_init(&ca_key, IDENTITY_PEM_MAX);
	err = load_authority(s, now, &i->ca, &ca_key);
	if (err == 0)
		err = is_good(s, settings, now, &good);
	if (err == 0) {
		*ret_fresh = !good;
		err = !good ? make_server(s, settings, now,
		    buf_bytes(&ca_key), i) :
		    store_value_get(s, "server.key", &i->key);
		if (err == 0 && good)
			err = store_value_get(s, "server.crt", &i->chain);
	}
	wipe_and_free(&ca_key);
	return err;
}

int
identity_load(struct store *s, const struct settings *settings, int64_t now,
    bool *ret_fresh, struct identity *ret_i)
{
	struct identity i;
	int err;

	buf_init(&i.ca, IDENTITY_PEM_MAX);
	buf_init(&i.chain, IDENTITY_PEM_MAX);
	buf_init(&i.key, IDENTITY_PEM_MAX);
	/* One transaction: two programs must not make two authorities. */
	if ((err = store_begin(s)) == 0) {
		if ((err = load(s, settings, now, ret_fresh, &i)) == 0)
			err = store_commit(s);
		else
			store_rollback(s);
	}
	if (err == 0)
		*ret_i = i;
	else
		identity_free(&i);
	return err;
}
