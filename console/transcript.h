/*
 * transcript.h - reading a transcript file stream by stream.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#ifndef COUNTERSIGN_CONSOLE_TRANSCRIPT_H
#define COUNTERSIGN_CONSOLE_TRANSCRIPT_H

#include "console/demux.h"
#include "console/spool.h"

/* Read at once; also the largest piece. */
#define TRANSCRIPT_READ 16384

/* A reader on the file of a card. The fields are the module's own. */
struct transcript {
	char path[FILES_PATH_SIZE];
	int fd;				/* -1: the file is not there yet */
	uint64_t at;			/* bytes of the file that were read */
	struct demux demux;
	uint64_t skip[DEMUX_STREAMS];	/* what of a stream is not wanted */
	struct bytes rest;		/* of buffer, not yet taken apart */
	uint8_t buffer[TRANSCRIPT_READ];
};

/* skip: how many bytes of each stream to leave out; NULL for none. */
MUST_CHECK int transcript_open(struct transcript *t, const struct spool *s,
    const struct store_card *card, const uint64_t *skip);
/* Idempotent. */
void transcript_close(struct transcript *t);
/*
 * The next piece, valid until the next call: 1. 0: there is no more for now.
 * ERR_AGAIN: much was left out; call again, later. ERR_CORRUPT: the rest is no
 * transcript; ERR_IO.
 */
MUST_CHECK int transcript_next(struct transcript *t,
    struct demux_piece *ret_piece);

#endif
