/*
 * audit_trust.c - the auditor on genesis, trust files, lockdowns and blobs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit_inside.h"

#include <string.h>

int
audit_genesis(struct audit *a)
{
	const struct record *rec = a->rec;
	char id[DEVICEID_SIZE];
	struct pin pin;
	int err;

	if (pin_parse(rec->pin, &pin) != 0)
		return audit_wrong(a, AUDIT_GENESIS, "its pin does not read");
	if (!bytes_is(rec->org, pin.org))
		return audit_wrong(a, AUDIT_GENESIS,
		    "it names another org than its pin");
	deviceid_make(rec->device_key.p, id);
	if (!bytes_is(rec->device, id))
		return audit_wrong(a, AUDIT_GENESIS,
		    "its device id is not that of its key");
	if ((err = trust_new(&pin, rec->device, &a->trust)) != 0)
		return err;
	memcpy(a->org, pin.org, sizeof(a->org));
	memcpy(a->device, id, sizeof(a->device));
	return 0;
}

int
audit_blob(struct audit *a, const struct sha256 *name,
    enum payload_type type, struct buf *b)
{
	char text[DIGEST_TEXT_SIZE];
	struct sha256 d;
	int err = a->source.blob(a->source.arg, name, b);

	digest_text(name, text);
	if (err == ERR_NOT_FOUND)
		return audit_wrong(a, AUDIT_BLOB, "%s is not there", text);
	if (err == ERR_TOO_LARGE || err == ERR_CORRUPT)
		return audit_wrong(a, AUDIT_BLOB, "%s: %s", text,
		    err_text(err));
	if (err != 0)
		return err;
	digest_pae(envelope_type_text(type), buf_bytes(b), &d);
	if (!sha256_equal(&d, name))
		return audit_wrong(a, AUDIT_BLOB,
		    "%s has other bytes than its name says", text);
	return 0;
}

static enum trust_file
file_of(struct bytes word)
{
	enum trust_file f = TRUST_ROOT;

	while (f < TRUST_FILES && !bytes_is(word, trust_file_word(f)))
		f++;
	return f;
}

/* What the record says of the file is what the file says. */
static int
compare(struct audit *a, enum trust_file file)
{
	const struct record *rec = a->rec;
	struct trust_held held;

	if (!trust_held(a->trust, file, &held) ||
	    !sha256_equal(&held.digest, &rec->digest) ||
	    held.head.version != rec->version ||
	    held.head.issued != rec->issued ||
	    held.head.expires != rec->expires)
		return audit_wrong(a, AUDIT_TRUST,
		    "the record says something else than its file");
	return 0;
}

static int
install(struct audit *a, enum trust_file file, const struct envelope *e)
{
	struct trust_outcome o;
	struct refusal why;
	int err;

	if ((err = trust_offer(a->trust, e, a->rec->time, &o)) != 0)
		return err;
	if (o.verdict == TRUST_HAVE)
		return audit_wrong(a, AUDIT_TRUST,
		    "the file was installed already");
	if (o.verdict != TRUST_ACCEPT)
		return audit_wrong(a, AUDIT_TRUST,
		    "the device should have refused it: %s", o.why.reason);
	err = trust_install(a->trust, e, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_TRUST, "it does not verify: %s",
		    why.reason);
	return compare(a, file);
}

int
audit_trust_file(struct audit *a)
{
	const struct record *rec = a->rec;
	enum trust_file file = file_of(rec->file);
	struct envelope e = { 0 };
	struct buf b;
	size_t i;
	int err;

	buf_init(&b, CAP_TRUST);
	err = audit_blob(a, &rec->digest, trust_file_type(file), &b);
	if (err == 0) {
		e.type = envelope_type_text(trust_file_type(file));
		e.payload = buf_bytes(&b);
		for (i = 0; i < rec->n_sigs; i++) {
			e.sigs[i].keyid = rec->sigs[i].keyid;
			e.sigs[i].sig = rec->sigs[i].sig;
		}
		e.n_sigs = rec->n_sigs;
		err = install(a, file, &e);
	}
	buf_free(&b);
	return err;
}

int
audit_lock(struct audit *a)
{
	a->locked = a->rec->kind == RECORD_LOCKDOWN;
	if (a->locked && bytes_is(a->rec->source, "tamper"))
		a->locked_for_good = true;
	if (!a->locked && a->locked_for_good)
		return audit_wrong(a, AUDIT_POLICY,
		    "a lockdown for tampering ends only by enrolling again");
	return 0;
}

const char *
audit_blocked(const struct audit *a)
{
	struct trust_status st;

	if (a->locked)
		return "lockdown";
	trust_status(a->trust, a->rec->time, &st);
	return st.blocked;
}
