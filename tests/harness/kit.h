/*
 * kit.h - keys from fixed seeds, signed envelopes, and texts with one change.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * In texts, ^NN stands for the public key (base64) of the seed of 32 bytes
 * 0xNN, and ~NN for its key id.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_KIT_H
#define COUNTERSIGN_TESTS_HARNESS_KIT_H

#include "common/base64.h"
#include "common/envelope.h"
#include "common/keyid.h"
#include "common/proof.h"
#include "common/signer.h"
#include "common/sshsig.h"
#include "common/timefmt.h"
#include "tests/harness/test.h"

#define KIT_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define KIT_MAX ((size_t)8 << 20)

#define KIT_DEVICE "d-abcdefghijklmnopqrstuvwxyz"
#define KIT_DEVICE_2 "d-bbcdefghijklmnopqrstuvwxyz"

__attribute__((unused)) static void
kit_signer(unsigned seed, struct signer *ret_s)
{
	uint8_t bytes[SIGNER_SEED_SIZE];

	CHECK_INT(digest_init(), 0);
	memset(bytes, (int)seed, sizeof(bytes));
	CHECK_INT(signer_from_seed(bytes, ret_s), 0);
}

__attribute__((unused)) static void
kit_keyid(unsigned seed, char ret_id[KEYID_SIZE])
{
	struct signer s;

	kit_signer(seed, &s);
	keyid_make(bytes_of(s.public, sizeof(s.public)), ret_id);
}

/* Appends the text with ^NN and ~NN filled in. */
__attribute__((unused)) static void
kit_expand(struct buf *b, const char *text)
{
	char id[KEYID_SIZE];
	struct signer s;
	unsigned seed;

	for (; *text != '\0'; text++) {
		if ((*text != '^' && *text != '~') ||
		    sscanf(text + 1, "%2x", &seed) != 1) {
			buf_put_u8(b, (uint8_t)*text);
			continue;
		}
		kit_signer(seed, &s);
		keyid_make(bytes_of(s.public, sizeof(s.public)), id);
		if (*text == '^')
			base64_encode(b, bytes_of(s.public,
			    sizeof(s.public)));
		else
			buf_put_str(b, id);
		text += 2;
	}
	CHECK_INT(buf_error(b), 0);
}

/*
 * Appends the text, filled in, with the one occurrence of `from` replaced by
 * `to`; with from NULL as it is.
 */
__attribute__((unused)) static void
kit_edit(struct buf *b, const char *text, const char *from, const char *to)
{
	struct buf changed;
	const char *at;

	buf_init(&changed, KIT_MAX);
	if (from == NULL) {
		buf_put_str(&changed, text);
	} else {
		at = strstr(text, from);
		CHECK_MSG(at != NULL, "no %s in the text", from);
		CHECK_MSG(strstr(at + 1, from) == NULL, "%s twice", from);
		buf_put(&changed, text, (size_t)(at - text));
		buf_put_str(&changed, to);
		buf_put_str(&changed, at + strlen(from));
	}
	buf_put_u8(&changed, 0);
	CHECK_INT(buf_error(&changed), 0);
	kit_expand(b, (const char *)changed.p);
	buf_free(&changed);
}

/* An envelope that owns what it points to, but type and payload. */
struct kit_envelope {
	struct envelope e;
	uint8_t sigs[ENVELOPE_MAX_SIGS][512];
	char keyids[ENVELOPE_MAX_SIGS][KEYID_SIZE];
};

/* Signs with each of the seeds, of which the last is 0; with their key ids. */
__attribute__((unused)) static void
kit_sign(struct kit_envelope *k, enum payload_type type,
    struct bytes payload, const unsigned *seeds)
{
	struct signer s;
	struct buf pae;
	size_t i;

	memset(k, 0, sizeof(*k));
	k->e.type = envelope_type_text(type);
	k->e.payload = payload;
	buf_init(&pae, KIT_MAX);
	envelope_pae(&pae, k->e.type, payload);
	for (i = 0; seeds[i] != 0; i++) {
		kit_signer(seeds[i], &s);
		CHECK_INT(signer_sign(&s, buf_bytes(&pae), k->sigs[i]), 0);
		kit_keyid(seeds[i], k->keyids[i]);
		k->e.sigs[i].keyid = bytes_str(k->keyids[i]);
		k->e.sigs[i].sig = bytes_of(k->sigs[i], 64);
	}
	k->e.n_sigs = i;
	buf_free(&pae);
}

/* Signs an approval or cancel with an ed25519 key file's key. */
__attribute__((unused)) static void
kit_prove(struct kit_envelope *k, enum payload_type type,
    struct bytes payload, unsigned seed)
{
	struct proof p = { .wire = PROOF_WIRE_ED25519 };
	uint8_t b[SSHSIG_PREIMAGE_SIZE], sig[64];
	struct signer s;
	struct buf field;

	memset(k, 0, sizeof(*k));
	k->e.type = envelope_type_text(type);
	k->e.payload = payload;
	sshsig_preimage(k->e.type, payload, b);
	kit_signer(seed, &s);
	CHECK_INT(signer_sign(&s, bytes_of(b, sizeof(b)), sig), 0);
	p.sig = bytes_of(sig, sizeof(sig));
	buf_init(&field, sizeof(k->sigs[0]));
	proof_write(&field, &p);
	CHECK_INT(buf_error(&field), 0);
	memcpy(k->sigs[0], field.p, field.n);
	kit_keyid(seed, k->keyids[0]);
	k->e.sigs[0].keyid = bytes_str(k->keyids[0]);
	k->e.sigs[0].sig = bytes_of(k->sigs[0], field.n);
	k->e.n_sigs = 1;
	buf_free(&field);
}

__attribute__((unused)) static int64_t
kit_time(const char *text)
{
	int64_t t = 0;

	CHECK_INT(time_parse(bytes_str(text), &t), 0);
	return t;
}

/* ---- one set of files that belong together; now is KIT_NOW ---- */

#define KIT_NOW "2026-01-10T12:00:00Z"

#define KIT_ROLE(threshold, keys) \
	"{\"threshold\":" threshold ",\"keys\":[" keys "]}"
#define KIT_HOLDER(holder, key) \
	"{\"holder\":\"" holder "\",\"key\":\"" key "\"}"

#define KIT_ROOT							\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-01T00:00:00Z\","				\
	"\"expires\":\"2027-01-01T00:00:00Z\",\"roles\":{"		\
	"\"root\":" KIT_ROLE("2", KIT_HOLDER("ann", "^01") ","		\
	    KIT_HOLDER("ben", "^02") "," KIT_HOLDER("cat", "^03")) ","	\
	"\"people\":" KIT_ROLE("2", KIT_HOLDER("ann", "^11") ","	\
	    KIT_HOLDER("ann", "^13") "," KIT_HOLDER("ben", "^12")) ","	\
	"\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^21")) ","	\
	"\"device\":" KIT_ROLE("1", KIT_HOLDER("ann", "^31")) ","	\
	"\"timestamp\":" KIT_ROLE("1", KIT_HOLDER("stamp", "^41")) "}," \
	"\"min_version\":{\"people\":1,\"policy\":1,\"device\":1,"	\
	"\"timestamp\":1},"						\
	"\"witnesses\":[{\"name\":\"w.example/1\",\"key\":\"^71\"}]}"

#define KIT_PERSON(id, roles, keys)					\
	"{\"id\":\"" id "\",\"name\":\"The " id "\",\"roles\":[" roles	\
	"],\"keys\":[" keys "]}"
#define KIT_KEY(key) "{\"kind\":\"ed25519\",\"key\":\"" key "\"}"

/* ai proposes; tom and tim are technicians, ada admin, max and mia manage. */
#define KIT_PEOPLE							\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-02T00:00:00Z\","				\
	"\"expires\":\"2026-02-01T00:00:00Z\",\"persons\":["		\
	KIT_PERSON("ai", "\"proposer\"", KIT_KEY("^51")) ","		\
	KIT_PERSON("tom", "\"technician\",\"proposer\"",		\
	    KIT_KEY("^52")) ","						\
	KIT_PERSON("tim", "\"technician\"", KIT_KEY("^56")) ","		\
	KIT_PERSON("ada", "\"admin\"", KIT_KEY("^53")) ","		\
	KIT_PERSON("max", "\"manager\",\"technician\"",			\
	    KIT_KEY("^54")) ","						\
	KIT_PERSON("mia", "\"manager\"", KIT_KEY("^55")) "],"		\
	"\"requesters\":["						\
	"{\"id\":\"eve\",\"mails\":[\"Eve@example.org\"],"		\
	"\"manager\":\"max\"},"						\
	"{\"id\":\"tim\",\"mails\":[],\"manager\":\"mia\"}],"		\
	"\"revoked\":[\"~5f\"]}"

#define KIT_POLICY							\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-03T00:00:00Z\","				\
	"\"expires\":\"2026-02-01T00:00:00Z\",\"mode\":\"execute\","	\
	"\"approval_ttl_s\":900,\"requester_may_approve\":true,"	\
	"\"console_may_stop\":[\"observe\"],\"repair_write\":["		\
	"{\"groups\":[\"web\"],\"roots\":[\"/srv/app\",\"/opt\"]}],"	\
	"\"tools\":{\"command\":{\"decision\":\"approval_needed\"},"	\
	"\"disk.free\":{\"decision\":\"auto\",\"shell\":\"sh\","	\
	"\"script\":\"df -hP -- \\\"$CS_ARG_PATH\\\"\","		\
	"\"args\":{\"path\":{\"type\":\"path\"}},\"rate_per_h\":60}}}"

#define KIT_ENTRY							\
	"{\"v\":1,\"org\":\"acme\",\"version\":1,"			\
	"\"issued\":\"2026-01-04T00:00:00Z\","				\
	"\"expires\":\"2027-01-04T00:00:00Z\","				\
	"\"device\":\"" KIT_DEVICE "\",\"name\":\"web-1\","		\
	"\"groups\":[\"web\",\"linux\"]}"

#define KIT_CARD							\
	"{\"v\":1,\"id\":\"019ba2b1-0000-7000-8000-000000000001\","	\
	"\"org\":\"acme\",\"device\":\"" KIT_DEVICE "\","		\
	"\"tool\":\"command\",\"shell\":\"sh\","			\
	"\"command\":\"df -h\\n\","					\
	"\"unicode\":\"ascii\",\"description\":\"Shows free space.\","	\
	"\"profile\":\"observe\",\"net\":\"none\",\"read\":\"user\","	\
	"\"write\":[],\"services\":[],\"survivors\":\"kill\","		\
	"\"limits\":{\"timeout_s\":300,\"memory_mb\":512,"		\
	"\"processes\":64,\"output_bytes\":8388608},"			\
	"\"after\":[],\"ticket\":{\"system\":\"halopsa\","		\
	"\"id\":\"T-1\",\"url\":\"https://example.org/t/1\"},"		\
	"\"requester\":\"eve@example.org\","				\
	"\"created\":\"2026-01-10T12:00:00Z\","				\
	"\"expires\":\"2026-01-11T12:00:00Z\"}"

#define KIT_TOOL_CARD							\
	"{\"v\":1,\"id\":\"019ba2b1-0000-7000-8000-000000000002\","	\
	"\"org\":\"acme\",\"device\":\"" KIT_DEVICE "\","		\
	"\"tool\":\"disk.free\",\"args\":{\"path\":\"/srv\"},"		\
	"\"description\":\"Shows free space.\","			\
	"\"created\":\"2026-01-10T12:00:00Z\","				\
	"\"expires\":\"2026-01-11T12:00:00Z\"}"

#define KIT_ZEROS							\
	"0000000000000000000000000000000000000000000000000000000000000000"

#define KIT_APPROVAL							\
	"{\"v\":1,\"card\":\"sha256:" KIT_ZEROS "\","			\
	"\"policy\":\"sha256:" KIT_ZEROS "\","				\
	"\"device\":\"" KIT_DEVICE "\","				\
	"\"device_nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\","			\
	"\"approver\":\"tom\",\"role\":\"technician\","			\
	"\"decision\":\"approve\",\"reason\":\"fine\","			\
	"\"issued\":\"2026-01-10T12:00:00Z\","				\
	"\"expires\":\"2026-01-10T12:15:00Z\"}"

#define KIT_CANCEL							\
	"{\"v\":1,\"card\":\"sha256:" KIT_ZEROS "\","			\
	"\"device\":\"" KIT_DEVICE "\","				\
	"\"device_nonce\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"by\":\"tom\","	\
	"\"reason\":\"\",\"issued\":\"2026-01-10T12:00:00Z\","		\
	"\"expires\":\"2026-01-10T12:15:00Z\"}"

#endif
