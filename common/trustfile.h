/*
 * trustfile.h - the trust files that are small: root, device, timestamp; and
 * the head that all five share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 4. Parsing only: signatures, versions and times are
 * trust.h's. people.h and policy.h have the other two.
 */
#ifndef COUNTERSIGN_COMMON_TRUSTFILE_H
#define COUNTERSIGN_COMMON_TRUSTFILE_H

#include "common/arena.h"
#include "common/caps.h"
#include "common/digest.h"
#include "common/doc.h"
#include "common/ed25519.h"
#include "common/envelope.h"
#include "common/names.h"
#include "common/refusal.h"

/* The order of a pin's versions, and the index of every table by file. */
enum trust_file {
	TRUST_ROOT,
	TRUST_PEOPLE,
	TRUST_POLICY,
	TRUST_DEVICE,
	TRUST_TIMESTAMP,
	TRUST_FILES		/* how many */
};

/* "root", "people", "policy", "device", "timestamp": static. */
const char *trust_file_word(enum trust_file file);
enum payload_type trust_file_type(enum trust_file file);
/* ERR_VERSION for a payload type that is no trust file. */
MUST_CHECK int trust_file_of(struct bytes payload_type,
    enum trust_file *ret_file);
/* The longest that the file may live, in seconds. */
int64_t trust_file_life(enum trust_file file);

/* What every trust file begins with. */
struct trust_head {
	struct bytes org;
	int64_t version;	/* from 1 */
	int64_t issued, expires;
};

/*
 * Reads v, org, version, issued and expires; `expires` must be after `issued`
 * and no longer after it than the file may live (ERR_RANGE). Failures are the
 * document's.
 */
void trust_head_read(struct doc_obj *o, enum trust_file file,
    struct trust_head *ret_h);

/*
 * What the parsers of all five have in common. open: the cap and doc_parse();
 * close: 0, or the first error of arena and document. Both say why.
 */
MUST_CHECK int trust_doc_open(struct bytes payload, struct doc **ret_d,
    struct refusal *ret_why);
MUST_CHECK int trust_doc_close(struct bytes payload, const struct doc *d,
    const struct arena *a, struct refusal *ret_why);

struct root_key {
	struct bytes holder;
	uint8_t key[ED25519_PUBLIC_SIZE];
};

/* Who signs one of the files. */
struct root_role {
	size_t threshold;	/* of distinct holders */
	const struct root_key *keys;
	size_t n_keys;
};

struct root_witness {
	struct bytes name;	/* of its signed-note key */
	uint8_t key[ED25519_PUBLIC_SIZE];
};

/* A root file. It owns what it points to, as the others below. */
struct root {
	struct trust_head head;
	struct root_role roles[TRUST_FILES];
	int64_t min_version[TRUST_FILES];	/* of TRUST_ROOT: 1 */
	const struct root_witness *witnesses;
	size_t n_witnesses;
	struct doc *doc;
	struct arena arena;
};

/*
 * Parses a root payload. Refused besides what breaks the field table: a
 * threshold of 0 or of more than the role has holders; one key twice in a
 * role, or under two holders. Errors and reasons as card_parse()'s.
 */
MUST_CHECK int root_parse(struct bytes payload, struct root **ret_r,
    struct refusal *ret_why);
void root_free(struct root *r);

/* The entry of one device. */
struct device_entry {
	struct trust_head head;
	struct bytes device;	/* id */
	struct bytes name;	/* what people see */
	struct names groups;
	struct doc *doc;
	struct arena arena;
};

MUST_CHECK int device_entry_parse(struct bytes payload,
    struct device_entry **ret_d, struct refusal *ret_why);
void device_entry_free(struct device_entry *d);

/* What a timestamp says was newest: root, people, policy. */
struct timestamp {
	struct trust_head head;
	int64_t version[TRUST_FILES];	/* 0 for device and timestamp */
	struct sha256 digest[TRUST_FILES];
	struct doc *doc;
	struct arena arena;
};

MUST_CHECK int timestamp_parse(struct bytes payload,
    struct timestamp **ret_t, struct refusal *ret_why);
void timestamp_free(struct timestamp *t);

#endif
