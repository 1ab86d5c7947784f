/*
 * test_trust.c - the set of trust files: chains, thresholds, rollback, clocks.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/trust.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

/* Who signs what in KIT_ROOT; the last is 0. */
static const unsigned roots[] = { 0x01, 0x02, 0 };
static const unsigned peoples[] = { 0x11, 0x12, 0 };
static const unsigned policies[] = { 0x21, 0 };
static const unsigned devices[] = { 0x31, 0 };
static const unsigned stamps[] = { 0x41, 0 };

static const enum payload_type types[TRUST_FILES] = { PAYLOAD_ROOT,
    PAYLOAD_PEOPLE, PAYLOAD_POLICY, PAYLOAD_DEVICE, PAYLOAD_TIMESTAMP };

/* A text with up to two changes, and its signatures. */
struct file {
	struct buf text;
	struct kit_envelope k;
};

static void
make(struct file *f, enum trust_file file, const char *base,
    const unsigned *seeds)
{
	buf_init(&f->text, KIT_MAX);
	kit_expand(&f->text, base);
	kit_sign(&f->k, types[file], buf_bytes(&f->text), seeds);
}

static void
drop(struct file *f)
{
	buf_free(&f->text);
}

/* The text with changes (from, to, from, to, ..., NULL); static memory. */
static const char *
edit(const char *base, ...)
{
	static char out[65536];
	const char *from, *to, *at;
	struct buf b, next;
	va_list ap;

	buf_init(&b, sizeof(out));
	buf_put(&b, base, strlen(base) + 1);
	va_start(ap, base);
	while ((from = va_arg(ap, const char *)) != NULL) {
		to = va_arg(ap, const char *);
		at = strstr((const char *)b.p, from);
		CHECK_MSG(at != NULL, "no %s", from);
		buf_init(&next, sizeof(out));
		buf_put(&next, b.p, (size_t)(at - (const char *)b.p));
		buf_put_str(&next, to);
		at += strlen(from);
		buf_put(&next, at, strlen(at) + 1);
		CHECK_INT(buf_error(&next), 0);
		buf_free(&b);
		b = next;
	}
	va_end(ap);
	memcpy(out, b.p, b.n);
	buf_free(&b);
	return out;
}

#define VERSION(n) "\"org\":\"acme\",\"version\":1,", \
	"\"org\":\"acme\",\"version\":" n ","

static struct pin
pin_of(const char *root)
{
	struct pin pin = { .org = "acme", .min_version = { 1, 1, 1, 1, 1 } };
	struct file f;

	make(&f, TRUST_ROOT, root, roots);
	digest_pae(f.k.e.type, f.k.e.payload, &pin.root);
	drop(&f);
	return pin;
}

static struct trust *
new_trust(const struct pin *pin)
{
	struct trust *t;

	CHECK_INT(trust_new(pin, bytes_str(KIT_DEVICE), &t), 0);
	return t;
}

/* Offers at this time, and says whether reason and verdict are those. */
static void
expect_at(struct trust *t, enum trust_file file, const char *base,
    const unsigned *seeds, const char *now, enum trust_verdict verdict,
    const char *reason)
{
	struct trust_outcome o;
	struct refusal why;
	struct file f;
	int r;

	make(&f, file, base, seeds);
	CHECK_INT(trust_offer(t, &f.k.e, kit_time(now), &o), 0);
	CHECK_MSG(o.verdict == verdict, "verdict %d: %s: %s", (int)o.verdict,
	    o.why.reason != NULL ? o.why.reason : "", o.why.detail);
	if (reason != NULL)
		CHECK_STR(o.why.reason, reason);
	CHECK_INT(o.file, file);
	CHECK(o.known_file);
	if (verdict == TRUST_ACCEPT) {
		CHECK(o.verified && o.version > 0);
		r = trust_install(t, &f.k.e, &why);
		CHECK_MSG(r == 0, "%s: %s", why.reason, why.detail);
		CHECK_INT(trust_install(t, &f.k.e, &why), ERR_EXISTS);
		CHECK_STR(why.reason, "exists");
		CHECK_INT(trust_offer(t, &f.k.e, kit_time(now), &o), 0);
		CHECK_INT(o.verdict, TRUST_HAVE);
	}
	drop(&f);
}

static void
expect(struct trust *t, enum trust_file file, const char *base,
    const unsigned *seeds, enum trust_verdict verdict, const char *reason)
{
	expect_at(t, file, base, seeds, KIT_NOW, verdict, reason);
}

static void
refuse(struct trust *t, enum trust_file file, const char *base,
    const unsigned *seeds, const char *reason)
{
	expect(t, file, base, seeds, TRUST_REFUSE, reason);
}

static void
take(struct trust *t, enum trust_file file, const char *base,
    const unsigned *seeds)
{
	expect(t, file, base, seeds, TRUST_ACCEPT, NULL);
}

/* A set with everything but a timestamp. */
static struct trust *
full(void)
{
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);

	take(t, TRUST_ROOT, KIT_ROOT, roots);
	take(t, TRUST_PEOPLE, KIT_PEOPLE, peoples);
	take(t, TRUST_POLICY, KIT_POLICY, policies);
	take(t, TRUST_DEVICE, KIT_ENTRY, devices);
	return t;
}

static void
check_status(const struct trust *t, const char *now, const char *blocked,
    const char *auto_stopped)
{
	struct trust_status s;

	trust_status(t, kit_time(now), &s);
	CHECK_STR(s.blocked, blocked);
	CHECK_STR(s.auto_stopped, auto_stopped);
}

TEST(from_nothing_to_all)
{
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);
	struct trust_held h;
	int64_t floor;

	CHECK(bytes_is(trust_org(t), "acme"));
	CHECK(trust_root(t) == NULL && trust_people(t) == NULL);
	CHECK(trust_policy(t) == NULL && trust_device(t) == NULL);
	CHECK(trust_timestamp(t) == NULL);
	CHECK(!trust_held(t, TRUST_ROOT, &h));
	CHECK_INT(trust_clock_floor(t), 0);
	check_status(t, KIT_NOW, "no_root", "no_timestamp");
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, peoples, "no_root");
	take(t, TRUST_ROOT, KIT_ROOT, roots);
	check_status(t, KIT_NOW, "no_people", "no_timestamp");
	take(t, TRUST_PEOPLE, KIT_PEOPLE, peoples);
	floor = kit_time("2026-01-02T00:00:00Z");
	CHECK_INT(trust_clock_floor(t), floor);
	check_status(t, KIT_NOW, "no_policy", "no_timestamp");
	take(t, TRUST_POLICY, KIT_POLICY, policies);
	CHECK_INT(trust_clock_floor(t), floor + 86400);
	check_status(t, KIT_NOW, "device_not_listed", "no_timestamp");
	take(t, TRUST_DEVICE, KIT_ENTRY, devices);
	check_status(t, KIT_NOW, NULL, "no_timestamp");
	CHECK_INT(trust_root(t)->head.version, 1);
	CHECK_INT(trust_people(t)->head.version, 1);
	CHECK_INT(trust_policy(t)->head.version, 1);
	CHECK_INT(trust_device(t)->head.version, 1);
	CHECK(trust_held(t, TRUST_ROOT, &h));
	CHECK(sha256_equal(&h.digest, &pin.root));
	CHECK_INT(h.envelope.n_sigs, 2);
	CHECK_INT(h.head.version, 1);
	trust_free(t);
	trust_free(NULL);
}

TEST(the_pin_decides)
{
	static const unsigned one[] = { 0x01, 0 }, none[] = { 0x99, 0 };
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);
	struct trust_outcome o;
	struct file f;

	refuse(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), NULL), roots,
	    "not_pinned");
	refuse(t, TRUST_ROOT, KIT_ROOT, none, "bad_signature");
	refuse(t, TRUST_ROOT, KIT_ROOT, one, "threshold_not_met");
	CHECK(trust_root(t) == NULL);
	/* A type that is no trust file: nothing is known of it. */
	make(&f, TRUST_ROOT, KIT_ROOT, roots);
	f.k.e.type = envelope_type_text(PAYLOAD_CARD);
	CHECK_INT(trust_offer(t, &f.k.e, 0, &o), 0);
	CHECK_INT(o.verdict, TRUST_REFUSE);
	CHECK(!o.known_file && !o.verified);
	CHECK_STR(o.why.reason, "unknown_version");
	CHECK_INT(trust_install(t, &f.k.e, &o.why), ERR_VERSION);
	drop(&f);
	trust_free(t);
	/* The pin's org is not the root's. */
	memcpy(pin.org, "acmf", 5);
	t = new_trust(&pin);
	refuse(t, TRUST_ROOT, KIT_ROOT, roots, "wrong_org");
	trust_free(t);
	/* A pinned root that is none. */
	pin = pin_of("{}");
	t = new_trust(&pin);
	refuse(t, TRUST_ROOT, "{}", roots, "missing_field");
	trust_free(t);
	CHECK_INT(trust_new(&pin, bytes_str("web-1"), &t), ERR_SYNTAX);
}

TEST(a_later_version_by_the_pin)
{
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t;

	pin.min_version[TRUST_ROOT] = 2;
	pin.min_version[TRUST_PEOPLE] = 3;
	t = new_trust(&pin);
	take(t, TRUST_ROOT, KIT_ROOT, roots);
	check_status(t, KIT_NOW, "root_too_old", "no_timestamp");
	CHECK_INT(trust_least(t, TRUST_PEOPLE), 3);
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, peoples, "rolled_back");
	take(t, TRUST_PEOPLE, edit(KIT_PEOPLE, VERSION("3"), NULL), peoples);
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), NULL), roots);
	check_status(t, KIT_NOW, "no_policy", "no_timestamp");
	trust_free(t);
}

TEST(holders_count_not_keys)
{
	static const unsigned ann_twice[] = { 0x11, 0x13, 0 };
	static const unsigned ben_twice[] = { 0x12, 0x12, 0 };
	static const unsigned policy[] = { 0x21, 0 };
	static const unsigned many[] = { 0x99, 0x13, 0x21, 0x12, 0 };
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);

	take(t, TRUST_ROOT, KIT_ROOT, roots);
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, ann_twice, "threshold_not_met");
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, ben_twice, "threshold_not_met");
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, policy, "bad_signature");
	refuse(t, TRUST_PEOPLE, KIT_PEOPLE, roots, "bad_signature");
	take(t, TRUST_PEOPLE, KIT_PEOPLE, many);
	trust_free(t);
}

TEST(versions)
{
	struct trust *t = full();
	const char *two = "\"org\":\"acme\",\"version\":2,";

	/* The same version with other bytes. */
	expect(t, TRUST_PEOPLE, edit(KIT_PEOPLE, "The ai", "An ai", NULL),
	    peoples, TRUST_CONFLICT, "conflict");
	expect(t, TRUST_POLICY, edit(KIT_POLICY, "execute", "plan", NULL),
	    policies, TRUST_CONFLICT, "conflict");
	expect(t, TRUST_DEVICE, edit(KIT_ENTRY, "web-1", "web-2", NULL),
	    devices, TRUST_CONFLICT, "conflict");
	/* Which nobody signed: no more than a refusal. */
	refuse(t, TRUST_DEVICE, edit(KIT_ENTRY, "web-1", "web-2", NULL),
	    policies, "bad_signature");
	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("5"), NULL),
	    policies);
	CHECK_INT(trust_least(t, TRUST_POLICY), 5);
	refuse(t, TRUST_POLICY, KIT_POLICY, policies, "rolled_back");
	refuse(t, TRUST_POLICY, edit(KIT_POLICY,
	    "\"org\":\"acme\",\"version\":1,", two, NULL), policies,
	    "rolled_back");
	trust_raise(t, TRUST_POLICY, 4);
	CHECK_INT(trust_least(t, TRUST_POLICY), 5);
	trust_raise(t, TRUST_POLICY, 8);
	refuse(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("7"), NULL),
	    policies, "rolled_back");
	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("8"), NULL),
	    policies);
	trust_free(t);
}

TEST(targets_and_times)
{
	struct trust *t = full();
	struct trust *console;
	struct pin pin = pin_of(KIT_ROOT);

	refuse(t, TRUST_POLICY, edit(KIT_POLICY, "\"acme\",\"version\":1",
	    "\"acmf\",\"version\":2", NULL), policies, "wrong_org");
	refuse(t, TRUST_DEVICE, edit(KIT_ENTRY, VERSION("2"), KIT_DEVICE,
	    KIT_DEVICE_2, NULL), devices, "wrong_device");
	/* A minute and a bit too early, then right. */
	expect_at(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"), NULL),
	    policies, "2026-01-02T23:54:59Z", TRUST_REFUSE,
	    "from_the_future");
	expect_at(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"), NULL),
	    policies, "2026-02-01T00:00:00Z", TRUST_REFUSE, "expired");
	expect_at(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"), NULL),
	    policies, "2026-01-02T23:55:00Z", TRUST_ACCEPT, NULL);
	refuse(t, TRUST_POLICY, "{}", policies, "missing_field");
	refuse(t, TRUST_PEOPLE, "{}", peoples, "missing_field");
	refuse(t, TRUST_DEVICE, "{}", devices, "missing_field");
	refuse(t, TRUST_TIMESTAMP, "{}", stamps, "missing_field");
	trust_free(t);
	/* A set for no device takes no entry. */
	CHECK_INT(trust_new(&pin, bytes_str(""), &console), 0);
	take(console, TRUST_ROOT, KIT_ROOT, roots);
	refuse(console, TRUST_DEVICE, KIT_ENTRY, devices, "wrong_device");
	trust_free(console);
}

TEST(expiry)
{
	struct trust *t = full();

	check_status(t, "2026-01-31T23:59:59Z", NULL, "no_timestamp");
	check_status(t, "2026-02-01T00:00:00Z", "people_expired",
	    "no_timestamp");
	expect_at(t, TRUST_PEOPLE, edit(KIT_PEOPLE, VERSION("2"),
	    "2026-01-02", "2026-01-31", "2026-02-01", "2026-03-02", NULL),
	    peoples, "2026-01-31T00:00:00Z", TRUST_ACCEPT, NULL);
	check_status(t, "2026-02-01T00:00:00Z", "policy_expired",
	    "no_timestamp");
	check_status(t, "2027-01-01T00:00:00Z", "root_expired",
	    "no_timestamp");
	take(t, TRUST_DEVICE, edit(KIT_ENTRY, VERSION("2"), "2027-01-04",
	    "2026-01-20", NULL), devices);
	check_status(t, "2026-01-20T00:00:00Z", "device_expired",
	    "no_timestamp");
	trust_free(t);
}

TEST(people_that_the_policy_demands)
{
	struct trust *t = full();

	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"),
	    "\"mode\":", "\"min_people\":2,\"mode\":", NULL), policies);
	check_status(t, KIT_NOW, "people_too_old", "no_timestamp");
	take(t, TRUST_PEOPLE, edit(KIT_PEOPLE, VERSION("2"), NULL),
	    peoples);
	check_status(t, KIT_NOW, NULL, "no_timestamp");
	trust_free(t);
}

/* A timestamp over what is held, of this version and these numbers. */
static const char *
stamp(const struct trust *t, int version, int root, int people, int policy)
{
	static const enum trust_file order[] = { TRUST_ROOT, TRUST_PEOPLE,
	    TRUST_POLICY };
	static char out[2048];
	int versions[] = { root, people, policy };
	char digest[DIGEST_TEXT_SIZE];
	struct trust_held h;
	size_t i, n;

	n = (size_t)snprintf(out, sizeof(out), "{\"v\":1,\"org\":\"acme\","
	    "\"version\":%d,\"issued\":\"2026-01-10T00:00:00Z\",\"expires\":"
	    "\"2026-01-13T00:00:00Z\",\"files\":{", version);
	for (i = 0; i < 3; i++) {
		memset(&h, 0, sizeof(h));
		(void)trust_held(t, order[i], &h);
		digest_text(&h.digest, digest);
		n += (size_t)snprintf(out + n, sizeof(out) - n,
		    "%s\"%s\":{\"version\":%d,\"digest\":\"%s\"}",
		    i > 0 ? "," : "", trust_file_word(order[i]), versions[i],
		    digest);
	}
	(void)snprintf(out + n, sizeof(out) - n, "}}");
	return out;
}

TEST(timestamps)
{
	struct trust *t = full();
	char copy[2048];

	take(t, TRUST_TIMESTAMP, stamp(t, 1, 1, 1, 1), stamps);
	CHECK(trust_timestamp(t) != NULL);
	check_status(t, KIT_NOW, NULL, NULL);
	check_status(t, "2026-01-12T23:59:59Z", NULL, NULL);
	check_status(t, "2026-01-13T00:00:00Z", NULL, "timestamp_expired");
	/* Another one of the same version is only refused. */
	refuse(t, TRUST_TIMESTAMP, stamp(t, 1, 1, 2, 1), stamps, "conflict");
	take(t, TRUST_TIMESTAMP, stamp(t, 2, 1, 2, 1), stamps);
	refuse(t, TRUST_TIMESTAMP, stamp(t, 1, 1, 1, 1), stamps,
	    "rolled_back");
	check_status(t, KIT_NOW, NULL, "timestamp_newer");
	/* Here with other bytes than it names. */
	(void)snprintf(copy, sizeof(copy), "%s", stamp(t, 3, 1, 2, 1));
	take(t, TRUST_TIMESTAMP, copy, stamps);
	take(t, TRUST_PEOPLE, edit(KIT_PEOPLE, VERSION("2"), NULL),
	    peoples);
	check_status(t, KIT_NOW, NULL, "timestamp_differs");
	/* What is newer than it names is fine. */
	take(t, TRUST_PEOPLE, edit(KIT_PEOPLE, VERSION("3"), NULL),
	    peoples);
	check_status(t, KIT_NOW, NULL, NULL);
	trust_free(t);
}

TEST(a_timestamp_before_the_files)
{
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);

	take(t, TRUST_ROOT, KIT_ROOT, roots);
	take(t, TRUST_TIMESTAMP, stamp(t, 1, 1, 1, 1), stamps);
	check_status(t, KIT_NOW, "no_people", "timestamp_newer");
	trust_free(t);
}

/* Root 2: another set of root keys, of which cat's is the old one's, too. */
#define ROOT_KEYS KIT_ROLE("2", KIT_HOLDER("ann", "^01") ","		\
	    KIT_HOLDER("ben", "^02") "," KIT_HOLDER("cat", "^03"))
#define NEW_KEYS KIT_ROLE("2", KIT_HOLDER("ann", "^04") ","		\
	    KIT_HOLDER("ben", "^05") "," KIT_HOLDER("cat", "^03"))

TEST(roots_follow_each_other)
{
	static const unsigned new_only[] = { 0x04, 0x05, 0 };
	static const unsigned both[] = { 0x01, 0x02, 0x04, 0x05, 0 };
	static const unsigned cat[] = { 0x01, 0x03, 0x04, 0 };
	static const unsigned half[] = { 0x01, 0x02, 0x04, 0 };
	struct trust *t = full();
	const char *two = edit(KIT_ROOT, VERSION("2"), ROOT_KEYS, NEW_KEYS,
	    NULL);
	char copy[65536];

	(void)snprintf(copy, sizeof(copy), "%s", two);
	refuse(t, TRUST_ROOT, copy, new_only, "bad_signature");
	refuse(t, TRUST_ROOT, copy, roots, "bad_signature");
	refuse(t, TRUST_ROOT, copy, half, "threshold_not_met");
	/* No skip. */
	refuse(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("3"), ROOT_KEYS,
	    NEW_KEYS, NULL), both, "version_skipped");
	refuse(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), "\"acme\"",
	    "\"acmf\"", NULL), roots, "wrong_org");
	/* Two holders of each are enough: cat stands in both. */
	take(t, TRUST_ROOT, copy, cat);
	check_status(t, KIT_NOW, NULL, "no_timestamp");
	CHECK_INT(trust_root(t)->head.version, 2);
	CHECK(trust_people(t) != NULL);
	/* Back. */
	refuse(t, TRUST_ROOT, KIT_ROOT, both, "rolled_back");
	/* A second root 2 of the new keys, of old and new, of the old. */
	expect(t, TRUST_ROOT, edit(copy, "2027-01-01", "2027-01-02", NULL),
	    new_only, TRUST_CONFLICT, "conflict");
	expect(t, TRUST_ROOT, edit(copy, "2027-01-01", "2027-01-02", NULL),
	    both, TRUST_CONFLICT, "conflict");
	expect(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), NULL), roots,
	    TRUST_CONFLICT, "conflict");
	/* The old keys alone make no root 3. */
	refuse(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("3"), NULL), roots,
	    "bad_signature");
	trust_free(t);
}

TEST(expired_roots_are_steps)
{
	struct trust *t = full();

	expect_at(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), NULL), roots,
	    "2027-01-10T00:00:00Z", TRUST_ACCEPT, NULL);
	check_status(t, "2027-01-10T00:00:00Z", "root_expired",
	    "no_timestamp");
	expect_at(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("3"), "2027-01-01",
	    "2027-02-01", NULL), roots, "2027-01-10T00:00:00Z", TRUST_ACCEPT,
	    NULL);
	check_status(t, "2027-01-10T00:00:00Z", "people_expired",
	    "no_timestamp");
	/* But none from ahead of the clock. */
	expect_at(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("4"), "2026-01-01",
	    "2026-12-01", NULL), roots, KIT_NOW, TRUST_REFUSE,
	    "from_the_future");
	trust_free(t);
}

#define POLICY_KEYS "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^21"))

TEST(a_root_drops_what_it_does_not_stand_behind)
{
	static const unsigned new_policy[] = { 0x22, 0 };
	struct trust *t = full();

	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("9"), NULL),
	    policies);
	/* Policy's keys are others now: its counter begins again. */
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^22")),
	    "\"policy\":1", "\"policy\":4", NULL), roots);
	CHECK(trust_policy(t) == NULL && trust_people(t) != NULL);
	CHECK_INT(trust_least(t, TRUST_POLICY), 4);
	CHECK_INT(trust_least(t, TRUST_PEOPLE), 1);
	check_status(t, KIT_NOW, "no_policy", "no_timestamp");
	refuse(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("10"), NULL),
	    policies, "bad_signature");
	refuse(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("3"), NULL),
	    new_policy, "rolled_back");
	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("4"), NULL),
	    new_policy);
	/* A higher min_version drops what is below it. */
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("3"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^22")),
	    "\"policy\":1", "\"policy\":5", NULL), roots);
	CHECK(trust_policy(t) == NULL);
	CHECK_INT(trust_least(t, TRUST_POLICY), 5);
	trust_free(t);
}

TEST(a_key_more_restarts_the_counter)
{
	static const unsigned either[] = { 0x22, 0 };
	struct trust *t = full();

	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("9"), NULL),
	    policies);
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ben", "^22")), NULL), roots);
	/* Version 9 still verifies and stays, until another one comes. */
	CHECK_INT(trust_policy(t)->head.version, 9);
	CHECK_INT(trust_least(t, TRUST_POLICY), 1);
	expect(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("9"), "execute",
	    "plan", NULL), either, TRUST_CONFLICT, "conflict");
	take(t, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"), NULL), either);
	CHECK_INT(trust_least(t, TRUST_POLICY), 2);
	/* The threshold alone is no change of keys, but what fails goes. */
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("3"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("2", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ben", "^22")), NULL), roots);
	CHECK(trust_policy(t) == NULL);
	CHECK_INT(trust_least(t, TRUST_POLICY), 2);
	/* One of two keys swapped, the other kept: changed. */
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("4"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ben", "^23")), NULL), roots);
	CHECK_INT(trust_least(t, TRUST_POLICY), 1);
	/* And one taken away. */
	trust_raise(t, TRUST_POLICY, 7);
	take(t, TRUST_ROOT, edit(KIT_ROOT, VERSION("5"), POLICY_KEYS,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^21")), NULL),
	    roots);
	CHECK_INT(trust_least(t, TRUST_POLICY), 1);
	trust_free(t);
}

TEST(limits)
{
	static uint8_t big[CAP_TRUST + 1];
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);
	struct trust_outcome o;
	struct file f;

	make(&f, TRUST_ROOT, KIT_ROOT, roots);
	f.k.e.payload = bytes_of(big, sizeof(big));
	CHECK_INT(trust_offer(t, &f.k.e, 0, &o), 0);
	CHECK_STR(o.why.reason, "too_large");
	f.k.e.payload = buf_bytes(&f.text);
	f.k.e.n_sigs = ENVELOPE_MAX_SIGS + 1;
	CHECK_INT(trust_offer(t, &f.k.e, 0, &o), 0);
	CHECK_STR(o.why.reason, "too_large");
	drop(&f);
	trust_free(t);
}

/* No flipped bit in a signed policy is taken. */
TEST(every_bit_is_signed)
{
	struct trust *t = full();
	struct trust_outcome o;
	struct file f;
	size_t i, n;

	make(&f, TRUST_POLICY, edit(KIT_POLICY, VERSION("2"), NULL),
	    policies);
	n = f.text.n;
	for (i = 0; i < (n + 64) * 8; i++) {
		uint8_t *p = i / 8 < n ? f.text.p + i / 8 :
		    f.k.sigs[0] + (i / 8 - n);

		*p ^= (uint8_t)(1u << i % 8);
		CHECK_INT(trust_offer(t, &f.k.e, kit_time(KIT_NOW), &o), 0);
		CHECK_INT(o.verdict, TRUST_REFUSE);
		CHECK_STR(o.why.reason, "bad_signature");
		*p ^= (uint8_t)(1u << i % 8);
	}
	drop(&f);
	trust_free(t);
}

/* Each file offered and installed with every allocation failing once. */
TEST(without_memory)
{
	static const unsigned both[] = { 0x01, 0x02, 0x04, 0x05, 0 };
	static const unsigned nobody[] = { 0x99, 0 };
	static const char *const texts[] = { KIT_ROOT, KIT_PEOPLE, KIT_POLICY,
	    KIT_ENTRY };
	static const unsigned *const seeds[] = { roots, peoples, policies,
	    devices };
	struct pin pin = pin_of(KIT_ROOT);
	struct trust *t = new_trust(&pin);
	struct trust_outcome o;
	struct refusal why;
	struct file f[6];
	bool done;
	size_t i;
	int r;

	for (i = 0; i < 4; i++)
		make(&f[i], (enum trust_file)i, texts[i], seeds[i]);
	make(&f[4], TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), ROOT_KEYS,
	    NEW_KEYS, NULL), both);
	/* Refused by the root held, and then tried under the one before. */
	make(&f[5], TRUST_ROOT, edit(KIT_ROOT, VERSION("2"), ROOT_KEYS,
	    KIT_ROLE("2", KIT_HOLDER("a", "^06") "," KIT_HOLDER("b", "^07")),
	    NULL), nobody);
	for (i = 0; i < 6; i++) {
		OOM_LOOP {
			r = trust_offer(t, &f[i].k.e, kit_time(KIT_NOW), &o);
			CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		}
		CHECK_INT(o.verdict, i < 5 ? TRUST_ACCEPT : TRUST_REFUSE);
		done = false;
		OOM_LOOP {
			if (done)
				continue;
			r = trust_install(t, &f[i].k.e, &why);
			done = r == 0;
			if (OOM_FIRED())
				CHECK_INT(r, ERR_NOMEM);
			else
				CHECK((r == 0) == (i < 5));
		}
	}
	OOM_LOOP {
		struct trust *other = NULL;

		r = trust_new(&pin, bytes_str(""), &other);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		trust_free(other);
	}
	CHECK_INT(trust_root(t)->head.version, 2);
	CHECK(trust_device(t) != NULL);
	for (i = 0; i < 6; i++)
		drop(&f[i]);
	trust_free(t);
}

TEST_MAIN()
