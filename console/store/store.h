/*
 * store.h - what the console keeps: fleet, people, cards, journals, trust.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * The database behind it is nobody's business outside this folder. Every
 * change belongs to the transaction that is open, or makes one of its own.
 * What store_commit() returned 0 for survives a crash of the machine.
 *
 * Row functions (the _each_ ones) call back with a row that lives for the
 * call; a callback may use the store, but not the function that called it, and
 * ends the walk with any value but 0, which is then returned.
 *
 * Errors of all: ERR_NOT_FOUND (nothing there, where one thing was asked for),
 * ERR_EXISTS (it would be there twice), ERR_NO_SPACE, ERR_AGAIN (another
 * process held the database for too long), ERR_CORRUPT, ERR_IO, ERR_NOMEM,
 * ERR_PERMISSION. After any of the last six, call store_rollback().
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_STORE_H
#define COUNTERSIGN_CONSOLE_STORE_STORE_H

#include "common/bytes.h"
#include "common/deviceid.h"
#include "common/digest.h"
#include "common/text.h"
#include "common/uuid.h"

#define STORE_NAME_SIZE (TEXT_NAME_MAX + 1)	/* an id and its NUL */
#define STORE_ORG_SIZE (TEXT_ORG_MAX + 1)
#define STORE_WORD_SIZE 65	/* a short word: a state, a reason */
#define STORE_TEXT_SIZE 256	/* a short text for people */
#define STORE_TOKEN_ID_SIZE 17	/* the public half of an API token */

struct store;

/* ---- the whole ---- */

/*
 * Opens the database, making or upgrading it where needed. ERR_VERSION if it
 * was written by a later version of this program.
 */
MUST_CHECK int store_open(const char *path, struct store **ret_s);
void store_close(struct store *s);
/* Opens a transaction unless one is open. */
MUST_CHECK int store_begin(struct store *s);
/* Ends it; a no-op where none is open. On failure it is rolled back. */
MUST_CHECK int store_commit(struct store *s);
void store_rollback(struct store *s);
/* A copy of the whole database at a new file, while others use it. */
MUST_CHECK int store_backup(struct store *s, const char *path);
/* A named value of the console's own (certificates, keys). */
MUST_CHECK int store_value_get(struct store *s, const char *name,
    struct buf *ret_b);
MUST_CHECK int store_value_set(struct store *s, const char *name,
    struct bytes value);

/* Whether the database answers. */
MUST_CHECK int store_ping(struct store *s);

struct store_counts {
	int64_t devices, records, cards, users, outbox;
	int64_t bytes;		/* of the database */
};
MUST_CHECK int store_count(struct store *s, struct store_counts *ret_c);

/* ---- people and programs that use the API ---- */

struct store_user {
	char name[STORE_NAME_SIZE];
	char role[STORE_WORD_SIZE];
	char org[STORE_ORG_SIZE];		/* "" every org */
	char token_id[STORE_TOKEN_ID_SIZE];
	struct sha256 token;			/* hash of the secret half */
	bool has_seed;				/* a proposer's key is kept */
	int64_t created;
};
typedef int store_user_fn(void *ctx, const struct store_user *u);

/* seed: NULL, or the 32 secret bytes of an AI proposer's key. */
MUST_CHECK int store_user_add(struct store *s, const struct store_user *u,
    const uint8_t *seed);
MUST_CHECK int store_user_remove(struct store *s, const char *name);
MUST_CHECK int store_user_find(struct store *s, const char *token_id,
    struct store_user *ret_u);
MUST_CHECK int store_user_seed(struct store *s, const char *name,
    uint8_t ret_seed[32]);
MUST_CHECK int store_user_each(struct store *s, store_user_fn *fn, void *ctx);

/* ---- enrolment tokens ---- */

struct store_token {
	struct sha256 secret;		/* its hash */
	char org[STORE_ORG_SIZE];
	int64_t created, expires;
	bool used;
	uint8_t key[32];		/* whose enrolment used it */
};

MUST_CHECK int store_token_add(struct store *s, const struct store_token *t);
MUST_CHECK int store_token_find(struct store *s, const struct sha256 *secret,
    struct store_token *ret_t);
MUST_CHECK int store_token_use(struct store *s, const struct sha256 *secret,
    const uint8_t key[32]);

/* ---- devices ---- */

struct store_device {
	int64_t n;			/* a short number of ours, for rows */
	char id[DEVICEID_SIZE];
	char org[STORE_ORG_SIZE];
	uint8_t key[32];
	char version[STORE_NAME_SIZE];	/* as it said in its last hello */
	char system[STORE_NAME_SIZE];
	char arch[STORE_NAME_SIZE];
	char profiles[64];		/* that it offers, with commas */
	char sandbox[800];		/* what holds in each, line by line */
	bool split;			/* its process split holds */
	int64_t enrolled, seen;		/* seconds; seen 0: never proven */
	uint64_t next;			/* the first index that we lack */
	int64_t bytes;			/* kept of it: records and blobs */
	char alarm[STORE_TEXT_SIZE];	/* the first open alarm, or "" */
	bool lockdown;			/* as its records say */
	uint64_t tree;			/* records that are in its tiles */
	uint64_t note_size;		/* of the newest checkpoint; 0: none */
	uint64_t note_checked;		/* of the newest that fits our tree */
	int64_t branch;			/* the alarm since which what it sends
					 * is evidence only, or 0 */
};
typedef int store_device_fn(void *ctx, const struct store_device *d);

/* Sets n; next, seen and bytes begin at 0. */
MUST_CHECK int store_device_add(struct store *s, struct store_device *d);
MUST_CHECK int store_device_find(struct store *s, const char *id,
    struct store_device *ret_d);
/* Updates all but n, id, org, key, enrolled, alarm, note_* and branch. */
MUST_CHECK int store_device_update(struct store *s,
    const struct store_device *d);
/* Sets the text of the first open alarm; "" there is none. */
MUST_CHECK int store_device_set_alarm(struct store *s, int64_t n,
    const char *text);
MUST_CHECK int store_device_set_branch(struct store *s, int64_t n,
    int64_t alarm);
/* In the order of their ids; org NULL for all; after: "" or the last id. */
MUST_CHECK int store_device_each(struct store *s, const char *org,
    const char *after, int64_t max, store_device_fn *fn, void *ctx);
MUST_CHECK int store_device_find_n(struct store *s, int64_t n,
    struct store_device *ret_d);
/* The newest checkpoint, replaced as a whole. */
MUST_CHECK int store_checkpoint_set(struct store *s, int64_t device,
    uint64_t size, const struct sha256 *root, struct bytes note);
/* ret_note may be NULL. ERR_NOT_FOUND. */
MUST_CHECK int store_checkpoint_get(struct store *s, int64_t device,
    uint64_t *ret_size, struct sha256 *ret_root, struct buf *ret_note);
/* The checkpoint of that size has the root that our tree has. */
MUST_CHECK int store_checkpoint_checked(struct store *s, int64_t device,
    uint64_t size);

/* ---- journals ---- */

struct store_record {
	uint64_t index;
	bool has_card;
	struct sha256 card;
	struct bytes payload;
};
typedef int store_record_fn(void *ctx, const struct store_record *r);

MUST_CHECK int store_record_add(struct store *s, int64_t device,
    const struct store_record *r);
/* At most max records, from that index on, in order. */
MUST_CHECK int store_record_each(struct store *s, int64_t device,
    uint64_t from, int64_t max, store_record_fn *fn, void *ctx);
/* The same, but only those of one card. */
MUST_CHECK int store_record_each_of_card(struct store *s, int64_t device,
    const struct sha256 *card, uint64_t from, int64_t max,
    store_record_fn *fn, void *ctx);
/* The bytes of the payloads of the records from..until (not included). */
MUST_CHECK int store_record_bytes(struct store *s, int64_t device,
    uint64_t from, uint64_t until, uint64_t *ret_bytes);

typedef int store_blob_fn(void *ctx, const struct sha256 *hash,
    struct bytes content);
/*
 * Keeps a blob for a device. 0 also if it is there; *ret_fresh says whether
 * this device had none with that hash.
 */
MUST_CHECK int store_blob_add(struct store *s, int64_t device,
    const struct sha256 *hash, struct bytes content, bool *ret_fresh);
MUST_CHECK int store_blob_get(struct store *s, int64_t device,
    const struct sha256 *hash, struct buf *ret_b);
/* The next blob after that hash in order; NULL for the first. */
MUST_CHECK int store_blob_next(struct store *s, int64_t device,
    const struct sha256 *after, struct sha256 *ret_hash, struct buf *ret_b);

/* ---- cards ---- */

struct store_card {
	struct sha256 digest;
	char id[UUID_TEXT_SIZE];
	char org[STORE_ORG_SIZE];
	char device[DEVICEID_SIZE];
	char tool[STORE_NAME_SIZE];
	char submitted_by[STORE_NAME_SIZE];	/* "" at the device itself */
	int64_t submitted, created, expires;
	/* From here on: folded from the device's records. */
	char state[STORE_WORD_SIZE];
	char reason[STORE_WORD_SIZE];
	bool has_records;
	char proposer[STORE_NAME_SIZE];	/* "" until the device says whose */
	uint64_t last_record;		/* index of the last one about it */
	int64_t changed;
	struct bytes envelope;		/* JSON text */
};
typedef int store_card_fn(void *ctx, const struct store_card *c);

MUST_CHECK int store_card_add(struct store *s, const struct store_card *c);
/* What is folded; the rest of a card never changes. */
MUST_CHECK int store_card_update(struct store *s, const struct store_card *c);
/* c->envelope is then a span of *ret_envelope; NULL if it is not wanted. */
MUST_CHECK int store_card_find(struct store *s, const struct sha256 *digest,
    struct buf *ret_envelope, struct store_card *ret_c);
/* By its UUID. ERR_CONFLICT if several cards have it. */
MUST_CHECK int store_card_find_id(struct store *s, const char *id,
    struct sha256 *ret_digest);

/* What to list; NULL and 0: no limit. Newest first, the envelopes left out. */
struct store_card_filter {
	const char *org, *device, *state, *submitted_by;
	int64_t before;			/* submitted before this time */
	int64_t max;
};
MUST_CHECK int store_card_each(struct store *s,
    const struct store_card_filter *f, store_card_fn *fn, void *ctx);
/* Cards without records whose time is over; and when the next one's is (0). */
MUST_CHECK int store_card_each_undelivered(struct store *s, int64_t now,
    store_card_fn *fn, void *ctx);
MUST_CHECK int store_card_next_expiry(struct store *s, int64_t *ret_t);
/* Cards by state, as (word, number). */
typedef int store_state_fn(void *ctx, const char *state, int64_t n);
MUST_CHECK int store_card_each_state(struct store *s, store_state_fn *fn,
    void *ctx);

/* The cards of a device that are in that state, as digests. */
typedef int store_digest_fn(void *ctx, const struct sha256 *digest);
MUST_CHECK int store_card_each_in(struct store *s, const char *device,
    const char *state, store_digest_fn *fn, void *ctx);

/* ---- what waits for a device ---- */

/* kind: enum link_type of card, approval, cancel, withdraw. */
struct store_out {
	int64_t n;			/* order */
	int kind;
	char device[DEVICEID_SIZE];
	struct sha256 card;
	struct sha256 digest;		/* of the payload; the card's own */
	int64_t expires;
	struct bytes body;		/* envelope as JSON; withdraw: reason */
};
typedef int store_out_fn(void *ctx, const struct store_out *o);

/* ERR_EXISTS if the same waits already. */
MUST_CHECK int store_out_add(struct store *s, const struct store_out *o,
    int64_t *ret_n);
/* In order, those after that number. */
MUST_CHECK int store_out_each(struct store *s, const char *device,
    int64_t after, int64_t max, store_out_fn *fn, void *ctx);
/* A record answered it: it is sent no more. 0 also if there is none. */
MUST_CHECK int store_out_answer(struct store *s, const char *device, int kind,
    const struct sha256 *digest);
/* The card has ended: nothing of it is sent any more. */
MUST_CHECK int store_out_drop_card(struct store *s, const char *device,
    const struct sha256 *card);
MUST_CHECK int store_out_expire(struct store *s, int64_t now);
MUST_CHECK int store_out_count(struct store *s, const char *device,
    int64_t *ret_n);

/* ---- output ---- */

enum store_output_state {
	STORE_OUTPUT_OPEN,		/* more may come */
	STORE_OUTPUT_COMPLETE,		/* whole, and its hash is right */
	STORE_OUTPUT_BAD,		/* given up: hash or frames wrong */
	STORE_OUTPUT_UNKNOWN		/* interrupted: nobody says how much */
};

struct store_output {
	struct sha256 card;
	char device[DEVICEID_SIZE];
	enum store_output_state state;
	bool ended;			/* exec_result said total and hash */
	uint64_t total;
	struct sha256 hash;
	int64_t tries;			/* how often it was asked for anew */
};
typedef int store_output_fn(void *ctx, const struct store_output *o);

MUST_CHECK int store_output_set(struct store *s, const struct store_output *o);
MUST_CHECK int store_output_find(struct store *s, const struct sha256 *card,
    struct store_output *ret_o);
/* A device's cards whose output is open, those that run now first. */
MUST_CHECK int store_output_each_open(struct store *s, const char *device,
    store_output_fn *fn, void *ctx);
/* All of a device, in the order of their cards, after that one (or NULL). */
MUST_CHECK int store_output_next(struct store *s, const char *device,
    const struct sha256 *after, struct store_output *ret_o);

/* ---- trust files ---- */

struct store_trust {
	char org[STORE_ORG_SIZE];
	char file[STORE_WORD_SIZE];	/* root, people, policy, timestamp,
					 * device */
	char device[DEVICEID_SIZE];	/* of a device entry, else "" */
	int64_t version, issued, expires;
	struct sha256 digest;
	struct bytes envelope;		/* JSON text */
};
typedef int store_trust_fn(void *ctx, const struct store_trust *t);

/* ERR_EXISTS if there is one of that version. */
MUST_CHECK int store_trust_add(struct store *s, const struct store_trust *t);
/* Takes back all versions of a file (never root's): its keys have changed. */
MUST_CHECK int store_trust_reset(struct store *s, const char *org,
    const char *file, const char *device);
/*
 * The newest one, or that version (0: newest). The envelope is a span of
 * *ret_envelope; NULL if it is not wanted.
 */
MUST_CHECK int store_trust_find(struct store *s, const char *org,
    const char *file, const char *device, int64_t version,
    struct buf *ret_envelope, struct store_trust *ret_t);
/* Every version above that one, in order. */
MUST_CHECK int store_trust_each(struct store *s, const char *org,
    const char *file, const char *device, int64_t above, store_trust_fn *fn,
    void *ctx);
/* Every org that has trust files or devices. */
typedef int store_org_fn(void *ctx, const char *org);
MUST_CHECK int store_org_each(struct store *s, store_org_fn *fn, void *ctx);

/* What a device said of a file: has it, or refused it. */
struct store_installed {
	int64_t version;		/* 0: has none */
	struct sha256 digest;
	bool has_refused;
	struct sha256 refused;		/* the last one that it refused */
};
MUST_CHECK int store_installed_set(struct store *s, int64_t device,
    const char *file, const struct store_installed *i);
/* All zero, and 0, if nothing is known. */
MUST_CHECK int store_installed_find(struct store *s, int64_t device,
    const char *file, struct store_installed *ret_i);

#endif
