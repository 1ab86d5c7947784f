/*
 * alarms.h - what a person has to look at: a journal that was tampered with.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * An alarm is a row of the store with both values and what the device signed
 * or sent. It stays until somebody acknowledges it by name, and even then: it
 * says who, when and why. Nothing repairs what it is about. A device that
 * forked has a branch from then on: what it sends is kept beside its journal.
 */
#ifndef COUNTERSIGN_CONSOLE_ALARMS_H
#define COUNTERSIGN_CONSOLE_ALARMS_H

#include "console/store/trees.h"

/*
 * fork: two records at one index, or a signed root that is not ours;
 * rollback: fewer records than it signed for, or a smaller checkpoint than an
 * earlier one; cut: fewer records than we hold; missing: records that it had
 * removed before we got them; other: the text says.
 */
enum alarm_kind { ALARM_FORK, ALARM_ROLLBACK, ALARM_CUT, ALARM_MISSING,
	ALARM_OTHER, ALARM_KINDS };

const char *alarm_word(enum alarm_kind kind);

/* What to raise one with; ours and theirs may be "". */
struct alarm_case {
	enum alarm_kind kind;
	uint64_t first;
	char ours[STORE_TEXT_SIZE], theirs[STORE_TEXT_SIZE];
	const char *text;
	struct bytes proof;
};

/* A case with two digests, or two numbers. */
void alarm_case_hashes(struct alarm_case *c, enum alarm_kind kind,
    uint64_t first, const struct sha256 *ours, const struct sha256 *theirs);
void alarm_case_sizes(struct alarm_case *c, enum alarm_kind kind,
    uint64_t first, uint64_t ours, uint64_t theirs);

/*
 * Notes it in the store and in one line of the log; *ret_raised says whether
 * it is news (the same case again is none, nor is one more than a device may
 * have open). A fork gives the device its branch. The store's errors.
 */
MUST_CHECK int alarm_raise(struct store *s, struct store_device *d,
    const struct alarm_case *c, int64_t now, bool *ret_raised);

/*
 * One for people, of the kind `other`: only the first of these that is open
 * counts.
 */
MUST_CHECK int alarm_note(struct store *s, struct store_device *d,
    const char *text, int64_t now, bool *ret_raised);

/*
 * Somebody has looked at it. ERR_NOT_FOUND; ERR_EXISTS somebody had already;
 * the store's errors.
 */
MUST_CHECK int alarm_acknowledge(struct store *s, int64_t n, const char *by,
    const char *reason, int64_t now);

/* A record that a device with a branch sent, kept as evidence. */
MUST_CHECK int alarm_keep(struct store *s, struct store_device *d,
    uint64_t index, const struct sha256 *leaf, struct bytes payload);

#endif
