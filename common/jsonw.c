/*
 * jsonw.c - writing JSON: append only, no white space, one form a value.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "common/jsonw.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/text.h"
#include "common/timefmt.h"

#include <inttypes.h>
#include <string.h>

void
jsonw_init(struct jsonw *w, struct buf *out)
{
	w->out = out;
	w->comma = false;
}

static void
set_error(struct jsonw *w, int err)
{
	if (w->out->err == 0)
		w->out->err = err;
}

static void
put_char(struct jsonw *w, uint32_t cp, struct bytes utf8)
{
	static const char names[] = "\"\\bfnrt";
	static const char chars[] = "\"\\\b\f\n\r\t";
	const char *found;

	if (cp == 0) {
		set_error(w, ERR_CHARACTER);
	} else if (cp < 0x80 && (found = strchr(chars, (int)cp)) != NULL) {
		buf_put_u8(w->out, '\\');
		buf_put_u8(w->out, (uint8_t)names[found - chars]);
	} else if (cp < 0x20) {
		buf_printf(w->out, "\\u%04x", (unsigned)cp);
	} else {
		buf_put_bytes(w->out, utf8);
	}
}

/* How much of the beginning stands for itself: nearly always all of it. */
static size_t
count_plain(struct bytes v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] >= 0x20 && v.p[n] < 0x7f && v.p[n] != '"' &&
	    v.p[n] != '\\')
		n++;
	return n;
}

static void
put_string(struct jsonw *w, struct bytes v)
{
	uint32_t cp;
	size_t n;

	buf_put_u8(w->out, '"');
	while (v.n > 0) {
		struct bytes utf8 = v;

		if ((n = count_plain(v)) > 0) {
			buf_put(w->out, v.p, n);
			v.p += n;
			v.n -= n;
			continue;
		}
		if (text_next(&v, &cp) != 0) {
			set_error(w, ERR_CHARACTER);
			return;
		}
		utf8.n -= v.n;
		put_char(w, cp, utf8);
	}
	buf_put_u8(w->out, '"');
}

void
jsonw_key(struct jsonw *w, struct bytes key)
{
	if (w->comma)
		buf_put_u8(w->out, ',');
	put_string(w, key);
	buf_put_u8(w->out, ':');
	w->comma = false;
}

/* What comes before a value; after it a comma is due. */
static void
before_value(struct jsonw *w, const char *key)
{
	if (key != NULL)
		jsonw_key(w, bytes_str(key));
	else if (w->comma)
		buf_put_u8(w->out, ',');
	w->comma = true;
}

void
jsonw_obj(struct jsonw *w, const char *key)
{
	before_value(w, key);
	buf_put_u8(w->out, '{');
	w->comma = false;
}

void
jsonw_obj_end(struct jsonw *w)
{
	buf_put_u8(w->out, '}');
	w->comma = true;
}

void
jsonw_arr(struct jsonw *w, const char *key)
{
	before_value(w, key);
	buf_put_u8(w->out, '[');
	w->comma = false;
}

void
jsonw_arr_end(struct jsonw *w)
{
	buf_put_u8(w->out, ']');
	w->comma = true;
}

void
jsonw_str(struct jsonw *w, const char *key, struct bytes v)
{
	before_value(w, key);
	put_string(w, v);
}

void
jsonw_cstr(struct jsonw *w, const char *key, const char *v)
{
	jsonw_str(w, key, bytes_str(v));
}

void
jsonw_int(struct jsonw *w, const char *key, int64_t v)
{
	before_value(w, key);
	if (v > JSON_MAX_INTEGER || v < -JSON_MAX_INTEGER)
		set_error(w, ERR_RANGE);
	else
		buf_printf(w->out, "%" PRId64, v);
}

void
jsonw_bool(struct jsonw *w, const char *key, bool v)
{
	before_value(w, key);
	buf_put_str(w->out, v ? "true" : "false");
}

void
jsonw_null(struct jsonw *w, const char *key)
{
	before_value(w, key);
	buf_put_str(w->out, "null");
}

void
jsonw_digest(struct jsonw *w, const char *key, const struct sha256 *d)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(d, text);
	jsonw_cstr(w, key, text);
}

void
jsonw_time(struct jsonw *w, const char *key, int64_t t)
{
	char text[TIME_TEXT_SIZE];

	time_format(t, text);
	jsonw_cstr(w, key, text);
}

void
jsonw_b64(struct jsonw *w, const char *key, struct bytes v)
{
	before_value(w, key);
	buf_put_u8(w->out, '"');
	base64_encode(w->out, v);
	buf_put_u8(w->out, '"');
}

void
jsonw_b64url(struct jsonw *w, const char *key, struct bytes v)
{
	before_value(w, key);
	buf_put_u8(w->out, '"');
	base64url_encode(w->out, v);
	buf_put_u8(w->out, '"');
}

void
jsonw_raw(struct jsonw *w, const char *key, struct bytes json)
{
	before_value(w, key);
	buf_put_bytes(w->out, json);
}
