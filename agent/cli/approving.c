/*
 * approving.c - approve, deny, cancel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/approving.h"

#include "agent/cli/consoleclient.h"
#include "agent/cli/gateclient.h"
#include "agent/cli/keys.h"
#include "agent/cli/review.h"
#include "agent/cli/signing.h"
#include "agent/cli/sshsign.h"

#include "common/approval.h"
#include "common/jsonw.h"
#include "common/sshsig.h"
#include "platform/clock.h"
#include "platform/terminal.h"
#include "platform/userfile.h"

#include <string.h>

#define PENDING_MAX ((size_t)16 << 20)

/* One decision, from the pending file to the envelope. */
struct deciding {
	const struct args *args;
	enum approval_decision decision;
	bool from_gate;		/* the pending file came from this agent */
	struct buf pending;
	struct review review;
	/* Whose key it is. */
	struct public_key public;
	struct people_signer me;
	enum approval_role role;
	/* What is made. */
	struct buf payload;
	struct envelope e;
	struct signature sig;
};

/* ---- where the pending file comes from ---- */

static int
fetch(struct deciding *d, const char *ref)
{
	struct control_request req = { .type = CONTROL_PENDING_FILE };
	char path[256];
	size_t i;

	if (!consoleclient_is_meant(d->args)) {
		d->from_gate = true;
		req.ref = bytes_str(ref);
		return gateclient_ask(d->args, &req, &d->pending, NULL, NULL);
	}
	for (i = 0; ref[i] != '\0'; i++)
		if (strchr("0123456789abcdef-:sh", ref[i]) == NULL || i > 80)
			return complain(CLI_USAGE, "give a pending file, a"
			    " card's digest or its UUID", "%s: no such file,"
			    " and no card", ref);
	snprintf(path, sizeof(path), "/v1/cards/%s/pending", ref);
	return consoleclient_ask(d->args, "GET", path, bytes_of(NULL, 0),
	    &d->pending);
}

static int
get_pending(struct deciding *d)
{
	const char *ref = d->args->operand[0];
	int err;

	if (strcmp(ref, "-") != 0 && !userfile_exists(ref))
		return fetch(d, ref);
	if ((err = userfile_read(ref, PENDING_MAX, &d->pending)) != 0)
		return complain_err(err, ref);
	return CLI_DONE;
}

/* ---- who decides ---- */

static const char *
key_path(const struct args *a)
{
	const char *key = args_get(a, "--key");

	return key != NULL ? key : args_get(a, "--ssh-key");
}

/* The public half of an ssh key: FILE.pub beside a private one. */
static int
read_ssh_public(const char *path, struct public_key *ret_k)
{
	char pub[4200];

	if (strlen(path) > 4 &&
	    strcmp(path + strlen(path) - 4, ".pub") == 0)
		return keys_read_public(path, ret_k);
	if (snprintf(pub, sizeof(pub), "%s.pub", path) >= (int)sizeof(pub))
		return complain_err(ERR_TOO_LARGE, path);
	return keys_read_public(pub, ret_k);
}

static int
read_key(struct deciding *d)
{
	const char *key = args_get(d->args, "--key");
	const char *ssh = args_get(d->args, "--ssh-key");

	if ((key != NULL) == (ssh != NULL))
		return complain(CLI_USAGE, "say --key FILE, or --ssh-key FILE"
		    " (with --agent, its public half)", "%s: with which key?",
		    d->args->command->name);
	return key != NULL ? keys_read_public(key, &d->public) :
	    read_ssh_public(ssh, &d->public);
}

static int
find_me(struct deciding *d)
{
	struct review *r = &d->review;

	if (!people_find_key(trust_people(r->trust), bytes_str(d->public.id),
	    &d->me))
		return complain(CLI_REFUSED, "ask the device owner to sign a"
		    " people file that has it", "%s: the key %s is nobody's in"
		    " the people file", key_path(d->args), d->public.id);
	if (!people_key_is_valid(d->me.key, r->now))
		return complain(CLI_REFUSED, "use another key", "%s: the key"
		    " is revoked, or outside its time of validity",
		    key_path(d->args));
	if (d->me.key->key.kind != d->public.kind)
		return complain(CLI_REFUSED, "use a key of that kind", "%s: the"
		    " people file has it as another kind of key (%s)",
		    key_path(d->args), proof_kind_word(d->me.key->key.kind));
	if (d->decision == APPROVAL_CANCEL)
		return CLI_DONE;
	return review_role(r, d->me.person, d->decision,
	    args_get(d->args, "--role"), &d->role);
}

/* ---- asking ---- */

static const char *
verb(const struct deciding *d)
{
	return d->decision == APPROVAL_DENY ? "Deny" :
	    d->decision == APPROVAL_CANCEL ? "Cancel" : "Approve";
}

/* Scripts say which card they mean; a person reads it and types yes. */
static int
confirm(const struct deciding *d)
{
	const char *text = args_get(d->args, "--confirm");
	char question[64], line[16];
	struct sha256 digest;
	int err;

	if (text != NULL) {
		if (digest_parse(bytes_str(text), &digest) == 0 &&
		    sha256_equal(&digest, &d->review.card->digest))
			return CLI_DONE;
		return complain(CLI_REFUSED, "look at the card: countersign"
		    " approve without --confirm", "--confirm names another"
		    " card than this one");
	}
	(void)fflush(stdout);
	snprintf(question, sizeof(question), "\n%s? type yes: ", verb(d));
	err = terminal_ask(question, false, line, sizeof(line));
	if (err == ERR_NOT_FOUND)
		return complain(CLI_USAGE, "say --confirm sha256:… with the"
		    " card's digest", "there is no terminal to ask at");
	if (err == 0 && strcmp(line, "yes") == 0)
		return CLI_DONE;
	return complain(CLI_FAILED, "nothing was signed", "you did not type"
	    " yes");
}

static void
show(const struct deciding *d)
{
	if (args_json(d->args))
		return;
	review_show(&d->review);
	say("%s%-12s%s ", say_colour(SAY_DIM), "you are",
	    say_colour(SAY_PLAIN));
	say_escape(d->me.person->id);
	if (d->role != 0)
		say(", as %s", doc_word_of(approval_roles, (int)d->role));
	say(", key %s\n", d->me.key->id);
}

/* ---- making and signing ---- */

static int
write_payload(struct deciding *d)
{
	const struct card *card = d->review.card;
	const char *reason = args_get(d->args, "--reason");
	struct approval_fields f;
	int64_t life = d->review.verdict.approval_ttl_s;
	int err;

	memset(&f, 0, sizeof(f));
	f.decision = d->decision;
	f.card = card->digest;
	f.policy = d->review.rules.policy;
	f.device = card->device;
	memcpy(f.device_nonce, d->review.rules.device_nonce,
	    sizeof(f.device_nonce));
	f.approver = d->me.person->id;
	f.role = d->role;
	if (reason != NULL)
		f.reason = bytes_str(reason);
	f.issued = d->review.now;
	if (d->decision == APPROVAL_CANCEL)
		life = 3600;
	f.expires = f.issued + life;
	if (d->decision != APPROVAL_CANCEL && f.expires > card->expires)
		f.expires = card->expires;
	approval_write(&d->payload, &f);
	if ((err = buf_error(&d->payload)) != 0)
		return complain_err(err, "the approval");
	d->e.type = envelope_type_text(d->decision == APPROVAL_CANCEL ?
	    PAYLOAD_CANCEL : PAYLOAD_APPROVAL);
	d->e.payload = buf_bytes(&d->payload);
	return CLI_DONE;
}

static int
sign_with_ssh(struct deciding *d, const char *path)
{
	struct buf m, blob;
	int err, code;

	buf_init(&m, 65536);
	buf_init(&blob, SSHSIG_MAX);
	approval_message(&m, envelope_type(d->e.type), d->e.payload);
	if ((err = buf_error(&m)) != 0)
		code = complain_err(err, "the approval");
	else
		code = sshsign_message(path, args_has(d->args, "--agent"),
		    buf_bytes(&m), &blob);
	if (code == CLI_DONE && (err = signing_wrap(&d->e, buf_bytes(&blob),
	    bytes_of(d->public.public, proof_public_size(d->public.alg)),
	    &d->sig)) != 0)
		code = complain_err(err, path);
	buf_free(&m);
	buf_free(&blob);
	return code;
}

static int
sign(struct deciding *d)
{
	const char *path = args_get(d->args, "--key");
	struct signer key;
	int code, err;

	if (path == NULL)
		return sign_with_ssh(d, args_get(d->args, "--ssh-key"));
	code = keys_open(d->args, path, KEYS_USE(KEYFILE_APPROVER) |
	    (d->decision != APPROVAL_APPROVE ? KEYS_USE(KEYFILE_PROPOSER) :
	    0), &key);
	if (code != CLI_DONE)
		return code;
	err = signing_prove(&d->e, &key, &d->sig);
	signer_wipe(&key);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

/* What the device will ask of it, asked here. */
static int
check_own(struct deciding *d)
{
	enum payload_type type = envelope_type(d->e.type);
	struct people_signer s;
	struct refusal why;
	struct approval *a;
	int err;

	if ((err = approval_parse(type, d->e.payload, &a, &why)) != 0)
		return complain_refusal(err, "what you signed", &why);
	err = people_verify_approval(trust_people(d->review.trust), type,
	    &d->e, d->review.now, &s, &why);
	if (err == 0)
		err = d->decision == APPROVAL_CANCEL ?
		    rules_check_cancel(&d->review.rules, a, &s,
		    strcmp(d->review.state, "running") == 0, &why) :
		    rules_check_approval(&d->review.rules, a, &s, &why);
	approval_free(a);
	return err != 0 ? complain_refusal(err, "what you signed", &why) :
	    CLI_DONE;
}

/* ---- handing on ---- */

static int
tell(const struct deciding *d, const char *where)
{
	char digest[DIGEST_TEXT_SIZE];
	struct jsonw w;
	struct sha256 own;
	struct buf b;
	int code;

	digest_text(&d->review.card->digest, digest);
	if (!args_json(d->args)) {
		say("%s: %s%s\n", digest, d->decision == APPROVAL_APPROVE ?
		    "approved" : d->decision == APPROVAL_DENY ? "denied" :
		    "cancelled", where);
		return CLI_DONE;
	}
	digest_pae(d->e.type, d->e.payload, &own);
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "card", digest);
	jsonw_digest(&w, d->decision == APPROVAL_CANCEL ? "cancel" :
	    "approval", &own);
	jsonw_str(&w, "approver", d->me.person->id);
	if (d->role != 0)
		jsonw_cstr(&w, "role", doc_word_of(approval_roles,
		    (int)d->role));
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

static int
hand_on(struct deciding *d)
{
	const char *out = args_get(d->args, "--out");
	struct buf answer;
	int code = CLI_DONE;

	if (out != NULL && (code = signing_write(out, &d->e)) != CLI_DONE)
		return code;
	if (out != NULL && strcmp(out, "-") == 0)
		return CLI_DONE;
	buf_init(&answer, (size_t)1 << 20);
	if (consoleclient_is_meant(d->args))
		code = consoleclient_submit(d->args, &d->e, &answer);
	else if (out == NULL)
		code = gateclient_submit(d->args, &d->e, &answer);
	buf_free(&answer);
	if (code != CLI_DONE)
		return code;
	code = tell(d, consoleclient_is_meant(d->args) ?
	    ", sent to the console" : out == NULL ? ", taken by the agent" :
	    "");
	if (code == CLI_DONE && out != NULL &&
	    !consoleclient_is_meant(d->args))
		say_next("countersign submit %s (--console URL --token FILE,"
		    " or at the device)", out);
	return code;
}

/* A file that nobody would get is no approval. */
static int
check_destination(const struct deciding *d)
{
	if (d->from_gate || consoleclient_is_meant(d->args) ||
	    args_has(d->args, "--out") || args_has(d->args, "--socket"))
		return CLI_DONE;
	return complain(CLI_USAGE, "say --console URL, or --out FILE",
	    "%s: where to with it?", d->args->command->name);
}

static int
decide(struct deciding *d)
{
	int code;

	if ((code = read_key(d)) != CLI_DONE ||
	    (code = get_pending(d)) != CLI_DONE ||
	    (code = check_destination(d)) != CLI_DONE ||
	    (code = review_read(buf_bytes(&d->pending), clock_wall_s(),
	    &d->review)) != CLI_DONE ||
	    (code = find_me(d)) != CLI_DONE)
		return code;
	show(d);
	if ((code = confirm(d)) != CLI_DONE)
		return code;
	/* A person may have taken their time to read. */
	d->review.now = d->review.rules.now = clock_wall_s();
	if ((code = write_payload(d)) != CLI_DONE ||
	    (code = sign(d)) != CLI_DONE ||
	    (code = check_own(d)) != CLI_DONE)
		return code;
	return hand_on(d);
}

static int
run(const struct args *a, enum approval_decision decision)
{
	static struct deciding d;
	int code;

	memset(&d, 0, sizeof(d));
	d.args = a;
	d.decision = decision;
	buf_init(&d.pending, PENDING_MAX + 131072);
	buf_init(&d.payload, 2 * CAP_APPROVAL_PAYLOAD);
	code = decide(&d);
	review_free(&d.review);
	buf_free(&d.pending);
	buf_free(&d.payload);
	return code;
}

static int
approve(const struct args *a)
{
	return run(a, args_has(a, "--deny") ? APPROVAL_DENY :
	    APPROVAL_APPROVE);
}

int
approving_cancel(const struct args *a)
{
	return run(a, APPROVAL_CANCEL);
}

static const struct option approve_options[] = {
	{ "--key", "FILE", "your key file" },
	{ "--ssh-key", "FILE", "or an OpenSSH key, FIDO ones too" },
	{ "--agent", NULL, "the key is in your ssh-agent; --ssh-key names its"
	    " public half" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ "--deny", NULL, "refuses the card" },
	{ "--reason", "TEXT", "why; everybody sees it" },
	{ "--role", "ROLE", "technician, admin or manager, if you are"
	    " several" },
	{ "--confirm", "DIGEST", "for scripts: the digest of the card that"
	    " you mean" },
	{ "--out", "FILE", "writes the approval instead of sending it" },
	CONSOLECLIENT_OPTIONS,
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

const struct option approving_cancel_options[] = {
	{ "--key", "FILE", "your key file: an approver's or the proposer's" },
	{ "--ssh-key", "FILE", "or an OpenSSH key" },
	{ "--agent", NULL, "the key is in your ssh-agent" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ "--reason", "TEXT", "why; everybody sees it" },
	{ "--confirm", "DIGEST", "for scripts: the digest of the card that"
	    " you mean" },
	{ "--out", "FILE", "writes the cancel instead of sending it" },
	CONSOLECLIENT_OPTIONS,
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

const struct command commands_approve[] = {
	{ "approve", "PENDING_FILE|CARD", "Verifies a card from your pin,"
	    " shows it whole, asks, signs.\nThe pending file comes from a file,"
	    " the console (--console), or this machine's\nagent.",
	    "  countersign approve card.pending --key alice.key --out"
	    " approval.json\n"
	    "  countersign approve 3f9ce40b… --console"
	    " https://console.example --token me.token \\\n"
	    "      --key alice.key\n",
	    approve_options, 1, 1, approve },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
