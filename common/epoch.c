/*
 * epoch.c - the statement that names the next key of a device's checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/epoch.h"
#include "common/doc.h"
#include "common/envelope.h"
#include "common/json.h"
#include "common/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
epoch_write(struct buf *b, const struct epoch_fields *f)
{
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "org", f->org);
	jsonw_cstr(&w, "device", f->device);
	jsonw_int(&w, "epoch", f->epoch);
	jsonw_b64(&w, "key", bytes_of(f->key, RECORD_DEVICE_KEY));
	jsonw_time(&w, "issued", f->issued);
	jsonw_obj_end(&w);
}

/* Whether the payload says what the record says. */
static int
compare(const struct record *rec, const char *org, const char *device)
{
	struct bytes said_org, said_device, key;
	struct doc_obj o;
	struct doc *d;
	int64_t v, epoch, issued;
	int err;

	if ((err = doc_parse(rec->payload, 0, &d)) != 0)
		return err;
	o = doc_root(d);
	doc_int(&o, "v", 1, 1, &v);
	doc_str(&o, "org", &said_org);
	doc_str(&o, "device", &said_device);
	doc_int(&o, "epoch", 1, JSON_MAX_INTEGER, &epoch);
	doc_b64(&o, "key", RECORD_DEVICE_KEY, RECORD_DEVICE_KEY, &key);
	doc_time(&o, "issued", &issued);
	doc_end(&o);
	err = doc_error(d);
	if (err == 0 && (!bytes_is(said_org, org) ||
	    !bytes_is(said_device, device) || epoch != rec->epoch ||
	    !bytes_equal(key, rec->epoch_key)))
		err = ERR_CORRUPT;
	doc_free(d);
	return err;
}

int
epoch_check(const struct record *rec, const char *org, const char *device,
    const uint8_t *by)
{
	struct envelope e = { .type = envelope_type_text(PAYLOAD_EPOCH) };
	bool valid;
	int err;

	if (rec->n_sigs != 1)
		return ERR_RANGE;
	e.payload = rec->payload;
	e.sigs[0].keyid = rec->sigs[0].keyid;
	e.sigs[0].sig = rec->sigs[0].sig;
	e.n_sigs = 1;
	if ((err = envelope_verify_ed25519(&e, &by, 1, &valid)) != 0)
		return err;
	return compare(rec, org, device);
}

void
epoch_name(const char *org, const char *device, int64_t epoch,
    char ret_name[EPOCH_NAME_SIZE])
{
	(void)snprintf(ret_name, EPOCH_NAME_SIZE, "%s/%s/epoch-%" PRId64, org,
	    device, epoch);
}
