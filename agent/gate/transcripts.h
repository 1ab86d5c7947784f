/*
 * transcripts.h - what cards print: one file each, growing while it runs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Folder `transcripts` of the state folder, a file named by the card's digest:
 * 32 bytes of salt, then frames `u8 stream (1, 2) | u64 ms since the start |
 * u32 length | bytes`, little-endian. The record of the end names the length
 * and SHA-256 of the whole file, so a transcript can be destroyed and nobody
 * can guess what was in it. The file is also the spool of what the console has
 * not fetched.
 */
#ifndef COUNTERSIGN_AGENT_GATE_TRANSCRIPTS_H
#define COUNTERSIGN_AGENT_GATE_TRANSCRIPTS_H

#include "common/bytes.h"
#include "common/digest.h"

/* All of them together, running ones at what they may grow to. */
#define TRANSCRIPTS_CAP (UINT64_C(2) << 30)
#define TRANSCRIPT_SALT 32
#define TRANSCRIPT_FRAME 13	/* bytes of a frame's header */
/* Most bytes of output in one frame. */
#define TRANSCRIPT_CHUNK 65536

struct transcripts;
struct transcript;	/* one that is being written */

/*
 * Opens or makes the folder. cap: TRANSCRIPTS_CAP, less in tests.
 * ERR_PERMISSION, ERR_NO_SPACE, ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int transcripts_open(int state_dir, uint64_t cap,
    struct transcripts **ret_t);
/* Every transcript must be finished or abandoned. NULL is fine. */
void transcripts_close(struct transcripts *t);

/* Bytes taken: files as they are, running ones as what they may become. */
uint64_t transcripts_used(const struct transcripts *t);

/* Whether a card with that output_bytes can begin now. */
bool transcripts_has_room(const struct transcripts *t, uint64_t output_bytes);

/*
 * Makes room for that output_bytes by removing the oldest that may go: may_go
 * is asked about each finished one, oldest first; changed is the time of its
 * last change in seconds. ERR_NO_SPACE if that is not enough; ERR_IO.
 */
typedef bool transcripts_may_go(void *arg, const struct sha256 *card,
    int64_t changed);
MUST_CHECK int transcripts_make_room(struct transcripts *t,
    uint64_t output_bytes, transcripts_may_go *may_go, void *arg);
/* Removes every finished one that may go. ERR_IO. */
MUST_CHECK int transcripts_clean(struct transcripts *t,
    transcripts_may_go *may_go, void *arg);
/* Removes one. ERR_STATE while it is written; ERR_NOT_FOUND; ERR_IO. */
MUST_CHECK int transcripts_remove(struct transcripts *t,
    const struct sha256 *card);

/*
 * Begins the transcript of a card that is about to run, at most output_bytes
 * of output; salt is fresh from the system. ERR_NO_SPACE (disk, or no room);
 * ERR_EXISTS; ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int transcript_create(struct transcripts *t,
    const struct sha256 *card, uint64_t output_bytes,
    const uint8_t salt[TRANSCRIPT_SALT], struct transcript **ret_t);
/*
 * Adds output of stream 1 or 2, that many ms after the start. Beyond
 * output_bytes, and from the first write on that the disk refuses, it is
 * counted and not kept. Times never go back: an earlier one becomes the last.
 * ERR_IO: of a disk that fails otherwise; the transcript ends there too.
 */
MUST_CHECK int transcript_append(struct transcript *t, int stream,
    uint64_t ms, struct bytes output);

/* What exec_result says of it. */
struct transcript_summary {
	uint64_t stdout_bytes, stderr_bytes;	/* all that came */
	uint64_t stdout_kept, stderr_kept;
	bool truncated;
	uint64_t bytes;		/* of the file */
	struct sha256 hash;	/* of the file */
};

/*
 * Syncs and closes it, gives back the room it did not need, and frees it also
 * on failure. ERR_IO: what the summary says was written may not be on disk.
 */
MUST_CHECK int transcript_finish(struct transcript *t,
    struct transcript_summary *ret_s);
/* Closes and frees it as a crash would leave it. NULL is fine. */
void transcript_abandon(struct transcript *t);
/* Bytes of the file so far. */
uint64_t transcript_bytes(const struct transcript *t);

/*
 * Reads bytes of the file from an offset on, also while it grows: up to n;
 * *ret_n is 0 at its present end, *ret_bytes what it has now. ERR_NOT_FOUND,
 * ERR_IO.
 */
MUST_CHECK int transcripts_read(struct transcripts *t,
    const struct sha256 *card, uint64_t offset, void *ret_p, size_t n,
    size_t *ret_n, uint64_t *ret_bytes);
/* Whether more may be appended to it: its card runs. */
bool transcripts_is_growing(const struct transcripts *t,
    const struct sha256 *card);

#endif
