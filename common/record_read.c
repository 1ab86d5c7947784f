/*
 * record_read.c - reading a record: exactly the text that record_write() makes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/base64.h"
#include "common/json.h"
#include "common/record_table.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

/* Spans of the record point into memory, which never moves while it is read:
 * no value is longer than its text. */
struct record_doc {
	struct record rec;
	struct buf memory;
};

/* What is left of the text. Once it failed it stays failed. */
struct scan {
	struct bytes rest;
	struct buf *memory;
	int err;
};

static void
fail(struct scan *s, int err)
{
	if (s->err == 0)
		s->err = err;
	s->rest.n = 0;
}

static void
skip(struct scan *s, size_t n)
{
	s->rest.p += n;
	s->rest.n -= n;
}

/* Takes the character off if it is next. */
static bool
take(struct scan *s, char c)
{
	if (s->rest.n == 0 || s->rest.p[0] != (uint8_t)c)
		return false;
	skip(s, 1);
	return true;
}

static void
expect(struct scan *s, char c)
{
	if (!take(s, c))
		fail(s, ERR_SYNTAX);
}

/* Where the closing quote stands; n if it does not. */
static size_t
find_quote(const uint8_t *p, size_t n)
{
	const uint8_t *quote = memchr(p, '"', n);
	size_t i;

	if (quote == NULL)
		return n;
	/* Nearly always there is no escape before it. */
	i = (size_t)(quote - p);
	if (memchr(p, '\\', i) == NULL)
		return i;
	for (i = 0; i < n && p[i] != '"'; i++)
		if (p[i] == '\\')
			i++;
	return i < n ? i : n;
}

/* What stands between quotes, as it is; empty after a failure. */
static struct bytes
raw_string(struct scan *s)
{
	struct bytes v = { NULL, 0 };
	size_t i;

	expect(s, '"');
	i = s->rest.n > 0 ? find_quote(s->rest.p, s->rest.n) : 0;
	if (i == s->rest.n) {
		fail(s, ERR_SYNTAX);
		return v;
	}
	v = bytes_of(s->rest.p, i);
	skip(s, i + 1);
	return v;
}

/* The control character of u00XX, if it has no short form; else 0. */
static uint8_t
control_escape(struct bytes rest)
{
	static const char digits[] = "0123456789abcdef";
	const char *low;
	uint8_t c;

	if (rest.n < 5 || memcmp(rest.p, "u00", 3) != 0 ||
	    (rest.p[3] != '0' && rest.p[3] != '1') || rest.p[4] == 0 ||
	    (low = strchr(digits, rest.p[4])) == NULL)
		return 0;
	c = (uint8_t)((rest.p[3] - '0') * 16 + (low - digits));
	return strchr("\b\f\n\r\t", c) != NULL ? 0 : c;
}

/* Takes an escape off, after its backslash; 0 if it is none of ours. */
static uint8_t
take_escape(struct bytes *rest)
{
	static const char names[] = "\"\\bfnrt";
	static const char chars[] = "\"\\\b\f\n\r\t";
	const char *found;
	uint8_t c;
	size_t n = 1;

	if (rest->p[0] != 0 && (found = strchr(names, rest->p[0])) != NULL) {
		c = (uint8_t)chars[found - names];
	} else {
		c = control_escape(*rest);
		n = 5;
	}
	if (c != 0) {
		rest->p += n;
		rest->n -= n;
	}
	return c;
}

/* Takes what stands for itself off, up to a backslash or a control. */
static struct bytes
take_plain(struct bytes *rest)
{
	struct bytes v = { rest->p, 0 };

	while (v.n < rest->n && v.p[v.n] >= 0x20 && v.p[v.n] != '\\')
		v.n++;
	rest->p += v.n;
	rest->n -= v.n;
	return v;
}

/* A string with its escapes undone. */
static struct bytes
string(struct scan *s)
{
	struct bytes raw = raw_string(s);
	size_t before = s->memory->n;
	uint8_t c;

	while (raw.n > 0) {
		buf_put_bytes(s->memory, take_plain(&raw));
		if (raw.n == 0)
			break;
		c = *raw.p++;
		raw.n--;
		/* A backslash is never the last: raw_string() saw to it. */
		if (c != '\\' || (c = take_escape(&raw)) == 0) {
			fail(s, ERR_SYNTAX);
			break;
		}
		buf_put_u8(s->memory, c);
	}
	return bytes_of(s->memory->p + before, s->memory->n - before);
}

static struct bytes
base64(struct scan *s, enum record_type type)
{
	struct bytes raw = raw_string(s);
	size_t before = s->memory->n;
	int err = type == RECORD_TYPE_B64URL ?
	    base64url_decode(raw, s->memory) : base64_decode(raw, s->memory);

	if (err != 0)
		fail(s, err);
	return bytes_of(s->memory->p + before, s->memory->n - before);
}

static int64_t
number(struct scan *s)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s->rest.n && i < 17 && s->rest.p[i] >= '0' &&
	    s->rest.p[i] <= '9'; i++)
		v = 10 * v + (s->rest.p[i] - '0');
	if (i == 0 || (i > 1 && s->rest.p[0] == '0')) {
		fail(s, ERR_SYNTAX);
		return 0;
	}
	if (v > JSON_MAX_INTEGER)
		fail(s, ERR_RANGE);
	else
		skip(s, i);
	return v;
}

static bool
boolean(struct scan *s)
{
	if (s->rest.n >= 4 && memcmp(s->rest.p, "true", 4) == 0) {
		skip(s, 4);
		return true;
	}
	if (s->rest.n >= 5 && memcmp(s->rest.p, "false", 5) == 0)
		skip(s, 5);
	else
		fail(s, ERR_SYNTAX);
	return false;
}

static struct sha256
digest(struct scan *s)
{
	struct bytes raw = raw_string(s);
	struct sha256 d = { { 0 } };
	int err;

	if (s->err == 0 && (err = digest_parse(raw, &d)) != 0)
		fail(s, err);
	return d;
}

static int64_t
time_of(struct scan *s)
{
	struct bytes raw = raw_string(s);
	int64_t t = 0;
	int err;

	if (s->err == 0 && (err = time_parse(raw, &t)) != 0)
		fail(s, err);
	return t;
}

/* Whether the list goes on; takes the comma or the closing bracket. */
static bool
more(struct scan *s, size_t have, size_t max)
{
	if (take(s, ']'))
		return false;
	if (have > 0)
		expect(s, ',');
	if (s->err == 0 && have == max)
		fail(s, ERR_RANGE);
	return s->err == 0;
}

static void
read_digests(struct scan *s, struct record *rec)
{
	expect(s, '[');
	while (more(s, rec->n_approvals, RECORD_APPROVALS))
		rec->approvals[rec->n_approvals++] = digest(s);
}

static void
read_files(struct scan *s, const struct record_field_spec *f,
    struct record *rec)
{
	struct record_file *file;

	expect(s, '[');
	while (more(s, rec->n_files, RECORD_FILES)) {
		file = &rec->files[rec->n_files++];
		expect(s, '[');
		file->file = string(s);
		expect(s, ',');
		file->version = number(s);
		expect(s, ',');
		file->digest = digest(s);
		expect(s, ']');
		if (s->err == 0 && (file->version < 1 ||
		    record_check_word(f, file->file) != 0))
			fail(s, ERR_RANGE);
	}
}

static void
read_sigs(struct scan *s, struct record *rec)
{
	struct record_sig *sig;

	expect(s, '[');
	while (more(s, rec->n_sigs, RECORD_SIGS)) {
		sig = &rec->sigs[rec->n_sigs++];
		expect(s, '[');
		sig->keyid = base64(s, RECORD_TYPE_B64);
		expect(s, ',');
		sig->sig = base64(s, RECORD_TYPE_B64);
		expect(s, ']');
		if (s->err == 0 && (sig->keyid.n > RECORD_KEYID_MAX ||
		    sig->sig.n != RECORD_SIG_SIZE))
			fail(s, ERR_RANGE);
	}
}

static void
read_bytes(struct scan *s, const struct record_field_spec *f, void *to)
{
	struct bytes v;
	int err;

	v = f->type == RECORD_TYPE_B64 || f->type == RECORD_TYPE_B64URL ?
	    base64(s, f->type) : string(s);
	if (s->err == 0 && (err = record_check_bytes(f, v)) != 0)
		fail(s, err);
	memcpy(to, &v, sizeof(v));
}

static void
read_value(struct scan *s, const struct record_field_spec *f,
    struct record *rec)
{
	void *to = record_member(rec, f);
	struct sha256 d;
	int64_t v;
	bool yes;

	switch (f->type) {
	case RECORD_TYPE_KIND:
		break;
	case RECORD_TYPE_TIME:
		v = time_of(s);
		memcpy(to, &v, sizeof(v));
		break;
	case RECORD_TYPE_BOOT:
		rec->boot_ms = (uint64_t)number(s);
		break;
	case RECORD_TYPE_INT:
		v = number(s);
		if (s->err == 0 && v < (int64_t)f->min)
			fail(s, ERR_RANGE);
		memcpy(to, &v, sizeof(v));
		break;
	case RECORD_TYPE_BOOL:
		yes = boolean(s);
		memcpy(to, &yes, sizeof(yes));
		break;
	case RECORD_TYPE_DIGEST:
		d = digest(s);
		memcpy(to, &d, sizeof(d));
		break;
	case RECORD_TYPE_UUID:
	case RECORD_TYPE_TEXT:
	case RECORD_TYPE_WORD:
	case RECORD_TYPE_B64:
	case RECORD_TYPE_B64URL:
		read_bytes(s, f, to);
		break;
	case RECORD_TYPE_DIGESTS:
		read_digests(s, rec);
		break;
	case RECORD_TYPE_FILES:
		read_files(s, f, rec);
		break;
	case RECORD_TYPE_SIGS:
		read_sigs(s, rec);
		break;
	}
}

/* Takes `"name":` off if that is what comes next. */
static bool
take_name(struct scan *s, const char *name)
{
	size_t n = strlen(name);

	if (s->rest.n < n + 3 || s->rest.p[0] != '"' ||
	    memcmp(s->rest.p + 1, name, n) != 0 ||
	    s->rest.p[n + 1] != '"' || s->rest.p[n + 2] != ':')
		return false;
	skip(s, n + 3);
	return true;
}

static void
read_field(struct scan *s, enum record_field f, struct record *rec)
{
	if (s->err != 0)
		return;
	rec->has[f] = true;
	read_value(s, &record_fields[f], rec);
}

/* The three fields that every record begins with. */
static void
read_head(struct scan *s, struct record *rec)
{
	expect(s, '{');
	if (s->err == 0 && !take_name(s, "kind"))
		fail(s, ERR_MISSING_FIELD);
	rec->kind = record_kind_of(raw_string(s));
	rec->has[RF_KIND] = true;
	if (s->err == 0 && rec->kind == RECORD_NONE)
		fail(s, ERR_VERSION);
	expect(s, ',');
	if (s->err == 0 && !take_name(s, "time"))
		fail(s, ERR_MISSING_FIELD);
	read_field(s, RF_TIME, rec);
	expect(s, ',');
	if (s->err == 0 && !take_name(s, "boot_ms"))
		fail(s, ERR_MISSING_FIELD);
	read_field(s, RF_BOOT_MS, rec);
}

/* The others: those of the kind, in their order. */
static void
read_fields(struct scan *s, struct record *rec)
{
	const uint8_t *p;
	unsigned f;

	for (p = record_kinds[rec->kind].fields; *p != 0 && s->err == 0;
	    p++) {
		struct scan ahead = *s;

		f = *p & ~RECORD_OPTIONAL;
		if (take(&ahead, ',') &&
		    take_name(&ahead, record_fields[f].name)) {
			*s = ahead;
			read_field(s, (enum record_field)f, rec);
		} else if ((*p & RECORD_OPTIONAL) == 0) {
			fail(s, ERR_MISSING_FIELD);
		}
	}
	if (s->err == 0 && s->rest.n > 0 && s->rest.p[0] == ',')
		fail(s, ERR_UNKNOWN_FIELD);
	expect(s, '}');
	if (s->err == 0 && s->rest.n > 0)
		fail(s, ERR_SYNTAX);
}

int
record_read(struct bytes payload, struct record_doc **d)
{
	struct scan s = { payload, NULL, 0 };

	if (payload.n > CAP_RECORD)
		return ERR_TOO_LARGE;
	if (*d == NULL) {
		if ((*d = malloc(sizeof(**d))) == NULL)
			return ERR_NOMEM;
		buf_init(&(*d)->memory, CAP_RECORD);
	}
	record_init(&(*d)->rec, RECORD_NONE);
	s.memory = &(*d)->memory;
	buf_clear(s.memory);
	if (buf_reserve(s.memory, payload.n) == NULL)
		return buf_error(s.memory);
	read_head(&s, &(*d)->rec);
	if (s.err == 0)
		read_fields(&s, &(*d)->rec);
	return s.err;
}

int
record_parse(struct bytes payload, struct record_doc **ret_d)
{
	struct record_doc *d = NULL;
	int err = record_read(payload, &d);

	if (err != 0)
		record_free(d);
	else
		*ret_d = d;
	return err;
}

const struct record *
record_of(const struct record_doc *d)
{
	return &d->rec;
}

void
record_free(struct record_doc *d)
{
	if (d == NULL)
		return;
	buf_free(&d->memory);
	free(d);
}
