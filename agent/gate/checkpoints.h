/*
 * checkpoints.h - what the device says of its journal, and who vouches for it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A checkpoint is a signed note (checkpoint.h) over synced records only, with
 * the device key's signature and the epoch key's. File `checkpoint` of the
 * state folder is the newest, with the cosignatures that came for exactly it;
 * `cosig/<key id>` is the newest that this witness cosigned. Made after each
 * end of a card and each epoch, and at most 60 s after any record.
 *
 * The console is asked for its cosignature over the link, as any tlog-witness
 * is: one request at a time, with a proof from what it had before.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CHECKPOINTS_H
#define COUNTERSIGN_AGENT_GATE_CHECKPOINTS_H

#include "agent/gate/journal.h"
#include "common/epoch.h"
#include "common/note.h"
#include "common/wire.h"

struct gate;
struct checkpoints;
struct jsonw;

#define CHECKPOINTS_FILE "checkpoint"
#define CHECKPOINTS_FOLDER "cosig"

/* Nothing is read yet. ERR_NOMEM. */
MUST_CHECK int checkpoints_new(struct gate *g, struct checkpoints **ret_c);
/* NULL is fine. The timer, once begun, is closed with checkpoints_stop(). */
void checkpoints_free(struct checkpoints *c);

/*
 * Before the journal is opened: reads the file; only the device key can be
 * asked yet. 0 and what it covers; ERR_NOT_FOUND there is none; ERR_CORRUPT it
 * is damaged, or another's; ERR_IO, ERR_NOMEM.
 */
MUST_CHECK int checkpoints_read(struct checkpoints *c,
    struct journal_seal *ret_seal);
/*
 * After the replay: the epoch's signature.
 * ERR_CORRUPT the file has no good signature of the epoch that it has to be
 * of; ERR_NOT_FOUND there is no file, and there must have been one: nothing is
 * appended behind the first epoch before the first checkpoint is in place.
 */
MUST_CHECK int checkpoints_check(struct checkpoints *c);
/*
 * Then: what witnesses have cosigned. Each note there was the newest once, so
 * it is this device's, no larger than the newest and of the journal's tree.
 * ERR_ROLLBACK it is larger than the journal; ERR_CONFLICT of another root;
 * ERR_CORRUPT it does not read, or the newest is an older one: then ret_detail
 * says which. Else file.h's errors, the journal's, ERR_NOMEM.
 */
MUST_CHECK int checkpoints_read_cosigned(struct checkpoints *c,
    char ret_detail[80]);

/* Makes one over all that is synced; no work if the newest covers it. */
MUST_CHECK int checkpoints_make(struct checkpoints *c);

/* With the loop: from here on they are made in time. ERR_IO. */
MUST_CHECK int checkpoints_start(struct checkpoints *c);
void checkpoints_stop(struct checkpoints *c);
/* At the end of a turn: there may be new records, or room on the link. */
void checkpoints_turn(struct checkpoints *c);

/*
 * The welcome's note. ERR_ROLLBACK, ERR_CONFLICT: it is the device's own, and
 * larger than the journal, or of another root: proof that this disk was put
 * back or changed. Any other note of another's or none counts for nothing: 0.
 * ERR_NOMEM, and the journal's errors. With ERR_CONFLICT the console is sent
 * what this device signs for so many records, so that it knows of the two
 * pasts, and has the proof.
 */
MUST_CHECK int checkpoints_welcome(struct checkpoints *c,
    const struct wire_welcome *w);
/* Whether that is under way: gate_begin_anew() follows once it was answered,
 * or after a second. */
bool checkpoints_is_telling(const struct checkpoints *c);
/* What the console answers to the request that is under way. ERR_NOMEM. */
MUST_CHECK int checkpoints_answer(struct checkpoints *c,
    const struct wire_cosignature *m);

/* How many records the newest one covers; 0: there is none. */
uint64_t checkpoints_size(const struct checkpoints *c);
/* How many a checkpoint covers that a witness of the root has cosigned. */
uint64_t checkpoints_cosigned(const struct checkpoints *c);
/* "checkpoint" and "witnesses" of `status`. */
void checkpoints_put_status(const struct checkpoints *c, struct jsonw *w);

#endif
