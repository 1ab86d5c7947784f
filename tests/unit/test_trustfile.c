/*
 * test_trustfile.c - root, device entry and timestamp: each rule once broken.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/trustfile.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

#define STAMP								\
	"{\"v\":1,\"org\":\"acme\",\"version\":3,"			\
	"\"issued\":\"2026-01-10T00:00:00Z\","				\
	"\"expires\":\"2026-01-13T00:00:00Z\",\"files\":{"		\
	"\"root\":{\"version\":1,\"digest\":\"sha256:" KIT_ZEROS "\"},"	\
	"\"people\":{\"version\":2,\"digest\":\"sha256:" KIT_ZEROS "\"}," \
	"\"policy\":{\"version\":3,\"digest\":\"sha256:" KIT_ZEROS "\"}}}"

static struct buf text;

/* Parses with the change, as the file that it is, and frees what came. */
static int
parse(enum trust_file file, const char *base, const char *from,
    const char *to, struct refusal *why)
{
	struct device_entry *d = NULL;
	struct timestamp *t = NULL;
	struct root *root = NULL;
	int r;

	buf_free(&text);
	buf_init(&text, KIT_MAX);
	kit_edit(&text, base, from, to);
	if (file == TRUST_ROOT)
		r = root_parse(buf_bytes(&text), &root, why);
	else if (file == TRUST_DEVICE)
		r = device_entry_parse(buf_bytes(&text), &d, why);
	else
		r = timestamp_parse(buf_bytes(&text), &t, why);
	CHECK((r == 0) == (root != NULL || d != NULL || t != NULL));
	root_free(root);
	device_entry_free(d);
	timestamp_free(t);
	buf_free(&text);
	return r;
}

TEST(files)
{
	static const char *const words[] = { "root", "people", "policy",
	    "device", "timestamp" };
	enum trust_file file;
	int i;

	for (i = 0; i < TRUST_FILES; i++) {
		CHECK_STR(trust_file_word((enum trust_file)i), words[i]);
		CHECK_INT(trust_file_of(envelope_type_text(trust_file_type(
		    (enum trust_file)i)), &file), 0);
		CHECK_INT(file, i);
	}
	CHECK_INT(trust_file_of(envelope_type_text(PAYLOAD_CARD), &file),
	    ERR_VERSION);
	CHECK_INT(trust_file_of(bytes_str(""), &file), ERR_VERSION);
	CHECK_INT(trust_file_life(TRUST_ROOT), INT64_C(400) * 86400);
	CHECK_INT(trust_file_life(TRUST_PEOPLE), INT64_C(30) * 86400);
	CHECK_INT(trust_file_life(TRUST_POLICY), INT64_C(30) * 86400);
	CHECK_INT(trust_file_life(TRUST_DEVICE), INT64_C(400) * 86400);
	CHECK_INT(trust_file_life(TRUST_TIMESTAMP), INT64_C(72) * 3600);
}

TEST(reads_a_root)
{
	struct refusal why;
	struct signer s;
	struct root *r;

	buf_init(&text, KIT_MAX);
	kit_expand(&text, KIT_ROOT);
	CHECK_INT(root_parse(buf_bytes(&text), &r, &why), 0);
	buf_free(&text);
	CHECK_INT(r->head.version, 1);
	CHECK(bytes_is(r->head.org, "acme"));
	CHECK_INT(r->roles[TRUST_ROOT].threshold, 2);
	CHECK_INT(r->roles[TRUST_ROOT].n_keys, 3);
	CHECK(bytes_is(r->roles[TRUST_ROOT].keys[2].holder, "cat"));
	kit_signer(0x03, &s);
	CHECK_MEM(r->roles[TRUST_ROOT].keys[2].key, 32, s.public, 32);
	CHECK_INT(r->roles[TRUST_TIMESTAMP].n_keys, 1);
	CHECK_INT(r->min_version[TRUST_ROOT], 1);
	CHECK_INT(r->min_version[TRUST_DEVICE], 1);
	CHECK_INT(r->n_witnesses, 1);
	CHECK(bytes_is(r->witnesses[0].name, "w.example/1"));
	kit_signer(0x71, &s);
	CHECK_MEM(r->witnesses[0].key, 32, s.public, 32);
	root_free(r);
}

TEST(reads_the_others)
{
	struct device_entry *d;
	struct timestamp *t;
	struct refusal why;

	CHECK_INT(device_entry_parse(bytes_str(KIT_ENTRY), &d, &why), 0);
	CHECK(bytes_is(d->device, KIT_DEVICE) && bytes_is(d->name, "web-1"));
	CHECK_INT(d->groups.n, 2);
	CHECK(names_has(&d->groups, bytes_str("linux")));
	device_entry_free(d);
	CHECK_INT(timestamp_parse(bytes_str(STAMP), &t, &why), 0);
	CHECK_INT(t->head.version, 3);
	CHECK_INT(t->version[TRUST_ROOT], 1);
	CHECK_INT(t->version[TRUST_PEOPLE], 2);
	CHECK_INT(t->version[TRUST_POLICY], 3);
	CHECK_INT(t->version[TRUST_DEVICE], 0);
	timestamp_free(t);
}

#define POLICY_ROLE KIT_ROLE("1", KIT_HOLDER("ann", "^21"))

static const struct {
	enum trust_file file;
	const char *from;
	const char *to;
	int err;
	const char *detail;
} refused[] = {
	{ TRUST_ROOT, "{\"v\":1,", "{\"v\":0,", ERR_RANGE, "v" },
	{ TRUST_ROOT, "\"version\":1,", "\"version\":0,", ERR_RANGE,
	    "version" },
	{ TRUST_ROOT, "{\"v\":1,", "{\"v\":1,\"x\":[],",
	    ERR_UNKNOWN_FIELD, "x" },
	{ TRUST_ROOT, "2027-01-01T00:00:00Z", "2027-02-05T00:00:01Z",
	    ERR_RANGE, "expires" },
	{ TRUST_ROOT, "2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z",
	    ERR_RANGE, "expires" },
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE ",", "",
	    ERR_MISSING_FIELD, "roles.policy" },
	{ TRUST_ROOT, "\"roles\":{", "\"roles\":{\"cards\":"
	    POLICY_ROLE ",", ERR_UNKNOWN_FIELD, "roles.cards" },
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("0", KIT_HOLDER("ann", "^21")), ERR_RANGE,
	    "policy.threshold" },
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("1", ""), ERR_RANGE, "policy.threshold" },
	/* Two keys of one holder are one holder. */
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("2", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ann", "^22")), ERR_RANGE,
	    "policy.threshold" },
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("1", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ben", "^21")), ERR_DUPLICATE, "keys.key" },
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("1", KIT_HOLDER("ann", "^21") ","
	    KIT_HOLDER("ann", "^21")), ERR_DUPLICATE, "keys.key" },
	/* One key, two holders, two roles. */
	{ TRUST_ROOT, "\"policy\":" POLICY_ROLE, "\"policy\":"
	    KIT_ROLE("1", KIT_HOLDER("cat", "^11")), ERR_DUPLICATE,
	    "roles.policy" },
	{ TRUST_ROOT, "^21", "AAAA", ERR_RANGE, "keys.key" },
	{ TRUST_ROOT, "^21", "!", ERR_SYNTAX, "keys.key" },
	{ TRUST_ROOT, "\"stamp\"", "\"\"", ERR_RANGE,
	    "keys.holder" },
	{ TRUST_ROOT, "{\"holder\":\"stamp\",", "{\"x\":1,"
	    "\"holder\":\"stamp\",", ERR_UNKNOWN_FIELD, "keys.x" },
	{ TRUST_ROOT, "\"threshold\":1,\"keys\":[{\"holder\":"
	    "\"stamp\"", "\"threshold\":1,\"x\":1,\"keys\":["
	    "{\"holder\":\"stamp\"", ERR_UNKNOWN_FIELD,
	    "timestamp.x" },
	{ TRUST_ROOT, "\"min_version\":{\"people\":1,",
	    "\"min_version\":{", ERR_MISSING_FIELD,
	    "min_version.people" },
	{ TRUST_ROOT, "\"min_version\":{\"people\":1,",
	    "\"min_version\":{\"people\":0,", ERR_RANGE,
	    "min_version.people" },
	{ TRUST_ROOT, "\"min_version\":{", "\"min_version\":{"
	    "\"root\":1,", ERR_UNKNOWN_FIELD, "min_version.root" },
	{ TRUST_ROOT, "w.example/1", "w example", ERR_CHARACTER,
	    "witnesses.name" },
	{ TRUST_ROOT, "w.example/1", "w+1", ERR_CHARACTER,
	    "witnesses.name" },
	{ TRUST_ROOT, "w.example/1", "", ERR_RANGE,
	    "witnesses.name" },
	{ TRUST_ROOT, "^71\"", "^71\",\"x\":1", ERR_UNKNOWN_FIELD,
	    "witnesses.x" },
	{ TRUST_DEVICE, "\"acme\"", "\"a_b\"", ERR_CHARACTER, "org" },
	{ TRUST_DEVICE, KIT_DEVICE, "d-1", ERR_SYNTAX, "device" },
	{ TRUST_DEVICE, "\"web-1\"", "\"\"", ERR_RANGE, "name" },
	{ TRUST_DEVICE, "\"web-1\"", "\"a\\u2028\"", ERR_CHARACTER,
	    "" },
	{ TRUST_DEVICE, "[\"web\",\"linux\"]", "[\"web\",\"web\"]",
	    ERR_DUPLICATE, "groups" },
	{ TRUST_DEVICE, "[\"web\",\"linux\"]", "[\"*\"]",
	    ERR_CHARACTER, "groups" },
	{ TRUST_DEVICE, ",\"groups\":[\"web\",\"linux\"]", "",
	    ERR_MISSING_FIELD, "groups" },
	{ TRUST_DEVICE, "{\"v\":1,", "{\"v\":1,\"key\":\"\",",
	    ERR_UNKNOWN_FIELD, "key" },
	{ TRUST_DEVICE, "2027-01-04T00:00:00Z",
	    "2027-02-08T00:00:01Z", ERR_RANGE, "expires" },
	{ TRUST_TIMESTAMP, "2026-01-13T00:00:00Z",
	    "2026-01-13T00:00:01Z", ERR_RANGE, "expires" },
	{ TRUST_TIMESTAMP, "\"root\":{\"version\":1,",
	    "\"root\":{\"version\":0,", ERR_RANGE, "root.version" },
	{ TRUST_TIMESTAMP, "\"root\":{\"version\":1,",
	    "\"root\":{\"version\":1,\"x\":1,", ERR_UNKNOWN_FIELD,
	    "root.x" },
	{ TRUST_TIMESTAMP, "\"files\":{", "\"files\":{\"device\":{},",
	    ERR_UNKNOWN_FIELD, "files.device" },
	{ TRUST_TIMESTAMP, "\"files\":", "\"file\":",
	    ERR_MISSING_FIELD, "files" },
	{ TRUST_TIMESTAMP, "\"policy\":{\"version\":3,",
	    "\"policy\":{", ERR_MISSING_FIELD, "policy.version" }
};

TEST(refuses)
{
	static const char *const bases[TRUST_FILES] = {
		[TRUST_ROOT] = KIT_ROOT,
		[TRUST_DEVICE] = KIT_ENTRY,
		[TRUST_TIMESTAMP] = STAMP
	};
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < KIT_COUNT(refused); i++) {
		r = parse(refused[i].file, bases[refused[i].file],
		    refused[i].from, refused[i].to, &why);
		CHECK_MSG(r == refused[i].err, "row %zu: %d %s", i, r,
		    why.detail);
		CHECK_MSG(strcmp(why.reason, err_word(r)) == 0, "row %zu", i);
		CHECK_MSG(strncmp(why.detail, refused[i].detail,
		    strlen(refused[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
	}
}

TEST(takes)
{
	struct refusal why;

	/* One holder's key in two roles; no witnesses. */
	CHECK_INT(parse(TRUST_ROOT, KIT_ROOT, "\"policy\":" POLICY_ROLE,
	    "\"policy\":" KIT_ROLE("1", KIT_HOLDER("ann", "^31")), &why), 0);
	CHECK_INT(parse(TRUST_ROOT, KIT_ROOT, ",\"witnesses\":[{\"name\":"
	    "\"w.example/1\",\"key\":\"^71\"}]", "", &why), 0);
	CHECK_INT(parse(TRUST_ROOT, KIT_ROOT, "[{\"name\":\"w.example/1\","
	    "\"key\":\"^71\"}]", "[]", &why), 0);
	CHECK_INT(parse(TRUST_DEVICE, KIT_ENTRY, "\"web\",\"linux\"", "",
	    &why), 0);
}

TEST(too_large)
{
	static uint8_t big[CAP_TRUST + 1];
	struct device_entry *d = NULL;
	struct refusal why;

	memset(big, ' ', sizeof(big));
	memcpy(big, KIT_ENTRY, sizeof(KIT_ENTRY) - 1);
	CHECK_INT(device_entry_parse(bytes_of(big, CAP_TRUST), &d, &why), 0);
	device_entry_free(d);
	CHECK_INT(device_entry_parse(bytes_of(big, CAP_TRUST + 1), &d, &why),
	    ERR_TOO_LARGE);
	CHECK_STR(why.reason, "too_large");
}

static void
check_memory(enum trust_file file, const char *base)
{
	struct device_entry *d;
	struct timestamp *t;
	struct refusal why;
	struct root *root;
	struct buf b;
	int r;

	buf_init(&b, KIT_MAX);
	kit_expand(&b, base);
	OOM_LOOP {
		root = NULL;
		d = NULL;
		t = NULL;
		if (file == TRUST_ROOT)
			r = root_parse(buf_bytes(&b), &root, &why);
		else if (file == TRUST_DEVICE)
			r = device_entry_parse(buf_bytes(&b), &d, &why);
		else
			r = timestamp_parse(buf_bytes(&b), &t, &why);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		root_free(root);
		device_entry_free(d);
		timestamp_free(t);
	}
	buf_free(&b);
}

TEST(without_memory)
{
	check_memory(TRUST_ROOT, KIT_ROOT);
	check_memory(TRUST_DEVICE, KIT_ENTRY);
	check_memory(TRUST_TIMESTAMP, STAMP);
}

TEST_MAIN()
