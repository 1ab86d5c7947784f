/*
 * test_protocol_example.c - the worked example of PROTOCOL.md, byte for byte.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (from the top folder of the tree).
 *
 * The example is made here from fixed keys. Every block of the document that
 * begins with ```example NAME has to be exactly what is made under that name,
 * and the other way round. With --print the blocks go to standard output, for
 * scripts/gen-protocol-example.
 */
#include "common/approval.h"
#include "common/card.h"
#include "common/deviceid.h"
#include "common/entry.h"
#include "common/pin.h"
#include "common/record.h"
#include "common/rules.h"
#include "common/trust.h"
#include "common/writeroot.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

#define DOCUMENT "common/PROTOCOL.md"
#define BLOCKS 64

/* Seeds: the byte that 32 times makes it. */
enum { ANN = 0x01, BEN = 0x02, PEOPLE = 0x11, POLICY = 0x12, DEVICE = 0x13,
    STAMP = 0x14, AI = 0x21, ALICE = 0x22, BOB = 0x23, AGENT = 0x31 };

#define NOW "2026-01-10T12:00:00Z"

static struct {
	char name[40];
	struct buf text;
} blocks[BLOCKS];
static size_t n_blocks;

/* ---- putting it together ---- */

static struct buf *
block(const char *name)
{
	struct buf *b;

	CHECK(n_blocks < BLOCKS);
	(void)snprintf(blocks[n_blocks].name, sizeof(blocks[0].name), "%s",
	    name);
	b = &blocks[n_blocks++].text;
	buf_init(b, KIT_MAX);
	return b;
}

static struct buf *
part(const char *what, const char *which)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s.%s", what, which);
	return block(name);
}

/* Hex in lines of 64 digits. */
static void
put_hex(struct buf *b, struct bytes a)
{
	size_t i;

	for (i = 0; i < a.n; i++)
		buf_printf(b, "%s%02x", i > 0 && i % 32 == 0 ? "\n" : "",
		    a.p[i]);
}

static void
put_key(struct buf *b, unsigned seed, const char *who)
{
	char id[KEYID_SIZE];
	struct signer s;

	kit_signer(seed, &s);
	kit_keyid(seed, id);
	buf_printf(b, "%s%02x ", b->n > 0 ? "\n" : "", seed);
	base64_encode(b, bytes_of(s.public, sizeof(s.public)));
	buf_printf(b, " %s %s", id, who);
}

static void
make_keys(void)
{
	struct buf *b = block("keys");

	put_key(b, ANN, "ann, root");
	put_key(b, BEN, "ben, root");
	put_key(b, PEOPLE, "ann, people");
	put_key(b, POLICY, "ann, policy");
	put_key(b, DEVICE, "ann, device");
	put_key(b, STAMP, "console, timestamp");
	put_key(b, AI, "ai-1, proposer");
	put_key(b, ALICE, "alice, technician");
	put_key(b, BOB, "bob, manager");
	put_key(b, AGENT, "the device's own");
}

static const char *
device(void)
{
	static char id[DEVICEID_SIZE];
	struct signer s;

	kit_signer(AGENT, &s);
	deviceid_make(s.public, id);
	return id;
}

/* Digest and signatures of a payload that is there. */
static void
put_signed(const char *what, const struct kit_envelope *k)
{
	char digest[DIGEST_TEXT_SIZE];
	struct sha256 d;
	struct buf *b;
	size_t i;

	digest_pae(k->e.type, k->e.payload, &d);
	digest_text(&d, digest);
	buf_put_str(part(what, "digest"), digest);
	b = part(what, "signatures");
	for (i = 0; i < k->e.n_sigs; i++) {
		buf_put_str(b, i > 0 ? "\n" : "");
		put_hex(b, k->e.sigs[i].sig);
	}
}

static void
put_envelope(const char *what, const struct kit_envelope *k)
{
	envelope_write(part(what, "envelope"), &k->e);
}

static struct bytes
make_file(const char *what, enum payload_type type, const char *text,
    unsigned one, unsigned two, struct kit_envelope *k)
{
	const unsigned seeds[] = { one, two, 0 };
	struct buf *b = part(what, "payload");

	kit_expand(b, text);
	kit_sign(k, type, buf_bytes(b), seeds);
	put_signed(what, k);
	return buf_bytes(b);
}

#define ROLE(holder, key) KIT_ROLE("1", KIT_HOLDER(holder, key))

static const char root_text[] =
    "{\"v\":1,\"org\":\"acme\",\"version\":1,"
    "\"issued\":\"2026-01-01T00:00:00Z\",\"expires\":\"2027-01-01T00:00:00Z\","
    "\"roles\":{\"root\":" KIT_ROLE("2", KIT_HOLDER("ann", "^01") ","
    KIT_HOLDER("ben", "^02")) ",\"people\":" ROLE("ann", "^11")
    ",\"policy\":" ROLE("ann", "^12") ",\"device\":" ROLE("ann", "^13")
    ",\"timestamp\":" ROLE("console", "^14") "},"
    "\"min_version\":{\"people\":1,\"policy\":1,\"device\":1,"
    "\"timestamp\":1},\"witnesses\":[]}";

static const char people_text[] =
    "{\"v\":1,\"org\":\"acme\",\"version\":1,"
    "\"issued\":\"2026-01-02T00:00:00Z\",\"expires\":\"2026-02-01T00:00:00Z\","
    "\"persons\":["
    "{\"id\":\"ai-1\",\"name\":\"Assistant\",\"roles\":[\"proposer\"],"
    "\"keys\":[{\"kind\":\"ed25519\",\"key\":\"^21\"}]},"
    "{\"id\":\"alice\",\"name\":\"Alice Example\","
    "\"roles\":[\"technician\"],"
    "\"keys\":[{\"kind\":\"ed25519\",\"key\":\"^22\"}]},"
    "{\"id\":\"bob\",\"name\":\"Bob Example\",\"roles\":[\"manager\"],"
    "\"keys\":[{\"kind\":\"ed25519\",\"key\":\"^23\","
    "\"valid_until\":\"2027-01-01T00:00:00Z\"}]}],"
    "\"requesters\":[{\"id\":\"eve\",\"mails\":[\"eve@example.org\"],"
    "\"manager\":\"bob\"}],\"revoked\":[]}";

static const char policy_text[] =
    "{\"v\":1,\"org\":\"acme\",\"version\":1,"
    "\"issued\":\"2026-01-02T00:00:00Z\",\"expires\":\"2026-02-01T00:00:00Z\","
    "\"mode\":\"execute\",\"approval_ttl_s\":900,"
    "\"requester_may_approve\":false,\"console_may_stop\":[\"observe\"],"
    "\"repair_write\":[{\"groups\":[\"web\"],\"roots\":[\"/srv/app\"]}],"
    "\"tools\":{\"command\":{\"decision\":\"approval_needed\","
    "\"profiles\":[\"observe\",\"repair\"],\"shells\":[\"sh\"]},"
    "\"disk.free\":{\"decision\":\"auto\",\"shell\":\"sh\","
    "\"script\":\"df -hP -- \\\"$CS_ARG_PATH\\\"\","
    "\"args\":{\"path\":{\"type\":\"path\"}},\"rate_per_h\":60}},"
    "\"overrides\":[{\"match\":{\"groups\":[\"domain-controllers\"]},"
    "\"tool\":\"*\",\"require_manager\":true}]}";

static void
make_entry(struct kit_envelope *k)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"v\":1,\"org\":\"acme\","
	    "\"version\":1,\"issued\":\"2026-01-03T00:00:00Z\","
	    "\"expires\":\"2027-01-03T00:00:00Z\",\"device\":\"%s\","
	    "\"name\":\"web-1\",\"groups\":[\"web\"]}", device());
	(void)make_file("device", PAYLOAD_DEVICE, text, DEVICE, 0, k);
}

static void
make_card(struct kit_envelope *k)
{
	static const unsigned seeds[] = { AI, 0 };
	struct buf *b = part("card", "payload");
	struct card_fields f;

	memset(&f, 0, sizeof(f));
	f.id = bytes_str("019ba7cc-4c00-7000-8000-000000000001");
	f.org = bytes_str("acme");
	f.device = bytes_str(device());
	f.tool = bytes_str("command");
	f.description = bytes_str("Shows how full the disks are.");
	f.created = kit_time(NOW);
	f.expires = f.created + 3600;
	f.requester = bytes_str("eve@example.org");
	f.ticket.system = bytes_str("halopsa");
	f.ticket.id = bytes_str("4711");
	f.ticket.url = bytes_str("https://example.org/tickets/4711");
	action_defaults(&f.action);
	f.action.shell = ACTION_SH;
	f.action.text = bytes_str("df -h\n");
	card_write(b, &f);
	kit_sign(k, PAYLOAD_CARD, buf_bytes(b), seeds);
	put_signed("card", k);
	put_envelope("card", k);
}

static const uint8_t nonce[CAP_DEVICE_NONCE] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4,
    0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };

static void
digest_of(const struct kit_envelope *k, struct sha256 *ret_d)
{
	digest_pae(k->e.type, k->e.payload, ret_d);
}

static void
make_approval(const struct kit_envelope *card,
    const struct kit_envelope *policy, struct kit_envelope *k)
{
	struct buf *b = part("approval", "payload");
	uint8_t preimage[SSHSIG_PREIMAGE_SIZE];
	struct approval_fields f;

	memset(&f, 0, sizeof(f));
	f.decision = APPROVAL_APPROVE;
	digest_of(card, &f.card);
	digest_of(policy, &f.policy);
	f.device = bytes_str(device());
	memcpy(f.device_nonce, nonce, sizeof(nonce));
	f.approver = bytes_str("alice");
	f.role = APPROVAL_TECHNICIAN;
	f.reason = bytes_str("Disk alarm, ticket 4711.");
	f.issued = kit_time(NOW) + 60;
	f.expires = f.issued + 900;
	approval_write(b, &f);
	kit_prove(k, PAYLOAD_APPROVAL, buf_bytes(b), ALICE);
	approval_preimage(PAYLOAD_APPROVAL, buf_bytes(b), preimage);
	put_hex(part("approval", "preimage"),
	    bytes_of(preimage, sizeof(preimage)));
	put_signed("approval", k);
	put_envelope("approval", k);
}

static void
make_record(const struct kit_envelope *card,
    const struct kit_envelope *policy)
{
	struct buf *b = part("record", "payload");
	char keyid[KEYID_SIZE];
	struct sha256 d;
	struct record r;
	struct buf frame;

	record_init(&r, RECORD_CARD_RECEIVED);
	record_set_time(&r, kit_time(NOW) + 2, 81234);
	digest_of(card, &d);
	record_set_digest(&r, RF_CARD, &d);
	digest_of(policy, &d);
	record_set_digest(&r, RF_POLICY, &d);
	record_set_str(&r, RF_ID, "019ba7cc-4c00-7000-8000-000000000001");
	record_set_str(&r, RF_PROPOSER, "ai-1");
	kit_keyid(AI, keyid);
	record_set_str(&r, RF_KEY, keyid);
	record_set_str(&r, RF_REQUESTER, "eve@example.org");
	record_set_str(&r, RF_TOOL, "command");
	record_set_str(&r, RF_PROFILE, "observe");
	record_set_str(&r, RF_DECISION, "approval_needed");
	record_set_bool(&r, RF_REQUIRE_MANAGER, false);
	record_set_str(&r, RF_RULE, "tools.command: approval_needed");
	record_set_bytes(&r, RF_DEVICE_NONCE,
	    bytes_of(nonce, sizeof(nonce)));
	record_set_str(&r, RF_BOOT_ID,
	    "3f0c1c1e-6a0e-4d52-9a6b-0c8f5a1e7b10");
	record_set_int(&r, RF_CREATED, kit_time(NOW));
	record_set_int(&r, RF_EXPIRES, kit_time(NOW) + 3600);
	record_add_sig(&r, card->e.sigs[0].keyid, card->e.sigs[0].sig);
	record_write(b, &r);
	CHECK_INT(buf_error(b), 0);
	buf_init(&frame, ENTRY_MAX);
	entry_write(&frame, 7, buf_bytes(b));
	CHECK_INT(buf_error(&frame), 0);
	put_hex(part("record", "header"), bytes_of(frame.p, ENTRY_HEADER));
	buf_free(&frame);
}

static struct kit_envelope root, people, policy, entry, card, approval;

static void
make_all(void)
{
	struct pin pin = { .org = "acme", .min_version = { 1, 1, 1, 1, 1 } };

	make_keys();
	buf_put_str(block("device.id"), device());
	(void)make_file("root", PAYLOAD_ROOT, root_text, ANN, BEN, &root);
	put_envelope("root", &root);
	digest_of(&root, &pin.root);
	pin_write(block("pin"), &pin);
	(void)make_file("people", PAYLOAD_PEOPLE, people_text, PEOPLE, 0,
	    &people);
	(void)make_file("policy", PAYLOAD_POLICY, policy_text, POLICY, 0,
	    &policy);
	make_entry(&entry);
	make_card(&card);
	make_approval(&card, &policy, &approval);
	make_record(&card, &policy);
}

static void
free_all(void)
{
	while (n_blocks > 0)
		buf_free(&blocks[--n_blocks].text);
}

/* ---- the document ---- */

static void
read_document(struct buf *b)
{
	uint8_t part_of[4096];
	size_t n;
	FILE *f;

	buf_init(b, KIT_MAX);
	CHECK_MSG((f = fopen(DOCUMENT, "r")) != NULL, "no " DOCUMENT
	    " below the working folder");
	while ((n = fread(part_of, 1, sizeof(part_of), f)) > 0)
		buf_put(b, part_of, n);
	CHECK(ferror(f) == 0);
	(void)fclose(f);
	buf_put_u8(b, 0);
	CHECK_INT(buf_error(b), 0);
}

TEST(the_document_has_these_bytes)
{
	static const char fence[] = "\n```example ";
	const char *at, *end, *name;
	struct buf doc, *want;
	size_t i, seen = 0, n;

	make_all();
	read_document(&doc);
	for (at = (const char *)doc.p; (at = strstr(at, fence)) != NULL;
	    seen++) {
		name = at + sizeof(fence) - 1;
		CHECK((at = strchr(name, '\n')) != NULL);
		n = (size_t)(at - name);
		for (i = 0; i < n_blocks; i++) {
			if (strlen(blocks[i].name) == n &&
			    memcmp(blocks[i].name, name, n) == 0)
				break;
		}
		CHECK_MSG(i < n_blocks, "a block %.*s of no use", (int)n,
		    name);
		at++;
		CHECK((end = strstr(at, "\n```\n")) != NULL);
		want = &blocks[i].text;
		CHECK_MSG((size_t)(end - at) == want->n &&
		    memcmp(at, want->p, want->n) == 0, "block %s: run "
		    "scripts/gen-protocol-example", blocks[i].name);
		at = end;
	}
	CHECK_INT(seen, n_blocks);
	buf_free(&doc);
	free_all();
}

/* The row of the document's table for a kind of record. */
static void
put_row(struct buf *b, enum record_kind kind)
{
	int f;

	buf_printf(b, "\n| `%s` |", record_kind_word(kind));
	for (f = RF_BOOT_MS + 1; f < RECORD_FIELDS; f++) {
		enum record_field field = (enum record_field)f;

		if (record_kind_has(kind, field))
			buf_printf(b, " `%s`%s", record_field_name(field),
			    record_kind_needs(kind, field) ? "" : "?");
	}
	buf_put_str(b, " |\n");
	buf_put_u8(b, 0);
	CHECK_INT(buf_error(b), 0);
}

TEST(every_kind_of_record_is_documented)
{
	struct buf doc, row;
	int k;

	read_document(&doc);
	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		buf_init(&row, 4096);
		put_row(&row, (enum record_kind)k);
		CHECK_MSG(strstr((const char *)doc.p,
		    (const char *)row.p) != NULL, "no such row: %s",
		    (const char *)row.p + 1);
		buf_free(&row);
	}
	buf_free(&doc);
}

TEST(every_refused_folder_is_documented)
{
	const char *const *l;
	struct buf doc;
	const char *at;
	size_t n;

	read_document(&doc);
	for (l = writeroot_refused; *l != NULL; l++) {
		n = strlen(*l);
		at = (const char *)doc.p;
		/* Whole: a space, a line's end or a mark stands round it. */
		while ((at = strstr(at, *l)) != NULL &&
		    (strchr(" `\n", at[-1]) == NULL ||
		    strchr(" `\n", at[n]) == NULL))
			at++;
		CHECK_MSG(at != NULL, "%s", *l);
	}
	buf_free(&doc);
}

/* ---- and what it shows is true ---- */

static void
install(struct trust *t, const struct kit_envelope *k)
{
	struct trust_outcome o;
	struct refusal why;

	CHECK_INT(trust_offer(t, &k->e, kit_time(NOW), &o), 0);
	CHECK_MSG(o.verdict == TRUST_ACCEPT, "%s: %s", o.why.reason,
	    o.why.detail);
	CHECK_INT(trust_install(t, &k->e, &why), 0);
}

TEST(the_example_is_approved)
{
	struct people_signer proposer, approver;
	struct policy_query q;
	const struct approval *list[1];
	struct rules_missing missing;
	struct approval *a;
	struct verdict v;
	struct refusal why;
	struct rules r;
	struct trust *t;
	struct card *c;
	struct pin pin;
	size_t i;

	make_all();
	for (i = 0; strcmp(blocks[i].name, "pin") != 0; i++)
		CHECK(i + 1 < n_blocks);
	CHECK_INT(pin_parse(buf_bytes(&blocks[i].text), &pin), 0);
	CHECK_INT(trust_new(&pin, bytes_str(device()), &t), 0);
	install(t, &root);
	install(t, &people);
	install(t, &policy);
	install(t, &entry);
	CHECK_INT(people_verify_card(trust_people(t), &card.e, kit_time(NOW),
	    &proposer, &why), 0);
	CHECK_INT(card_parse(card.e.payload, &c, &why), 0);
	CHECK_INT(card_check_target(c, trust_org(t), bytes_str(device()),
	    &why), 0);
	memset(&q, 0, sizeof(q));
	q.card = c;
	q.proposer = proposer.person->id;
	q.groups = &trust_device(t)->groups;
	q.people_version = trust_people(t)->head.version;
	policy_decide(trust_policy(t), &q, &v);
	CHECK_STR(v.why.reason, NULL);
	CHECK_STR(v.rule, "tools.command: approval_needed");
	memset(&r, 0, sizeof(r));
	r.verdict = &v;
	r.people = trust_people(t);
	r.card = c;
	r.proposer = proposer.person->id;
	digest_of(&policy, &r.policy);
	memcpy(r.device_nonce, nonce, sizeof(nonce));
	r.now = kit_time(NOW) + 61;
	CHECK_INT(rules_check_card(&r, &why), 0);
	CHECK_INT(people_verify_approval(r.people, PAYLOAD_APPROVAL,
	    &approval.e, r.now, &approver, &why), 0);
	CHECK_INT(approval_parse(PAYLOAD_APPROVAL, approval.e.payload, &a,
	    &why), 0);
	CHECK_MSG(rules_check_approval(&r, a, &approver, &why) == 0, "%s",
	    why.reason);
	list[0] = a;
	CHECK(rules_enough(&r, list, 1, &missing));
	approval_free(a);
	card_free(c);
	trust_free(t);
	free_all();
}

TEST(the_record_reads_back)
{
	struct record_doc *d;
	size_t i;

	make_all();
	for (i = 0; strcmp(blocks[i].name, "record.payload") != 0; i++)
		CHECK(i + 1 < n_blocks);
	CHECK_INT(record_parse(buf_bytes(&blocks[i].text), &d), 0);
	CHECK_INT(record_of(d)->kind, RECORD_CARD_RECEIVED);
	CHECK(bytes_is(record_of(d)->proposer, "ai-1"));
	record_free(d);
	free_all();
}

int
main(int argc, char **argv)
{
	static char message[1024];
	size_t i;

	if (argc != 2 || strcmp(argv[1], "--print") != 0)
		return test_main(argc, argv);
	test_message = message;
	make_all();
	for (i = 0; i < n_blocks; i++)
		printf("```example %s\n%.*s\n```\n", blocks[i].name,
		    (int)blocks[i].text.n, (const char *)blocks[i].text.p);
	free_all();
	return 0;
}
