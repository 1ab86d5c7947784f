/*
 * json.c - a strict scan of JSON text, before anything parses it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "common/json.h"
#include "common/text.h"

#include <string.h>

/* A member's name: the hash of its characters and where it stands. */
struct name {
	uint64_t hash;
	size_t at;
};

/* 64 KiB of names are not worth filling with zeros for each small text. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define AS_IT_IS __attribute__((uninitialized))
#endif
#endif
#ifndef AS_IT_IS
#define AS_IT_IS
#endif

struct scan {
	struct bytes text;
	size_t at;
	unsigned flags;
	size_t n_values;
	struct json_error where;
	/* Names of the objects that are open, the innermost one's last. */
	size_t n_names;
	struct name *names;
};

static int
fail_at(struct scan *s, size_t at, int err, const char *rule)
{
	s->where = (struct json_error){ err, at, rule };
	return err;
}

static int
fail(struct scan *s, int err, const char *rule)
{
	return fail_at(s, s->at, err, rule);
}

/* The byte at the cursor, -1 at the end. */
static int
peek(const struct scan *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : -1;
}

/* "end" where the text stops, else "syntax". */
static int
unexpected(struct scan *s)
{
	return fail(s, ERR_SYNTAX, peek(s) < 0 ? "end" : "syntax");
}

static void
skip_space(struct scan *s)
{
	int c;

	while ((c = peek(s)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		s->at++;
}

/* Four hex digits, in either case. */
static int
scan_hex4(struct scan *s, uint32_t *ret_v)
{
	uint32_t v = 0;
	int i, c;

	for (i = 0; i < 4; i++, s->at++) {
		c = peek(s);
		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return fail(s, ERR_SYNTAX, c < 0 ? "end" : "escape");
		v = v << 4 | (uint32_t)c;
	}
	*ret_v = v;
	return 0;
}

/* What follows \u; a high surrogate takes its low one with it. */
static int
scan_unicode_escape(struct scan *s, uint32_t *ret_cp)
{
	size_t at = s->at;
	uint32_t high, low;
	int r;

	if ((r = scan_hex4(s, &high)) != 0)
		return r;
	if (high == 0)
		return fail_at(s, at, ERR_CHARACTER, "nul");
	if (high < 0xd800 || high > 0xdfff) {
		*ret_cp = high;
		return 0;
	}
	if (high > 0xdbff || s->text.n - s->at < 2 ||
	    memcmp(s->text.p + s->at, "\\u", 2) != 0)
		return fail_at(s, at, ERR_CHARACTER, "surrogate");
	s->at += 2;
	if ((r = scan_hex4(s, &low)) != 0)
		return r;
	if (low < 0xdc00 || low > 0xdfff)
		return fail_at(s, at, ERR_CHARACTER, "surrogate");
	*ret_cp = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* What follows a backslash. */
static int
scan_escape(struct scan *s, uint32_t *ret_cp)
{
	static const char names[] = "\"\\/bfnrt";
	static const char chars[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int c = peek(s);

	if (c == 'u') {
		s->at++;
		return scan_unicode_escape(s, ret_cp);
	}
	if (c <= 0 || (found = strchr(names, c)) == NULL)
		return fail(s, ERR_SYNTAX, c < 0 ? "end" : "escape");
	s->at++;
	*ret_cp = (uint32_t)chars[found - names];
	return 0;
}

static int
scan_char(struct scan *s, uint32_t *ret_cp)
{
	struct bytes rest = bytes_of(s->text.p + s->at, s->text.n - s->at);
	int c = peek(s);

	if (c < 0)
		return fail(s, ERR_SYNTAX, "end");
	if (c < 0x20)
		return fail(s, ERR_CHARACTER, "control");
	if (c == '\\') {
		s->at++;
		return scan_escape(s, ret_cp);
	}
	if (text_next(&rest, ret_cp) != 0)
		return fail(s, ERR_CHARACTER, "utf8");
	s->at = s->text.n - rest.n;
	return 0;
}

/* A string; the hash is over its decoded characters (FNV-1a, 64 bit). */
static int
scan_string(struct scan *s, uint64_t *ret_hash)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint32_t cp;
	size_t at;
	int c, r;

	if (peek(s) != '"')
		return unexpected(s);
	for (s->at++; (c = peek(s)) != '"';) {
		at = s->at;
		/* Nearly all are ASCII: themselves, and plain. */
		if (c >= 0x20 && c < 0x7f && c != '\\') {
			cp = (uint32_t)c;
			s->at++;
		} else if ((r = scan_char(s, &cp)) != 0) {
			return r;
		} else if ((s->flags & JSON_PLAIN_TEXT) != 0 &&
		    !text_is_plain(cp)) {
			return fail_at(s, at, ERR_CHARACTER, "character");
		}
		hash = (hash ^ cp) * UINT64_C(0x100000001b3);
	}
	s->at++;
	*ret_hash = hash;
	return 0;
}

/* One digit or more. */
static int
scan_digits(struct scan *s)
{
	if (peek(s) < '0' || peek(s) > '9')
		return fail(s, ERR_SYNTAX, peek(s) < 0 ? "end" : "number");
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return 0;
}

static int
check_integer(struct scan *s, size_t at, struct bytes digits, bool minus)
{
	int64_t v = 0;
	size_t i;

	for (i = 0; i < digits.n; i++) {
		v = v * 10 + (digits.p[i] - '0');
		if (v > JSON_MAX_INTEGER)
			return fail_at(s, at, ERR_RANGE, "integer");
	}
	if (minus && v == 0 && (s->flags & JSON_INTEGERS_ONLY) != 0)
		return fail_at(s, at, ERR_RANGE, "fraction");
	return 0;
}

static int
scan_number(struct scan *s)
{
	size_t at = s->at, digits;
	bool minus = peek(s) == '-';
	int r;

	if (minus)
		s->at++;
	digits = s->at;
	if ((r = scan_digits(s)) != 0)
		return r;
	if (s->text.p[digits] == '0' && s->at - digits > 1)
		return fail_at(s, at, ERR_SYNTAX, "number");
	if (peek(s) != '.' && peek(s) != 'e' && peek(s) != 'E')
		return check_integer(s, at, bytes_of(s->text.p + digits,
		    s->at - digits), minus);
	if (peek(s) == '.') {
		s->at++;
		if ((r = scan_digits(s)) != 0)
			return r;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if ((r = scan_digits(s)) != 0)
			return r;
	}
	if ((s->flags & JSON_INTEGERS_ONLY) != 0)
		return fail_at(s, at, ERR_RANGE, "fraction");
	return 0;
}

static int
scan_word(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++, s->at++) {
		if (peek(s) != *word)
			return unexpected(s);
	}
	return 0;
}

static bool
name_less(const struct name *a, const struct name *b)
{
	return a->hash != b->hash ? a->hash < b->hash : a->at < b->at;
}

/* Restores the heap below root, of which only root may be out of place. */
static void
sift_down(struct name *names, size_t root, size_t n)
{
	size_t child;

	while ((child = 2 * root + 1) < n) {
		struct name swap = names[root];

		if (child + 1 < n && name_less(&names[child],
		    &names[child + 1]))
			child++;
		if (!name_less(&names[root], &names[child]))
			return;
		names[root] = names[child];
		names[child] = swap;
		root = child;
	}
}

/* Heap sort: no memory, and n log n whatever order the names come in. */
static void
sort_names(struct name *names, size_t n)
{
	size_t i;

	for (i = n / 2; i > 0; i--)
		sift_down(names, i - 1, n);
	for (i = n; i > 1; i--) {
		struct name swap = names[0];

		names[0] = names[i - 1];
		names[i - 1] = swap;
		sift_down(names, 0, i - 1);
	}
}

/* Takes the names of the object that ends here; they begin at first. */
static int
close_object(struct scan *s, size_t first)
{
	struct name *names = s->names + first;
	size_t n = s->n_names - first, i;

	sort_names(names, n);
	for (i = 1; i < n; i++) {
		if (names[i].hash == names[i - 1].hash)
			return fail_at(s, names[i].at, ERR_DUPLICATE,
			    "duplicate");
	}
	s->n_names = first;
	return 0;
}

static int scan_value(struct scan *s, unsigned depth);

static int
scan_member(struct scan *s, unsigned depth)
{
	struct name name;
	int r;

	name.at = s->at;
	if ((r = scan_string(s, &name.hash)) != 0)
		return r;
	if (s->n_names == JSON_MAX_MEMBERS)
		return fail_at(s, name.at, ERR_TOO_LARGE, "members");
	s->names[s->n_names++] = name;
	skip_space(s);
	if (peek(s) != ':')
		return unexpected(s);
	s->at++;
	return scan_value(s, depth);
}

/* An array (close is ']') or an object ('}'); its bracket comes next. */
static int
scan_container(struct scan *s, unsigned depth, int close)
{
	size_t first = s->n_names;
	int r;

	if (depth >= JSON_MAX_DEPTH)
		return fail(s, ERR_TOO_LARGE, "depth");
	s->at++;
	skip_space(s);
	if (peek(s) == close) {
		s->at++;
		return 0;
	}
	for (;;) {
		skip_space(s);
		r = close == '}' ? scan_member(s, depth + 1) :
		    scan_value(s, depth + 1);
		if (r != 0)
			return r;
		if (peek(s) == close)
			break;
		if (peek(s) != ',')
			return unexpected(s);
		s->at++;
	}
	s->at++;
	return close_object(s, first);
}

static int
scan_one(struct scan *s, unsigned depth)
{
	uint64_t hash;

	switch (peek(s)) {
	case '{':
		return scan_container(s, depth, '}');
	case '[':
		return scan_container(s, depth, ']');
	case '"':
		return scan_string(s, &hash);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return scan_number(s);
	default:
		return unexpected(s);
	}
}

/* A value inside depth arrays and objects, and the space around it. */
static int
scan_value(struct scan *s, unsigned depth)
{
	int r;

	skip_space(s);
	if (s->n_values == JSON_MAX_VALUES)
		return fail(s, ERR_TOO_LARGE, "values");
	s->n_values++;
	if ((r = scan_one(s, depth)) != 0)
		return r;
	skip_space(s);
	return 0;
}

int
json_check(struct bytes text, unsigned flags, struct json_error *ret_where)
{
	struct name names[JSON_MAX_MEMBERS] AS_IT_IS;
	struct scan s = { .text = text, .flags = flags, .names = names };
	int r;

	if (text.n > JSON_MAX_TEXT)
		r = fail(&s, ERR_TOO_LARGE, "size");
	else if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		r = fail(&s, ERR_CHARACTER, "bom");
	else
		r = scan_value(&s, 0);
	if (r == 0 && s.at != text.n)
		r = fail(&s, ERR_SYNTAX, "trailing");
	if (r != 0 && ret_where != NULL)
		*ret_where = s.where;
	return r;
}
