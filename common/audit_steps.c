/*
 * audit_steps.c - the auditor on steps of a card that nobody signs for: new
 * nonces, and ends that the device or the console gave it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit_inside.h"

#include <stdlib.h>
#include <string.h>

/* A nonce that a card had and lost. */
struct audit_nonce {
	struct digestmap_node node;	/* of card and nonce */
	struct audit_nonce *next;
};

void
audit_steps_free(struct audit *a)
{
	struct audit_nonce *n;

	while ((n = a->old_nonces) != NULL) {
		a->old_nonces = n->next;
		free(n);
	}
	digestmap_free(&a->nonces);
	free(a->stale);
	a->stale = NULL;
	a->n_stale = 0;
}

/* ---- nonces ---- */

static void
key_of(const struct sha256 *card, const uint8_t nonce[CAP_DEVICE_NONCE],
    struct sha256 *ret_key)
{
	struct digest_ctx c;

	digest_ctx_init(&c);
	digest_ctx_update(&c, bytes_of(card->b, sizeof(card->b)));
	digest_ctx_update(&c, bytes_of(nonce, CAP_DEVICE_NONCE));
	digest_ctx_final(&c, ret_key);
}

static int
note_old(struct audit *a, const struct queue_item *item)
{
	struct audit_nonce *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return ERR_NOMEM;
	key_of(&item->digest, item->device_nonce, &n->node.key);
	n->node.owner = n;
	if (digestmap_add(&a->nonces, &n->node) != 0) {
		free(n);
		return ERR_NOMEM;
	}
	n->next = a->old_nonces;
	a->old_nonces = n;
	return 0;
}

/* Where the card stands in the list of those that need a new one; or the
 * list's end. */
static size_t
find_stale(const struct audit *a, const struct sha256 *card)
{
	size_t i = 0;

	while (i < a->n_stale && !sha256_equal(&a->stale[i], card))
		i++;
	return i;
}

int
audit_renewed(struct audit *a, const struct queue_item *item)
{
	struct sha256 key;
	size_t i;
	int err;

	/* What it had before would let an old approval count again. */
	if ((err = note_old(a, item)) != 0)
		return err;
	key_of(&item->digest, a->rec->device_nonce.p, &key);
	if (digestmap_find(&a->nonces, &key) != NULL)
		return audit_wrong(a, AUDIT_STATE,
		    "a nonce that the card had before");
	if ((i = find_stale(a, &item->digest)) < a->n_stale)
		a->stale[i] = a->stale[--a->n_stale];
	return 0;
}

int
audit_recovered(struct audit *a)
{
	const struct queue_item *i;
	size_t n = 0, most = queue_open_count(a->queue);

	free(a->stale);
	a->n_stale = 0;
	a->stale = malloc((most + 1) * sizeof(*a->stale));
	if (a->stale == NULL)
		return ERR_NOMEM;
	for (i = queue_first_open(a->queue); i != NULL && n < most;
	    i = queue_next_open(a->queue, i))
		if (i->state != STATE_RUNNING)
			a->stale[n++] = i->digest;
	a->n_stale = n;
	return 0;
}

int
audit_fresh(struct audit *a)
{
	if (find_stale(a, &a->rec->card) == a->n_stale)
		return 0;
	return audit_wrong(a, AUDIT_POLICY, "its nonce is from before the"
	    " journal's end was cut: it needed a new one");
}

/* ---- ends ---- */

int
audit_expired(struct audit *a, const struct queue_item *item)
{
	const struct record *rec = a->rec;
	int64_t left = item->expires - item->received;

	/* By the clock, or by its age since it came. */
	if (rec->time >= item->expires || left <= 0 ||
	    (rec->boot_ms >= item->received_boot_ms &&
	    rec->boot_ms - item->received_boot_ms >= (uint64_t)left * 1000))
		return 0;
	return audit_wrong(a, AUDIT_STATE, "it had not expired");
}

int
audit_planned(struct audit *a, const struct queue_item *item)
{
	const struct policy *p = trust_policy(a->trust);
	struct audit_case c = { 0 };
	struct trust_held held;
	bool plan = p != NULL && p->mode == POLICY_PLAN;
	int err = 0;

	if (!plan && (err = audit_case_open(a, item, &c)) == 0)
		plan = c.verdict.mode == POLICY_PLAN;
	audit_case_close(&c);
	if (err != 0)
		return err;
	if (!plan)
		return audit_wrong(a, AUDIT_POLICY, "it was only planned, and"
		    " the policy's mode was not plan");
	if (!trust_held(a->trust, TRUST_POLICY, &held) ||
	    !sha256_equal(&held.digest, &a->rec->policy))
		return audit_wrong(a, AUDIT_POLICY,
		    "it names another policy than was installed");
	return 0;
}

int
audit_withdrawn(struct audit *a, const struct queue_item *item)
{
	struct audit_case c = { 0 };
	int err;

	if (!bytes_is(a->rec->by, "console") ||
	    item->state != STATE_RUNNING)
		return 0;
	err = audit_case_open(a, item, &c);
	if (err == 0 && (c.verdict.why.reason != NULL ||
	    !c.verdict.console_may_stop))
		err = audit_wrong(a, AUDIT_POLICY, "the console stopped it,"
		    " and the policy did not let it");
	audit_case_close(&c);
	return err;
}
