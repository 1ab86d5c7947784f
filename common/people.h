/*
 * people.h - the people file: who may propose and approve, with which keys.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 4, and finding whose key signed a card or an approval
 * before a byte of it is parsed.
 */
#ifndef COUNTERSIGN_COMMON_PEOPLE_H
#define COUNTERSIGN_COMMON_PEOPLE_H

#include "common/keyid.h"
#include "common/proof.h"
#include "common/trustfile.h"

/* What a person may do, as bits. */
#define PERSON_PROPOSER 0x1u
#define PERSON_TECHNICIAN 0x2u
#define PERSON_ADMIN 0x4u
#define PERSON_MANAGER 0x8u

extern const struct doc_word person_roles[];
extern const struct doc_word person_key_kinds[];	/* enum proof_kind */

struct people_key {
	struct person_key key;	/* proof.h */
	char id[KEYID_SIZE];
	int64_t valid_from, valid_until;	/* from <= t < until */
	bool revoked;
};

struct person {
	struct bytes id;
	struct bytes name;
	unsigned roles;		/* PERSON_* */
	struct people_key *keys;
	size_t n_keys;
};

/* Somebody who may be named as a card's requester. */
struct requester {
	struct bytes id;	/* their person id, if they are a person */
	struct names mails;
	struct bytes manager;	/* a person id */
};

/* It owns what it points to. */
struct people {
	struct trust_head head;
	struct person *persons;
	size_t n_persons;
	const struct requester *requesters;
	size_t n_requesters;
	struct names revoked;	/* key ids */
	struct doc *doc;
	struct arena arena;
};

/*
 * Parses a people payload. Invalid as a whole besides what breaks the field
 * table: a raw public key or a credential id that stands twice anywhere, all
 * kinds together; a person's or requester's id, or a mail (without regard to
 * ASCII case), twice; an origin that is not https (http only for localhost);
 * an ES256 key that is no point on the curve. Errors and reasons as
 * card_parse()'s.
 */
MUST_CHECK int people_parse(struct bytes payload, struct people **ret_p,
    struct refusal *ret_why);
void people_free(struct people *p);

/* The person with that id, or NULL. */
const struct person *people_find(const struct people *p, struct bytes id);

/*
 * The one entry that a card's requester names, by id or by mail (ASCII case
 * set aside), or NULL if there is none or more than one.
 */
const struct requester *people_requester(const struct people *p,
    struct bytes requester);

/* Whether the key counts at this time: within its validity, not revoked. */
bool people_key_is_valid(const struct people_key *k, int64_t now);

/* A person and the key of theirs that signed. Lives with the people file. */
struct people_signer {
	const struct person *person;
	const struct people_key *key;
};

/* The key with that id and whose it is; false if there is none. */
bool people_find_key(const struct people *p, struct bytes keyid,
    struct people_signer *ret_s);

/*
 * Who proposed: the first signature of a card's envelope that is a valid
 * ed25519 key's of a person with role proposer. Others are skipped. Keys that
 * a signature's key id names are tried first; if it names none, up to
 * CAP_BLIND_TRIES keys. ERR_SIGNATURE `unknown_proposer` (nobody's), ERR_KEY
 * `key_not_valid` (a person's, but revoked, out of its validity or of somebody
 * without the role); ERR_NOMEM.
 */
MUST_CHECK int people_verify_card(const struct people *p,
    const struct envelope *e, int64_t now, struct people_signer *ret_s,
    struct refusal *ret_why);

/*
 * Who signed an approval or cancel: exactly one signature, a proof over B by
 * any person's key. Neither role nor rights are looked at: rules.h. Which key
 * it can be comes from the proof (SSHSIG, WebAuthn) or the key id (ed25519),
 * as above. ERR_RANGE `signature_count`; ERR_SIGNATURE `unknown_approver`;
 * ERR_KEY `key_not_valid` (revoked or out of its validity); proof_verify()'s
 * errors with reason `bad_proof` and its word as the detail; ERR_NOMEM.
 */
MUST_CHECK int people_verify_approval(const struct people *p,
    enum payload_type type, const struct envelope *e, int64_t now,
    struct people_signer *ret_s, struct refusal *ret_why);

#endif
