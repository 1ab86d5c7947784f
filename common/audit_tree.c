/*
 * audit_tree.c - the auditor on the tree: roots, checkpoints, cosignatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * Each note waits for the record that makes the tree as large as it says.
 * Then the root has to be the same, and the keys are those of that moment: the
 * device's, the epoch's, and the witnesses that the root file lists.
 */
#include "common/audit_inside.h"

#include "common/caps.h"
#include "common/cosignature.h"
#include "common/epoch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
audit_use_tiles(struct audit *a, const struct merkle_source *tiles,
    uint64_t size)
{
	a->tiles = *tiles;
	a->tiles_size = size;
}

static const char *
what_of(const struct audit_kept *k)
{
	return k->what == AUDIT_NOTE_OWN ? "the checkpoint" :
	    "a cosigned checkpoint";
}

int
audit_add_note(struct audit *a, enum audit_note what, struct bytes note,
    const uint8_t id[4])
{
	struct audit_kept *k;
	int err;

	if (a->n_notes == AUDIT_NOTES_MAX)
		return ERR_TOO_LARGE;
	k = &a->notes[a->n_notes];
	memset(k, 0, sizeof(*k));
	k->what = what;
	k->has_id = id != NULL;
	if (id != NULL)
		memcpy(k->id, id, sizeof(k->id));
	if ((err = bytes_dup(note, &k->memory)) != 0)
		return err;
	a->n_notes++;
	if ((err = note_parse(bytes_of(k->memory, note.n), &k->note)) == 0)
		err = checkpoint_parse(k->note.text, &k->checkpoint);
	if (err == ERR_NOMEM)
		return err;
	k->unreadable = err != 0;
	if (err == 0 && k->checkpoint.size < a->next_note)
		a->next_note = k->checkpoint.size;
	return 0;
}

void
audit_free_notes(struct audit *a)
{
	size_t i;

	for (i = 0; i < a->n_notes; i++)
		free(a->notes[i].memory);
	a->n_notes = 0;
}

/* ---- whose word it is ---- */

/* The signature of a key that has to be there. */
static int
check_key(struct audit *a, const struct audit_kept *k, const char *name,
    const uint8_t *public, const char *whose)
{
	struct note_key key;
	int err;

	err = note_key_init(bytes_str(name), NOTE_ED25519, public, &key);
	if (err == 0)
		err = note_verify(&k->note, &key);
	if (err == 0 || err == ERR_NOMEM)
		return err;
	return audit_wrong(a, AUDIT_CHECKPOINT, err == ERR_NOT_FOUND ?
	    "%s has no signature of %s" : "%s: the signature of %s does not"
	    " verify", what_of(k), whose);
}

/* A witness's word counts up to there. */
static void
note_witness(struct audit *a, const struct note_key *key, uint64_t size,
    int64_t time)
{
	struct audit_witness *w = a->witnesses, *end = w + a->n_witnesses;

	while (w < end && strcmp(w->name, key->name) != 0)
		w++;
	if (w == end) {
		if (a->n_witnesses == AUDIT_WITNESSES_MAX)
			return;
		a->n_witnesses++;
		memcpy(w->name, key->name, sizeof(w->name));
	} else if (w->size > size) {
		return;
	}
	w->size = size;
	w->time = time;
}

static bool
is_kept_for(const struct audit_kept *k, const struct note_key *key)
{
	return k->has_id && memcmp(k->id, key->id, sizeof(k->id)) == 0;
}

static int
check_cosignatures(struct audit *a, const struct audit_kept *k)
{
	const struct root *root = a->trust != NULL ? trust_root(a->trust) :
	    NULL;
	struct note_key key;
	int64_t time;
	size_t i;
	int err;

	for (i = 0; root != NULL && i < root->n_witnesses; i++) {
		if (note_key_init(root->witnesses[i].name, NOTE_COSIGNATURE,
		    root->witnesses[i].key, &key) != 0)
			continue;
		err = cosignature_verify(k->note.text, k->note.signatures,
		    &key, &time);
		if (err == 0)
			note_witness(a, &key, k->checkpoint.size, time);
		else if (err == ERR_NOMEM)
			return err;
		else if (err == ERR_NOT_FOUND && !is_kept_for(k, &key))
			continue;
		else if (err == ERR_NOT_FOUND)
			return audit_wrong(a, AUDIT_COSIGNATURE,
			    "%s has no cosignature of the witness %.80s, for"
			    " which it was kept", what_of(k), key.name);
		else
			return audit_wrong(a, AUDIT_COSIGNATURE,
			    "%s: the cosignature of the witness %.80s does"
			    " not verify", what_of(k), key.name);
	}
	return 0;
}

/* The origin, and the two signatures of the device. */
static int
check_signatures(struct audit *a, const struct audit_kept *k)
{
	const struct standing *s = &a->standing;
	char name[EPOCH_NAME_SIZE];
	int err;

	(void)snprintf(name, sizeof(name), "%s/%s", s->org, s->device);
	if (!bytes_is(k->checkpoint.origin, name))
		return audit_wrong(a, AUDIT_CHECKPOINT,
		    "%s is of another log than %s", what_of(k), name);
	err = check_key(a, k, name, s->device_key, "the device's key");
	/* Of an epoch before the first record here the key is not known. */
	if (err != 0 || s->epoch == 0 || k->checkpoint.size <= s->epoch_index)
		return err;
	epoch_name(s->org, s->device, s->epoch, name);
	return check_key(a, k, name, s->epoch_key, "the epoch's key");
}

/* ---- whether it is this tree ---- */

/* Whether the tiles have the leaves of that tree. */
static int
tiles_come_to(const struct audit *a, const struct checkpoint *c, bool *ret_do)
{
	struct merkle_frontier f;
	struct sha256 hash;
	uint64_t i;
	int err = 0;

	memset(&f, 0, sizeof(f));
	for (i = 0; i < c->size && err == 0; i++)
		if ((err = a->tiles.hash(a->tiles.arg, 0, i, &hash)) == 0)
			merkle_frontier_add(&f, &hash);
	*ret_do = false;
	if (err == ERR_NOMEM || err == ERR_IO)
		return err;
	merkle_frontier_root(&f, &hash);
	*ret_do = err == 0 && sha256_equal(&hash, &c->root);
	return 0;
}

/* Which record is another than the signed one, if the tiles can tell: then
 * ERR_CORRUPT. */
static int
blame(struct audit *a, const struct audit_kept *k)
{
	bool known = false;
	int err;

	if (!a->has_other || a->other >= k->checkpoint.size)
		return 0;
	if ((err = tiles_come_to(a, &k->checkpoint, &known)) != 0 || !known)
		return err;
	err = audit_wrong(a, AUDIT_ROOT, "%s over %" PRIu64 " records has"
	    " another root, and the tree's hashes, which come to that one,"
	    " have another of this record", what_of(k), k->checkpoint.size);
	a->finding.index = a->other;
	return err;
}

static int
check_root(struct audit *a, const struct audit_kept *k,
    const struct sha256 *root)
{
	uint64_t size = k->checkpoint.size;
	int err;

	if (sha256_equal(root, &k->checkpoint.root))
		return 0;
	if ((err = blame(a, k)) != 0)
		return err;
	/* Noticed at the last record that the root is over. */
	return audit_wrong(a, AUDIT_ROOT, "%s over %" PRIu64 " records has"
	    " another root: of the records %" PRIu64 " to %" PRIu64 " at least"
	    " one is another, or is missing", what_of(k), size, a->agreed,
	    size > 0 ? size - 1 : 0);
}

static int
check_note(struct audit *a, struct audit_kept *k, const struct sha256 *root)
{
	int err;

	/* Who has signed comes first: anybody can write another root. */
	if ((err = check_signatures(a, k)) != 0 ||
	    (err = check_root(a, k, root)) != 0 ||
	    (err = check_cosignatures(a, k)) != 0)
		return err;
	k->checked = true;
	if (k->checkpoint.size > a->agreed)
		a->agreed = k->checkpoint.size;
	if (k->what == AUDIT_NOTE_OWN)
		a->has_checkpoint = true;
	return 0;
}

/* The smallest size that a note waits for. */
static void
find_next_note(struct audit *a)
{
	size_t i;

	a->next_note = UINT64_MAX;
	for (i = 0; i < a->n_notes; i++)
		if (!a->notes[i].checked && !a->notes[i].unreadable &&
		    a->notes[i].checkpoint.size < a->next_note)
			a->next_note = a->notes[i].checkpoint.size;
}

/*
 * All that are over so many records as were read: the last one is still the
 * present one, so that what is wrong is told of it.
 */
static int
check_notes(struct audit *a, uint64_t size)
{
	struct sha256 root;
	size_t i;
	int err;

	merkle_frontier_root(&a->frontier, &root);
	for (i = 0; i < a->n_notes; i++)
		if (!a->notes[i].checked && !a->notes[i].unreadable &&
		    a->notes[i].checkpoint.size == size &&
		    (err = check_note(a, &a->notes[i], &root)) != 0)
			return err;
	find_next_note(a);
	return 0;
}

/* Those over fewer records than were pruned: only the tiles know. */
static int
check_pruned_notes(struct audit *a)
{
	struct sha256 root;
	size_t i;
	int err;

	for (i = 0; i < a->n_notes; i++) {
		struct audit_kept *k = &a->notes[i];

		if (k->unreadable || k->checkpoint.size > a->first)
			continue;
		if ((err = merkle_root(&a->tiles, k->checkpoint.size,
		    &root)) != 0)
			return err;
		if ((err = check_note(a, k, &root)) != 0)
			return err;
	}
	find_next_note(a);
	return 0;
}

int
audit_begin_tree(struct audit *a)
{
	int err;

	if (a->first == 0)
		return a->next_note == 0 ? check_notes(a, 0) : 0;
	err = a->tiles_size < a->first ? ERR_NOT_FOUND :
	    merkle_frontier_of(&a->tiles, a->first, &a->frontier);
	if (err == 0)
		err = check_pruned_notes(a);
	if (err == ERR_NOT_FOUND || err == ERR_RANGE || err == ERR_TRUNCATED)
		return audit_wrong(a, AUDIT_ROOT, "the journal begins here,"
		    " and the tiles of what was before it are missing");
	return err;
}

/* What the tiles have of a subtree, against what the records come to. */
static int
check_tile(struct audit *a, unsigned level, const struct sha256 *hash)
{
	struct sha256 kept;
	int err = a->tiles.hash(a->tiles.arg, level, a->next >> level, &kept);

	if (err == ERR_RANGE || err == ERR_NOT_FOUND)
		return audit_wrong(a, AUDIT_ROOT, "the tree's hashes end"
		    " before it: tiles are missing");
	if (err == 0 && !sha256_equal(hash, &kept))
		return audit_wrong(a, AUDIT_ROOT, level == 0 ? "the tree has"
		    " another hash of it than its bytes" : "the tree has"
		    " another hash of the subtree that ends with it");
	return err;
}

/* Of a record that is not sealed: nobody vouches for what the tiles have. */
static int
look_at_tile(struct audit *a, const struct sha256 *leaf)
{
	struct sha256 kept;
	int err;

	if (a->has_other || a->tiles.hash == NULL)
		return 0;
	err = a->tiles.hash(a->tiles.arg, 0, a->next, &kept);
	if (err == 0 && !sha256_equal(leaf, &kept)) {
		a->has_other = true;
		a->other = a->next;
	}
	return err == ERR_NOMEM || err == ERR_IO ? err : 0;
}

/* Every row of tiles has one hash more where a tile of the one below ends. */
static int
check_tiles(struct audit *a, const struct sha256 *leaf)
{
	unsigned level, node = 0;
	struct sha256 hash = *leaf;
	uint64_t bits = a->next;
	int err;

	if (a->next >= a->tiles_size)
		return look_at_tile(a, leaf);
	if ((err = check_tile(a, 0, leaf)) != 0 || (~bits & 0xff) != 0)
		return err;
	for (; bits > 0; bits >>= 1)
		node += bits & 1;
	for (level = 1; err == 0 && ((a->next >> (level - 1)) & 1) != 0;
	    level++) {
		merkle_node(&a->frontier.nodes[--node], &hash, &hash);
		if (level % 8 == 0)
			err = check_tile(a, level, &hash);
	}
	return err;
}

int
audit_leaf(struct audit *a, struct bytes payload)
{
	struct sha256 leaf;
	int err;

	merkle_leaf(payload, &leaf);
	if ((err = check_tiles(a, &leaf)) == 0)
		merkle_frontier_add(&a->frontier, &leaf);
	return err;
}

int
audit_settle(struct audit *a)
{
	return a->next + 1 == a->next_note ? check_notes(a, a->next + 1) : 0;
}

/* ---- the end ---- */

/* What is missing in front and was never as old as the policy of then wanted
 * was taken. */
static int
check_pruned_age(struct audit *a)
{
	if (a->first == 0 || a->next == a->first ||
	    retention_allows(&a->retention))
		return 0;
	(void)audit_wrong(a, AUDIT_CUT, "the records before %" PRIu64 " are"
	    " gone before their time: no policy that was installed let the"
	    " device prune them, by its running time", a->first);
	a->finding.index = 0;
	return ERR_CORRUPT;
}

int
audit_finish(struct audit *a)
{
	const struct standing *s = &a->standing;
	size_t i;

	if (a->err != 0)
		return a->err;
	for (i = 0; i < a->n_notes && a->err == 0; i++) {
		const struct audit_kept *k = &a->notes[i];

		if (k->unreadable)
			a->err = audit_wrong(a, AUDIT_CHECKPOINT,
			    "%s does not read as a signed note", what_of(k));
		else if (!k->checked)
			a->err = audit_wrong(a, AUDIT_CUT, "%s speaks of %"
			    PRIu64 " records, and here are only %" PRIu64
			    ": the end is cut off", what_of(k),
			    k->checkpoint.size, a->next);
	}
	/* A device appends nothing behind its first epoch without one. */
	if (a->err == 0 && !a->has_checkpoint && (s->epoch > 1 ||
	    (s->epoch == 1 && s->epoch_index + 1 < a->next)))
		a->err = audit_wrong(a, AUDIT_CHECKPOINT,
		    "the checkpoint is missing, and this device had made one");
	if (a->err == 0)
		a->err = check_pruned_age(a);
	return a->err;
}

size_t
audit_witnesses(const struct audit *a, const struct audit_witness **ret_w)
{
	*ret_w = a->witnesses;
	return a->n_witnesses;
}

uint64_t
audit_witnessed(const struct audit *a)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < a->n_witnesses; i++)
		if (a->witnesses[i].size > size)
			size = a->witnesses[i].size;
	return size;
}

uint64_t
audit_agreed(const struct audit *a)
{
	return a->agreed;
}
