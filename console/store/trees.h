/*
 * trees.h - what the store keeps to catch a journal that was tampered with:
 * hash tiles, alarms, and the records that contradict ours.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Rules and errors are store.h's. A device is named by its number there.
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_TREES_H
#define COUNTERSIGN_CONSOLE_STORE_TREES_H

#include "console/store/store.h"

/* ---- hash tiles (C2SP tlog-tiles: 256 hashes of one level of 8) ---- */

#define STORE_TILE_LEVELS 5u		/* 2^40 records */

/*
 * Replaces a tile, full or partial: 32 to 8192 bytes. ERR_RANGE for a level or
 * number that no journal has.
 */
MUST_CHECK int store_tile_set(struct store *s, int64_t device, unsigned level,
    uint64_t n, struct bytes hashes);
/* Appends it. ERR_NOT_FOUND. */
MUST_CHECK int store_tile_get(struct store *s, int64_t device, unsigned level,
    uint64_t n, struct buf *ret_b);

/* The next tile after that place in order of level and number; UINT64_MAX
 * begins. What *ret_at was goes in as `after` the next time. */
MUST_CHECK int store_tile_next(struct store *s, int64_t device,
    uint64_t after, uint64_t *ret_at, unsigned *ret_level, uint64_t *ret_n,
    struct buf *ret_b);

/* ---- where the device's own segment files begin ---- */

/* 0 also if it is known. */
MUST_CHECK int store_segment_add(struct store *s, int64_t device,
    uint64_t first);
/* The first one that is larger than after. ERR_NOT_FOUND. */
MUST_CHECK int store_segment_next(struct store *s, int64_t device,
    uint64_t after, uint64_t *ret_first);

/* ---- records that we never had ---- */

/* The device had removed them; we have their hashes only. */
struct store_gap {
	uint64_t first, until;		/* until: the first that is there */
};
typedef int store_gap_fn(void *ctx, const struct store_gap *g);

/*
 * Notes one, or that the one which ends at `first` or later (there is at most
 * one) goes on until there. *ret_fresh: whether that is news.
 */
MUST_CHECK int store_gap_add(struct store *s, int64_t device,
    const struct store_gap *g, bool *ret_fresh);
/* Of a device, in order. */
MUST_CHECK int store_gap_each(struct store *s, int64_t device,
    store_gap_fn *fn, void *ctx);

/* ---- alarms ---- */

struct store_alarm {
	int64_t n;			/* its number; 0 before it is added */
	int64_t device;
	char device_id[DEVICEID_SIZE], org[STORE_ORG_SIZE];	/* read only */
	char kind[STORE_WORD_SIZE];	/* alarms.h has the words */
	uint64_t first;			/* the index from which it is wrong */
	/* Both values: a digest, a number of records; or "". */
	char ours[STORE_TEXT_SIZE], theirs[STORE_TEXT_SIZE];
	char text[STORE_TEXT_SIZE];	/* for people */
	int64_t time;
	int64_t acknowledged;		/* when; 0: it is open */
	char acknowledged_by[STORE_TEXT_SIZE];
	char reason[STORE_TEXT_SIZE];	/* theirs who acknowledged it */
};
typedef int store_alarm_fn(void *ctx, const struct store_alarm *a);

/* proof: what the device signed or sent, kept as it is; may be empty. */
MUST_CHECK int store_alarm_add(struct store *s, struct store_alarm *a,
    struct bytes proof);
MUST_CHECK int store_alarm_find(struct store *s, int64_t n,
    struct store_alarm *ret_a);
MUST_CHECK int store_alarm_proof(struct store *s, int64_t n,
    struct buf *ret_b);
/* Of a device, in order. */
MUST_CHECK int store_alarm_each(struct store *s, int64_t device,
    store_alarm_fn *fn, void *ctx);
/* Of an org's devices (NULL: of all), in order, those after that number. */
MUST_CHECK int store_alarm_list(struct store *s, const char *org,
    bool open_only, int64_t after, int64_t max, store_alarm_fn *fn,
    void *ctx);
/* Only those that nobody has acknowledged. */
MUST_CHECK int store_alarm_each_open(struct store *s, int64_t device,
    store_alarm_fn *fn, void *ctx);
/* ERR_EXISTS if somebody has acknowledged it before; ERR_NOT_FOUND. */
MUST_CHECK int store_alarm_acknowledge(struct store *s, int64_t n,
    const char *by, const char *reason, int64_t now);
/* Devices with open alarms, and open alarms by kind as (word, number). */
MUST_CHECK int store_alarm_devices(struct store *s, int64_t *ret_n);
MUST_CHECK int store_alarm_each_kind(struct store *s, store_state_fn *fn,
    void *ctx);

/* ---- what contradicts our copy ---- */

/*
 * Keeps a record that is not ours at that index, for an alarm. *ret_fresh:
 * whether these bytes were not there yet; the same index may have several.
 */
MUST_CHECK int store_evidence_add(struct store *s, int64_t alarm,
    uint64_t index, const struct sha256 *leaf, struct bytes payload,
    bool *ret_fresh);
/* In the order of their indexes; n is how many come before (skipped). */
MUST_CHECK int store_evidence_each(struct store *s, int64_t alarm,
    int64_t skip, int64_t max, store_record_fn *fn, void *ctx);
MUST_CHECK int store_evidence_count(struct store *s, int64_t alarm,
    int64_t *ret_n);

#endif
