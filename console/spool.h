/*
 * spool.h - transcripts as they arrive, in files, until they are whole.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * A transcript is FOLDER/<device>/<hex digest of the card>. Its bytes come in
 * order; how many there are is the size of the file, so a restart asks for the
 * rest. Once the device said how long it is and what its hash is, and that
 * many bytes came, the file is synced and marked complete; if the hash is
 * another one, it is asked for anew, a few times.
 *
 * Hashing a large file after a restart goes in steps, one a turn of the loop;
 * syncing goes through libuv's threads. Neither holds up anybody else.
 */
#ifndef COUNTERSIGN_CONSOLE_SPOOL_H
#define COUNTERSIGN_CONSOLE_SPOOL_H

#include "console/files.h"
#include "console/turn.h"
#include "console/watch.h"

#include <uv.h>

struct spool;
struct spool_file;

/* Something changed: complete, given up, or to be asked for anew. */
typedef void spool_changed_fn(void *ctx, struct spool_file *f);

/* The folder is made if it is not there. What is given must outlive it. */
MUST_CHECK int spool_new(uv_loop_t *loop, const char *folder,
    struct turn *turn, struct watch *watch, struct spool **ret_s);
/* Files must have been let go of; ends once the loop has run. */
void spool_free(struct spool *s);

/*
 * The file of an open output, made if it is not there. One holder at a time:
 * ERR_STATE while another one (an older connection) has it or it is being
 * synced. The files' errors; ERR_NOMEM.
 */
MUST_CHECK int spool_hold(struct spool *s, const struct store_output *o,
    spool_changed_fn *changed, void *ctx, struct spool_file **ret_f);
/* Lets go of it; what came stays. NULL is fine. */
void spool_release(struct spool_file *f);

const struct sha256 *spool_card(const struct spool_file *f);
/* How many bytes there are: the next one's offset. */
uint64_t spool_have(const struct spool_file *f);
/* Whether more is wanted: not while it is whole and being looked at. */
bool spool_wants(const struct spool_file *f);
/* STORE_OUTPUT_OPEN until it is complete or given up. */
enum store_output_state spool_state(const struct spool_file *f);

/*
 * Appends what came. Bytes that are there already are left out. ERR_RANGE a
 * gap; ERR_TOO_LARGE beyond the end that the device itself named;
 * ERR_NO_SPACE, ERR_IO.
 */
MUST_CHECK int spool_write(struct spool_file *f, uint64_t offset,
    struct bytes data);
/* The device has no more of it than is here: it stays incomplete. */
void spool_give_up(struct spool_file *f);
/* The device said how long it is and what its hash is: exec_result. */
void spool_end(struct spool_file *f, uint64_t total,
    const struct sha256 *hash);

const char *spool_folder(const struct spool *s);
/* Where the transcript of a card lies. ERR_TOO_LARGE. */
MUST_CHECK int spool_path(const struct spool *s, const char *device,
    const struct sha256 *card, char ret_path[FILES_PATH_SIZE]);

#endif
