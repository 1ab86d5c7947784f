/*
 * selftest.c - the agent tries its own checks before it trusts them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/selftest.h"

#include "agent/gate/config.h"
#include "agent/gate/offers.h"
#include "common/approval.h"
#include "common/digest.h"
#include "common/ed25519.h"
#include "common/envelope.h"
#include "common/proof.h"
#include "common/queue.h"
#include "common/signer.h"
#include "platform/guard.h"
#include "platform/program.h"
#include "platform/starter.h"

#include <stdlib.h>
#include <string.h>

/* RFC 8032 section 7.1, TEST 3. */
static const uint8_t rfc_public[32] = {
	0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3,
	0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30, 0xf0, 0x58,
	0x08, 0x16, 0xed, 0x13, 0xba, 0x33, 0x03, 0xac,
	0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25,
};
static const uint8_t rfc_message[2] = { 0xaf, 0x82 };
static const uint8_t rfc_signature[64] = {
	0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02,
	0x48, 0x27, 0xe6, 0x9c, 0x3a, 0xbe, 0x01, 0xa3,
	0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74, 0x3a, 0x44,
	0x5e, 0x36, 0x80, 0xd7, 0xdb, 0x5a, 0xc3, 0xac,
	0x18, 0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2, 0x90,
	0xae, 0x67, 0xf7, 0x60, 0x98, 0x4d, 0xc6, 0x59,
	0x4a, 0x7c, 0x15, 0xe9, 0x71, 0x6e, 0xd2, 0x8d,
	0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a,
};

/* A good signature is taken; with any one of its bits changed it is not. */
static bool
signatures_hold(void)
{
	struct bytes m = bytes_of(rfc_message, sizeof(rfc_message));
	uint8_t sig[64];
	size_t i;

	memcpy(sig, rfc_signature, sizeof(sig));
	if (ed25519_verify(rfc_public, m, bytes_of(sig, sizeof(sig))) != 0)
		return false;
	for (i = 0; i < 8 * sizeof(sig); i += 37) {
		sig[i / 8] ^= (uint8_t)(1u << i % 8);
		if (ed25519_verify(rfc_public, m,
		    bytes_of(sig, sizeof(sig))) == 0)
			return false;
		sig[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	return true;
}

/* An approval's proof counts for its own text and key, and for no other. */
static bool
proofs_hold(void)
{
	static const uint8_t seeds[2][SIGNER_SEED_SIZE] = { { 1 }, { 2 } };
	struct bytes payload = bytes_str("{\"v\":1,\"decision\":\"approve\"}");
	struct bytes other = bytes_str("{\"v\":1,\"decision\":\"approvE\"}");
	uint8_t b[SSHSIG_PREIMAGE_SIZE], b2[SSHSIG_PREIMAGE_SIZE], sig[64];
	struct proof p = { .wire = PROOF_WIRE_ED25519 };
	struct person_key key = { .kind = PROOF_ED25519,
	    .alg = PROOF_ALG_ED25519 };
	struct signer s[2];
	const char *why;
	struct buf field;
	bool holds;

	if (signer_from_seed(seeds[0], &s[0]) != 0 ||
	    signer_from_seed(seeds[1], &s[1]) != 0)
		return false;
	approval_preimage(PAYLOAD_APPROVAL, payload, b);
	approval_preimage(PAYLOAD_APPROVAL, other, b2);
	if (signer_sign(&s[0], bytes_of(b, sizeof(b)), sig) != 0)
		return false;
	p.sig = bytes_of(sig, sizeof(sig));
	buf_init(&field, PROOF_MAX);
	proof_write(&field, &p);
	memcpy(key.public, s[0].public, 32);
	holds = buf_error(&field) == 0 &&
	    proof_verify(&key, bytes_of(b, sizeof(b)), buf_bytes(&field),
	    &why) == 0 &&
	    proof_verify(&key, bytes_of(b2, sizeof(b2)), buf_bytes(&field),
	    &why) != 0;
	/* A cancel's text is not an approval's. */
	approval_preimage(PAYLOAD_CANCEL, payload, b2);
	holds = holds && proof_verify(&key, bytes_of(b2, sizeof(b2)),
	    buf_bytes(&field), &why) != 0;
	memcpy(key.public, s[1].public, 32);
	holds = holds && proof_verify(&key, bytes_of(b, sizeof(b)),
	    buf_bytes(&field), &why) != 0;
	buf_free(&field);
	return holds;
}

/* A card that has ended, whichever way, has no way back to a run. */
static bool
replays_hold(void)
{
	enum card_state s, next;
	const char *word;
	int e;

	for (s = STATE_RUNNING; s < STATES; s++) {
		if (state_next(s, EVENT_INTENT, &next, &word) == 0 ||
		    state_next(s, EVENT_RECEIVE, &next, &word) == 0 ||
		    state_next(s, EVENT_ENOUGH, &next, &word) == 0)
			return false;
		for (e = 0; e < EVENTS && state_is_end(s); e++)
			if (state_next(s, (enum card_event)e, &next,
			    &word) == 0 && next != s)
				return false;
	}
	return state_next(STATE_PENDING, EVENT_INTENT, &next, &word) != 0;
}

static const struct {
	const char *name;
	bool (*holds)(void);
} checks[] = {
	{ "a signature with one bit changed is refused", signatures_hold },
	{ "an approval by another key or of another text is refused",
	    proofs_hold },
	{ "a card that has run does not run again", replays_hold },
};
#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

int
selftest_run(FILE *why)
{
	size_t i;

	for (i = 0; i < N_CHECKS; i++)
		if (!checks[i].holds()) {
			fprintf(why, "countersignd: self-test failed: not"
			    " true here: %s: this build must not run, install"
			    " it again\n", checks[i].name);
			return 1;
		}
	return 0;
}

/* "layer observe seccomp failed why": as a line of a test. */
static bool
say_layers(const char *layers)
{
	char profile[16], name[32], state[16];
	const char *end;
	bool all = true;
	int at;

	for (; *layers != '\0'; layers = end + (*end == '\n')) {
		end = layers + strcspn(layers, "\n");
		at = 0;
		if (sscanf(layers, "layer %15s %31s %15s%n", profile, name,
		    state, &at) != 3)
			continue;
		printf("%s %s: %s%s%.*s\n", strcmp(state, "failed") == 0 ?
		    "not ok" : "ok", profile, name, strcmp(state, "absent") ==
		    0 ? " (this kernel does not have it)" : "",
		    (int)(end - layers - at), layers + at);
		all = all && strcmp(state, "failed") != 0;
	}
	return all;
}

static void
say_profiles(const struct sandbox_offer *o)
{
	static const char *const names[] = { "observe", "repair", "full" };
	const bool offered[] = { o->observe, o->repair, o->full };
	size_t i;

	for (i = 0; i < 3; i++)
		printf("%s %s%s: %s\n", offered[i] ? "offered" :
		    "NOT OFFERED", names[i], i == 2 ? " (NOT CONFINED)" : "",
		    o->why[i]);
	printf("profiles offered:%s%s%s\n", o->observe ? " observe" : "",
	    o->repair ? " repair" : "", o->full ? " full (NOT CONFINED)" : "");
	printf("enforced: %s\n", o->text);
}

/* What holds a run together besides: the control groups. */
static void
say_pens(void)
{
	struct pens *pens;
	int err = pens_open("selftest", &pens);

	if (err != 0) {
		printf("NOT OFFERED control groups: %s\n", err_text(err));
		return;
	}
	printf("%s control groups: %s\n", pens_is_usable(pens) ? "ok" :
	    "none", pens_text(pens));
	pens_close(pens);
}

/* What the agent itself gives up, tried in a process like the agent's. */
static int
say_guard(const struct config *c)
{
	const struct starter starter = { -1, -1, c->courier_user,
	    0, NULL, NULL };
	const struct guard_places at = { c->state, c->socket, NULL };
	struct guard g;
	int r, code = 1;

	(void)fflush(stdout);
	if ((r = starter_split(&starter, &code)) != STARTER_IS_GATE)
		return r < 0 ? r : code;
	guard_gate(&g);
	guard_confine(&at, &g);
	printf("gate: starter=%s capabilities=%s no_new_code=%s"
	    " no_new_privs=%s seccomp=%s landlock=%d\n",
	    g.starter ? "yes" : "no", g.capabilities ? "few" : "all",
	    g.no_new_code ? "yes" : "no", g.no_new_privs ? "yes" : "no",
	    g.seccomp ? "yes" : "no", g.landlock);
	(void)fflush(stdout);
	if (starter_is_there())
		_Exit(0);
	return 0;
}

int
selftest_report(const struct config *c)
{
	char path[PROGRAM_PATH_SIZE];
	struct identities ids;
	struct program runner;
	struct offers offers;
	size_t i;
	int err;

	for (i = 0; i < N_CHECKS; i++)
		printf("ok %s\n", checks[i].name);
	snprintf(path, sizeof(path), "%s/countersign-runner", c->programs);
	if ((err = program_open(path, PROGRAM_OWNER_SELF, &runner)) != 0) {
		fprintf(stderr, "countersignd: %s: %s: install the agent's"
		    " programs, owned by root and not writable by others\n",
		    path, err_text(err));
		return 1;
	}
	identities_init(&ids);
	offers_begin(&offers, runner.fd, &ids);
	err = offers_finish(&offers);
	program_close(&runner);
	if (err != 0)
		fprintf(stderr, "countersignd: the runner's probe: %s\n",
		    err_text(err));
	if (!say_layers(offers.offer.layers))
		err = ERR_STATE;
	say_pens();
	say_profiles(&offers.offer);
	if (say_guard(c) != 0)
		err = ERR_STATE;
	return err != 0;
}
