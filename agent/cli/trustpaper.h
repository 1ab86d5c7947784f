/*
 * trustpaper.h - a trust file on a person's disk: its source or envelope.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * A source is the payload as JSON text that people edit; what is signed is its
 * bytes as they are. The envelope stands beside it, NAME.json and NAME.dsse.
 */
#ifndef COUNTERSIGN_AGENT_CLI_TRUSTPAPER_H
#define COUNTERSIGN_AGENT_CLI_TRUSTPAPER_H

#include "agent/cli/cli.h"
#include "agent/cli/signing.h"
#include "common/people.h"
#include "common/policy.h"
#include "common/trustfile.h"

#define TRUSTPAPER_PATH 4200

struct paper {
	enum trust_file file;
	struct trust_head head;
	struct sha256 digest;
	/* The one that it is. */
	struct root *root;
	struct people *people;
	struct policy *policy;
	struct device_entry *device;
	struct timestamp *timestamp;
	/* The payload; sigs where it was an envelope. */
	struct envelope envelope;
	bool is_envelope;
	struct envelope_doc doc;	/* owns what envelope points to, */
	struct buf text;		/* or this does */
};

/* Reads a source or envelope. Complains; CLI_*. paper_free() it. */
MUST_CHECK int paper_read(const char *path, struct paper *ret_p);
/* The same from a payload's bytes, which are copied. ERR_* and why. */
MUST_CHECK int paper_parse(enum trust_file file, struct bytes payload,
    struct paper *ret_p, struct refusal *ret_why);
void paper_free(struct paper *p);

/* "people.json" -> "people.dsse"; the same with another ending. */
MUST_CHECK int paper_path(const char *path, const char *ending,
    char ret_path[TRUSTPAPER_PATH]);

/*
 * The newest root.N.dsse (N least digits first) in the folder of path or the
 * one above, but --root FILE where given. CLI_DONE and ret_found false if
 * there is none.
 */
MUST_CHECK int paper_find_root(const struct args *a, const char *path,
    bool *ret_found, struct paper *ret_root);

/* Whether the key stands in the role, and whose it is. */
const struct root_key *paper_holder(const struct root_role *role,
    const uint8_t public[SIGNER_PUBLIC_SIZE]);
/* How many holders of the role have signed the envelope. */
size_t paper_signers(const struct root_role *role, const struct envelope *e);

/*
 * Appends the JSON text with line breaks and tabs. The text has passed
 * json_check(). Failures are the buffer's.
 */
void paper_pretty(struct buf *b, struct bytes json);

/*
 * The source with version + 1, issued now and expires after its life: a
 * renewal. Nothing else changes. ERR_SYNTAX if a field is not at its top.
 */
MUST_CHECK int paper_renew(struct bytes json, enum trust_file file,
    int64_t version, int64_t now, struct buf *ret_b);

/* In plain words, on stdout. */
void paper_show(const struct paper *p);
/* What changes from old to new; false if nothing but the head does. */
bool paper_diff(const struct paper *old, const struct paper *new);

/* How long a new one lives. */
int64_t paper_life(enum trust_file file);

#endif
