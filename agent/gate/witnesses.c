/*
 * witnesses.c - the cosignatures that came: kept, counted, shown.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A cosignature counts if its witness stands in the root and it verifies; any
 * other line is kept with its note and means nothing here.
 */
#include "agent/gate/checkpoints_inside.h"

#include "common/cosignature.h"
#include "common/jsonw.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_NAME_SIZE 9		/* 8 hex digits and a NUL */
/* Of the newest note, its text and the empty one included: every reader takes
 * so many signatures. */
#define LINES_MAX 36

/* Takes the witnesses of the root that is held now. */
void
witnesses_follow(struct checkpoints *c)
{
	const struct trust *t = core_trust_files(c->g->core);
	struct witnessed old[WITNESSES_MAX], *to;
	const struct root *root;
	struct trust_held held;
	size_t i, k, n_old = c->n_witnesses;

	if (t == NULL || !trust_held(t, TRUST_ROOT, &held) ||
	    sha256_equal(&held.digest, &c->root_file))
		return;
	root = trust_root(t);
	c->root_file = held.digest;
	memcpy(old, c->witnesses, sizeof(old));
	c->n_witnesses = 0;
	for (i = 0; i < root->n_witnesses && c->n_witnesses < WITNESSES_MAX;
	    i++) {
		to = &c->witnesses[c->n_witnesses];
		memset(to, 0, sizeof(*to));
		if (note_key_init(root->witnesses[i].name, NOTE_COSIGNATURE,
		    root->witnesses[i].key, &to->key) != 0)
			continue;
		for (k = 0; k < n_old; k++)
			if (memcmp(&old[k].key, &to->key,
			    sizeof(to->key)) == 0)
				*to = old[k];
		c->n_witnesses++;
	}
}

/* Counts what of these lines is a listed witness's. */
static void
count(struct checkpoints *c, struct bytes text, struct bytes lines,
    uint64_t size)
{
	int64_t now = core_now(c->g->core, gate_moment()), time;
	size_t i;

	for (i = 0; i < c->n_witnesses; i++) {
		struct witnessed *w = &c->witnesses[i];

		if (size < w->size ||
		    cosignature_verify(text, lines, &w->key, &time) != 0)
			continue;
		if (time > now + CAP_CLOCK_SKEW) {
			log_event(&c->g->log, SERVICE_WARNING, "a cosignature"
			    " from the future does not count");
			continue;
		}
		w->size = size;
		w->time = time;
	}
}

/* ---- the folder ---- */

static int
open_folder(struct checkpoints *c)
{
	return c->cosig_dir >= 0 ? 0 : file_make_dir_at(c->g->state_dir,
	    CHECKPOINTS_FOLDER, &c->cosig_dir);
}

/* Where the files are read, and what is wrong with one of them. */
struct reading {
	struct checkpoints *c;
	char *detail;		/* of 80 bytes */
};

static int
wrong(struct reading *r, const char *name, int err, const char *what)
{
	(void)snprintf(r->detail, 80, CHECKPOINTS_FOLDER "/%s %s", name,
	    what);
	return err;
}

/* It was the checkpoint once, and the journal goes on from there. */
static int
compare(struct reading *r, const char *name, const struct checkpoint *cp)
{
	struct checkpoints *c = r->c;
	struct sha256 root;
	int err;

	if (cp->size > journal_synced(c->g->journal))
		return wrong(r, name, ERR_ROLLBACK, "is of more records");
	if (cp->size > c->size)
		return wrong(r, name, ERR_CORRUPT, "is newer than it");
	err = journal_root(c->g->journal, cp->size, &root);
	if (err == ERR_CORRUPT || (err == 0 &&
	    !sha256_equal(&root, &cp->root)))
		return wrong(r, name, ERR_CONFLICT, "is of another tree");
	return err;
}

/*
 * A listed witness's file without its good line: somebody changed it, or the
 * line came before the root listed that key, when it meant nothing. Nothing
 * rests on it, so it is said, and a new one will come.
 */
static void
check_line(const struct checkpoints *c, const char *name, const struct note *n)
{
	char id[ID_NAME_SIZE];
	int64_t time;
	size_t i;

	for (i = 0; i < c->n_witnesses; i++) {
		const struct note_key *key = &c->witnesses[i].key;

		hex_encode(bytes_of(key->id, sizeof(key->id)), id);
		if (strcmp(id, name) == 0 && cosignature_verify(n->text,
		    n->signatures, key, &time) != 0)
			log_event(&c->g->log, SERVICE_WARNING, "%s/%s has no"
			    " good cosignature of %s: it does not count",
			    CHECKPOINTS_FOLDER, name, key->name);
	}
}

static int
read_one(void *arg, const char *name)
{
	struct reading *r = arg;
	struct checkpoints *c = r->c;
	struct checkpoint cp;
	struct note n;
	struct buf b;
	int err;

	c->n_files++;
	if (strlen(name) != ID_NAME_SIZE - 1)
		return 0;
	buf_init(&b, NOTE_MAX);
	err = file_read(c->cosig_dir, name, NOTE_MAX, &b);
	if (err == 0)
		err = checkpoints_open_note(c, buf_bytes(&b), &n, &cp);
	if (err == 0)
		err = checkpoints_check_epoch(c, buf_bytes(&b), cp.size);
	if (err == 0 && (err = compare(r, name, &cp)) == 0) {
		check_line(c, name, &n);
		count(c, n.text, n.signatures, cp.size);
	} else if (err != ERR_NOMEM && err != ERR_IO && r->detail[0] == '\0') {
		err = wrong(r, name, ERR_CORRUPT, "is no note of this device");
	}
	buf_free(&b);
	return err;
}

int
checkpoints_read_cosigned(struct checkpoints *c, char ret_detail[80])
{
	struct reading r = { c, ret_detail };
	int err;

	ret_detail[0] = '\0';
	witnesses_follow(c);
	if ((err = open_folder(c)) != 0)
		return err;
	c->n_files = 0;
	return file_list(c->cosig_dir, read_one, &r);
}

/* ---- what came ---- */

static bool
has_line(struct bytes note, struct bytes line)
{
	size_t i;

	for (i = 0; i + line.n <= note.n; i++)
		if (memcmp(note.p + i, line.p, line.n) == 0)
			return true;
	return false;
}

/* Whether the name is the log's own, or that of one of its epochs. */
static bool
is_ours(struct bytes text, struct bytes name)
{
	size_t n = 0;

	while (n < text.n && text.p[n] != '\n')
		n++;
	return name.n >= n && memcmp(name.p, text.p, n) == 0 &&
	    (name.n == n || name.p[n] == '/');
}

/* Whose a line is, as far as that is known here. */
enum whose { REFUSED, LISTED, UNKNOWN };

/*
 * Whoever reads a note with a line of a key that he knows, and it does not
 * verify, throws all of it away. So no such line may come to stand in ours:
 * none of our own keys, and of a listed witness a good one only. One that has
 * such a witness's id would take the place of its file.
 */
static enum whose
whose(const struct checkpoints *c, struct bytes text,
    const struct note_signature *s)
{
	const struct note_key *key;
	int64_t time;
	size_t i;

	if (is_ours(text, s->name))
		return REFUSED;
	for (i = 0; i < c->n_witnesses; i++) {
		key = &c->witnesses[i].key;
		if (memcmp(s->value.p, key->id, sizeof(key->id)) == 0)
			return note_signature_is_by(s, key) &&
			    cosignature_verify(text, s->line, key,
			    &time) == 0 ? LISTED : REFUSED;
	}
	return UNKNOWN;
}

/* cosig/<id> becomes the note with this line. */
static int
keep_file(struct checkpoints *c, struct bytes note,
    const struct note_signature *s, enum whose w)
{
	char name[ID_NAME_SIZE];
	uint64_t size;
	int64_t changed;
	struct buf b;
	int err;

	hex_encode(bytes_of(s->value.p, 4), name);
	err = file_stat(c->cosig_dir, name, &size, &changed);
	/* Whoever invents witnesses does not fill the disk. */
	if (err == ERR_NOT_FOUND && w != LISTED &&
	    c->n_files >= COSIG_FILES_MAX)
		return 0;
	c->n_files += err == ERR_NOT_FOUND;
	buf_init(&b, NOTE_MAX);
	buf_put_bytes(&b, note);
	if (!has_line(note, s->line))
		buf_put_bytes(&b, s->line);
	if ((err = buf_error(&b)) == 0)
		err = file_replace(c->cosig_dir, name, buf_bytes(&b));
	buf_free(&b);
	return err;
}

static size_t
count_lines(struct bytes note)
{
	size_t i, n = 0;

	for (i = 0; i < note.n; i++)
		n += note.p[i] == '\n';
	return n;
}

/* The newest note gets the line too, if it is of exactly this one. */
static int
keep_with_note(struct checkpoints *c, uint64_t size, struct bytes line)
{
	size_t before = c->note.n;

	if (size != c->size || has_line(buf_bytes(&c->note), line) ||
	    c->note.n + line.n > WIRE_NOTE_CAP ||
	    count_lines(buf_bytes(&c->note)) >= LINES_MAX)
		return 0;
	buf_put_bytes(&c->note, line);
	if (buf_error(&c->note) != 0) {
		c->note.n = before;
		c->note.err = 0;
	}
	return 0;
}

/* A note that lines came for. */
struct cosigned {
	struct bytes note, text;
	uint64_t size;
	struct buf good;	/* the lines of listed witnesses */
};

/* The lines of one sort; what does not read ends them. */
static int
keep_lines(struct checkpoints *c, struct cosigned *n, struct bytes lines,
    enum whose w)
{
	struct note_signature s;
	struct buf value;
	int err = 0, got = 0;

	buf_init(&value, NOTE_MAX);
	while (err == 0 && (got = note_next(&lines, &value, &s)) == 1) {
		if (whose(c, n->text, &s) != w)
			continue;
		if (w == LISTED)
			buf_put_bytes(&n->good, s.line);
		if ((err = keep_with_note(c, n->size, s.line)) == 0)
			err = keep_file(c, n->note, &s, w);
	}
	buf_free(&value);
	if (got < 0 && w == LISTED)
		log_event(&c->g->log, SERVICE_WARNING, "a cosignature that"
		    " does not read reason=%s", err_word(got));
	return err;
}

int
witnesses_keep(struct checkpoints *c, struct bytes note, uint64_t size,
    struct bytes lines)
{
	struct cosigned x = { .note = note, .size = size };
	struct note n;
	size_t before = c->note.n;
	int err;

	witnesses_follow(c);
	if ((err = note_parse(note, &n)) != 0)
		return err == ERR_NOMEM ? err : 0;
	x.text = n.text;
	buf_init(&x.good, NOTE_MAX);
	/* Those that count first: there is not room for any number. */
	if ((err = open_folder(c)) == 0 &&
	    (err = keep_lines(c, &x, lines, LISTED)) == 0)
		err = keep_lines(c, &x, lines, UNKNOWN);
	if (err == 0 && c->note.n != before)
		err = file_replace(c->g->state_dir, CHECKPOINTS_FILE,
		    buf_bytes(&c->note));
	count(c, n.text, buf_bytes(&x.good), size);
	buf_free(&x.good);
	if (err != 0 && err != ERR_NOMEM) {
		/* It can be had again; the disk is full, perhaps. */
		log_event(&c->g->log, SERVICE_WARNING, "a cosignature was not"
		    " kept reason=%s", err_word(err));
		err = 0;
	}
	return err;
}

/* ---- looking ---- */

uint64_t
checkpoints_cosigned(const struct checkpoints *c)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < c->n_witnesses; i++)
		if (c->witnesses[i].size > size)
			size = c->witnesses[i].size;
	return size;
}

void
checkpoints_put_status(const struct checkpoints *c, struct jsonw *w)
{
	size_t i;

	if (c->size == 0) {
		jsonw_null(w, "checkpoint");
	} else {
		jsonw_obj(w, "checkpoint");
		jsonw_int(w, "size", (int64_t)c->size);
		jsonw_digest(w, "root", &c->root);
		jsonw_time(w, "made", c->made);
		jsonw_obj_end(w);
	}
	jsonw_arr(w, "witnesses");
	for (i = 0; i < c->n_witnesses; i++) {
		const struct witnessed *wd = &c->witnesses[i];

		jsonw_obj(w, NULL);
		jsonw_cstr(w, "name", wd->key.name);
		if (wd->size > 0) {
			jsonw_int(w, "size", (int64_t)wd->size);
			jsonw_time(w, "time", wd->time);
		}
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}
