/*
 * core_cards.h - the cards and approvals that tests of the core make.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The second half of core_fixture.h, which includes it.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_CORE_CARDS_H
#define COUNTERSIGN_TESTS_HARNESS_CORE_CARDS_H

/* ---- cards ---- */

struct fx_card {
	struct kit_envelope k;
	struct sha256 digest;
	int64_t expires;
};

/* What is not the usual of a card; zeros are. */
struct fx_ask {
	const char *tool;		/* NULL: command */
	enum action_profile profile;	/* 0: observe */
	const char *requester;
	unsigned seed;			/* 0: ai's */
	int64_t created, life;		/* from now; 0: an hour */
	const struct sha256 *after;
	unsigned id;			/* 0: the next */
	const char *org, *device;
	const char *from, *to;		/* a change of the text */
};

FX void
fx_card_fields(struct fx *f, const struct fx_ask *a, char id[40],
    struct card_fields *c)
{
	static const struct card_arg path = { .name = { (const uint8_t *)
	    "path", 4 }, .text = { (const uint8_t *)"/srv", 4 } };

	memset(c, 0, sizeof(*c));
	(void)snprintf(id, 40, "019ba2b1-0000-7000-8000-%012x",
	    a->id != 0 ? a->id : 0x1000 + f->ids++);
	c->id = bytes_str(id);
	c->org = bytes_str(a->org != NULL ? a->org : "acme");
	c->device = bytes_str(a->device != NULL ? a->device : KIT_DEVICE);
	c->tool = bytes_str(a->tool != NULL ? a->tool : CARD_COMMAND);
	c->description = bytes_str("Shows free space.");
	c->created = f->m.clock + a->created;
	c->expires = c->created + (a->life != 0 ? a->life : 3600);
	c->after = a->after;
	c->n_after = a->after != NULL;
	if (a->requester != NULL)
		c->requester = bytes_str(a->requester);
	action_defaults(&c->action);
	c->action.profile = a->profile != 0 ? a->profile : ACTION_OBSERVE;
	c->action.shell = ACTION_SH;
	c->action.text = bytes_str("df -h\n");
	if (bytes_is(c->tool, "disk.free")) {
		c->args = &path;
		c->n_args = 1;
	}
}

FX struct fx_card *
fx_card(struct fx *f, const struct fx_ask *a)
{
	unsigned seeds[2] = { a->seed != 0 ? a->seed : 0x51, 0 };
	struct fx_card *card = fx_keep(f, calloc(1, sizeof(*card)));
	struct card_fields fields;
	struct buf b, edited;
	char id[40];

	fx_card_fields(f, a, id, &fields);
	buf_init(&b, KIT_MAX);
	card_write(&b, &fields);
	if (a->from != NULL) {
		buf_put_u8(&b, 0);
		buf_init(&edited, KIT_MAX);
		kit_edit(&edited, (const char *)b.p, a->from, a->to);
		buf_free(&b);
		b = edited;
	}
	CHECK_INT(buf_error(&b), 0);
	(void)fx_keep(f, b.p);
	card->expires = fields.expires;
	kit_sign(&card->k, PAYLOAD_CARD, buf_bytes(&b), seeds);
	digest_pae(card->k.e.type, card->k.e.payload, &card->digest);
	return card;
}

FX const struct core_reply *
fx_offer(struct fx *f, const struct fx_card *card)
{
	CHECK_INT(core_card(f->core, f->m, &card->k.e, &f->reply), 0);
	return &f->reply;
}

/* A card that is taken in. */
FX struct fx_card *
fx_take(struct fx *f, const struct fx_ask *a)
{
	struct fx_card *card = fx_card(f, a);

	fx_offer(f, card);
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
	return card;
}

FX struct fx_card *
fx_usual(struct fx *f)
{
	return fx_take(f, &(struct fx_ask){ 0 });
}

/* ---- approvals ---- */

struct fx_word {
	struct kit_envelope k;
	struct sha256 digest;
	enum payload_type type;
};

/* What is not the usual of an approval: tom's, for now. */
struct fx_say {
	const struct fx_card *card;
	const char *who;
	unsigned seed;			/* 0: who's */
	enum approval_role role;	/* 0: technician */
	enum approval_decision decision;	/* 0: approve */
	const char *reason;
	int64_t issued, life;		/* from now; 0: 900 s */
	const struct sha256 *of, *policy;
	const uint8_t *nonce;
	const char *device;
	const char *from, *to;
};

FX unsigned
fx_seed(const char *who)
{
	static const struct {
		const char *who;
		unsigned seed;
	} people[] = {
		{ "ai", 0x51 }, { "tom", 0x52 }, { "ada", 0x53 },
		{ "max", 0x54 }, { "mia", 0x55 }, { "tim", 0x56 },
		{ "nobody", 0x5e }
	};
	size_t i;

	for (i = 0; strcmp(people[i].who, who) != 0; i++)
		CHECK(i + 1 < KIT_COUNT(people));
	return people[i].seed;
}

FX void
fx_say_fields(struct fx *f, const struct fx_say *s,
    struct approval_fields *a)
{
	const struct queue_item *item = s->card != NULL ?
	    fx_item(f, &s->card->digest) : NULL;
	struct trust_held h;

	memset(a, 0, sizeof(*a));
	a->decision = s->decision != 0 ? s->decision : APPROVAL_APPROVE;
	a->role = s->role != 0 ? s->role : APPROVAL_TECHNICIAN;
	a->approver = bytes_str(s->who != NULL ? s->who : "tom");
	a->device = bytes_str(s->device != NULL ? s->device : KIT_DEVICE);
	a->reason = bytes_str(s->reason != NULL ? s->reason : "");
	if (s->card != NULL)
		a->card = s->card->digest;
	if (s->of != NULL)
		a->card = *s->of;
	if (s->policy != NULL)
		a->policy = *s->policy;
	else if (trust_held(core_trust_files(f->core), TRUST_POLICY, &h))
		a->policy = h.digest;
	if (s->nonce != NULL)
		memcpy(a->device_nonce, s->nonce, CAP_DEVICE_NONCE);
	else if (item != NULL)
		memcpy(a->device_nonce, item->device_nonce,
		    CAP_DEVICE_NONCE);
	a->issued = f->m.clock + s->issued;
	a->expires = a->issued + (s->life != 0 ? s->life : 900);
	if (s->life == 0 && s->card != NULL && a->expires > s->card->expires)
		a->expires = s->card->expires;
}

FX struct fx_word *
fx_word(struct fx *f, const struct fx_say *s)
{
	struct fx_word *w = fx_keep(f, calloc(1, sizeof(*w)));
	struct approval_fields fields;
	struct buf b, edited;

	fx_say_fields(f, s, &fields);
	w->type = fields.decision == APPROVAL_CANCEL ? PAYLOAD_CANCEL :
	    PAYLOAD_APPROVAL;
	buf_init(&b, KIT_MAX);
	approval_write(&b, &fields);
	if (s->from != NULL) {
		buf_put_u8(&b, 0);
		buf_init(&edited, KIT_MAX);
		kit_edit(&edited, (const char *)b.p, s->from, s->to);
		buf_free(&b);
		b = edited;
	}
	CHECK_INT(buf_error(&b), 0);
	(void)fx_keep(f, b.p);
	kit_prove(&w->k, w->type, buf_bytes(&b), s->seed != 0 ? s->seed :
	    fx_seed(s->who != NULL ? s->who : "tom"));
	digest_pae(w->k.e.type, w->k.e.payload, &w->digest);
	return w;
}

FX const struct core_reply *
fx_send(struct fx *f, const struct fx_word *w)
{
	if (w->type == PAYLOAD_CANCEL)
		CHECK_INT(core_cancel(f->core, f->m, &w->k.e, &f->reply), 0);
	else
		CHECK_INT(core_approval(f->core, f->m, &w->k.e, &f->reply),
		    0);
	return &f->reply;
}

FX const struct core_reply *
fx_said(struct fx *f, const struct fx_say *s)
{
	return fx_send(f, fx_word(f, s));
}

/* Says yes, which must count. */
FX void
fx_yes(struct fx *f, const struct fx_card *card, const char *who,
    enum approval_role role)
{
	fx_said(f, &(struct fx_say){ .card = card, .who = who,
	    .role = role });
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
}

/* A card that runs. */
FX struct fx_card *
fx_run(struct fx *f, const struct fx_ask *a)
{
	struct fx_card *card = fx_take(f, a);

	if (a->tool == NULL)
		fx_yes(f, card, "tom", APPROVAL_TECHNICIAN);
	fx_turn(f);
	CHECK_STATE(f, card, "running");
	return card;
}

#endif
