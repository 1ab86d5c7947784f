/*
 * trust.h - the set of trust files that a device or an approver holds.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * protocol.md section 4. Everything follows from a pin: the root with the
 * pinned digest, then each later root signed by the thresholds of the one
 * before and its own, then the files that the root's roles sign. Offering a
 * file decides and changes nothing; installing it changes the set, and is the
 * same code when a journal is folded again.
 */
#ifndef COUNTERSIGN_COMMON_TRUST_H
#define COUNTERSIGN_COMMON_TRUST_H

#include "common/people.h"
#include "common/pin.h"
#include "common/policy.h"
#include "common/trustfile.h"

struct trust;

/*
 * An empty set. device: the id of the one device whose entry counts (on an
 * approver's workstation, that of the card; on a console empty: no entry is
 * taken). ERR_NOMEM. The caller frees it with trust_free().
 */
MUST_CHECK int trust_new(const struct pin *pin, struct bytes device,
    struct trust **ret_t);
/* NULL is fine. */
void trust_free(struct trust *t);

enum trust_verdict {
	TRUST_ACCEPT,		/* to be recorded, then installed */
	TRUST_HAVE,		/* this very file is held already */
	TRUST_REFUSE,
	TRUST_CONFLICT		/* same version, other bytes, both signed */
};

/* What became of an offer. */
struct trust_outcome {
	enum trust_verdict verdict;
	/* How much of it is known: version and on only after a signature. */
	bool known_file;
	enum trust_file file;
	struct sha256 digest;		/* with known_file */
	bool verified;			/* from here on it was signed */
	int64_t version;
	int64_t issued, expires;
	struct refusal why;		/* TRUST_REFUSE and TRUST_CONFLICT */
};

/*
 * Judges an envelope; the set stays as it is. now is in seconds.
 *
 * Reasons of TRUST_REFUSE: `unknown_version` (a payload type that is none of
 * ours), `too_large`, `no_root` (a file before the first root), `not_pinned`
 * (a first root with another digest), `bad_signature` (no valid signature, or
 * of too few holders: `threshold_not_met`), err_word() of what the parser of
 * the file says, `wrong_org`, `wrong_device`, `from_the_future` (issued more
 * than 300 s ahead), `expired` (but a root, which may be a step to a later
 * one), `rolled_back` (a version below the one held or demanded),
 * `version_skipped` (a root that is not the next one), `conflict` (a
 * timestamp: it is only refused).
 * TRUST_CONFLICT, reason `conflict`: root, people, policy or device of the
 * version held, with other bytes, that verifies: lock down.
 * Returns 0 for every verdict; ERR_NOMEM.
 */
MUST_CHECK int trust_offer(const struct trust *t, const struct envelope *e,
    int64_t now, struct trust_outcome *ret);

/*
 * Takes a file into the set: a payload and signatures as they stand in a
 * `trust` record, copied. Everything but time is checked again. A new root
 * verifies the other files again: what fails is dropped, and where the root
 * changed a file's keys, its counter restarts at the root's min_version. On
 * failure the set is as it was. The reasons are trust_offer()'s with their
 * errors; ERR_EXISTS `exists` for a file that is held; ERR_NOMEM.
 */
MUST_CHECK int trust_install(struct trust *t, const struct envelope *e,
    struct refusal *ret_why);

/* What is held; NULL where there is none. Valid until the next install. */
const struct root *trust_root(const struct trust *t);
const struct people *trust_people(const struct trust *t);
const struct policy *trust_policy(const struct trust *t);
const struct device_entry *trust_device(const struct trust *t);
const struct timestamp *trust_timestamp(const struct trust *t);

/* A file as it was installed, to hand on or to write a pending file. */
struct trust_held {
	struct envelope envelope;	/* points into the set */
	struct sha256 digest;
	struct trust_head head;
};

/* False if it is absent. */
bool trust_held(const struct trust *t, enum trust_file file,
    struct trust_held *ret_h);

/* The pin's org. */
struct bytes trust_org(const struct trust *t);

/*
 * The least version that is taken of a file: the one held, or what pin and
 * root demand. trust_raise() makes it at least version: what an approver's
 * workstation remembers between two runs.
 */
int64_t trust_least(const struct trust *t, enum trust_file file);
void trust_raise(struct trust *t, enum trust_file file, int64_t version);

/* The same of trust_clock_floor(): what an earlier set had seen. */
void trust_raise_clock_floor(struct trust *t, int64_t floor);

/* What the set permits now. */
struct trust_status {
	/*
	 * NULL, or why nothing runs, the first of: no_root, root_too_old
	 * (below the pin's version), root_expired, no_people, people_expired,
	 * no_policy, policy_expired, people_too_old (below the policy's
	 * min_people), device_not_listed, device_expired.
	 */
	const char *blocked;
	/*
	 * NULL, or why `auto` stops: no_timestamp, timestamp_expired,
	 * timestamp_newer (it names a version that is not here yet),
	 * timestamp_differs (the same version, another digest).
	 */
	const char *auto_stopped;
};

void trust_status(const struct trust *t, int64_t now,
    struct trust_status *ret_s);

/*
 * The latest `issued` of the people and policy files ever installed, which no
 * clock may be behind; 0 if there was none. `issued` was checked against the
 * clock when the file was offered.
 */
int64_t trust_clock_floor(const struct trust *t);

#endif
