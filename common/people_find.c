/*
 * people_find.c - finding people, and whose key signed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/people.h"
#include "common/sshsig.h"

const struct person *
people_find(const struct people *p, struct bytes id)
{
	size_t i;

	for (i = 0; i < p->n_persons; i++) {
		if (bytes_equal(p->persons[i].id, id))
			return &p->persons[i];
	}
	return NULL;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The same but for the case of ASCII letters. */
static bool
same_mail(struct bytes a, struct bytes b)
{
	size_t i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

static bool
is_named(const struct requester *r, struct bytes text)
{
	size_t i;

	if (bytes_equal(r->id, text))
		return true;
	for (i = 0; i < r->mails.n; i++) {
		if (same_mail(r->mails.p[i], text))
			return true;
	}
	return false;
}

const struct requester *
people_requester(const struct people *p, struct bytes requester)
{
	const struct requester *found = NULL;
	size_t i;

	for (i = 0; i < p->n_requesters; i++) {
		if (!is_named(&p->requesters[i], requester))
			continue;
		if (found != NULL)
			return NULL;
		found = &p->requesters[i];
	}
	return found;
}

bool
people_key_is_valid(const struct people_key *k, int64_t now)
{
	return !k->revoked && k->valid_from <= now && now < k->valid_until;
}

/*
 * Goes through all keys: *at counts them, and the next call looks behind it.
 * False at the end.
 */
static bool
next_key(const struct people *p, size_t at[2], struct people_signer *ret_s)
{
	for (; at[0] < p->n_persons; at[0]++, at[1] = 0) {
		if (at[1] < p->persons[at[0]].n_keys) {
			ret_s->person = &p->persons[at[0]];
			ret_s->key = &ret_s->person->keys[at[1]++];
			return true;
		}
	}
	return false;
}

bool
people_find_key(const struct people *p, struct bytes keyid,
    struct people_signer *ret_s)
{
	struct people_signer s;
	size_t at[2] = { 0, 0 };

	while (next_key(p, at, &s)) {
		if (bytes_is(keyid, s.key->id)) {
			*ret_s = s;
			return true;
		}
	}
	return false;
}

static int
key_not_valid(struct refusal *ret_why, const char *why)
{
	return refusal_set(ret_why, ERR_KEY, "key_not_valid", "%s", why);
}

/* Whether a key that signed a card may propose. */
static int
check_proposer(const struct people_signer *s, int64_t now,
    struct refusal *ret_why)
{
	if (!people_key_is_valid(s->key, now))
		return key_not_valid(ret_why,
		    "revoked, or outside its time of validity");
	if ((s->person->roles & PERSON_PROPOSER) == 0)
		return key_not_valid(ret_why,
		    "its owner does not have the role proposer");
	return 0;
}

/*
 * Whose key made one signature of a card. Where the key id names a key, it is
 * that one or nobody's; else as many of the proposers' keys are tried as are
 * left for this envelope.
 */
static bool
find_card_signer(const struct people *p, const struct envelope_sig *sig,
    struct bytes pae, size_t *tries, struct people_signer *ret_s)
{
	struct people_signer s;
	size_t at[2] = { 0, 0 };

	if (people_find_key(p, sig->keyid, &s)) {
		*ret_s = s;
		return s.key->key.kind == PROOF_ED25519 &&
		    ed25519_verify(s.key->key.public, pae, sig->sig) == 0;
	}
	while (*tries > 0 && next_key(p, at, &s)) {
		if (s.key->key.kind != PROOF_ED25519 ||
		    (s.person->roles & PERSON_PROPOSER) == 0)
			continue;
		(*tries)--;
		if (ed25519_verify(s.key->key.public, pae, sig->sig) == 0) {
			*ret_s = s;
			return true;
		}
	}
	return false;
}

int
people_verify_card(const struct people *p, const struct envelope *e,
    int64_t now, struct people_signer *ret_s, struct refusal *ret_why)
{
	struct people_signer s;
	struct buf pae;
	size_t i, tries = CAP_BLIND_TRIES;
	int r;

	if (envelope_type(e->type) != PAYLOAD_CARD)
		return refusal_field(ret_why, ERR_VERSION, "payloadType",
		    "not a card's");
	buf_init(&pae, e->type.n + e->payload.n + 64);
	envelope_pae(&pae, e->type, e->payload);
	if ((r = buf_error(&pae)) != 0) {
		refusal_field(ret_why, r, "", "card");
		goto out;
	}
	r = refusal_set(ret_why, ERR_SIGNATURE, "unknown_proposer",
	    "no signature by a key of the people file");
	for (i = 0; i < e->n_sigs; i++) {
		if (!find_card_signer(p, &e->sigs[i], buf_bytes(&pae),
		    &tries, &s))
			continue;
		if ((r = check_proposer(&s, now, ret_why)) == 0) {
			*ret_s = s;
			break;
		}
	}
out:
	buf_free(&pae);
	return r;
}

/* The key whose raw public key or, for a passkey, credential id that is. */
static bool
find_public(const struct people *p, struct bytes public,
    struct people_signer *ret_s)
{
	size_t at[2] = { 0, 0 };

	while (next_key(p, at, ret_s)) {
		const struct person_key *k = &ret_s->key->key;

		if (bytes_equal(public, bytes_of(k->public,
		    proof_public_size(k->alg))))
			return true;
	}
	return false;
}

static bool
find_credential(const struct people *p, struct bytes id,
    struct people_signer *ret_s)
{
	size_t at[2] = { 0, 0 };

	while (next_key(p, at, ret_s)) {
		if (ret_s->key->key.kind == PROOF_WEBAUTHN &&
		    bytes_equal(id, ret_s->key->key.credential_id))
			return true;
	}
	return false;
}

/* A signature that names no key: by trying. */
static bool
find_ed25519(const struct people *p, struct bytes B, struct bytes sig,
    struct people_signer *ret_s)
{
	size_t at[2] = { 0, 0 }, tries = CAP_BLIND_TRIES;

	while (tries > 0 && next_key(p, at, ret_s)) {
		if (ret_s->key->key.kind != PROOF_ED25519)
			continue;
		tries--;
		if (ed25519_verify(ret_s->key->key.public, B, sig) == 0)
			return true;
	}
	return false;
}

/* The one key that the proof can be of. */
static bool
find_candidate(const struct people *p, const struct envelope_sig *sig,
    const struct proof *proof, struct bytes B, struct people_signer *ret_s)
{
	struct sshsig s;

	if (proof->wire == PROOF_WIRE_SSHSIG)
		return sshsig_read(proof->sshsig, &s) == 0 &&
		    find_public(p, s.key.point, ret_s);
	if (proof->wire == PROOF_WIRE_WEBAUTHN)
		return find_credential(p, proof->webauthn.credential_id,
		    ret_s);
	return people_find_key(p, sig->keyid, ret_s) ||
	    find_ed25519(p, B, proof->sig, ret_s);
}

int
people_verify_approval(const struct people *p, enum payload_type type,
    const struct envelope *e, int64_t now, struct people_signer *ret_s,
    struct refusal *ret_why)
{
	uint8_t preimage[SSHSIG_PREIMAGE_SIZE];
	struct people_signer s;
	struct proof proof;
	struct bytes B;
	const char *word = "proof";
	int r;

	if (envelope_type(e->type) != type)
		return refusal_field(ret_why, ERR_VERSION, "payloadType",
		    "not the type that it came as");
	if (e->n_sigs != 1)
		return refusal_set(ret_why, ERR_RANGE, "signature_count",
		    "an approval or cancel has exactly one signature");
	if (e->payload.n > CAP_APPROVAL_PAYLOAD ||
	    e->sigs[0].sig.n > CAP_APPROVAL - e->payload.n)
		return refusal_field(ret_why, ERR_TOO_LARGE, "",
		    "more than 16 KiB with its proof");
	if ((r = proof_read(e->sigs[0].sig, &proof)) != 0)
		return refusal_set(ret_why, r, "bad_proof", "%s", word);
	sshsig_preimage(e->type, e->payload, preimage);
	B = bytes_of(preimage, sizeof(preimage));
	if (!find_candidate(p, &e->sigs[0], &proof, B, &s))
		return refusal_set(ret_why, ERR_SIGNATURE, "unknown_approver",
		    "no key of the people file");
	r = proof_verify(&s.key->key, B, e->sigs[0].sig, &word);
	if (r == ERR_NOMEM)
		return refusal_field(ret_why, r, "", "proof");
	if (r != 0)
		return refusal_set(ret_why, r, "bad_proof", "%s", word);
	if (!people_key_is_valid(s.key, now))
		return key_not_valid(ret_why,
		    "revoked, or outside its time of validity");
	*ret_s = s;
	return 0;
}
