/*
 * entry.h - an entry of the journal: a record's payload in its frame.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * `u32 length | u32 crc | u64 index | payload`, little-endian. The CRC is
 * CRC-32C over the length's four bytes, the index's eight and the payload.
 */
#ifndef COUNTERSIGN_COMMON_ENTRY_H
#define COUNTERSIGN_COMMON_ENTRY_H

#include "common/bytes.h"
#include "common/caps.h"

#define ENTRY_HEADER 16
#define ENTRY_MAX (ENTRY_HEADER + CAP_RECORD)

struct entry {
	uint64_t index;
	struct bytes payload;	/* points into what was decoded */
	size_t size;		/* bytes of the whole entry */
};

/* Appends an entry. The buffer's errors; ERR_TOO_LARGE over CAP_RECORD, and
 * ERR_RANGE without a payload. */
void entry_write(struct buf *b, uint64_t index, struct bytes payload);

/*
 * Reads the entry that data begins with; what follows it is left alone.
 * ERR_TRUNCATED: data ends before it does (also for no data at all).
 * ERR_CORRUPT: a length that no entry has, or another CRC.
 */
MUST_CHECK int entry_read(struct bytes data, struct entry *ret_e);

/*
 * The first place in data where a whole valid entry stands whose index is at
 * least `least` (and not beyond all reason): its offset and itself. False if
 * there is none. Looks at every byte, for what comes after damage. An entry
 * that data cuts off at its end is not found: overlap pieces by ENTRY_MAX - 1
 * bytes.
 */
bool entry_find(struct bytes data, uint64_t least, size_t *ret_at,
    struct entry *ret_e);

#endif
