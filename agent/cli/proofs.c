/*
 * proofs.c - evidence in other people's formats, file by file, in a folder.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/proofs.h"

#include "agent/cli/archivetree.h"
#include "agent/cli/sshproof.h"
#include "common/checkpoint.h"
#include "common/envelope.h"
#include "common/merkletree.h"
#include "common/people.h"
#include "common/snapshot.h"
#include "common/tlogproof.h"
#include "platform/userfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4300
#define LIST_MAX ((size_t)256 << 20)

struct proofs {
	struct archive *archive;
	char folder[PATH_SIZE];
	struct proofs_choice choice;
	struct merkletree tree;
	uint64_t *chosen;	/* indexes that have a file */
	size_t n_chosen, room;
	struct people *people;	/* of the present record's time */
	struct note_key key;	/* the device's */
	bool has_key;
	struct buf signers;	/* allowed_signers so far */
	struct buf commands;
	struct proofs_counts counts;
};

/* ---- writing ---- */

static int
write_file(const struct proofs *p, const char *name, struct bytes content)
{
	char path[PATH_SIZE + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	return userfile_write(path, content, USERFILE_PUBLIC, true);
}

/* A file that is named for a record: "records/17.json". */
static int
write_of(const struct proofs *p, const char *folder, uint64_t index,
    const char *end, struct bytes content)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s/%" PRIu64 "%s", folder, index,
	    end);
	return write_file(p, name, content);
}

static int
make_folder(const struct proofs *p, const char *name)
{
	char path[PATH_SIZE + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	return userfile_make_dirs(path, USERFILE_PUBLIC);
}

static int
stop(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return ERR_EXISTS;
}

int
proofs_new(struct archive *a, const char *folder,
    const struct proofs_choice *choice, struct proofs **ret_p)
{
	struct proofs *p;
	int err;

	if (strlen(folder) + 1 > PATH_SIZE)
		return ERR_TOO_LARGE;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return ERR_NOMEM;
	p->archive = a;
	p->choice = *choice;
	(void)snprintf(p->folder, sizeof(p->folder), "%s", folder);
	buf_init(&p->signers, LIST_MAX);
	buf_init(&p->commands, LIST_MAX);
	if ((err = userfile_make_dirs(folder, USERFILE_PUBLIC)) != 0 ||
	    (err = userfile_list(folder, stop, NULL)) != 0 ||
	    (err = make_folder(p, "records")) != 0 ||
	    (err = make_folder(p, "approvals")) != 0 ||
	    (err = make_folder(p, "witnesses")) != 0) {
		proofs_free(p);
		return err;
	}
	*ret_p = p;
	return 0;
}

void
proofs_free(struct proofs *p)
{
	if (p == NULL)
		return;
	merkletree_fini(&p->tree);
	people_free(p->people);
	buf_free(&p->signers);
	buf_free(&p->commands);
	free(p->chosen);
	free(p);
}

/* ---- people of the time ---- */

static int
take_people(struct proofs *p, const struct sha256 *digest)
{
	struct people *people;
	struct refusal why;
	struct buf b;
	int err;

	buf_init(&b, CAP_TRUST);
	if ((err = archive_blob(p->archive, digest, &b)) == 0 &&
	    (err = people_parse(buf_bytes(&b), &people, &why)) == 0) {
		people_free(p->people);
		p->people = people;
	}
	buf_free(&b);
	return err;
}

static int
follow_people(struct proofs *p, const struct record *rec)
{
	size_t i;

	if (rec->kind == RECORD_TRUST && bytes_is(rec->file, "people"))
		return take_people(p, &rec->digest);
	if (rec->kind == RECORD_STATE && p->people == NULL)
		for (i = 0; i < rec->n_files; i++)
			if (bytes_is(rec->files[i].file, "people"))
				return take_people(p,
				    &rec->files[i].digest);
	return 0;
}

/* The key of a journal whose genesis was pruned stands in its first state,
 * whose snapshot was verified. */
static int
take_state(struct proofs *p, const struct sha256 *digest)
{
	char name[NOTE_NAME_MAX + 1];
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_CAP);
	if ((err = archive_blob(p->archive, digest, &b)) == 0)
		err = snapshot_decode(buf_bytes(&b), archive_blob,
		    p->archive, &s, &t, &q);
	buf_free(&b);
	if (err != 0)
		return err;
	(void)snprintf(name, sizeof(name), "%s/%s", s.org, s.device);
	p->has_key = true;
	err = note_key_init(bytes_str(name), NOTE_ED25519, s.device_key,
	    &p->key);
	standing_fini(&s);
	trust_free(t);
	queue_free(q);
	return err;
}

static int
follow_device(struct proofs *p, const struct record *rec)
{
	char name[NOTE_NAME_MAX + 1];

	if (rec->kind == RECORD_STATE && !p->has_key)
		return take_state(p, &rec->digest);
	if (rec->kind != RECORD_GENESIS)
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s/%.*s", (int)rec->org.n,
	    (const char *)rec->org.p, (int)rec->device.n,
	    (const char *)rec->device.p);
	p->has_key = true;
	return note_key_init(bytes_str(name), NOTE_ED25519,
	    rec->device_key.p, &p->key);
}

/* ---- approvals ---- */

static bool
has_line(const struct buf *list, struct bytes line)
{
	struct bytes rest = buf_bytes(list);
	const uint8_t *end;

	while (rest.n > 0 && (end = memchr(rest.p, '\n', rest.n)) != NULL) {
		size_t n = (size_t)(end - rest.p) + 1;

		if (bytes_equal(bytes_of(rest.p, n), line))
			return true;
		rest = bytes_of(end + 1, rest.n - n);
	}
	return false;
}

static int
put_signer(struct proofs *p, const struct people_signer *who)
{
	struct buf line;
	int err;

	buf_init(&line, LIST_MAX);
	err = sshproof_put_signer(&line, who->person->id, &who->key->key);
	if (err == 0 && !has_line(&p->signers, buf_bytes(&line))) {
		buf_put_bytes(&p->signers, buf_bytes(&line));
		err = buf_error(&p->signers);
	}
	buf_free(&line);
	return err;
}

static int
write_approval(struct proofs *p, uint64_t index, const struct record *rec,
    const struct people_signer *who)
{
	enum payload_type type = rec->kind == RECORD_CANCELLED ?
	    PAYLOAD_CANCEL : PAYLOAD_APPROVAL;
	struct buf b;
	int err;

	buf_init(&b, LIST_MAX);
	err = sshproof_put(&b, &who->key->key, rec->proof);
	if (err == ERR_UNSUPPORTED) {
		p->counts.unwrapped++;
		buf_free(&b);
		return 0;
	}
	if (err == 0)
		err = write_of(p, "approvals", index, ".sig", buf_bytes(&b));
	buf_clear(&b);
	sshproof_put_message(&b, envelope_type_text(type), rec->payload);
	if (err == 0 && (err = buf_error(&b)) == 0)
		err = write_of(p, "approvals", index, ".msg", buf_bytes(&b));
	buf_free(&b);
	if (err != 0 || (err = put_signer(p, who)) != 0)
		return err;
	buf_printf(&p->commands, "ssh-keygen -Y verify -f allowed_signers -I"
	    " '%.*s' -n countersign-approval-v1 -s approvals/%" PRIu64 ".sig"
	    " < approvals/%" PRIu64 ".msg\n", (int)who->person->id.n,
	    (const char *)who->person->id.p, index, index);
	p->counts.approvals++;
	return buf_error(&p->commands);
}

static int
take_approval(struct proofs *p, uint64_t index, const struct record *rec)
{
	struct people_signer who;

	if (!rec->has[RF_PROOF] || !rec->has[RF_PAYLOAD] ||
	    !rec->has[RF_KEY] || p->people == NULL ||
	    !people_find_key(p->people, rec->key, &who))
		return 0;
	return write_approval(p, index, rec, &who);
}

/* ---- records ---- */

bool
proofs_is_chosen(const struct proofs_choice *c, uint64_t index,
    const struct record *rec)
{
	if (c->one)
		return index == c->index;
	if (c->of_card)
		return rec->has[RF_CARD] && sha256_equal(&rec->card, &c->card);
	return true;
}

static int
choose(struct proofs *p, uint64_t index)
{
	uint64_t *more;

	if (p->n_chosen == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 256;
		more = realloc(p->chosen, p->room * sizeof(*more));
		if (more == NULL)
			return ERR_NOMEM;
		p->chosen = more;
	}
	p->chosen[p->n_chosen++] = index;
	return 0;
}

/* The leaves before the first record that is still there. */
static int
take_tiles(struct proofs *p, uint64_t first)
{
	struct archivetree *tree;
	struct merkle_source source;
	struct sha256 leaf;
	uint64_t i;
	int err;

	if ((err = archivetree_open(p->archive, &tree)) != 0)
		return err;
	source = archivetree_source(tree);
	for (i = p->tree.size; i < first && err == 0; i++)
		if ((err = source.hash(source.arg, 0, i, &leaf)) == 0)
			err = merkletree_add(&p->tree, &leaf);
	archivetree_close(tree);
	return err;
}

int
proofs_record(struct proofs *p, uint64_t index, const struct record *rec,
    struct bytes payload)
{
	struct sha256 leaf;
	int err;

	if (p->tree.size < index && (err = take_tiles(p, index)) != 0)
		return err;
	merkle_leaf(payload, &leaf);
	if ((err = merkletree_add(&p->tree, &leaf)) != 0 ||
	    (err = follow_device(p, rec)) != 0 ||
	    (err = follow_people(p, rec)) != 0)
		return err;
	if (!proofs_is_chosen(&p->choice, index, rec))
		return 0;
	if ((err = choose(p, index)) != 0 ||
	    (err = write_of(p, "records", index, ".json", payload)) != 0)
		return err;
	p->counts.records++;
	return take_approval(p, index, rec);
}

/* ---- the end ---- */

static int
write_place(struct proofs *p, uint64_t index, uint64_t size,
    struct bytes note)
{
	struct merkle_source source = merkletree_source(&p->tree);
	struct sha256 proof[MERKLE_PROOF_MAX];
	struct buf b;
	size_t n;
	int err;

	err = merkle_prove_inclusion(&source, index, size, proof, &n);
	if (err != 0)
		return err;
	buf_init(&b, TLOGPROOF_MAX);
	if ((err = tlogproof_put(&b, index, proof, n, note)) == 0)
		err = write_of(p, "records", index, ".tlog-proof",
		    buf_bytes(&b));
	buf_free(&b);
	return err;
}

struct copying {
	struct proofs *proofs;
	struct buf best;	/* the largest checkpoint with a witness */
	uint64_t best_size;
};

/* One note of cosig/: copied, and kept if it covers the most. */
static int
copy_witness(void *arg, const char *name)
{
	struct copying *c = arg;
	char from[PATH_SIZE], to[PATH_SIZE + 64];
	struct checkpoint checkpoint;
	struct note note;
	struct buf b;
	int err;

	(void)snprintf(from, sizeof(from), "cosig/%s", name);
	(void)snprintf(to, sizeof(to), "%s/witnesses/%s", c->proofs->folder,
	    name);
	buf_init(&b, NOTE_MAX);
	if ((err = archive_read(c->proofs->archive, from, NOTE_MAX,
	    &b)) == 0)
		err = userfile_write(to, buf_bytes(&b), USERFILE_PUBLIC,
		    true);
	if (err == 0 && note_parse(buf_bytes(&b), &note) == 0 &&
	    checkpoint_parse(note.text, &checkpoint) == 0 &&
	    checkpoint.size > c->best_size) {
		c->best_size = checkpoint.size;
		buf_clear(&c->best);
		buf_put_bytes(&c->best, buf_bytes(&b));
		err = buf_error(&c->best);
	}
	buf_free(&b);
	return err;
}

/* The note that places are proven in: the one that covers the most. */
static int
write_notes(struct proofs *p, struct buf *ret_note)
{
	struct copying c = { .proofs = p };
	struct checkpoint checkpoint = { .size = 0 };
	struct note note;
	int err;

	buf_init(&c.best, NOTE_MAX);
	if ((err = archive_list(p->archive, "cosig", copy_witness,
	    &c)) == 0) {
		err = archive_read(p->archive, "checkpoint", NOTE_MAX,
		    ret_note);
		if (err == ERR_NOT_FOUND)
			err = 0;
		else if (err == 0)
			err = write_file(p, "checkpoint", buf_bytes(ret_note));
	}
	/* A witness's word for fewer records is in witnesses/ as well. */
	if (err == 0 && ret_note->n > 0 &&
	    (err = note_parse(buf_bytes(ret_note), &note)) == 0)
		err = checkpoint_parse(note.text, &checkpoint);
	if (err == 0 && c.best.n > 0 && (ret_note->n == 0 ||
	    c.best_size >= checkpoint.size)) {
		buf_clear(ret_note);
		buf_put_bytes(ret_note, buf_bytes(&c.best));
		err = buf_error(ret_note);
	}
	buf_free(&c.best);
	return err;
}

/* Proves each chosen record in the note's tree, which has to be this one. */
static int
write_places(struct proofs *p, struct bytes signed_note)
{
	struct merkle_source source = merkletree_source(&p->tree);
	struct checkpoint c;
	struct sha256 root;
	struct note note;
	size_t i;
	int err;

	if (signed_note.n == 0 || !p->has_key) {
		p->counts.uncovered = p->n_chosen;
		return 0;
	}
	if (checkpoint_open(signed_note, &p->key, &note, &c) != 0 ||
	    c.size > p->tree.size)
		return ERR_CORRUPT;
	if ((err = merkle_root(&source, c.size, &root)) != 0)
		return err;
	if (!sha256_equal(&root, &c.root))
		return ERR_CORRUPT;
	p->counts.size = c.size;
	for (i = 0; i < p->n_chosen && err == 0; i++)
		if (p->chosen[i] < c.size)
			err = write_place(p, p->chosen[i], c.size,
			    signed_note);
		else
			p->counts.uncovered++;
	return err;
}

static const char readme[] =
    "Evidence from a Countersign journal, to be verified with programs that"
    " the\nproject did not write.\n\n"
    "approvals/N.sig is a person's approval (denial, cancel) in record N as an"
    " SSH\nsignature over approvals/N.msg; ssh-keygen verifies it, one line of"
    " `commands`\neach. allowed_signers has the keys of the people file that"
    " the owner had signed\nat that time.\n\n"
    "records/N.tlog-proof (C2SP tlog-proof) proves that the bytes of"
    " records/N.json\nare record N of the tree whose checkpoint it holds:"
    " SHA-256(0x00, bytes) is the\nleaf, RFC 6962 the path. The note in it"
    " (C2SP signed-note) is signed by the\ndevice's key, log.vkey, and by the"
    " witnesses that cosigned it. Go's\ngolang.org/x/mod/sumdb packages note"
    " and tlog read all of these.\n";

static int
write_lists(struct proofs *p)
{
	char vkey[NOTE_VKEY_SIZE + 1];
	int err;

	if (p->has_key) {
		note_key_text(&p->key, vkey);
		(void)snprintf(vkey + strlen(vkey), 2, "\n");
		if ((err = write_file(p, "log.vkey", bytes_str(vkey))) != 0)
			return err;
	}
	if ((err = write_file(p, "allowed_signers",
	    buf_bytes(&p->signers))) != 0 ||
	    (err = write_file(p, "commands", buf_bytes(&p->commands))) != 0)
		return err;
	return write_file(p, "README", bytes_str(readme));
}

int
proofs_end(struct proofs *p, struct proofs_counts *ret_c)
{
	struct buf note;
	int err;

	buf_init(&note, NOTE_MAX);
	if ((err = write_notes(p, &note)) == 0 &&
	    (err = write_places(p, buf_bytes(&note))) == 0)
		err = write_lists(p);
	buf_free(&note);
	if (err == 0)
		*ret_c = p->counts;
	return err;
}
