/*
 * standing.h - what a device's records come to, besides its cards and files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Queue (queue.h), trust files (trust.h) and this are all that a journal is
 * folded to; snapshot.h writes the three as one blob. Each record is folded
 * once, in order, by the same code in the gate and in an auditor.
 */
#ifndef COUNTERSIGN_COMMON_STANDING_H
#define COUNTERSIGN_COMMON_STANDING_H

#include "common/deviceid.h"
#include "common/pin.h"
#include "common/record.h"

/* Programs whose build is noted: gate, courier, runner; one to spare. */
#define STANDING_PROGRAMS 4

struct standing_program {
	char name[32];
	struct sha256 hash;
};

struct standing_lock {
	bool on;
	char reason[64];
	char by[80];
	char source[16];	/* "local", "policy", "tamper" */
};

/* A root that was accepted: an approver needs all of them from the pin on. */
struct standing_root {
	uint64_t index;		/* of its record */
	struct sha256 digest;	/* its payload is the blob of that name */
	struct record_sig sigs[RECORD_SIGS];	/* point into memory */
	size_t n_sigs;
	uint8_t *memory;
};

/* All zeros is the standing before the first record. */
struct standing {
	uint64_t next;		/* the index of the next record */

	/* From genesis. */
	char org[TEXT_ORG_MAX + 1];
	char device[DEVICEID_SIZE];	/* empty before the genesis */
	uint8_t device_key[RECORD_DEVICE_KEY];
	struct sha256 machine;
	struct pin pin;

	struct standing_lock lock;
	struct standing_program programs[STANDING_PROGRAMS];
	struct standing_root *roots;	/* oldest first */
	size_t n_roots;

	/*
	 * The time that no later one is before: of the newest record, or what
	 * the newest `clock` took it back to.
	 */
	int64_t last_record;
	uint64_t last_boot_ms;	/* of the newest record */
	/*
	 * Summed from the records alone, so that an auditor sums the same: each
	 * adds by how much its boot_ms is above that of the one before. It is
	 * never more than the time that has really passed.
	 */
	int64_t running_ms;

	int64_t epoch;		/* 0: none yet */
	uint8_t epoch_key[RECORD_DEVICE_KEY];	/* public */
	uint64_t epoch_index;	/* of its record */
	int64_t epoch_running_ms;	/* running_ms then */

	char error[160];
};

/* Frees what it holds; all zeros again. Idempotent. */
void standing_fini(struct standing *s);

/*
 * Folds the record of that index, which must be the next. ERR_CORRUPT if it
 * makes no sense, with words in s->error: no genesis or a second one, or one
 * that does not read; an epoch that is not the next or not signed by the one
 * before; a state of another format or that says something else of epoch,
 * running time, floor or lock than what came before it (files are trust.h's,
 * the digest snapshot.h's). ERR_NOMEM. Then the standing is of no more use.
 * trust_floor: trust_clock_floor() of the files before this record; 0: none.
 */
MUST_CHECK int standing_fold(struct standing *s, uint64_t index,
    const struct record *rec, int64_t trust_floor);

/*
 * What a state record says that is appended next, at that moment, but for
 * files and digest. Its texts point into s.
 */
void standing_state(const struct standing *s, int64_t trust_floor,
    uint64_t boot_ms, struct record *ret_rec);

/* running_ms with what has passed since the newest record. */
int64_t standing_running(const struct standing *s, uint64_t boot_ms);

/* Whether it is locked for signs of tampering: only enrolling again ends it. */
bool standing_is_tampered(const struct standing *s);

/* Adds a root as it was accepted, copied. ERR_NOMEM. */
MUST_CHECK int standing_add_root(struct standing *s, uint64_t index,
    const struct sha256 *digest, const struct record_sig *sigs,
    size_t n_sigs);

#endif
