/*
 * people.c - the people file: parsing it, and finding people in it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/people.h"
#include "common/p256.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

const struct doc_word person_roles[] = {
	{ "proposer", PERSON_PROPOSER },
	{ "technician", PERSON_TECHNICIAN },
	{ "admin", PERSON_ADMIN },
	{ "manager", PERSON_MANAGER },
	{ NULL, 0 }
};

const struct doc_word person_key_kinds[] = {
	{ "ed25519", PROOF_ED25519 },
	{ "ssh", PROOF_SSH },
	{ "sk", PROOF_SK },
	{ "webauthn", PROOF_WEBAUTHN },
	{ NULL, 0 }
};

static const struct doc_word algorithms[] = {
	{ "ed25519", PROOF_ALG_ED25519 },
	{ "es256", PROOF_ALG_ES256 },
	{ NULL, 0 }
};

#define RP_ID_MAX 253		/* a DNS name */
#define ORIGIN_MAX 300
#define APPLICATION_MAX 64
#define ROLES 4

static bool
begins_with(struct bytes text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

/* A host name in lower case, and after it a port where one may be. */
static bool
is_host(struct bytes text, bool port)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    (i > 0 && (c == '.' || c == '-' || (port && c == ':')))))
			return false;
	}
	return text.n > 0;
}

/* As a browser writes it: scheme, host, port if unusual, and no slash. */
static bool
is_origin(struct bytes text)
{
	static const char https[] = "https://", local[] = "http://localhost";
	size_t n = sizeof(https) - 1;

	if (begins_with(text, https))
		return is_host(bytes_of(text.p + n, text.n - n), true);
	n = sizeof(local) - 1;
	if (!begins_with(text, local))
		return false;
	return text.n == n || (text.p[n] == ':' && text.n > n + 1 &&
	    is_host(bytes_of(text.p + n + 1, text.n - n - 1), false));
}

static void
read_public(struct doc_obj *o, struct people_key *k)
{
	size_t n = proof_public_size(k->key.alg);
	struct bytes key;
	int r = 0;

	doc_b64(o, "key", n, n, &key);
	if (key.n != n)
		return;
	memcpy(k->key.public, key.p, n);
	keyid_make(key, k->id);
	if (k->key.alg == PROOF_ALG_ES256)
		r = p256_check_point(k->key.public);
	if (r != 0)
		doc_fail(o, "key", r == ERR_NOMEM ? r : ERR_RANGE);
}

static void
read_sk(struct doc_obj *o, struct people_key *k)
{
	doc_text(o, "application", TEXT_LINE, 4, APPLICATION_MAX,
	    &k->key.application);
	if (!begins_with(k->key.application, "ssh:"))
		doc_fail(o, "application", ERR_SYNTAX);
	doc_bool(o, "verify_required", &k->key.verify_required);
}

static void
read_webauthn(struct doc_obj *o, struct people_key *k)
{
	struct person_key *key = &k->key;
	struct doc_obj list;

	doc_b64url(o, "credential_id", 1, WEBAUTHN_MAX_CREDENTIAL,
	    &key->credential_id);
	doc_text(o, "rp_id", TEXT_LINE, 1, RP_ID_MAX, &key->rp_id);
	if (!is_host(key->rp_id, false))
		doc_fail(o, "rp_id", ERR_SYNTAX);
	doc_arr(o, "origins", WEBAUTHN_MAX_ORIGINS, &list);
	if (doc_count(&list) == 0)
		doc_fail(o, "origins", ERR_RANGE);
	while (doc_next(&list)) {
		doc_text(&list, NULL, TEXT_LINE, 1, ORIGIN_MAX,
		    &key->origins[key->n_origins]);
		if (!is_origin(key->origins[key->n_origins]))
			doc_fail(o, "origins", ERR_SYNTAX);
		key->n_origins++;
	}
}

static void
read_person_key(struct doc_obj *o, struct people_key *k)
{
	int kind, alg = PROOF_ALG_ED25519;

	doc_enum(o, "kind", person_key_kinds, &kind);
	if (kind == PROOF_SK || kind == PROOF_WEBAUTHN)
		doc_enum(o, "alg", algorithms, &alg);
	k->key.kind = (enum proof_kind)kind;
	k->key.alg = (enum proof_alg)alg;
	read_public(o, k);
	if (kind == PROOF_SK)
		read_sk(o, k);
	if (kind == PROOF_WEBAUTHN)
		read_webauthn(o, k);
	k->valid_from = TIME_MIN;
	k->valid_until = TIME_MAX;
	if (doc_has(o, "valid_from"))
		doc_time(o, "valid_from", &k->valid_from);
	if (doc_has(o, "valid_until"))
		doc_time(o, "valid_until", &k->valid_until);
	if (k->valid_until <= k->valid_from)
		doc_fail(o, "valid_until", ERR_RANGE);
	doc_end(o);
}

static void
read_person(struct doc_obj *o, struct arena *a, struct person *ret_p)
{
	struct people_key *keys;
	struct doc_obj list, one;
	size_t i = 0;
	int role;

	doc_text(o, "id", TEXT_NAME, 1, TEXT_NAME_MAX, &ret_p->id);
	doc_text(o, "name", TEXT_LINE, 1, CAP_NAME, &ret_p->name);
	doc_arr(o, "roles", ROLES, &list);
	while (doc_next(&list)) {
		doc_enum(&list, NULL, person_roles, &role);
		if ((ret_p->roles & (unsigned)role) != 0)
			doc_fail(o, "roles", ERR_DUPLICATE);
		ret_p->roles |= (unsigned)role;
	}
	doc_arr(o, "keys", CAP_PERSON_KEYS, &list);
	ret_p->n_keys = doc_count(&list);
	keys = arena_take(a, ret_p->n_keys, sizeof(*keys));
	while (keys != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		read_person_key(&one, &keys[i++]);
	}
	ret_p->keys = keys;
	doc_end(o);
}

static void
read_requester(struct doc_obj *o, struct arena *a, struct requester *ret_r)
{
	doc_text(o, "id", TEXT_NAME, 1, TEXT_NAME_MAX, &ret_r->id);
	names_read(o, "mails", TEXT_LINE, CAP_MAIL, CAP_MAILS, a,
	    &ret_r->mails);
	doc_text(o, "manager", TEXT_NAME, 1, TEXT_NAME_MAX, &ret_r->manager);
	doc_end(o);
}

static void
read_lists(struct doc_obj *o, struct people *p)
{
	struct requester *requesters;
	struct person *persons;
	struct doc_obj list, one;
	size_t i = 0;

	doc_arr(o, "persons", CAP_PERSONS, &list);
	p->n_persons = doc_count(&list);
	persons = arena_take(&p->arena, p->n_persons, sizeof(*persons));
	while (persons != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		read_person(&one, &p->arena, &persons[i++]);
	}
	p->persons = persons;
	if (!doc_opt_arr(o, "requesters", CAP_REQUESTERS, &list))
		return;
	p->n_requesters = doc_count(&list);
	requesters = arena_take(&p->arena, p->n_requesters,
	    sizeof(*requesters));
	i = 0;
	while (requesters != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		read_requester(&one, &p->arena, &requesters[i++]);
	}
	p->requesters = requesters;
}

/* Fails the document if one of the spans stands twice. */
static void
check_once(struct doc_obj *o, const char *field, struct bytes *spans,
    size_t n)
{
	size_t i;

	names_sort(spans, n);
	for (i = 1; i < n; i++) {
		if (bytes_equal(spans[i - 1], spans[i]))
			doc_fail(o, field, ERR_DUPLICATE);
	}
}

/* Every public key and every credential stands for one person only. */
static void
check_keys(struct doc_obj *o, struct people *p)
{
	struct bytes *public, *credentials;
	size_t i, j, n = 0, n_public = 0, n_credentials = 0;

	for (i = 0; i < p->n_persons; i++)
		n += p->persons[i].n_keys;
	public = arena_take(&p->arena, n, sizeof(*public));
	credentials = arena_take(&p->arena, n, sizeof(*credentials));
	if (public == NULL || credentials == NULL)
		return;
	for (i = 0; i < p->n_persons; i++) {
		for (j = 0; j < p->persons[i].n_keys; j++) {
			const struct person_key *k =
			    &p->persons[i].keys[j].key;

			public[n_public++] = bytes_of(k->public,
			    proof_public_size(k->alg));
			if (k->kind == PROOF_WEBAUTHN)
				credentials[n_credentials++] =
				    k->credential_id;
		}
	}
	check_once(o, "persons.key", public, n_public);
	check_once(o, "persons.credential_id", credentials, n_credentials);
}

/* A copy with A to Z in lower case. */
static struct bytes
lower(struct arena *a, struct bytes text)
{
	uint8_t *p = arena_take(a, text.n, 1);
	size_t i;

	if (p == NULL)
		return bytes_of(NULL, 0);
	for (i = 0; i < text.n; i++)
		p[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ?
		    (uint8_t)(text.p[i] - 'A' + 'a') : text.p[i];
	return bytes_of(p, text.n);
}

static void
check_ids(struct doc_obj *o, struct people *p)
{
	size_t n = p->n_persons > p->n_requesters ? p->n_persons :
	    p->n_requesters, n_mails = 0, i, j;
	struct bytes *ids = arena_take(&p->arena, n, sizeof(*ids)), *mails;

	for (i = 0; ids != NULL && i < p->n_persons; i++)
		ids[i] = p->persons[i].id;
	if (ids != NULL)
		check_once(o, "persons.id", ids, p->n_persons);
	for (i = 0; ids != NULL && i < p->n_requesters; i++) {
		ids[i] = p->requesters[i].id;
		n_mails += p->requesters[i].mails.n;
	}
	if (ids != NULL)
		check_once(o, "requesters.id", ids, p->n_requesters);
	mails = arena_take(&p->arena, n_mails, sizeof(*mails));
	n_mails = 0;
	for (i = 0; mails != NULL && i < p->n_requesters; i++) {
		const struct names *m = &p->requesters[i].mails;

		for (j = 0; j < m->n; j++)
			mails[n_mails++] = lower(&p->arena, m->p[j]);
	}
	if (mails != NULL)
		check_once(o, "requesters.mails", mails, n_mails);
}

/* Reads the revoked key ids and marks the keys that they name. */
static void
read_revoked(struct doc_obj *o, struct people *p)
{
	struct people_key *k;
	struct bytes *sorted;
	size_t i, j, n;

	names_opt_read(o, "revoked", TEXT_NAME, KEYID_SIZE - 1, CAP_REVOKED,
	    &p->arena, &p->revoked);
	n = p->revoked.n;
	sorted = arena_take(&p->arena, n, sizeof(*sorted));
	if (sorted == NULL || doc_error(o->doc) != 0)
		return;
	for (i = 0; i < n; i++) {
		sorted[i] = p->revoked.p[i];
		if (!keyid_is(sorted[i]))
			doc_fail(o, "revoked", ERR_SYNTAX);
	}
	names_sort(sorted, n);
	for (i = 0; i < p->n_persons; i++) {
		for (j = 0; j < p->persons[i].n_keys; j++) {
			k = &p->persons[i].keys[j];
			k->revoked = names_sorted_has(sorted, n,
			    bytes_str(k->id));
		}
	}
}

int
people_parse(struct bytes payload, struct people **ret_p,
    struct refusal *ret_why)
{
	struct people *p = calloc(1, sizeof(*p));
	struct doc_obj o;
	int r;

	if (p == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "people");
	if ((r = trust_doc_open(payload, &p->doc, ret_why)) == 0) {
		o = doc_root(p->doc);
		trust_head_read(&o, TRUST_PEOPLE, &p->head);
		read_lists(&o, p);
		if (doc_error(p->doc) == 0 && arena_error(&p->arena) == 0) {
			read_revoked(&o, p);
			check_keys(&o, p);
			check_ids(&o, p);
		}
		doc_end(&o);
		r = trust_doc_close(payload, p->doc, &p->arena, ret_why);
	}
	if (r != 0) {
		people_free(p);
		return r;
	}
	*ret_p = p;
	return 0;
}

void
people_free(struct people *p)
{
	if (p == NULL)
		return;
	doc_free(p->doc);
	arena_free(&p->arena);
	free(p);
}
