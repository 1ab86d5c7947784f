/*
 * demux.h - a transcript taken apart into the streams of an action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * A transcript is 32 bytes of salt and then frames: u8 stream (1 stdout,
 * 2 stderr), u64 milliseconds since the start, u32 length, that many bytes;
 * little-endian. It is read as far as it came.
 */
#ifndef COUNTERSIGN_CONSOLE_DEMUX_H
#define COUNTERSIGN_CONSOLE_DEMUX_H

#include "common/bytes.h"

#define DEMUX_SALT 32
#define DEMUX_HEAD 13

enum demux_stream { DEMUX_STDOUT, DEMUX_STDERR, DEMUX_STREAMS };

struct demux {
	uint64_t salt;			/* bytes of it that came */
	uint8_t head[DEMUX_HEAD];
	size_t head_n;
	uint32_t left;			/* of the frame that is being read */
	enum demux_stream stream;
	uint64_t ms;
	uint64_t bytes[DEMUX_STREAMS];	/* given out of each stream */
	bool bad;
};

/* Part of a stream. data is a span of what was read. */
struct demux_piece {
	enum demux_stream stream;
	uint64_t offset;		/* in that stream */
	uint64_t ms;
	struct bytes data;		/* never empty */
};

void demux_init(struct demux *d);
/*
 * Takes bytes off *in until there is a piece. 1: *ret_piece is one. 0: all of
 * *in was taken. ERR_SYNTAX: no such stream; stays.
 */
MUST_CHECK int demux_next(struct demux *d, struct bytes *in,
    struct demux_piece *ret_piece);
/* Whether it stands between two frames: a whole transcript ends here. */
bool demux_is_whole(const struct demux *d);
/* "stdout", "stderr". */
const char *demux_word(enum demux_stream stream);

#endif
