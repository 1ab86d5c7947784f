/*
 * evidence.c - what a console's export has besides the journal: alarms, and
 * records from before what is missing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/evidence.h"

#include "agent/cli/cli.h"
#include "common/doc.h"
#include "common/entry.h"
#include "common/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ALARM_CAP ((size_t)4 << 20)

struct walk {
	struct archive *archive;
	struct merkle_source tree;
	struct evidence *e;
	struct jsonw *w;	/* NULL: for people */
};

/* ---- records from before a gap ---- */

/* Whether the tree has that very record. */
static int
check_entry(struct walk *x, const struct entry *e)
{
	struct sha256 leaf, hash;
	int err = x->tree.hash(x->tree.arg, 0, e->index, &hash);

	if (err != 0 && err != ERR_RANGE && err != ERR_CORRUPT)
		return err;
	merkle_leaf(e->payload, &leaf);
	if (err == 0 && sha256_equal(&leaf, &hash)) {
		x->e->earlier++;
		return 0;
	}
	x->e->bad = true;
	x->e->bad_index = e->index;
	return ERR_EXISTS;
}

static int
check_segment(void *arg, const char *name)
{
	char path[JOURNAL_GZIP_NAME_SIZE + 16];
	uint8_t piece[ENTRY_MAX];
	struct walk *x = arg;
	struct archive_file f;
	struct entry e;
	uint64_t at = 0, next;
	size_t n;
	int err;

	if (journal_name_parse(name, &next) != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "earlier/%s", name);
	if ((err = archive_file_open(x->archive, path, &f)) != 0)
		return err;
	while ((err = archive_file_read(&f, at, piece, sizeof(piece),
	    &n)) == 0 && n > 0) {
		err = entry_read(bytes_of(piece, n), &e);
		if (err == 0 && e.index != next)
			err = ERR_CORRUPT;
		if (err != 0) {
			x->e->bad = true;
			x->e->bad_index = next;
			err = ERR_EXISTS;
			break;
		}
		if ((err = check_entry(x, &e)) != 0)
			break;
		at += e.size;
		next++;
	}
	archive_file_close(&f);
	return err;
}

/* ---- alarms ---- */

static bool
is_alarm(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strncmp(name, "alarm-", 6) == 0 &&
	    strcmp(name + n - 5, ".json") == 0;
}

static int
count_alarm(void *arg, const char *name)
{
	struct walk *x = arg;

	x->e->alarms += is_alarm(name);
	return 0;
}

int
evidence_read(struct archive *a, struct archivetree *t,
    struct evidence *ret_e)
{
	struct evidence e = { 0 };
	struct walk x = { .archive = a, .tree = archivetree_source(t),
	    .e = &e };
	int err;

	err = archive_list(a, "earlier", check_segment, &x);
	if (err == 0 || err == ERR_EXISTS)
		err = archive_list(a, "evidence", count_alarm, &x);
	if (err == 0)
		*ret_e = e;
	return err;
}

/* ---- telling ---- */

struct alarm {
	struct bytes kind, text;
	int64_t first, time, acknowledged;
};

static void
say_alarm(const struct alarm *m)
{
	char time[TIME_TEXT_SIZE];

	time_format(m->time, time);
	say("alarm        of the console, %s: ", time);
	say_escape(m->kind);
	say(" from record %" PRId64 " on: ", m->first);
	say_escape(m->text);
	say("%s\n", m->acknowledged > 0 ? " (somebody has looked at it)" :
	    "");
}

static void
put_alarm(struct jsonw *w, const struct alarm *m)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "kind", m->kind);
	jsonw_int(w, "first", m->first);
	jsonw_str(w, "text", m->text);
	jsonw_time(w, "time", m->time);
	jsonw_bool(w, "acknowledged", m->acknowledged > 0);
	jsonw_obj_end(w);
}

static int
tell_alarm(void *arg, const char *name)
{
	struct alarm m = { { NULL, 0 }, { NULL, 0 }, 0, 0, 0 };
	struct doc *d = NULL;
	struct walk *x = arg;
	char path[300];
	struct doc_obj o;
	struct buf b;
	int err;

	if (!is_alarm(name))
		return 0;
	(void)snprintf(path, sizeof(path), "evidence/%s", name);
	buf_init(&b, ALARM_CAP);
	if ((err = archive_read(x->archive, path, ALARM_CAP, &b)) == 0 &&
	    (err = doc_parse(buf_bytes(&b), 0, &d)) == 0) {
		o = doc_root(d);
		doc_str(&o, "kind", &m.kind);
		doc_str(&o, "text", &m.text);
		doc_int(&o, "first", 0, JSON_MAX_INTEGER, &m.first);
		doc_time(&o, "time", &m.time);
		if (doc_has(&o, "acknowledged"))
			doc_time(&o, "acknowledged", &m.acknowledged);
		if (x->w != NULL)
			put_alarm(x->w, &m);
		else
			say_alarm(&m);
	}
	doc_free(d);
	buf_free(&b);
	/* Anybody could have put a file there: what does not read says
	 * nothing. */
	return err == ERR_NOMEM || err == ERR_IO ? err : 0;
}

int
evidence_say(struct archive *a, const struct evidence *e)
{
	struct walk x = { .archive = a };

	if (e->earlier > 0)
		say("earlier      %" PRIu64 " records from before those that"
		    " are missing, and in the tree\n", e->earlier);
	return archive_list(a, "evidence", tell_alarm, &x);
}

int
evidence_put(struct archive *a, const struct evidence *e, struct jsonw *w)
{
	struct walk x = { .archive = a, .w = w };
	int err;

	jsonw_int(w, "earlier", (int64_t)e->earlier);
	jsonw_arr(w, "alarms");
	err = archive_list(a, "evidence", tell_alarm, &x);
	jsonw_arr_end(w);
	return err;
}
