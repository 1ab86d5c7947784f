/*
 * signing.c - envelopes in files, and adding signatures to them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/signing.h"

#include "common/approval.h"
#include "platform/userfile.h"

#include <string.h>

int
signing_read(const char *path, struct envelope_doc *ret_d)
{
	struct buf text;
	int err;

	buf_init(&text, SIGNING_FILE_MAX + 65536);
	if ((err = userfile_read(path, SIGNING_FILE_MAX, &text)) != 0) {
		buf_free(&text);
		return complain_err(err, path);
	}
	err = envelope_parse(buf_bytes(&text), SIGNING_FILE_MAX, ret_d);
	buf_free(&text);
	return err != 0 ? complain(CLI_FAILED, "give a signed file (an"
	    " envelope)", "%s: this is no envelope (%s)", path,
	    err_text(err)) : CLI_DONE;
}

int
signing_read_type(const char *path, enum payload_type type,
    struct envelope_doc *ret_d)
{
	int code = signing_read(path, ret_d);

	if (code != CLI_DONE || envelope_type(ret_d->e.type) == type)
		return code;
	code = complain(CLI_FAILED, "check that it is the right file",
	    "%s: this is no %s (it is a %s)", path, envelope_type_word(type),
	    envelope_type_word(envelope_type(ret_d->e.type)));
	envelope_free(ret_d);
	return code;
}

int
signing_write(const char *path, const struct envelope *e)
{
	struct buf b;
	int err;

	buf_init(&b, SIGNING_FILE_MAX + 65536);
	envelope_write(&b, e);
	buf_put_str(&b, "\n");
	if ((err = buf_error(&b)) == 0)
		err = userfile_write(path, buf_bytes(&b), USERFILE_PUBLIC,
		    false);
	buf_free(&b);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

static void
put_keyid(struct signature *sig, struct bytes public)
{
	keyid_make(public, sig->keyid);
}

/* Where the key's signature goes: over its old one, or at the end. */
static int
place(struct envelope *e, const struct signature *sig)
{
	size_t i;

	for (i = 0; i < e->n_sigs; i++)
		if (bytes_is(e->sigs[i].keyid, sig->keyid))
			break;
	if (i == ENVELOPE_MAX_SIGS)
		return ERR_RANGE;
	e->sigs[i].keyid = bytes_str(sig->keyid);
	e->sigs[i].sig = bytes_of(sig->sig, sig->n);
	if (i == e->n_sigs)
		e->n_sigs++;
	return 0;
}

int
signing_add(struct envelope *e, const struct signer *s,
    struct signature *ret_sig)
{
	struct buf pae;
	int err;

	buf_init(&pae, SIGNING_FILE_MAX);
	envelope_pae(&pae, e->type, e->payload);
	if ((err = buf_error(&pae)) == 0)
		err = signer_sign(s, buf_bytes(&pae), ret_sig->sig);
	buf_free(&pae);
	if (err != 0)
		return err;
	ret_sig->n = SIGNER_SIGNATURE_SIZE;
	put_keyid(ret_sig, bytes_of(s->public, sizeof(s->public)));
	return place(e, ret_sig);
}

/* The proof as the envelope's only signature. */
static int
put_proof(struct envelope *e, const struct proof *p, struct signature *sig)
{
	struct buf b;
	int err;

	buf_init(&b, PROOF_MAX);
	proof_write(&b, p);
	if ((err = buf_error(&b)) == 0) {
		memcpy(sig->sig, b.p, b.n);
		sig->n = b.n;
		e->n_sigs = 0;
		err = place(e, sig);
	}
	buf_free(&b);
	return err;
}

int
signing_prove(struct envelope *e, const struct signer *s,
    struct signature *ret_sig)
{
	struct proof p = { .wire = PROOF_WIRE_ED25519 };
	uint8_t sig[SIGNER_SIGNATURE_SIZE], b[SSHSIG_PREIMAGE_SIZE];
	int err;

	approval_preimage(envelope_type(e->type), e->payload, b);
	if ((err = signer_sign(s, bytes_of(b, sizeof(b)), sig)) != 0)
		return err;
	p.sig = bytes_of(sig, sizeof(sig));
	put_keyid(ret_sig, bytes_of(s->public, sizeof(s->public)));
	return put_proof(e, &p, ret_sig);
}

int
signing_wrap(struct envelope *e, struct bytes sshsig, struct bytes public,
    struct signature *ret_sig)
{
	struct proof p = { .wire = PROOF_WIRE_SSHSIG };

	p.sshsig = sshsig;
	put_keyid(ret_sig, public);
	return put_proof(e, &p, ret_sig);
}
