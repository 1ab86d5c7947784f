/*
 * record_write.c - writing a record as JSON text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/json.h"
#include "common/jsonw.h"
#include "common/record_table.h"
#include "common/timefmt.h"

#include <string.h>

static void
fail(struct jsonw *w, int err)
{
	if (w->out->err == 0)
		w->out->err = err;
}

static void
write_number(struct jsonw *w, const struct record_field_spec *f,
    const void *from)
{
	int64_t v;

	memcpy(&v, from, sizeof(v));
	if (v < (int64_t)f->min || v > JSON_MAX_INTEGER)
		fail(w, ERR_RANGE);
	else
		jsonw_int(w, f->name, v);
}

static void
write_time(struct jsonw *w, const char *name, const void *from)
{
	int64_t v;

	memcpy(&v, from, sizeof(v));
	if (v < TIME_MIN || v > TIME_MAX)
		fail(w, ERR_RANGE);
	else
		jsonw_time(w, name, v);
}

static void
write_bytes(struct jsonw *w, const struct record_field_spec *f,
    const void *from)
{
	struct bytes v;
	int err;

	memcpy(&v, from, sizeof(v));
	if ((err = record_check_bytes(f, v)) != 0)
		fail(w, err);
	else if (f->type == RECORD_TYPE_B64)
		jsonw_b64(w, f->name, v);
	else if (f->type == RECORD_TYPE_B64URL)
		jsonw_b64url(w, f->name, v);
	else
		jsonw_str(w, f->name, v);
}

static void
write_file(struct jsonw *w, const struct record_field_spec *f,
    const struct record_file *file)
{
	if (file->version < 1 || file->version > JSON_MAX_INTEGER ||
	    record_check_word(f, file->file) != 0) {
		fail(w, ERR_RANGE);
		return;
	}
	jsonw_arr(w, NULL);
	jsonw_str(w, NULL, file->file);
	jsonw_int(w, NULL, file->version);
	jsonw_digest(w, NULL, &file->digest);
	jsonw_arr_end(w);
}

static void
write_lists(struct jsonw *w, const struct record_field_spec *f,
    const struct record *rec)
{
	size_t i;

	jsonw_arr(w, f->name);
	if (f->type == RECORD_TYPE_DIGESTS) {
		for (i = 0; i < rec->n_approvals; i++)
			jsonw_digest(w, NULL, &rec->approvals[i]);
	} else if (f->type == RECORD_TYPE_FILES) {
		for (i = 0; i < rec->n_files; i++)
			write_file(w, f, &rec->files[i]);
	} else {
		for (i = 0; i < rec->n_sigs; i++) {
			jsonw_arr(w, NULL);
			jsonw_b64(w, NULL, rec->sigs[i].keyid);
			jsonw_b64(w, NULL, rec->sigs[i].sig);
			jsonw_arr_end(w);
		}
	}
	jsonw_arr_end(w);
}

static void
write_field(struct jsonw *w, const struct record_field_spec *f,
    const struct record *rec)
{
	const void *from = record_member_of(rec, f);
	struct sha256 digest;
	bool yes;

	switch (f->type) {
	case RECORD_TYPE_KIND:
		jsonw_cstr(w, f->name, record_kind_word(rec->kind));
		break;
	case RECORD_TYPE_TIME:
		write_time(w, f->name, from);
		break;
	case RECORD_TYPE_BOOT:
		if (rec->boot_ms > (uint64_t)JSON_MAX_INTEGER)
			fail(w, ERR_RANGE);
		else
			jsonw_int(w, f->name, (int64_t)rec->boot_ms);
		break;
	case RECORD_TYPE_INT:
		write_number(w, f, from);
		break;
	case RECORD_TYPE_BOOL:
		memcpy(&yes, from, sizeof(yes));
		jsonw_bool(w, f->name, yes);
		break;
	case RECORD_TYPE_DIGEST:
		memcpy(&digest, from, sizeof(digest));
		jsonw_digest(w, f->name, &digest);
		break;
	case RECORD_TYPE_UUID:
	case RECORD_TYPE_TEXT:
	case RECORD_TYPE_WORD:
	case RECORD_TYPE_B64:
	case RECORD_TYPE_B64URL:
		write_bytes(w, f, from);
		break;
	case RECORD_TYPE_DIGESTS:
	case RECORD_TYPE_FILES:
	case RECORD_TYPE_SIGS:
		write_lists(w, f, rec);
		break;
	}
}

/* Whether the field is written: a list that the kind needs may be empty. */
static bool
is_there(const struct record *rec, size_t f)
{
	enum record_type t = record_fields[f].type;

	return rec->has[f] || f == RF_KIND ||
	    ((t == RECORD_TYPE_DIGESTS || t == RECORD_TYPE_FILES ||
	    t == RECORD_TYPE_SIGS) &&
	    record_kind_needs(rec->kind, (enum record_field)f));
}

/* Whether it has what its kind needs, and nothing that its kind has not. */
static int
check_fields(const struct record *rec)
{
	const uint8_t *p = record_kinds[rec->kind].fields;
	size_t f;

	if (!rec->has[RF_TIME] || !rec->has[RF_BOOT_MS])
		return ERR_MISSING_FIELD;
	for (f = RF_BOOT_MS + 1; f < RECORD_FIELDS; f++) {
		if ((*p & ~RECORD_OPTIONAL) == f) {
			if (!is_there(rec, f) && (*p & RECORD_OPTIONAL) == 0)
				return ERR_MISSING_FIELD;
			p++;
		} else if (rec->has[f]) {
			return ERR_UNKNOWN_FIELD;
		}
	}
	return 0;
}

void
record_write(struct buf *b, const struct record *rec)
{
	size_t before = b->n;
	struct jsonw w;
	size_t f;
	int err = rec->err;

	if (err == 0 && (rec->kind == RECORD_NONE ||
	    (size_t)rec->kind >= RECORD_KINDS))
		err = ERR_VERSION;
	if (err == 0)
		err = check_fields(rec);
	jsonw_init(&w, b);
	if (err != 0) {
		fail(&w, err);
		return;
	}
	jsonw_obj(&w, NULL);
	for (f = 0; f < RECORD_FIELDS; f++)
		if (is_there(rec, f))
			write_field(&w, &record_fields[f], rec);
	jsonw_obj_end(&w);
	if (b->err == 0 && b->n - before > CAP_RECORD)
		fail(&w, ERR_TOO_LARGE);
}
