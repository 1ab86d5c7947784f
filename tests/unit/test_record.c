/*
 * test_record.c - records: both tables, the text, and what is refused.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/json.h"
#include "common/record.h"
#include "tests/harness/records.h"
#include "tests/harness/test.h"

#define TIME "\"time\":\"2026-11-01T00:00:00Z\",\"boot_ms\":12345"
#define DIGEST "\"sha256:" \
    "4343434343434343434343434343434343434343434343434343434343434343\""

static int
write_record(const struct record *rec, struct buf *b)
{
	buf_init(b, 2 * CAP_RECORD);
	record_write(b, rec);
	return buf_error(b);
}

static int
parse_error(struct bytes text)
{
	struct record_doc *d = NULL;
	int err = record_parse(text, &d);

	if (err == 0)
		record_free(d);
	else
		CHECK(d == NULL);
	return err;
}

TEST(tables)
{
	enum record_field f, g;
	enum record_kind k;
	const uint8_t *p;
	unsigned last;

	for (f = RF_KIND; f < RECORD_FIELDS; f++) {
		CHECK(record_field_name(f) != NULL);
		/* One name stands twice: a trust file's and a program's. */
		for (g = RF_KIND; g < f; g++)
			if (f != RF_RELEASE || g != RF_VERSION)
				CHECK_MSG(strcmp(record_field_name(f),
				    record_field_name(g)) != 0, "%s",
				    record_field_name(f));
	}
	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		CHECK(record_kind_of(bytes_str(record_kind_word(k))) == k);
		CHECK(!record_kind_has(k, RF_RELEASE) ||
		    !record_kind_has(k, RF_VERSION));
		last = RF_BOOT_MS;
		for (p = record_kinds[k].fields; *p != 0; p++) {
			CHECK_MSG((*p & ~RECORD_OPTIONAL) > last, "%s: %s",
			    record_kind_word(k),
			    record_field_name(*p & ~RECORD_OPTIONAL));
			last = *p & ~RECORD_OPTIONAL;
		}
		CHECK(p - record_kinds[k].fields < RECORD_KIND_FIELDS);
	}
	CHECK_STR(record_kind_word(RECORD_NONE), "unknown");
	CHECK_STR(record_kind_word(RECORD_KINDS), "unknown");
	CHECK_INT(record_kind_of(bytes_str("unknown")), RECORD_NONE);
	CHECK_INT(RECORD_FIELDS < RECORD_OPTIONAL, true);
}

/* The text as it stands in a journal: changing it breaks old journals. */
TEST(text)
{
	static const char want[] = "{\"kind\":\"vetoed\"," TIME
	    ",\"card\":" DIGEST ",\"running\":true,\"by\":\"local:ann\","
	    "\"detail\":\"a \\\"b\\\" \\\\ \\n \\u001f \xc3\xa4 \x7f/\"}";
	static const char intent[] = "{\"kind\":\"exec_intent\"," TIME;
	struct record rec;
	struct buf b;

	record_init(&rec, RECORD_VETOED);
	record_set_time(&rec, SAMPLE_TIME, 12345);
	sample_set(&rec, RF_CARD);
	record_set_str(&rec, RF_BY, "local:ann");
	record_set_bool(&rec, RF_RUNNING, true);
	record_set_str(&rec, RF_DETAIL, "a \"b\" \\ \n \x1f \xc3\xa4 \x7f/");
	CHECK_INT(write_record(&rec, &b), 0);
	/* RF_CARD is field 3: its sample is 0x43. */
	CHECK_MEM(b.p, b.n, want, sizeof(want) - 1);
	buf_free(&b);

	sample_record(&rec, RECORD_EXEC_INTENT, true);
	rec.n_approvals = 0;
	rec.has[RF_APPROVALS] = false;
	CHECK_INT(write_record(&rec, &b), 0);
	CHECK_MEM(b.p, sizeof(intent) - 1, intent, sizeof(intent) - 1);
	buf_put_u8(&b, 0);
	CHECK(strstr((char *)b.p, ",\"approvals\":[],\"plan\":") != NULL);
	buf_free(&b);
}

TEST(every_kind)
{
	struct record_doc *d = NULL, *again;
	struct record rec;
	struct buf b, c;
	enum record_kind k;
	int all;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		for (all = 0; all < 2; all++) {
			sample_record(&rec, k, all);
			CHECK_MSG(write_record(&rec, &b) == 0, "%s",
			    record_kind_word(k));
			CHECK_INT(json_check(buf_bytes(&b),
			    JSON_INTEGERS_ONLY, NULL), 0);
			CHECK_MSG(record_read(buf_bytes(&b), &d) == 0, "%s",
			    record_kind_word(k));
			rec.has[RF_KIND] = true;
			CHECK_MEM(record_of(d)->has, sizeof(rec.has), rec.has,
			    sizeof(rec.has));
			CHECK_INT(write_record(record_of(d), &c), 0);
			CHECK_MEM(c.p, c.n, b.p, b.n);
			CHECK_INT(record_parse(buf_bytes(&b), &again), 0);
			record_free(again);
			buf_free(&b);
			buf_free(&c);
		}
	}
	record_free(d);
}

/* What is read is what was set. */
TEST(values)
{
	struct record_doc *d;
	const struct record *r;
	struct record rec;
	struct buf b;

	sample_record(&rec, RECORD_CARD_RECEIVED, true);
	CHECK_INT(write_record(&rec, &b), 0);
	CHECK_INT(record_parse(buf_bytes(&b), &d), 0);
	buf_free(&b);
	r = record_of(d);
	CHECK_INT(r->kind, RECORD_CARD_RECEIVED);
	CHECK_INT(r->time, SAMPLE_TIME);
	CHECK_INT(r->boot_ms, 12345);
	CHECK(sha256_equal(&r->card, &rec.card));
	CHECK(bytes_is(r->id, SAMPLE_ID));
	CHECK(bytes_equal(r->device_nonce, rec.device_nonce));
	CHECK_INT(r->expires, SAMPLE_TIME + RF_EXPIRES);
	CHECK(r->enough && r->require_manager);
	CHECK(bytes_is(r->decision, "auto"));
	CHECK_INT(r->n_sigs, 2);
	CHECK(bytes_is(r->sigs[0].keyid, "k1"));
	CHECK_INT(r->sigs[1].keyid.n, 0);
	CHECK(bytes_equal(r->sigs[1].sig, rec.sigs[1].sig));
	CHECK(!r->has[RF_DETAIL]);
	record_free(d);

	sample_record(&rec, RECORD_APPROVAL_ACCEPTED, true);
	CHECK_INT(write_record(&rec, &b), 0);
	CHECK_INT(record_parse(buf_bytes(&b), &d), 0);
	CHECK(bytes_equal(record_of(d)->payload, rec.payload));
	CHECK(bytes_equal(record_of(d)->proof, rec.proof));
	record_free(d);
	buf_free(&b);
}

TEST(missing_and_foreign_fields)
{
	struct record rec;
	enum record_field f;
	enum record_kind k;
	struct buf b;
	int err;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		for (f = RF_TIME; f < RECORD_FIELDS; f++) {
			sample_record(&rec, k, true);
			if (record_kind_has(k, f)) {
				rec.has[f] = false;
				err = record_kind_needs(k, f) &&
				    f != RF_SIGS && f != RF_APPROVALS &&
				    f != RF_FILES ?
				    ERR_MISSING_FIELD : 0;
			} else {
				rec.has[f] = true;
				err = ERR_UNKNOWN_FIELD;
			}
			CHECK_MSG(write_record(&rec, &b) == err, "%s: %s",
			    record_kind_word(k), record_field_name(f));
			buf_free(&b);
		}
	}
}

/* A member taken out of the text, or doubled, or swapped with the next. */
TEST(members_of_the_text)
{
	struct record rec;
	struct buf b, c;
	enum record_kind k;
	size_t from, to, depth;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		sample_record(&rec, k, false);
		CHECK_INT(write_record(&rec, &b), 0);
		for (from = 1; from < b.n; from = to + 1) {
			depth = 0;
			for (to = from; b.p[to] != '}' &&
			    (b.p[to] != ',' || depth > 0); to++) {
				depth += b.p[to] == '[';
				depth -= b.p[to] == ']';
			}
			/* to is at the comma or brace after the member */
			buf_init(&c, CAP_RECORD);
			buf_put(&c, b.p, from);
			buf_put(&c, b.p + to + 1, b.n - to - 1);
			CHECK(parse_error(buf_bytes(&c)) != 0);
			buf_clear(&c);
			buf_put(&c, b.p, to);
			buf_put_u8(&c, ',');
			buf_put(&c, b.p + from, b.n - from);
			CHECK(parse_error(buf_bytes(&c)) != 0);
			buf_free(&c);
		}
		buf_free(&b);
	}
}

TEST(every_cut)
{
	struct record rec;
	enum record_kind k;
	struct buf b;
	size_t n;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		sample_record(&rec, k, true);
		CHECK_INT(write_record(&rec, &b), 0);
		for (n = 0; n < b.n; n++)
			CHECK(parse_error(bytes_of(b.p, n)) != 0);
		buf_put_u8(&b, ' ');
		CHECK_INT(parse_error(buf_bytes(&b)), ERR_SYNTAX);
		buf_free(&b);
	}
}

/*
 * A byte changed to anything: refused, or another record whose one text this
 * is, and JSON.
 */
TEST(every_change)
{
	static const uint8_t with[] = "\0\"\\{}[],:0 9a\n\x7f\x80\xff";
	struct record_doc *d = NULL;
	struct record rec;
	enum record_kind k;
	struct buf b, c;
	size_t i, j;
	uint8_t was;

	for (k = RECORD_GENESIS; k < RECORD_KINDS; k++) {
		sample_record(&rec, k, true);
		CHECK_INT(write_record(&rec, &b), 0);
		for (i = 0; i < b.n; i++) {
			was = b.p[i];
			for (j = 0; j < sizeof(with) - 1; j++) {
				b.p[i] = with[j];
				if (record_read(buf_bytes(&b), &d) != 0)
					continue;
				CHECK_INT(write_record(record_of(d), &c), 0);
				CHECK_MEM(c.p, c.n, b.p, b.n);
				CHECK_INT(json_check(buf_bytes(&c),
				    JSON_INTEGERS_ONLY, NULL), 0);
				buf_free(&c);
			}
			b.p[i] = was;
		}
		buf_free(&b);
	}
	record_free(d);
}

TEST(refused_texts)
{
	static const struct {
		const char *text;
		int err;
	} t[] = {
		{ "", ERR_SYNTAX },
		{ "{}", ERR_MISSING_FIELD },
		{ "[]", ERR_SYNTAX },
		{ "{\"kind\":\"expired\"}", ERR_SYNTAX },
		{ "{\"kind\":\"exploded\"," TIME "}", ERR_VERSION },
		{ "{\"kind\":\"none\"," TIME "}", ERR_VERSION },
		{ "{" TIME ",\"kind\":\"expired\",\"card\":" DIGEST "}",
		    ERR_MISSING_FIELD },
		{ "{\"kind\":\"expired\",\"boot_ms\":1}", ERR_MISSING_FIELD },
		{ "{\"kind\":\"expired\"," TIME ",\"card\":" DIGEST "}", 0 },
		{ "{\"kind\":\"expired\"," TIME "}", ERR_MISSING_FIELD },
		{ "{\"kind\":\"expired\"," TIME ",\"card\":" DIGEST
		    ",\"by\":\"x\"}", ERR_UNKNOWN_FIELD },
		{ "{\"kind\":\"expired\"," TIME ",\"card\":" DIGEST "} ",
		    ERR_SYNTAX },
		{ " {\"kind\":\"expired\"," TIME ",\"card\":" DIGEST "}",
		    ERR_SYNTAX },
		{ "{\"kind\": \"expired\"," TIME ",\"card\":" DIGEST "}",
		    ERR_SYNTAX },
		{ "{\"kind\":\"expired\"," TIME ",\"card\":\"sha256:4\"}",
		    ERR_SYNTAX },
		{ "{\"kind\":\"expired\",\"time\":\"2026-13-01T00:00:00Z\","
		    "\"boot_ms\":1,\"card\":" DIGEST "}", ERR_RANGE },
		{ "{\"kind\":\"expired\",\"time\":\"2026-11-01T00:00:00Z\","
		    "\"boot_ms\":01,\"card\":" DIGEST "}", ERR_SYNTAX },
		{ "{\"kind\":\"expired\",\"time\":\"2026-11-01T00:00:00Z\","
		    "\"boot_ms\":-1,\"card\":" DIGEST "}", ERR_SYNTAX },
		{ "{\"kind\":\"expired\",\"time\":\"2026-11-01T00:00:00Z\","
		    "\"boot_ms\":9007199254740992,\"card\":" DIGEST "}",
		    ERR_RANGE },
		{ "{\"kind\":\"expired\",\"time\":\"2026-11-01T00:00:00Z\","
		    "\"boot_ms\":99999999999999999999,\"card\":" DIGEST "}",
		    ERR_RANGE },
		{ "{\"kind\":\"expired\",\"time\":\"2026-11-01T00:00:00Z\","
		    "\"boot_ms\":9007199254740991,\"card\":" DIGEST "}", 0 },
		{ "{\"kind\":\"refused_summary\"," TIME ",\"count\":0}",
		    ERR_RANGE },
		{ "{\"kind\":\"refused_summary\"," TIME ",\"count\":1.0}",
		    ERR_SYNTAX },
		{ "{\"kind\":\"refused_summary\"," TIME
		    ",\"reason\":null,\"count\":1}", ERR_SYNTAX },
		{ "{\"kind\":\"lockdown\"," TIME ",\"by\":\"a\",\"source\":"
		    "\"remote\",\"reason\":\"\"}", ERR_RANGE },
		{ "{\"kind\":\"lockdown\"," TIME ",\"by\":\"\",\"source\":"
		    "\"local\",\"reason\":\"\"}", ERR_RANGE },
		{ "{\"kind\":\"vetoed\"," TIME ",\"card\":" DIGEST
		    ",\"running\":True,\"by\":\"a\"}", ERR_SYNTAX },
		{ "{\"kind\":\"vetoed\"," TIME ",\"card\":" DIGEST
		    ",\"running\":1,\"by\":\"a\"}", ERR_SYNTAX },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK_MSG(parse_error(bytes_str(t[i].text)) == t[i].err,
		    "%s", t[i].text);
}

/* A string has one spelling. */
TEST(escapes)
{
	static const struct {
		const char *in;		/* between the quotes */
		const char *out;	/* NULL: refused */
	} t[] = {
		{ "", "" },
		{ "\\\"\\\\\\b\\f\\n\\r\\t", "\"\\\b\f\n\r\t" },
		{ "\\u0001\\u000b\\u001f", "\x01\x0b\x1f" },
		{ "/\x7f\xe2\x82\xac", "/\x7f\xe2\x82\xac" },
		{ "\\/", NULL }, { "\\u0041", NULL }, { "\\u0020", NULL },
		{ "\\u0000", NULL }, { "\\u000a", NULL }, { "\\u000A", NULL },
		{ "\\u001F", NULL }, { "\\u20ac", NULL }, { "\\u01", NULL },
		{ "\\u001", NULL }, { "\\u00g0", NULL }, { "\\x", NULL },
		{ "\\", NULL }, { "\n", NULL }, { "\x1f", NULL },
		{ "\xff", NULL }, { "\xc0\x80", NULL },
		{ "\xed\xa0\x80", NULL }, { "\xe2\x82", NULL },
	};
	struct record_doc *d;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_init(&b, CAP_RECORD);
		buf_printf(&b, "{\"kind\":\"vetoed\"," TIME ",\"card\":"
		    DIGEST ",\"by\":\"a\",\"detail\":\"%s\"}", t[i].in);
		CHECK_INT(buf_error(&b), 0);
		if (t[i].out == NULL) {
			CHECK_MSG(parse_error(buf_bytes(&b)) != 0, "%zu", i);
		} else {
			CHECK_INT(record_parse(buf_bytes(&b), &d), 0);
			CHECK(bytes_is(record_of(d)->detail, t[i].out));
			record_free(d);
		}
		buf_free(&b);
	}
}

TEST(caps)
{
	static uint8_t big[2 * CAP_RECORD];
	static const struct {
		enum record_kind kind;
		enum record_field f;
		size_t most;
	} t[] = {
		{ RECORD_VETOED, RF_DETAIL, 4096 },
		{ RECORD_VETOED, RF_BY, 128 },
		{ RECORD_NONCE, RF_REASON, 2000 },
		{ RECORD_APPROVAL_ACCEPTED, RF_PROOF, CAP_APPROVAL },
		{ RECORD_GENESIS, RF_PIN_FROM, CAP_PATH },
		{ RECORD_CARD_RECEIVED, RF_REQUESTER, 1016 },
	};
	struct record rec;
	struct buf b;
	size_t i, over;

	memset(big, 'a', sizeof(big));
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (over = 0; over < 2; over++) {
			sample_record(&rec, t[i].kind, true);
			record_set_bytes(&rec, t[i].f,
			    bytes_of(big, t[i].most + over));
			CHECK_MSG(write_record(&rec, &b) ==
			    (over ? ERR_RANGE : 0), "row %zu", i);
			if (!over)
				CHECK_INT(parse_error(buf_bytes(&b)), 0);
			buf_free(&b);
		}
	}
	/* Each of the two fits, both are too much for a record. */
	sample_record(&rec, RECORD_APPROVAL_ACCEPTED, true);
	record_set_bytes(&rec, RF_PROOF, bytes_of(big, CAP_APPROVAL));
	record_set_bytes(&rec, RF_PAYLOAD, bytes_of(big, CAP_APPROVAL));
	CHECK_INT(write_record(&rec, &b), ERR_TOO_LARGE);
	buf_free(&b);
	CHECK_INT(parse_error(bytes_of(big, CAP_RECORD + 1)), ERR_TOO_LARGE);
}

TEST(wrong_values)
{
	static const struct {
		enum record_field f;
		const char *v;
		int err;
	} t[] = {
		{ RF_ID, "01890a5d-ac96-774b-bcce-b302099a805", ERR_SYNTAX },
		{ RF_ID, "", ERR_SYNTAX },
		{ RF_PROFILE, "root", ERR_RANGE },
		{ RF_DECISION, "", ERR_RANGE },
		{ RF_KEY, "00", ERR_RANGE },
		{ RF_TOOL, "", ERR_RANGE },
		{ RF_TOOL, "\xff", ERR_CHARACTER },
		{ RF_TOOL, NULL, ERR_MISSING_FIELD },
		{ RF_EXPIRES, "x", ERR_TYPE },
		{ RF_SIGS, "x", ERR_TYPE },
	};
	static const char nul[] = "a\0b";
	struct record rec;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sample_record(&rec, RECORD_CARD_RECEIVED, true);
		record_set_str(&rec, t[i].f, t[i].v);
		CHECK_MSG(write_record(&rec, &b) == t[i].err, "row %zu", i);
		buf_free(&b);
	}
	sample_record(&rec, RECORD_CARD_RECEIVED, true);
	record_set_bytes(&rec, RF_TOOL, bytes_of(nul, 3));
	CHECK_INT(write_record(&rec, &b), ERR_CHARACTER);
	sample_record(&rec, RECORD_CARD_RECEIVED, true);
	record_set_int(&rec, RF_EXPIRES, 0);
	buf_free(&b);
	CHECK_INT(write_record(&rec, &b), ERR_RANGE);
	buf_free(&b);
	sample_record(&rec, RECORD_EXEC_STARTED, true);
	record_set_int(&rec, RF_PID, -1);
	CHECK_INT(write_record(&rec, &b), ERR_RANGE);
	buf_free(&b);
	sample_record(&rec, RECORD_EXPIRED, true);
	rec.boot_ms = UINT64_MAX;
	CHECK_INT(write_record(&rec, &b), ERR_RANGE);
	buf_free(&b);
	record_init(&rec, RECORD_KINDS);
	CHECK_INT(write_record(&rec, &b), ERR_VERSION);
	buf_free(&b);
	record_init(&rec, RECORD_NONE);
	CHECK_INT(write_record(&rec, &b), ERR_VERSION);
	buf_free(&b);
}

/* Setting a field of another type fails the record, whatever comes after. */
TEST(wrong_types)
{
	struct sha256 d = { { 0 } };
	struct record rec;
	struct buf b;
	int i;

	for (i = 0; i < 4; i++) {
		sample_record(&rec, RECORD_EXPIRED, true);
		if (i == 0)
			record_set_int(&rec, RF_CARD, 1);
		else if (i == 1)
			record_set_bool(&rec, RF_CARD, true);
		else if (i == 2)
			record_set_digest(&rec, RF_BY, &d);
		else
			record_set_int(&rec, RF_TIME, 1);
		record_set_str(&rec, RF_BY, NULL);
		CHECK_INT(write_record(&rec, &b), ERR_TYPE);
		buf_free(&b);
	}
}

TEST(lists)
{
	static const uint8_t sig[RECORD_SIG_SIZE + 1] = { 0 };
	static const uint8_t keyid[RECORD_KEYID_MAX + 1] = { 'a' };
	struct sha256 d = { { 0 } };
	struct record rec;
	struct buf b;
	int i;

	sample_record(&rec, RECORD_TRUST, false);
	/* Neither of another length, nor with a key id that could not be. */
	record_add_sig(&rec, bytes_str("a"), bytes_of(sig, sizeof(sig)));
	CHECK_INT(rec.n_sigs, 2);
	record_add_sig(&rec, bytes_of(keyid, sizeof(keyid)),
	    bytes_of(sig, RECORD_SIG_SIZE));
	record_add_sig(&rec, bytes_str("\xff"),
	    bytes_of(sig, RECORD_SIG_SIZE));
	CHECK_INT(rec.n_sigs, 4);
	CHECK_INT(rec.sigs[2].keyid.n + rec.sigs[3].keyid.n, 0);
	while (rec.n_sigs < RECORD_SIGS)
		record_add_sig(&rec, bytes_str("a"),
		    bytes_of(sig, RECORD_SIG_SIZE));
	CHECK_INT(write_record(&rec, &b), 0);
	CHECK_INT(parse_error(buf_bytes(&b)), 0);
	buf_free(&b);
	record_add_sig(&rec, bytes_str("a"), bytes_of(sig, RECORD_SIG_SIZE));
	CHECK_INT(write_record(&rec, &b), ERR_TOO_LARGE);
	buf_free(&b);

	sample_record(&rec, RECORD_EXEC_INTENT, false);
	for (i = 2; i < RECORD_APPROVALS; i++)
		record_add_approval(&rec, &d);
	CHECK_INT(write_record(&rec, &b), 0);
	CHECK_INT(parse_error(buf_bytes(&b)), 0);
	buf_free(&b);
	record_add_approval(&rec, &d);
	CHECK_INT(write_record(&rec, &b), ERR_TOO_LARGE);
	buf_free(&b);
}

/* More elements than there is room for, and signatures of another length. */
TEST(lists_in_text)
{
	static const char sig[] = "[\"\",\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"]";
	struct buf b;
	int n, i;

	for (n = 0; n <= RECORD_SIGS + 1; n++) {
		buf_init(&b, CAP_RECORD);
		buf_put_str(&b, "{\"kind\":\"trust\"," TIME ",\"file\":"
		    "\"root\",\"version\":1,\"digest\":" DIGEST ",\"issued\":"
		    "\"2026-11-01T00:00:00Z\",\"expires\":"
		    "\"2026-11-01T00:00:00Z\",\"sigs\":[");
		for (i = 0; i < n; i++)
			buf_printf(&b, "%s%s", i > 0 ? "," : "", sig);
		buf_put_str(&b, "]}");
		CHECK_INT(parse_error(buf_bytes(&b)),
		    n > RECORD_SIGS ? ERR_RANGE : 0);
		/* A comma before the bracket. */
		b.n -= 2;
		buf_put_str(&b, ",]}");
		CHECK(parse_error(buf_bytes(&b)) != 0);
		buf_free(&b);
	}
}

TEST(no_memory)
{
	struct record_doc *d = NULL;
	struct record rec;
	struct buf b;
	int err;

	sample_record(&rec, RECORD_CARD_RECEIVED, true);
	CHECK_INT(write_record(&rec, &b), 0);
	OOM_LOOP {
		err = record_parse(buf_bytes(&b), &d);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		if (err == 0)
			record_free(d);
		d = NULL;
	}
	buf_free(&b);
	record_free(NULL);
}

TEST_MAIN()
